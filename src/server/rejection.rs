//! Every way to say no, and the one place that turns it into HTTP.
//!
//! Stages return their own small errors; `pipeline` maps them to a [`Rejection`]. The answer is a problem document
//! (RFC 9457) that never contains targets, secrets or payload: what a stage puts into a rejection is shown to strangers.

use super::{Answer, request_id};
use crate::body::{VIOLATIONS_MAX, Violation};
use crate::matcher::PathError;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use std::time::Duration;

/// Why a request is not, or could not be, done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// No route has this host and path.
    NotFound,
    /// The path is known, the method is not; `allow` lists those that are, as `GET, POST`.
    MethodNotAllowed { allow: String },
    /// Too many events or bytes in flight.
    Overload,
    /// The process is stopping.
    Draining,
    /// Over a rate limit; `retry_after` is when there is room again.
    RateLimited { retry_after: Duration },
    /// The body is longer than `max_size` bytes.
    TooLarge { max_size: usize },
    /// The body did not arrive in time.
    BodyTimeout,
    /// Content type, charset or content encoding that the route does not accept.
    UnsupportedMediaType { detail: String },
    /// The body comes in a transfer coding besides `chunked` (RFC 9112, section 6.1).
    TransferCoding,
    /// The sender did not prove who it is. One answer for every reason, so that nothing can be learnt from it.
    Unauthorized,
    /// The sender's address is not allowed.
    Forbidden,
    /// As [`Unauthorized`](Rejection::Unauthorized), with the status that a provider expects for it.
    Refused { status: StatusCode },
    /// What would prove it has to be fetched from the sender's own host, and that failed.
    KeyUnavailable,
    /// Not what it claims to be, as JSON that is none.
    Malformed { detail: String },
    /// Well-formed, but not what the route wants; `errors` says where.
    Unprocessable { detail: String, errors: Vec<Violation> },
    /// A required target failed for good.
    NotDelivered { retry_after: Option<Duration> },
    /// Attempts were still running at the deadline.
    DeadlineExceeded { retry_after: Option<Duration> },
    /// A panic or a broken promise inside: our fault.
    Internal,
}

/// Retrying after an overload or a stop makes sense at once, elsewhere or here: the shortest that can be said.
const SOON: Duration = Duration::from_secs(1);

/// A key that could not be fetched is not asked for again any sooner.
const KEY_SOON: Duration = Duration::from_secs(10);

/// What the one match makes of a rejection.
struct Problem {
    status: StatusCode,
    /// Last part of `type`.
    kind: &'static str,
    title: &'static str,
    detail: String,
    retry_after: Option<Duration>,
    errors: Vec<Violation>,
    header: Option<(http::HeaderName, HeaderValue)>,
}

/// The document, in the order of RFC 9457, section 3.1.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Violation],
}

impl Rejection {
    /// An expression failed on this event. Says no more: what it names is the configuration's.
    pub fn wrong_expression() -> Rejection {
        let detail = "an expression of the route does not fit this webhook".to_owned();
        Rejection::Unprocessable { detail, errors: Vec::new() }
    }

    /// The body breaks its contract in these places.
    pub fn broken_contract(errors: Vec<Violation>) -> Rejection {
        Rejection::Unprocessable { detail: "the body does not fit the schema of this endpoint".to_owned(), errors }
    }

    /// An event that ended as unprocessable because of contracts says where they are broken.
    pub fn with_places(self, places: Vec<Violation>) -> Rejection {
        match self {
            Rejection::Unprocessable { .. } if !places.is_empty() => Rejection::broken_contract(places),
            other => other,
        }
    }

    /// Status of the answer, for logs and metrics.
    pub fn status(&self) -> StatusCode {
        self.problem().status
    }

