//! A request as files: in full, and as an example for `hookswitch test`.

use super::{Seen, show};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What an example is better without: credentials, which would end up in git, and what belongs to one connection.
const LEFT_OUT: &[&str] = &[
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "upgrade",
    "host",
    "content-length",
    "accept-encoding",
    "expect",
];

/// Two files of the next free number. Nothing is ever overwritten.
pub(super) fn write(folder: &Path, seen: &Seen) -> io::Result<()> {
    let (mut file, stem) = next_free(folder, seen.number)?;
    file.write_all(format!("{:#}\n", show::document(seen)).as_bytes())?;
    File::create_new(folder.join(format!("{stem}.test.yaml")))?.write_all(example(seen).as_bytes())
}

/// Recordings of an earlier run keep their numbers.
fn next_free(folder: &Path, from: u64) -> io::Result<(File, String)> {
    let mut number = from;
    loop {
        let stem = format!("{number:04}");
        let path: PathBuf = folder.join(format!("{stem}.json"));
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
            Ok(file) => return Ok((file, stem)),
        }
    }
}

/// JSON is YAML: the values are written as JSON, which needs no rules about quoting.
pub(super) fn example(seen: &Seen) -> String {
    let query = seen.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let path = format!("{}{query}", seen.path);
    let headers: Vec<Value> = seen
        .headers
        .iter()
        .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let (kind, body) = match (serde_json::from_slice::<Value>(&seen.body), std::str::from_utf8(&seen.body)) {
        (Ok(value), _) => ("body", value),
        (_, Ok(text)) => ("text", Value::from(text)),
        _ => ("body_base64", Value::from(STANDARD.encode(&seen.body))),
    };
    let mut text = format!(
        "tests:\n  - name: {}\n    at: {}\n    request:\n      method: {}\n      path: {}\n      headers: {}\n",
        json!(format!("recorded {} {}", seen.method, seen.path)),
        json!(seen.time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        json!(seen.method.as_str()),
        json!(path),
        Value::Array(headers),
    );
    if !seen.body.is_empty() {
        text.push_str(&format!("      {kind}: {body}\n"));
    }
    text.push_str(
        "    # say what must come of it: routes, deliveries, response\n    expect: {response: {status: 200}}\n",
    );
    text
}
