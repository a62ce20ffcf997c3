//! Expressions that YAML takes for its own syntax: which one it was, and how to write it.
//!
//! Decided on the written line, never on the library's message: that is a sentence, not an interface.

use super::{Span, flow};

/// What to do about a syntax error, where the line shows what was meant.
pub(super) fn help(text: &str, span: Span) -> Option<String> {
    let line = line_of(text, span.line);
    let indent = line.get(..line.len() - line.trim_start().len()).unwrap_or_default();
    if indent.contains('\t') {
        return Some("indent with spaces: YAML allows no tabs there".to_owned());
    }
    in_line(line, continues(text, span.line)).or_else(|| above(text, span.line))
}

/// A flow collection or a string that a `#` cut short goes wrong only on a later line.
fn above(text: &str, line: u32) -> Option<String> {
    const LINES_BACK: usize = 20;
    let lines: Vec<&str> = text.lines().take(line.saturating_sub(1) as usize).collect();
    lines.iter().enumerate().rev().take(LINES_BACK).find_map(|(above, line)| {
        let mark = [" #$", " #{"].into_iter().filter_map(|mark| line.find(mark)).min()?;
        let is_comment = line.trim_start().starts_with('#');
        (!is_comment).then(|| {
            let comment = line.get(mark + 1..).unwrap_or_default().trim_end();
            format!("line {}: `{comment}` is a comment there; quote the whole value", above + 1)
        })
    })
}

fn in_line(line: &str, continues: bool) -> Option<String> {
    let value = value_of(line);
    let advice = || if continues { BLOCK.to_owned() } else { quote(value) };
    match value.chars().next()? {
        '{' | '[' => flow::pieces(value).into_iter().find(flow::is_broken).map(|piece| quote(piece.text)),
        first @ ('"' | '\'') => flow::closes_early(value, first).then(advice),
        '*' | '&' | '!' | '@' | '`' | '%' => Some(advice()),
        _ if continues => None,
        _ if value.contains(": ") || value.ends_with(':') => {
            Some(format!("{}; a `: ` starts a mapping otherwise", quote(value)))
        }
        _ => None,
    }
}

/// For values of several lines, which quotes make no better.
const BLOCK: &str = "write `>-` behind the key, and the whole value on the lines below it";

/// The line behind `line` belongs to the same value.
fn continues(text: &str, line: u32) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip(line.saturating_sub(1) as usize);
    match (lines.next(), lines.next()) {
        (Some(line), Some(next)) => !next.trim().is_empty() && indent(next) > indent(line),
        _ => false,
    }
}

/// The advice to quote the value at a place, without looking at it further.
pub(super) fn quote_value(text: &str, span: Span) -> Option<String> {
    let line = line_of(text, span.line);
    let value = value_of(line);
    if !value.starts_with(['{', '[']) || value.starts_with("{{") {
        return (!value.is_empty()).then(|| quote(value));
    }
    let column = span.column.saturating_sub(1) as usize;
    let byte = line.char_indices().nth(column).map_or(line.len(), |(byte, _)| byte);
    let at = byte.checked_sub(line.len() - value.len())?;
    let mut before = flow::pieces(value).into_iter().filter(|piece| piece.start <= at);
    before.next_back().map(|piece| quote(piece.text))
}

/// `quote it: '…'`, with single quotes doubled as YAML wants it.
pub(super) fn quote(value: &str) -> String {
    format!("quote it: '{}'", value.replace('\'', "''"))
}

fn line_of(text: &str, line: u32) -> &str {
    text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default().trim_end()
}

/// What follows `key: ` and any `- ` on a line.
fn value_of(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start();
    }
    let key = rest.find([':', ' ', '"', '\'', '{', '[']);
    match key.and_then(|end| rest.get(end..)) {
        Some(after) if after.starts_with(": ") => after.trim_start_matches(':').trim_start(),
        _ => rest,
    }
}
