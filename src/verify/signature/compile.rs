//! What was written about a signature, to a [`Signature`] or, for providers, to a [`Scheme`] that waits for its keys.

use super::algorithm::{Algorithm, Hash, Key, KeyError};
use super::encoding::Encoding;
use super::grammar::Grammar;
use super::message::{Message, Syntax};
use super::timestamp::{TOLERANCE, Timestamp, Unit};
use super::{Group, Holder, Scheme, Signature};
use crate::config;
use crate::config::spec::{CheckSpec, HmacSpec, KeyEncodingSpec, OneOrMany, SecretsSpec, TimestampSpec};
use crate::diagnostic::At;
use crate::verify::compile::WrittenCheck;
use crate::verify::evidence::{Place, header_name};
use crate::verify::secrets::{Dated, Secrets};
use aws_lc_rs::signature::VerificationAlgorithm;
use chrono::TimeDelta;
use http::HeaderName;

/// How a provider's secrets become keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyRules {
    pub encoding: KeyEncodingSpec,
    pub strip: String,
    /// There may be no secret yet, and then no signature matches.
    pub optional: bool,
    /// The key is this hash of the secret.
    pub hash: Option<Hash>,
    /// The secret is what the provider calls a private key, and is written as `private_key`.
    pub private: bool,
}

impl KeyRules {
    /// The parameter of a check that holds the secret.
    pub fn parameter(&self) -> &'static str {
        if self.private { "private_key" } else { "secret" }
    }

    /// What a check says as that.
    pub fn written<'c>(&self, check: &'c CheckSpec) -> Option<&'c SecretsSpec> {
        if self.private { check.private_key.as_ref() } else { check.secret.as_ref() }
    }
}

