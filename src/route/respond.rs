//! The route's own answer to the sender: given in the route, or relayed from a target.

use super::plan::{Engine, Taken};
use crate::config;
use crate::config::spec::{OneOrMany, OutcomeSpec, RespondSpec};
use crate::deliver::RawAnswer;
use crate::diagnostic::At;
use crate::expr::{Answer, Environment, Evaluation, EvaluationError, Reads};
use crate::transform::{Shape, Text, header_value};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

/// What became of the event, as `respond.on` names it.
pub use crate::config::spec::OutcomeSpec as ReplyOn;

/// A compiled `respond`.
pub struct Respond {
    on: Occasions,
    kind: Kind,
}

/// What a `respond` is for: one bit each.
#[derive(Clone, Copy)]
struct Occasions(u8);

impl Occasions {
    fn of(on: &[ReplyOn]) -> Occasions {
        Occasions(on.iter().fold(0, |bits, on| bits | Occasions::bit(*on)))
    }

    fn contain(self, on: ReplyOn) -> bool {
        self.0 & Occasions::bit(on) != 0
    }

    fn bit(on: ReplyOn) -> u8 {
        match on {
            ReplyOn::Delivered => 1,
            ReplyOn::Accepted => 2,
            ReplyOn::Ignored => 4,
            ReplyOn::Duplicate => 8,
            ReplyOn::Failed => 16,
        }
    }
}

enum Kind {
    /// Position among the route's targets.
    Relay(usize),
    Given(Box<Given>),
}

struct Given {
    /// `None`: as it would be without `respond`.
    status: Option<u16>,
    headers: Vec<(HeaderName, Text)>,
    body: Body,
}

enum Body {
    Empty,
    Json(Shape),
    Text(Text),
}

/// An answer to the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

