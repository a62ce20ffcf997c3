//! How a target knows us: credentials in headers and in the query, never shown and never sent elsewhere.
//!
//! What is the same for all attempts is built with the request; what each attempt makes anew (a token that may have been
//! renewed, a signature with its moment) is a [`Credential`].

mod aws;
mod basic;
mod credential;
mod credentials;
mod oauth2;
mod sign;

pub(super) use credential::{Credential, Way};
pub(super) use credentials::Credentials;
pub use oauth2::Tokens;
pub use sign::{SignSecret, Signer, Signers, ToSign, Unsignable};

use super::TargetContext;
use super::connect::Tls;
use super::field::{HeaderField, Visibility, set};
use super::prepare::ShownHeaders;
use crate::config::spec::{AuthSpec, ByKeyTextSpec, Ordered};
use crate::diagnostic::At;
use crate::expr::{Evaluation, EvaluationError, Reads};
use crate::transform::{Text, compile_headers, compile_query};
use aws::Aws;
use basic::Basic;
use credentials::{Tenant, of};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use oauth2::OAuth2;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

/// Where the target is, and how it is spoken to there.
pub(super) struct Home<'h> {
    /// Scheme, host and port.
    pub(super) origin: &'h str,
    pub(super) tls: &'h Tls,
}

/// The credentials of a target, or of one tenant at it.
#[derive(Default)]
pub(super) struct Auth {
    headers: Vec<HeaderField>,
    basic: Option<Box<Basic>>,
    query: Vec<(String, Text)>,
    credential: Option<Credential>,
}

/// Of a target that takes requests from anybody.
static NONE: Auth = Auth { headers: Vec::new(), basic: None, query: Vec::new(), credential: None };

impl Auth {
    fn compile(
        spec: &AuthSpec,
        tenant: Tenant<'_>,
        context: &TargetContext<'_>,
        home: Option<&Home<'_>>,
        at: &At<'_>,
    ) -> Option<Auth> {
        let environment = &context.environment;
        let mut auth = Auth::default();
        match spec {
            AuthSpec::Bearer(token) => {
                let (token, at) = of(token, tenant, &at.key("bearer"))?;
                let text = credential(Text::compile(token, environment, &at)?, &at)?;
                let field = HeaderField::new(AUTHORIZATION, "Bearer ", text, Visibility::Credential, &at)?;
                auth.headers.push(field);
            }
            AuthSpec::Basic(spec) => {
                auth.basic = Some(Box::new(Basic::compile(spec, tenant, environment, &at.key("basic"))?));
            }
            AuthSpec::Headers(headers) => {
                let at = at.key("headers");
                let (texts, places) = written(headers, tenant, &at)?;
                let compiled = at.with_places(&places, |at| {
                    let compiled = compile_headers(&texts, environment, at)?.into_iter().zip(texts.keys());
                    compiled.map(|((name, text), key)| header(name, text?, &at.key(key))).collect::<Option<Vec<_>>>()
                });
                auth.headers = compiled?;
            }
            AuthSpec::Query(query) => {
                let at = at.key("query");
                let (texts, places) = written(query, tenant, &at)?;
                let compiled = at.with_places(&places, |at| {
                    let texts = compile_query(&texts, environment, at)?.into_iter();
                    texts
                        .map(|(name, text)| Some((credential(text?, &at.key(&name))?, name)))
                        .collect::<Option<Vec<_>>>()
                });
                auth.query = compiled?.into_iter().map(|(text, name)| (name, text)).collect();
            }
            AuthSpec::OAuth2(spec) => {
                let oauth2 = OAuth2::compile(spec, tenant, context, home, &at.key("oauth2"))?;
                auth.credential = Some(Credential::Token(oauth2));
            }
            AuthSpec::Sign(spec) => {
                let at = at.key("sign");
                let (secret, secret_at) = of(&spec.secret, tenant, &at.key("secret"))?;
                let signer = context.signers.compile(spec, (secret, &secret_at), &at)?;
                auth.credential = Some(Credential::Signature(signer));
            }
            AuthSpec::Aws(spec) => {
                auth.credential = Some(Credential::Aws(Arc::new(Aws::compile(spec, tenant, &at.key("aws"))?)));
            }
        }
        Some(auth)
    }

    /// What each attempt makes anew.
    pub(super) fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }

    fn reads(&self) -> impl Iterator<Item = Reads> + '_ {
        let headers = self.headers.iter().map(HeaderField::reads);
        let query = self.query.iter().map(|(_, text)| text.reads());
        headers.chain(query).chain(self.basic.iter().map(|basic| basic.reads()))
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

/// Texts, and of each the place that it is looked for at, and the one where it is written.
type Written<'a> = (Ordered<Option<String>>, Vec<(At<'a>, At<'a>)>);

/// What is written for a tenant.
fn written<'a>(written: &Ordered<ByKeyTextSpec>, tenant: Tenant<'_>, at: &At<'a>) -> Option<Written<'a>> {
    let (mut texts, mut places) = (Ordered::default(), Vec::new());
    for (name, text) in written {
        let (text, place) = of(text, tenant, &at.key(name))?;
        texts.insert(name.clone(), Some(text.clone()));
        places.push((at.key(name), place));
    }
    Some((texts, places))
}

fn header(name: HeaderName, text: Text, at: &At<'_>) -> Option<HeaderField> {
    HeaderField::new(name, "", credential(text, at)?, Visibility::Credential, at)
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
