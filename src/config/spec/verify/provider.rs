//! What a provider's scheme looks like: the shape of the built-in table and of `providers:` in hookswitch.yaml.

use super::super::{OneOrMany, Ordered};
use super::{EncodingSpec, HandshakeSpec, ReplySpec};
use schemars::JsonSchema;
use serde::Deserialize;

/// A provider: how its webhooks are told from forged ones, and how it behaves as a sender.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderSpec {
    #[schemars(with = "String")]
    #[serde(default)]
    pub title: Option<String>,
    /// Another provider whose scheme this one uses, instead of `verify`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub like: Option<String>,
    /// Default: what the keys of `verify` say.
    #[schemars(with = "ProviderKindSpec")]
    #[serde(default)]
    pub kind: Option<ProviderKindSpec>,
    #[schemars(with = "SchemeSpec")]
    #[serde(default)]
    pub verify: Option<SchemeSpec>,
    /// How sure the facts are. Default for the user's own: `configured`.
    #[schemars(with = "ConfidenceSpec")]
    #[serde(default)]
    pub confidence: Option<ConfidenceSpec>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub notes: Option<String>,
    /// Where the facts come from.
    #[schemars(with = "String")]
    #[serde(default)]
    pub source: Option<String>,
    /// Informational: what a verifier needs besides a table.
    #[schemars(with = "String")]
    #[serde(default)]
    pub fits: Option<String>,
    /// What identifies a delivery over its retries, for `dedupe: {key: auto}`: `header:NAME`, `query:NAME`, `form:NAME`
    /// or `json:/POINTER`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub delivery_id: Option<String>,
    /// How long the sender waits for the answer.
    #[schemars(with = "String")]
    #[serde(default)]
    pub patience: Option<String>,
    /// `false`: the sender does not redeliver by itself.
    #[schemars(with = "bool")]
    #[serde(default)]
    pub retries: Option<bool>,
    /// The literal answer that the sender takes for a yes.
    #[schemars(with = "ReplySpec")]
    #[serde(default)]
    pub reply: Option<ReplySpec>,
    /// The status of a refusal where the sender wants another than 401.
    #[schemars(with = "u16")]
    #[serde(default)]
    pub refusal: Option<u16>,
    /// The place of the whole event where the sender encrypts it: AES-256-CBC in base64, the first block being the
    /// initialization vector, with the SHA-256 of the secret.
    #[schemars(with = "String")]
    #[serde(default)]
    pub sealed: Option<String>,
    /// Requests that only establish that the endpoint is ours.
    #[schemars(with = "OneOrMany<HandshakeSpec>")]
    #[serde(default)]
    pub handshake: Option<OneOrMany<HandshakeSpec>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKindSpec {
    /// A keyed hash over the request.
    Hmac,
    /// A plain hash with the secret inside.
    Hash,
    /// A public key verifies.
    Asymmetric,
    /// The secret itself stands in the request.
    Token,
    /// HTTP Basic (RFC 7617).
    Basic,
    /// The sender's address.
    IpAllowlist,
    /// A signed token over the body's digest (RFC 7519).
    Jwt,
    /// The sender proves nothing; where `verify` has a place, a check's secret must stand there.
    None,
}

/// How sure the facts of a provider are, surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConfidenceSpec {
    /// Written by the operator.
    Configured,
    /// The provider's own library was run against it.
    SdkVerified,
    /// An independent verifier was read.
    #[serde(rename = "3rd-party-code")]
    ThirdPartyCode,
    /// The provider's documentation, or a text that quotes it, was read.
    Doc,
    /// One source only.
    Source,
    Seed,
    /// Known from memory only: check it against the provider's documentation.
    Memory,
    /// Looked for, and nothing authoritative found.
    Unconfirmed,
}

impl ConfidenceSpec {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            ConfidenceSpec::Configured => "configured",
            ConfidenceSpec::SdkVerified => "sdk-verified",
            ConfidenceSpec::ThirdPartyCode => "3rd-party-code",
            ConfidenceSpec::Doc => "doc",
            ConfidenceSpec::Source => "source",
            ConfidenceSpec::Seed => "seed",
            ConfidenceSpec::Memory => "memory",
            ConfidenceSpec::Unconfirmed => "unconfirmed",
        }
    }
}

