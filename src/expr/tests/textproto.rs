//! Just enough of protobuf's text format to read the conformance cases.
//! <https://protobuf.dev/reference/protobuf/textformat-spec/>

/// A message: its fields in order, repeated ones repeated.
#[derive(Debug, Clone, Default)]
pub(super) struct Message(pub(super) Vec<(String, Field)>);

#[derive(Debug, Clone)]
pub(super) enum Field {
    Message(Message),
    /// A number or an enum's name, as written.
    Word(String),
    Text(Vec<u8>),
}

impl Message {
    pub(super) fn all<'m, 'n>(&'m self, name: &'n str) -> impl Iterator<Item = &'m Field> + use<'m, 'n> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, field)| field)
    }

    pub(super) fn message(&self, name: &str) -> Option<&Message> {
        self.all(name).find_map(|field| match field {
            Field::Message(message) => Some(message),
            _ => None,
        })
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.all(name).find_map(|field| match field {
            Field::Text(text) => String::from_utf8(text.clone()).ok(),
            _ => None,
        })
    }
}

pub(super) fn parse(source: &str) -> Message {
    let mut reader = Reader { bytes: source.as_bytes(), at: 0 };
    reader.message()
}

struct Reader<'s> {
    bytes: &'s [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b'#') => {
                    let rest = &self.bytes[self.at..];
                    self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                Some(byte) if byte.is_ascii_whitespace() || matches!(byte, b',' | b';') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn message(&mut self) -> Message {
        let mut fields = Vec::new();
        while let Some(byte) = self.peek() {
            if byte == b'}' {
                self.at += 1;
                break;
            }
            let name = self.word();
            if self.peek() == Some(b':') {
                self.at += 1;
            }
            fields.push((name, self.field()));
        }
        Message(fields)
    }

    fn field(&mut self) -> Field {
        match self.peek() {
            Some(b'{') => {
                self.at += 1;
                Field::Message(self.message())
            }
            Some(b'"' | b'\'') => {
                let mut text = Vec::new();
                while matches!(self.peek(), Some(b'"' | b'\'')) {
                    text.extend(self.text());
                }
                Field::Text(text)
            }
            _ => Field::Word(self.word()),
        }
    }

    /// A name, a number, or an extension's or a type URL's name in brackets.
    fn word(&mut self) -> String {
        self.peek();
        let start = self.at;
        if self.bytes[start] == b'[' {
            self.at += self.bytes[start..].iter().position(|byte| *byte == b']').expect("a closing bracket") + 1;
        } else {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.');
            self.at += self.bytes[start..].iter().take_while(|byte| is_part(byte)).count();
        }
        assert!(self.at > start, "nothing at byte {start}");
        String::from_utf8(self.bytes[start..self.at].to_vec()).expect("a word is ASCII")
    }

    fn text(&mut self) -> Vec<u8> {
        let quote = self.bytes[self.at];
        self.at += 1;
        let mut text = Vec::new();
        while self.bytes[self.at] != quote {
            let byte = self.bytes[self.at];
            self.at += 1;
            if byte == b'\\' { self.escape(&mut text) } else { text.push(byte) }
        }
        self.at += 1;
        text
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let letter = self.bytes[self.at];
        self.at += 1;
        match letter {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'a' => text.push(7),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'v' => text.push(11),
            b'x' | b'X' => text.push(self.digits(16, 2) as u8),
            b'u' | b'U' => {
                let code = self.digits(16, if letter == b'u' { 4 } else { 8 });
                let letter = char::from_u32(code).expect("a code point");
                text.extend(letter.to_string().as_bytes());
            }
            b'0'..=b'7' => {
                self.at -= 1;
                text.push(self.digits(8, 3) as u8);
            }
            other => text.push(other),
        }
    }

    fn digits(&mut self, radix: u32, most: usize) -> u32 {
        let digits = self.bytes[self.at..].iter().take(most).map_while(|byte| char::from(*byte).to_digit(radix));
        let digits: Vec<u32> = digits.collect();
        self.at += digits.len();
        digits.iter().fold(0, |number, digit| number * radix + digit)
    }
}
