//! Where an event is sent: targets, their authentication, transforms and retry schedules.

use super::{AfterSpec, AuthSpec, EndSpec, OneOrMany, Ordered, OtherwiseSpec, Scalar};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// One target of a route, or (under `targets:` of hookswitch.yaml) a shared one.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetSpec {
    /// Unique within the route; default: the name of the shared target, else `target` (one) or `target-N`.
    #[schemars(with = "String", regex(pattern = r"^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$"))]
    #[serde(default)]
    pub name: Option<String>,
    /// A shared target of hookswitch.yaml; the keys written here override its own.
    #[serde(default, rename = "use")]
    #[schemars(with = "String")]
    pub shared: Option<String>,
    /// A CEL condition for this target only.
    #[schemars(with = "String")]
    #[serde(default)]
    pub when: Option<String>,
    #[schemars(with = "Scalar<bool>")]
    #[serde(default)]
    pub enabled: Option<Scalar<bool>>,
    /// `false`: the answer neither waits for this target nor depends on it; `strict`: a stored dead letter does not count as
    /// success. Default true.
    #[schemars(with = "RequiredSpec")]
    #[serde(default)]
    pub required: Option<RequiredSpec>,
    /// The targets of the route that must have ended before this one starts, which then sees their `answers`. Without it
    /// targets run side by side.
    #[schemars(with = "OneOrMany<AfterSpec>")]
    #[serde(default)]
    pub after: Option<OneOrMany<AfterSpec>>,
    /// How the targets of `after` must have ended, for those that do not say so themselves. Default `ok`.
    #[schemars(with = "OneOrMany<EndSpec>")]
    #[serde(default)]
    pub on: Option<OneOrMany<EndSpec>>,
    /// `${…}` that gives the name of one of `among`: host, credentials and everything that is not written here are its own.
    #[schemars(with = "String")]
    #[serde(default)]
    pub choose: Option<String>,
    /// Shared targets of hookswitch.yaml.
    #[schemars(with = "Vec<String>")]
    #[serde(default)]
    pub among: Option<Vec<String>>,
    /// `true`: runs when no other target of the route does. Beside `choose` the name of the shared target for what `among`
    /// does not name; without it such an event fails.
    #[schemars(with = "OtherwiseSpec")]
    #[serde(default)]
    pub otherwise: Option<OtherwiseSpec>,
    /// `http://…`, `https://…`, `stdout://` or `file:///path`; `${…}` is percent-encoded where it stands.
    #[schemars(with = "String")]
    #[serde(default)]
    pub url: Option<String>,
    /// Default POST. GET and HEAD carry no body.
    #[schemars(with = "super::MethodSpec")]
    #[serde(default)]
    pub method: Option<super::MethodSpec>,
    #[serde(default)]
    pub headers: Ordered<Option<String>>,
    #[serde(default)]
    pub query: Ordered<Option<String>>,
    #[schemars(with = "AuthSpec")]
    #[serde(default)]
    pub auth: Option<AuthSpec>,
    #[schemars(with = "TargetTlsSpec")]
    #[serde(default)]
    pub tls: Option<TargetTlsSpec>,
    #[schemars(with = "TransformSpec")]
    #[serde(default)]
    pub transform: Option<TransformSpec>,
    /// Of one attempt. Default 30s.
    #[schemars(with = "String")]
    #[serde(default)]
    pub timeout: Option<String>,
    #[schemars(with = "RetrySpec")]
    #[serde(default)]
    pub retry: Option<RetrySpec>,
    /// Statuses that count as success, or a CEL condition over `answer`. Default `[2xx]`.
    #[schemars(with = "OneOrMany<StatusSpec>")]
    #[serde(default)]
    pub success: Option<OneOrMany<StatusSpec>>,
    /// How fast it takes deliveries: they wait for their turn.
    #[schemars(with = "PaceSpec")]
    #[serde(default)]
    pub limit: Option<PaceSpec>,
    /// Leaves a target that is down alone for a while. Off unless set.
    #[schemars(with = "BreakerSpec")]
    #[serde(default)]
    pub breaker: Option<BreakerSpec>,
    /// A target of this route, or of hookswitch.yaml, that gets the event and what went wrong when this one fails for good.
    #[schemars(with = "String")]
    #[serde(default)]
    pub dead_letter: Option<String>,
    /// Answers are read up to here. Default 1MiB.
    #[schemars(with = "String")]
    #[serde(default)]
    pub answer_max: Option<String>,
    /// Which inbound headers are forwarded: `all`, `none` or a list of globs.
    #[schemars(with = "OneOrMany<String>")]
    #[serde(default)]
    pub forward_headers: Option<OneOrMany<String>>,
}

