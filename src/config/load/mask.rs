//! Texts as they may be drawn: what was written, without the secrets that were written out.
//!
//! A snippet ends up in a CI log. Defaults of references, credentials in URLs and literals under keys that hold secrets are
//! replaced byte by byte, so that every position stays where it is.

use crate::config::yaml::{Kind, Node, Span};
use regex::Regex;
use std::sync::LazyLock;

/// Keys whose values are secrets wherever they stand: in `verify`, `auth`, `admin`.
const SECRET_KEYS: [&str; 12] = [
    "secret",
    "secondary",
    "private_key",
    "verify_token",
    "password",
    "bearer",
    "token",
    "client_secret",
    "refresh_token",
    "access_key",
    "secret_access_key",
    "session_token",
];

/// Under `auth`, everything in these is a secret.
const CREDENTIALS: [&str; 2] = ["headers", "query"];

static DEFAULT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\$\{env:[^}:]*:-([^}\n]*)").ok());

/// What stands before the host of a URL: a name and a password, which are refused there.
static USER_INFO: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"://([^/?#@\s'"]+)@"#).ok());

/// The same keys in a text that is not YAML (yet).
static SECRET_KEY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r#"(?m)(?:^|[\s{{,\["'])(?:{})["']?:[ \t]+"#, SECRET_KEYS.join("|"))).ok());

/// `documents`: the trees of the text; none where it could not be parsed.
pub(super) fn masked(text: &str, documents: &[Node]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for found in DEFAULT.iter().flat_map(|pattern| pattern.captures_iter(text)) {
        found.get(1).into_iter().for_each(|default| hide(&mut bytes, default.start(), default.end()));
    }
    for found in USER_INFO.iter().flat_map(|pattern| pattern.captures_iter(text)) {
        found.get(1).into_iter().for_each(|literal| hide_literals(&mut bytes, text, literal.start(), literal.end()));
    }
    for document in documents {
        secrets(document, &mut |span| hide_literals(&mut bytes, text, span.start, span.end + cut_off(text, span)));
    }
    if documents.is_empty() {
        for key in SECRET_KEY.iter().flat_map(|pattern| pattern.find_iter(text)) {
            hide_literals(&mut bytes, text, key.end(), key.end() + value_length(text, key.start(), key.end()));
        }
    }
    // Whole characters are replaced by ASCII, so this stays UTF-8; should it not, nothing is drawn.
    String::from_utf8(bytes).unwrap_or_default()
}

fn secrets(node: &Node, hide: &mut impl FnMut(Span)) {
    node.walk(&mut |node| {
        let Kind::Map(entries) = &node.kind else { return };
        for entry in entries {
            if SECRET_KEYS.contains(&entry.key.as_str()) {
                // `until` and the expression of a keyed secret are hidden with it: harmless, and simpler.
                scalars(&entry.value, hide);
            } else if let ("auth", Kind::Map(kinds)) = (entry.key.as_str(), &entry.value.kind) {
                let kinds = kinds.iter().filter(|kind| CREDENTIALS.contains(&kind.key.as_str()));
                kinds.for_each(|kind| scalars(&kind.value, hide));
            } else if let ("tls", Kind::Map(parts)) = (entry.key.as_str(), &entry.value.kind) {
                parts.iter().filter(|part| part.key == "key").for_each(|part| scalars(&part.value, hide));
            }
        }
    });
}

fn scalars(node: &Node, hide: &mut impl FnMut(Span)) {
    node.walk(&mut |value| {
        if matches!(value.kind, Kind::String(_) | Kind::Number(..)) {
            hide(value.span);
        }
    });
}

/// How much of a secret a `#` cut off: ` #x` behind it is its rest, ` # x` a comment.
fn cut_off(text: &str, span: Span) -> usize {
    let rest = text.get(span.end..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let comment = rest.trim_start().strip_prefix('#');
    if comment.is_some_and(|comment| !comment.starts_with(' ')) { rest.len() } else { 0 }
}

/// How long the value behind a key is: to its closing quote, to the end of its flow entry, else to the end of the line.
fn value_length(text: &str, key: usize, value: usize) -> usize {
    let line = text.get(value..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    if let Some(mark) = line.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return line.get(1..).and_then(|inner| inner.find(mark)).map_or(line.len(), |end| end + 2);
    }
    let before = text.get(..=key).and_then(|before| before.lines().next_back()).unwrap_or_default();
    let mut depth = 0_usize;
    let ends = |c: char| {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' => return depth == 0,
            _ => {}
        }
        false
    };
    let flow_end = before.contains('{').then(|| line.find(ends)).flatten();
    flow_end.unwrap_or(line.len())
}

/// Everything but references.
fn hide_literals(bytes: &mut [u8], text: &str, start: usize, end: usize) {
    let mut position = start;
    while let Some(rest) = text.get(position..end).filter(|rest| !rest.is_empty()) {
        let reference = rest.find("${env:").into_iter().chain(rest.find("${file:")).min();
        let literal = reference.unwrap_or(rest.len());
        hide(bytes, position, position + literal);
        let Some(reference) = rest.get(literal..) else { return };
        position += literal + reference.find('}').map_or(reference.len(), |brace| brace + 1);
    }
}

fn hide(bytes: &mut [u8], start: usize, end: usize) {
    let hidden = bytes.get_mut(start..end).into_iter().flatten();
    hidden.filter(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'')).for_each(|byte| *byte = b'*');
}

/// A message that repeats what was written: defaults are hidden there too.
pub(super) fn masked_message(message: &str) -> String {
    let Some(pattern) = DEFAULT.as_ref().filter(|pattern| pattern.is_match(message)) else { return message.to_owned() };
    let without = |found: &regex::Captures<'_>| {
        let default = found.get(1).map_or(0, |default| default.len());
        let whole = found.get(0).map_or("", |whole| whole.as_str());
        format!("{}…", whole.get(..whole.len() - default).unwrap_or_default())
    };
    pattern.replace_all(message, without).into_owned()
}

/// A message about a line that holds a secret: what it quotes of the line is left out.
pub(super) fn without_quotes(message: &str) -> String {
    let parts = message.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { "`…`" } else { part }).collect()
}

/// The line holds something that is hidden.
pub(super) fn is_masked(text: &str, drawn: &str, line: u32) -> bool {
    let nth = |text: &str| text.lines().nth(line.saturating_sub(1) as usize).map(str::to_owned);
    nth(text) != nth(drawn)
}
