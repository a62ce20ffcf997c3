//! A provider's tokens, compiled, without the secrets of a check.

use super::Need;
use super::blueprint::reported;
use super::describe::jwt_name;
use super::scheme::span;
use crate::config;
use crate::config::spec::{JwtSchemeSpec, Ordered};
use crate::diagnostic::At;
use crate::verify::compile::WrittenCheck;
use crate::verify::evidence::header_name;
use crate::verify::jwt::{Bound, Jwt, JwtRules, LEEWAY};
use crate::verify::signature::algorithm::Algorithm;
use crate::verify::signature::compile::{KeyRules, Keys, public_keys_of, public_url, shared_keys, tolerance};

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
        let algorithms: Vec<_> = spec.alg.iter().map(|alg| (jwt_name(*alg), Algorithm::from(*alg))).collect();
        if algorithms.is_empty() {
            at.key("alg").error("provider-scheme", "write the accepted algorithms", None);
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

    pub fn takes(&self) -> Vec<(&'static str, Need)> {
        let kind = |public: bool| self.algorithms.iter().any(|(_, algorithm)| algorithm.is_public() == public);
        let mut takes = match (kind(false), kind(true)) {
            (true, true) => vec![("secret", Need::OneOf), ("public_key", Need::OneOf)],
            (_, true) => vec![("public_key", Need::Required)],
            (_, false) => vec![("secret", Need::Required)],
        };
        if matches!(self.issuer, Some(Issuer::ApiKey)) {
            takes.push(("api_key", Need::Required));
        }
        takes.push(("tolerance", Need::Optional));
        if self.rules.claims.iter().any(|(_, bound)| bound.names_url()) {
            takes.push(("public_url", Need::Required));
        }
        takes
    }

    /// The keys of a check for each algorithm. A public key that counted as a shared secret would let anyone sign (RFC
    /// 8725, 2.1): a check has keys of one kind.
    fn keys(&self, check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Vec<(&'static str, Keys)>> {
        if let (Some(_), Some(_)) = (&check.secret, &check.public_key) {
            let help = "keep the one of the algorithm that the provider signs with".to_owned();
            at.key("public_key").error("verify-key-kind", "both `secret` and `public_key` are written", Some(help));
            return None;
        }
        let public = match &check.public_key {
            Some(_) => true,
            None => self.algorithms.iter().all(|(_, algorithm)| algorithm.is_public()),
        };
        let fitting: Vec<_> = self.algorithms.iter().filter(|(_, algorithm)| algorithm.is_public() == public).collect();
        if !public {
            let keys = fitting.iter().map(|(name, algorithm)| {
                // Of several algorithms the first has reported every mistake of the secrets.
                Some((*name, shared_keys(check, *algorithm, &KeyRules::default(), at)?))
            });
            return keys.collect();
        }
        let public = fitting.iter().filter_map(|(name, algorithm)| match algorithm {
            Algorithm::Public(algorithm) => Some((*name, *algorithm)),
            Algorithm::Hmac(_) | Algorithm::Hash(_) => None,
        });
        public_keys_of(check, &public.collect::<Vec<_>>(), at)
    }

    /// With the secrets of a check. The tolerance is the clocks' leeway.
    pub fn proof(&self, check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Jwt> {
        let keys = self.keys(check, at)?;
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
