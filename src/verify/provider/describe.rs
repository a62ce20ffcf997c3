//! What is checked of a provider's requests, in a few words, for people who choose one.

use crate::config::spec::{
    AlgorithmSpec, JwtAlgorithmSpec, OneOrMany, ProviderKindSpec, ProviderSpec, SchemeSpec, SignatureSpec,
};

/// A payload that is longer than this says less than its kind.
const PAYLOAD_SHOWN: usize = 64;

/// `scheme` is the provider's own or that of the one that it is like.
pub(super) fn checked(scheme: &ProviderSpec) -> String {
    let kind = scheme.kind;
    let Some(verify) = &scheme.verify else {
        return match kind {
            Some(ProviderKindSpec::None) => "nothing".to_owned(),
            _ => "HTTP Basic, the secret is `user:password`".to_owned(),
        };
    };
    if let Some(signature) = &verify.signature {
        return signed(verify, signature);
    }
    if let Some(signature) = &verify.message_signature {
        let algorithm = name(verify.algorithm.unwrap_or_default());
        return format!("{algorithm} message signature (RFC 9421) over {}", signature.covers.join(", "));
    }
    if let Some(jwt) = &verify.jwt {
        let algorithms: Vec<&str> = jwt.alg.iter().map(|alg| jwt_name(*alg)).collect();
        let claims: Vec<String> =
            jwt.claims.iter().chain(&jwt.body_claims).map(|(name, _)| format!("`{name}`")).collect();
        return format!("JWT ({}) in `{}`, with {}", algorithms.join(", "), jwt.header, claims.join(", "));
    }
    if verify.networks.is_some() {
        return "the sender's address".to_owned();
    }
    match kind {
        Some(ProviderKindSpec::None) => format!("nothing, or a token in {}", token(verify)),
        _ => format!("a token in {}", token(verify)),
    }
}

fn token(verify: &SchemeSpec) -> String {
    match (&verify.header, &verify.query, &verify.form, &verify.json, &verify.json_each) {
        (Some(name), ..) => format!("the header `{name}`"),
        (_, Some(name), ..) => format!("the query as `{name}`"),
        (_, _, Some(name), ..) => format!("the form as `{name}`"),
        (_, _, _, Some(pointer), _) => format!("the body at `{pointer}`"),
        (_, _, _, _, Some(pointer)) => format!("the body at `{pointer}`"),
        _ => String::new(),
    }
}

fn signed(verify: &SchemeSpec, signature: &SignatureSpec) -> String {
    let algorithm = match &verify.certificate {
        Some(certificate) if !certificate.versions.is_empty() => {
            certificate.versions.values().map(|algorithm| name(*algorithm)).collect::<Vec<_>>().join(" or ")
        }
        _ => name(verify.algorithm.unwrap_or_default()).to_owned(),
    };
    let key = if verify.certificate.is_some() { ", with the key of a certificate of the sender's host" } else { "" };
    let place = match (&signature.header, &signature.from, signature.any_of.first()) {
        (Some(header), ..) => format!("`{header}`"),
        (_, Some(place), _) => format!("`{}`", place.replace('|', "` or `")),
        (_, _, Some(first)) => format!("`{}` or another", first.header),
        _ => String::new(),
    };
    format!("{algorithm} over {} in {place}{key}", payload(verify))
}

fn payload(verify: &SchemeSpec) -> String {
    let first = match &verify.payload {
        None => "{body}",
        Some(OneOrMany::One(text)) => text,
        Some(OneOrMany::Many(many)) => many.first().map_or("", String::as_str),
    };
    if first.len() <= PAYLOAD_SHOWN { format!("`{first}`") } else { "selected fields".to_owned() }
}

fn name(algorithm: AlgorithmSpec) -> &'static str {
    match algorithm {
        AlgorithmSpec::HmacSha1 => "HMAC-SHA1",
        AlgorithmSpec::HmacSha256 => "HMAC-SHA256",
        AlgorithmSpec::HmacSha384 => "HMAC-SHA384",
        AlgorithmSpec::HmacSha512 => "HMAC-SHA512",
        AlgorithmSpec::Md5 => "MD5",
        AlgorithmSpec::Sha1 => "SHA-1",
        AlgorithmSpec::Sha256 => "SHA-256",
        AlgorithmSpec::Sha384 => "SHA-384",
        AlgorithmSpec::Sha512 => "SHA-512",
        AlgorithmSpec::Ed25519 => "Ed25519",
        AlgorithmSpec::EcdsaP256Sha256 => "ECDSA P-256",
        AlgorithmSpec::RsaPkcs1Sha1 => "RSA-SHA1",
        AlgorithmSpec::RsaPkcs1Sha256 => "RSA-SHA256",
    }
}

pub(super) fn jwt_name(algorithm: JwtAlgorithmSpec) -> &'static str {
    match algorithm {
        JwtAlgorithmSpec::HS256 => "HS256",
        JwtAlgorithmSpec::HS384 => "HS384",
        JwtAlgorithmSpec::HS512 => "HS512",
        JwtAlgorithmSpec::RS256 => "RS256",
        JwtAlgorithmSpec::ES256 => "ES256",
        JwtAlgorithmSpec::EdDSA => "EdDSA",
    }
}
