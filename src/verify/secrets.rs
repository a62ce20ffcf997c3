//! The secrets of a check: several while one is rotated, some only until a moment.

use crate::config;
use crate::config::spec::{OneOrMany, SecretSpec};
use crate::diagnostic::At;
use crate::secret::Secret;
use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use subtle::{Choice, ConstantTimeEq};

/// Something made from a secret, accepted until a moment. The order of a list of them is the order as written.
pub(super) struct Dated<T> {
    pub value: T,
    pub until: Option<DateTime<Utc>>,
}

impl<T> Dated<T> {
    pub fn accepted(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// `None` where `make` has reported a mistake.
    pub fn map<U>(self, make: impl FnOnce(T) -> Option<U>) -> Option<Dated<U>> {
        Some(Dated { value: make(self.value)?, until: self.until })
    }
}

/// Resolves what stands at `at`. Every mistake is reported; the place of each secret comes along for later ones.
pub(super) fn resolve<'a>(spec: &OneOrMany<SecretSpec>, at: &At<'a>) -> Option<Vec<(Dated<Secret>, At<'a>)>> {
    let (secrets, list) = match spec {
        OneOrMany::One(one) => (std::slice::from_ref(one), false),
        OneOrMany::Many(many) => (many.as_slice(), true),
    };
    if secrets.is_empty() {
        at.error("verify-secret-missing", "the list of secrets is empty", Some("write at least one secret".to_owned()));
        return None;
    }
    let resolved = secrets.iter().enumerate().map(|(position, secret)| {
        let at = if list { at.index(position) } else { at.clone() };
        match secret {
            SecretSpec::Plain(written) => {
                let (value, _) = config::secret(written, &at)?;
                Some((Dated { value, until: None }, at))
            }
            SecretSpec::Dated(dated) => {
                let until = match &dated.until {
                    Some(until) => moment(until, &at.key("until")).map(Some),
                    None => Some(None),
                };
                let at = at.key("value");
                let value = config::secret(&dated.value, &at).map(|(value, _)| value);
                Some((Dated { value: value?, until: until? }, at))
            }
        }
    });
    // Collected first, so that a mistake in one secret does not hide those of the next.
    resolved.collect::<Vec<_>>().into_iter().collect()
}

/// When a secret stops being accepted (RFC 3339).
pub fn moment(written: &str, at: &At<'_>) -> Option<DateTime<Utc>> {
    let text = config::plain(written, at)?;
    match DateTime::parse_from_rfc3339(&text) {
        Ok(moment) => Some(moment.to_utc()),
        Err(_) => {
            let help = "write RFC 3339 with an offset, as 2026-12-01T00:00:00Z".to_owned();
            at.error("verify-until", "`until` is not a moment", Some(help));
            None
        }
    }
}

/// SHA-256 of a token: two digests have one length and tell nothing of each other, so that comparing them takes the same
/// time whatever the tokens are.
pub(super) struct Fingerprint([u8; digest::SHA256_OUTPUT_LEN]);

impl Fingerprint {
    pub fn of(token: &[u8]) -> Fingerprint {
        let mut bytes = [0; digest::SHA256_OUTPUT_LEN];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, token).as_ref());
        Fingerprint(bytes)
    }

    pub fn matches(&self, other: &Fingerprint) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

/// The first accepted secret for which `matches` holds. All are compared, whatever the earlier ones came to.
pub(super) fn first_match<T>(
    secrets: &[Dated<T>],
    now: DateTime<Utc>,
    mut matches: impl FnMut(usize, &T) -> Choice,
) -> Option<usize> {
    let verdicts: Vec<bool> = secrets
        .iter()
        .enumerate()
        .map(|(position, secret)| bool::from(matches(position, &secret.value)) & secret.accepted(now))
        .collect();
    verdicts.iter().position(|matched| *matched)
}
