//! Signing what is sent. How a scheme signs is described where it is verified; whoever compiles targets brings it along.

use crate::config::spec::{OneOrMany, SecretSpec, SignSpec};
use crate::diagnostic::At;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, Method, Uri};
use std::sync::Arc;

/// Compiles `auth: {sign: …}`.
pub trait Signers {
    /// `at` is the value of `sign`, `secret` what is written for whoever it is compiled for, with its place. Every mistake is
    /// reported.
    fn compile(&self, spec: &SignSpec, secret: SignSecret<'_>, at: &At<'_>) -> Option<Arc<dyn Signer>>;
}

/// A secret to sign with, or several, and where that is written.
pub type SignSecret<'s> = (&'s OneOrMany<SecretSpec>, &'s At<'s>);

/// Signs each attempt anew.
pub trait Signer: Send + Sync {
    /// Headers that it sets, for showing a request that is not sent.
    fn headers(&self) -> &[HeaderName];

    /// The delivery's id is part of what is signed, as `webhook-id`.
    fn signs_id(&self) -> bool;

    /// Sets the headers of the signature, in place of any that are there.
    ///
    /// # Errors
    /// The request has something that cannot be signed.
    fn sign(&self, request: &mut ToSign<'_>, now: DateTime<Utc>) -> Result<(), Unsignable>;
}

/// A request that is whole but for its signature.
pub struct ToSign<'r> {
    pub method: &'r Method,
    pub uri: &'r Uri,
    pub headers: &'r mut HeaderMap,
    pub body: &'r Bytes,
    /// The delivery's, the same for all attempts.
    pub id: &'r str,
}

/// The scheme signs something that this request does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request cannot be signed")]
pub struct Unsignable;
