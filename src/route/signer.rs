//! `auth: {sign: …}` of a target, by the same description that verifies such a signature.

use crate::config::spec::{CheckSpec, OneOrMany, SecretSpec, SecretsSpec, SignSchemeSpec, SignSpec, VerifySpec};
use crate::deliver::{SignSecret, Signer, Signers, ToSign, Unsignable};
use crate::diagnostic::At;
use crate::event::RequestInfo;
use crate::verify::{Providers, Verifier, VerifyContext, expiry};
use chrono::{DateTime, Utc};
use http::uri::Scheme;
use http::{HeaderName, HeaderValue};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The provider that describes Standard Webhooks.
const STANDARD_WEBHOOKS: &str = "standardwebhooks";
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Compiles signers with the providers that `verify` knows.
pub(super) struct ByVerifying<'p>(pub(super) &'p Providers);

/// Signs with each of its secrets, or with the first.
struct Signing {
    secrets: Vec<Dated>,
    /// Those that it makes, the one with the signature last.
    headers: Vec<HeaderName>,
    /// Between the signatures of several secrets; `None`: there is one.
    between: Option<&'static str>,
}

struct Dated {
    verifier: Verifier,
    until: Option<DateTime<Utc>>,
}

impl Signers for ByVerifying<'_> {
    fn compile(&self, spec: &SignSpec, secret: SignSecret<'_>, at: &At<'_>) -> Option<Arc<dyn Signer>> {
        let (check, headers, between) = match (spec.scheme, &spec.hmac) {
            (Some(SignSchemeSpec::StandardWebhooks), None) => {
                let check = CheckSpec { provider: Some(STANDARD_WEBHOOKS.to_owned()), ..CheckSpec::default() };
                (check, vec![TIMESTAMP, SIGNATURE], Some(" "))
            }
            (None, Some(hmac)) => {
                let timestamp = hmac.timestamp.as_ref().map(|timestamp| timestamp.header.as_str());
                let names = timestamp.into_iter().chain([hmac.header.as_str()]);
                let headers = names.filter_map(|name| name.parse().ok()).collect();
                (CheckSpec { hmac: Some(hmac.clone()), ..CheckSpec::default() }, headers, None)
            }
            _ => {
                let help = "write scheme: standard-webhooks, or hmac: {header: …}".to_owned();
                at.error("sign-kind", "a signature is of one kind", help);
                return None;
            }
        };
        let secrets = self.secrets(&check, secret, at)?;
        Some(Arc::new(Signing { secrets, headers, between }))
    }
}

impl ByVerifying<'_> {
    /// A verifier for each secret, because each signs alone.
    fn secrets(&self, check: &CheckSpec, (written, place): SignSecret<'_>, at: &At<'_>) -> Option<Vec<Dated>> {
        if written.as_slice().is_empty() {
            place.error("verify-secret-missing", "the list of secrets is empty", None);
            return None;
        }
        let places = [(at.key("secret"), place.clone())];
        at.with_places(&places, |at| {
            let compiled = written.as_slice().iter().map(|secret| self.one(check, secret, at));
            compiled.collect::<Vec<_>>().into_iter().collect()
        })
    }

    fn one(&self, check: &CheckSpec, secret: &SecretSpec, at: &At<'_>) -> Option<Dated> {
        let check = CheckSpec { secret: Some(SecretsSpec::Same(OneOrMany::One(secret.clone()))), ..check.clone() };
        let context = VerifyContext { providers: self.0, params: &[], file: "" };
        let verifier = Verifier::compile_with(&VerifySpec::Checks(OneOrMany::One(check)), context, at)?;
        let until = match secret {
            SecretSpec::Plain(_) => None,
            SecretSpec::Dated(dated) => dated.until.as_ref().and_then(|until| at.quietly(|at| expiry(until, at))),
        };
        Some(Dated { verifier, until })
    }
}

impl Signer for Signing {
    fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    fn signs_id(&self) -> bool {
        self.headers.last() == Some(&SIGNATURE)
    }

    fn sign(&self, request: &mut ToSign<'_>, now: DateTime<Utc>) -> Result<(), Unsignable> {
        for name in &self.headers {
            request.headers.remove(name);
        }
        let signature = self.headers.last().ok_or(Unsignable)?;
        let valid = self.secrets.iter().filter(|secret| secret.until.is_none_or(|until| now < until));
        let wanted = if self.between.is_some() { usize::MAX } else { 1 };
        let mut signatures = Vec::new();
        let mut signed = None;
        for secret in valid.take(wanted) {
            let (mut info, mut body) = (request_info(request, now), request.body.clone());
            secret.verifier.sign(&mut info, &mut body, now, request.id).map_err(|_| Unsignable)?;
            let value = info.headers.get(signature).and_then(|value| value.to_str().ok()).ok_or(Unsignable)?;
            signatures.push(value.to_owned());
            signed = Some(info.headers);
        }
        let mut headers = signed.ok_or(Unsignable)?;
        let joined = signatures.join(self.between.unwrap_or_default());
        headers.insert(signature, HeaderValue::try_from(joined).map_err(|_| Unsignable)?);
        *request.headers = headers;
        Ok(())
    }
}

/// As the receiver will see it.
fn request_info(request: &ToSign<'_>, now: DateTime<Utc>) -> RequestInfo {
    let uri = request.uri;
    let scheme = if uri.scheme() == Some(&Scheme::HTTPS) { "https" } else { "http" };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    RequestInfo {
        id: Arc::from(request.id),
        method: request.method.clone(),
        path: uri.path().to_owned(),
        query: uri.query().map(str::to_owned),
        host: uri.host().unwrap_or_default().to_owned(),
        scheme,
        headers: request.headers.clone(),
        time: now,
        client_ip: Ipv4Addr::UNSPECIFIED.into(),
        params: Vec::new(),
        public_url: Some(format!("{scheme}://{authority}").into()),
    }
}
