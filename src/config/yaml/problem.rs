//! What is wrong with a text, in words for the person who wrote it.

use super::accident;
use super::{Entry, Kind, Node, Problem, Span};
use serde_yaml::Error;

/// A refusal of the YAML library: our words where the mistake is a common one, else its own.
pub(super) fn explain(error: &Error, text: &str) -> Problem {
    let span = place(error, text);
    let mut error = error;
    while let Error::AliasError { error: inner, .. } = error {
        error = inner;
    }
    let (code, message, help) = match error {
        Error::UnknownAnchor { .. } => (
            "yaml-anchor",
            format!("`{}` is an alias of an anchor that is not defined above", word_at(text, span.start)),
            accident::quote_value(text, span),
        ),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            ("yaml-anchor", "an anchor cannot contain itself".to_owned(), None)
        }
        Error::UnsupportedTag { tag, .. } => (
            "yaml-tag",
            format!("`{tag}` at the start of a value is a YAML tag, and there are none here"),
            accident::quote_value(text, span),
        ),
        Error::NullIntoString { .. } => ("yaml-key", "a key must be a string, and this one is empty".to_owned(), None),
        Error::Unexpected { .. } => (
            "yaml-key",
            "a key must be a string, not a list or a mapping".to_owned(),
            accident::quote_value(text, span),
        ),
        Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            ("yaml-merge", "`<<` takes a mapping, or a list of mappings, that it merges in".to_owned(), None)
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => (
            "yaml-limit",
            "the text is too large, too deep, or its aliases expand to too much".to_owned(),
            Some("split the file, or write fewer aliases of aliases".to_owned()),
        ),
        other => ("yaml-syntax", format!("not valid YAML: {}", own_words(other)), accident::help(text, span)),
    };
    Problem { code, message, help, span, is_warning: false, related: None }
}

/// The library's message without the position at its end, which we draw ourselves.
fn own_words(error: &Error) -> String {
    let message = match error {
        Error::ExternalMessage { msg, .. } | Error::Message { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    message.split(" at line ").next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// Where the library saw the mistake. It gives lines and columns always, bytes not always, and the end of a tag.
fn place(error: &Error, text: &str) -> Span {
    let Some(location) = error.location() else { return Span::of(text, 0, 0) };
    let span = Span::from_location(&location);
    let start = match location.span().byte_offset() {
        Some(_) => span.start,
        None => byte_at(text, span.line, span.column),
    };
    let start = match error {
        Error::UnsupportedTag { .. } => start_of_tag(text, start),
        _ => start,
    };
    let end = match span.end > span.start {
        true => span.end.max(start),
        false => start + text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8),
    };
    let start = start.min(text.len());
    Span::of(text, start, end.min(text.len()))
}

fn byte_at(text: &str, line: u32, column: u32) -> usize {
    let mut start = 0;
    for (number, content) in (1..).zip(text.split_inclusive('\n')) {
        if number == line {
            let before: usize = content.chars().take(column.saturating_sub(1) as usize).map(char::len_utf8).sum();
            return start + before;
        }
        start += content.len();
    }
    text.len()
}

fn start_of_tag(text: &str, behind: usize) -> usize {
    let before = text.get(..behind).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let mark = before.get(line_start..).and_then(|line| line.find('!')).map(|mark| mark + line_start);
    mark.unwrap_or(behind)
}

/// The text from `start` to the next blank, for naming it.
fn word_at(text: &str, start: usize) -> &str {
    let rest = text.get(start..).unwrap_or_default();
    rest.split([' ', '\t', '\n', '\r', ',', ']', '}']).next().unwrap_or_default()
}

/// Every whole number that is too large to be kept whole: an id of 20 digits is better a string.
pub(super) fn imprecise_numbers(document: &Node, problems: &mut Vec<Problem>) {
    document.walk(&mut |node| {
        let Kind::Number(number, text) = &node.kind else { return };
        if number.is_f64() && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-')) {
            problems.push(Problem {
                code: "yaml-number",
                message: "the number is too large to be kept exactly".to_owned(),
                help: Some(accident::quote(text)),
                span: node.span,
                is_warning: true,
                related: None,
            });
        }
    });
}

/// Every key that its mapping has had before.
pub(super) fn duplicate_keys(document: &Node, problems: &mut Vec<Problem>) {
    document.walk(&mut |node| {
        let Kind::Map(entries) = &node.kind else { return };
        let mut first = std::collections::HashMap::new();
        for Entry { key, key_span, .. } in entries {
            let earlier: Span = *first.entry(key.as_str()).or_insert(*key_span);
            if earlier != *key_span {
                problems.push(Problem {
                    code: "yaml-duplicate-key",
                    message: format!("the key `{key}` is written twice in this mapping"),
                    help: Some("keep one of them: a mapping has each key once".to_owned()),
                    span: *key_span,
                    is_warning: false,
                    related: Some((earlier, "first written here".to_owned())),
                });
            }
        }
    });
}
