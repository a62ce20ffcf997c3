//! What an endpoint lets in, and how a body that it lets in is read.

use super::decode::{self, Charset, Coding};
use super::media_type::MediaType;
use super::{BodyError, Parsed, form, multipart, xml};
use crate::config;
use crate::config::spec::{AcceptSpec, BodySpec, DefaultsSpec, FormatSpec};
use crate::diagnostic::At;
use crate::document::Document;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use smallvec::SmallVec;

/// What an endpoint lets in and how it reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyRules {
    /// Bytes on the wire and after decoding.
    pub max_size: u64,
    /// In the order they were written: the first holds where there is no content type.
    accept: SmallVec<[Accept; 8]>,
    read_as: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Form,
    Multipart,
    Xml,
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Accept {
    Only(Format),
    Any,
}

/// How the bytes are to be read, decided from the headers before the body is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// `None`: nothing we know; a string where it is one.
    format: Option<Format>,
    coding: Coding,
    charset: Charset,
    boundary: Option<String>,
}

const MAX_SIZE_DEFAULT: u64 = 1024 * 1024;
/// A body is held in memory whole, several times over while it is parsed.
const MAX_SIZE_LIMIT: u64 = 1024 * 1024 * 1024;
const ACCEPT_DEFAULT: [AcceptSpec; 2] = [AcceptSpec::Json, AcceptSpec::Form];

impl BodyRules {
    /// `at` is the `body` mapping, or where it would stand.
    pub fn compile(spec: Option<&BodySpec>, defaults: Option<&DefaultsSpec>, at: &At<'_>) -> Option<BodyRules> {
        let written = spec.and_then(|spec| spec.accept.as_deref());
        let accept = written.or(defaults.and_then(|defaults| defaults.accept.as_deref())).unwrap_or(&ACCEPT_DEFAULT);
        if accept.is_empty() {
            let at = if written.is_some() { at.key("accept") } else { at.clone() };
            let help = "leave `accept` out for json and form, or name at least one kind".to_owned();
            at.error("accept-empty", "`accept` names no content type", help);
        }
        let max_size = max_size(spec, defaults, at)?;
        (!accept.is_empty()).then(|| BodyRules {
            max_size,
            accept: accept.iter().copied().map(Accept::from).collect(),
            read_as: spec.and_then(|spec| spec.read_as).map(Format::from),
        })
    }

    /// Decides from the headers: 415 for what is not accepted. An empty body passes.
    ///
    /// # Errors
    /// [`BodyError::Unsupported`] for a content type, a charset or a content encoding that is not accepted.
    pub fn admit(&self, headers: &HeaderMap, body_is_empty: bool) -> Result<Reading, BodyError> {
        let mut reading =
            Reading { format: None, coding: Coding::Identity, charset: Charset::Undeclared, boundary: None };
        if body_is_empty {
            return Ok(reading);
        }
        reading.coding = Coding::of(headers);
        if reading.coding != Coding::Identity && !self.accepts_any() {
            return Err(unsupported("a content encoding is not accepted; send the body as it is"));
        }
        let content_type = ContentType::of(headers);
        if let ContentType::Known(media_type) = &content_type {
            reading.charset = Charset::of(media_type.charset.as_deref());
            reading.boundary.clone_from(&media_type.boundary);
        }
        if !reading.charset.is_utf8() && !self.accepts_any() {
            return Err(unsupported("the charset is not accepted; send the body in UTF-8"));
        }
        reading.format = match self.read_as {
            Some(format) => Some(format),
            None => self.format(&content_type)?,
        };
        Ok(reading)
    }

    fn format(&self, content_type: &ContentType) -> Result<Option<Format>, BodyError> {
        let format = match content_type {
            ContentType::Missing => match self.accept.first() {
                Some(Accept::Only(format)) => return Ok(Some(*format)),
                _ => None,
            },
            ContentType::Known(media_type) => Format::of(&media_type.essence),
            ContentType::Unclear => None,
        };
        let accepted = format.is_some_and(|format| self.accept.contains(&Accept::Only(format)));
        if accepted || self.accepts_any() { Ok(format) } else { Err(self.not_accepted(content_type)) }
    }