    /// The answer, with `x-request-id`.
    pub fn into_answer(self, request_id: &str) -> Answer {
        let problem = self.problem();
        let document = Document {
            r#type: format!("urn:hookswitch:problem:{}", problem.kind),
            title: problem.title,
            status: problem.status.as_u16(),
            detail: &problem.detail,
            request_id,
            errors: problem.errors.get(..VIOLATIONS_MAX).unwrap_or(&problem.errors),
        };
        // A struct of strings and a number cannot fail to serialize; an empty body would still carry the status.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut answer = http::Response::new(Full::new(Bytes::from(body)));
        *answer.status_mut() = problem.status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        mark(headers, request_id);
        if let Some(retry_after) = problem.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(retry_after)));
        }
        headers.extend(problem.header);
        answer
    }

    /// What a sender hears while the process stops: a 4xx would be taken as final, and the webhook be lost; that
    /// something failed here says nothing about the process that comes next.
    pub fn while_draining(self) -> Rejection {
        match self {
            Rejection::Overload => self,
            _ => Rejection::Draining,
        }
    }

    /// How long the sender should wait before it tries again, where that can help.
    pub fn retry_after(&self) -> Option<Duration> {
        self.problem().retry_after
    }

    /// What kind of problem it is, as the last part of the document's `type`: for logs.
    pub fn kind(&self) -> &'static str {
        self.problem().kind
    }

    fn problem(&self) -> Problem {
        use Rejection as R;
        match self {
            R::NotFound => Problem::new(404, "not-found", "Not found", "no route has this host and path"),
            R::MethodNotAllowed { allow } => {
                Problem::new(405, "method-not-allowed", "Method not allowed", format!("use {allow}"))
                    .header(ALLOW, allow)
            }
            R::Overload => Problem::new(503, "overload", "Overloaded", "too much is in flight, try again").after(SOON),
            R::Draining => Problem::new(503, "draining", "Stopping", "this process is stopping, try again").after(SOON),
            R::RateLimited { retry_after } => {
                Problem::new(429, "rate-limited", "Too many requests", "over the rate limit").after(*retry_after)
            }
            R::TooLarge { max_size } => {
                Problem::new(413, "too-large", "Content too large", format!("the body may have {max_size} bytes"))
            }
            R::BodyTimeout => Problem::new(408, "body-timeout", "Request timeout", "the body did not arrive in time"),
            R::UnsupportedMediaType { detail } => {
                Problem::new(415, "unsupported-media-type", "Unsupported media type", detail.as_str())
            }
            R::TransferCoding => Problem::new(
                501,
                "transfer-coding",
                "Not implemented",
                "a body may be chunked, and not coded otherwise",
            ),
            R::Unauthorized => Problem::unauthorized(StatusCode::UNAUTHORIZED),
            R::Refused { status } => Problem::unauthorized(*status),
            R::KeyUnavailable => {
                let detail = "the sender's key cannot be fetched now, try again";
                Problem::new(503, "key-unavailable", "Not verifiable now", detail).after(KEY_SOON)
            }
            R::Forbidden => Problem::new(403, "forbidden", "Forbidden", "this address may not call here"),
            R::Malformed { detail } => Problem::new(400, "malformed", "Malformed request", detail.as_str()),
            R::Unprocessable { detail, errors } => {
                let problem = Problem::new(422, "unprocessable", "Unprocessable content", detail.as_str());
                Problem { errors: errors.clone(), ..problem }
            }
            R::NotDelivered { retry_after } => {
                let problem = Problem::new(502, "not-delivered", "Not delivered", "the webhook could not be delivered");
                Problem { retry_after: *retry_after, ..problem }
            }
            R::DeadlineExceeded { retry_after } => {
                let problem =
                    Problem::new(504, "deadline-exceeded", "Deadline exceeded", "delivery did not end in time");
                Problem { retry_after: *retry_after, ..problem }
            }
            R::Internal => {
                Problem::new(500, "internal", "Internal error", "the request failed inside, its id finds the log line")
            }
        }
    }
}

impl Problem {
    fn new(status: u16, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            kind,
            title,
            detail: detail.into(),
            retry_after: None,
            errors: Vec::new(),
            header: None,
        }
    }

    /// A 401 names a scheme (RFC 9110, section 15.5.2); it is the same one whatever the route verifies.
    fn unauthorized(status: StatusCode) -> Problem {
        let problem = Problem::new(401, "unauthorized", "Unauthorized", "the sender could not be verified");
        let challenge = Some((WWW_AUTHENTICATE, HeaderValue::from_static("Webhook")));
        Problem { status, header: challenge.filter(|_| status == StatusCode::UNAUTHORIZED), ..problem }
    }

    fn after(self, retry_after: Duration) -> Problem {
        Problem { retry_after: Some(retry_after), ..self }
    }

    fn header(self, name: http::HeaderName, value: &str) -> Problem {
        Problem { header: HeaderValue::from_str(value).ok().map(|value| (name, value)), ..self }
    }
}

impl From<PathError> for Rejection {
    fn from(error: PathError) -> Rejection {
        Rejection::Malformed { detail: error.to_string() }
    }
}

impl From<super::body::BodyError> for Rejection {
    fn from(error: super::body::BodyError) -> Rejection {
        use super::body::BodyError;
        match error {
            BodyError::TooLarge { max_size } => Rejection::TooLarge { max_size },
            BodyError::Timeout => Rejection::BodyTimeout,
            BodyError::Aborted => Rejection::Malformed { detail: error.to_string() },
            BodyError::Overload => Rejection::Overload,
        }
    }
}

impl From<crate::body::BodyError> for Rejection {
    fn from(error: crate::body::BodyError) -> Rejection {
        use crate::body::BodyError;
        match error {
            BodyError::Unsupported(detail) => Rejection::UnsupportedMediaType { detail },
            BodyError::TooLarge(max_size) => {
                Rejection::TooLarge { max_size: usize::try_from(max_size).unwrap_or(usize::MAX) }
            }
            BodyError::Malformed(detail) => Rejection::Malformed { detail },
        }
    }
}

/// Puts the request's id on an answer. Every answer has it, not only refusals.
pub fn mark(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(request_id::HEADER, value);
    }
}

/// `Retry-After` counts whole seconds (RFC 9110, section 10.2.3): rounded up, never 0, or it asks for a retry at once.
pub(super) fn whole_seconds(duration: Duration) -> u64 {
    let up = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(up).max(1)
}

#[cfg(test)]
mod tests;
