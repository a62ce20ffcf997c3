//! Text and bytes in other forms: base64, hex, JSON, URLs, markup, and hashes.
//!
//! Hashes give bytes: `hex(sha256(s))` or `base64.encode(sha256(s))` make text of them.

use super::{Function, Result, function, global, int, mismatch, octets, text, view, wrong};
use super::{Gives, Style};
use crate::document::Document;
use crate::expr::meter::Meter;
use crate::expr::value::{Value, View};
use crate::hex;
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub(super) const FUNCTIONS: &[Function] = &[
    global("base64.encode", (1, 1), base64_encode),
    global("base64.decode", (1, 1), base64_decode),
    global("hex", (1, 1), to_hex),
    global("sha256", (1, 1), sha256),
    global("hmacSha256", (2, 2), hmac_sha256),
    function("json", Style::Global, (1, 1), Gives::Anything, json),
    global("toJson", (1, 1), to_json),
    global("urlEncode", (1, 1), url_encode),
    global("escapeXml", (1, 1), |meter, arguments| escape("escapeXml", "&apos;", meter, arguments)),
    global("escapeHtml", (1, 1), |meter, arguments| escape("escapeHtml", "&#39;", meter, arguments)),
    global("truncate", (2, 2), truncate),
];

/// Senders leave the padding out as often as not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// RFC 3986: all but the unreserved characters.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn base64_encode(meter: &Meter, arguments: &[Value]) -> Result {
    let bytes = octets("base64.encode", arguments, 0)?;
    meter.bytes(bytes.len() / 3 * 4 + 4)?;
    Ok(Value::from(STANDARD.encode(bytes)))
}

fn base64_decode(meter: &Meter, arguments: &[Value]) -> Result {
    let text = text("base64.decode", arguments, 0)?;
    meter.bytes(text.len())?;
    match LENIENT.decode(text) {
        Ok(bytes) => Ok(Value::Bytes(bytes.into())),
        Err(_) => wrong("`base64.decode`: the string is not base64"),
    }
}

fn to_hex(meter: &Meter, arguments: &[Value]) -> Result {
    let bytes = octets("hex", arguments, 0)?;
    meter.bytes(bytes.len() * 2)?;
    Ok(Value::from(hex::of(bytes)))
}

fn sha256(meter: &Meter, arguments: &[Value]) -> Result {
    let bytes = octets("sha256", arguments, 0)?;
    meter.scan(bytes.len())?;
    Ok(Value::Bytes(digest::digest(&digest::SHA256, bytes).as_ref().into()))
}

fn hmac_sha256(meter: &Meter, arguments: &[Value]) -> Result {
    let (key, bytes) = (octets("hmacSha256", arguments, 0)?, octets("hmacSha256", arguments, 1)?);
    meter.scan(bytes.len() + key.len())?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    Ok(Value::Bytes(hmac::sign(&key, bytes).as_ref().into()))
}

fn json(meter: &Meter, arguments: &[Value]) -> Result {
    let text = text("json", arguments, 0)?;
    // A parsed document takes a few times its text.
    meter.bytes(text.len().saturating_mul(4))?;
    match Document::parse(Bytes::copy_from_slice(text.as_bytes())) {
        Ok(document) => Ok(Value::from(&document)),
        Err(error) => wrong(format!("`json`: {error}")),
    }
}

fn to_json(meter: &Meter, arguments: &[Value]) -> Result {
    let mut json = Vec::new();
    if let Some(value) = arguments.first() {
        value.write_json(&mut json)?;
    }
    meter.bytes(json.len())?;
    String::from_utf8(json).map(Value::from).or_else(|_| wrong("`toJson`: not UTF-8"))
}

fn url_encode(meter: &Meter, arguments: &[Value]) -> Result {
    let bytes = text("urlEncode", arguments, 0)?;
    meter.bytes(bytes.len() * 3)?;
    Ok(Value::from(utf8_percent_encode(bytes, UNRESERVED).to_string()))
}

/// The five characters of markup. Characters that XML does not allow at all are dropped.
fn escape(name: &str, apostrophe: &str, meter: &Meter, arguments: &[Value]) -> Result {
    let View::String(text) = view(arguments, 0) else { return Err(mismatch(name, arguments)) };
    let special = text.bytes().filter(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')).count();
    meter.bytes(text.len() + special * 5)?;
    let mut escaped = String::with_capacity(text.len() + special * 5);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str(apostrophe),
            '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            letter => escaped.push(letter),
        }
    }
    Ok(Value::from(escaped))
}

/// At most so many characters.
fn truncate(meter: &Meter, arguments: &[Value]) -> Result {
    let text = text("truncate", arguments, 0)?;
    let Ok(count) = usize::try_from(int("truncate", arguments, 1)?) else {
        return wrong("`truncate`: a negative length");
    };
    let end = text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    meter.bytes(end)?;
    Ok(Value::from(&text[..end]))
}
