//! Bytes of a request to a [`Document`]: content types, charsets, encodings, and the formats senders use.
//!
//! In two steps, because verification comes between them: [`BodyRules::admit`] decides from the headers alone whether a
//! body is taken and how it is to be read, [`Reading::parse`] reads it. What a signature covers is never touched here:
//! the exact bytes stay with the event.
//!
//! | kind | content types | `body` |
//! |---|---|---|
//! | json | `application/json`, `text/json`, `…+json` | the value |
//! | form | `application/x-www-form-urlencoded` | a map of strings, lists and maps ([`parse_form`]) |
//! | multipart | `multipart/form-data` | as form; a file is a map of `filename`, `content_type` and `text` or `base64` |
//! | xml | `application/xml`, `text/xml`, `…+xml` | one key, the root element ([`xml`]) |
//! | text | every other `text/…` | a string |
//! | any | everything else | a string where it is UTF-8, else null |

mod contract;
mod decode;
mod form;
mod media_type;
mod multipart;
mod rules;
mod tree;
mod xml;

pub use contract::{Contract, VIOLATIONS_MAX, Violation};
pub use form::{parse_form, write_form};
pub use rules::{BodyRules, Reading, check_max_size};

use crate::document::Document;
use bytes::Bytes;

/// Why a body was not taken. One place maps it to a status: 415, 413 or 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("{0}")]
    Unsupported(String),
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    #[error("{0}")]
    Malformed(String),
}

/// A body as expressions see it: `text` (decoded bytes) and `body`.
#[derive(Clone)]
pub struct Parsed {
    /// The decoded bytes (after gzip, and in UTF-8 after a known charset), without a byte order mark.
    pub text: Bytes,
    pub body: Document,
}

impl Parsed {
    /// What is JSON, however it came.
    ///
    /// # Errors
    /// It is none.
    pub fn json(text: Bytes) -> Result<Parsed, BodyError> {
        Ok(Parsed { body: json(&text)?, text })
    }
}

fn json(text: &Bytes) -> Result<Document, BodyError> {
    let malformed = |error| BodyError::Malformed(format!("the body is not valid JSON: {error}"));
    Document::parse(text.clone()).map_err(malformed)
}

#[cfg(test)]
mod tests;
