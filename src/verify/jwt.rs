//! JSON Web Tokens (RFC 7519) whose claims bind them to one request: by the digest of its body, or by its URL.
//!
//! The clock is an argument and the token is small, so that it is read here: only the accepted algorithms have keys, and
//! `alg` can choose nothing but among them (RFC 8725, 3.1).

use super::Refusal;
use super::evidence::Evidence;
use super::secrets::first_match;
use super::signature::compile::Keys;
use super::signature::encoding::Encoding;
use super::signature::message::Piece;
use super::signature::url::public_address;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderName;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

pub(super) struct Jwt {
    pub rules: JwtRules,
    /// For each accepted `alg`, in the order of the secrets.
    pub keys: Vec<(&'static str, Keys)>,
    pub issuer: Option<String>,
    /// How far `exp`, `nbf` and `iat` may be off.
    pub leeway: TimeDelta,
    pub public_url: Option<Arc<str>>,
}

/// What a provider's tokens look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JwtRules {
    pub header: HeaderName,
    /// What may stand before the token.
    pub prefixes: Vec<String>,
    pub claims: Vec<(String, Bound)>,
    /// There only if the body is not empty.
    pub body_claims: Vec<(String, Bound)>,
    pub max_age: Option<TimeDelta>,
}

/// What a claim must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    BodySha256Hex,
    /// In either alphabet, with padding or without.
    BodySha256Base64,
    UrlSha256Hex,
    Url,
}

/// Clocks of senders are off by less.
pub(super) const LEEWAY: TimeDelta = TimeDelta::seconds(60);

impl Bound {
    pub fn parse(text: &str) -> Option<Bound> {
        match text {
            "{sha256_hex:body}" => Some(Bound::BodySha256Hex),
            "{sha256_base64:body}" => Some(Bound::BodySha256Base64),
            "{sha256_hex:url}" => Some(Bound::UrlSha256Hex),
            "{url}" => Some(Bound::Url),
            _ => None,
        }
    }

    pub fn names_url(self) -> bool {
        matches!(self, Bound::UrlSha256Hex | Bound::Url)
    }
}

impl Jwt {
    pub fn names_url(&self) -> bool {
        self.rules.claims.iter().any(|(_, bound)| bound.names_url())
    }

    pub fn expiries(&self) -> Vec<Option<DateTime<Utc>>> {
        self.keys.first().map_or_else(Vec::new, |(_, keys)| keys.expiries().collect())
    }

    pub fn check(&self, evidence: &Evidence<'_>, now: DateTime<Utc>) -> Result<Option<usize>, Refusal> {
        let token = self.token(evidence)?;
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        let header = object(header)?;
        // An extension that must be understood (RFC 7515, 4.1.11) is one that we do not.
        if header.contains_key("crit") {
            return Err(Refusal::Malformed);
        }
        let algorithm = header.get("alg").and_then(Value::as_str);
        let keys = self.keys.iter().find(|(name, _)| algorithm == Some(*name));
        let (_, keys) = keys.ok_or(Refusal::Malformed)?;
        let pieces = [Piece::Bytes(Cow::Borrowed(signed.as_bytes()))];
        let matched = first_match(&keys.chosen(evidence.request), now, |(_, key)| {
            key.signs(&pieces, Encoding::Base64Url, &[signature])
        });
        let matched = matched.ok_or(Refusal::Mismatch)?;
        let claims = object(claims)?;
        self.check_claims(&claims, evidence)?;
        let issued = check_times(&claims, now, self.leeway)?;
        match (self.rules.max_age, issued) {
            (Some(_), None) => Err(Refusal::BadTimestamp),
            (Some(age), Some(issued)) if now.signed_duration_since(issued) > age => Err(Refusal::Stale),
            _ => Ok(Some(matched)),
        }
    }

    fn token<'r>(&self, evidence: &Evidence<'r>) -> Result<&'r str, Refusal> {
        let value = evidence.header(&self.rules.header)?;
        let fitting = self.rules.prefixes.iter().filter_map(|prefix| value.strip_prefix(prefix.as_str()));
        fitting.min_by_key(|rest| rest.len()).ok_or(Refusal::Malformed)
    }

    fn check_claims(&self, claims: &Map<String, Value>, evidence: &Evidence<'_>) -> Result<(), Refusal> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if let Some(issuer) = &self.issuer
            && text("iss") != Some(issuer)
        {
            return Err(Refusal::Mismatch);
        }
        for (name, bound) in &self.rules.body_claims {
            if evidence.body.is_empty() && !claims.contains_key(name) {
                continue;
            }
            self.check_bound(text(name), *bound, evidence)?;
        }
        self.rules.claims.iter().try_for_each(|(name, bound)| self.check_bound(text(name), *bound, evidence))
    }

    fn check_bound(&self, claim: Option<&str>, bound: Bound, evidence: &Evidence<'_>) -> Result<(), Refusal> {
        let claim = claim.ok_or(Refusal::Missing)?;
        let url = || public_address(evidence, self.public_url.as_deref());
        let body = || digest(&SHA256, evidence.body);
        let fits = match bound {
            Bound::BodySha256Hex => Encoding::Hex.spells(body().as_ref(), claim),
            Bound::BodySha256Base64 => {
                let body = body();
                Encoding::Base64Url.spells(body.as_ref(), claim) | Encoding::Base64.spells(body.as_ref(), claim)
            }
            Bound::UrlSha256Hex => Encoding::Hex.spells(digest(&SHA256, url()?.as_bytes()).as_ref(), claim),
            Bound::Url => subtle::Choice::from(u8::from(url()? == claim)),
        };
        if bool::from(fits) { Ok(()) } else { Err(Refusal::Mismatch) }
    }
}

/// `exp`, `nbf` and `iat` as far as they are there; gives the last of them.
pub(super) fn check_times(
    claims: &Map<String, Value>,
    now: DateTime<Utc>,
    leeway: TimeDelta,
) -> Result<Option<DateTime<Utc>>, Refusal> {
    let expires = moment(claims, "exp")?;
    let begins = moment(claims, "nbf")?;
    let issued = moment(claims, "iat")?;
    let (early, late) = (now + leeway, now - leeway);
    if expires.is_some_and(|expires| late >= expires)
        || begins.is_some_and(|begins| early < begins)
        || issued.is_some_and(|issued| early < issued)
    {
        return Err(Refusal::Stale);
    }
    Ok(issued)
}

/// A part of a token.
pub(super) fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refusal::Malformed)
}

/// A NumericDate (RFC 7519, 2); fractions of seconds are dropped.
fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<DateTime<Utc>>, Refusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().or_else(|| {
        let seconds = value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds))?;
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked, the fraction is dropped on purpose")]
        Some(seconds as i64)
    });
    let moment = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    moment.map(Some).ok_or(Refusal::BadTimestamp)
}
