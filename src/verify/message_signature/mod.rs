//! HTTP message signatures (RFC 9421), with the body bound by Content-Digest (RFC 9530).
//!
//! Only whole header fields and the components that say what was asked for are understood. A signature that covers
//! anything else is skipped, and never accepted.

mod fields;

use super::Refusal;
use super::evidence::{Evidence, header_name};
use super::secrets::first_match;
use super::signature::compile::Keys;
use super::signature::encoding::Encoding;
use super::signature::message::Piece;
use super::signature::url::{authority, public_address};
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use chrono::{DateTime, TimeDelta, Utc};
use fields::{Input, byte_sequences, inputs};
use http::HeaderName;
use std::borrow::Cow;
use std::sync::Arc;

pub(super) struct MessageSignature {
    pub rules: MessageSignatureRules,
    pub keys: Keys,
    pub public_url: Option<Arc<str>>,
}

/// What a provider's signatures look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageSignatureRules {
    /// What a signature must cover.
    pub covers: Vec<Component>,
    /// Its name in the registry (section 6.2.2); a signature that says another is skipped.
    pub algorithm: &'static str,
    pub window: TimeDelta,
}

/// Parts of a message that can be signed (section 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Component {
    Field(HeaderName),
    Method,
    TargetUri,
    Authority,
    Path,
    Query,
}

pub(super) const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

impl Component {
    pub fn parse(name: &str) -> Option<Component> {
        match name {
            "@method" => Some(Component::Method),
            "@target-uri" => Some(Component::TargetUri),
            "@authority" => Some(Component::Authority),
            "@path" => Some(Component::Path),
            "@query" => Some(Component::Query),
            _ if name.bytes().any(|byte| byte.is_ascii_uppercase()) => None,
            name => header_name(name).ok().map(Component::Field),
        }
    }

    pub fn names_url(&self) -> bool {
        matches!(self, Component::TargetUri | Component::Authority)
    }

    fn value<'r>(&self, evidence: &Evidence<'r>, public_url: Option<&str>) -> Result<Cow<'r, str>, Refusal> {
        let request = evidence.request;
        Ok(match self {
            Component::Field(name) => Cow::Borrowed(evidence.header(name)?.trim()),
            Component::Method => Cow::Borrowed(request.method.as_str()),
            Component::TargetUri => Cow::Owned(public_address(evidence, public_url)?),
            Component::Authority => Cow::Owned(authority(&public_address(evidence, public_url)?)),
            Component::Path => Cow::Borrowed(request.path.as_str()),
            Component::Query => Cow::Owned(format!("?{}", request.query.as_deref().unwrap_or_default())),
        })
    }
}

impl MessageSignature {
    pub fn names_url(&self) -> bool {
        self.rules.covers.iter().any(Component::names_url)
    }

    /// The first signature that is right decides; otherwise what was wrong with the last one.
    pub fn check(&self, evidence: &Evidence<'_>, now: DateTime<Utc>) -> Result<Option<usize>, Refusal> {
        let inputs = inputs(evidence.header(&SIGNATURE_INPUT)?).ok_or(Refusal::Malformed)?;
        let signatures = byte_sequences(evidence.header(&SIGNATURE)?).ok_or(Refusal::Malformed)?;
        let mut refusal = Refusal::Missing;
        for input in &inputs {
            let Some((_, signature)) = signatures.iter().find(|(label, _)| *label == input.label) else { continue };
            match self.check_one(input, signature, evidence, now) {
                Ok(matched) => return Ok(Some(matched)),
                Err(this) => refusal = this,
            }
        }
        Err(refusal)
    }

    fn check_one(
        &self,
        input: &Input<'_>,
        signature: &str,
        evidence: &Evidence<'_>,
        now: DateTime<Utc>,
    ) -> Result<usize, Refusal> {
        let parsed = input.components.iter().map(|name| Component::parse(name));
        let components: Vec<Component> = parsed.collect::<Option<_>>().ok_or(Refusal::Malformed)?;
        let repeated =
            components.iter().enumerate().any(|(at, one)| components.iter().skip(at + 1).any(|two| one == two));
        if repeated || !self.rules.covers.iter().all(|needed| components.contains(needed)) {
            return Err(Refusal::Malformed);
        }
        if input.parameter("alg").is_some_and(|algorithm| algorithm != self.rules.algorithm) {
            return Err(Refusal::Malformed);
        }
        let base = self.base(input, &components, evidence)?;
        let pieces = [Piece::Bytes(Cow::Owned(base.into_bytes()))];
        let matched = first_match(&self.keys.chosen(evidence.request), now, |(_, key)| {
            key.signs(&pieces, Encoding::Base64, &[signature])
        });
        let matched = matched.ok_or(Refusal::Mismatch)?;
        if components.contains(&Component::Field(CONTENT_DIGEST)) {
            check_digest(evidence)?;
        }
        self.check_times(input, now).map(|()| matched)
    }

    /// What was signed (section 2.5).
    fn base(&self, input: &Input<'_>, components: &[Component], evidence: &Evidence<'_>) -> Result<String, Refusal> {
        let mut base = String::new();
        for (name, component) in input.components.iter().zip(components) {
            let value = component.value(evidence, self.public_url.as_deref())?;
            base.push_str(&format!("\"{name}\": {value}\n"));
        }
        base.push_str(&format!("\"@signature-params\": {}", input.raw));
        Ok(base)
    }

    fn check_times(&self, input: &Input<'_>, now: DateTime<Utc>) -> Result<(), Refusal> {
        let moment = |name: &str| match input.parameter(name) {
            Some(text) => {
                let seconds = text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
                seconds.map(Some).ok_or(Refusal::BadTimestamp)
            }
            None => Ok(None),
        };
        let created = moment("created")?.ok_or(Refusal::BadTimestamp)?;
        let distance = now.signed_duration_since(created).abs();
        let expired = moment("expires")?.is_some_and(|expires| now >= expires);
        if distance > self.rules.window || expired { Err(Refusal::Stale) } else { Ok(()) }
    }
}

/// Every digest that we know must be that of the body, and there must be one (RFC 9530, 2).
fn check_digest(evidence: &Evidence<'_>) -> Result<(), Refusal> {
    let digests = byte_sequences(evidence.header(&CONTENT_DIGEST)?).ok_or(Refusal::Malformed)?;
    let mut known = 0;
    for (name, value) in digests {
        let algorithm = match name {
            "sha-256" => &SHA256,
            "sha-512" => &SHA512,
            _ => continue,
        };
        known += 1;
        if !bool::from(Encoding::Base64.spells(digest(algorithm, evidence.body).as_ref(), value)) {
            return Err(Refusal::Mismatch);
        }
    }
    if known == 0 { Err(Refusal::Malformed) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
