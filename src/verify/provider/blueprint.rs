//! A provider's scheme, compiled, without the secrets of a check.

use super::Need;
use super::jwt::JwtBlueprint;
use super::scheme::{signed, span};
use crate::config;
use crate::config::spec::{
    AlgorithmSpec, CertificateSpec, MessageSignatureSpec, OneOrMany, ProviderKindSpec, ProviderSpec, SchemeSpec,
};
use crate::diagnostic::At;
use crate::verify::Proof;
use crate::verify::certificate::{Certificate, CertificateRules, Certified};
use crate::verify::compile::{WrittenCheck, token};
use crate::verify::evidence::{Place, header_name, pointer_tokens};
use crate::verify::message_signature::{Component, MessageSignature, MessageSignatureRules};
use crate::verify::network::Networks;
use crate::verify::signature::algorithm::{Algorithm, stands_in};
use crate::verify::signature::compile::{KeyRules, public_keys, public_url, shared_keys};
use crate::verify::signature::grammar::Grammar;
use crate::verify::signature::message::Message;
use crate::verify::signature::timestamp::TOLERANCE;
use crate::verify::signature::{Expected, Group, Parameter, Requirement, Scheme, Signature};
use crate::verify::token::Shown;
use regex::Regex;

pub(in crate::verify) enum Blueprint {
    Signature(Box<Scheme>, KeyRules),
    Certified(Box<Scheme>, Box<CertificateRules>),
    MessageSignature(MessageSignatureRules, Algorithm),
    Token(Shown),
    /// The sender proves nothing: a check may still ask for a token.
    Open(Option<Shown>),
    Networks(Networks),
    Jwt(JwtBlueprint),
}

impl Blueprint {
    pub fn compile(spec: &ProviderSpec, at: &At<'_>) -> Option<Blueprint> {
        let empty = SchemeSpec::default();
        let scheme = spec.verify.as_ref().unwrap_or(&empty);
        let at = at.key("verify");
        let token = [&scheme.header, &scheme.query, &scheme.form, &scheme.json, &scheme.json_each];
        let ways = [
            scheme.signature.is_some(),
            scheme.networks.is_some(),
            scheme.jwt.is_some(),
            scheme.message_signature.is_some(),
        ];
        let ways = ways.iter().filter(|written| **written).count() + token.iter().filter(|one| one.is_some()).count();
        match (ways, spec.kind) {
            (0, Some(ProviderKindSpec::Basic)) => return Some(Blueprint::Token(Shown::Basic)),
            (0, Some(ProviderKindSpec::None)) => return Some(Blueprint::Open(None)),
            (1, _) if scheme.certificate.is_none() || scheme.signature.is_some() => {}
            _ => {
                let help = "write `signature`, or one of `header`, `query`, `form`, `json`, `json_each`, `networks`, \
                            `jwt`, `message_signature`";
                at.error("provider-scheme", "a scheme says exactly one way to verify", Some(help.to_owned()));
                return None;
            }
        }
        if let Some(signature) = &scheme.signature {
            let signed = signed(scheme, signature, &at);
            let rules = scheme.certificate.as_ref().map(|spec| certificate(spec, &at.key("certificate")));
            return match (signed?, rules) {
                ((scheme, keys), None) => Some(Blueprint::Signature(Box::new(scheme), keys)),
                ((scheme, _), Some(rules)) => Some(Blueprint::Certified(Box::new(scheme), Box::new(rules?))),
            };
        }
        if let Some(list) = &scheme.networks {
            return networks(list, &at.key("networks")).map(Blueprint::Networks);
        }
        if let Some(jwt) = &scheme.jwt {
            return JwtBlueprint::compile(jwt, &at.key("jwt")).map(Blueprint::Jwt);
        }
        if let Some(signature) = &scheme.message_signature {
            return message_signature(signature, scheme, &at);
        }
        let shown = token_shown(scheme, &at);
        let open = spec.kind == Some(ProviderKindSpec::None);
        shown.map(|shown| if open { Blueprint::Open(Some(shown)) } else { Blueprint::Token(shown) })
    }

