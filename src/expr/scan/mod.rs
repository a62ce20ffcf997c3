//! Cuts a scalar of the configuration at its `${…}`: literal text, references, expressions.
//!
//! Nothing is parsed here: where an expression ends is decided from its strings, comments and brackets alone, so that
//! `}` may stand in a string or a map. What stands inside is for [`super::Expression::compile`].

use super::lexis::{self, Skipped};
use crate::secret::Reference;

/// A piece of a scalar as the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Literal(String),
    Reference(Reference),
    /// CEL between `${` and `}`; `offset` is the byte where it starts in the scalar.
    Expression {
        source: String,
        offset: usize,
    },
}

/// A scalar that cannot be cut into pieces: where and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanError {
    pub message: String,
    pub help: Option<String>,
    /// Bytes of the scalar.
    pub span: (usize, usize),
}

/// Cuts a scalar at its `${…}`: the end of an expression is where CEL ends (strings and braces inside are understood),
/// `$${` is a literal `${`. Neighbouring literals are one; an empty scalar has no pieces.
pub fn scan(text: &str) -> Result<Vec<Piece>, ScanError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("${") {
        let open = at + found;
        if text[at..open].ends_with('$') {
            literal.push_str(&text[at..open - 1]);
            literal.push_str("${");
            at = open + 2;
            continue;
        }
        literal.push_str(&text[at..open]);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        let (piece, end) = placeholder(text, open)?;
        pieces.push(piece);
        at = end;
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// What `${` at byte `open` begins, and the byte after its `}`.
fn placeholder(text: &str, open: usize) -> Result<(Piece, usize), ScanError> {
    let start = open + 2;
    let inside = &text[start..];
    if let Some(reference) = inside.strip_prefix("env:") {
        let close = start + 4 + matching_brace(reference).ok_or_else(|| unterminated(text, open))?;
        return Ok((Piece::Reference(environment_variable(text, open, close)?), close + 1));
    }
    if let Some(path) = inside.strip_prefix("file:") {
        let length = path.find('}').ok_or_else(|| unterminated(text, open))?;
        let path = path[..length].to_owned();
        let close = start + 5 + length;
        if path.trim().is_empty() {
            return Err(error("${file:} names no file", "write ${file:PATH}", (open, close + 1)));
        }
        return Ok((Piece::Reference(Reference::File { path }), close + 1));
    }
    let close = expression_end(text, open)?;
    let source = &text[start..close];
    let trimmed = source.trim();
    if trimmed.is_empty() {
        let help = "write an expression between the braces, or $${ for a literal ${";
        return Err(error("${} is empty", help, (open, close + 1)));
    }
    if trimmed.starts_with("env:") || trimmed.starts_with("file:") {
        let message = format!("spaces around {trimmed} are not allowed");
        return Err(error(message, format!("write ${{{trimmed}}}"), (open, close + 1)));
    }
    Ok((Piece::Expression { source: source.to_owned(), offset: start }, close + 1))
}

/// `NAME` or `NAME:-default` between `${env:` at `open` and the `}` at `close`.
fn environment_variable(text: &str, open: usize, close: usize) -> Result<Reference, ScanError> {
    let written = &text[open + 6..close];
    let (name, default) = match written.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (written, None),
    };
    if is_variable_name(name) {
        return Ok(Reference::Env { name: name.to_owned(), default });
    }
    let help = "a name is letters, digits and _, not beginning with a digit; a default follows :- as in ${env:NAME:-x}";
    let message = match name {
        "" => "${env:} names no environment variable".to_owned(),
        name => format!("`{name}` is not the name of an environment variable"),
    };
    Err(error(message, help, (open, close + 1)))
}

/// POSIX: letters, digits and underscores, not beginning with a digit.
pub(super) fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The `}` that closes what was opened before `text`, pairs inside left out.
fn matching_brace(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The `}` that ends the expression which `${` at `open` begins.
fn expression_end(text: &str, open: usize) -> Result<usize, ScanError> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = open + 2;
    while let Some(&byte) = bytes.get(at) {
        match lexis::skip(text, at) {
            Skipped::Whole(end) => {
                at = end;
                continue;
            }
            Skipped::Unterminated(end) => {
                let help = "close the string with the quote that opened it";
                return Err(error("a string in this expression is not closed", help.to_owned(), (at, end)));
            }
            Skipped::Nothing => {}
        }
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Ok(at),
            b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    Err(unterminated(text, open))
}

fn unterminated(text: &str, open: usize) -> ScanError {
    let written = text[open..].trim();
    let help = if written.contains('}') {
        "every { needs its }; for a literal ${ write $${".to_owned()
    } else {
        // YAML ends an unquoted value at ` #` and, inside {…} or […], at a bracket or a comma.
        let shown: String = written.chars().take(40).collect();
        format!(
            "if the file has more than this, YAML cut the value at ` #`, a bracket or a comma: quote it: '{shown}…}}'; \
             for a literal ${{ write $${{"
        )
    };
    error("${ is not closed", help, (open, text.len()))
}

fn error(message: impl Into<String>, help: impl Into<String>, span: (usize, usize)) -> ScanError {
    ScanError { message: message.into(), help: Some(help.into()), span }
}

#[cfg(test)]
mod tests;
