//! Handshakes of a provider, compiled, without the values of a check.

use super::reply::Reply;
use super::template::Parameter;
use super::{Handshake, Mac, Visit, Wanted};
use crate::config;
use crate::config::spec::{CheckSpec, HandshakeMacSpec, HandshakeSpec, MethodSpec, OneOrMany, VisitSpec};
use crate::diagnostic::At;
use crate::secret::Secret;
use crate::verify::compile::WrittenCheck;
use crate::verify::evidence::Place;
use crate::verify::provider::reported;
use crate::verify::secrets::{Fingerprint, Secrets};
use crate::verify::signature::algorithm::{Algorithm, Key};
use crate::verify::signature::compile::KeyRules;
use crate::verify::signature::encoding::Encoding;
use http::Method;
use regex::Regex;

pub(in crate::verify) struct Outline {
    method: Method,
    when: Vec<(Place, Expected)>,
    absent: Vec<Place>,
    signed: bool,
    mac: Option<MacOutline>,
    gives: Option<Place>,
    visits: Option<Visit>,
    reply: Reply,
}

enum Expected {
    Anything,
    Text(String),
    Parameter(Parameter),
}

struct MacOutline {
    of: Place,
    algorithm: Algorithm,
    encoding: Encoding,
}

impl Outline {
    /// Every mistake is reported below `at`.
    pub fn compile(spec: &HandshakeSpec, at: &At<'_>) -> Option<Outline> {
        let place = |text: &str, at: &At<'_>| reported(Place::parse(text), at);
        let when = spec.when.iter().map(|(name, text)| {
            let expected = match (text.as_str(), Parameter::parse(text)) {
                ("*", _) => Expected::Anything,
                (_, Some(parameter)) => Expected::Parameter(parameter),
                (text, None) => Expected::Text(text.to_owned()),
            };
            place(name, &at.key("when").key(name)).map(|place| (place, expected))
        });
        let when: Vec<_> = when.collect();
        let absent: Vec<_> = spec.absent.iter().map(|text| place(text, &at.key("absent"))).collect();
        let mac = spec.mac.as_ref().map(|mac| MacOutline::compile(mac, &at.key("mac")));
        let gives = spec.gives.as_ref().map(|text| place(text, &at.key("gives")));
        let visits = spec.visits.as_ref().map(|visits| visit(visits, &at.key("visits")));
        let reply = Reply::compile(&spec.reply, &at.key("reply"));
        let visits = visits.map_or(Some(None), |visits| visits.map(Some));
        let mac = mac.map_or(Some(None), |mac| mac.map(Some))?;
        let reply = reply?;
        if reply.names_mac() && mac.is_none() {
            at.key("reply").error("provider-reply", "{mac} needs `mac`: what it is of", None);
            return None;
        }
        let mut when = when.into_iter().collect::<Option<Vec<_>>>()?;
        when.sort_by_key(|(place, _)| !matches!(place, Place::Header(_) | Place::Query(_)));
        Some(Outline {
            method: spec.method.unwrap_or(MethodSpec::POST).method(),
            when,
            absent: absent.into_iter().collect::<Option<_>>()?,
            signed: spec.signed,
            mac,
            gives: gives.map_or(Some(None), |gives| gives.map(Some))?,
            visits: visits?,
            reply,
        })
    }

    /// Names of what a check may say for it.
    pub fn takes(&self) -> Vec<&'static str> {
        self.parameters().into_iter().map(Parameter::name).collect()
    }

    /// The sender's secret arrives in it.
    pub fn gives_secret(&self) -> bool {
        self.gives.is_some()
    }

    fn parameters(&self) -> Vec<Parameter> {
        let when = self.when.iter().filter_map(|(_, expected)| match expected {
            Expected::Parameter(parameter) => Some(*parameter),
            Expected::Anything | Expected::Text(_) => None,
        });
        when.chain(self.reply.parameters()).collect()
    }

    /// With the values of a check whose secrets are known to be right. `Some(None)`: the check says none of what it needs, and
    /// the handshake is not answered.
    pub fn with(&self, check: &WrittenCheck<'_>, rules: &KeyRules, at: &At<'_>) -> Option<Option<Handshake>> {
        let values = Values(check);
        let needed = self.parameters();
        let missing: Vec<Parameter> = needed.iter().copied().filter(|parameter| !values.has(*parameter)).collect();
        if let Some(first) = missing.first() {
            if missing.len() == needed.len() {
                return Some(None);
            }
            at.error(
                "verify-parameter-missing",
                format!("the handshake of this provider also needs `{}`", first.name()),
                None,
            );
            return None;
        }
        if self.mac.is_some() && rules.written(check).is_none() {
            return Some(None);
        }
        let when = self.when.iter().map(|(place, expected)| {
            let wanted = match expected {
                Expected::Anything => Wanted::Anything,
                Expected::Text(text) => Wanted::Text(text.clone()),
                Expected::Parameter(parameter) => values.wanted(*parameter, at)?,
            };
            Some((place.clone(), wanted))
        });
        let when = when.collect::<Vec<_>>().into_iter().collect::<Option<_>>();
        let mut reply = self.reply.clone();
        reply.fill(|parameter| values.text(parameter, at));
        let mac = match &self.mac {
            Some(mac) => Some(mac.with(check, rules, at)?),
            None => None,
        };
        Some(Some(Handshake {
            method: self.method.clone(),
            signed: self.signed,
            when: when?,
            absent: self.absent.clone(),
            mac,
            gives: self.gives.clone(),
            visits: self.visits.clone(),
            reply,
        }))
    }
}

