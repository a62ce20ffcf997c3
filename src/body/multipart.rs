//! `multipart/form-data` (RFC 7578): fields are named and put together as those of a form, files are small maps.
//!
//! A part with a file name is a file: `filename`, `content_type` where the part has one, and its content as `text` where
//! it is UTF-8, else as `base64`. Every other part is a string, whatever its own content type.

use super::BodyError;
use super::tree::{Content, File, Leaf, Tree};
use crate::document::Document;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyDataStream, Full};
use multer::{Field, Multipart};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub(super) fn parse(body: &Bytes, boundary: Option<&str>) -> Result<Document, BodyError> {
    let Some(boundary) = boundary.filter(|boundary| !boundary.is_empty()) else {
        return Err(malformed("its content type has no boundary"));
    };
    let mut parts = Multipart::new(BodyDataStream::new(Full::new(body.clone())), boundary);
    let mut tree = Tree::default();
    while let Some(part) = now(parts.next_field())? {
        let name = part.name().ok_or_else(|| malformed("a part has no name"))?.to_owned();
        tree.insert(&name, leaf(part)?)?;
    }
    Ok(tree.finish())
}

fn leaf(part: Field<'_>) -> Result<Leaf, BodyError> {
    let filename = part.file_name().map(str::to_owned);
    let content_type = part.content_type().map(ToString::to_string);
    let content = String::from_utf8(now(part.bytes())?.into());
    let Some(filename) = filename else {
        return content.map(Leaf::Text).map_err(|_| malformed("a field is not valid UTF-8"));
    };
    let content = match content {
        Ok(text) => Content::Text(text),
        Err(bytes) => Content::Base64(STANDARD.encode(bytes.as_bytes())),
    };
    Ok(Leaf::File(File { filename, content_type, content }))
}

/// The parser waits for the network in general; here all bytes are there, and waiting would mean that some are missing.
fn now<T>(future: impl Future<Output = multer::Result<T>>) -> Result<T, BodyError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(value)) => Ok(value),
        Poll::Ready(Err(error)) => Err(malformed(&error.to_string())),
        Poll::Pending => Err(malformed("it ends before its last boundary")),
    }
}

fn malformed(why: &str) -> BodyError {
    BodyError::Malformed(format!("the body is not valid multipart/form-data: {why}"))
}
