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
    /// The address is not one that may be sent to.
    Egress,
    /// There are no credentials for it: the token endpoint said no, or `auth` has none for the key of the event.
    Credentials,
    /// Too many deliveries wait for this target already.
    QueueFull,
    /// The breaker of the target is open, and its probe comes too late for this delivery.
    BreakerOpen,
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
            Outcome::Egress => "egress",
            Outcome::Credentials => "credentials",
            Outcome::QueueFull => "queue_full",
            Outcome::BreakerOpen => "breaker_open",
        }
    }

    /// What an attempt that ended so says of its target.
    pub(super) fn health(self) -> Health {
        match self {
            Outcome::Dns
            | Outcome::Connect
            | Outcome::Tls
            | Outcome::Reset
            | Outcome::Timeout
            | Outcome::ServerError
            | Outcome::Write => Health::Down,
            Outcome::Success
            | Outcome::Throttled
            | Outcome::Refused
            | Outcome::Unsatisfied
            | Outcome::AnswerTooLarge
            | Outcome::Expression => Health::Up,
            Outcome::Deadline
            | Outcome::Draining
            | Outcome::Egress
            | Outcome::Credentials
            | Outcome::QueueFull
            | Outcome::BreakerOpen => Health::Unknown,
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

/// Whether a target is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answers, whatever.
    Up,
    Down,
    /// The end was ours.
    Unknown,
}

/// Why there is no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GiveUp {
    /// `retry.on` does not name this end.
    NotRetryable,
    /// All `retry.max` retries were made.
    Exhausted,
    /// The wait could not end before the deadline, or the deadline has passed.
    Deadline,
    /// Retries of the target are more of its traffic already than they may be.
    Budget,
    /// The breaker of the target is open for longer than the delivery can wait.
    Breaker,
    /// No more deliveries may wait.
    Memory,
    /// The process is stopping.
    Draining,
}

impl GiveUp {
    /// A stable name for logs, metrics, spans and dead letters.
    pub fn as_str(self) -> &'static str {
        match self {
            GiveUp::NotRetryable => "not retryable",
            GiveUp::Exhausted => "exhausted",
            GiveUp::Deadline => "deadline",
            GiveUp::Budget => "budget",
            GiveUp::Breaker => "breaker",
            GiveUp::Memory => "memory",
            GiveUp::Draining => "draining",
        }
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A wait for a turn at the target, before an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    pub why: WaitedFor,
    pub began: chrono::DateTime<chrono::Utc>,
    pub duration: Duration,
}

/// What a delivery waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitedFor {
    /// `limit.rate`
    Rate,
    /// `limit.concurrency`
    Concurrency,
    Breaker,
}

impl WaitedFor {
    /// A stable name for spans.
    pub fn as_str(self) -> &'static str {
        match self {
            WaitedFor::Rate => "rate",
            WaitedFor::Concurrency => "concurrency",
            WaitedFor::Breaker => "breaker",
        }
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
