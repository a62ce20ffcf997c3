//! A value of CEL, and how the rest of the program takes it apart.

use super::EvaluationError;
use crate::document::{Document, Handle};
use crate::secret::Secret;
use bytes::Bytes;
use chrono::{DateTime, FixedOffset, TimeDelta};
use std::borrow::Cow;
use std::sync::Arc;

mod compare;
mod view;
mod write;

pub(in crate::expr) use compare::{compare, equal};
pub(in crate::expr) use view::{Item, List, Map, View};

/// A value of CEL.
#[derive(Clone)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    /// A value inside a parsed document: scalars are read where they are needed.
    Node(Handle),
    List(Arc<Vec<Value>>),
    Map(Arc<Vec<(Value, Value)>>),
    Timestamp(DateTime<FixedOffset>),
    Duration(TimeDelta),
    /// An optional; `None` is `optional.none()`.
    Optional(Option<Arc<Value>>),
    /// A secret bound by `env("NAME")` or `file("PATH")`: a string that shows as its reference.
    Secret(Secret, Arc<str>),
    /// What `type(x)` gives: a type, by its CEL name.
    Type(&'static str),
}

impl Value {
    pub(in crate::expr) fn list(elements: Vec<Value>) -> Value {
        Value::List(Arc::new(elements))
    }

    pub(in crate::expr) fn map(entries: Vec<(Value, Value)>) -> Value {
        Value::Map(Arc::new(entries))
    }

    pub(in crate::expr) fn some(value: Value) -> Value {
        Value::Optional(Some(Arc::new(value)))
    }

    pub(in crate::expr) fn optional(value: Option<Value>) -> Value {
        Value::Optional(value.map(Arc::new))
    }

    /// The type's CEL name, as `type(x)` and messages say it.
    pub fn type_name(&self) -> &'static str {
        self.view().type_name()
    }

    /// `None` for an empty optional; the content of a full one; else the value itself.
    pub fn present(self) -> Option<Value> {
        match self {
            Value::Optional(content) => Arc::unwrap_or_clone(content?).present(),
            value => Some(value),
        }
    }

    /// The elements, where this is a list.
    pub fn elements(&self) -> Option<Vec<Value>> {
        match self.view() {
            View::List(list) => Some(list.iter().map(Item::to_value).collect()),
            _ => None,
        }
    }

    /// The entries, where this is a map with string keys only.
    pub fn entries(&self) -> Option<Vec<(String, Value)>> {
        match self.view() {
            View::Map(map) => map.iter().map(|(key, value)| Some((key.text()?.to_owned(), value.to_value()))).collect(),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.view(), View::Null)
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.view() {
            View::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Of any number without a fraction.
    pub fn as_int(&self) -> Option<i64> {
        match self.view() {
            View::Int(value) => Some(value),
            View::Uint(value) => i64::try_from(value).ok(),
            _ => None,
        }
    }

    /// A string (or secret) as it is; nothing for other types.
    pub fn as_str(&self) -> Option<&str> {
        match self.view() {
            View::String(text) => Some(text),
            _ => None,
        }
    }

    /// What [`Value::write_text`] writes, without a copy where this is a string already; `None` for an empty optional
    /// and for what has no text.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        if let Some(text) = self.as_str() {
            return Some(Cow::Borrowed(text));
        }
        let mut text = String::new();
        self.write_text(&mut text).ok()?;
        Some(Cow::Owned(text))
    }

    /// As a document of its own, secrets with their real values.
    pub fn to_document(&self) -> Result<Document, EvaluationError> {
        if let Value::String(text) = self {
            return Ok(Document::from_text(text));
        }
        let mut json = Vec::new();
        self.write_json(&mut json)?;
        Document::parse(Bytes::from(json)).map_err(|error| EvaluationError::Wrong(error.to_string()))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::String(Arc::from(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::String(Arc::from(value))
    }
}

impl From<&Document> for Value {
    fn from(document: &Document) -> Value {
        Value::Node(document.root().handle())
    }
}

/// Types and shapes only: a value may be payload or a secret.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Value({})", self.type_name())
    }
}

#[cfg(test)]
mod tests;
