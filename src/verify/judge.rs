//! All checks of a `verify` over one request: what must all pass, and what has alternatives.
//!
//! Judging waits for nothing. Where a check needs a document with keys that is not at hand, it says which; the caller
//! fetches it and judges again. So nothing is fetched for a stranger whom another check of the same list refuses.

use super::evidence::Evidence;
use super::sealed::Sealed;
use super::{Check, KeySource, Proof, Refusal, Unfetched, certificate};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Why a request has not passed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    Refused(Refusal),
    /// Judge again with what stands there.
    Needs(Wanted),
}

/// A document with keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub url: String,
    /// One that was fetched no longer ago will do.
    pub max_age: Duration,
}

/// Documents with keys that were fetched for this request.
#[derive(Default)]
pub(super) struct AtHand(Vec<(Wanted, Result<Bytes, Unfetched>)>);

/// More than any request needs: each check asks for one, and perhaps for a newer one.
const FETCHES_MAX: usize = 16;

impl From<Refusal> for Obstacle {
    fn from(refusal: Refusal) -> Obstacle {
        Obstacle::Refused(refusal)
    }
}

impl AtHand {
    /// The newest of this URL.
    pub fn document(&self, url: &str, max_age: Duration) -> Result<&Bytes, Obstacle> {
        match self.0.iter().rev().find(|(wanted, _)| wanted.url == url) {
            Some((_, Ok(document))) => Ok(document),
            Some((_, Err(Unfetched))) => Err(Refusal::KeyUnavailable.into()),
            None => Err(Obstacle::Needs(Wanted { url: url.to_owned(), max_age })),
        }
    }

    /// One of this age has been asked for.
    pub fn is_within(&self, url: &str, max_age: Duration) -> bool {
        self.0.iter().any(|(wanted, _)| wanted.max_age <= max_age && wanted.url == url)
    }

    pub async fn fetch(&mut self, wanted: Wanted, keys: &dyn KeySource) -> Result<(), Refusal> {
        if self.0.len() >= FETCHES_MAX {
            return Err(Refusal::KeyUnavailable);
        }
        let found = keys.fetch(&wanted.url, wanted.max_age).await;
        self.0.push((wanted, found));
        Ok(())
    }
}

/// What is judged, and when.
#[derive(Clone, Copy)]
pub(super) struct Case<'c> {
    pub evidence: &'c Evidence<'c>,
    pub now: DateTime<Utc>,
    pub at_hand: &'c AtHand,
}

/// What passing has brought to light.
#[derive(Default)]
pub(super) struct Found<'v> {
    /// The positions of secrets that matched.
    pub matched: Vec<usize>,
    /// The sender encrypts what it sends.
    pub sealed: Option<&'v Sealed>,
}

impl Case<'_> {
    /// The first obstacle of checks that must all pass.
    pub fn all<'v>(self, checks: &'v [Check], found: &mut Found<'v>) -> Result<(), Obstacle> {
        checks.iter().try_for_each(|check| {
            if let Proof::Any(alternatives) = &check.proof {
                return self.any(alternatives, found);
            }
            let position = self.one(&check.proof)?;
            found.matched.extend(position.map(|position| check.first_secret + position));
            found.sealed = found.sealed.or(check.sealed.as_deref());
            Ok(())
        })
    }

    /// All alternatives are tried, also after one has passed: the time does not tell which it was.
    fn any<'v>(self, alternatives: &'v [Vec<Check>], found: &mut Found<'v>) -> Result<(), Obstacle> {
        let mut passed = None;
        let mut worst = None;
        for checks in alternatives {
            let mut this = Found::default();
            match self.all(checks, &mut this) {
                Ok(()) => passed = passed.or(Some(this)),
                Err(obstacle) => worst = Some(worst.map_or(obstacle.clone(), |worst| heavier(worst, obstacle))),
            }
        }
        match (passed, worst) {
            (Some(this), _) => {
                found.matched.extend(this.matched);
                found.sealed = found.sealed.or(this.sealed);
                Ok(())
            }
            (None, worst) => Err(worst.unwrap_or(Obstacle::Refused(Refusal::Missing))),
        }
    }

    /// The position of the secret among the check's own.
    fn one(self, proof: &Proof) -> Result<Option<usize>, Obstacle> {
        let Case { evidence, now, at_hand } = self;
        Ok(match proof {
            Proof::Token(token) => token.check(evidence, now)?,
            Proof::Signature(signature) => signature.check(evidence, now)?,
            Proof::Certified(certified) => {
                let url = certified.url(evidence)?;
                let fetched =
                    if certified.pinned.is_empty() { Some(at_hand.document(&url, certificate::KEPT)?) } else { None };
                certified.check(fetched.map(|document| &document[..]), evidence, now)?
            }
            Proof::MessageSignature(signature) => signature.check(evidence, now)?,
            Proof::Jwt(jwt) => jwt.check(evidence, now)?,
            Proof::Issuer(issuer) => issuer.check(evidence, now, at_hand).map(|()| None)?,
            Proof::Networks(networks) => networks.check(evidence.request.client_ip)?,
            Proof::Any(_) | Proof::Nothing => None,
        })
    }
}

/// Of two alternatives that did not pass, the one whose answer counts: what may still pass, then what may pass later,
/// then what is ours to mend; an address is told only where nothing else would have done.
fn heavier(one: Obstacle, two: Obstacle) -> Obstacle {
    let weight = |obstacle: &Obstacle| match obstacle {
        Obstacle::Needs(_) => 4,
        Obstacle::Refused(Refusal::KeyUnavailable) => 3,
        Obstacle::Refused(Refusal::NoPublicUrl) => 2,
        Obstacle::Refused(Refusal::Address) => 0,
        Obstacle::Refused(_) => 1,
    };
    if weight(&two) > weight(&one) { two } else { one }
}
