//! The engine run forward: the headers that make a request pass.

use super::message::{Piece, Surroundings};
use super::{Expected, Signature};
use crate::event::RequestInfo;
use crate::verify::Refusal;
use crate::verify::evidence::{Evidence, Place};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};

/// Why a request cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    #[error("only the provider has the private key of this scheme")]
    PublicKey,
    #[error("this scheme keeps its signature in the body")]
    InBody,
    #[error("what the scheme signs is not in the request: {0}")]
    Unsignable(#[from] Refusal),
    #[error("a value cannot stand in a header")]
    HeaderValue,
}

impl Signature {
    /// Adds timestamp, id and signature to `request`, made with the first secret. `id` is used where the scheme has one
    /// and the request does not carry it yet.
    pub fn sign(&self, request: &mut RequestInfo, body: &Bytes, now: DateTime<Utc>, id: &str) -> Result<(), SignError> {
        let scheme = &self.scheme;
        let mut time = String::new();
        if let Some(timestamp) = &scheme.timestamp {
            time = timestamp.unit.write(now);
            match &timestamp.place {
                Some(Place::Header(name)) => set(request, name, &time)?,
                // In the body or in the query: the caller's own.
                Some(place) => time = Evidence::new(request, body).text(place)?.into_owned(),
                None => {}
            }
        }
        if let Some(Place::Header(name)) = &scheme.id
            && !request.headers.contains_key(name)
        {
            set(request, name, id)?;
        }
        for requirement in &scheme.required {
            if let (Place::Header(name), Expected::Text(text)) = (&requirement.place, &requirement.expected) {
                set(request, name, text)?;
            }
        }
        let tag = self.tag(request, body, &time)?;
        match scheme.places.first().map(|holder| &holder.place) {
            Some(Place::Header(name)) => {
                set(request, name, &scheme.grammar.write(&scheme.encoding.encode(&tag), &time))
            }
            _ => Err(SignError::InBody),
        }
    }

    fn tag(&self, request: &RequestInfo, body: &Bytes, time: &str) -> Result<Vec<u8>, SignError> {
        let evidence = Evidence::new(request, body);
        let surroundings = Surroundings { time: Some(time), public_url: self.public_url.as_deref() };
        let message = self.scheme.messages.first().ok_or(SignError::HeaderValue)?;
        let pieces: Vec<Piece<'_>> = message.pieces(&evidence, surroundings)?;
        let first = self.keys.first().and_then(|key| key.value.1.tag(&pieces));
        first.ok_or(SignError::PublicKey)
    }
}

fn set(request: &mut RequestInfo, name: &HeaderName, value: &str) -> Result<(), SignError> {
    let value = HeaderValue::from_str(value).map_err(|_| SignError::HeaderValue)?;
    request.headers.insert(name, value);
    Ok(())
}
