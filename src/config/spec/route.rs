//! A route file: one route per YAML document.

use super::{OneOrMany, Ordered, Scalar, TargetSpec, TransformSpec, VerifySpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A hookswitch route: which webhooks it takes, and what it sends where.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "hookswitch route")]
pub struct RouteSpec {
    /// Unique name; the file's stem when it is not given.
    #[schemars(with = "String", regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    #[serde(default)]
    pub name: Option<String>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub description: Option<String>,
    /// `false` takes the route out without deleting it.
    #[schemars(with = "Scalar<bool>")]
    #[serde(default)]
    pub enabled: Option<Scalar<bool>>,
    #[schemars(with = "ActiveSpec")]
    #[serde(default)]
    pub active: Option<ActiveSpec>,
    /// Routes that take the same event run lower first, equal ones together. Default 0.
    #[schemars(with = "Scalar<i64>")]
    #[serde(default)]
    pub order: Option<Scalar<i64>>,
    #[serde(rename = "match")]
    pub matching: MatchSpec,
    /// Who may call. Required unless the route names a source; `none` says "anyone".
    #[schemars(with = "VerifySpec")]
    #[serde(default)]
    pub verify: Option<VerifySpec>,
    #[schemars(with = "BodySpec")]
    #[serde(default)]
    pub body: Option<BodySpec>,
    #[schemars(with = "LimitSpec")]
    #[serde(default)]
    pub limit: Option<LimitSpec>,
    /// A batch: every element of a list is an event of its own.
    #[schemars(with = "EachSpec")]
    #[serde(default)]
    pub each: Option<EachSpec>,
    /// Which events are repeats of one another; instead of the source's, where both say so.
    #[schemars(with = "DedupeSpec")]
    #[serde(default)]
    pub dedupe: Option<DedupeSpec>,
    /// Values computed once per event, in this order, after `when`.
    #[serde(default)]
    pub vars: Ordered<Value>,
    /// What people search for: in every log line and delivery record.
    #[serde(default)]
    pub labels: Ordered<String>,
    /// The targets; may be an empty list where `respond` answers by itself.
    #[schemars(with = "Vec<TargetSpec>")]
    #[serde(default)]
    pub targets: Option<Vec<TargetSpec>>,
    /// Shorthand for a list of one target.
    #[schemars(with = "TargetSpec")]
    #[serde(default)]
    pub target: Option<TargetSpec>,
    /// The transform of every target that has none of its own.
    #[schemars(with = "TransformSpec")]
    #[serde(default)]
    pub transform: Option<TransformSpec>,
    /// When the sender hears "yes".
    #[schemars(with = "AckSpec")]
    #[serde(default)]
    pub ack: Option<AckSpec>,
    /// For `ack: delivered`: all attempts of all targets fit in here. At most 300s.
    #[schemars(with = "String")]
    #[serde(default)]
    pub deadline: Option<String>,
    /// What the sender hears.
    #[schemars(with = "OneOrMany<RespondSpec>")]
    #[serde(default)]
    pub respond: Option<OneOrMany<RespondSpec>>,
}

/// A list whose elements are events of their own, each as `body`; `batch` is the whole.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EachSpec {
    /// The list, as `${body.events}`.
    #[serde(rename = "in")]
    pub list: String,
    /// A longer list is answered 422. Default 1000, at most 10000.
    #[schemars(with = "Scalar<u32>")]
    #[serde(default)]
    pub max: Option<Scalar<u32>>,
}

/// Which events are repeats of one another: they are joined, answered without being delivered again, or finished.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DedupeSpec {
    /// What identifies an event, as `${headers["x-request-id"]}`; `auto` is the provider's delivery id.
    pub key: String,
    /// How long what was delivered is remembered. Default 10m.
    #[schemars(with = "String")]
    #[serde(default)]
    pub window: Option<String>,
}

/// A validity period; either end may be open. RFC 3339 with an offset.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActiveSpec {
    #[schemars(with = "String")]
    #[serde(default)]
    pub from: Option<String>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub until: Option<String>,
}

