//! Who may call.

mod handshake;
mod provider;

pub use handshake::*;
pub use provider::*;

use super::{OneOrMany, Scalar, SecretsSpec};
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

/// One check: exactly one of `provider`, `hmac`, `shared`, `basic`, `bearer`, `jwt`, `ip`, `any`.
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
    #[schemars(with = "BasicCheckSpec")]
    #[serde(default)]
    pub basic: Option<BasicCheckSpec>,
    /// The token.
    #[schemars(with = "SecretsSpec")]
    #[serde(default)]
    pub bearer: Option<SecretsSpec>,
    /// Tokens of an issuer of your own.
    #[schemars(with = "JwtCheckSpec")]
    #[serde(default)]
    pub jwt: Option<JwtCheckSpec>,
    /// The sender's addresses, in CIDR notation.
    #[schemars(with = "OneOrMany<String>")]
    #[serde(default)]
    pub ip: Option<OneOrMany<String>>,
    /// Alternatives, each a check or a list of checks that must all pass; one of them is enough.
    #[schemars(with = "Vec<OneOrMany<CheckSpec>>")]
    #[serde(default)]
    pub any: Option<Vec<OneOrMany<CheckSpec>>>,
    /// The secret of `provider`, `hmac` and `shared`; a list lets any of them match (rotation).
    #[schemars(with = "SecretsSpec")]
    #[serde(default)]
    pub secret: Option<SecretsSpec>,
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
    #[schemars(with = "SecretsSpec")]
    #[serde(default)]
    pub secondary: Option<SecretsSpec>,
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
    #[schemars(with = "SecretsSpec")]
    #[serde(default)]
    pub private_key: Option<SecretsSpec>,
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
    /// The topic that messages must be of; its subscription is then confirmed (`aws_sns`).
    #[schemars(with = "String")]
    #[serde(default)]
    pub topic_arn: Option<String>,
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

/// JSON Web Tokens (RFC 7519) of one issuer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtCheckSpec {
    /// Where the issuer's public keys are (a JSON Web Key Set): an https URL, or the path of a file.
    pub jwks: String,
    /// What `iss` must be.
    pub issuer: String,
    /// What `aud` must be, or hold; any of a list.
    pub audience: OneOrMany<String>,
    /// Default: all that fit the keys.
    #[schemars(with = "Vec<PublicAlgorithmSpec>")]
    #[serde(default)]
    pub algorithms: Option<Vec<PublicAlgorithmSpec>>,
    /// Default `Authorization`, with `Bearer` before the token.
    #[schemars(with = "String")]
    #[serde(default)]
    pub header: Option<String>,
}

/// Signatures that a public key verifies (RFC 7518, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum PublicAlgorithmSpec {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    EdDSA,
}

/// A user's name and password (RFC 7617).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicCheckSpec {
    pub username: String,
    pub password: SecretsSpec,
}

/// A secret that the sender shows as it is.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SharedSpec {
    Header(String),
    Query(String),
}
