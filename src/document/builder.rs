//! A document from something else than JSON text.

use super::Document;
use super::arena::{Assembler, Raw, Tag};
use serde_json::Value;

/// Takes values in document order: `begin_map`, then `key` and a value in turn, then `end`.
///
/// Keys may repeat, the last wins. What is still open in the end is closed; nothing at all makes null. How deep and how
/// much is the caller's to bound: all bytes together must stay below 2 GiB.
pub struct Builder {
    assembler: Assembler<'static>,
    /// A key waits for its value.
    key_waits: bool,
}

impl Builder {
    pub fn new() -> Builder {
        Builder { assembler: Assembler::new(""), key_waits: false }
    }

    pub fn begin_map(&mut self) {
        self.before_value();
        self.assembler.open(true);
    }

    pub fn begin_list(&mut self) {
        self.before_value();
        self.assembler.open(false);
    }

    /// Closes the innermost map or list.
    pub fn end(&mut self) {
        if self.key_waits {
            self.null();
        }
        self.assembler.close();
    }

    /// The key of the value that comes next; only inside a map.
    pub fn key(&mut self, key: &str) {
        debug_assert!(self.assembler.in_map() == Some(true) && !self.key_waits, "a key where none may stand");
        self.assembler.push_text(Tag::Text, key);
        self.key_waits = true;
    }

    pub fn string(&mut self, text: &str) {
        self.before_value();
        self.assembler.push_text(Tag::Text, text);
    }

    /// `text` is a number as JSON writes it (RFC 8259, section 6).
    pub fn number(&mut self, text: &str) {
        self.before_value();
        self.assembler.push_text(Tag::Number, text);
    }

    pub fn bool(&mut self, value: bool) {
        self.before_value();
        self.assembler.push(Raw::of(if value { Tag::True } else { Tag::False }));
    }

    pub fn null(&mut self) {
        self.before_value();
        self.assembler.push(Raw::of(Tag::Null));
    }

    /// A whole value with everything in it.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Bool(value) => self.bool(*value),
            Value::Number(number) => self.number(&number.to_string()),
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.begin_list();
                items.iter().for_each(|item| self.value(item));
                self.end();
            }
            Value::Object(entries) => {
                self.begin_map();
                for (key, value) in entries {
                    self.key(key);
                    self.value(value);
                }
                self.end();
            }
        }
    }

    pub fn finish(mut self) -> Document {
        while self.assembler.depth() > 0 {
            self.end();
        }
        self.assembler.finish().into()
    }

    fn before_value(&mut self) {
        debug_assert!(self.assembler.in_map() != Some(true) || self.key_waits, "a value in a map has a key");
        self.key_waits = false;
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}
