//! Secrets: one, several while one is rotated, or one for each key of the event.

use super::{OneOrMany, Ordered};
use schemars::JsonSchema;
use serde::Deserialize;

/// One secret, a list of which any may match, or either of them for each key of the event.
pub type SecretsSpec = ByKeySpec<OneOrMany<SecretSpec>>;

/// The same for every event, or `by` and `values`: one for each key of the event.
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ByKeySpec<T> {
    // Tried first: serde takes a list for a mapping too, its elements for the values in their order.
    Same(T),
    Keyed(KeyedSpec<T>),
}

impl<T> ByKeySpec<T> {
    pub fn keyed(&self) -> Option<&KeyedSpec<T>> {
        match self {
            ByKeySpec::Same(_) => None,
            ByKeySpec::Keyed(keyed) => Some(keyed),
        }
    }
}

/// A value for each key of the event.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyedSpec<T> {
    /// The key, as `${params.account}`.
    pub by: String,
    pub values: Ordered<T>,
}

/// A secret, or one that stops being accepted at a moment (RFC 3339).
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SecretSpec {
    Plain(String),
    Dated(DatedSecretSpec),
}

#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatedSecretSpec {
    pub value: String,
    #[schemars(with = "String")]
    #[serde(default)]
    pub until: Option<String>,
}

impl<T> std::fmt::Debug for ByKeySpec<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByKeySpec(…)")
    }
}

impl std::fmt::Debug for SecretSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretSpec(…)")
    }
}

impl std::fmt::Debug for DatedSecretSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatedSecretSpec(…)")
    }
}
