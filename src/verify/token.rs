//! Credentials that stand in the request as they are: a shared header or parameter, Basic, Bearer.

use super::Refusal;
use super::evidence::{Evidence, Place, scalar, step};
use super::secrets::{Fingerprint, Secrets, first_match};
use crate::document::{Kind, Node};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use http::header::AUTHORIZATION;

/// A secret that the sender shows.
pub(super) struct Token {
    pub shown: Shown,
    pub secrets: Secrets<Held>,
}

/// A secret as it is compared, and as it is shown to somebody else ([`super::sign`]).
pub(super) struct Held {
    fingerprint: Fingerprint,
    pub secret: Secret,
}

impl Held {
    pub fn new(secret: Secret) -> Held {
        Held { fingerprint: Fingerprint::of(secret.expose().as_bytes()), secret }
    }

    fn matches(&self, shown: &Fingerprint) -> subtle::Choice {
        self.fingerprint.matches(shown)
    }
}

/// How it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// The whole value of a place.
    At(Place),
    /// The value of a place after one of these.
    After(Place, Vec<String>),
    /// At this pointer (`*` is every element) there must be the secret, each time.
    Each(Vec<String>),
    /// `Authorization: Bearer TOKEN` (RFC 6750).
    Bearer,
    /// `Authorization: Basic …` (RFC 7617): `user:password` is the secret.
    Basic,
}

/// More elements than this in a batch are refused: each is a comparison.
const EACH_MAX: usize = 10_000;

impl Token {
    pub fn check(&self, evidence: &Evidence<'_>, now: DateTime<Utc>) -> Result<Option<usize>, Refusal> {
        let found = match &self.shown {
            Shown::Each(pointer) => return self.check_each(pointer, evidence, now),
            Shown::At(Place::Header(name)) => evidence.header_bytes(name).map(<[u8]>::to_vec),
            Shown::At(place) => evidence.text(place).map(|text| text.into_owned().into_bytes()),
            Shown::After(place, prefixes) => after(evidence, place, prefixes),
            Shown::Bearer => authorization(evidence, "bearer").map(|token| token.as_bytes().to_vec()),
            Shown::Basic => authorization(evidence, "basic")
                .and_then(|encoded| STANDARD.decode(encoded).map_err(|_| Refusal::Malformed)),
        };
        // Without a token, one that fits nothing is compared: the same work, and the same answer in the end.
        let shown = Fingerprint::of(found.as_deref().unwrap_or_default());
        let chosen = self.secrets.chosen(evidence.request);
        let matched = first_match(&chosen, now, |held| held.matches(&shown));
        found?;
        matched.map(Some).ok_or(Refusal::Mismatch)
    }

    fn check_each(
        &self,
        pointer: &[String],
        evidence: &Evidence<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<usize>, Refusal> {
        let mut shown = Vec::new();
        collect(evidence.json()?, pointer, &mut shown)?;
        if shown.is_empty() {
            return Err(Refusal::Missing);
        }
        let chosen = self.secrets.chosen(evidence.request);
        let mut matched = None;
        for token in shown {
            let token = Fingerprint::of(token.as_bytes());
            matched = Some(first_match(&chosen, now, |held| held.matches(&token)).ok_or(Refusal::Mismatch)?);
        }
        Ok(matched)
    }
}

fn collect<'d>(node: Node<'d>, pointer: &[String], out: &mut Vec<std::borrow::Cow<'d, str>>) -> Result<(), Refusal> {
    let Some((token, rest)) = pointer.split_first() else {
        out.push(scalar(node)?);
        return if out.len() > EACH_MAX { Err(Refusal::Malformed) } else { Ok(()) };
    };
    if token != "*" {
        return collect(step(node, token).ok_or(Refusal::Missing)?, rest, out);
    }
    if node.kind() != Kind::List {
        return Err(Refusal::Malformed);
    }
    node.items().try_for_each(|item| collect(item, rest, out))
}

fn after(evidence: &Evidence<'_>, place: &Place, prefixes: &[String]) -> Result<Vec<u8>, Refusal> {
    let text = evidence.text(place)?;
    // The longest first, as an empty one fits everything.
    let mut fitting: Vec<&str> = prefixes.iter().filter_map(|prefix| text.strip_prefix(prefix.as_str())).collect();
    fitting.sort_by_key(|rest| rest.len());
    fitting.first().map(|rest| rest.as_bytes().to_vec()).ok_or(Refusal::Malformed)
}

/// The credential after `SCHEME SP` in the one Authorization header; the scheme's case does not matter (RFC 9110, 11.1).
fn authorization<'r>(evidence: &Evidence<'r>, scheme: &str) -> Result<&'r str, Refusal> {
    let value = evidence.header(&AUTHORIZATION)?;
    let (name, rest) = value.split_once(' ').ok_or(Refusal::Malformed)?;
    if !name.eq_ignore_ascii_case(scheme) {
        return Err(Refusal::Malformed);
    }
    match rest.trim_start_matches(' ') {
        "" => Err(Refusal::Malformed),
        credential => Ok(credential),
    }
}