/// Which requests the route takes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchSpec {
    /// `/hooks/{account}/{*rest}`: `{name}` is one segment, `{*rest}` the rest, which may be empty.
    #[schemars(with = "String", regex(pattern = r"^(/|\$\{)"))]
    #[serde(default)]
    pub path: Option<String>,
    /// A source of hookswitch.yaml, instead of path, methods, hosts, verify, body and a limit by client_ip.
    #[schemars(with = "String")]
    #[serde(default)]
    pub source: Option<String>,
    /// Default `[POST]`.
    #[schemars(with = "Vec<MethodSpec>")]
    #[serde(default)]
    pub methods: Option<Vec<MethodSpec>>,
    /// Host names without port; `*.example.com` matches every name below it.
    #[schemars(with = "Vec<String>")]
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    /// All must match. A value is a glob, a list means any of them, null means absent.
    #[serde(default)]
    pub headers: Ordered<PatternSpec>,
    /// As `headers`, for query parameters.
    #[serde(default)]
    pub query: Ordered<PatternSpec>,
    /// A CEL condition.
    #[schemars(with = "String")]
    #[serde(default)]
    pub when: Option<String>,
    /// What a key that is not there does to `when`: makes it false (`ignore`), or fails the event (`error`).
    #[schemars(with = "AbsentSpec")]
    #[serde(default)]
    pub absent: Option<AbsentSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
pub enum MethodSpec {
    GET,
    HEAD,
    POST,
    PUT,
    PATCH,
    DELETE,
    OPTIONS,
}

impl MethodSpec {
    pub fn method(self) -> http::Method {
        match self {
            MethodSpec::GET => http::Method::GET,
            MethodSpec::HEAD => http::Method::HEAD,
            MethodSpec::POST => http::Method::POST,
            MethodSpec::PUT => http::Method::PUT,
            MethodSpec::PATCH => http::Method::PATCH,
            MethodSpec::DELETE => http::Method::DELETE,
            MethodSpec::OPTIONS => http::Method::OPTIONS,
        }
    }
}

/// A glob, a list of globs of which one must match, or null for "absent".
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PatternSpec {
    Absent(()),
    One(String),
    Any(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AbsentSpec {
    #[default]
    Ignore,
    Error,
}

/// What a body may be and how it is read.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodySpec {
    /// Content types that are let in; others are answered 415. Default `[json, form]`.
    #[schemars(with = "Vec<AcceptSpec>")]
    #[serde(default)]
    pub accept: Option<Vec<AcceptSpec>>,
    /// Parse so, whatever the content type says.
    #[serde(default, rename = "as")]
    #[schemars(with = "FormatSpec")]
    pub read_as: Option<FormatSpec>,
    /// Larger bodies are answered 413. Default 1MiB.
    #[schemars(with = "String")]
    #[serde(default)]
    pub max_size: Option<String>,
    /// The path of a JSON Schema that the body must meet, from the folder of this file or from the configuration folder;
    /// other bodies are answered 422 with the places where they do not.
    #[schemars(with = "String")]
    #[serde(default)]
    pub schema: Option<String>,
}

/// How much may come; more is answered 429.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    /// `50/s`, `600/m` or `1000/h`.
    pub rate: String,
    /// So many may come at once after a quiet time. Default: the number of `rate`.
    #[schemars(with = "Scalar<u32>")]
    #[serde(default)]
    pub burst: Option<Scalar<u32>>,
    /// What is counted: all together (`route`, the default), each `client_ip`, or each value of an expression, `${…}`.
    #[schemars(with = "String", regex(pattern = r"^(route|client_ip)$|^\$\{"))]
    #[serde(default)]
    pub by: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AcceptSpec {
    Json,
    Form,
    Multipart,
    Xml,
    Text,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FormatSpec {
    Json,
    Form,
    Multipart,
    Xml,
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AckSpec {
    /// After every required target of every route that took the event has succeeded.
    #[default]
    Delivered,
    /// At once, with 202: deliveries go on in memory, with the whole retry schedule. A crash loses what was there.
    Accepted,
    /// Not in this version.
    Queued,
}

/// An answer of the route's own. Of a list, the first whose `on` fits answers.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RespondSpec {
    /// Default `[delivered, accepted]`.
    #[schemars(with = "OneOrMany<OutcomeSpec>")]
    #[serde(default)]
    pub on: Option<OneOrMany<OutcomeSpec>>,
    /// Relay this target's answer: status, content type and body.
    #[schemars(with = "String")]
    #[serde(default)]
    pub from: Option<String>,
    /// Default: what it would be without `respond` (200, 202 for `accepted`, 502 and the like for `failed`).
    #[schemars(with = "Scalar<u16>")]
    #[serde(default)]
    pub status: Option<Scalar<u16>>,
    #[serde(default)]
    pub headers: Ordered<String>,
    /// A JSON body; every `${…}` is CEL.
    #[serde(default)]
    pub body: Option<Value>,
    /// A text body; every `${…}` is CEL.
    #[schemars(with = "String")]
    #[serde(default)]
    pub text: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeSpec {
    /// Every required target has the event.
    Delivered,
    /// `ack: accepted`: the event is in the router's hands.
    Accepted,
    /// No route took the event.
    Ignored,
    /// The event was delivered before.
    Duplicate,
    /// A required target failed for good, or the deadline passed.
    Failed,
}