/// A scheme as data.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemeSpec {
    #[schemars(with = "AlgorithmSpec")]
    #[serde(default)]
    pub algorithm: Option<AlgorithmSpec>,
    #[schemars(with = "SignatureSpec")]
    #[serde(default)]
    pub signature: Option<SignatureSpec>,
    /// What is signed, with `{…}` in it: body, body_decoded, body_with_secret_at:/POINTER, ts, id, secret, method, path,
    /// url, url_port, url_decoded, url_base, form_sorted, form_pairs_sorted:EXCEPT,…, parameters_sorted,
    /// parameters_prefixed:PREFIX, json_values_sorted:EXCEPT:SECRET, headers_listed:LIST:MUST,…, nl, brace (`{`),
    /// sha256_hex:body, crc32:body, pair:NAME of the signature header, a parameter of the check (app_key, serial,
    /// webhook_id), json_string:VARIABLE, or a place: header:NAME, query:NAME, form:NAME, parameter:NAME (of the form, or
    /// of the query of a request without a body), json:/POINTER, part:NAME or part:NAME:/POINTER of a multipart body; of
    /// places with `|` between them the first that is there. What stands in `[…]` is left out when a place in it is
    /// missing. Of a list any may be what is signed. Default `{body}`.
    #[schemars(with = "OneOrMany<String>")]
    #[serde(default)]
    pub payload: Option<OneOrMany<String>>,
    #[schemars(with = "SignedTimeSpec")]
    #[serde(default)]
    pub timestamp: Option<SignedTimeSpec>,
    /// The header that `{id}` reads.
    #[schemars(with = "String")]
    #[serde(default)]
    pub id_header: Option<String>,
    #[schemars(with = "KeySpec")]
    #[serde(default)]
    pub key: Option<KeySpec>,
    /// What else must stand in the request: place → text, in which `{app_key}`, `{serial}` and `{webhook_id}` are the
    /// check's parameters, `{sha256_hex:body}` is the body's digest and `{base64_lines}` any text of base64.
    #[serde(default)]
    pub require: Ordered<String>,
    /// Places that must not be there, as a second element of a list of which only the first is signed.
    #[serde(default)]
    pub absent: Vec<String>,
    /// The sender's addresses, in CIDR notation.
    #[schemars(with = "Vec<String>")]
    #[serde(default)]
    pub networks: Option<Vec<String>>,
    #[schemars(with = "JwtSchemeSpec")]
    #[serde(default)]
    pub jwt: Option<JwtSchemeSpec>,
    /// The public key of `signature` stands in a certificate that the request names.
    #[schemars(with = "CertificateSpec")]
    #[serde(default)]
    pub certificate: Option<CertificateSpec>,
    /// HTTP message signatures (RFC 9421).
    #[schemars(with = "MessageSignatureSpec")]
    #[serde(default)]
    pub message_signature: Option<MessageSignatureSpec>,
    /// A token: the header that holds it.
    #[schemars(with = "String")]
    #[serde(default)]
    pub header: Option<String>,
    /// A token: the query parameter that holds it.
    #[schemars(with = "String")]
    #[serde(default)]
    pub query: Option<String>,
    /// A token: the form field that holds it.
    #[schemars(with = "String")]
    #[serde(default)]
    pub form: Option<String>,
    /// A token: the JSON Pointer to it.
    #[schemars(with = "String")]
    #[serde(default)]
    pub json: Option<String>,
    /// A token: the JSON Pointer to it in every element of a list, as `/value/*/clientState`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub json_each: Option<String>,
    /// A token in a header: what may stand before it, as `["", "Bearer "]`.
    #[schemars(with = "Vec<String>")]
    #[serde(default)]
    pub prefixes: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlgorithmSpec {
    #[serde(rename = "hmac-sha1")]
    HmacSha1,
    #[default]
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    #[serde(rename = "hmac-sha384")]
    HmacSha384,
    #[serde(rename = "hmac-sha512")]
    HmacSha512,
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    Ed25519,
    #[serde(rename = "ecdsa-p256-sha256")]
    EcdsaP256Sha256,
    #[serde(rename = "rsa-pkcs1-sha1")]
    RsaPkcs1Sha1,
    #[serde(rename = "rsa-pkcs1-sha256")]
    RsaPkcs1Sha256,
}

/// Where a signature stands and how it is written there.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureSpec {
    #[schemars(with = "String")]
    #[serde(default)]
    pub header: Option<String>,
    /// Instead of `header`: another place, as `form:NAME` or `json:/POINTER`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub from: Option<String>,
    /// Instead of `header`: several places, of which one must hold a signature that matches.
    #[serde(default)]
    pub any_of: Vec<AlternativeSpec>,
    #[schemars(with = "EncodingSpec")]
    #[serde(default)]
    pub encoding: Option<EncodingSpec>,
    #[schemars(with = "SignatureFormatSpec")]
    #[serde(default)]
    pub format: Option<SignatureFormatSpec>,
    /// Before a `raw` signature, or before each signature of a `list` that counts.
    #[schemars(with = "String")]
    #[serde(default)]
    pub prefix: Option<String>,
    #[serde(default)]
    pub prefix_optional: bool,
    /// Between the pairs of `kv`. Default `,`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub pair_sep: Option<String>,
    /// Between key and value of `kv`. Default `=`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub kv_sep: Option<String>,
    /// The key of the timestamp in `kv`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub ts_key: Option<String>,
    /// The key of the signature in `kv`, or `{public_key}`: a parameter of the check.
    #[schemars(with = "String")]
    #[serde(default)]
    pub sig_key: Option<String>,
    /// Between the signatures of a `list`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub list_sep: Option<String>,
    /// Several signatures, of which any may match.
    #[serde(default)]
    pub multi: bool,
    /// Other pairs of `kv` that the payload names, with what `hookswitch sign` writes there.
    #[serde(default)]
    pub pairs: Ordered<String>,
}

