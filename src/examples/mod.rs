//! Examples beside the routes (`*.test.yaml`): a request, and what it must lead to.
//!
//! Runs each through the real pipeline ([`crate::rehearsal`]) and compares. Knows nothing of files of tests or of
//! reports; that is the command line's business.

mod compare;
mod request;

pub use compare::readable;
pub use request::{Written, WrittenBody, build};

use crate::config::spec::{TestAnswerSpec, TestSpec};
use crate::deliver::Pretended;
use crate::rehearsal::{Performance, Rehearsal, Rehearsed};
use crate::route::Decision;
use crate::server::gateway::{Stubs, Trust};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use std::fmt;
use std::path::Path;

/// One difference between what an example expects and what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs one example. `folder` is where `body_file` is looked for. No difference: it passed.
pub fn run(rehearsal: &Rehearsal, test: &TestSpec, folder: &Path) -> Vec<Failure> {
    match rehearse(test, folder).and_then(|rehearsed| perform(rehearsal, rehearsed)) {
        Ok(performance) => compare::compare(&test.expect, &performance),
        Err(failure) => vec![failure],
    }
}

/// The request of an example that a route takes; `None` where the route does not.
pub fn taken_by(rehearsal: &Rehearsal, test: &TestSpec, folder: &Path, route: &str) -> Option<Request<Bytes>> {
    let rehearsed = rehearse(test, folder).ok()?;
    let request = rehearsed.request.clone();
    let performance = perform(rehearsal, Rehearsed { trust: Trust::Assume, ..rehearsed }).ok()?;
    let mut decisions = performance.notes.decisions.iter();
    decisions.any(|(other, decision)| *other.name == *route && *decision == Decision::Taken).then_some(request)
}

fn perform(rehearsal: &Rehearsal, rehearsed: Rehearsed) -> Result<Performance, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Failure(format!("cannot run it: {error}")))?;
    runtime.block_on(rehearsal.run(rehearsed)).map_err(|error| Failure(format!("request: {error}")))
}

fn rehearse(test: &TestSpec, folder: &Path) -> Result<Rehearsed, Failure> {
    let at = match &test.at {
        None => Utc::now(),
        Some(written) => DateTime::parse_from_rfc3339(written)
            .map_err(|_| Failure(format!("at: `{written}` is not a moment in RFC 3339, as 2026-06-01T12:00:00Z")))?
            .to_utc(),
    };
    let (request, public_url) = request::of_test(&test.request, folder)?;
    let client_ip = match &test.request.client_ip {
        None => std::net::Ipv4Addr::LOCALHOST.into(),
        Some(written) => {
            written.parse().map_err(|_| Failure(format!("client_ip: `{written}` is not an IP address")))?
        }
    };
    let mut answers = Stubs::default();
    for (target, answer) in &test.answers {
        answers.0.insert(target.clone(), stub(answer)?);
    }
    let trust = if test.check_signature { Trust::Verify } else { Trust::Assume };
    Ok(Rehearsed { request, client_ip, at, trust, public_url, answers: Some(answers) })
}

fn stub(spec: &TestAnswerSpec) -> Result<Pretended, Failure> {
    let (body, default_type) = match (&spec.body, &spec.text) {
        (Some(_), Some(_)) => return Err(Failure("answers: an answer has a `body` or a `text`, not both".to_owned())),
        (Some(body), None) => (body.to_string(), "application/json"),
        (None, Some(text)) => (text.clone(), "text/plain; charset=utf-8"),
        (None, None) => ("{}".to_owned(), "application/json"),
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(default_type));
    for (name, value) in &spec.headers {
        let parsed = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) = parsed.ok_or_else(|| Failure(format!("answers: `{name}` cannot be a header")))?;
        headers.insert(name, value);
    }
    Ok(Pretended { status: spec.status.unwrap_or(200), headers, body: Bytes::from(body) })
}
