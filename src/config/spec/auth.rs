//! How a target knows us.

use super::{HmacSpec, OneOrMany, Ordered, SecretSpec};
use schemars::JsonSchema;
use serde::Deserialize;

/// How a target knows us: exactly one of these.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum AuthSpec {
    /// `authorization: Bearer …`
    Bearer(String),
    /// `authorization: Basic …` (RFC 7617)
    Basic(BasicSpec),
    Headers(Ordered<String>),
    Query(Ordered<String>),
    /// A bearer token of OAuth 2.0, asked for and renewed.
    OAuth2(Box<OAuth2Spec>),
    /// A signature of each attempt.
    Sign(Box<SignSpec>),
    /// AWS Signature Version 4.
    Aws(Box<AwsSpec>),
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicSpec {
    pub username: String,
    pub password: String,
}

/// RFC 6749: a token of the client's own, or one by a refresh token.
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuth2Spec {
    pub token_url: String,
    pub client_id: String,
    #[schemars(with = "String")]
    #[serde(default)]
    pub client_secret: Option<String>,
    /// One, several in one string, or a list.
    #[schemars(with = "OneOrMany<String>")]
    #[serde(default)]
    pub scopes: Option<OneOrMany<String>>,
    /// Default client_credentials.
    #[schemars(with = "GrantSpec")]
    #[serde(default)]
    pub grant: Option<GrantSpec>,
    /// The first one; where the endpoint gives another, that one is used from then on, as long as the process lives.
    #[schemars(with = "String")]
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// Where id and secret are written: the `authorization` header (basic, the default) or the form (post).
    #[schemars(with = "ClientAuthSpec")]
    #[serde(default)]
    pub client_auth: Option<ClientAuthSpec>,
    /// Further parameters of the form, as `audience`.
    #[serde(default)]
    pub params: Ordered<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantSpec {
    #[default]
    ClientCredentials,
    RefreshToken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuthSpec {
    #[default]
    Basic,
    Post,
}

/// With a known scheme, or with a keyed hash as in `verify`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignSpec {
    #[schemars(with = "SignSchemeSpec")]
    #[serde(default)]
    pub scheme: Option<SignSchemeSpec>,
    #[schemars(with = "HmacSpec")]
    #[serde(default)]
    pub hmac: Option<HmacSpec>,
    /// With several, `standard-webhooks` carries a signature of each, `hmac` that of the first.
    pub secret: OneOrMany<SecretSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignSchemeSpec {
    StandardWebhooks,
}

/// For which service, and with which key.
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsSpec {
    /// As `eu-central-1`.
    pub region: String,
    /// As `execute-api`, `lambda`, `sqs`, `events`, `s3`.
    pub service: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    /// Of temporary credentials.
    #[schemars(with = "String")]
    #[serde(default)]
    pub session_token: Option<String>,
}

impl std::fmt::Debug for OAuth2Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OAuth2Spec(…)")
    }
}

impl std::fmt::Debug for AwsSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwsSpec(…)")
    }
}
