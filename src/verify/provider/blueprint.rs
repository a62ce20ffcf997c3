//! A provider's scheme, compiled, without the secrets of a check.

use super::jwt::JwtBlueprint;
use crate::config::spec::{
    CheckSpec, OneOrMany, ProviderKindSpec, ProviderSpec, SchemeSpec, SecretGroupSpec, SignatureFormatSpec,
    SignatureSpec, SignedTimeSpec, TimeUnitSpec, ToleranceSpec,
};
use crate::config::units::parse_duration;
use crate::diagnostic::At;
use crate::verify::Proof;
use crate::verify::compile::token;
use crate::verify::evidence::{Place, header_name, pointer_tokens};
use crate::verify::network::Networks;
use crate::verify::signature::algorithm::Algorithm;
use crate::verify::signature::compile::KeyRules;
use crate::verify::signature::encoding::Encoding;
use crate::verify::signature::grammar::Grammar;
use crate::verify::signature::message::{Message, Syntax};
use crate::verify::signature::timestamp::{TOLERANCE, Timestamp, Unit};
use crate::verify::signature::{Expected, Group, Holder, Parameter, Requirement, Scheme, Signature};
use crate::verify::token::Shown;
use chrono::TimeDelta;

pub(in crate::verify) enum Blueprint {
    Signature(Box<Scheme>, KeyRules),
    Token(Shown),
    Networks(Networks),
    Jwt(JwtBlueprint),
}

impl Blueprint {
    pub fn compile(spec: &ProviderSpec, at: &At<'_>) -> Option<Blueprint> {
        let empty = SchemeSpec::default();
        let scheme = spec.verify.as_ref().unwrap_or(&empty);
        let at = at.key("verify");
        let token = [&scheme.header, &scheme.query, &scheme.form, &scheme.json, &scheme.json_each];
        let tokens = token.iter().filter(|written| written.is_some()).count();
        match (tokens, &scheme.signature, &scheme.networks, &scheme.jwt, spec.kind) {
            (0, Some(signature), None, None, _) => signed(scheme, signature, &at),
            (1, None, None, None, _) => token_shown(scheme, &at).map(Blueprint::Token),
            (0, None, Some(list), None, _) => networks(list, &at.key("networks")).map(Blueprint::Networks),
            (0, None, None, Some(jwt), _) => JwtBlueprint::compile(jwt, &at.key("jwt")).map(Blueprint::Jwt),
            (0, None, None, None, Some(ProviderKindSpec::Basic)) => Some(Blueprint::Token(Shown::Basic)),
            _ => {
                let help =
                    "write `signature`, or one of `header`, `query`, `form`, `json`, `json_each`, `networks`, `jwt`"
                        .to_owned();
                at.error("provider-scheme", "a scheme says exactly one way to verify", Some(help));
                None
            }
        }
    }

    /// The scheme's own requirements of a check: parameters that it takes besides the secret.
    pub fn takes(&self) -> Vec<&'static str> {
        let scheme = match self {
            Blueprint::Signature(scheme, _) => scheme,
            Blueprint::Token(_) => return vec!["secret"],
            Blueprint::Networks(_) => return Vec::new(),
            Blueprint::Jwt(jwt) => return jwt.takes(),
        };
        let mut takes = vec![if scheme.algorithm.is_public() { "public_key" } else { "secret" }];
        let parameters = scheme.required.iter().filter_map(|requirement| match requirement.expected {
            Expected::Parameter(parameter) => Some(parameter.name()),
            _ => None,
        });
        takes.extend(parameters);
        if scheme.timestamp.is_some() {
            takes.push("tolerance");
        }
        if scheme.names_url() {
            takes.push("public_url");
        }
        if scheme.places.iter().any(|holder| holder.group == Some(Group::Secondary)) {
            takes.push("secondary");
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
            Blueprint::Token(_) | Blueprint::Networks(_) | Blueprint::Jwt(_) => KeyRules::default(),
        }
    }

    /// With the secrets and parameters of a check.
    pub fn proof(&self, check: &CheckSpec, at: &At<'_>) -> Option<Proof> {
        match self {
            Blueprint::Signature(scheme, rules) => {
                let mut scheme = Scheme::clone(scheme);
                let required = std::mem::take(&mut scheme.required).into_iter();
                let required: Option<Vec<_>> = required.map(|requirement| filled(requirement, check, at)).collect();
                scheme.required = required?.into_iter().flatten().collect();
                Signature::with_keys(scheme, rules, check, at).map(|signature| Proof::Signature(Box::new(signature)))
            }
            Blueprint::Token(shown) => token(shown.clone(), check, at).map(Proof::Token),
            Blueprint::Networks(networks) => Some(Proof::Networks(networks.clone())),
            Blueprint::Jwt(jwt) => jwt.proof(check, at).map(|jwt| Proof::Jwt(Box::new(jwt))),
        }
    }
}