impl Signature {
    /// Of a check with `hmac:`; `at` is the check.
    pub fn compile_hmac(spec: &HmacSpec, check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Signature> {
        let here = at.key("hmac");
        let header = header(&spec.header, &here.key("header"));
        let prefix = match &spec.prefix {
            Some(prefix) => config::plain(prefix, &here.key("prefix")),
            None => Some(String::new()),
        };
        let timestamp = match &spec.timestamp {
            Some(timestamp) => route_timestamp(timestamp, check, &here.key("timestamp"), at).map(Some),
            None => Some(None),
        };
        let message = route_message(spec, &here);
        let keys = shared_keys(check, spec.algorithm.unwrap_or_default().into(), &KeyRules::default(), at);
        let public_url = public_url(check, at);
        let (header, prefix, timestamp, message) = (header?, prefix?, timestamp?, message?);
        warn_unsigned_time(&message, timestamp.as_ref(), &here);
        let scheme = Scheme {
            algorithm: spec.algorithm.unwrap_or_default().into(),
            encoding: Encoding::from(spec.encoding.unwrap_or_default()),
            places: vec![Holder { place: Place::Header(header), group: None, message: None }],
            grammar: Grammar::Raw { prefix, optional: false },
            messages: vec![message],
            timestamp,
            id: None,
            required: Vec::new(),
            absent: Vec::new(),
        };
        Some(Signature { scheme, keys: keys?, public_url: public_url? })
    }

    /// A provider's scheme with the keys of a check.
    pub fn with_keys(scheme: Scheme, rules: &KeyRules, check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Signature> {
        let keys = match scheme.algorithm {
            Algorithm::Public(algorithm) => public_keys(check, algorithm, at),
            algorithm => shared_keys(check, algorithm, rules, at),
        };
        let signature = Signature::without_keys(scheme, check, at);
        Some(Signature { keys: keys?, ..signature? })
    }

    /// A provider's scheme with what else a check says.
    pub fn without_keys(mut scheme: Scheme, check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Signature> {
        let tolerance = match &check.tolerance {
            Some(written) => tolerance(written, &at.key("tolerance")).map(Some),
            None => Some(None),
        };
        let public_url = public_url(check, at);
        if let (Some(timestamp), Some(tolerance)) = (&mut scheme.timestamp, tolerance?) {
            (timestamp.past, timestamp.future) = (tolerance, tolerance);
        }
        Some(Signature { scheme, keys: Secrets::same(Vec::new()), public_url: public_url? })
    }
}

/// A header's name as written in a route.
pub(in crate::verify) fn header(written: &str, at: &At<'_>) -> Option<HeaderName> {
    let text = config::plain(written, at)?;
    match header_name(&text) {
        Ok(name) => Some(name),
        Err(error) => {
            at.error("verify-header", error.to_string(), Some("write a header's name, as X-Signature".to_owned()));
            None
        }
    }
}

/// A positive window.
pub(in crate::verify) fn tolerance(written: &str, at: &At<'_>) -> Option<TimeDelta> {
    let window = config::duration(written, at)?;
    match TimeDelta::from_std(window) {
        Ok(window) if window > TimeDelta::zero() => Some(window),
        Ok(_) => {
            at.error("verify-tolerance", "a tolerance of nothing refuses everything", Some("write 5m".to_owned()));
            None
        }
        Err(_) => {
            at.error("verify-tolerance", "the tolerance is too long", Some("write 5m".to_owned()));
            None
        }
    }
}

fn route_timestamp(spec: &TimestampSpec, check: &WrittenCheck<'_>, here: &At<'_>, at: &At<'_>) -> Option<Timestamp> {
    let header = header(&spec.header, &here.key("header"));
    if let (Some(_), Some(_)) = (&spec.tolerance, &check.tolerance) {
        let help = "keep the one in `timestamp`".to_owned();
        at.key("tolerance").error("verify-tolerance", "the tolerance is written twice", Some(help));
        return None;
    }
    let window = match (&spec.tolerance, &check.tolerance) {
        (Some(written), _) => tolerance(written, &here.key("tolerance"))?,
        (None, Some(written)) => tolerance(written, &at.key("tolerance"))?,
        (None, None) => TOLERANCE,
    };
    Some(Timestamp { place: Some(Place::Header(header?)), unit: Unit::Any, past: window, future: window })
}

fn route_message(spec: &HmacSpec, here: &At<'_>) -> Option<Message> {
    let Some(written) = &spec.message else { return Some(Message::body()) };
    let at = here.key("message");
    let message = match Message::parse(written, Syntax::Route, None) {
        Ok(message) => message,
        Err(error) => {
            at.error_inside("verify-message", error.message, Some(error.help), error.span);
            return None;
        }
    };
    if message.names_time() && spec.timestamp.is_none() {
        let help = "add `timestamp: {header: NAME}` beside `message`".to_owned();
        at.error("verify-message", "${timestamp} needs to know which header holds it", Some(help));
        return None;
    }
    if !message.names_anything() {
        let help = "sign the body: ${text}".to_owned();
        at.error("verify-message", "the message names nothing of the request", Some(help));
        return None;
    }
    Some(message)
}

fn warn_unsigned_time(message: &Message, timestamp: Option<&Timestamp>, here: &At<'_>) {
    let place = timestamp.and_then(|timestamp| timestamp.place.as_ref());
    if place.is_some_and(|place| !message.names_time() && !message.reads(place)) {
        let help = "name ${timestamp} in `message` if the sender signs it".to_owned();
        let message = "the timestamp is checked but not signed: whoever repeats a request can write a new one";
        here.key("timestamp").warning("verify-timestamp-unsigned", message, Some(help));
    }
}

/// `Some(None)` where none is written.
pub(in crate::verify) fn public_url(check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Option<std::sync::Arc<str>>> {
    let Some(written) = &check.public_url else { return Some(None) };
    let at = at.key("public_url");
    let text = config::plain(written, &at)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#', ' ']) => Some(Some(text.as_str().into())),
        _ => {
            let help = "write scheme://host[:port][/prefix], as https://hooks.example.com".to_owned();
            at.error("verify-public-url", "not a URL that a path can be appended to", Some(help));
            None
        }
    }
}

pub(in crate::verify) type Keys = Secrets<(Group, Key)>;
type OneKey = Dated<(Group, Key)>;

pub(in crate::verify) fn shared_keys(
    check: &WrittenCheck<'_>,
    algorithm: Algorithm,
    rules: &KeyRules,
    at: &At<'_>,
) -> Option<Keys> {
    let parameter = rules.parameter();
    let primary = match rules.written(check) {
        Some(spec) => group(spec, Group::Primary, algorithm, rules, check, &at.key(parameter)),
        None if rules.optional => Some(Secrets::same(Vec::new())),
        None => {
            let help = format!("add `{parameter}: \"${{env:NAME}}\"`");
            at.error("verify-secret-missing", "this check needs a secret", Some(help));
            None
        }
    };
    let Some(spec) = &check.secondary else { return primary };
    let secondary = group(spec, Group::Secondary, algorithm, rules, check, &at.key("secondary"));
    Some(primary?.and(secondary?))
}

fn group(
    spec: &SecretsSpec,
    group: Group,
    algorithm: Algorithm,
    rules: &KeyRules,
    check: &WrittenCheck<'_>,
    at: &At<'_>,
) -> Option<Keys> {
    Secrets::compile(spec, check, at, |secret, at| match Key::shared(algorithm, &secret, rules) {
        Ok(key) => Some((group, key)),
        Err(error) => {
            let help = "copy the secret again as the provider shows it".to_owned();
            at.error("verify-secret-malformed", error.to_string(), Some(help));
            None
        }
    })
}

pub(in crate::verify) fn public_keys(
    check: &WrittenCheck<'_>,
    algorithm: &'static dyn VerificationAlgorithm,
    at: &At<'_>,
) -> Option<Keys> {
    public_keys_of(check, &[("", algorithm)], at)?.pop().map(|(_, keys)| keys)
}

/// For each algorithm the keys that are of its kind; each key is of at least one.
pub(in crate::verify) fn public_keys_of(
    check: &WrittenCheck<'_>,
    algorithms: &[(&'static str, &'static dyn VerificationAlgorithm)],
    at: &At<'_>,
) -> Option<Vec<(&'static str, Keys)>> {
    let Some(spec) = &check.public_key else {
        let help = "add `public_key`: PEM, or base64 or hex as the provider shows it".to_owned();
        at.error("verify-public-key", "this check needs the provider's public key", Some(help));
        return None;
    };
    let at = at.key("public_key");
    if spec.as_slice().is_empty() {
        at.error("verify-public-key", "the list of public keys is empty", Some("write at least one".to_owned()));
        return None;
    }
    let list = matches!(spec, OneOrMany::Many(_));
    let mut made: Vec<(&'static str, Vec<OneKey>)> = algorithms.iter().map(|(name, _)| (*name, Vec::new())).collect();
    let mut whole = Some(());
    for (position, written) in spec.as_slice().iter().enumerate() {
        let at = if list { at.index(position) } else { at.clone() };
        let Some(text) = config::plain(written, &at) else {
            whole = None;
            continue;
        };
        let keys = algorithms.iter().map(|(_, algorithm)| Key::public(*algorithm, &text).ok());
        let mut fits = false;
        for ((_, made), key) in made.iter_mut().zip(keys) {
            fits |= key.is_some();
            made.extend(key.map(|key| Dated { value: (Group::Primary, key), until: None }));
        }
        if !fits {
            let help = "write PEM, or base64 or hex as the provider shows it".to_owned();
            at.error("verify-public-key", KeyError::PublicKey.to_string(), Some(help));
            whole = None;
        }
    }
    whole.map(|()| made.into_iter().map(|(name, keys)| (name, Secrets::same(keys))).collect())
}
