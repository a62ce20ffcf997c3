//! The letters of CEL: where strings and comments end, which names stand where.
//!
//! Knows just enough to skip what must not be looked into and to find a name's place in the source; the grammar is the
//! parser's. Token forms: <https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax>.

#![expect(clippy::indexing_slicing, reason = "positions come from walking the same text")]

/// What begins at a byte that must be skipped as one.
pub(super) enum Skipped {
    /// A string, a quoted name or a comment; the byte after it.
    Whole(usize),
    /// A string without an end; the byte where looking stopped.
    Unterminated(usize),
    Nothing,
}

/// Looks for a string, a quoted name or a comment that begins at byte `at`.
pub(super) fn skip(text: &str, at: usize) -> Skipped {
    let bytes = text.as_bytes();
    match bytes.get(at) {
        Some(b'"' | b'\'') => string(text, at),
        Some(b'`') => match text[at + 1..].find(['`', '\n']) {
            Some(length) if bytes.get(at + 1 + length) == Some(&b'`') => Skipped::Whole(at + length + 2),
            _ => Skipped::Unterminated(text.len()),
        },
        Some(b'/') if bytes.get(at + 1) == Some(&b'/') => {
            Skipped::Whole(text[at..].find('\n').map_or(text.len(), |length| at + length))
        }
        _ => Skipped::Nothing,
    }
}

fn string(text: &str, at: usize) -> Skipped {
    let bytes = text.as_bytes();
    let quote = bytes[at];
    let raw = is_raw(bytes, at);
    let triple = bytes[at..].starts_with(&[quote; 3]);
    let mut next = at + if triple { 3 } else { 1 };
    while let Some(&byte) = bytes.get(next) {
        match byte {
            b'\\' if !raw => next += 2,
            b'\n' | b'\r' if !triple => return Skipped::Unterminated(next),
            _ if byte == quote && !triple => return Skipped::Whole(next + 1),
            _ if byte == quote && bytes[next..].starts_with(&[quote; 3]) => return Skipped::Whole(next + 3),
            _ => next += 1,
        }
    }
    Skipped::Unterminated(text.len())
}

/// Whether the quote at `at` follows a prefix with `r` in it (`r"…"`, `br'…'`), which is not the end of a name.
fn is_raw(bytes: &[u8], at: usize) -> bool {
    let start = bytes[..at].iter().rposition(|byte| !is_name_byte(*byte)).map_or(0, |before| before + 1);
    matches!(bytes[start..at].to_ascii_lowercase().as_slice(), b"r" | b"br" | b"rb")
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A token, as coarse as finding names and bounding a source needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Number,
    /// With its quotes; a quoted name too.
    String,
    /// One ASCII character.
    Symbol(u8),
    /// What CEL has no use for outside of strings: a control character or one beyond ASCII.
    Foreign,
    Unterminated,
}

/// Cuts a whole source into tokens; space and comments are left out. String prefixes (`r`, `b`) belong to the string.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let bytes = source.as_bytes();
    let mut tokens: Vec<Token> = Vec::new();
    let mut start = 0;
    while let Some(&byte) = bytes.get(start) {
        let (kind, end) = match (skip(source, start), byte) {
            (Skipped::Whole(end), b'/') => (None, end),
            (Skipped::Whole(end), _) => (Some(TokenKind::String), end),
            (Skipped::Unterminated(end), _) => (Some(TokenKind::Unterminated), end.max(start + 1)),
            (_, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) => (None, start + 1),
            (_, b'0'..=b'9') => (Some(TokenKind::Number), number_end(bytes, start)),
            (_, byte) if is_name_byte(byte) => name_or_prefixed(source, start),
            (_, byte) if byte.is_ascii_graphic() => (Some(TokenKind::Symbol(byte)), start + 1),
            _ => (Some(TokenKind::Foreign), start + source[start..].chars().next().map_or(1, char::len_utf8)),
        };
        tokens.extend(kind.map(|kind| Token { kind, start, end }));
        start = end;
    }
    tokens
}

/// A name, or a string that a prefix begins: `r"…"`, `b'…'`, `br"…"`.
fn name_or_prefixed(source: &str, start: usize) -> (Option<TokenKind>, usize) {
    let bytes = source.as_bytes();
    let end = bytes[start..].iter().position(|byte| !is_name_byte(*byte)).map_or(bytes.len(), |length| start + length);
    let is_prefix = matches!(bytes[start..end].to_ascii_lowercase().as_slice(), b"r" | b"b" | b"br" | b"rb");
    match bytes.get(end) {
        Some(b'"' | b'\'') if is_prefix => match skip(source, end) {
            Skipped::Whole(end) => (Some(TokenKind::String), end),
            Skipped::Unterminated(end) => (Some(TokenKind::Unterminated), end),
            Skipped::Nothing => (Some(TokenKind::Name), end),
        },
        _ => (Some(TokenKind::Name), end),
    }
}

/// `1`, `0x1F`, `1.5`, `2u`; the sign of an exponent is a token of its own, which matters to nobody here.
fn number_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    while let Some(&byte) = bytes.get(end) {
        let fraction = byte == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !is_name_byte(byte) && !fraction {
            break;
        }
        end += 1;
    }
    end
}
