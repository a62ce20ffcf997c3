//! The record as it is written.
//!
//! `event.body` is the exact bytes that arrived, in the first of three forms that gives them back: the JSON value itself,
//! where it is an object or a list on one line; a string; `body_base64`. An empty body is neither.

use super::{DeadLetter, VERSION};
use crate::deliver::Attempt;
use crate::document::write_string;
use crate::event::{Event, RequestInfo};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::value::RawValue;

/// How a body that is JSON stands in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is: people and programs read it at once.
    Value,
    Text,
}

pub(super) fn record(dead: &DeadLetter<'_>, form: Form) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024 + dead.event.bytes.len());
    out.extend_from_slice(format!("{{\"version\":{VERSION}").as_bytes());
    let time = moment(dead.time);
    for (name, value) in [("id", dead.id), ("time", &time), ("route", dead.route), ("target", &dead.target.name)] {
        key(name, &mut out);
        write_string(value, &mut out);
    }
    key("labels", &mut out);
    map(dead.labels, &mut out, |(name, _)| name, |(_, value), out| write_string(value, out));
    key("event", &mut out);
    event(dead, form, &mut out);
    key("attempts", &mut out);
    attempts(dead.attempts, &mut out);
    for (name, value) in [("reason", dead.reason), ("trace_id", dead.trace_id)] {
        key(name, &mut out);
        write_string(value, &mut out);
    }
    out.push(b'}');
    out
}

fn event(dead: &DeadLetter<'_>, form: Form, out: &mut Vec<u8>) {
    let Event { request, bytes, element, .. } = dead.event;
    out.extend_from_slice(b"{\"method\":");
    write_string(request.method.as_str(), out);
    key("path", out);
    write_string(&request.path, out);
    key("query", out);
    match query(request, dead.target.credential_query()) {
        Some(query) => write_string(&query, out),
        None => out.extend_from_slice(b"null"),
    }
    key("headers", out);
    headers(&request.headers, dead.target.credential_headers(), out);
    if let Some(element) = element {
        key("element", out);
        out.extend_from_slice(element.index.to_string().as_bytes());
    }
    body(bytes, form, out);
    out.push(b'}');
}

/// As it stood on the request line, without the parameters that were a credential.
fn query(request: &RequestInfo, credentials: &[String]) -> Option<String> {
    let query = request.query.as_deref()?;
    if credentials.is_empty() {
        return Some(query.to_owned());
    }
    let is_credential = |pair: &str| {
        form_urlencoded::parse(pair.as_bytes()).any(|(name, _)| credentials.iter().any(|known| *known == name))
    };
    Some(query.split('&').filter(|pair| !is_credential(pair)).collect::<Vec<_>>().join("&"))
}

/// By lower-case name; a list where one is repeated.
fn headers(headers: &HeaderMap, credentials: &[HeaderName], out: &mut Vec<u8>) {
    let shown = |name: &&HeaderName| {
        ![AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name) && !credentials.contains(name)
    };
    let names: Vec<&HeaderName> = headers.keys().filter(shown).collect();
    map(
        &names,
        out,
        |name| name.as_str(),
        |name, out| {
            let values: Vec<&HeaderValue> = headers.get_all(*name).iter().collect();
            match values.as_slice() {
                [one] => value(one, out),
                several => list(several, out, |one, out| value(one, out)),
            }
        },
    );
}

/// A value that is no text is `{"base64": …}`.
fn value(value: &HeaderValue, out: &mut Vec<u8>) {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => write_string(text, out),
        Err(_) => {
            out.extend_from_slice(b"{\"base64\":");
            write_string(&STANDARD.encode(value.as_bytes()), out);
            out.push(b'}');
        }
    }
}

fn body(bytes: &[u8], form: Form, out: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if form == Form::Value && is_one_line_of_json(text) => {
            key("body", out);
            out.extend_from_slice(bytes);
        }
        Ok(text) => {
            key("body", out);
            write_string(text, out);
        }
        Err(_) => {
            key("body_base64", out);
            write_string(&STANDARD.encode(bytes), out);
        }
    }
}

/// One object or list, with nothing around it: in the record it is the same text, and no string that stands for one.
fn is_one_line_of_json(text: &str) -> bool {
    let is_container = text.starts_with('{') && text.ends_with('}') || text.starts_with('[') && text.ends_with(']');
    is_container && !text.contains(['\n', '\r']) && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn attempts(attempts: &[Attempt], out: &mut Vec<u8>) {
    list(attempts, out, |attempt, out| {
        out.extend_from_slice(format!("{{\"n\":{}", attempt.number).as_bytes());
        key("time", out);
        write_string(&moment(attempt.started), out);
        key("status", out);
        match attempt.status {
            Some(status) => out.extend_from_slice(status.to_string().as_bytes()),
            None => out.extend_from_slice(b"null"),
        }
        key("error", out);
        write_string(attempt.outcome.as_str(), out);
        key("duration_ms", out);
        out.extend_from_slice(attempt.duration.as_millis().to_string().as_bytes());
        out.push(b'}');
    });
}

fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A further key.
fn key(name: &str, out: &mut Vec<u8>) {
    out.push(b',');
    write_string(name, out);
    out.push(b':');
}

fn map<T>(entries: &[T], out: &mut Vec<u8>, name: impl Fn(&T) -> &str, value: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'{');
    for (position, entry) in entries.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_string(name(entry), out);
        out.push(b':');
        value(entry, out);
    }
    out.push(b'}');
}

fn list<T>(entries: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (position, entry) in entries.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write(entry, out);
    }
    out.push(b']');
}
