//! SARIF 2.1.0 (OASIS), as code scanning services read it.

use super::{Report, word};
use crate::diagnostic::Diagnostic;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Everything but the unreserved characters of RFC 3986 and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let codes: BTreeSet<&str> = report.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    let rules: Vec<Value> = codes.iter().map(|code| json!({"id": code})).collect();
    let results: Vec<Value> = report.diagnostics.iter().map(|diagnostic| result(report, diagnostic)).collect();
    let output = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "hookswitch", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            // 3.14.17: columns count characters, not UTF-16 units.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &output)?;
    writeln!(out)
}

fn result(report: &Report<'_>, diagnostic: &Diagnostic) -> Value {
    let help = diagnostic.help.iter().map(|help| format!("\nhelp: {help}")).collect::<String>();
    let mut result = json!({
        "ruleId": diagnostic.code,
        "level": word(diagnostic.severity),
        "message": {"text": format!("{}{help}", diagnostic.message)},
        "locations": [location(report, &diagnostic.file, diagnostic.line, diagnostic.column, diagnostic.span)],
    });
    if let (Some(other), Some(result)) = (&diagnostic.related, result.as_object_mut()) {
        let mut location = location(report, &other.file, other.line, other.column, other.span);
        if let Some(location) = location.as_object_mut() {
            location.insert("message".to_owned(), json!({"text": other.message}));
        }
        result.insert("relatedLocations".to_owned(), json!([location]));
    }
    result
}

fn location(report: &Report<'_>, file: &str, line: u32, column: u32, span: Option<(usize, usize)>) -> Value {
    let uri = utf8_percent_encode(&report.sources.path(file), PATH).to_string();
    let mut physical = json!({"artifactLocation": {"uri": uri}});
    if line > 0
        && let Some(physical) = physical.as_object_mut()
    {
        let end = column + width(report, file, span);
        physical.insert("region".to_owned(), json!({"startLine": line, "startColumn": column, "endColumn": end}));
    }
    json!({"physicalLocation": physical})
}

/// Characters of a span up to the end of its first line; `endColumn` is the column behind the last one.
fn width(report: &Report<'_>, file: &str, span: Option<(usize, usize)>) -> u32 {
    let written = span.and_then(|(start, end)| report.sources.drawn(file)?.get(start..end));
    let first = written.and_then(|written| written.lines().next()).unwrap_or_default();
    u32::try_from(first.chars().count()).unwrap_or_default().max(1)
}
