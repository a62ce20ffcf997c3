//! Scalars that may also be given by reference (`${env:N}`), and the one-or-many shorthand.

use schemars::JsonSchema;
use serde::Deserialize;

/// A value of type `T`, or a string such as `${env:PORT:-8080}` that is coerced to `T` when the configuration loads.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar<T> {
    Value(T),
    Reference(#[schemars(regex(pattern = r"^\$\{(env|file):"))] String),
}

/// One `T`, or a list of them.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

/// A list is tried first: serde takes a list for a struct too, its elements for the fields in their order.
#[derive(Deserialize)]
#[serde(untagged)]
enum ListFirst<T> {
    Many(Vec<T>),
    One(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<OneOrMany<T>, D::Error> {
        Ok(match ListFirst::deserialize(deserializer)? {
            ListFirst::Many(many) => OneOrMany::Many(many),
            ListFirst::One(one) => OneOrMany::One(one),
        })
    }
}

impl<T> OneOrMany<T> {
    pub fn as_slice(&self) -> &[T] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}
