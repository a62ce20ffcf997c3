//! Content codings and charsets undone, within a bound.

use super::BodyError;
use bytes::Bytes;
use encoding_rs::Encoding;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use std::io::Read;

/// What was done to the bytes of a body (RFC 9110, section 8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    /// Another one, or several: the bytes can be passed on, not read.
    Unknown,
}

impl Coding {
    pub fn of(headers: &HeaderMap) -> Coding {
        let mut coding = Coding::Identity;
        for value in headers.get_all(CONTENT_ENCODING) {
            let Ok(value) = value.to_str() else { return Coding::Unknown };
            for name in value.split(',').map(|name| name.trim_matches([' ', '\t'])) {
                let is_gzip = name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip");
                coding = match coding {
                    _ if name.is_empty() || name.eq_ignore_ascii_case("identity") => continue,
                    Coding::Identity if is_gzip => Coding::Gzip,
                    _ => return Coding::Unknown,
                };
            }
        }
        coding
    }
}

/// How the characters of a body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// Not said: UTF-8, but for XML, which can say it in its first line.
    Undeclared,
    /// UTF-8, or US-ASCII, which is a part of it.
    Utf8,
    Other(&'static Encoding),
    Unknown,
}

impl Charset {
    pub fn of(label: Option<&str>) -> Charset {
        let Some(label) = label else { return Charset::Undeclared };
        // The WHATWG labels take US-ASCII for windows-1252.
        if label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii") {
            return Charset::Utf8;
        }
        match Encoding::for_label(label.as_bytes()) {
            Some(encoding) if encoding == encoding_rs::UTF_8 => Charset::Utf8,
            Some(encoding) => Charset::Other(encoding),
            None => Charset::Unknown,
        }
    }

    pub fn is_utf8(self) -> bool {
        matches!(self, Charset::Undeclared | Charset::Utf8)
    }
}

/// Members of a gzip file (RFC 1952), read no further than one byte beyond `max_size`.
pub(super) fn gunzip(bytes: &Bytes, max_size: u64) -> Result<Bytes, BodyError> {
    let mut decoded = Vec::new();
    let mut reader = MultiGzDecoder::new(bytes.as_ref()).take(max_size.saturating_add(1));
    reader.read_to_end(&mut decoded).map_err(|_| BodyError::Malformed("the body is not valid gzip".to_owned()))?;
    if decoded.len() as u64 > max_size {
        return Err(BodyError::TooLarge(max_size));
    }
    Ok(decoded.into())
}

/// To UTF-8, which may be longer.
pub(super) fn transcode(bytes: &Bytes, encoding: &'static Encoding, max_size: u64) -> Result<Bytes, BodyError> {
    let (text, malformed) = encoding.decode_without_bom_handling(bytes);
    if malformed {
        return Err(BodyError::Malformed(format!("the body is not valid {}", encoding.name())));
    }
    if text.len() as u64 > max_size {
        return Err(BodyError::TooLarge(max_size));
    }
    Ok(Bytes::copy_from_slice(text.as_bytes()))
}
