//! Tokens of an issuer of one's own (`jwt:`): JSON Web Tokens (RFC 7519) whose keys stand in a JSON Web Key Set (RFC 7517).
//!
//! Only public keys verify, each only with algorithms of its own kind (RFC 8725, 3.1): neither `none` nor a keyed hash is
//! among them. A set that is fetched is asked for anew when a token names a key that it does not have; while it cannot be
//! fetched nothing is accepted.

mod key_set;

use super::Refusal;
use super::compile::WrittenCheck;
use super::evidence::Evidence;
use super::judge::{AtHand, Obstacle, Wanted};
use super::jwt::{LEEWAY, check_times, object};
use super::signature::compile::{header, tolerance};
use crate::config;
use crate::config::spec::{JwtCheckSpec, OneOrMany};
use crate::diagnostic::At;
use crate::secret::holds_stand_in;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderName;
use http::header::AUTHORIZATION;
pub(super) use key_set::{Algorithm, KeySet};
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::{Host, Url};

pub(super) struct Issuer {
    pub header: HeaderName,
    keys: Keys,
    issuer: String,
    /// A token must be for one of these.
    audience: Vec<String>,
    algorithms: Vec<Algorithm>,
    /// How far `exp`, `nbf` and `iat` may be off.
    leeway: TimeDelta,
}

enum Keys {
    /// Of a file, or written out.
    Held(Arc<KeySet>),
    /// Fetched; and the last one that was read, with its text.
    At(String, Mutex<Option<(Bytes, Arc<KeySet>)>>),
}

/// A key that an issuer has withdrawn is accepted no longer than this.
const SET_KEPT: Duration = Duration::from_secs(60 * 60);
/// Strangers choose which key a token names: a set is not asked for anew more often than this.
const REFRESHED: Duration = Duration::from_secs(30);

impl Issuer {
    /// `at` is the check. Every mistake is reported.
    pub fn compile(spec: &JwtCheckSpec, check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Issuer> {
        let here = at.key("jwt");
        let keys = Keys::compile(&spec.jwks, check.context.file, &here.key("jwks"));
        let issuer = named(&spec.issuer, &here.key("issuer"));
        let list = matches!(spec.audience, OneOrMany::Many(_));
        let audience = spec.audience.as_slice().iter().enumerate().map(|(position, one)| {
            let at = here.key("audience");
            named(one, &if list { at.index(position) } else { at })
        });
        let audience = audience.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>();
        if spec.audience.as_slice().is_empty() {
            let help = "write whom the tokens are for, as the issuer calls you".to_owned();
            here.key("audience").error("verify-jwt", "tokens for nobody let nobody in", help);
            return None;
        }
        let algorithms = match &spec.algorithms {
            None => Algorithm::ALL.to_vec(),
            Some(written) if written.is_empty() => {
                let help = "leave `algorithms` out for all that fit the keys".to_owned();
                here.key("algorithms").error("verify-jwt", "an empty list of algorithms lets nobody in", help);
                return None;
            }
            Some(written) => written.iter().copied().map(Algorithm::from).collect(),
        };
        let header = match &spec.header {
            None => Some(AUTHORIZATION),
            Some(written) => header(written, &here.key("header")),
        };
        let leeway = match &check.tolerance {
            None => Some(LEEWAY),
            Some(written) => tolerance(written, &at.key("tolerance")),
        };
        Some(Issuer { header: header?, keys: keys?, issuer: issuer?, audience: audience?, algorithms, leeway: leeway? })
    }

    pub fn check(&self, evidence: &Evidence<'_>, now: DateTime<Utc>, at_hand: &AtHand) -> Result<(), Obstacle> {
        let token = self.token(evidence)?;
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (head, claims) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        let head = object(head)?;
        // An extension that must be understood (RFC 7515, 4.1.11) is one that we do not.
        if head.contains_key("crit") {
            return Err(Refusal::Malformed.into());
        }
        let name = head.get("alg").and_then(Value::as_str).ok_or(Refusal::Malformed)?;
        let algorithm = self.algorithms.iter().find(|algorithm| algorithm.name() == name).ok_or(Refusal::Malformed)?;
        let id = match head.get("kid") {
            None => None,
            Some(id) => Some(id.as_str().ok_or(Refusal::Malformed)?),
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::Malformed)?;
        // What no key could make right has none fetched for it.
        self.check_claims(&object(claims)?, now)?;
        self.check_signature(*algorithm, id, signed.as_bytes(), &signature, at_hand)
    }

    /// After `Bearer ` (whatever its case) in `Authorization`; in another header also as it is.
    fn token<'r>(&self, evidence: &Evidence<'r>) -> Result<&'r str, Refusal> {
        let value = evidence.header(&self.header)?;
        match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start_matches(' ')),
            None if self.header != AUTHORIZATION => Ok(value),
            _ => Err(Refusal::Malformed),
        }
    }

    fn check_signature(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        signed: &[u8],
        signature: &[u8],
        at_hand: &AtHand,
    ) -> Result<(), Obstacle> {
        let set = self.keys.find(at_hand)?;
        if set.verifies(algorithm, id, signed, signature) {
            return Ok(());
        }
        match &self.keys {
            // A signature that is wrong for a key that is there is wrong.
            Keys::At(url, _) if !id.is_some_and(|id| set.has(id)) && !at_hand.is_within(url, REFRESHED) => {
                Err(Obstacle::Needs(Wanted { url: url.clone(), max_age: REFRESHED }))
            }
            _ => Err(Refusal::Mismatch.into()),
        }
    }

    fn check_claims(&self, claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<(), Refusal> {
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer.as_str()) {
            return Err(Refusal::Mismatch);
        }
        let is_ours = |one: &Value| one.as_str().is_some_and(|one| self.audience.iter().any(|ours| ours == one));
        let for_us = match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().any(is_ours),
            Some(one) => is_ours(one),
            None => false,
        };
        if !for_us {
            return Err(Refusal::Mismatch);
        }
        // A token that never ends is one that nobody can take back.
        if !claims.contains_key("exp") {
            return Err(Refusal::BadTimestamp);
        }
        check_times(claims, now, self.leeway).map(|_| ())
    }
}

