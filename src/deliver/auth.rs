//! How a target knows us: credentials in headers and in the query, never shown and never sent elsewhere.

use super::field::{HeaderField, ShownValue, Visibility, set};
use super::prepare::ShownHeaders;
use crate::config::spec::{AuthSpec, BasicSpec, Ordered};
use crate::diagnostic::At;
use crate::expr::{Environment, Evaluation, EvaluationError, Reads};
use crate::secret::holds_stand_in;
use crate::transform::{Rendered, Text, compile_headers, compile_query, header_value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// The credentials of a target.
#[derive(Default)]
pub(super) struct Auth {
    headers: Vec<HeaderField>,
    basic: Option<Basic>,
    query: Vec<(String, Text)>,
}

impl Auth {
    pub(super) fn compile(spec: &AuthSpec, environment: &Environment<'_>, at: &At<'_>) -> Option<Auth> {
        let mut auth = Auth::default();
        match spec {
            AuthSpec::Bearer(token) => {
                let at = at.key("bearer");
                let text = credential(Text::compile(token, environment, &at)?, &at)?;
                let field = HeaderField::new(AUTHORIZATION, "Bearer ", text, Visibility::Credential, &at)?;
                auth.headers.push(field);
            }
            AuthSpec::Basic(spec) => auth.basic = Some(Basic::compile(spec, environment, &at.key("basic"))?),
            AuthSpec::Headers(headers) => {
                let at = at.key("headers");
                for (name, text) in compile_headers(&optional(headers), environment, &at)? {
                    let at = at.key(name.as_str());
                    let text = credential(text?, &at)?;
                    auth.headers.push(HeaderField::new(name, "", text, Visibility::Credential, &at)?);
                }
            }
            AuthSpec::Query(query) => {
                let at = at.key("query");
                for (name, text) in compile_query(&optional(query), environment, &at)? {
                    let text = credential(text?, &at.key(&name))?;
                    auth.query.push((name, text));
                }
            }
        }
        Some(auth)
    }

    pub(super) fn reads(&self) -> impl Iterator<Item = Reads> + '_ {
        let headers = self.headers.iter().map(HeaderField::reads);
        let query = self.query.iter().map(|(_, text)| text.reads());
        headers.chain(query).chain(self.basic.iter().map(Basic::reads))
    }

    /// The query parameters are the same for every event.
    pub(super) fn query_is_constant(&self) -> bool {
        self.query.iter().all(|(_, text)| text.constant().is_some())
    }

    /// Sets the headers, and records in `shown` what to show instead of their values.
    pub(super) fn set_headers(
        &self,
        headers: &mut HeaderMap,
        shown: &mut ShownHeaders,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<(), EvaluationError> {
        for field in &self.headers {
            field.set(headers, shown, None, evaluation)?;
        }
        if let Some(basic) = &self.basic {
            set(headers, shown, &AUTHORIZATION, basic.value(evaluation)?);
        }
        Ok(())
    }

    /// Appends the query parameters to a URL and to the one that is shown for it.
    pub(super) fn append_query(
        &self,
        real: &mut String,
        shown: &mut String,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<(), EvaluationError> {
        for (name, text) in &self.query {
            let value = text.rendered(evaluation)?.unwrap_or_default();
            let name = utf8_percent_encode(name, VALUE);
            let instead = Visibility::Credential.shown(&value).unwrap_or_default();
            append(real, &format!("{name}={}", utf8_percent_encode(value.real(), VALUE)));
            append(shown, &format!("{name}={instead}"));
        }
        Ok(())
    }
}

/// Everything but the unreserved characters (RFC 3986, section 2.3).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A fragment is never sent, so it gives way.
fn append(url: &mut String, parameter: &str) {
    if let Some(fragment) = url.find('#') {
        url.truncate(fragment);
    }
    match url.find('?') {
        None => url.push('?'),
        Some(_) if url.ends_with(['?', '&']) => {}
        Some(_) => url.push('&'),
    }
    url.push_str(parameter);
}

fn optional(written: &Ordered<String>) -> Ordered<Option<String>> {
    written.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect()
}

/// An empty credential is a variable that was forgotten, not a choice.
fn credential(text: Text, at: &At<'_>) -> Option<Text> {
    if text.constant().is_some_and(|constant| constant.real().trim().is_empty()) {
        at.error("secret-empty", "the credential is empty", Some("set it, or leave `auth` out".to_owned()));
        return None;
    }
    Some(text)
}

/// `authorization: Basic …` (RFC 7617, in UTF-8).
struct Basic {
    username: Text,
    password: Text,
    constant: Option<ShownValue>,
}

impl Basic {
    fn compile(spec: &BasicSpec, environment: &Environment<'_>, at: &At<'_>) -> Option<Basic> {
        let username = Text::compile(&spec.username, environment, &at.key("username"));
        let password = Text::compile(&spec.password, environment, &at.key("password"));
        let mut basic = Basic { username: username?, password: password?, constant: None };
        if let (Some(username), Some(password)) = (basic.username.constant(), basic.password.constant()) {
            match basic_value(username, password) {
                Ok(value) => basic.constant = Some(value),
                Err(error) => {
                    at.error("basic-auth", error.to_string(), None);
                    return None;
                }
            }
        }
        Some(basic)
    }

    fn reads(&self) -> Reads {
        super::union(self.username.reads(), self.password.reads())
    }

    fn value(&self, evaluation: &mut Evaluation<'_>) -> Result<ShownValue, EvaluationError> {
        if let Some(constant) = &self.constant {
            return Ok(constant.clone());
        }
        let username = self.username.rendered(evaluation)?.unwrap_or_default();
        let password = self.password.rendered(evaluation)?.unwrap_or_default();
        basic_value(&username, &password)
    }
}

/// RFC 7617, section 2: the first colon ends the user name, and neither part has control characters.
fn basic_value(username: &Rendered, password: &Rendered) -> Result<ShownValue, EvaluationError> {
    let wrong = |message: &str| Err(EvaluationError::Wrong(message.to_owned()));
    if username.real().contains(':') && !holds_stand_in(username.real()) {
        return wrong("the user name of basic auth has a colon, which would end it");
    }
    if username.real().chars().chain(password.real().chars()).any(char::is_control) {
        return wrong("the user name or password of basic auth has a control character");
    }
    let pair = Zeroizing::new(format!("{}:{}", username.real(), password.real()));
    let mut value = header_value(&format!("Basic {}", STANDARD.encode(pair.as_bytes())))?;
    value.set_sensitive(true);
    let password = Visibility::Credential.shown(password).unwrap_or_default();
    Ok((value, Some(format!("Basic {}:{password}", username.shown()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_cannot_stand_in_a_user_name() {
        let value = |username: &str, password: &str| basic_value(&Rendered::open(username), &Rendered::open(password));
        assert!(value("us:er", "password").is_err());
        assert!(value("user", "pass\nword").is_err());
        // The example of RFC 7617, section 2.
        let (header, shown) = value("Aladdin", "open sesame").unwrap();
        assert_eq!(header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(shown.as_deref(), Some("Basic Aladdin:…"));
        assert!(header.is_sensitive());
    }

    #[test]
    fn utf_8_is_the_charset() {
        // The example of RFC 7617, section 2.1.
        assert_eq!(basic_value(&Rendered::open("test"), &Rendered::open("123£")).unwrap().0, "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn parameters_join_what_the_url_has() {
        let appended = |url: &str| {
            let mut url = url.to_owned();
            append(&mut url, "a=1");
            url
        };
        assert_eq!(appended("http://h/p"), "http://h/p?a=1");
        assert_eq!(appended("http://h/p?"), "http://h/p?a=1");
        assert_eq!(appended("http://h/p?b=2"), "http://h/p?b=2&a=1");
        assert_eq!(appended("http://h/p?b=2&"), "http://h/p?b=2&a=1");
        assert_eq!(appended("http://h/p#top"), "http://h/p?a=1");
    }
}
