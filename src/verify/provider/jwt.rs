//! A provider's tokens, compiled, without the secrets of a check.

use super::blueprint::{reported, span};
use crate::config;
use crate::config::spec::{CheckSpec, JwtAlgorithmSpec, JwtSchemeSpec, Ordered};
use crate::diagnostic::At;
use crate::verify::evidence::header_name;
use crate::verify::jwt::{Bound, Jwt, JwtRules, LEEWAY};
use crate::verify::signature::algorithm::Algorithm;
use crate::verify::signature::compile::{KeyRules, public_keys, public_url, shared_keys, tolerance};

pub(in crate::verify) struct JwtBlueprint {
    pub rules: JwtRules,
    algorithms: Vec<(&'static str, Algorithm)>,
    issuer: Option<Issuer>,
}

enum Issuer {
    Text(String),
    ApiKey,
}

impl JwtBlueprint {
    pub fn compile(spec: &JwtSchemeSpec, at: &At<'_>) -> Option<JwtBlueprint> {
        let header = reported(header_name(&spec.header), &at.key("header"));
        let claims = bounds(&spec.claims, &at.key("claims"));
        let body_claims = bounds(&spec.body_claims, &at.key("body_claims"));
        let max_age = match &spec.max_age {
            Some(age) => span(age, &at.key("max_age")).map(Some),
            None => Some(None),
        };
        let algorithms: Vec<_> = spec.alg.iter().map(|alg| (name(*alg), Algorithm::from(*alg))).collect();
        let public = algorithms.iter().filter(|(_, algorithm)| algorithm.is_public()).count();
        if algorithms.is_empty() || (public != 0 && public != algorithms.len()) {
            let help = "a public key that also counts as a shared secret lets anyone sign (RFC 8725, 2.1)".to_owned();
            at.key("alg").error("provider-scheme", "write algorithms of one kind, at least one", Some(help));
            return None;
        }
        if spec.claims.is_empty() && spec.body_claims.is_empty() {
            at.error("provider-scheme", "no claim binds the token to the request", None);
            return None;
        }
        let issuer = spec.iss.as_ref().map(|issuer| match issuer.as_str() {
            "{api_key}" => Issuer::ApiKey,
            text => Issuer::Text(text.to_owned()),
        });
        let rules = JwtRules {
            header: header?,
            prefixes: spec.prefixes.clone().unwrap_or_else(|| vec![String::new()]),
            claims: claims?,
            body_claims: body_claims?,
            max_age: max_age?,
        };
        Some(JwtBlueprint { rules, algorithms, issuer })
    }

    pub fn takes(&self) -> Vec<&'static str> {
        let public = self.algorithms.iter().any(|(_, algorithm)| algorithm.is_public());
        let mut takes = vec![if public { "public_key" } else { "secret" }, "tolerance"];
        if matches!(self.issuer, Some(Issuer::ApiKey)) {
            takes.push("api_key");
        }
        if self.rules.claims.iter().any(|(_, bound)| bound.names_url()) {
            takes.push("public_url");
        }
        takes
    }

    /// With the secrets of a check. The tolerance is the clocks' leeway.
    pub fn proof(&self, check: &CheckSpec, at: &At<'_>) -> Option<Jwt> {
        let mut keys = Vec::new();
        for (name, algorithm) in &self.algorithms {
            let made = match algorithm {
                Algorithm::Public(algorithm) => public_keys(check, *algorithm, at),
                algorithm => shared_keys(check, *algorithm, &KeyRules::default(), at),
            };
            // Of several algorithms the first has reported every mistake of the secrets.
            keys.push((*name, made?));
        }
        let issuer = match (&self.issuer, &check.api_key) {
            (None, _) => None,
            (Some(Issuer::Text(text)), _) => Some(text.clone()),
            (Some(Issuer::ApiKey), Some(written)) => Some(config::plain(written, &at.key("api_key"))?),
            (Some(Issuer::ApiKey), None) => {
                let message = "this provider needs `api_key`: whom its tokens are issued for";
                at.error("verify-parameter-missing", message, None);
                return None;
            }
        };
        let leeway = match &check.tolerance {
            Some(written) => tolerance(written, &at.key("tolerance"))?,
            None => LEEWAY,
        };
        let public_url = public_url(check, at)?;
        Some(Jwt { rules: self.rules.clone(), keys, issuer, leeway, public_url })
    }
}

fn bounds(claims: &Ordered<String>, at: &At<'_>) -> Option<Vec<(String, Bound)>> {
    let bounds = claims.iter().map(|(name, text)| {
        let bound = Bound::parse(text);
        if bound.is_none() {
            let help = "{sha256_hex:body}, {sha256_base64:body}, {sha256_hex:url} or {url}".to_owned();
            at.key(name).error("provider-scheme", format!("`{text}` is nothing that a claim may be"), Some(help));
        }
        bound.map(|bound| (name.clone(), bound))
    });
    bounds.collect::<Vec<_>>().into_iter().collect()
}

fn name(algorithm: JwtAlgorithmSpec) -> &'static str {
    match algorithm {
        JwtAlgorithmSpec::HS256 => "HS256",
        JwtAlgorithmSpec::HS384 => "HS384",
        JwtAlgorithmSpec::HS512 => "HS512",
        JwtAlgorithmSpec::RS256 => "RS256",
        JwtAlgorithmSpec::ES256 => "ES256",
        JwtAlgorithmSpec::EdDSA => "EdDSA",
    }
}
