//! Structured fields (RFC 9651) as far as signatures use them: dictionaries of byte sequences, and of lists of strings
//! with parameters. What does not follow the grammar to the letter is no field at all.

use crate::verify::signature::grammar::SIGNATURES_MAX;

/// A member of Signature-Input: what one signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input<'h> {
    pub label: &'h str,
    /// The value as it was written, which is itself signed.
    pub raw: &'h str,
    /// Names of components, without parameters of their own.
    pub components: Vec<&'h str>,
    parameters: Vec<(&'h str, &'h str)>,
}

impl Input<'_> {
    /// The text of a string without its quotes, or of a number.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

/// The members of a Signature-Input. One that has parameters on its components, or repeats one of its own, makes all of
/// them unreadable: that is simpler than a guess at what a sender meant.
pub(super) fn inputs(header: &str) -> Option<Vec<Input<'_>>> {
    members(header, |label, rest| {
        let (list, after) = inner_list(rest)?;
        let (parameters, after) = parameters(after)?;
        let raw = rest.get(..rest.len() - after.len())?;
        Some((Input { label, raw, components: list, parameters }, after))
    })
}

/// The members of a dictionary of byte sequences, each as its base64.
pub(super) fn byte_sequences(header: &str) -> Option<Vec<(&str, &str)>> {
    members(header, |label, rest| {
        let (bytes, after) = rest.strip_prefix(':')?.split_once(':')?;
        Some(((label, bytes), after))
    })
}

fn members<'h, T>(header: &'h str, value: impl Fn(&'h str, &'h str) -> Option<(T, &'h str)>) -> Option<Vec<T>> {
    let mut members = Vec::new();
    let mut labels = Vec::new();
    let mut rest = header;
    loop {
        let (label, after) = key(rest)?;
        let (member, after) = value(label, after.strip_prefix('=')?)?;
        if labels.contains(&label) || labels.len() == SIGNATURES_MAX {
            return None;
        }
        labels.push(label);
        members.push(member);
        let after = after.trim_start_matches([' ', '\t']);
        if after.is_empty() {
            return Some(members);
        }
        rest = after.strip_prefix(',')?.trim_start_matches([' ', '\t']);
    }
}

fn key(text: &str) -> Option<(&str, &str)> {
    let first = |byte: u8| byte.is_ascii_lowercase() || byte == b'*';
    let more = |byte: u8| first(byte) || byte.is_ascii_digit() || b"_-.".contains(&byte);
    let end = text.bytes().position(|byte| !more(byte)).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    name.bytes().next().filter(|byte| first(*byte)).map(|_| (name, rest))
}

fn inner_list(text: &str) -> Option<(Vec<&str>, &str)> {
    let mut rest = text.strip_prefix('(')?.trim_start_matches(' ');
    let mut list = Vec::new();
    while !rest.starts_with(')') {
        let (name, after) = string(rest)?;
        list.push(name);
        let spaced = after.trim_start_matches(' ');
        if spaced.len() == after.len() && !after.starts_with(')') {
            return None;
        }
        rest = spaced;
    }
    Some((list, rest.strip_prefix(')')?))
}

/// Names of components and parameters have no quotes or backslashes in them, so that none is unescaped.
fn string(text: &str) -> Option<(&str, &str)> {
    let (content, rest) = text.strip_prefix('"')?.split_once('"')?;
    if content.contains('\\') { None } else { Some((content, rest)) }
}

fn parameters(text: &str) -> Option<(Vec<(&str, &str)>, &str)> {
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix(';') {
        let (name, after) = key(after.trim_start_matches(' '))?;
        let (value, after) = bare(after.strip_prefix('=')?)?;
        if parameters.iter().any(|(other, _)| *other == name) {
            return None;
        }
        parameters.push((name, value));
        rest = after;
    }
    Some((parameters, rest))
}

/// A string or a run of digits: all that signatures have as parameters.
fn bare(text: &str) -> Option<(&str, &str)> {
    if text.starts_with('"') {
        return string(text);
    }
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    if (1..=15).contains(&end) { text.split_at_checked(end) } else { None }
}