impl Keys {
    fn compile(written: &str, file: &str, at: &At<'_>) -> Option<Keys> {
        let text = config::plain(written, at)?;
        if holds_stand_in(&text) {
            return Some(Keys::Held(Arc::default()));
        }
        if text.contains("://") {
            return address(&text, at).map(|url| Keys::At(url, Mutex::default()));
        }
        let document = match text.trim_start().starts_with('{') {
            true => text,
            false => match at.references.read_named(file, &text) {
                Ok(document) => document,
                Err(_) if at.references.stand_for_themselves() => return Some(Keys::Held(Arc::default())),
                Err(error) => {
                    let help = "write a URL, or a path from this file or from the configuration folder".to_owned();
                    at.error("verify-jwks", format!("the keys cannot be read: {error}"), help);
                    return None;
                }
            },
        };
        match KeySet::parse(document.as_bytes()) {
            Some(set) if !set.is_empty() => Some(Keys::Held(Arc::new(set))),
            found => {
                let message =
                    if found.is_some() { "no key in there verifies signatures" } else { "this is no JSON Web Key Set" };
                let help = "write {\"keys\": […]} with public keys of the kinds RSA, EC and OKP (RFC 7517)".to_owned();
                at.error("verify-jwks", message, help);
                None
            }
        }
    }

    fn find(&self, at_hand: &AtHand) -> Result<Arc<KeySet>, Obstacle> {
        let (url, read) = match self {
            Keys::Held(set) => return Ok(set.clone()),
            Keys::At(url, read) => (url, read),
        };
        let document = at_hand.document(url, SET_KEPT)?;
        let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
        match &*read {
            // The same bytes in the same place, which `read` keeps alive.
            Some((text, set)) if text.as_ptr() == document.as_ptr() && text.len() == document.len() => Ok(set.clone()),
            _ => {
                let set = Arc::new(KeySet::parse(document).ok_or(Refusal::KeyUnavailable)?);
                *read = Some((document.clone(), set.clone()));
                Ok(set)
            }
        }
    }
}

/// Whoever stands between could answer with keys of their own: over plain http only this machine is asked.
fn address(text: &str, at: &At<'_>) -> Option<String> {
    let help = "write an https URL, or the path of a file".to_owned();
    let Ok(url) = Url::parse(text) else {
        at.error("verify-jwks", "this is no URL", help);
        return None;
    };
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.host().is_some() && url.username().is_empty() && url.password().is_none() => {
            Some(text.to_owned())
        }
        "http" if is_loopback => Some(text.to_owned()),
        _ => {
            at.error("verify-jwks", "keys are fetched over https alone, without a name and password in the URL", help);
            None
        }
    }
}

fn named(written: &str, at: &At<'_>) -> Option<String> {
    let text = config::plain(written, at)?;
    if text.is_empty() {
        at.error("verify-jwt", "an empty name names nobody", "write it as it stands in the tokens".to_owned());
        return None;
    }
    Some(text)
}
