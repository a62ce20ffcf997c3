//! A request for people and for programs.

use super::Seen;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;

pub(super) fn listening(address: SocketAddr, human: bool) -> String {
    if human {
        return format!("listening on http://{address}, Ctrl-C ends\n");
    }
    format!("{}\n", json!({"message": "listening", "listener": "sink", "address": address.to_string()}))
}

pub(super) fn request(seen: &Seen, human: bool) -> String {
    if human { for_people(seen) } else { format!("{}\n", document(seen)) }
}

/// Everything about it. The body is JSON where it reads as JSON, text where it is text, else base64.
pub(super) fn document(seen: &Seen) -> Value {
    let document = json!({
        "message": "request",
        "number": seen.number,
        "time": seen.time.to_rfc3339_opts(SecondsFormat::Millis, true),
        "method": seen.method.as_str(),
        "path": seen.path,
        "query": seen.query,
        "headers": headers(seen),
        "status": seen.status.as_u16(),
    });
    let (name, body) = match (serde_json::from_slice(&seen.body), std::str::from_utf8(&seen.body)) {
        (Ok(value), _) => ("body", value),
        (_, Ok(text)) => ("body", Value::from(text)),
        _ => ("body_base64", Value::from(STANDARD.encode(&seen.body))),
    };
    let body = std::iter::once((name.to_owned(), body));
    Value::Object(document.as_object().cloned().into_iter().flatten().chain(body).collect())
}

/// Repeated headers are lists.
fn headers(seen: &Seen) -> Map<String, Value> {
    let values = |name: &http::HeaderName| -> Vec<Value> {
        let all = seen.headers.get_all(name).iter();
        all.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned().into()).collect()
    };
    let entry = |name: &http::HeaderName| {
        let mut values = values(name);
        let value = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
        (name.to_string(), value)
    };
    seen.headers.keys().map(entry).collect()
}

fn for_people(seen: &Seen) -> String {
    let query = seen.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let time = seen.time.format("%H:%M:%S%.3f");
    let mut text =
        format!("{time} #{} {} {}{query} -> {}\n", seen.number, seen.method, seen.path, seen.status.as_u16());
    for (name, value) in &seen.headers {
        text.push_str(&format!("  {name}: {}\n", visible(&String::from_utf8_lossy(value.as_bytes()))));
    }
    let body = match (serde_json::from_slice::<Value>(&seen.body), std::str::from_utf8(&seen.body)) {
        (Ok(value), _) => format!("{value:#}"),
        (_, Ok(text)) => text.to_owned(),
        _ => format!("({} bytes that are not text)", seen.body.len()),
    };
    for line in body.lines() {
        text.push_str(&format!("  | {}\n", visible(line)));
    }
    text
}

/// Without what a terminal would obey: the sender is a stranger.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() && character != '\t' { '\u{fffd}' } else { character })
        .collect()
}