    /// The parameters that a check takes, besides those of handshakes, and which it must have.
    pub fn takes(&self) -> Vec<(&'static str, Need)> {
        let (scheme, key) = match self {
            Blueprint::Signature(scheme, _) if scheme.algorithm.is_public() => {
                (scheme, vec![("public_key", Need::Required)])
            }
            Blueprint::Signature(scheme, rules) => (scheme, vec![(rules.parameter(), Need::Required)]),
            Blueprint::Certified(scheme, _) => {
                (scheme, vec![("cert_pem", Need::Optional), ("cert_url", Need::Optional)])
            }
            Blueprint::MessageSignature(rules, algorithm) => {
                let key = if algorithm.is_public() { "public_key" } else { "secret" };
                let url = rules.covers.iter().any(Component::names_url);
                let url = url.then_some(("public_url", Need::Required));
                return [(key, Need::Required), ("tolerance", Need::Optional)].into_iter().chain(url).collect();
            }
            Blueprint::Token(_) => return vec![("secret", Need::Required)],
            Blueprint::Open(shown) => return shown.iter().map(|_| ("secret", Need::Optional)).collect(),
            Blueprint::Networks(_) => return Vec::new(),
            Blueprint::Jwt(jwt) => return jwt.takes(),
        };
        let mut takes = key;
        takes.extend(scheme.parameters().iter().map(|parameter| {
            (parameter.name(), if parameter.is_optional() { Need::Optional } else { Need::Required })
        }));
        if scheme.timestamp.is_some() {
            takes.push(("tolerance", Need::Optional));
        }
        if scheme.names_url() {
            takes.push(("public_url", Need::Required));
        }
        if scheme.places.iter().any(|holder| holder.group == Some(Group::Secondary)) {
            takes.push(("secondary", Need::Optional));
        }
        takes
    }

    /// The sender chooses the secret and gives it in a handshake: a check may be without one, and then nothing passes.
    pub fn without_secret_at_first(self) -> Blueprint {
        match self {
            Blueprint::Signature(scheme, rules) => Blueprint::Signature(scheme, KeyRules { optional: true, ..rules }),
            other => other,
        }
    }

    /// How a secret becomes a key.
    pub fn key_rules(&self) -> KeyRules {
        match self {
            Blueprint::Signature(_, rules) => rules.clone(),
            _ => KeyRules::default(),
        }
    }

