//! When a target of a route starts, and which configured target it is.

use super::OneOrMany;
use schemars::JsonSchema;
use serde::Deserialize;

/// A target that must have ended before this one starts.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AfterSpec {
    /// Its name; `on` of the target, by default `ok`, says how it must have ended.
    Name(String),
    Ended(AfterEndedSpec),
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AfterEndedSpec {
    pub target: String,
    /// How it must have ended. Default: `on` of the target, else `ok`.
    #[schemars(with = "OneOrMany<EndSpec>")]
    #[serde(default)]
    pub on: Option<OneOrMany<EndSpec>>,
}

/// How a target's part in an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndSpec {
    /// It has the event.
    Ok,
    /// It was tried, or its request could not be built.
    Failed,
    /// It was to get nothing of this event.
    Skipped,
}

/// `true`: runs when no other target of the route does. A name, beside `choose`: the shared target for whatever `among`
/// does not name.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OtherwiseSpec {
    LastResort(bool),
    Target(String),
}
