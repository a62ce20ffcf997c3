//! A parsed body: JSON (and whatever else was turned into the same shape) in one arena, read without copying.
//!
//! Numbers keep their own text, key order is kept, the last of duplicate keys wins (at the place of the first). This is
//! not `serde_json::Value`: building a tree of owned values costs several times more than the whole routing of a
//! webhook. Here a parse makes a handful of allocations whatever the number of values.
//!
//! [`Document::parse`] reads JSON, [`Builder`] takes any other format; both end in the same arena. Nothing here knows
//! about requests: content types and charsets are [`crate::body`]'s.

mod arena;
mod builder;
mod json;
mod scan;
mod write;

pub use builder::Builder;
pub use write::write_string;

use arena::{Arena, Raw, Tag};
use bytes::Bytes;
use std::sync::{Arc, LazyLock};

/// Why a text is not JSON (RFC 8259). `offset` counts bytes from the start of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {offset}")]
pub struct JsonError {
    pub message: &'static str,
    pub offset: usize,
}

/// Nesting deeper than this is refused.
pub const DEPTH_MAX: usize = 128;

/// A parsed value with everything in it. Cloning is cheap (one reference count).
#[derive(Clone)]
pub struct Document(Arc<Arena>);

/// A value inside a document, borrowed.
#[derive(Clone, Copy)]
pub struct Node<'d> {
    document: &'d Document,
    index: u32,
}

/// A value inside a document, owned: keeps its document alive.
#[derive(Clone)]
pub struct Handle {
    document: Document,
    index: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    List,
    Map,
}

impl Document {
    /// Parses strict JSON (RFC 8259). A leading byte order mark is dropped; invalid UTF-8 is an error.
    ///
    /// Where the RFC leaves a choice: a number of any size is accepted and kept as text; an escaped surrogate without its
    /// other half is refused, because no UTF-8 text can carry it on; nesting is bounded by [`DEPTH_MAX`].
    ///
    /// # Errors
    /// What is wrong and at which byte.
    pub fn parse(text: Bytes) -> Result<Document, JsonError> {
        json::parse(&text).map(Document::from)
    }

    /// From a value of the configuration or of a test file.
    pub fn from_value(value: &serde_json::Value) -> Document {
        let mut builder = Builder::new();
        builder.value(value);
        builder.finish()
    }

    /// A document that is one string.
    pub fn from_text(text: &str) -> Document {
        let mut builder = Builder::new();
        builder.string(text);
        builder.finish()
    }

    pub fn null() -> Document {
        static NULL: LazyLock<Document> = LazyLock::new(|| Builder::new().finish());
        NULL.clone()
    }

    pub fn root(&self) -> Node<'_> {
        Node { document: self, index: self.0.root() }
    }

    /// What it takes in memory, for whoever keeps it.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

impl From<Arena> for Document {
    fn from(arena: Arena) -> Document {
        Document(Arc::new(arena))
    }
}

impl<'d> Node<'d> {
    pub fn kind(self) -> Kind {
        match self.raw().tag {
            Tag::Null | Tag::Index => Kind::Null,
            Tag::False | Tag::True => Kind::Bool,
            Tag::Number => Kind::Number,
            Tag::Plain | Tag::Text => Kind::String,
            Tag::List => Kind::List,
            Tag::Map | Tag::SortedMap => Kind::Map,
        }
    }

    pub fn as_bool(self) -> Option<bool> {
        match self.raw().tag {
            Tag::True => Some(true),
            Tag::False => Some(false),
            _ => None,
        }
    }

    /// A number exactly as it was written.
    pub fn number_text(self) -> Option<&'d str> {
        let raw = self.raw();
        matches!(raw.tag, Tag::Number).then(|| self.arena().text(raw))
    }

    /// A string, unescaped.
    pub fn as_str(self) -> Option<&'d str> {
        let raw = self.raw();
        matches!(raw.tag, Tag::Plain | Tag::Text).then(|| self.arena().text(raw))
    }

    /// Elements of a list or entries of a map; 0 for scalars.
    pub fn len(self) -> usize {
        let raw = self.raw();
        match raw.tag {
            Tag::List | Tag::Map | Tag::SortedMap => raw.len as usize,
            _ => 0,
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of a map's key. Logarithmic in large maps.
    pub fn get(self, key: &str) -> Option<Node<'d>> {
        let entry = self.arena().find(self.raw(), key)?;
        Some(self.sibling(self.raw().start + 2 * entry + 1))
    }

    /// A list's element.
    pub fn at(self, index: usize) -> Option<Node<'d>> {
        let raw = self.raw();
        let index = u32::try_from(index).ok()?;
        (matches!(raw.tag, Tag::List) && index < raw.len).then(|| self.sibling(raw.start + index))
    }

    /// A list's elements (nothing for other kinds).
    pub fn items(self) -> impl ExactSizeIterator<Item = Node<'d>> + 'd {
        let raw = self.raw();
        let len = if matches!(raw.tag, Tag::List) { raw.len } else { 0 };
        (raw.start..raw.start + len).map(move |index| self.sibling(index))
    }

    /// A map's entries in order (nothing for other kinds).
    pub fn entries(self) -> impl ExactSizeIterator<Item = (&'d str, Node<'d>)> + 'd {
        let raw = self.raw();
        let len = if matches!(raw.tag, Tag::Map | Tag::SortedMap) { raw.len } else { 0 };
        (0..len).map(move |entry| {
            let key = raw.start + 2 * entry;
            (self.arena().text(self.arena().node(key)), self.sibling(key + 1))
        })
    }

    /// Tells this value from every other that is alive: the address of its document, and its number there.
    pub fn identity(self) -> (usize, u32) {
        (std::ptr::from_ref(self.arena()).addr(), self.index)
    }

    /// An owned handle to this value.
    pub fn handle(self) -> Handle {
        Handle { document: self.document.clone(), index: self.index }
    }

    fn arena(self) -> &'d Arena {
        &self.document.0
    }

    fn raw(self) -> Raw {
        self.arena().node(self.index)
    }

    fn sibling(self, index: u32) -> Node<'d> {
        Node { document: self.document, index }
    }
}

impl Handle {
    pub fn node(&self) -> Node<'_> {
        Node { document: &self.document, index: self.index }
    }
}

/// The same JSON value: numbers by their text, maps whatever the order of their keys.
impl PartialEq for Node<'_> {
    fn eq(&self, other: &Node<'_>) -> bool {
        let (kind, len) = (self.kind(), self.len());
        if kind != other.kind() || len != other.len() {
            return false;
        }
        match kind {
            Kind::Null => true,
            Kind::Bool => self.as_bool() == other.as_bool(),
            Kind::Number => self.number_text() == other.number_text(),
            Kind::String => self.as_str() == other.as_str(),
            Kind::List => self.items().eq(other.items()),
            Kind::Map => self.entries().all(|(key, value)| other.get(key) == Some(value)),
        }
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Document) -> bool {
        self.root() == other.root()
    }
}

impl PartialEq for Handle {
    fn eq(&self, other: &Handle) -> bool {
        self.node() == other.node()
    }
}

#[cfg(test)]
mod tests;
