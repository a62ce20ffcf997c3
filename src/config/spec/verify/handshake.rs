//! What a provider wants to hear: its literal answers, and the requests that only establish that the endpoint is ours.

use super::super::{MethodSpec, Ordered};
use super::{AlgorithmSpec, EncodingSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A literal answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplySpec {
    /// Default 200.
    #[schemars(with = "u16")]
    #[serde(default)]
    pub status: Option<u16>,
    /// With `{query:NAME}`, `{header:NAME}`, `{form:NAME}`, `{parameter:NAME}`, `{json:/POINTER}`, `{mac}` and the check's
    /// parameters.
    #[schemars(with = "String")]
    #[serde(default)]
    pub text: Option<String>,
    /// As `text`, in every string; a string that is one variable keeps the JSON type.
    #[serde(default)]
    pub json: Option<Value>,
    #[serde(default)]
    pub headers: Ordered<String>,
}

/// A request that only establishes that the endpoint is ours, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandshakeSpec {
    /// Default POST.
    #[schemars(with = "MethodSpec")]
    #[serde(default)]
    pub method: Option<MethodSpec>,
    /// Place → what must stand there; `*` is anything, `{…}` a parameter of the check.
    #[serde(default)]
    pub when: Ordered<String>,
    /// Places that are not there, as the signature that every event has and the handshake has not.
    #[serde(default)]
    pub absent: Vec<String>,
    /// The provider signs it: verified before it is answered.
    #[serde(default)]
    pub signed: bool,
    /// What `{mac}` in the reply is.
    #[schemars(with = "HandshakeMacSpec")]
    #[serde(default)]
    pub mac: Option<HandshakeMacSpec>,
    /// The place of the secret with which the sender will sign from now on; the operator is told, and `secret` may be left
    /// out until then.
    #[schemars(with = "String")]
    #[serde(default)]
    pub gives: Option<String>,
    /// A URL in the request that is asked for (GET) before the answer, which confirms that the endpoint wants to be sent to.
    #[schemars(with = "VisitSpec")]
    #[serde(default)]
    pub visits: Option<VisitSpec>,
    pub reply: ReplySpec,
}

/// A URL that a handshake asks us to visit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VisitSpec {
    /// The place of the URL.
    pub url: String,
    /// A regular expression that the whole URL must match; it begins with `https://` and the host.
    pub matches: String,
}

/// A keyed hash of a value of the request, with the check's secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandshakeMacSpec {
    pub of: String,
    #[serde(default)]
    pub algorithm: AlgorithmSpec,
    #[serde(default)]
    pub encoding: EncodingSpec,
}