/// Whoever could choose the host could have us ask anybody.
fn visit(spec: &VisitSpec, at: &At<'_>) -> Option<Visit> {
    let url = reported(Place::parse(&spec.url), &at.key("url"));
    if !spec.matches.starts_with("https://") {
        let help = "write https:// and the host".to_owned();
        at.key("matches").error("provider-scheme", "only https URLs of known hosts are visited", Some(help));
        return None;
    }
    let matches = Regex::new(&format!(r"\A(?:{})\z", spec.matches));
    let matches = matches.map_err(|error| at.key("matches").error("provider-scheme", error.to_string(), None)).ok();
    Some(Visit { url: url?, matches: matches? })
}

impl MacOutline {
    fn compile(spec: &HandshakeMacSpec, at: &At<'_>) -> Option<MacOutline> {
        let of = reported(Place::parse(&spec.of), &at.key("of"));
        let algorithm = Algorithm::from(spec.algorithm);
        if !matches!(algorithm, Algorithm::Hmac(_)) {
            at.key("algorithm").error("provider-scheme", "only a keyed hash shows that a secret is known", None);
            return None;
        }
        Some(MacOutline { of: of?, algorithm, encoding: Encoding::from(spec.encoding) })
    }

    /// With the first secret: a sender that rotates tries its new one when it is already known here.
    fn with(&self, check: &WrittenCheck<'_>, rules: &KeyRules, at: &At<'_>) -> Option<Mac> {
        // What is wrong with a secret has been said where the check's own keys are made.
        let make = |secret: Secret, _: &At<'_>| Key::shared(self.algorithm, &secret, rules).ok();
        let keys = Secrets::compile(rules.written(check)?, check, &at.key(rules.parameter()), make)?;
        Some(Mac { of: self.of.clone(), keys, encoding: self.encoding })
    }
}

/// The parameters of a check.
struct Values<'c>(&'c CheckSpec);

impl Values<'_> {
    fn has(&self, parameter: Parameter) -> bool {
        let Values(check) = self;
        match parameter {
            Parameter::VerifyToken => check.verify_token.is_some(),
            Parameter::Confirmation => check.confirmation.is_some(),
            Parameter::GroupId => check.group_id.is_some(),
            Parameter::AllowedOrigins => check.allowed_origins.is_some(),
            Parameter::TopicArn => check.topic_arn.is_some(),
            Parameter::PublicKey => check.public_key.is_some(),
        }
    }

    fn text(&self, parameter: Parameter, at: &At<'_>) -> Option<String> {
        let Values(check) = self;
        let at = at.key(parameter.name());
        match parameter {
            Parameter::VerifyToken => {
                config::secret(check.verify_token.as_ref()?, &at).map(|(token, _)| token.expose().to_owned())
            }
            Parameter::Confirmation => config::plain(check.confirmation.as_ref()?, &at),
            Parameter::GroupId => config::scalar(check.group_id.as_ref()?, &at).map(|id| id.to_string()),
            Parameter::TopicArn => config::plain(check.topic_arn.as_ref()?, &at),
            Parameter::PublicKey => match check.public_key.as_ref()? {
                OneOrMany::One(name) => config::plain(name, &at),
                OneOrMany::Many(_) => None,
            },
            Parameter::AllowedOrigins => None,
        }
    }

    fn wanted(&self, parameter: Parameter, at: &At<'_>) -> Option<Wanted> {
        match parameter {
            Parameter::AllowedOrigins => {
                let at = at.key(parameter.name());
                let origins = self.0.allowed_origins.as_ref().map_or(&[][..], OneOrMany::as_slice);
                let origins = origins.iter().map(|origin| config::plain(origin, &at));
                origins.collect::<Option<_>>().map(Wanted::OneOf)
            }
            Parameter::VerifyToken => {
                self.text(parameter, at).map(|token| Wanted::Secret(Fingerprint::of(token.as_bytes())))
            }
            Parameter::Confirmation | Parameter::GroupId | Parameter::TopicArn | Parameter::PublicKey => {
                self.text(parameter, at).map(Wanted::Text)
            }
        }
    }
}
