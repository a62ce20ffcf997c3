//! The line that a sink gets for a delivery.
//!
//! `{"time","id","route","target","method","headers","body"|"body_base64"}`: `headers` by lower-case name, a list where one
//! is repeated, references instead of credentials; `body` is the JSON value where the content type says JSON, else a
//! string; `body_base64` holds bytes that are not text. A delivery without a body has neither.

use crate::deliver::Outbound;
use crate::deliver::answer::is_json;
use crate::document::{Document, write_string};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};

/// What one line says.
pub(in crate::deliver) struct Record<'a> {
    pub(in crate::deliver) time: DateTime<Utc>,
    pub(in crate::deliver) route: &'a str,
    pub(in crate::deliver) target: &'a str,
    pub(in crate::deliver) outbound: &'a Outbound,
    /// With what the attempt added.
    pub(in crate::deliver) headers: &'a HeaderMap,
}

impl Record<'_> {
    /// One line of JSON, without its line feed.
    pub(in crate::deliver) fn to_line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(512 + self.outbound.body.len());
        line.push(b'{');
        let time = self.time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let strings = [
            ("time", time.as_str()),
            ("id", &self.outbound.id),
            ("route", self.route),
            ("target", self.target),
            ("method", self.outbound.method.as_str()),
        ];
        for (name, value) in strings {
            key(name, &mut line);
            write_string(value, &mut line);
            line.push(b',');
        }
        key("headers", &mut line);
        self.write_headers(&mut line);
        self.write_body(&mut line);
        line.push(b'}');
        line
    }

    fn write_headers(&self, line: &mut Vec<u8>) {
        line.push(b'{');
        for (index, name) in self.headers.keys().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            key(name.as_str(), line);
            self.write_values(name, line);
        }
        line.push(b'}');
    }

    fn write_values(&self, name: &HeaderName, line: &mut Vec<u8>) {
        if let Some((_, shown)) = self.outbound.shown_headers.iter().find(|(hidden, _)| hidden == name) {
            return write_string(shown, line);
        }
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        if let [value] = values.as_slice() {
            return write_string(&String::from_utf8_lossy(value.as_bytes()), line);
        }
        line.push(b'[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            write_string(&String::from_utf8_lossy(value.as_bytes()), line);
        }
        line.push(b']');
    }

    fn write_body(&self, line: &mut Vec<u8>) {
        let body = &self.outbound.body;
        if body.is_empty() {
            return;
        }
        line.push(b',');
        if let Some(json) = self.json(body) {
            key("body", line);
            json.root().write_json(line);
        } else if let Ok(text) = std::str::from_utf8(body) {
            key("body", line);
            write_string(text, line);
        } else {
            key("body_base64", line);
            write_string(&STANDARD.encode(body), line);
        }
    }

    /// Parsed and written again, because JSON on the wire may run over many lines.
    fn json(&self, body: &Bytes) -> Option<Document> {
        is_json(self.headers.get(CONTENT_TYPE)).then(|| Document::parse(body.clone()).ok()).flatten()
    }
}

fn key(name: &str, line: &mut Vec<u8>) {
    write_string(name, line);
    line.push(b':');
}
