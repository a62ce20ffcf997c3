//! Values as text and as JSON.

use super::{Item, List, Map, Value, View};
use crate::document::write_string;
use crate::expr::EvaluationError;
use base64::Engine;
use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta};

impl Value {
    /// As text in a mixed string: strings as they are, numbers by their own text, booleans, timestamps in RFC 3339,
    /// durations as `1.5s`, bytes where they are UTF-8; lists and maps as compact JSON; null is `null`. An empty
    /// optional has no text.
    pub fn write_text(&self, out: &mut String) -> Result<(), EvaluationError> {
        if let Value::Node(handle) = self
            && let Some(number) = handle.node().number_text()
        {
            out.push_str(number);
            return Ok(());
        }
        match self.view() {
            View::String(text) => out.push_str(text),
            View::Double(value) => out.push_str(&float_text(value)),
            View::Bytes(bytes) => out.push_str(utf8(bytes)?),
            View::Timestamp(time) => out.push_str(&timestamp_text(time)),
            View::Duration(duration) => out.push_str(&duration_text(duration)),
            View::Type(name) => out.push_str(name),
            View::Optional(Some(value)) => return value.write_text(out),
            View::Optional(None) => return Err(empty_optional()),
            _ => {
                let mut json = Vec::new();
                self.write_json(&mut json)?;
                out.push_str(utf8(&json)?);
            }
        }
        Ok(())
    }

    /// Appends compact JSON: bytes as base64, timestamps and durations as their text. An empty optional is an error
    /// here: its key is left out by the caller. In lists and maps inside, it is left out.
    pub fn write_json(&self, out: &mut Vec<u8>) -> Result<(), EvaluationError> {
        match self {
            Value::Node(handle) => {
                handle.node().write_json(out);
                Ok(())
            }
            value => write_view(value.view(), out),
        }
    }
}

fn write_view(view: View<'_>, out: &mut Vec<u8>) -> Result<(), EvaluationError> {
    match view {
        View::Null => out.extend_from_slice(b"null"),
        View::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        View::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
        View::Uint(value) => out.extend_from_slice(value.to_string().as_bytes()),
        View::Double(value) if value.is_finite() => out.extend_from_slice(float_json(value).as_bytes()),
        View::Double(_) => return Err(EvaluationError::Wrong("NaN and infinity have no JSON form".to_owned())),
        View::String(text) => write_string(text, out),
        View::Bytes(bytes) => write_string(&base64::engine::general_purpose::STANDARD.encode(bytes), out),
        View::Timestamp(time) => write_string(&timestamp_text(time), out),
        View::Duration(duration) => write_string(&duration_text(duration), out),
        View::Type(name) => write_string(name, out),
        View::Optional(Some(value)) => return value.write_json(out),
        View::Optional(None) => return Err(empty_optional()),
        View::List(list) => write_list(list, out)?,
        View::Map(map) => write_map(map, out)?,
    }
    Ok(())
}

fn write_item(item: Item<'_>, out: &mut Vec<u8>) -> Result<(), EvaluationError> {
    match item {
        Item::Node(node) => {
            node.write_json(out);
            Ok(())
        }
        Item::Value(value) => value.write_json(out),
        Item::Key(key) => {
            write_string(key, out);
            Ok(())
        }
    }
}

fn write_list(list: List<'_>, out: &mut Vec<u8>) -> Result<(), EvaluationError> {
    out.push(b'[');
    let mut first = true;
    for item in list.iter().filter(|item| !is_empty_optional(*item)) {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        write_item(item, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_map(map: Map<'_>, out: &mut Vec<u8>) -> Result<(), EvaluationError> {
    out.push(b'{');
    let mut first = true;
    for (key, value) in map.iter().filter(|(_, value)| !is_empty_optional(*value)) {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        match key.text() {
            Some(key) => write_string(key, out),
            None => {
                let mut text = String::new();
                key.to_value().write_text(&mut text)?;
                write_string(&text, out);
            }
        }
        out.push(b':');
        write_item(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn is_empty_optional(item: Item<'_>) -> bool {
    matches!(item, Item::Value(Value::Optional(None)))
}

fn empty_optional() -> EvaluationError {
    EvaluationError::Wrong("an empty optional has no value: give it one with .orValue(…)".to_owned())
}

fn utf8(bytes: &[u8]) -> Result<&str, EvaluationError> {
    let message = "these bytes are not UTF-8 text: use hex(…) or base64.encode(…)";
    std::str::from_utf8(bytes).map_err(|_| EvaluationError::Wrong(message.to_owned()))
}

/// The shortest text that reads back as the same double, in plain notation within what people write by hand; a whole
/// double has no fraction (`3`, not `3.0`).
pub(in crate::expr) fn float_text(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

/// As [`float_text`], but a whole double stays one when it is read back: `3.0`.
fn float_json(value: f64) -> String {
    let text = float_text(value);
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') { text + ".0" } else { text }
}

/// RFC 3339, fractions only where there are some, `Z` for UTC.
pub(in crate::expr) fn timestamp_text(time: DateTime<FixedOffset>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Seconds, as protobuf's JSON has it: `90s`, `-1.5s`.
pub(in crate::expr) fn duration_text(duration: TimeDelta) -> String {
    let sign = if duration < TimeDelta::zero() { "-" } else { "" };
    let seconds = duration.num_seconds().unsigned_abs();
    let nanos = duration.subsec_nanos().unsigned_abs();
    if nanos == 0 {
        return format!("{sign}{seconds}s");
    }
    let fraction = format!("{nanos:09}");
    format!("{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
}