    fn not_accepted(&self, content_type: &ContentType) -> BodyError {
        let accepted: Vec<&str> = self.accept.iter().map(|accept| accept.name()).collect();
        let found = match content_type {
            ContentType::Known(media_type) if media_type.essence.len() <= 100 => media_type.essence.as_str(),
            _ => "of this request",
        };
        unsupported(format!("the content type {found} is not accepted; accepted: {}", accepted.join(", ")))
    }

    fn accepts_any(&self) -> bool {
        self.accept.contains(&Accept::Any)
    }
}

fn unsupported(message: impl Into<String>) -> BodyError {
    BodyError::Unsupported(message.into())
}

fn max_size(spec: Option<&BodySpec>, defaults: Option<&DefaultsSpec>, at: &At<'_>) -> Option<u64> {
    if let Some(written) = spec.and_then(|spec| spec.max_size.as_deref()) {
        let at = at.key("max_size");
        return within_limit(config::size(written, &at)?, &at);
    }
    let shared = defaults.and_then(|defaults| defaults.max_size.as_deref());
    // A mistake in `defaults` is reported where it stands, when the settings are compiled.
    let shared = shared.and_then(|written| at.quietly(|there| check_max_size(written, there)));
    Some(shared.unwrap_or(MAX_SIZE_DEFAULT))
}

/// A `max_size` that holds for every route; its mistakes are reported here alone.
pub fn check_max_size(written: &str, at: &At<'_>) -> Option<u64> {
    within_limit(config::size(written, at)?, at)
}

fn within_limit(size: u64, at: &At<'_>) -> Option<u64> {
    if size > MAX_SIZE_LIMIT {
        at.error("size-limit", "`max_size` is more than 1GiB", "a body is held in memory; set 1GiB or less".to_owned());
        return None;
    }
    Some(size)
}

/// What the request says its body is.
enum ContentType {
    Missing,
    Known(MediaType),
    /// Malformed, or given twice.
    Unclear,
}

impl ContentType {
    fn of(headers: &HeaderMap) -> ContentType {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return ContentType::Missing,
            (Some(value), None) => value.to_str().ok(),
            (Some(_), Some(_)) => None,
        };
        match value {
            Some(value) if value.trim().is_empty() => ContentType::Missing,
            Some(value) => MediaType::parse(value).map_or(ContentType::Unclear, ContentType::Known),
            None => ContentType::Unclear,
        }
    }
}

impl Format {
    fn of(essence: &str) -> Option<Format> {
        match essence {
            "application/json" | "text/json" => Some(Format::Json),
            "application/x-www-form-urlencoded" => Some(Format::Form),
            "multipart/form-data" => Some(Format::Multipart),
            "application/xml" | "text/xml" => Some(Format::Xml),
            // Structured syntax suffixes, RFC 6838 section 4.2.8.
            _ if essence.ends_with("+json") => Some(Format::Json),
            _ if essence.ends_with("+xml") => Some(Format::Xml),
            _ if essence.starts_with("text/") => Some(Format::Text),
            _ => None,
        }
    }
}

impl From<FormatSpec> for Format {
    fn from(spec: FormatSpec) -> Format {
        match spec {
            FormatSpec::Json => Format::Json,
            FormatSpec::Form => Format::Form,
            FormatSpec::Multipart => Format::Multipart,
            FormatSpec::Xml => Format::Xml,
            FormatSpec::Text => Format::Text,
        }
    }
}

