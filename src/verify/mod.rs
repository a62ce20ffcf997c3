//! Is it really from them? Turns [`Received`] into [`Verified`], or says no.
//!
//! A route's `verify` is a list of checks that must all pass ([`compile`]). A check is a credential that stands in the
//! request ([`token`]) or a signature over it ([`signature`]); providers are either of them as data ([`provider`]), with the
//! [`handshake`]s that they make. Nothing here reads a clock or opens a connection: the moment and the source of keys are
//! arguments. The caller maps every [`Refusal`] to one constant response.

mod certificate;
mod compile;
mod coverage;
mod evidence;
mod handshake;
mod jwt;
mod key_source;
mod message_signature;
mod network;
mod provider;
mod secrets;
mod sign;
mod signature;
mod token;

#[cfg(test)]
mod tests;

use crate::config::spec::VerifySpec;
use crate::diagnostic::At;
use crate::event::{Event, Received, RequestInfo, Verified};
use bytes::Bytes;
use certificate::Certified;
use chrono::{DateTime, Utc};
use evidence::Evidence;
pub use evidence::{Place, PlaceError};
pub use handshake::{Greeting, Handshake};
use http::{HeaderName, Method, Response};
use jwt::Jwt;
pub use key_source::{Fetching, KeySource, NoKeys, Unfetched};
use message_signature::MessageSignature;
use network::Networks;
pub use provider::{Asked, Listed, Need, Provider, Providers};
pub use secrets::moment as expiry;
pub use sign::SignError;
use signature::Signature;
use std::sync::Arc;
use token::Token;

/// Who may call an endpoint.
pub struct Verifier {
    /// All must pass; none means anyone.
    checks: Vec<Check>,
    credential_headers: Vec<HeaderName>,
    credential_query: Vec<String>,
}

/// One of the things that must hold.
struct Check {
    /// What it is called in listings.
    name: String,
    proof: Proof,
    provider: Option<Arc<Provider>>,
    handshakes: Vec<Handshake>,
}

enum Proof {
    Token(Token),
    Signature(Box<Signature>),
    Certified(Box<Certified>),
    MessageSignature(Box<MessageSignature>),
    Jwt(Box<Jwt>),
    Networks(Networks),
    /// The sender proves nothing, and nothing is asked.
    Nothing,
}

/// Why a request was refused. The sender hears one constant 401; logs and metrics hear the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("a credential or signature is missing")]
    Missing,
    #[error("a signature header is repeated")]
    Repeated,
    #[error("a credential or signature is malformed")]
    Malformed,
    #[error("the credential or signature does not match")]
    Mismatch,
    #[error("the signed timestamp is outside the tolerance")]
    Stale,
    #[error("the signed timestamp is missing or malformed")]
    BadTimestamp,
    /// Ours to mend, not the sender's: a scheme signs the URL and the configuration does not say which.
    #[error("the scheme signs the URL and no public_url is configured")]
    NoPublicUrl,
    /// Answered 403: the credential is the address, and no other would do.
    #[error("the client's address is not one of the sender's")]
    Address,
    #[error("the certificate does not count now, or its key is of another kind")]
    Certificate,
    /// Answered 503: it may work in a moment, and until then nothing is accepted.
    #[error("the sender's key cannot be fetched")]
    KeyUnavailable,
}

impl Refusal {
    /// A stable name for metrics and traces.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Missing => "missing",
            Refusal::Repeated => "repeated",
            Refusal::Malformed => "malformed",
            Refusal::Mismatch => "mismatch",
            Refusal::Stale => "stale",
            Refusal::BadTimestamp => "bad_timestamp",
            Refusal::NoPublicUrl => "no_public_url",
            Refusal::Address => "address",
            Refusal::Certificate => "certificate",
            Refusal::KeyUnavailable => "key_unavailable",
        }
    }
}

/// A webhook that passed, and which secret matched (by position, for rotation).
pub struct Passed {
    pub verified: Verified,
    pub secret: Option<usize>,
}

impl Verifier {
    /// With the built-in providers alone.
    pub fn compile(spec: &VerifySpec, at: &At<'_>) -> Option<Verifier> {
        Verifier::compile_with(spec, &Providers::built_in(), at)
    }

    /// `at` is the value of `verify`. Every mistake is reported at its place; `None` if there is any.
    pub fn compile_with(spec: &VerifySpec, providers: &Providers, at: &At<'_>) -> Option<Verifier> {
        compile::verifier(spec, providers, at)
    }

    /// Lets anyone call.
    pub fn anyone() -> Verifier {
        Verifier { checks: Vec::new(), credential_headers: Vec::new(), credential_query: Vec::new() }
    }

    /// Anyone may call.
    pub fn is_none(&self) -> bool {
        self.checks.iter().all(|check| matches!(check.proof, Proof::Nothing))
    }

    /// Short, for `routes` and traces: `none`, `github`, `hmac`, `shared + github`.
    pub fn describe(&self) -> String {
        let names: Vec<&str> = self.checks.iter().map(|check| check.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(" + ") }
    }

    /// Lower-case names of headers that carry a credential (not a signature): never forwarded.
    pub fn credential_headers(&self) -> &[HeaderName] {
        &self.credential_headers
    }

