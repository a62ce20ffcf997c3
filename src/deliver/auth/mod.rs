//! How a target knows us: credentials in headers and in the query, never shown and never sent elsewhere.
//!
//! What is the same for all attempts is built with the request; what each attempt makes anew (a token that may have been
//! renewed, a signature with its moment) is a [`Credential`].

mod aws;
mod basic;
mod credential;
mod oauth2;
mod sign;

pub(super) use credential::{Credential, Way};
pub use oauth2::Tokens;
pub use sign::{Signer, Signers, ToSign, Unsignable};

use super::TargetContext;
use super::connect::Tls;
use super::field::{HeaderField, Visibility, set};
use super::prepare::ShownHeaders;
use crate::config::spec::{AuthSpec, Ordered};
use crate::diagnostic::At;
use crate::expr::{Evaluation, EvaluationError, Reads};
use crate::transform::{Text, compile_headers, compile_query};
use aws::Aws;
use basic::Basic;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use oauth2::OAuth2;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

/// Where the target is, and how it is spoken to there.
pub(super) struct Home<'h> {
    /// Scheme, host and port.
    pub(super) origin: &'h str,
    pub(super) tls: &'h Tls,
}

/// The credentials of a target.
#[derive(Default)]
pub(super) struct Auth {
    headers: Vec<HeaderField>,
    basic: Option<Basic>,
    query: Vec<(String, Text)>,
    credential: Option<Credential>,
}

impl Auth {
    pub(super) fn compile(
        spec: &AuthSpec,
        context: &TargetContext<'_>,
        home: Option<&Home<'_>>,
        at: &At<'_>,
    ) -> Option<Auth> {
        let environment = &context.environment;
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
            AuthSpec::OAuth2(spec) => {
                let oauth2 = OAuth2::compile(spec, context, home, &at.key("oauth2"))?;
                auth.credential = Some(Credential::Token(oauth2));
            }
            AuthSpec::Sign(spec) => {
                let signer = context.signers.compile(spec, &at.key("sign"))?;
                auth.credential = Some(Credential::Signature(signer));
            }
            AuthSpec::Aws(spec) => {
                auth.credential = Some(Credential::Aws(Arc::new(Aws::compile(spec, &at.key("aws"))?)));
            }
        }
        Some(auth)
    }

    /// What each attempt makes anew.
    pub(super) fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
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
        if let Some(credential) = &self.credential {
            credential.show(headers, shown);
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

#[cfg(test)]
mod tests {
    use super::*;

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
