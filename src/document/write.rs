//! A document back to JSON text, and to the value that JSON Schema and tests work on.

#![expect(clippy::indexing_slicing, reason = "four bits are less than sixteen")]

use super::arena::Tag;
use super::scan::find_special;
use super::{Document, Handle, Kind, Node};
use serde_json::{Number, Value};
use std::fmt;

impl Node<'_> {
    /// Appends compact JSON; numbers keep their text.
    pub fn write_json(self, out: &mut Vec<u8>) {
        let raw = self.raw();
        match raw.tag {
            Tag::Null | Tag::Index => out.extend_from_slice(b"null"),
            Tag::False => out.extend_from_slice(b"false"),
            Tag::True => out.extend_from_slice(b"true"),
            Tag::Number => out.extend_from_slice(self.arena().text(raw).as_bytes()),
            Tag::Plain | Tag::Text => write_raw_string(self, out),
            Tag::List => {
                out.push(b'[');
                for (position, item) in self.items().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    item.write_json(out);
                }
                out.push(b']');
            }
            Tag::Map | Tag::SortedMap => self.write_map(out),
        }
    }

    fn write_map(self, out: &mut Vec<u8>) {
        out.push(b'{');
        let first = self.raw().start;
        for entry in 0..self.raw().len {
            if entry > 0 {
                out.push(b',');
            }
            let key = first + 2 * entry;
            write_raw_string(self.sibling(key), out);
            out.push(b':');
            self.sibling(key + 1).write_json(out);
        }
        out.push(b'}');
    }

    /// The same value for `serde_json`: integers beyond 64 bits become the nearest double, and a number that no double
    /// holds (`1e999`) becomes a string of its text.
    pub fn to_value(self) -> Value {
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool(self.as_bool() == Some(true)),
            Kind::Number => {
                let text = self.number_text().unwrap_or_default();
                text.parse::<Number>().map_or_else(|_| Value::String(text.to_owned()), Value::Number)
            }
            Kind::String => Value::String(self.as_str().unwrap_or_default().to_owned()),
            Kind::List => self.items().map(Node::to_value).collect(),
            Kind::Map => Value::Object(self.entries().map(|(key, value)| (key.to_owned(), value.to_value())).collect()),
        }
    }
}

fn write_raw_string(node: Node<'_>, out: &mut Vec<u8>) {
    let raw = node.raw();
    let text = node.arena().text(raw);
    if raw.tag == Tag::Plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        write_string(text, out);
    }
}

/// Appends `text` as a JSON string with its quotes. Only what RFC 8259 asks for is escaped: quotes, backslashes and
/// control characters.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut from = 0;
    loop {
        let special = find_special(bytes, from);
        out.extend_from_slice(bytes.get(from..special).unwrap_or_default());
        let Some(&byte) = bytes.get(special) else { break };
        write_escape(byte, out);
        from = special + 1;
    }
    out.push(b'"');
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

impl fmt::Display for Node<'_> {
    /// Compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = Vec::new();
        self.write_json(&mut json);
        f.write_str(&String::from_utf8_lossy(&json))
    }
}

/// As JSON: it is made for tests, and payloads do not belong in logs.
impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.root(), f)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.node(), f)
    }
}