impl Parameter {
    fn name(self) -> &'static str {
        match self {
            Parameter::AppKey => "app_key",
            Parameter::Serial => "serial",
        }
    }

    fn named(name: &str) -> Option<Parameter> {
        [Parameter::AppKey, Parameter::Serial].into_iter().find(|parameter| parameter.name() == name)
    }

    /// One key is often all there is, and then its serial number adds nothing.
    fn optional(self) -> bool {
        self == Parameter::Serial
    }
}

/// With the check's parameter in its place; `Some(None)`: nothing is required.
fn filled(requirement: Requirement, check: &CheckSpec, at: &At<'_>) -> Option<Option<Requirement>> {
    let Expected::Parameter(parameter) = requirement.expected else { return Some(Some(requirement)) };
    let written = match parameter {
        Parameter::AppKey => &check.app_key,
        Parameter::Serial => &check.serial,
    };
    match written {
        Some(written) => {
            let text = crate::config::plain(written, &at.key(parameter.name()))?;
            Some(Some(Requirement { expected: Expected::Text(text), ..requirement }))
        }
        None if parameter.optional() => Some(None),
        None => {
            let message = format!("this provider needs `{}`", parameter.name());
            at.error("verify-parameter-missing", message, None);
            None
        }
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

fn signed(spec: &SchemeSpec, signature: &SignatureSpec, at: &At<'_>) -> Option<Blueprint> {
    let algorithm = Algorithm::from(spec.algorithm.unwrap_or_default());
    let id = match &spec.id_header {
        Some(name) => reported(header_name(name), &at.key("id_header")).map(|name| Some(Place::Header(name))),
        None => Some(None),
    };
    let holders = holders(signature, &at.key("signature"));
    let grammar = grammar(signature, &at.key("signature"));
    let in_header = matches!(grammar, Some(Grammar::Pairs { time: Some(_), .. }));
    let timestamp = timestamp(spec.timestamp.as_ref(), in_header, &at.key("timestamp"));
    let required = spec.require.iter().map(|(place, text)| requirement(place, text, &at.key("require").key(place)));
    let required: Vec<_> = required.collect();
    let (id, holders, grammar, timestamp) = (id?, holders?, grammar?, timestamp?);
    let payload = at.key("payload");
    let messages = match &spec.payload {
        Some(OneOrMany::Many(many)) => {
            let texts = many.iter().enumerate();
            let message = |(position, text): (usize, &String)| {
                message(text, algorithm, id.as_ref(), timestamp.is_some(), &payload.index(position))
            };
            texts.map(message).collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?
        }
        Some(OneOrMany::One(text)) => vec![message(text, algorithm, id.as_ref(), timestamp.is_some(), &payload)?],
        None => vec![message("{body}", algorithm, id.as_ref(), timestamp.is_some(), &payload)?],
    };
    if messages.is_empty() {
        payload.error("provider-payload", "the list of payloads is empty", None);
        return None;
    }
    let absent = spec.absent.iter().map(|place| reported(Place::parse(place), &at.key("absent")));
    let absent = absent.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
    let scheme = Scheme {
        algorithm,
        encoding: Encoding::from(signature.encoding.unwrap_or_default()),
        places: holders,
        grammar,
        messages,
        timestamp,
        id,
        required: required.into_iter().collect::<Option<_>>()?,
        absent,
    };
    let key = spec.key.clone().unwrap_or_default();
    let rules = KeyRules {
        encoding: key.encoding.unwrap_or_default(),
        strip: key.strip_prefix.unwrap_or_default(),
        optional: false,
    };
    Some(Blueprint::Signature(Box::new(scheme), rules))
}

fn message(written: &str, algorithm: Algorithm, id: Option<&Place>, timed: bool, at: &At<'_>) -> Option<Message> {
    let message = match Message::parse(written, Syntax::Provider, id) {
        Ok(message) => message,
        Err(error) => {
            at.error_inside("provider-payload", error.message, Some(error.help), error.span);
            return None;
        }
    };
    let mistake = if message.names_time() && !timed {
        "{ts} needs `timestamp`"
    } else if message.names_secret() && !matches!(algorithm, Algorithm::Hash(_)) {
        "{secret} is for plain hashes: a keyed hash has it as its key"
    } else if !message.names_secret() && matches!(algorithm, Algorithm::Hash(_)) {
        "a plain hash without {secret} proves nothing"
    } else if !message.names_anything() {
        "the payload names nothing of the request"
    } else {
        return Some(message);
    };
    at.error("provider-payload", mistake, None);
    None
}

fn holders(spec: &SignatureSpec, at: &At<'_>) -> Option<Vec<Holder>> {
    match (&spec.header, &spec.from, spec.any_of.as_slice()) {
        (Some(name), None, []) => {
            let place = Place::Header(reported(header_name(name), &at.key("header"))?);
            Some(vec![Holder { place, group: None }])
        }
        (None, Some(place), []) => {
            let place = reported(Place::parse(place), &at.key("from"))?;
            Some(vec![Holder { place, group: None }])
        }
        (None, None, alternatives @ [_, ..]) => {
            let holders = alternatives.iter().enumerate().map(|(position, alternative)| {
                let at = at.key("any_of").index(position).key("header");
                let place = Place::Header(reported(header_name(&alternative.header), &at)?);
                let group = alternative.secret.map(|group| match group {
                    SecretGroupSpec::Secret => Group::Primary,
                    SecretGroupSpec::Secondary => Group::Secondary,
                });
                Some(Holder { place, group })
            });
            holders.collect::<Vec<_>>().into_iter().collect()
        }
        _ => {
            let help = "write one of `header`, `from` and `any_of`".to_owned();
            at.error("provider-scheme", "a signature stands in exactly one place", Some(help));
            None
        }
    }
}

fn grammar(spec: &SignatureSpec, at: &At<'_>) -> Option<Grammar> {
    let prefix = spec.prefix.clone().unwrap_or_default();
    let separator = |written: &Option<String>, default: &str| written.clone().unwrap_or_else(|| default.to_owned());
    let grammar = match spec.format.unwrap_or_default() {
        SignatureFormatSpec::Raw => Grammar::Raw { prefix, optional: spec.prefix_optional },
        SignatureFormatSpec::Kv => {
            let Some(signature) = spec.sig_key.clone() else {
                at.error("provider-scheme", "`kv` needs `sig_key`: the key of the signature", None);
                return None;
            };
            Grammar::Pairs {
                between: separator(&spec.pair_sep, ","),
                inside: separator(&spec.kv_sep, "="),
                time: spec.ts_key.clone(),
                signature,
                several: spec.multi,
            }
        }
        SignatureFormatSpec::List => {
            Grammar::List { between: separator(&spec.list_sep, ","), prefix, several: spec.multi }
        }
    };
    let separators = [&spec.pair_sep, &spec.kv_sep, &spec.list_sep];
    if separators.iter().any(|written| written.as_deref() == Some("")) {
        at.error("provider-scheme", "a separator is not empty", None);
        return None;
    }
    Some(grammar)
}

/// `Some(None)` where nothing is timed.
fn timestamp(spec: Option<&SignedTimeSpec>, in_header: bool, at: &At<'_>) -> Option<Option<Timestamp>> {
    let default = SignedTimeSpec::default();
    let spec = match spec {
        Some(spec) => spec,
        None if in_header => &default,
        None => return Some(None),
    };
    let place = match (&spec.header, &spec.source) {
        (Some(name), None) => Some(Place::Header(reported(header_name(name), &at.key("header"))?)),
        (None, Some(source)) => Some(reported(Place::parse(source), &at.key("source"))?),
        (None, None) if in_header => None,
        _ => {
            let help = "write `header` or `source`, or `ts_key` in a `kv` signature".to_owned();
            at.error("provider-scheme", "a timestamp stands in exactly one place", Some(help));
            return None;
        }
    };
    let window = |written: Option<&ToleranceSpec>, default: TimeDelta, key: &str| match written {
        None => Some(default),
        Some(written) => span(written, &at.key(key)),
    };
    let past = window(spec.tolerance.as_ref(), TOLERANCE, "tolerance")?;
    let future = window(spec.future.as_ref(), past, "future")?;
    let unit = match spec.unit.unwrap_or_default() {
        TimeUnitSpec::S => Unit::Seconds,
        TimeUnitSpec::Ms => Unit::Milliseconds,
        TimeUnitSpec::Rfc3339 => Unit::Rfc3339,
    };
    Some(Some(Timestamp { place, unit, past, future }))
}

pub(super) fn span(written: &ToleranceSpec, at: &At<'_>) -> Option<TimeDelta> {
    let span = match written {
        ToleranceSpec::Seconds(seconds) => Ok(std::time::Duration::from_secs(*seconds)),
        ToleranceSpec::Duration(text) => parse_duration(text).map_err(|error| error.to_string()),
    };
    let span = span.and_then(|span| TimeDelta::from_std(span).map_err(|_| "the span is too long".to_owned()));
    span.map_err(|message| at.error("unit", message, None)).ok()
}

fn networks(list: &[String], at: &At<'_>) -> Option<Networks> {
    if list.is_empty() {
        at.error("provider-scheme", "an empty list of networks lets nobody in", None);
        return None;
    }
    Networks::compile(list.iter().cloned().enumerate().map(|(position, text)| (text, at.index(position))))
}

fn requirement(place: &str, text: &str, at: &At<'_>) -> Option<Requirement> {
    let place = reported(Place::parse(place), at)?;
    let expected = match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        None => Expected::Text(text.to_owned()),
        Some("sha256_hex:body") => Expected::BodySha256Hex,
        Some(name) => match Parameter::named(name) {
            Some(parameter) => Expected::Parameter(parameter),
            None => {
                at.error("provider-scheme", format!("`{{{name}}}` is no parameter of a check"), None);
                return None;
            }
        },
    };
    Some(Requirement { place, expected })
}

pub(in crate::verify) fn reported<T, E: std::fmt::Display>(result: Result<T, E>, at: &At<'_>) -> Option<T> {
    result.map_err(|error| at.error("provider-place", error.to_string(), None)).ok()
}
