//! The other way round: a request that passes, made from the same description that verifies.

use super::evidence::Place;
use super::signature::Signature;
use super::token::{Shown, Token};
use super::{Check, Proof, Refusal, Verifier};
use crate::event::RequestInfo;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

/// Why a request cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    #[error("only the sender has the private key of this scheme; its public key verifies and cannot sign")]
    PublicKey,
    #[error("the tokens of this scheme are issued by the sender")]
    Jwt,
    #[error("the check has no secret yet")]
    NoSecret,
    #[error("no secret has the key of this request: give it the path, query or headers that `by` names")]
    UnknownKey,
    #[error("the scheme puts something into the body, and this body has no place for it")]
    Body,
    #[error("what the scheme signs is not in the request: {0}")]
    Unsignable(#[from] Refusal),
    #[error("a value cannot stand in a header")]
    HeaderValue,
}

/// A request in the making.
pub(super) struct Draft<'d> {
    pub request: &'d mut RequestInfo,
    pub body: &'d mut Bytes,
}

impl Verifier {
    /// Adds to `request` and `body` what makes them pass, with the first secret of each check. `id` is the delivery's, where a
    /// scheme has one. An address cannot be added: the request has to come from one that is allowed.
    pub fn sign(
        &self,
        request: &mut RequestInfo,
        body: &mut Bytes,
        now: DateTime<Utc>,
        id: &str,
    ) -> Result<(), SignError> {
        let mut draft = Draft { request, body };
        let mut signatures = Vec::new();
        draft.show_all(&self.checks, &mut signatures)?;
        // What stands in the body or in the query must be there before a header signs it.
        signatures.sort_by_key(|signature| signature.stands_in_header());
        signatures.into_iter().try_for_each(|signature| signature.sign(&mut draft, now, id))
    }

    /// A check is about the sender's address.
    pub fn wants_address(&self) -> bool {
        self.checks.iter().any(|check| matches!(check.proof, Proof::Networks(_)))
    }
}

/// Whether a request can be made that passes these, and if not, why. Of alternatives one is enough.
fn signable(checks: &[Check]) -> Result<(), SignError> {
    checks.iter().try_for_each(|check| match &check.proof {
        Proof::Jwt(_) | Proof::Issuer(_) => Err(SignError::Jwt),
        Proof::Certified(_) | Proof::MessageSignature(_) => Err(SignError::PublicKey),
        Proof::Signature(signature) if signature.scheme.algorithm.is_public() => Err(SignError::PublicKey),
        Proof::Any(alternatives) => chosen(alternatives).map(|_| ()),
        Proof::Token(_) | Proof::Signature(_) | Proof::Networks(_) | Proof::Nothing => Ok(()),
    })
}

