//! Whether and when a failed attempt is repeated. Pure: time and chance are arguments.

mod compile;
#[cfg(test)]
mod tests;

pub(super) use compile::Written;

use super::outcome::{GiveUp, Outcome};
use super::statuses::StatusSet;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::RETRY_AFTER;
use std::time::Duration;

/// The retry schedule of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RetryPolicy {
    /// Retries after the first attempt.
    pub(super) max: u32,
    pub(super) delay: Duration,
    pub(super) max_delay: Duration,
    pub(super) backoff: Backoff,
    pub(super) jitter: bool,
    pub(super) on: RetryOn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backoff {
    /// `delay · 2^(n-1)` before retry n.
    Exponential,
    Constant,
}

/// What is worth another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RetryOn {
    /// No connection: name resolution, TCP or TLS.
    pub(super) connect: bool,
    pub(super) reset: bool,
    pub(super) timeout: bool,
    pub(super) statuses: StatusSet,
}

/// An attempt as the policy sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    /// From 1.
    pub(super) number: u32,
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    /// How long the target asked us to wait.
    pub(super) retry_after: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Done,
    After(Duration),
    GiveUp(GiveUp),
}

impl RetryPolicy {
    /// What comes after an attempt that ended with `left` until the deadline.
    ///
    /// A wait that cannot end before the deadline is not begun: the sender hears at once and retries later.
    pub(super) fn decide(&self, ended: &Ended, left: Duration, rng: &mut fastrand::Rng) -> Decision {
        if ended.outcome == Outcome::Success {
            return Decision::Done;
        }
        if !self.on.covers(ended) {
            return Decision::GiveUp(GiveUp::NotRetryable);
        }
        if ended.number > self.max {
            return Decision::GiveUp(GiveUp::Exhausted);
        }
        let wait = self.wait(ended, rng);
        if wait >= left { Decision::GiveUp(GiveUp::Deadline) } else { Decision::After(wait) }
    }

    /// Full jitter spreads the wait from nothing to the nominal delay. A longer `Retry-After` is a floor that jitter only
    /// adds to, by no more than the nominal delay and half of what was asked: many deliveries that were told the same
    /// second must not come back in the same second.
    fn wait(&self, ended: &Ended, rng: &mut fastrand::Rng) -> Duration {
        let nominal = self.nominal(ended.number);
        let wait = if self.jitter { up_to(nominal, rng) } else { nominal };
        match ended.retry_after {
            Some(asked) if asked > wait && self.jitter => asked.saturating_add(up_to(nominal.min(asked / 2), rng)),
            Some(asked) if asked > wait => asked,
            _ => wait,
        }
    }

    /// All delays together, without jitter.
    pub(super) fn waits(&self) -> Duration {
        (1..=self.max).fold(Duration::ZERO, |sum, number| sum.saturating_add(self.nominal(number)))
    }

    /// The delay before retry number `number`, without jitter.
    fn nominal(&self, number: u32) -> Duration {
        let factor = match self.backoff {
            Backoff::Constant => 1,
            Backoff::Exponential => 1u32.checked_shl(number.saturating_sub(1)).unwrap_or(u32::MAX),
        };
        self.delay.saturating_mul(factor).min(self.max_delay)
    }
}

impl RetryOn {
    fn covers(&self, ended: &Ended) -> bool {
        match ended.outcome {
            Outcome::Dns | Outcome::Connect | Outcome::Tls => self.connect,
            Outcome::Reset => self.reset,
            Outcome::Timeout => self.timeout,
            Outcome::Throttled
            | Outcome::Refused
            | Outcome::ServerError
            | Outcome::Unsatisfied
            | Outcome::AnswerTooLarge => ended.status.is_some_and(|status| self.statuses.contains(status)),
            Outcome::Success
            | Outcome::Expression
            | Outcome::Deadline
            | Outcome::Write
            | Outcome::Draining
            | Outcome::Egress
            | Outcome::Credentials
            | Outcome::QueueFull
            | Outcome::BreakerOpen => false,
        }
    }
}

fn up_to(most: Duration, rng: &mut fastrand::Rng) -> Duration {
    let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(rng.u64(0..=most))
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, section 10.2.3). Nonsense and past dates are nothing.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    date.duration_since(now.into()).ok()
}