impl From<AcceptSpec> for Accept {
    fn from(spec: AcceptSpec) -> Accept {
        match spec {
            AcceptSpec::Json => Accept::Only(Format::Json),
            AcceptSpec::Form => Accept::Only(Format::Form),
            AcceptSpec::Multipart => Accept::Only(Format::Multipart),
            AcceptSpec::Xml => Accept::Only(Format::Xml),
            AcceptSpec::Text => Accept::Only(Format::Text),
            AcceptSpec::Any => Accept::Any,
        }
    }
}

impl Accept {
    /// A content type that a sender can use.
    fn name(self) -> &'static str {
        match self {
            Accept::Only(Format::Json) => "application/json",
            Accept::Only(Format::Form) => "application/x-www-form-urlencoded",
            Accept::Only(Format::Multipart) => "multipart/form-data",
            Accept::Only(Format::Xml) => "application/xml",
            Accept::Only(Format::Text) => "text/plain",
            Accept::Any => "any",
        }
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

impl Reading {
    /// Decodes and parses. `query` is the raw query string: a request without a body gives its parameters, read as a
    /// form is, but that bytes which are not UTF-8 are replaced, since an empty body is never malformed.
    ///
    /// # Errors
    /// [`BodyError::Malformed`] for what does not follow its format or is not UTF-8, [`BodyError::TooLarge`] for what
    /// is beyond `max_size` once it is decoded, [`BodyError::Unsupported`] for XML that names another charset itself.
    pub fn parse(&self, bytes: &Bytes, query: Option<&str>, rules: &BodyRules) -> Result<Parsed, BodyError> {
        let text = match self.coding {
            Coding::Identity => bytes.clone(),
            Coding::Gzip => decode::gunzip(bytes, rules.max_size)?,
            Coding::Unknown => return Ok(unreadable(bytes.clone())),
        };
        let text = match self.charset_of(&text, rules)? {
            // Percent-encoded and multipart bytes are decoded part by part.
            _ if matches!(self.format, Some(Format::Form | Format::Multipart)) => text,
            Charset::Undeclared | Charset::Utf8 => text,
            Charset::Other(encoding) => decode::transcode(&text, encoding, rules.max_size)?,
            Charset::Unknown => return Ok(unreadable(text)),
        };
        let text = if text.starts_with(BOM) { text.slice(BOM.len()..) } else { text };
        let body = if text.is_empty() { form::parse_query(query.unwrap_or_default())? } else { self.document(&text)? };
        Ok(Parsed { text, body })
    }

    fn document(&self, text: &Bytes) -> Result<Document, BodyError> {
        match self.format {
            Some(Format::Json) => super::json(text),
            Some(Format::Form) => match self.charset {
                Charset::Other(encoding) => form::parse_encoded(text, encoding),
                _ => form::parse_form(text),
            },
            Some(Format::Multipart) => multipart::parse(text, self.boundary.as_deref()),
            Some(Format::Xml) => xml::parse(utf8(text)?),
            Some(Format::Text) => Ok(Document::from_text(utf8(text)?)),
            None => Ok(std::str::from_utf8(text).map_or_else(|_| Document::null(), Document::from_text)),
        }
    }

    /// The charset of the content type, or the one that XML names in its first line (RFC 7303, section 3).
    fn charset_of(&self, text: &[u8], rules: &BodyRules) -> Result<Charset, BodyError> {
        if self.charset != Charset::Undeclared || self.format != Some(Format::Xml) {
            return Ok(self.charset);
        }
        let charset = Charset::of(xml::declared_encoding(text).as_deref());
        if charset.is_utf8() || rules.accepts_any() {
            return Ok(charset);
        }
        Err(unsupported("the charset in the XML declaration is not accepted; send the body in UTF-8"))
    }
}

fn unreadable(text: Bytes) -> Parsed {
    Parsed { text, body: Document::null() }
}

fn utf8(text: &[u8]) -> Result<&str, BodyError> {
    let malformed = |error: std::str::Utf8Error| format!("the body is not valid UTF-8 at byte {}", error.valid_up_to());
    std::str::from_utf8(text).map_err(|error| BodyError::Malformed(malformed(error)))
}