    /// Query parameters that carry a credential: never forwarded, never logged.
    pub fn credential_query(&self) -> &[String] {
        &self.credential_query
    }

    /// The provider of the first check that names one: its delivery id, its patience, its literal answer.
    pub fn provider(&self) -> Option<&Provider> {
        self.checks.iter().find_map(|check| check.provider.as_deref())
    }

    /// The handshakes that a method is for.
    pub fn handshakes_by(&self, method: &Method) -> impl Iterator<Item = &Handshake> {
        self.handshakes().filter(move |handshake| handshake.method == *method)
    }

    /// The answer of a handshake that the provider does not sign; the first that fits.
    pub fn greet(&self, received: &Received) -> Option<Greeting> {
        self.greet_with(&received.request, &received.body, false)
    }

    /// The answer of a handshake that the provider signs.
    pub fn greet_verified(&self, verified: &Verified) -> Option<Greeting> {
        self.greet_with(verified.request(), verified.body(), true)
    }

    /// What the provider takes for a yes, literally; `None` where it has nothing of the kind, or the event lacks what it
    /// repeats.
    pub fn literal_reply(&self, event: &Event) -> Option<Response<Bytes>> {
        let reply = self.provider()?.reply.as_ref()?;
        reply.render(&Evidence::new(&event.request, &event.bytes), None)
    }

    /// A check signs the URL: without `public_url` of the check or of the listener everything is refused.
    pub fn signs_url(&self) -> bool {
        self.checks.iter().any(|check| match &check.proof {
            Proof::Signature(signature) => signature.scheme.names_url() && signature.public_url.is_none(),
            Proof::Certified(certified) => {
                certified.signature.scheme.names_url() && certified.signature.public_url.is_none()
            }
            Proof::MessageSignature(signature) => signature.names_url() && signature.public_url.is_none(),
            Proof::Jwt(jwt) => jwt.names_url() && jwt.public_url.is_none(),
            Proof::Token(_) | Proof::Networks(_) | Proof::Nothing => false,
        })
    }

    /// When secrets stop being accepted, by position.
    pub fn expiries(&self) -> Vec<(usize, DateTime<Utc>)> {
        let dates = self.checks.iter().flat_map(|check| match &check.proof {
            Proof::Token(token) => token.secrets.iter().map(|secret| secret.until).collect::<Vec<_>>(),
            Proof::Signature(signature) => signature.keys.iter().map(|key| key.until).collect(),
            Proof::Jwt(jwt) => jwt.expiries(),
            Proof::MessageSignature(signature) => signature.keys.iter().map(|key| key.until).collect(),
            Proof::Certified(_) | Proof::Networks(_) | Proof::Nothing => Vec::new(),
        });
        dates.enumerate().filter_map(|(position, until)| Some((position, until?))).collect()
    }

    /// All checks are made; the first refusal is the answer. `now` is the event's one clock reading, `keys` is asked for
    /// keys that only the sender's own host has.
    pub async fn verify(
        &self,
        received: Received,
        now: DateTime<Utc>,
        keys: &dyn KeySource,
    ) -> Result<Passed, Refusal> {
        let mut secret = None;
        let evidence = Evidence::new(&received.request, &received.body);
        for check in &self.checks {
            let position = match &check.proof {
                Proof::Token(token) => token.check(&evidence, now)?,
                Proof::Signature(signature) => signature.check(&evidence, now)?,
                Proof::Certified(certified) => {
                    let url = certified.url(&evidence)?;
                    let fetched = match certified.pinned.is_empty() {
                        true => Some(keys.fetch(&url).await.map_err(|Unfetched| Refusal::KeyUnavailable)?),
                        false => None,
                    };
                    certified.check(fetched.as_deref(), &evidence, now)?
                }
                Proof::MessageSignature(signature) => signature.check(&evidence, now)?,
                Proof::Jwt(jwt) => jwt.check(&evidence, now)?,
                Proof::Networks(networks) => networks.check(received.request.client_ip)?,
                Proof::Nothing => None,
            };
            secret = secret.or(position);
        }
        drop(evidence);
        Ok(Passed { verified: Verified::trust(received), secret })
    }

    /// For offline examples: the event counts as verified.
    pub fn assume(&self, received: Received) -> Verified {
        Verified::trust(received)
    }

    fn handshakes(&self) -> impl Iterator<Item = &Handshake> {
        self.checks.iter().flat_map(|check| &check.handshakes)
    }

    fn greet_with(&self, request: &RequestInfo, body: &Bytes, signed: bool) -> Option<Greeting> {
        let mut candidates =
            self.handshakes_by(&request.method).filter(|handshake| handshake.signed == signed).peekable();
        candidates.peek()?;
        let evidence = Evidence::new(request, body);
        candidates.find_map(|handshake| handshake.greet(&evidence))
    }

    #[cfg(test)]
    fn signatures(&self) -> impl Iterator<Item = &Signature> {
        self.checks
            .iter()
            .filter_map(|check| if let Proof::Signature(signature) = &check.proof { Some(&**signature) } else { None })
    }
}
