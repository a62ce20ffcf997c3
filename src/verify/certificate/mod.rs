//! Senders whose requests name the certificate of their key by its URL (Amazon SNS, PayPal).
//!
//! What makes such a URL trustworthy is where it leads: it must match the provider's pattern, and it is fetched over TLS
//! from that host alone, without redirects ([`super::KeySource`]). The certificate's own chain is not followed: the files
//! hold no intermediate certificates, and whoever could serve another file from that host could serve another chain.

mod x509;

use super::Refusal;
use super::evidence::{Evidence, Place};
use super::secrets::Dated;
use super::signature::algorithm::{Algorithm, Key};
use super::signature::{Group, Signature};
use chrono::{DateTime, Utc};
use regex::Regex;
use std::time::Duration;
pub(super) use x509::Certificate;

/// Senders change certificates far less often, and announce them under a new address.
pub(super) const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest URL that is looked at.
const URL_MAX: usize = 512;

/// Where a provider's requests name their certificate.
#[derive(Clone)]
pub(super) struct CertificateRules {
    pub place: Place,
    /// Of the whole URL.
    pub matches: Regex,
    /// What stands at the place says which algorithm it is; otherwise it is the scheme's.
    pub version: Option<(Place, Vec<(String, Algorithm)>)>,
}

pub(super) struct Certified {
    pub rules: CertificateRules,
    /// Without keys.
    pub signature: Signature,
    /// Those of the configuration, instead of fetched ones.
    pub pinned: Vec<Certificate>,
    /// The one URL that is accepted.
    pub url: Option<String>,
}

impl Certified {
    /// The URL of the certificate, if it is one of the provider's.
    pub fn url(&self, evidence: &Evidence<'_>) -> Result<String, Refusal> {
        let url = evidence.text(&self.rules.place)?;
        let expected = self.url.as_ref().is_none_or(|expected| *expected == *url);
        if url.len() > URL_MAX || !expected || !self.rules.matches.is_match(&url) {
            return Err(Refusal::Malformed);
        }
        Ok(url.into_owned())
    }

    /// With a fetched certificate in PEM, or with the pinned ones.
    pub fn check(
        &self,
        fetched: Option<&[u8]>,
        evidence: &Evidence<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<usize>, Refusal> {
        let algorithm = self.algorithm(evidence)?;
        let parsed = match fetched {
            Some(pem) => vec![Certificate::from_pem(pem).ok_or(Refusal::KeyUnavailable)?],
            None => Vec::new(),
        };
        let certificates = if fetched.is_some() { &parsed } else { &self.pinned };
        let valid = certificates.iter().filter(|certificate| certificate.is_valid(now));
        let keys = valid.filter_map(|certificate| Key::of_public(algorithm, &certificate.public_key).ok());
        let keys: Vec<Dated<(Group, Key)>> =
            keys.map(|key| Dated { value: (Group::Primary, key), until: None }).collect();
        if keys.is_empty() {
            return Err(Refusal::Certificate);
        }
        self.signature.check_with(&keys.iter().enumerate().collect(), evidence, now).map(Some)
    }

    fn algorithm(&self, evidence: &Evidence<'_>) -> Result<Algorithm, Refusal> {
        let Some((place, versions)) = &self.rules.version else { return Ok(self.signature.scheme.algorithm) };
        let version = evidence.text(place)?;
        let algorithm = versions.iter().find(|(name, _)| *name == *version).map(|(_, algorithm)| *algorithm);
        algorithm.ok_or(Refusal::Malformed)
    }
}
