//! The secrets of a check: several while one is rotated, some only until a moment, others for each tenant.

use super::compile::WrittenCheck;
use super::sign::SignError;
use crate::config;
use crate::config::spec::{OneOrMany, SecretSpec, SecretsSpec};
use crate::diagnostic::At;
use crate::document::Document;
use crate::event::{Event, RequestInfo};
use crate::expr::{Environment, Evaluation, Scope};
use crate::hex;
use crate::keyed::Keyed;
use crate::secret::Secret;
use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// Something made from a secret, accepted until a moment. The order of a list of them is the order as written.
pub(super) struct Dated<T> {
    pub value: T,
    pub until: Option<DateTime<Utc>>,
}

impl<T> Dated<T> {
    pub fn accepted(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What is made of the secrets of a check: the same for every request, or chosen by a key of the request.
pub(super) struct Secrets<T>(Vec<Part<T>>);

enum Part<T> {
    Same(Vec<Dated<T>>),
    Keyed(Box<KeyedPart<T>>),
}

struct KeyedPart<T> {
    tenants: Keyed<Tenant<T>>,
    /// As many as any tenant has, made of random secrets: a key that is unknown is refused as a wrong secret is, and as
    /// late.
    nobody: Vec<Dated<T>>,
}

struct Tenant<T> {
    /// The position of the first, in the order as written.
    first: usize,
    own: usize,
    /// The own ones, and then random ones up to the number of `nobody`.
    secrets: Vec<Dated<T>>,
}

/// The secrets that a request may have been made with, each with its position in the order as written.
pub(super) type Chosen<'k, T> = Vec<(usize, &'k Dated<T>)>;

impl<T> Secrets<T> {
    pub fn same(secrets: Vec<Dated<T>>) -> Secrets<T> {
        Secrets(vec![Part::Same(secrets)])
    }

    /// Resolves what stands at `at`. Every mistake is reported; so does `make`, at the place of each secret.
    pub fn compile(
        spec: &SecretsSpec,
        check: &WrittenCheck<'_>,
        at: &At<'_>,
        mut make: impl FnMut(Secret, &At<'_>) -> Option<T>,
    ) -> Option<Secrets<T>> {
        let spec = match spec {
            SecretsSpec::Same(spec) => return list(spec, at, &mut make).map(Secrets::same),
            SecretsSpec::Keyed(spec) => spec,
        };
        let environment = Environment { params: check.context.params, ..Environment::default() };
        let lists = Keyed::compile(spec, &environment, at, |values, at| list(values, at, &mut make))?;
        if !lists.by().reads_head_alone() {
            let help = "before a request is verified only `params`, `query` and `headers` are there".to_owned();
            at.key("by").error("keyed-by", "a secret cannot be chosen by this", help);
            return None;
        }
        let most = lists.values().map(Vec::len).max().unwrap_or_default();
        let mut random = |count: usize| -> Option<Vec<Dated<T>>> {
            let make_one = |_| Some(Dated { value: make(random_secret(), at)?, until: NEVER });
            (0..count).map(make_one).collect()
        };
        let nobody = random(most)?;
        let mut first = 0;
        let mut whole = Some(());
        let tenants = lists.map(|mut secrets| {
            let (here, own) = (first, secrets.len());
            first += own;
            match random(most - own) {
                Some(more) => secrets.extend(more),
                None => whole = None,
            }
            Tenant { first: here, own, secrets }
        });
        whole.map(|()| Secrets(vec![Part::Keyed(Box::new(KeyedPart { tenants, nobody }))]))
    }

    /// These and, behind them, others.
    pub fn and(mut self, others: Secrets<T>) -> Secrets<T> {
        self.0.extend(others.0);
        self
    }

    pub fn chosen(&self, request: &RequestInfo) -> Chosen<'_, T> {
        let mut chosen = Vec::new();
        let mut before = 0;
        for part in &self.0 {
            let (first, secrets) = match part {
                Part::Same(secrets) => (0, secrets),
                Part::Keyed(part) => {
                    part.find(request).map_or((0, &part.nobody), |found| (found.first, &found.secrets))
                }
            };
            chosen.extend(secrets.iter().enumerate().map(|(position, secret)| (before + first + position, secret)));
            before += part.own().count();
        }
        chosen
    }

    /// The first one that is meant for this request, to make something with it.
    pub fn first(&self, request: &RequestInfo) -> Result<&T, SignError> {
        match self.0.first() {
            Some(Part::Same(secrets)) => secrets.first().map(|first| &first.value).ok_or(SignError::NoSecret),
            Some(Part::Keyed(part)) => {
                let found = part.find(request).and_then(|tenant| tenant.secrets.first());
                found.map(|first| &first.value).ok_or(SignError::UnknownKey)
            }
            None => Err(SignError::NoSecret),
        }
    }

    /// Until when each is accepted, in the order as written.
    pub fn expiries(&self) -> impl Iterator<Item = Option<DateTime<Utc>>> + '_ {
        self.0.iter().flat_map(|part| part.own().map(|secret| secret.until))
    }
}

impl<T> Part<T> {
    /// Without the random ones.
    fn own(&self) -> Box<dyn Iterator<Item = &Dated<T>> + '_> {
        match self {
            Part::Same(secrets) => Box::new(secrets.iter()),
            Part::Keyed(part) => {
                Box::new(part.tenants.values().flat_map(|tenant| tenant.secrets.iter().take(tenant.own)))
            }
        }
    }
}

impl<T> KeyedPart<T> {
    fn find(&self, request: &RequestInfo) -> Option<&Tenant<T>> {
        let (event, tables) = (Event::of_head(request.clone()), Document::null());
        let scope = Scope {
            event: &event,
            route: "",
            vars: &[],
            answers: &[],
            answer: None,
            tables: &tables,
            uuid: String::new,
        };
        self.tenants.find(&mut Evaluation::new(scope))
    }
}

/// What is random is there for the work that it makes, and is not accepted even where somebody guesses it.
const NEVER: Option<DateTime<Utc>> = Some(DateTime::<Utc>::MIN_UTC);

/// Of letters that every encoding of secrets has: it is hexadecimal, and base64 of some bytes.
fn random_secret() -> Secret {
    let mut bytes = Zeroizing::new([0; 32]);
    // Should the system have no randomness: see `NEVER`.
    let _ = aws_lc_rs::rand::fill(&mut bytes[..]);
    Secret::new(hex::of(&bytes[..]))
}

fn list<T>(
    spec: &OneOrMany<SecretSpec>,
    at: &At<'_>,
    make: &mut impl FnMut(Secret, &At<'_>) -> Option<T>,
) -> Option<Vec<Dated<T>>> {
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
                Some(Dated { value: make(value, &at)?, until: None })
            }
            SecretSpec::Dated(dated) => {
                let until = match &dated.until {
                    Some(until) => moment(until, &at.key("until")).map(Some),
                    None => Some(None),
                };
                let at = at.key("value");
                let value = config::secret(&dated.value, &at).and_then(|(value, _)| make(value, &at));
                Some(Dated { value: value?, until: until? })
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
    chosen: &Chosen<'_, T>,
    now: DateTime<Utc>,
    mut matches: impl FnMut(&T) -> Choice,
) -> Option<usize> {
    let verdicts: Vec<bool> =
        chosen.iter().map(|(_, secret)| bool::from(matches(&secret.value)) & secret.accepted(now)).collect();
    let matched = verdicts.iter().position(|matched| *matched)?;
    chosen.get(matched).map(|(position, _)| *position)
}
