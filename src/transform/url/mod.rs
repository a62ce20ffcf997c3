//! URL templates: what an event inserts stays inside its path segment, its query value, its host or its port.
//!
//! [`compile`] cuts the written URL into places once; building one joins them. References are operator's text: they
//! may hold any part of the URL, `https://host/base` too, and are never encoded.

mod compile;
mod source;

use super::escape::Escape;
use super::pieces::Hole;
use super::text::Rendered;
use crate::diagnostic::At;
use crate::expr::{Environment, Evaluation, EvaluationError, Reads};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A URL template: what stands between `${` and `}` is percent-encoded as one path segment or one query value.
pub struct UrlTemplate {
    parts: Box<[Part]>,
    query: Vec<Parameter>,
    /// The whole, where nothing is to be evaluated.
    constant: Option<Rendered>,
    dynamic_host: bool,
    reads: Reads,
}

/// A URL in two forms: to send, and to show.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    pub real: String,
    /// References as written (`${env:TOKEN}`), never their values.
    pub shown: String,
    /// The host was computed from the event.
    pub dynamic_host: bool,
}

impl std::fmt::Debug for Url {
    /// `real` may hold a secret (a bot's token in the path).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Url").field("shown", &self.shown).field("dynamic_host", &self.dynamic_host).finish()
    }
}

/// Where an event's value goes, and so what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Host,
    Port,
    Segment,
    /// As `Segment`, and no separator even when decoded: whoever opens the file may or may not decode.
    FileSegment,
    Query,
}

enum Part {
    Known(Rendered),
    /// The whole host, port or segment, because it is the whole that must be valid.
    Computed(Place, Vec<Bit>),
}

enum Bit {
    Known(Rendered),
    Hole(Hole),
}

/// `name=value` as it was written.
struct Parameter {
    /// Decoded; `None` where the name is computed.
    name: Option<String>,
    /// The `?` or `&` before it: shown as nothing where it lies inside a reference.
    separator: Rendered,
    bits: Vec<Bit>,
}

/// Everything but RFC 3986's unreserved characters.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// RFC 1035, section 2.3.4.
const HOST_MAX: usize = 253;
const LABEL_MAX: usize = 63;

impl UrlTemplate {
    pub fn compile(written: &str, environment: &Environment<'_>, at: &At<'_>) -> Option<UrlTemplate> {
        compile::compile(written, environment, at)
    }

    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// The host is computed from the event.
    pub fn dynamic_host(&self) -> bool {
        self.dynamic_host
    }

    /// Scheme, host and port, references resolved: as far as no event has a part in it. Never to be shown.
    pub fn origin(&self) -> &str {
        let Some(Part::Known(known)) = self.parts.first() else { return "" };
        let known = known.real();
        let authority = known.find("://").map_or(0, |scheme| scheme + "://".len());
        let path = known.get(authority..).and_then(|rest| rest.find(['/', '?']));
        path.and_then(|path| known.get(..authority + path)).unwrap_or(known)
    }

    /// The URL, where nothing is to be evaluated.
    pub fn constant(&self) -> Option<&Rendered> {
        self.constant.as_ref()
    }

    /// `query`: further parameters, appended percent-encoded.
    ///
    /// # Errors
    ///
    /// What an expression failed with; [`EvaluationError::Wrong`] for a value that cannot stand where it goes: an empty
    /// segment, `.` or `..`, or what is not a host or a port.
    pub fn build(&self, query: &[(String, String)], evaluation: &mut Evaluation<'_>) -> Result<Url, EvaluationError> {
        if query.is_empty() {
            return self.build_with(&[], evaluation);
        }
        let query: Vec<_> =
            query.iter().map(|(name, value)| (name.clone(), Some(Rendered::open(value.clone())))).collect();
        self.build_with(&query, evaluation)
    }

    /// As [`UrlTemplate::build`], with parameters that hold secrets, and with `None` for those of the written URL that
    /// are to be left out.
    pub fn build_with(
        &self,
        query: &[(String, Option<Rendered>)],
        evaluation: &mut Evaluation<'_>,
    ) -> Result<Url, EvaluationError> {
        if let Some(constant) = &self.constant
            && query.is_empty()
            && !evaluation.shown
        {
            return Ok(self.url(constant.clone()));
        }
        let only_shown = evaluation.shown;
        let mut out = Rendered::default();
        for part in &self.parts {
            match part {
                Part::Known(known) => out.append(known, only_shown),
                Part::Computed(place, bits) => {
                    let computed = render(bits, *place, evaluation)?;
                    if !only_shown {
                        check(computed.real(), *place)?;
                    }
                    out.append(&computed, only_shown);
                }
            }
        }
        let mut separator = "?";
        let removed = |name: &str| query.iter().any(|(removed, value)| value.is_none() && removed == name);
        for parameter in &self.query {
            if !parameter.name.as_deref().is_some_and(removed) {
                parameter.separate(std::mem::replace(&mut separator, "&"), only_shown, &mut out);
                out.append(&render(&parameter.bits, Place::Query, evaluation)?, only_shown);
            }
        }
        for (name, value) in query.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            out.push(std::mem::replace(&mut separator, "&"));
            append_parameter(name, value, only_shown, &mut out);
        }
        evaluation.spend(out.real().len())?;
        Ok(self.url(out))
    }

    fn url(&self, rendered: Rendered) -> Url {
        let shown = rendered.shown().to_owned();
        Url { real: rendered.into_real(), shown, dynamic_host: self.dynamic_host }
    }
}

