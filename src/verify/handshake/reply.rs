//! What a provider wants to hear, literally: the answer of a handshake, and of every event where it has one.
//!
//! What it repeats comes from strangers: it is short, never HTML, and browsers are told not to guess otherwise.

use super::template::{Parameter, SAID_MAX, Template};
use crate::config::spec::ReplySpec;
use crate::diagnostic::At;
use crate::verify::evidence::{Evidence, Place, header_name};
use crate::verify::provider::reported;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::verify) struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, Template)>,
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Empty,
    Text(Template),
    /// In the order in which it is written.
    Json(Vec<Piece>),
}

/// A piece of a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Written(String),
    /// A string.
    Quoted(Template),
    /// A string, number or boolean of the body, as it is there.
    Copied(Place),
}

impl Reply {
    pub fn compile(spec: &ReplySpec, at: &At<'_>) -> Option<Reply> {
        let status = StatusCode::from_u16(spec.status.unwrap_or(200)).ok().filter(|status| status.is_success());
        if status.is_none() {
            at.key("status").error("provider-reply", "a reply that the sender takes for a yes is 200 to 299", None);
        }
        let headers = spec.headers.iter().map(|(name, text)| {
            let at = at.key("headers").key(name);
            let name = reported(header_name(name), &at);
            let text = reported(Template::parse(text), &at);
            name.zip(text)
        });
        let headers: Vec<_> = headers.collect();
        let body = match (&spec.text, &spec.json) {
            (Some(_), Some(_)) => {
                at.key("json").error("provider-reply", "a reply has a `text` or a `json`, not both", None);
                None
            }
            (Some(text), None) => reported(Template::parse(text), &at.key("text")).map(Body::Text),
            (None, Some(json)) => {
                let mut pieces = Vec::new();
                write(json, &mut pieces, &at.key("json")).map(|()| Body::Json(pieces))
            }
            (None, None) => Some(Body::Empty),
        };
        Some(Reply { status: status?, headers: headers.into_iter().collect::<Option<_>>()?, body: body? })
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let body: Vec<&Template> = match &self.body {
            Body::Empty => Vec::new(),
            Body::Text(text) => vec![text],
            Body::Json(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Quoted(text) => Some(text),
                    Piece::Written(_) | Piece::Copied(_) => None,
                })
                .collect(),
        };
        self.headers.iter().map(|(_, text)| text).chain(body)
    }

    pub fn names_mac(&self) -> bool {
        self.templates().any(Template::names_mac)
    }

    pub fn parameters(&self) -> Vec<Parameter> {
        self.templates().flat_map(Template::parameters).collect()
    }

    pub fn fill(&mut self, value: impl Fn(Parameter) -> Option<String>) {
        self.headers.iter_mut().for_each(|(_, text)| text.fill(&value));
        match &mut self.body {
            Body::Empty => {}
            Body::Text(text) => text.fill(&value),
            Body::Json(pieces) => pieces.iter_mut().for_each(|piece| {
                if let Piece::Quoted(text) = piece {
                    text.fill(&value);
                }
            }),
        }
    }

    /// `None` where something that it repeats is missing, repeated, too long, or cannot stand in a header.
    pub fn render(&self, evidence: &Evidence<'_>, mac: Option<&str>) -> Option<Response<Bytes>> {
        let (content_type, body) = match &self.body {
            Body::Empty => (None, String::new()),
            Body::Text(text) => (Some("text/plain; charset=utf-8"), text.render(evidence, mac)?),
            Body::Json(pieces) => (Some("application/json"), json(pieces, evidence, mac)?),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, text) in &self.headers {
            headers.insert(name, HeaderValue::from_str(&text.render(evidence, mac)?).ok()?);
        }
        Some(response)
    }
}

/// `Value` as pieces; a run of what is written becomes one.
fn write(value: &Value, pieces: &mut Vec<Piece>, at: &At<'_>) -> Option<()> {
    match value {
        Value::String(text) => {
            let template = reported(Template::parse(text), at)?;
            pieces.push(match template.place() {
                Some(place @ Place::Json(_)) => Piece::Copied(place.clone()),
                _ => Piece::Quoted(template),
            });
        }
        Value::Array(items) => {
            written("[", pieces);
            for (position, item) in items.iter().enumerate() {
                written(if position == 0 { "" } else { "," }, pieces);
                write(item, pieces, &at.index(position))?;
            }
            written("]", pieces);
        }
        Value::Object(members) => {
            written("{", pieces);
            for (position, (name, member)) in members.iter().enumerate() {
                written(if position == 0 { "" } else { "," }, pieces);
                written(&format!("{}:", Value::from(name.as_str())), pieces);
                write(member, pieces, &at.key(name))?;
            }
            written("}", pieces);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => written(&value.to_string(), pieces),
    }
    Some(())
}

fn written(text: &str, pieces: &mut Vec<Piece>) {
    match pieces.last_mut() {
        Some(Piece::Written(before)) => before.push_str(text),
        _ => pieces.push(Piece::Written(text.to_owned())),
    }
}

fn json(pieces: &[Piece], evidence: &Evidence<'_>, mac: Option<&str>) -> Option<String> {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Written(text) => out.push_str(text),
            Piece::Quoted(text) => out.push_str(&Value::from(text.render(evidence, mac)?).to_string()),
            Piece::Copied(place) => {
                let text = evidence.json_text(place).ok()?;
                if text.len() > SAID_MAX {
                    return None;
                }
                out.push_str(&text);
            }
        }
    }
    Some(out)
}
