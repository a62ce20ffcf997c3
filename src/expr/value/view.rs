//! One way to look at a value, wherever it lives: built by an expression or standing in a parsed document.

use super::Value;
use crate::document::{Kind, Node};
use chrono::{DateTime, FixedOffset, TimeDelta};

/// A value, borrowed, with numbers read.
#[derive(Clone, Copy)]
pub(in crate::expr) enum View<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(&'v str),
    Bytes(&'v [u8]),
    List(List<'v>),
    Map(Map<'v>),
    Timestamp(DateTime<FixedOffset>),
    Duration(TimeDelta),
    Optional(Option<&'v Value>),
    Type(&'static str),
}

/// A value that has not been looked at.
#[derive(Clone, Copy)]
pub(in crate::expr) enum Item<'v> {
    Node(Node<'v>),
    Value(&'v Value),
    /// A map's key in a document.
    Key(&'v str),
}

#[derive(Clone, Copy)]
pub(in crate::expr) enum List<'v> {
    Node(Node<'v>),
    Values(&'v [Value]),
}

#[derive(Clone, Copy)]
pub(in crate::expr) enum Map<'v> {
    Node(Node<'v>),
    Entries(&'v [(Value, Value)]),
}

impl Value {
    pub(in crate::expr) fn view(&self) -> View<'_> {
        match self {
            Value::Null => View::Null,
            Value::Bool(value) => View::Bool(*value),
            Value::Int(value) => View::Int(*value),
            Value::Uint(value) => View::Uint(*value),
            Value::Double(value) => View::Double(*value),
            Value::String(text) => View::String(text),
            Value::Secret(secret, _) => View::String(secret.expose()),
            Value::Bytes(bytes) => View::Bytes(bytes),
            Value::Node(handle) => node(handle.node()),
            Value::List(elements) => View::List(List::Values(elements)),
            Value::Map(entries) => View::Map(Map::Entries(entries)),
            Value::Timestamp(time) => View::Timestamp(*time),
            Value::Duration(duration) => View::Duration(*duration),
            Value::Optional(content) => View::Optional(content.as_deref()),
            Value::Type(name) => View::Type(name),
        }
    }
}

fn node(node: Node<'_>) -> View<'_> {
    match node.kind() {
        Kind::Null => View::Null,
        Kind::Bool => View::Bool(node.as_bool().unwrap_or_default()),
        Kind::Number => match number(node.number_text().unwrap_or_default()) {
            Value::Int(value) => View::Int(value),
            Value::Uint(value) => View::Uint(value),
            Value::Double(value) => View::Double(value),
            _ => View::Null,
        },
        Kind::String => View::String(node.as_str().unwrap_or_default()),
        Kind::List => View::List(List::Node(node)),
        Kind::Map => View::Map(Map::Node(node)),
    }
}

/// A JSON number: int, uint above 2^63−1, double beyond and with a fraction or an exponent.
pub(in crate::expr) fn number(text: &str) -> Value {
    if !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        if let Ok(value) = text.parse() {
            return Value::Int(value);
        }
        if let Ok(value) = text.parse() {
            return Value::Uint(value);
        }
    }
    Value::Double(text.parse().unwrap_or(f64::NAN))
}

impl<'v> View<'v> {
    pub(in crate::expr) fn type_name(self) -> &'static str {
        match self {
            View::Null => "null_type",
            View::Bool(_) => "bool",
            View::Int(_) => "int",
            View::Uint(_) => "uint",
            View::Double(_) => "double",
            View::String(_) => "string",
            View::Bytes(_) => "bytes",
            View::List(_) => "list",
            View::Map(_) => "map",
            View::Timestamp(_) => "google.protobuf.Timestamp",
            View::Duration(_) => "google.protobuf.Duration",
            View::Optional(_) => "optional_type",
            View::Type(_) => "type",
        }
    }
}

impl<'v> Item<'v> {
    pub(in crate::expr) fn view(self) -> View<'v> {
        match self {
            Item::Node(item) => node(item),
            Item::Value(value) => value.view(),
            Item::Key(key) => View::String(key),
        }
    }

    /// Owned: a document's value by reference, no copy.
    pub(in crate::expr) fn to_value(self) -> Value {
        match self {
            Item::Node(node) => Value::Node(node.handle()),
            Item::Value(value) => value.clone(),
            Item::Key(key) => Value::from(key),
        }
    }

    pub(in crate::expr) fn text(self) -> Option<&'v str> {
        match self.view() {
            View::String(text) => Some(text),
            _ => None,
        }
    }
}

impl<'v> List<'v> {
    pub(in crate::expr) fn len(self) -> usize {
        match self {
            List::Node(node) => node.len(),
            List::Values(values) => values.len(),
        }
    }

    pub(in crate::expr) fn at(self, index: usize) -> Option<Item<'v>> {
        match self {
            List::Node(node) => node.at(index).map(Item::Node),
            List::Values(values) => values.get(index).map(Item::Value),
        }
    }

    pub(in crate::expr) fn iter(self) -> Box<dyn Iterator<Item = Item<'v>> + 'v> {
        match self {
            List::Node(node) => Box::new(node.items().map(Item::Node)),
            List::Values(values) => Box::new(values.iter().map(Item::Value)),
        }
    }
}

impl<'v> Map<'v> {
    pub(in crate::expr) fn len(self) -> usize {
        match self {
            Map::Node(node) => node.len(),
            Map::Entries(entries) => entries.len(),
        }
    }

    /// The value of a string key.
    pub(in crate::expr) fn field(self, name: &str) -> Option<Item<'v>> {
        match self {
            Map::Node(node) => node.get(name).map(Item::Node),
            Map::Entries(entries) => {
                let entry = entries.iter().find(|(key, _)| key.as_str() == Some(name));
                entry.map(|(_, value)| Item::Value(value))
            }
        }
    }

    /// The value of a key of any type; numbers are equal across their types.
    pub(in crate::expr) fn get(self, key: View<'_>) -> Option<Item<'v>> {
        match (self, key) {
            (_, View::String(name)) => self.field(name),
            (Map::Node(_), _) => None,
            (Map::Entries(entries), _) => {
                let entry = entries.iter().find(|(candidate, _)| super::compare::same_key(candidate.view(), key));
                entry.map(|(_, value)| Item::Value(value))
            }
        }
    }

    pub(in crate::expr) fn iter(self) -> Box<dyn Iterator<Item = (Item<'v>, Item<'v>)> + 'v> {
        match self {
            Map::Node(node) => Box::new(node.entries().map(|(key, value)| (Item::Key(key), Item::Node(value)))),
            Map::Entries(entries) => {
                Box::new(entries.iter().map(|(key, value)| (Item::Value(key), Item::Value(value))))
            }
        }
    }
}
