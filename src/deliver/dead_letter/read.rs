//! The record, read again: the exact bytes of the event, and where it was to go.
//!
//! Lines may come from a file that was cut, edited or written by something else: every mistake is a value.

use super::VERSION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a dead letter says of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Of the delivery: it keeps its `webhook-id`.
    pub id: String,
    pub time: DateTime<Utc>,
    pub route: String,
    pub target: String,
    pub method: Method,
    /// As it stood on the request line.
    pub path: String,
    pub query: Option<String>,
    /// Without what was a credential.
    pub headers: HeaderMap,
    /// The place in a batch: the body is this element as JSON, whatever the headers say of the whole.
    pub element: Option<usize>,
    pub body: Bytes,
}

/// Why a line is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("not a record of a dead letter: {0}")]
    Malformed(String),
    #[error("a record of version {0}; this program reads version {VERSION}")]
    Version(u32),
    #[error("`{0}` is not what it should be")]
    Field(&'static str),
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    route: Cow<'a, str>,
    #[serde(borrow)]
    target: Cow<'a, str>,
    #[serde(borrow)]
    event: WrittenEvent<'a>,
}

#[derive(Deserialize)]
struct WrittenEvent<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    element: Option<usize>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    body_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(WrittenValue),
    Many(Vec<WrittenValue>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenValue {
    Text(String),
    Bytes { base64: String },
}

impl Record {
    /// # Errors
    /// The line is no record, of another version, or a field of it cannot be used.
    pub fn parse(line: &[u8]) -> Result<Record, RecordError> {
        let malformed = |error: serde_json::Error| RecordError::Malformed(error.to_string());
        let text = std::str::from_utf8(line).map_err(|_| RecordError::Malformed("it is not UTF-8".to_owned()))?;
        let Versioned { version } = serde_json::from_str(text).map_err(malformed)?;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        let written: Written<'_> = serde_json::from_str(text).map_err(malformed)?;
        let time = DateTime::parse_from_rfc3339(&written.time).map_err(|_| RecordError::Field("time"))?;
        let event = written.event;
        if !event.path.starts_with('/') {
            return Err(RecordError::Field("event.path"));
        }
        Ok(Record {
            time: time.with_timezone(&Utc),
            id: id(&written.id)?,
            route: written.route.into_owned(),
            target: written.target.into_owned(),
            method: Method::from_bytes(event.method.as_bytes()).map_err(|_| RecordError::Field("event.method"))?,
            path: event.path.into_owned(),
            query: event.query,
            headers: headers(event.headers)?,
            element: event.element,
            body: body(event.body, event.body_base64)?,
        })
    }
}

/// It becomes a header of the request.
fn id(written: &str) -> Result<String, RecordError> {
    let fits = !written.is_empty() && written.len() <= 256 && written.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(written.to_owned()) } else { Err(RecordError::Field("id")) }
}

fn headers(written: BTreeMap<String, OneOrMany>) -> Result<HeaderMap, RecordError> {
    const FIELD: RecordError = RecordError::Field("event.headers");
    let mut headers = HeaderMap::new();
    for (name, values) in written {
        let name: HeaderName = name.parse().map_err(|_| FIELD)?;
        let values = match values {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        };
        for value in values {
            let bytes = match value {
                WrittenValue::Text(text) => text.into_bytes(),
                WrittenValue::Bytes { base64 } => STANDARD.decode(base64).map_err(|_| FIELD)?,
            };
            let value = HeaderValue::from_bytes(&bytes).map_err(|_| FIELD)?;
            // A map of headers has an end.
            headers.try_append(name.clone(), value).map_err(|_| FIELD)?;
        }
    }
    Ok(headers)
}

/// A string is the text of the body; any other value is the body itself.
fn body(value: Option<&RawValue>, base64: Option<String>) -> Result<Bytes, RecordError> {
    match (value, base64) {
        (None, None) => Ok(Bytes::new()),
        (None, Some(base64)) => {
            STANDARD.decode(base64).map(Bytes::from).map_err(|_| RecordError::Field("event.body_base64"))
        }
        (Some(value), None) if value.get().starts_with('"') => {
            let text: String = serde_json::from_str(value.get()).map_err(|_| RecordError::Field("event.body"))?;
            Ok(Bytes::from(text))
        }
        (Some(value), None) => Ok(Bytes::copy_from_slice(value.get().as_bytes())),
        (Some(_), Some(_)) => Err(RecordError::Field("event.body_base64")),
    }
}