/// One of several places of a signature.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlternativeSpec {
    pub header: String,
    /// Which secrets may have made it. Default: all.
    #[schemars(with = "SecretGroupSpec")]
    #[serde(default)]
    pub secret: Option<SecretGroupSpec>,
    /// What is signed there, where it is not `payload` of the scheme.
    #[schemars(with = "String")]
    #[serde(default)]
    pub payload: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretGroupSpec {
    Secret,
    Secondary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignatureFormatSpec {
    /// The signature alone, after `prefix`.
    #[default]
    Raw,
    /// Pairs, as `t=1,v1=ab`.
    Kv,
    /// Signatures side by side, each with `prefix`.
    List,
}

/// A certificate that the request names by its URL. It is fetched from there, and kept.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateSpec {
    /// The place of the URL, as `json:/SigningCertURL`.
    pub url: String,
    /// A regular expression that the whole URL must match. It begins with `https://`; whom it lets through may sign.
    pub matches: String,
    /// The place that says which of `versions` it is.
    #[schemars(with = "String")]
    #[serde(default)]
    pub version: Option<String>,
    /// What stands there → the algorithm, instead of `algorithm`.
    #[serde(default)]
    pub versions: Ordered<AlgorithmSpec>,
}

/// HTTP message signatures (RFC 9421), with Content-Digest (RFC 9530) for the body.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageSignatureSpec {
    /// Components that a signature must cover, as `content-digest`, without which the body is not signed.
    pub covers: Vec<String>,
    /// How old or far ahead `created` may be. Default 300.
    #[schemars(with = "ToleranceSpec")]
    #[serde(default)]
    pub tolerance: Option<ToleranceSpec>,
}

/// A JSON Web Token in a header, whose claims bind it to the request.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtSchemeSpec {
    pub header: String,
    /// What may stand before it. Default `[""]`.
    #[schemars(with = "Vec<String>")]
    #[serde(default)]
    pub prefixes: Option<Vec<String>>,
    /// Accepted values of `alg`; there is no default. Of a scheme with keyed hashes and public keys a check uses those of
    /// the parameter that it has: `secret` or `public_key`.
    pub alg: Vec<JwtAlgorithmSpec>,
    /// The issuer, or `{api_key}`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub iss: Option<String>,
    /// Claim → `{sha256_hex:body}`, `{sha256_base64:body}`, `{sha256_hex:url}` or `{url}`; base64 in either alphabet.
    #[serde(default)]
    pub claims: Ordered<String>,
    /// As `claims`, but there only if the body is not empty.
    #[serde(default)]
    pub body_claims: Ordered<String>,
    /// How old `iat` may be, in seconds or as a duration; then it must be there.
    #[schemars(with = "ToleranceSpec")]
    #[serde(default)]
    pub max_age: Option<ToleranceSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum JwtAlgorithmSpec {
    HS256,
    HS384,
    HS512,
    RS256,
    ES256,
    EdDSA,
}

/// Where the signed timestamp stands, unless it is a pair of a `kv` signature.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedTimeSpec {
    #[schemars(with = "String")]
    #[serde(default)]
    pub header: Option<String>,
    /// Instead of `header`: `json:/POINTER`, `form:NAME` or `query:NAME`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub source: Option<String>,
    #[schemars(with = "TimeUnitSpec")]
    #[serde(default)]
    pub unit: Option<TimeUnitSpec>,
    /// Seconds, or a duration such as `5m`. Default 300.
    #[schemars(with = "ToleranceSpec")]
    #[serde(default)]
    pub tolerance: Option<ToleranceSpec>,
    /// How far ahead it may be. Default: `tolerance`.
    #[schemars(with = "ToleranceSpec")]
    #[serde(default)]
    pub future: Option<ToleranceSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnitSpec {
    /// Unix seconds.
    #[default]
    S,
    /// Unix milliseconds.
    Ms,
    /// RFC 3339.
    Rfc3339,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ToleranceSpec {
    Seconds(u64),
    Duration(String),
}

/// How the secret becomes the key.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    #[schemars(with = "KeyEncodingSpec")]
    #[serde(default)]
    pub encoding: Option<KeyEncodingSpec>,
    /// Left out of the secret where it is there, as `whsec_`.
    #[schemars(with = "String")]
    #[serde(default)]
    pub strip_prefix: Option<String>,
    /// The key is this hash of the secret.
    #[schemars(with = "KeyHashSpec")]
    #[serde(default)]
    pub hash: Option<KeyHashSpec>,
    /// The sender calls it a private key: the check's parameter is `private_key` instead of `secret`.
    #[serde(default)]
    pub private: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyHashSpec {
    Sha1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyEncodingSpec {
    #[default]
    Utf8,
    /// UTF-8 of its compatibility decomposition (Unicode Standard Annex 15).
    Nfkd,
    Hex,
    Base64,
}
