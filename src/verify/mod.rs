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
mod issuer;
mod judge;
mod jwt;
mod key_source;
mod message_signature;
mod network;
mod provider;
mod sealed;
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
pub use compile::VerifyContext;
use evidence::Evidence;
pub use evidence::{Place, PlaceError};
pub use handshake::{Greeting, Handshake};
use http::{HeaderName, Method, Response};
use issuer::Issuer;
use judge::{AtHand, Case, Found, Obstacle};
use jwt::Jwt;
pub use key_source::{Fetching, KeySource, NoKeys, Unfetched};
use message_signature::MessageSignature;
use network::Networks;
pub use provider::{Asked, Listed, Need, Provider, Providers};
use sealed::Sealed;
pub use secrets::moment as expiry;
pub use sign::SignError;
use signature::Signature;
use std::mem::offset_of;
use std::sync::Arc;
use token::Token;

/// Who may call an endpoint. What every request looks at stands first.
#[repr(C)]
pub struct Verifier {
    /// All must pass; none means anyone.
    checks: Box<[Check]>,
    /// Those of all checks, alternatives included.
    handshakes: Box<[Handshake]>,
    credential_headers: Box<[HeaderName]>,
    /// Of the first check that names one.
    provider: Option<Arc<Provider>>,
    /// Of all checks whose sender encrypts.
    sealed: Vec<Arc<Sealed>>,
    credential_query: Vec<String>,
}

/// One of the things that must hold.
struct Check {
    /// What it is called in listings; alternatives are called by what they consist of.
    name: String,
    proof: Proof,
    provider: Option<Arc<Provider>>,
    sealed: Option<Arc<Sealed>>,
    /// The position of its first secret among those of all checks, in the order as written.
    first_secret: usize,
}

enum Proof {
    Token(Token),
    Signature(Box<Signature>),
    Certified(Box<Certified>),
    MessageSignature(Box<MessageSignature>),
    Jwt(Box<Jwt>),
    Issuer(Box<Issuer>),
    Networks(Networks),
    /// One of these lists must pass.
    Any(Vec<Vec<Check>>),
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

/// A webhook that passed, and which secrets matched: their positions among those of all checks, in the order as written, so
/// that an operator sees when an old one is no longer used.
pub struct Passed {
    pub verified: Verified,
    pub matched: Vec<usize>,
}

impl Verifier {
    /// So many bytes at its front are what every request looks at.
    pub const LOOKED_AT: usize = offset_of!(Verifier, provider);

    /// With the built-in providers alone.
    pub fn compile(spec: &VerifySpec, at: &At<'_>) -> Option<Verifier> {
        let context = VerifyContext { providers: &Providers::built_in(), params: &[], file: "" };
        Verifier::compile_with(spec, context, at)
    }

    /// `at` is the value of `verify`. Every mistake is reported at its place; `None` if there is any.
    pub fn compile_with(spec: &VerifySpec, context: VerifyContext<'_>, at: &At<'_>) -> Option<Verifier> {
        compile::verifier(spec, context, at)
    }

    /// Lets anyone call.
    pub fn anyone() -> Verifier {
        Verifier {
            checks: Box::default(),
            handshakes: Box::default(),
            credential_headers: Box::default(),
            provider: None,
            sealed: Vec::new(),
            credential_query: Vec::new(),
        }
    }

    /// Lets nobody call: what stands where mistakes were found, so that nothing hangs on their being noticed.
    pub fn nobody() -> Verifier {
        let proof = Proof::Any(Vec::new());
        let check = Check { name: "nobody".to_owned(), proof, provider: None, sealed: None, first_secret: 0 };
        Verifier { checks: Box::new([check]), ..Verifier::anyone() }
    }

    /// Anyone may call.
    pub fn is_none(&self) -> bool {
        proves_nothing(&self.checks)
    }

    /// Short, for `routes` and traces: `none`, `github`, `hmac`, `shared + github`, `(ip or github)`.
    pub fn describe(&self) -> String {
        if self.checks.is_empty() { "none".to_owned() } else { names(&self.checks) }
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
        self.provider.as_deref()
    }

    /// The handshakes that a method is for.
    pub fn handshakes_by(&self, method: &Method) -> impl Iterator<Item = &Handshake> {
        self.handshakes.iter().filter(move |handshake| handshake.method == *method)
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
        let mut signs = false;
        each_leaf(&self.checks, &mut |check| signs |= check.proof.signs_url());
        signs
    }

    /// When secrets stop being accepted, by position.
    pub fn expiries(&self) -> Vec<(usize, DateTime<Utc>)> {
        let mut dates = Vec::new();
        each_leaf(&self.checks, &mut |check| dates.extend(check.proof.expiries()));
        dates.into_iter().enumerate().filter_map(|(position, until)| Some((position, until?))).collect()
    }

