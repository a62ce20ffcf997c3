//! A provider's signatures as written in the table, to a [`Scheme`] that waits for its keys.

use super::blueprint::reported;
use crate::config::spec::{
    KeyHashSpec, KeySpec, OneOrMany, SchemeSpec, SecretGroupSpec, SignatureFormatSpec, SignatureSpec, SignedTimeSpec,
    TimeUnitSpec, ToleranceSpec,
};
use crate::config::units::parse_duration;
use crate::diagnostic::At;
use crate::verify::evidence::{Place, header_name};
use crate::verify::signature::algorithm::{Algorithm, Hash};
use crate::verify::signature::compile::KeyRules;
use crate::verify::signature::encoding::Encoding;
use crate::verify::signature::grammar::Grammar;
use crate::verify::signature::message::{Message, Syntax};
use crate::verify::signature::timestamp::{TOLERANCE, Timestamp, Unit};
use crate::verify::signature::{Expected, Group, Holder, Parameter, Requirement, Scheme};
use chrono::TimeDelta;

/// `at` is the scheme.
pub(super) fn signed(spec: &SchemeSpec, signature: &SignatureSpec, at: &At<'_>) -> Option<(Scheme, KeyRules)> {
    let algorithm = Algorithm::from(spec.algorithm.unwrap_or_default());
    let id = match &spec.id_header {
        Some(name) => reported(header_name(name), &at.key("id_header")).map(|name| Some(Place::Header(name))),
        None => Some(None),
    };
    let grammar = grammar(signature, &at.key("signature"));
    let in_header = matches!(grammar, Some(Grammar::Pairs { time: Some(_), .. }));
    let timestamp = timestamp(spec.timestamp.as_ref(), in_header, &at.key("timestamp"));
    let required = spec.require.iter().map(|(place, text)| requirement(place, text, &at.key("require").key(place)));
    let required: Vec<_> = required.collect();
    let (id, grammar, timestamp) = (id?, grammar?, timestamp?);
    let payload = at.key("payload");
    let context = MessageContext { algorithm, id: id.as_ref(), timed: timestamp.is_some() };
    let messages = match &spec.payload {
        Some(OneOrMany::Many(many)) => {
            let texts = many.iter().enumerate();
            let message = |(position, text): (usize, &String)| context.message(text, &payload.index(position));
            texts.map(message).collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?
        }
        Some(OneOrMany::One(text)) => vec![context.message(text, &payload)?],
        None => vec![context.message("{body}", &payload)?],
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
        places: holders(signature, &context, &at.key("signature"))?,
        grammar,
        messages,
        timestamp,
        id,
        required: required.into_iter().collect::<Option<_>>()?,
        absent,
    };
    Some((scheme, spec.key.as_ref().map(key_rules).unwrap_or_default()))
}

fn key_rules(spec: &KeySpec) -> KeyRules {
    KeyRules {
        encoding: spec.encoding.unwrap_or_default(),
        strip: spec.strip_prefix.clone().unwrap_or_default(),
        hash: spec.hash.map(|KeyHashSpec::Sha1| Hash::SHA1),
        private: spec.private,
        optional: false,
    }
}

/// What the other keys of a scheme mean for its messages.
struct MessageContext<'s> {
    algorithm: Algorithm,
    id: Option<&'s Place>,
    timed: bool,
}

impl MessageContext<'_> {
    fn message(&self, written: &str, at: &At<'_>) -> Option<Message> {
        let message = match Message::parse(written, Syntax::Provider, self.id) {
            Ok(message) => message,
            Err(error) => {
                at.error_inside("provider-payload", error.message, Some(error.help), error.span);
                return None;
            }
        };
        let mistake = if message.names_time() && !self.timed {
            "{ts} needs `timestamp`"
        } else if message.names_secret() && !matches!(self.algorithm, Algorithm::Hash(_)) {
            "{secret} is for plain hashes: a keyed hash has it as its key"
        } else if !message.names_secret() && matches!(self.algorithm, Algorithm::Hash(_)) {
            "a plain hash without {secret} proves nothing"
        } else if !message.names_anything() {
            "the payload names nothing of the request"
        } else {
            return Some(message);
        };
        at.error("provider-payload", mistake, None);
        None
    }
}

fn holders(spec: &SignatureSpec, context: &MessageContext<'_>, at: &At<'_>) -> Option<Vec<Holder>> {
    let alone = |place: Place| vec![Holder { place, group: None, message: None }];
    match (&spec.header, &spec.from, spec.any_of.as_slice()) {
        (Some(name), None, []) => reported(header_name(name), &at.key("header")).map(|name| alone(Place::Header(name))),
        (None, Some(place), []) => reported(Place::parse(place), &at.key("from")).map(alone),
        (None, None, alternatives @ [_, ..]) => {
            let holders = alternatives.iter().enumerate().map(|(position, alternative)| {
                let at = at.key("any_of").index(position);
                let place = Place::Header(reported(header_name(&alternative.header), &at.key("header"))?);
                let group = alternative.secret.map(|group| match group {
                    SecretGroupSpec::Secret => Group::Primary,
                    SecretGroupSpec::Secondary => Group::Secondary,
                });
                let message = match &alternative.payload {
                    Some(text) => Some(context.message(text, &at.key("payload"))?),
                    None => None,
                };
                Some(Holder { place, group, message })
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
            let parameter = signature.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            Grammar::Pairs {
                between: separator(&spec.pair_sep, ","),
                inside: separator(&spec.kv_sep, "="),
                time: spec.ts_key.clone(),
                named_by: parameter.and_then(Parameter::named),
                signature,
                several: spec.multi,
                others: spec.pairs.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
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

fn requirement(place: &str, text: &str, at: &At<'_>) -> Option<Requirement> {
    let place = reported(Place::parse(place), at)?;
    let expected = match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        None => Expected::Text(text.to_owned()),
        Some("sha256_hex:body") => Expected::BodySha256Hex,
        Some("base64_lines") => Expected::Base64Lines,
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
