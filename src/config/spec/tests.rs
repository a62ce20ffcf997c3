//! `*.test.yaml`: requests and the deliveries that they must lead to.

use super::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Examples that `hookswitch test` runs, offline.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "hookswitch examples")]
pub struct TestFileSpec {
    pub tests: Vec<TestSpec>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestSpec {
    pub name: String,
    pub request: TestRequestSpec,
    /// `true` runs `verify` (for captured requests); default: the event counts as verified.
    #[serde(default)]
    pub check_signature: bool,
    /// The clock (RFC 3339).
    #[schemars(with = "String")]
    #[serde(default)]
    pub at: Option<String>,
    /// What targets answer, by name; default 200 with `{}`.
    #[serde(default)]
    pub answers: Ordered<TestAnswerSpec>,
    pub expect: ExpectSpec,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestRequestSpec {
    /// Default POST.
    #[schemars(with = "super::MethodSpec")]
    #[serde(default)]
    pub method: Option<super::MethodSpec>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub path: Option<String>,
    /// Instead of `path`: the whole URL, which is then also the public URL.
    #[schemars(with = "String")]
    #[serde(default)]
    pub url: Option<String>,
    /// A mapping, or a list of `[name, value]` where order and repetition matter.
    #[schemars(with = "TestHeadersSpec")]
    #[serde(default)]
    pub headers: Option<TestHeadersSpec>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub client_ip: Option<String>,
    /// A JSON body.
    #[serde(default)]
    pub body: Option<Value>,
    /// A file beside this one.
    #[schemars(with = "String")]
    #[serde(default)]
    pub body_file: Option<String>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub body_base64: Option<String>,
    /// An urlencoded body: as text, or as a mapping (nested values in PHP brackets).
    #[serde(default)]
    pub form: Option<Value>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub text: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TestHeadersSpec {
    Map(Ordered<String>),
    List(Vec<(String, String)>),
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestAnswerSpec {
    /// Default 200.
    #[schemars(with = "u16")]
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub headers: Ordered<String>,
    #[serde(default)]
    pub body: Option<Value>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub text: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectSpec {
    /// The routes that take the event, whole and in order.
    #[schemars(with = "Vec<String>")]
    #[serde(default)]
    pub routes: Option<Vec<String>>,
    /// The deliveries, whole, in route, then file order.
    #[schemars(with = "Vec<ExpectDeliverySpec>")]
    #[serde(default)]
    pub deliveries: Option<Vec<ExpectDeliverySpec>>,
    #[schemars(with = "ExpectResponseSpec")]
    #[serde(default)]
    pub response: Option<ExpectResponseSpec>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectDeliverySpec {
    #[schemars(with = "String")]
    #[serde(default)]
    pub route: Option<String>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub target: Option<String>,
    /// The configured target that `choose` has found.
    #[schemars(with = "String")]
    #[serde(default)]
    pub chosen: Option<String>,
    /// The element of a batch, from 0.
    #[schemars(with = "usize")]
    #[serde(default)]
    pub element: Option<usize>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub method: Option<String>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub url: Option<String>,
    /// These must be there; null must not.
    #[serde(default)]
    pub headers: Ordered<Option<String>>,
    /// A subset of the JSON body; a form or text body as its text.
    #[serde(default)]
    pub body: Option<Value>,
    /// The whole body.
    #[serde(default)]
    pub body_exact: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectResponseSpec {
    #[schemars(with = "u16")]
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub headers: Ordered<Option<String>>,
    #[serde(default)]
    pub body: Option<Value>,
    #[serde(default)]
    pub body_exact: Option<Value>,
}