/// The first alternative that can be signed; one that only looks at the address where there is no other.
fn chosen(alternatives: &[Vec<Check>]) -> Result<&[Check], SignError> {
    let is_about_address = |checks: &&Vec<Check>| checks.iter().all(|check| matches!(check.proof, Proof::Networks(_)));
    let (address, others): (Vec<_>, Vec<_>) = alternatives.iter().partition(is_about_address);
    let mut refusal = SignError::NoSecret;
    for checks in others.into_iter().chain(address) {
        match signable(checks) {
            Ok(()) => return Ok(checks),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

impl Token {
    fn show(&self, draft: &mut Draft<'_>) -> Result<(), SignError> {
        let secret = self.secrets.first(draft.request)?.secret.clone();
        let secret = secret.expose();
        match &self.shown {
            Shown::At(place) => draft.put(place, secret),
            Shown::After(place, prefixes) => {
                let prefix = prefixes.first().map_or("", String::as_str);
                draft.put(place, &format!("{prefix}{secret}"))
            }
            Shown::Each(pointer) => draft.put_json(pointer, true, secret),
            Shown::Bearer => draft.header(&AUTHORIZATION, &format!("Bearer {secret}")),
            Shown::Basic => draft.header(&AUTHORIZATION, &format!("Basic {}", STANDARD.encode(secret))),
        }
    }
}

impl Draft<'_> {
    /// Shows every credential; signatures come later, over all of them.
    fn show_all<'v>(&mut self, checks: &'v [Check], signatures: &mut Vec<&'v Signature>) -> Result<(), SignError> {
        signable(checks)?;
        checks.iter().try_for_each(|check| match &check.proof {
            Proof::Token(token) => token.show(self),
            Proof::Any(alternatives) => self.show_all(chosen(alternatives)?, signatures),
            Proof::Signature(signature) => {
                signatures.push(&**signature);
                Ok(())
            }
            _ => Ok(()),
        })
    }

    pub fn put(&mut self, place: &Place, text: &str) -> Result<(), SignError> {
        match place {
            Place::Header(name) => self.header(name, text)?,
            Place::Query(name) => {
                let query = self.request.query.take().unwrap_or_default();
                self.request.query = Some(with_pair(&query, name, text));
            }
            Place::Form(name) => {
                let form = std::str::from_utf8(self.body).map_err(|_| SignError::Body)?;
                *self.body = with_pair(form, name, text).into();
            }
            Place::Parameter(name) if self.body.is_empty() => self.put(&Place::Query(name.clone()), text)?,
            Place::Parameter(name) => self.put(&Place::Form(name.clone()), text)?,
            Place::Json(pointer) => self.put_json(pointer, false, text)?,
            Place::Part(..) => return Err(SignError::Body),
            Place::First(_) if *place == *place.first() => return Err(SignError::Body),
            Place::First(_) => self.put(place.first(), text)?,
        }
        Ok(())
    }

    fn header(&mut self, name: &HeaderName, value: &str) -> Result<(), SignError> {
        let value = HeaderValue::from_str(value).map_err(|_| SignError::HeaderValue)?;
        self.request.headers.insert(name, value);
        Ok(())
    }

    /// With `each`, `*` in the pointer is every element of a list. A body that says it already keeps its bytes.
    fn put_json(&mut self, pointer: &[String], each: bool, text: &str) -> Result<(), SignError> {
        let mut body: Value = serde_json::from_slice(self.body).map_err(|_| SignError::Body)?;
        let before = body.clone();
        set(&mut body, pointer, each, text)?;
        if body != before {
            *self.body = body.to_string().into();
        }
        Ok(())
    }
}

fn set(value: &mut Value, pointer: &[String], each: bool, text: &str) -> Result<(), SignError> {
    let Some((token, rest)) = pointer.split_first() else {
        // A number stays one: whoever reads the event may count with it.
        let number = text.parse::<u64>().ok().filter(|_| value.is_number());
        *value = number.map_or_else(|| Value::from(text), Value::from);
        return Ok(());
    };
    match value {
        Value::Array(items) if each && token == "*" && !items.is_empty() => {
            items.iter_mut().try_for_each(|item| set(item, rest, each, text))
        }
        Value::Array(items) => {
            let item = token.parse::<usize>().ok().and_then(|index| items.get_mut(index));
            set(item.ok_or(SignError::Body)?, rest, each, text)
        }
        Value::Object(members) => {
            let empty = || if rest.is_empty() { Value::Null } else { Value::Object(serde_json::Map::new()) };
            set(members.entry(token.as_str()).or_insert_with(empty), rest, each, text)
        }
        _ => Err(SignError::Body),
    }
}

/// The pairs of a query or a form as they are written, with one of this name, at the end.
fn with_pair(pairs: &str, name: &str, text: &str) -> String {
    let named = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).any(|(key, _)| key == name);
    let mut kept: Vec<String> =
        pairs.split('&').filter(|pair| !pair.is_empty() && !named(pair)).map(str::to_owned).collect();
    kept.push(form_urlencoded::Serializer::new(String::new()).append_pair(name, text).finish());
    kept.join("&")
}