    /// With the secrets and parameters of a check.
    pub fn proof(&self, check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Proof> {
        match self {
            Blueprint::Signature(scheme, rules) => {
                let scheme = filled(Scheme::clone(scheme), check, at)?;
                Signature::with_keys(scheme, rules, check, at).map(|signature| Proof::Signature(Box::new(signature)))
            }
            Blueprint::Certified(scheme, rules) => {
                let scheme = filled(Scheme::clone(scheme), check, at)?;
                let signature = Signature::without_keys(scheme, check, at);
                let pinned = pinned(check, at);
                let url = match &check.cert_url {
                    Some(written) => Some(config::plain(written, &at.key("cert_url"))?),
                    None => None,
                };
                let rules = CertificateRules::clone(rules);
                Some(Proof::Certified(Box::new(Certified { rules, signature: signature?, pinned: pinned?, url })))
            }
            Blueprint::MessageSignature(rules, algorithm) => {
                let keys = match algorithm {
                    Algorithm::Public(algorithm) => public_keys(check, *algorithm, at),
                    algorithm => shared_keys(check, *algorithm, &KeyRules::default(), at),
                };
                let mut rules = rules.clone();
                if let Some(written) = &check.tolerance {
                    rules.window = crate::verify::signature::compile::tolerance(written, &at.key("tolerance"))?;
                }
                let public_url = public_url(check, at);
                let signature = MessageSignature { rules, keys: keys?, public_url: public_url? };
                Some(Proof::MessageSignature(Box::new(signature)))
            }
            Blueprint::Token(shown) => token(shown.clone(), check, at).map(Proof::Token),
            Blueprint::Open(Some(shown)) if check.secret.is_some() => token(shown.clone(), check, at).map(Proof::Token),
            Blueprint::Open(shown) => {
                let help = match shown {
                    Some(_) => "add `secret`, and register the address with it",
                    None => "add a check of your own to the list, as `{shared: {query: token}, secret: …}`",
                };
                let message = "this sender proves nothing: anyone may call";
                at.key("provider").warning("verify-provider-open", message, Some(help.to_owned()));
                Some(Proof::Nothing)
            }
            Blueprint::Networks(networks) => Some(Proof::Networks(networks.clone())),
            Blueprint::Jwt(jwt) => jwt.proof(check, at).map(|jwt| Proof::Jwt(Box::new(jwt))),
        }
    }
}

/// With the check's parameters in their places.
fn filled(mut scheme: Scheme, check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Scheme> {
    // Each is asked for once, so that a missing one is reported once.
    let values: Vec<(Parameter, Option<String>)> = {
        let mut parameters = scheme.parameters();
        parameters.sort();
        parameters.dedup();
        let values = parameters.into_iter().map(|parameter| Some((parameter, value(parameter, check, at)?)));
        values.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?
    };
    let value = |wanted: Parameter| {
        values.iter().find(|(parameter, _)| *parameter == wanted).and_then(|(_, value)| value.clone())
    };
    scheme.required = std::mem::take(&mut scheme.required)
        .into_iter()
        .filter_map(|requirement| {
            let Expected::Parameter(parameter) = requirement.expected else { return Some(requirement) };
            value(parameter).map(|text| Requirement { expected: Expected::Text(text), ..requirement })
        })
        .collect();
    scheme.messages = scheme.messages.iter().map(|message| message.filled(&value)).collect::<Option<Vec<Message>>>()?;
    if let Grammar::Pairs { named_by: Some(parameter), signature, .. } = &mut scheme.grammar {
        *signature = value(*parameter)?;
    }
    Some(scheme)
}

/// `Some(None)`: it is not written and may be missing.
fn value(parameter: Parameter, check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Option<String>> {
    let here = at.key(parameter.name());
    let written = match parameter {
        Parameter::AppKey => check.app_key.as_ref(),
        Parameter::Serial => check.serial.as_ref(),
        Parameter::WebhookId => check.webhook_id.as_ref(),
        Parameter::TopicArn => check.topic_arn.as_ref(),
        Parameter::PublicKey => match &check.public_key {
            Some(OneOrMany::Many(_)) => {
                here.error("verify-public-key", "this provider's public key is one name, not a list", None);
                return None;
            }
            Some(OneOrMany::One(name)) => Some(name),
            None => None,
        },
    };
    match written {
        Some(written) => config::plain(written, &here).map(Some),
        None if parameter.is_optional() => Some(None),
        None => {
            let message = format!("this provider needs `{}`", parameter.name());
            at.error("verify-parameter-missing", message, None);
            None
        }
    }
}

/// Certificates of the configuration. A reference that stands for itself offline is none.
fn pinned(check: &WrittenCheck<'_>, at: &At<'_>) -> Option<Vec<Certificate>> {
    let Some(spec) = &check.cert_pem else { return Some(Vec::new()) };
    let at = at.key("cert_pem");
    let list = matches!(spec, OneOrMany::Many(_));
    let mut certificates = Vec::new();
    for (position, written) in spec.as_slice().iter().enumerate() {
        let at = if list { at.index(position) } else { at.clone() };
        let text = config::plain(written, &at)?;
        match Certificate::from_pem(text.as_bytes()) {
            Some(certificate) => certificates.push(certificate),
            None if stands_in(&text) => {}
            None => {
                let help = "write it in PEM: -----BEGIN CERTIFICATE-----".to_owned();
                at.error("verify-certificate", "not a certificate", Some(help));
                return None;
            }
        }
    }
    Some(certificates)
}

fn certificate(spec: &CertificateSpec, at: &At<'_>) -> Option<CertificateRules> {
    let place = reported(Place::parse(&spec.url), &at.key("url"));
    if !spec.matches.starts_with("https://") {
        let help = "whoever stands between could answer with another key".to_owned();
        at.key("matches").error("provider-scheme", "certificates are fetched over https alone", Some(help));
        return None;
    }
    let matches = Regex::new(&format!(r"\A(?:{})\z", spec.matches));
    let matches = matches.map_err(|error| at.key("matches").error("provider-scheme", error.to_string(), None)).ok();
    let version = match &spec.version {
        Some(place) => {
            let place = reported(Place::parse(place), &at.key("version"))?;
            let named = spec.versions.iter().map(|(name, spec)| (name.clone(), Algorithm::from(*spec)));
            Some((place, named.collect()))
        }
        None => None,
    };
    Some(CertificateRules { place: place?, matches: matches?, version })
}

fn message_signature(spec: &MessageSignatureSpec, scheme: &SchemeSpec, at: &At<'_>) -> Option<Blueprint> {
    let here = at.key("message_signature");
    let covers = spec.covers.iter().enumerate().map(|(position, name)| {
        let component = Component::parse(name);
        if component.is_none() {
            let message = format!("`{name}` is no component of a message");
            here.key("covers").index(position).error("provider-scheme", message, None);
        }
        component
    });
    let covers: Vec<Component> = covers.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
    if covers.is_empty() {
        here.key("covers").error("provider-scheme", "a signature that covers nothing proves nothing", None);
        return None;
    }
    let written = scheme.algorithm.unwrap_or_default();
    let Some(name) = registered(written) else {
        at.key("algorithm").error("provider-scheme", "message signatures here are ed25519 or hmac-sha256", None);
        return None;
    };
    let window = match &spec.tolerance {
        Some(written) => span(written, &here.key("tolerance"))?,
        None => TOLERANCE,
    };
    let rules = MessageSignatureRules { covers, algorithm: name, window };
    Some(Blueprint::MessageSignature(rules, Algorithm::from(written)))
}

/// The name in RFC 9421, 6.2.2.
fn registered(algorithm: AlgorithmSpec) -> Option<&'static str> {
    match algorithm {
        AlgorithmSpec::Ed25519 => Some("ed25519"),
        AlgorithmSpec::HmacSha256 => Some("hmac-sha256"),
        _ => None,
    }
}

fn token_shown(spec: &SchemeSpec, at: &At<'_>) -> Option<Shown> {
    if let Some(pointer) = &spec.json_each {
        return reported(pointer_tokens(pointer), &at.key("json_each")).map(Shown::Each);
    }
    let place = match (&spec.header, &spec.query, &spec.form, &spec.json) {
        (Some(name), ..) => Place::Header(reported(header_name(name), &at.key("header"))?),
        (_, Some(name), ..) => Place::Query(name.clone()),
        (_, _, Some(name), _) => Place::Form(name.clone()),
        (_, _, _, Some(pointer)) => Place::Json(reported(pointer_tokens(pointer), &at.key("json"))?),
        _ => return None,
    };
    match &spec.prefixes {
        Some(prefixes) if prefixes.is_empty() => {
            at.key("prefixes").error("provider-scheme", "an empty list of prefixes fits nothing", None);
            None
        }
        Some(prefixes) => Some(Shown::After(place, prefixes.clone())),
        None => Some(Shown::At(place)),
    }
}

fn networks(list: &[String], at: &At<'_>) -> Option<Networks> {
    if list.is_empty() {
        at.error("provider-scheme", "an empty list of networks lets nobody in", None);
        return None;
    }
    Networks::compile(list.iter().cloned().enumerate().map(|(position, text)| (text, at.index(position))))
}

pub(in crate::verify) fn reported<T, E: std::fmt::Display>(result: Result<T, E>, at: &At<'_>) -> Option<T> {
    result.map_err(|error| at.error("provider-place", error.to_string(), None)).ok()
}
