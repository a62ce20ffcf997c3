//! How an attempt, and in the end a delivery, went. Retry, breaker, logs, metrics and spans all decide on these closed
//! sets and never on the text of an error.

use std::fmt;
use std::time::Duration;

/// How an attempt, and in the end a delivery, went. Closed: retry, breaker, logs, metrics and spans all decide on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Success,
    /// Name resolution failed.
    Dns,
    /// The connection could not be opened.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The connection broke after it was opened, or what came back was no HTTP.
    Reset,
    /// No whole answer in time.
    Timeout,
    /// 408, 425 or 429.
    Throttled,
    /// Another 4xx, a 1xx or a 3xx.
    Refused,
    /// 5xx.
    ServerError,
    /// `success` says no, although the status alone would not.
    Unsatisfied,
    /// The answer is longer than `answer_max`.
    AnswerTooLarge,
    /// The request could not be built, or `success` could not be judged: an expression failed.
    Expression,
    /// The deadline left no room for an attempt, or cut the last one short.
    Deadline,
    /// Writing to `file://` or `stdout://` failed.
    Write,
    /// The process is stopping.
    Draining,
}

impl Outcome {
    /// A stable name for logs, metrics and spans (`error.type`).
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Dns => "dns",
            Outcome::Connect => "connect",
            Outcome::Tls => "tls",
            Outcome::Reset => "reset",
            Outcome::Timeout => "timeout",
            Outcome::Throttled => "throttled",
            Outcome::Refused => "refused",
            Outcome::ServerError => "server_error",
            Outcome::Unsatisfied => "unsatisfied",
            Outcome::AnswerTooLarge => "answer_too_large",
            Outcome::Expression => "expression",
            Outcome::Deadline => "deadline",
            Outcome::Write => "write",
            Outcome::Draining => "draining",
        }
    }

    /// What a status means that is not in `success`.
    pub(super) fn of_failed_status(status: u16) -> Outcome {
        match status {
            408 | 425 | 429 => Outcome::Throttled,
            200..=299 => Outcome::Unsatisfied,
            500..=599 => Outcome::ServerError,
            _ => Outcome::Refused,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one attempt came to.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    pub status: Option<u16>,
    pub outcome: Outcome,
    /// The request was handed to a connection and no whole answer came back: the target may have acted upon it.
    pub ambiguous: bool,
    pub started: chrono::DateTime<chrono::Utc>,
    pub duration: Duration,
}