    /// All checks are made; the first refusal is the answer. `now` is the event's one clock reading, `keys` is asked for
    /// keys that only the sender's own host has.
    pub async fn verify(
        &self,
        received: Received,
        now: DateTime<Utc>,
        keys: &dyn KeySource,
    ) -> Result<Passed, Refusal> {
        let evidence = Evidence::new(&received.request, &received.body);
        let mut at_hand = AtHand::default();
        let (matched, opened) = loop {
            let mut found = Found::default();
            let case = Case { evidence: &evidence, now, at_hand: &at_hand };
            let wanted = match case.all(&self.checks, &mut found) {
                Ok(()) => {
                    let opened = found.sealed.map(|sealed| sealed.open(&evidence, now)).transpose()?;
                    break (found.matched, opened.flatten());
                }
                Err(Obstacle::Refused(refusal)) => return Err(refusal),
                Err(Obstacle::Needs(wanted)) => wanted,
            };
            at_hand.fetch(wanted, keys).await?;
        };
        drop(evidence);
        let body = opened.unwrap_or(received.body);
        Ok(Passed { verified: Verified::trust(Received { body, ..received }), matched })
    }

    /// For offline examples: the event counts as verified.
    pub fn assume(&self, received: Received) -> Verified {
        Verified::trust(received)
    }

    fn greet_with(&self, request: &RequestInfo, body: &Bytes, signed: bool) -> Option<Greeting> {
        let candidates = || self.handshakes_by(&request.method).filter(move |handshake| handshake.signed == signed);
        candidates().next()?;
        let evidence = Evidence::new(request, body);
        candidates().find_map(|handshake| handshake.greet(&evidence)).or_else(|| {
            // What is verified is open already.
            let sealed = self.sealed.iter().filter(|_| !signed && body.len() <= Handshake::BODY_MAX);
            sealed.into_iter().find_map(|sealed| {
                let opened = sealed.open(&evidence, request.time).ok()??;
                let evidence = Evidence::new(request, &opened);
                candidates().find_map(|handshake| handshake.greet(&evidence))
            })
        })
    }

    #[cfg(test)]
    fn signatures(&self) -> Vec<&Signature> {
        let mut signatures = Vec::new();
        for check in &self.checks {
            if let Proof::Signature(signature) = &check.proof {
                signatures.push(&**signature);
            }
        }
        signatures
    }
}

impl Proof {
    fn signs_url(&self) -> bool {
        match self {
            Proof::Signature(signature) => signature.scheme.names_url() && signature.public_url.is_none(),
            Proof::Certified(certified) => {
                certified.signature.scheme.names_url() && certified.signature.public_url.is_none()
            }
            Proof::MessageSignature(signature) => signature.names_url() && signature.public_url.is_none(),
            Proof::Jwt(jwt) => jwt.names_url() && jwt.public_url.is_none(),
            Proof::Token(_) | Proof::Issuer(_) | Proof::Networks(_) | Proof::Any(_) | Proof::Nothing => false,
        }
    }

    /// Until when each of its secrets is accepted, in the order as written; of alternatives none: each has its own.
    fn expiries(&self) -> Vec<Option<DateTime<Utc>>> {
        match self {
            Proof::Token(token) => token.secrets.expiries().collect(),
            Proof::Signature(signature) => signature.keys.expiries().collect(),
            Proof::Jwt(jwt) => jwt.expiries(),
            Proof::MessageSignature(signature) => signature.keys.expiries().collect(),
            Proof::Certified(_) | Proof::Issuer(_) | Proof::Networks(_) | Proof::Any(_) | Proof::Nothing => Vec::new(),
        }
    }
}

/// Every check that is no choice among others, in the order as written.
fn each_leaf<'c>(checks: &'c [Check], look: &mut dyn FnMut(&'c Check)) {
    for check in checks {
        match &check.proof {
            Proof::Any(alternatives) => alternatives.iter().for_each(|checks| each_leaf(checks, look)),
            _ => look(check),
        }
    }
}

/// Somebody who shows nothing passes.
fn proves_nothing(checks: &[Check]) -> bool {
    checks.iter().all(|check| match &check.proof {
        Proof::Nothing => true,
        Proof::Any(alternatives) => alternatives.iter().any(|checks| proves_nothing(checks)),
        _ => false,
    })
}

fn names(checks: &[Check]) -> String {
    let names = checks.iter().map(|check| match &check.proof {
        Proof::Any(alternatives) if !alternatives.is_empty() => {
            let several = |checks: &Vec<Check>| match checks.len() {
                1 => names(checks),
                _ => format!("({})", names(checks)),
            };
            format!("({})", alternatives.iter().map(several).collect::<Vec<_>>().join(" or "))
        }
        _ => check.name.clone(),
    });
    names.collect::<Vec<_>>().join(" + ")
}
