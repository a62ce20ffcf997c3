//! The tree of one YAML document.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_yaml::{Location, Spanned};
use std::fmt;

/// Nesting deeper than this is refused, so that no walk over a tree can exhaust the stack.
pub const DEPTH_MAX: usize = 48;

/// A place in a text. Lines and columns count from 1, columns in characters; `start` and `end` are bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Span {
    pub start: usize,
    pub end: usize,
    pub line: u32,
    pub column: u32,
}

/// A value and where it is written: for one that came through an alias or a merge key, where its anchor is.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub kind: Kind,
    pub span: Span,
    /// Where an alias or a merge key brings it in.
    pub used: Option<Span>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Null,
    Bool(bool),
    /// The number, and its own text.
    Number(serde_json::Number, String),
    String(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

impl Span {
    /// `start..end` of `text`, with line and column counted.
    pub fn of(text: &str, start: usize, end: usize) -> Span {
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
        Span {
            start,
            end: end.max(start),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    /// The written text.
    pub fn slice<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    pub(super) fn from_location(location: &Location) -> Span {
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let start = whole(location.span().byte_offset().unwrap_or_default());
        let length = whole(location.span().byte_len().unwrap_or_default());
        Span {
            start,
            end: start.saturating_add(length),
            line: count(location.line()),
            column: count(location.column()),
        }
    }
}

impl Node {
    /// As the library gives it. Numbers have no text of their own yet.
    fn of(spanned: Spanned<Kind>) -> Node {
        let used = (spanned.referenced != spanned.defined).then(|| Span::from_location(&spanned.referenced));
        Node { kind: spanned.value, span: Span::from_location(&spanned.defined), used }
    }

    /// The tree of a document of `text`.
    pub(super) fn of_text(spanned: Spanned<Kind>, text: &str) -> Node {
        let mut root = Node::of(spanned);
        root.keep_number_texts(text);
        root
    }

    fn keep_number_texts(&mut self, text: &str) {
        match &mut self.kind {
            Kind::Number(number, written) => {
                let own = self.span.slice(text);
                *written = if own.is_empty() { number.to_string() } else { own.to_owned() };
            }
            Kind::List(items) => items.iter_mut().for_each(|item| item.keep_number_texts(text)),
            Kind::Map(entries) => entries.iter_mut().for_each(|entry| entry.value.keep_number_texts(text)),
            Kind::Null | Kind::Bool(_) | Kind::String(_) => {}
        }
    }

    /// What the value is, in words: "a list", "nothing".
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(true) => "true",
            Kind::Bool(false) => "false",
            Kind::Number(..) => "a number",
            Kind::String(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The value as JSON. Order is kept; of duplicate keys (reported elsewhere) the last wins.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number, _) => Value::Number(number.clone()),
            Kind::String(value) => Value::String(value.clone()),
            Kind::List(items) => items.iter().map(Node::to_value).collect(),
            Kind::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.value.to_value())).collect(),
        }
    }

    /// The value at a JSON Pointer (RFC 6901), and the entry whose value it is.
    pub fn find(&self, pointer: &str) -> Option<(&Node, Option<&Entry>)> {
        let mut here = (self, None);
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            here = match &here.0.kind {
                Kind::List(items) => (items.get(token.parse::<usize>().ok()?)?, None),
                Kind::Map(entries) => {
                    let entry = entries.iter().rev().find(|entry| entry.key == token)?;
                    (&entry.value, Some(entry))
                }
                _ => return None,
            };
        }
        Some(here)
    }

    /// Every value in the tree, itself first.
    pub fn walk(&self, visit: &mut impl FnMut(&Node)) {
        visit(self);
        match &self.kind {
            Kind::List(items) => items.iter().for_each(|item| item.walk(visit)),
            Kind::Map(entries) => entries.iter().for_each(|entry| entry.value.walk(visit)),
            _ => {}
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        Kind::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Kind, E> {
        let number = serde_json::Number::from_f64(value);
        number.map(self::number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Kind, E> {
        Ok(Kind::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(Node::of(item));
        }
        items.shrink_to_fit();
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = access.next_entry::<Spanned<String>, Spanned<Kind>>()? {
            entries.push(Entry { key_span: Span::from_location(&key.defined), key: key.value, value: Node::of(value) });
        }
        entries.shrink_to_fit();
        Ok(Kind::Map(entries))
    }
}

fn number(number: serde_json::Number) -> Kind {
    Kind::Number(number, String::new())
}
