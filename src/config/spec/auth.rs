//! How a target knows us.

use super::{ByKeySpec, HmacSpec, OneOrMany, Ordered, SecretsSpec};
use schemars::JsonSchema;
use serde::Deserialize;

/// A text, or `by` and `values`: one for each key of the event.
pub type ByKeyTextSpec = ByKeySpec<String>;

/// How a target knows us: exactly one of these. What is secret, and what belongs to it, may be keyed (`by`), all of it by the
/// same key.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum AuthSpec {
    /// `authorization: Bearer …`
    Bearer(ByKeyTextSpec),
    /// `authorization: Basic …` (RFC 7617)
    Basic(BasicSpec),
    Headers(Ordered<ByKeyTextSpec>),
    Query(Ordered<ByKeyTextSpec>),
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
    pub username: ByKeyTextSpec,
    pub password: ByKeyTextSpec,
}

/// RFC 6749: a token of the client's own, or one by a refresh token.
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuth2Spec {
    pub token_url: ByKeyTextSpec,
    pub client_id: ByKeyTextSpec,
    #[schemars(with = "ByKeyTextSpec")]
    #[serde(default)]
    pub client_secret: Option<ByKeyTextSpec>,
    /// One, several in one string, or a list.
    #[schemars(with = "OneOrMany<String>")]
    #[serde(default)]
    pub scopes: Option<OneOrMany<String>>,
    /// Default client_credentials.
    #[schemars(with = "GrantSpec")]
    #[serde(default)]
    pub grant: Option<GrantSpec>,
    /// The first one; where the endpoint gives another, that one is used from then on, as long as the process lives.
    #[schemars(with = "ByKeyTextSpec")]
    #[serde(default)]
    pub refresh_token: Option<ByKeyTextSpec>,
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
    pub secret: SecretsSpec,
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
    pub access_key_id: ByKeyTextSpec,
    pub secret_access_key: ByKeyTextSpec,
    /// Of temporary credentials.
    #[schemars(with = "ByKeyTextSpec")]
    #[serde(default)]
    pub session_token: Option<ByKeyTextSpec>,
}

/// A keyed value of an `auth`.
pub struct KeyedPart<'s> {
    /// The keys that lead to it.
    pub path: Vec<&'s str>,
    pub by: &'s str,
    pub keys: Vec<&'s str>,
}

impl AuthSpec {
    /// Everything in it that is keyed, in the order of the keys above.
    pub fn keyed(&self) -> Vec<KeyedPart<'_>> {
        let parts = match self {
            AuthSpec::Bearer(token) => vec![part(vec!["bearer"], Some(token))],
            AuthSpec::Basic(basic) => {
                let values = [("username", Some(&basic.username)), ("password", Some(&basic.password))];
                values.map(|(key, value)| part(vec!["basic", key], value)).into()
            }
            AuthSpec::Headers(headers) => {
                headers.iter().map(|(name, value)| part(vec!["headers", name], Some(value))).collect()
            }
            AuthSpec::Query(query) => {
                query.iter().map(|(name, value)| part(vec!["query", name], Some(value))).collect()
            }
            AuthSpec::OAuth2(oauth2) => {
                let values = [
                    ("token_url", Some(&oauth2.token_url)),
                    ("client_id", Some(&oauth2.client_id)),
                    ("client_secret", oauth2.client_secret.as_ref()),
                    ("refresh_token", oauth2.refresh_token.as_ref()),
                ];
                values.map(|(key, value)| part(vec!["oauth2", key], value)).into()
            }
            AuthSpec::Sign(sign) => vec![part(vec!["sign", "secret"], Some(&sign.secret))],
            AuthSpec::Aws(aws) => {
                let values = [
                    ("access_key_id", Some(&aws.access_key_id)),
                    ("secret_access_key", Some(&aws.secret_access_key)),
                    ("session_token", aws.session_token.as_ref()),
                ];
                values.map(|(key, value)| part(vec!["aws", key], value)).into()
            }
        };
        parts.into_iter().flatten().collect()
    }
}

fn part<'s, T>(path: Vec<&'s str>, value: Option<&'s ByKeySpec<T>>) -> Option<KeyedPart<'s>> {
    let keyed = value?.keyed()?;
    Some(KeyedPart { path, by: &keyed.by, keys: keyed.values.keys().map(String::as_str).collect() })
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