/// How fast a target takes deliveries: a rate, a number at once, or both.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaceSpec {
    /// Attempts in a time: `10/s`, `600/m`, `1000/h`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub rate: Option<String>,
    /// So many may go at once after a quiet time. Default: what comes in one second, at least 1.
    #[schemars(with = "Scalar<u32>")]
    #[serde(default)]
    pub burst: Option<Scalar<u32>>,
    /// Attempts under way at once.
    #[schemars(with = "Scalar<u32>")]
    #[serde(default)]
    pub concurrency: Option<Scalar<u32>>,
}

/// When a target counts as down, and for how long it is then left alone.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakerSpec {
    /// In a row: no connection, a broken one, no answer in time, 5xx. Default 5.
    #[schemars(with = "Scalar<u32>")]
    #[serde(default)]
    pub failures: Option<Scalar<u32>>,
    /// Until one attempt finds out whether the target is back. Default 30s.
    #[schemars(with = "String")]
    #[serde(default)]
    pub open: Option<String>,
}

/// What a target's failure means for the sender.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RequiredSpec {
    Switch(bool),
    Word(RequiredWordSpec),
    Reference(#[schemars(regex(pattern = r"^\$\{(env|file):"))] String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequiredWordSpec {
    /// The target itself must have the event.
    Strict,
}

/// With which TLS a target is spoken to. Each is PEM (`${file:…}`) or the path of a PEM file; a changed file is seen.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetTlsSpec {
    /// The authority that the target's certificate must come from, in place of the system's.
    #[schemars(with = "String")]
    #[serde(default)]
    pub ca: Option<String>,
    /// Our own certificate, and those up to the authority.
    #[schemars(with = "String")]
    #[serde(default)]
    pub cert: Option<String>,
    /// The private key of `cert`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub key: Option<String>,
}

/// A status as a number (`200`) or a string (`2xx`, `500-503`; in `success` also a CEL condition).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum StatusSpec {
    Code(u16),
    Text(String),
}

/// The shape of what is sent: `body`, `form` or `text`, or none of them (bytes pass unchanged).
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformSpec {
    /// A shared transform of hookswitch.yaml; the keys written here override its own.
    #[serde(default, rename = "use")]
    #[schemars(with = "String")]
    pub shared: Option<String>,
    /// A JSON body; every `${…}` is CEL, a list is shaped by a mapping with `$each`.
    #[serde(default)]
    pub body: Option<Value>,
    /// An urlencoded body; nested values are written with PHP brackets.
    #[serde(default)]
    pub form: Option<Value>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub text: Option<String>,
    /// How every `${…}` of `text` is escaped. Default none.
    #[schemars(with = "EscapeSpec")]
    #[serde(default)]
    pub escape: Option<EscapeSpec>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub content_type: Option<String>,
    /// null removes.
    #[serde(default)]
    pub headers: Ordered<Option<String>>,
    /// null removes.
    #[serde(default)]
    pub query: Ordered<Option<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EscapeSpec {
    Xml,
    Html,
    Json,
    #[default]
    None,
}

/// When a failed attempt is repeated.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrySpec {
    /// Retries after the first attempt, 0 to 10. Default 3.
    #[schemars(with = "Scalar<u32>")]
    #[serde(default)]
    pub max: Option<Scalar<u32>>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub delay: Option<String>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub max_delay: Option<String>,
    #[schemars(with = "BackoffSpec")]
    #[serde(default)]
    pub backoff: Option<BackoffSpec>,
    #[schemars(with = "Scalar<bool>")]
    #[serde(default)]
    pub jitter: Option<Scalar<bool>>,
    /// `connect`, `reset`, `timeout`, and statuses as `408`, `5xx`, `500-503`.
    #[schemars(with = "Vec<StatusSpec>")]
    #[serde(default)]
    pub on: Option<Vec<StatusSpec>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackoffSpec {
    #[default]
    Exponential,
    Constant,
}
