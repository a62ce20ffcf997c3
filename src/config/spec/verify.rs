//! Who may call.

mod handshake;
mod provider;

pub use handshake::*;
pub use provider::*;

use super::{BasicSpec, OneOrMany, Scalar};
use schemars::JsonSchema;
use serde::Deserialize;

/// `none`, one check, or a list of checks that must all pass.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "a handful of them live for as long as a configuration loads")]
pub enum VerifySpec {
    Word(VerifyWordSpec),
    Checks(OneOrMany<CheckSpec>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerifyWordSpec {
    /// Anyone may call.
    None,
}

/// One check: exactly one of `provider`, `hmac`, `shared`, `basic`, `bearer`, `ip`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckSpec {
    /// A known provider by name.
    #[schemars(with = "String")]
    #[serde(default)]
    pub provider: Option<String>,
    #[schemars(with = "HmacSpec")]
    #[serde(default)]
    pub hmac: Option<HmacSpec>,
    #[schemars(with = "SharedSpec")]
    #[serde(default)]
    pub shared: Option<SharedSpec>,
    #[schemars(with = "BasicSpec")]
    #[serde(default)]
    pub basic: Option<BasicSpec>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub bearer: Option<String>,
    /// The sender's addresses, in CIDR notation.
    #[schemars(with = "OneOrMany<String>")]
    #[serde(default)]
    pub ip: Option<OneOrMany<String>>,
    /// The secret of `provider`, `hmac` and `shared`; a list lets any of them match (rotation).
    #[schemars(with = "OneOrMany<SecretSpec>")]
    #[serde(default)]
    pub secret: Option<OneOrMany<SecretSpec>>,
    /// Replay window, for schemes that sign a timestamp; both ways.
    #[schemars(with = "String")]
    #[serde(default)]
    pub tolerance: Option<String>,
    /// For schemes that sign the URL: `scheme://host[:port][/prefix]` under which the sender reaches this endpoint; the
    /// raw path and query are appended. Default: `public_url` of the listener.
    #[schemars(with = "String")]
    #[serde(default)]
    pub public_url: Option<String>,
    /// For asymmetric schemes: PEM, or base64 or hex as the provider shows it; a list lets any of them match.
    #[schemars(with = "OneOrMany<String>")]
    #[serde(default)]
    pub public_key: Option<OneOrMany<String>>,
    /// The key whose signature stands in a header of its own while keys rotate (`box`).
    #[schemars(with = "OneOrMany<SecretSpec>")]
    #[serde(default)]
    pub secondary: Option<OneOrMany<SecretSpec>>,
    /// The application's key, which must stand in the request (`pusher`).
    #[schemars(with = "String")]
    #[serde(default)]
    pub app_key: Option<String>,
    /// The API key that a token must have been issued for (`livekit`).
    #[schemars(with = "String")]
    #[serde(default)]
    pub api_key: Option<String>,
    /// The serial number or id of the public key, which must stand in the request (`wechatpay`).
    #[schemars(with = "String")]
    #[serde(default)]
    pub serial: Option<String>,
    /// The private key with which a sender signs that calls it so (`braintree`).
    #[schemars(with = "OneOrMany<SecretSpec>")]
    #[serde(default)]
    pub private_key: Option<OneOrMany<SecretSpec>>,
    /// The id of the webhook, which is signed and not sent (`paypal`).
    #[schemars(with = "String")]
    #[serde(default)]
    pub webhook_id: Option<String>,
    /// For senders whose requests name a certificate: that certificate as PEM, so that none is fetched; a list lets any of
    /// them match (`aws_sns`, `paypal`).
    #[schemars(with = "OneOrMany<String>")]
    #[serde(default)]
    pub cert_pem: Option<OneOrMany<String>>,
    /// The one URL of a certificate that a request may name.
    #[schemars(with = "String")]
    #[serde(default)]
    pub cert_url: Option<String>,
    /// The token that a subscription handshake must show (`meta`).
    #[schemars(with = "String")]
    #[serde(default)]
    pub verify_token: Option<String>,
    /// What a confirmation handshake is answered with (`vk`).
    #[schemars(with = "String")]
    #[serde(default)]
    pub confirmation: Option<String>,
    /// The group that a confirmation handshake must name (`vk`).
    #[schemars(with = "Scalar<u64>")]
    #[serde(default)]
    pub group_id: Option<Scalar<u64>>,
    /// The origins that may send after an `OPTIONS` handshake (`cloudevents`); `*` is any.
    #[schemars(with = "OneOrMany<String>")]
    #[serde(default)]
    pub allowed_origins: Option<OneOrMany<String>>,
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

/// A keyed hash over the request in a header.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HmacSpec {
    pub header: String,
    #[schemars(with = "String")]
    #[serde(default)]
    pub prefix: Option<String>,
    /// Default sha256.
    #[schemars(with = "HmacAlgorithmSpec")]
    #[serde(default)]
    pub algorithm: Option<HmacAlgorithmSpec>,
    /// Default hex.
    #[schemars(with = "EncodingSpec")]
    #[serde(default)]
    pub encoding: Option<EncodingSpec>,
    /// `${text}` (the exact bytes, the default), `${timestamp}`, `${header:NAME}`, `${url}`, `${method}`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub message: Option<String>,
    #[schemars(with = "TimestampSpec")]
    #[serde(default)]
    pub timestamp: Option<TimestampSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HmacAlgorithmSpec {
    Sha1,
    #[default]
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EncodingSpec {
    #[default]
    Hex,
    Base64,
    /// Without padding, or with it.
    Base64url,
    /// Hex digits of either case; `hex` means lower case.
    #[serde(rename = "hex-any-case")]
    HexAnyCase,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimestampSpec {
    pub header: String,
    /// Default 5m, both ways.
    #[schemars(with = "String")]
    #[serde(default)]
    pub tolerance: Option<String>,
}

/// A secret that the sender shows as it is.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SharedSpec {
    Header(String),
    Query(String),
}