impl Respond {
    pub(super) fn compile_all(
        spec: Option<&OneOrMany<RespondSpec>>,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Vec<Respond>> {
        match spec {
            None => Some(Vec::new()),
            Some(OneOrMany::One(spec)) => Some(vec![Respond::compile(spec, environment, at)?]),
            Some(OneOrMany::Many(specs)) => {
                let compiled: Vec<Option<Respond>> = specs
                    .iter()
                    .enumerate()
                    .map(|(index, spec)| Respond::compile(spec, environment, &at.index(index)))
                    .collect();
                compiled.into_iter().collect()
            }
        }
    }

    fn compile(spec: &RespondSpec, environment: &Environment<'_>, at: &At<'_>) -> Option<Respond> {
        let usual = [OutcomeSpec::Delivered, OutcomeSpec::Accepted];
        let on = Occasions::of(spec.on.as_ref().map_or(&usual, OneOrMany::as_slice));
        let kind = match &spec.from {
            Some(from) => compile_relay(from, spec, environment, at)?,
            None => compile_given(spec, on.contain(OutcomeSpec::Failed), environment, at)?,
        };
        Some(Respond { on, kind })
    }

    pub fn fits(&self, on: ReplyOn) -> bool {
        self.on.contain(on)
    }

    pub(super) fn reads(&self) -> Reads {
        match &self.kind {
            Kind::Relay(_) => Reads::default(),
            Kind::Given(given) => {
                let body = match &given.body {
                    Body::Empty => Reads::default(),
                    Body::Json(shape) => shape.reads(),
                    Body::Text(text) => text.reads(),
                };
                given.headers.iter().fold(body, |reads, (_, text)| reads.and(text.reads()))
            }
        }
    }

    /// `None` where the target to relay has not answered. `status` is what it would be otherwise.
    pub fn reply(
        &self,
        status: StatusCode,
        taken: &Taken,
        engine: &Engine,
        answers: &[Option<Answer>],
        raw: &[Option<RawAnswer>],
    ) -> Result<Option<Reply>, EvaluationError> {
        match &self.kind {
            Kind::Relay(position) => {
                Ok(raw.get(*position).and_then(Option::as_ref).map(|answer| relay(answer, status)))
            }
            Kind::Given(given) => {
                let Given { status: given, headers, body } = &**given;
                let mut evaluation = Evaluation::new(taken.scope(engine, answers));
                let mut built = Vec::with_capacity(headers.len() + 1);
                for (name, text) in headers {
                    if let Some(value) = text.text(&mut evaluation)? {
                        built.push((name.clone(), header_value(&value)?));
                    }
                }
                let (content_type, body) = body.build(&mut evaluation)?;
                if let Some(content_type) =
                    content_type.filter(|_| !headers.iter().any(|(name, _)| name == http::header::CONTENT_TYPE))
                {
                    built.push((http::header::CONTENT_TYPE, HeaderValue::from_static(content_type)));
                }
                Ok(Some(Reply { status: given.unwrap_or(status.as_u16()), headers: built, body }))
            }
        }
    }
}

impl Body {
    fn build(&self, evaluation: &mut Evaluation<'_>) -> Result<(Option<&'static str>, Bytes), EvaluationError> {
        match self {
            Body::Empty => Ok((None, Bytes::new())),
            Body::Json(shape) => {
                let mut out = Vec::new();
                shape.write_json(evaluation, &mut out)?;
                Ok((Some("application/json"), out.into()))
            }
            Body::Text(text) => {
                let text = text.text(evaluation)?.unwrap_or_default();
                Ok((Some("text/plain; charset=utf-8"), text.into()))
            }
        }
    }
}

/// A target may well say 200 to what counts as a failure: the sender must not take that for a yes.
fn relay(answer: &RawAnswer, otherwise: StatusCode) -> Reply {
    let is_failure = otherwise.is_client_error() || otherwise.is_server_error();
    let status = if is_failure && answer.status < 400 { otherwise.as_u16() } else { answer.status };
    let content_type = answer.content_type.iter().map(|value| (http::header::CONTENT_TYPE, value.clone()));
    Reply { status, headers: content_type.collect(), body: answer.body.clone() }
}

fn compile_relay(from: &str, spec: &RespondSpec, environment: &Environment<'_>, at: &At<'_>) -> Option<Kind> {
    if spec.status.is_some() || spec.body.is_some() || spec.text.is_some() || !spec.headers.is_empty() {
        let help = "keep `from`, or write status, headers and body yourself".to_owned();
        at.key("from").error("respond-conflict", "an answer is either relayed (`from`) or given here", help);
        return None;
    }
    let position = environment.answers.iter().position(|name| name == from);
    if position.is_none() {
        let help = crate::suggest::did_you_mean(from, environment.answers.iter().map(String::as_str));
        at.key("from").error("target-unknown", format!("this route has no target `{from}`"), help);
    }
    position.map(Kind::Relay)
}

fn compile_given(
    spec: &RespondSpec,
    answers_failures: bool,
    environment: &Environment<'_>,
    at: &At<'_>,
) -> Option<Kind> {
    let status = match &spec.status {
        None => None,
        Some(written) => {
            let at = at.key("status");
            let status: u16 = config::scalar(written, &at)?;
            if !(200..=599).contains(&status) {
                at.error("status-range", "an answer's status is 200 to 599", None);
                return None;
            }
            if answers_failures && status < 400 {
                let message = format!("a sender that hears {status} takes a failed webhook for delivered");
                at.error("respond-status", message, "write 400 or more, or leave it out".to_owned());
                return None;
            }
            Some(status)
        }
    };
    let headers = spec.headers.iter().map(|(name, written)| {
        let at = at.key("headers").key(name);
        let Ok(header) = name.parse::<HeaderName>() else {
            at.error("header-name", format!("`{name}` is not a header name"), None);
            return None;
        };
        Text::compile(written, environment, &at).map(|text| (header, text))
    });
    let headers: Vec<Option<(HeaderName, Text)>> = headers.collect();
    let body = match (&spec.body, &spec.text) {
        (Some(_), Some(_)) => {
            at.key("text").error("respond-conflict", "an answer has a `body` or a `text`, not both", None);
            None
        }
        (Some(body), None) => Shape::compile(body, environment, &at.key("body")).map(Body::Json),
        (None, Some(text)) => Text::compile(text, environment, &at.key("text")).map(Body::Text),
        (None, None) => Some(Body::Empty),
    };
    let headers: Option<Vec<(HeaderName, Text)>> = headers.into_iter().collect();
    Some(Kind::Given(Box::new(Given { status, headers: headers?, body: body? })))
}