impl Parameter {
    fn separate(&self, separator: &str, only_shown: bool, out: &mut Rendered) {
        let mut rendered = Rendered::default();
        match self.separator.is_secret() {
            false => rendered.push(separator),
            true => rendered.push_secret(separator, self.separator.shown(), Escape::None),
        }
        out.append(&rendered, only_shown);
    }
}

fn append_parameter(name: &str, value: &Rendered, only_shown: bool, out: &mut Rendered) {
    let mut rendered = Rendered::open(encode(name) + "=");
    match value.is_secret() {
        false => rendered.push(&encode(value.real())),
        true => rendered.push_secret(&encode(value.real()), &encode_shown(value.shown()), Escape::None),
    }
    out.append(&rendered, only_shown);
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

/// Encoded but for references: an encoded `${env:NAME}` would be hard to recognise.
fn encode_shown(text: &str) -> String {
    let encoded = encode(text);
    let mut shown = String::with_capacity(encoded.len());
    let mut rest = encoded.as_str();
    while let Some((before, reference)) = rest.split_once("%24%7B") {
        shown.push_str(before);
        match reference.split_once("%7D") {
            Some((name, after)) if name.starts_with("env%3A") || name.starts_with("file%3A") => {
                shown.push_str(&format!("${{{}}}", percent_decode_str(name).decode_utf8_lossy()));
                rest = after;
            }
            _ => {
                shown.push_str("%24%7B");
                rest = reference;
            }
        }
    }
    shown + rest
}

fn render(bits: &[Bit], place: Place, evaluation: &mut Evaluation<'_>) -> Result<Rendered, EvaluationError> {
    let mut out = Rendered::default();
    for bit in bits {
        let hole = match bit {
            Bit::Known(known) => {
                out.append(known, evaluation.shown);
                continue;
            }
            Bit::Hole(hole) => hole,
        };
        let value = hole.required(evaluation)?;
        let shown = hole.shown(&value, evaluation);
        let mut text = String::new();
        value.write_text(&mut text)?;
        match shown {
            _ if evaluation.shown => out.push(&encode_shown(shown.as_deref().unwrap_or(&text))),
            None => out.push(&fit(&text, place, hole)?),
            Some(shown) => out.push_secret(&fit(&text, place, hole)?, &encode_shown(&shown), Escape::None),
        }
    }
    Ok(out)
}

/// A value as it may stand in its place.
fn fit(text: &str, place: Place, hole: &Hole) -> Result<String, EvaluationError> {
    let wrong = |what: &str| EvaluationError::Wrong(format!("`{}` gives no {what}", hole.expression.source().trim()));
    let host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match place {
        Place::Host if text.is_empty() || !text.bytes().all(host) => Err(wrong("host name for the URL")),
        Place::Port if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(wrong("port for the URL"))
        }
        Place::FileSegment if text.contains(['/', '\\', '\0']) => Err(wrong("file name: it holds a separator")),
        Place::Host | Place::Port => Ok(text.to_owned()),
        Place::Segment | Place::FileSegment | Place::Query => Ok(encode(text)),
    }
}

/// A host, port or segment as a whole. Names no value: it may be personal, or a secret.
fn check(whole: &str, place: Place) -> Result<(), EvaluationError> {
    let wrong = |what: &str| Err(EvaluationError::Wrong(what.to_owned()));
    match place {
        Place::Host if !is_host_name(whole) => wrong("the computed host of the URL is not a host name"),
        Place::Port if whole.parse::<u16>().unwrap_or(0) == 0 => wrong("the computed port of the URL is not a port"),
        Place::Segment | Place::FileSegment if is_special_segment(whole) => {
            wrong("a computed segment of the URL's path is empty, `.` or `..`")
        }
        _ => Ok(()),
    }
}

/// Empty, `.` or `..`, also with an encoded dot, which URL parsers take for a dot (WHATWG URL, "double-dot segment").
fn is_special_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "" | "." | "..")
}

fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.len() <= HOST_MAX && host.split('.').all(label)
}

#[cfg(test)]
mod tests;
