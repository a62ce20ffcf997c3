//! The JSON parser: RFC 8259 and nothing beside it, one pass, no recursion, no allocation per value.

use super::arena::{Arena, Assembler, Raw, SOURCE_MAX, Tag};
use super::scan::find_special;
use super::{DEPTH_MAX, JsonError};

const BOM: &[u8] = b"\xef\xbb\xbf";

pub(super) fn parse(bytes: &[u8]) -> Result<Arena, JsonError> {
    let dropped = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    let bytes = bytes.get(dropped..).unwrap_or_default();
    let shift = |error: JsonError| JsonError { offset: error.offset + dropped, ..error };
    if bytes.len() > SOURCE_MAX {
        return Err(shift(JsonError { message: "the text is larger than 2 GiB", offset: SOURCE_MAX }));
    }
    let source = std::str::from_utf8(bytes)
        .map_err(|error| shift(JsonError { message: "invalid UTF-8", offset: error.valid_up_to() }))?;
    let mut parser = Parser { source, bytes, position: 0, assembler: Assembler::new(source) };
    match parser.document() {
        Ok(()) => Ok(parser.assembler.finish()),
        Err(message) => Err(shift(JsonError { message, offset: parser.position })),
    }
}

/// What is wrong; where is the parser's position.
type Step<T = ()> = Result<T, &'static str>;

struct Parser<'s> {
    source: &'s str,
    bytes: &'s [u8],
    position: usize,
    assembler: Assembler<'s>,
}

impl Parser<'_> {
    fn document(&mut self) -> Step {
        loop {
            self.value()?;
            if !self.after_value()? {
                break;
            }
        }
        self.skip_whitespace();
        if self.position < self.bytes.len() { Err("unexpected text after the value") } else { Ok(()) }
    }

    /// A scalar, or a container up to where its first value begins.
    fn value(&mut self) -> Step {
        loop {
            self.skip_whitespace();
            match self.peek() {
                Some(b'"') => return self.string(),
                Some(b'-' | b'0'..=b'9') => return self.number(),
                Some(b'{') => {
                    self.open(true)?;
                    self.skip_whitespace();
                    if self.peek() == Some(b'}') {
                        return Ok(());
                    }
                    self.key()?;
                }
                Some(b'[') => {
                    self.open(false)?;
                    self.skip_whitespace();
                    if self.peek() == Some(b']') {
                        return Ok(());
                    }
                }
                Some(b't') => return self.literal("true", Tag::True),
                Some(b'f') => return self.literal("false", Tag::False),
                Some(b'n') => return self.literal("null", Tag::Null),
                Some(_) => return Err("expected a value"),
                None => return Err("the text ends where a value should be"),
            }
        }
    }

    /// Closes what ends here. True where another value follows.
    fn after_value(&mut self) -> Step<bool> {
        while let Some(is_map) = self.assembler.in_map() {
            self.skip_whitespace();
            match (self.peek(), is_map) {
                (Some(b','), false) => {
                    self.position += 1;
                    return Ok(true);
                }
                (Some(b','), true) => {
                    self.position += 1;
                    self.skip_whitespace();
                    self.key()?;
                    return Ok(true);
                }
                (Some(b']'), false) | (Some(b'}'), true) => {
                    self.position += 1;
                    self.assembler.close();
                }
                (Some(_), false) => return Err("expected a comma or the end of the list"),
                (Some(_), true) => return Err("expected a comma or the end of the object"),
                (None, _) => return Err("the text ends inside a list or object"),
            }
        }
        Ok(false)
    }

    fn open(&mut self, is_map: bool) -> Step {
        if self.assembler.depth() >= DEPTH_MAX {
            return Err("nesting is deeper than 128");
        }
        self.position += 1;
        self.assembler.open(is_map);
        Ok(())
    }

    /// A key and its colon.
    fn key(&mut self) -> Step {
        if self.peek() != Some(b'"') {
            return Err("expected a key in double quotes");
        }
        self.string()?;
        self.skip_whitespace();
        if self.peek() != Some(b':') {
            return Err("expected a colon after the key");
        }
        self.position += 1;
        Ok(())
    }

    #[inline]
    fn string(&mut self) -> Step {
        let start = self.position + 1;
        let end = find_special(self.bytes, start);
        if self.bytes.get(end) == Some(&b'"') {
            self.assembler.push_range(Tag::Plain, start, end);
            self.position = end + 1;
            return Ok(());
        }
        self.position = start;
        self.escaped_string()
    }

    /// A string from `position` on, in pieces between its escapes.
    fn escaped_string(&mut self) -> Step {
        let start = self.assembler.decoded().len();
        loop {
            let end = find_special(self.bytes, self.position);
            // Both ends are next to ASCII, so they are boundaries of characters.
            let piece = self.source.get(self.position..end).unwrap_or_default();
            self.assembler.decoded().push_str(piece);
            self.position = end;
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    self.assembler.push_decoded(Tag::Text, start);
                    return Ok(());
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    self.assembler.decoded().push(character);
                }
                Some(_) => return Err("a control character in a string must be escaped"),
                None => return Err("the text ends inside a string"),
            }
        }
    }

    /// From the backslash on. On a mistake the position is that of the escape.
    fn escape(&mut self) -> Step<char> {
        let character = match self.bytes.get(self.position + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err("an unknown escape in a string"),
        };
        self.position += 2;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Step<char> {
        let unit = self.code_unit(self.position).ok_or("\\u takes four hexadecimal digits")?;
        let (code, len) = match unit {
            0xd800..=0xdbff => match self.code_unit(self.position + 6) {
                Some(low @ 0xdc00..=0xdfff) => (0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), 12),
                _ => return Err(LONE_SURROGATE),
            },
            _ => (unit, 6),
        };
        let character = char::from_u32(code).ok_or(LONE_SURROGATE)?;
        self.position += len;
        Ok(character)
    }

    /// The four hexadecimal digits of the `\u` at `position`.
    fn code_unit(&self, position: usize) -> Option<u32> {
        let [b'\\', b'u', digits @ ..] = self.bytes.get(position..position + 6)? else { return None };
        digits.iter().try_fold(0, |unit, &digit| Some(unit * 16 + char::from(digit).to_digit(16)?))
    }

    fn number(&mut self) -> Step {
        let start = self.position;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        match self.peek() {
            Some(b'0') => self.position += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err("expected a digit"),
        }
        if self.peek() == Some(b'.') {
            self.position += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.position += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.position += 1;
            }
            self.digits()?;
        }
        self.assembler.push_range(Tag::Number, start, self.position);
        Ok(())
    }

    /// One digit at least.
    fn digits(&mut self) -> Step {
        let start = self.position;
        while let Some(b'0'..=b'9') = self.peek() {
            self.position += 1;
        }
        if self.position == start { Err("expected a digit") } else { Ok(()) }
    }

    fn literal(&mut self, word: &'static str, tag: Tag) -> Step {
        if !self.bytes.get(self.position..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return Err("expected a value");
        }
        self.position += word.len();
        self.assembler.push(Raw::of(tag));
        Ok(())
    }

    #[inline]
    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.position += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }
}

const LONE_SURROGATE: &str = "an escaped surrogate without its other half";
