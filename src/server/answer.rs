//! What the sender hears: the one function that turns the outcome of an event into a status.
//!
//! Its default is 503. Only the success of every required delivery can turn it into a 2xx.

use super::rejection::Rejection;
use crate::deliver::{Delivered, Outcome};
use crate::route::Decision;
use http::StatusCode;
use std::time::Duration;

/// What became of an event, or of one route of it. The order is the precedence of the answer, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// Attempts were still running at the deadline.
    DeadlinePassed,
    /// A target failed for good.
    TargetFailed,
    /// The process is stopping.
    Draining,
    /// More deliveries wait for a target than may.
    Overloaded,
    /// A route is over its rate limit.
    RateLimited,
    /// An expression was wrong: the same event would fail again.
    Unprocessable,
    /// Every required delivery succeeded.
    Delivered,
    /// It is in memory, and will be delivered.
    Accepted,
    /// It had succeeded before, and nothing was sent again.
    Duplicate,
    /// No route took the event.
    Ignored,
}

/// An end, and how long the sender should wait before it tries again (`None`: trying again cannot help).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    pub end: End,
    pub retry_after: Option<Duration>,
}

/// Where a target did not say how long to wait.
const RETRY_AFTER: Duration = Duration::from_secs(10);

impl Ending {
    pub const DELIVERED: Ending = Ending { end: End::Delivered, retry_after: None };
    pub const OVERLOADED: Ending = Ending { end: End::Overloaded, retry_after: None };
    pub const ACCEPTED: Ending = Ending { end: End::Accepted, retry_after: None };
    pub const DUPLICATE: Ending = Ending { end: End::Duplicate, retry_after: None };
    pub const IGNORED: Ending = Ending { end: End::Ignored, retry_after: None };
    pub const UNPROCESSABLE: Ending = Ending { end: End::Unprocessable, retry_after: None };
    pub const DEADLINE_PASSED: Ending = Ending { end: End::DeadlinePassed, retry_after: Some(RETRY_AFTER) };

    /// Of a route that has room again after `next`.
    pub fn rate_limited(next: Duration) -> Ending {
        Ending { end: End::RateLimited, retry_after: Some(next) }
    }

    /// Of what a route has said to an event: what it takes has not ended yet.
    pub fn of_decision(decision: &Decision) -> Ending {
        match decision {
            Decision::Taken | Decision::Ignored(_) => Ending::IGNORED,
            Decision::Failed(_) | Decision::Broken(_) => Ending::UNPROCESSABLE,
            Decision::RateLimited(next) => Ending::rate_limited(*next),
        }
    }

    /// Of one required delivery whose request could not be built.
    pub fn not_built(outcome: Outcome) -> Ending {
        Ending::of_delivery(&Delivered::unattempted(outcome), false)
    }

    /// Of one required delivery.
    pub fn of_delivery(delivered: &Delivered, deadline_passed: bool) -> Ending {
        if delivered.suffices() { Ending::DELIVERED } else { Ending::of_attempts(delivered, deadline_passed) }
    }

    /// Of a target that another one kept from running by `delivered`: a dead letter holds the event for that other alone.
    pub fn of_attempts(delivered: &Delivered, deadline_passed: bool) -> Ending {
        let again = Some(delivered.retry_after.unwrap_or(RETRY_AFTER));
        match delivered.outcome {
            Outcome::Success => Ending::DELIVERED,
            Outcome::Expression => Ending::UNPROCESSABLE,
            Outcome::Deadline => Ending { end: End::DeadlinePassed, retry_after: again },
            Outcome::Timeout if deadline_passed => Ending { end: End::DeadlinePassed, retry_after: again },
            Outcome::Draining => Ending { end: End::Draining, retry_after: again },
            Outcome::QueueFull => Ending { end: End::Overloaded, retry_after: again },
            Outcome::Dns
            | Outcome::Connect
            | Outcome::Tls
            | Outcome::Reset
            | Outcome::Timeout
            | Outcome::Throttled
            | Outcome::ServerError
            | Outcome::Write
            | Outcome::BreakerOpen => Ending { end: End::TargetFailed, retry_after: again },
            Outcome::Refused
            | Outcome::Unsatisfied
            | Outcome::AnswerTooLarge
            | Outcome::Egress
            | Outcome::Credentials => Ending { end: End::TargetFailed, retry_after: None },
        }
    }

    /// The worse of two; of two equal ones the longer wait.
    pub fn and(self, other: Ending) -> Ending {
        match self.end.cmp(&other.end) {
            std::cmp::Ordering::Less => self,
            std::cmp::Ordering::Greater => other,
            std::cmp::Ordering::Equal => Ending { end: self.end, retry_after: self.retry_after.max(other.retry_after) },
        }
    }
}

/// What the sender hears of an event that ended so; `None`: it has not ended, which no sender may take for a yes.
pub fn answer(ending: Option<Ending>) -> Result<StatusCode, Rejection> {
    let Some(Ending { end, retry_after }) = ending else { return Err(Rejection::Overload) };
    match end {
        End::Delivered | End::Duplicate | End::Ignored => Ok(StatusCode::OK),
        End::Accepted => Ok(StatusCode::ACCEPTED),
        End::DeadlinePassed => Err(Rejection::DeadlineExceeded { retry_after }),
        End::TargetFailed => Err(Rejection::NotDelivered { retry_after }),
        End::Draining => Err(Rejection::Draining),
        End::Overloaded => Err(Rejection::Overload),
        End::RateLimited => Err(Rejection::RateLimited { retry_after: retry_after.unwrap_or(RETRY_AFTER) }),
        End::Unprocessable => Err(Rejection::wrong_expression()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [End; 10] = [
        End::DeadlinePassed,
        End::TargetFailed,
        End::Draining,
        End::Overloaded,
        End::RateLimited,
        End::Unprocessable,
        End::Delivered,
        End::Accepted,
        End::Duplicate,
        End::Ignored,
    ];

    fn delivered(outcome: Outcome) -> Delivered {
        Delivered::unattempted(outcome)
    }

    #[test]
    fn only_success_is_a_yes() {
        let failures = [
            Outcome::Dns,
            Outcome::Connect,
            Outcome::Tls,
            Outcome::Reset,
            Outcome::Timeout,
            Outcome::Throttled,
            Outcome::Refused,
            Outcome::ServerError,
            Outcome::Unsatisfied,
            Outcome::AnswerTooLarge,
            Outcome::Expression,
            Outcome::Deadline,
            Outcome::Write,
            Outcome::Draining,
            Outcome::Egress,
            Outcome::Credentials,
            Outcome::QueueFull,
            Outcome::BreakerOpen,
        ];
        for outcome in failures {
            for late in [false, true] {
                let ending = Ending::of_delivery(&delivered(outcome), late);
                assert!(answer(Some(ending)).is_err(), "{outcome:?}");
            }
        }
        assert_eq!(answer(Some(Ending::of_delivery(&delivered(Outcome::Success), true))), Ok(StatusCode::OK));
        assert_eq!(answer(None).map_err(|rejection| rejection.status().as_u16()), Err(503));
    }

    #[test]
    fn the_worst_end_answers_whatever_the_order() {
        for (position, worse) in ALL.iter().enumerate() {
            for better in &ALL[position..] {
                let (left, right) =
                    (Ending { end: *worse, retry_after: None }, Ending { end: *better, retry_after: None });
                assert_eq!(left.and(right).end, *worse);
                assert_eq!(right.and(left).end, *worse);
            }
        }
    }

    #[test]
    fn a_retry_is_offered_only_where_it_can_help() {
        let mut throttled = delivered(Outcome::Throttled);
        throttled.retry_after = Some(Duration::from_secs(42));
        assert_eq!(Ending::of_delivery(&throttled, false).retry_after, Some(Duration::from_secs(42)));
        assert!(Ending::of_delivery(&delivered(Outcome::Connect), false).retry_after.is_some());
        assert_eq!(Ending::of_delivery(&delivered(Outcome::Refused), false).retry_after, None);
        assert_eq!(Ending::of_delivery(&delivered(Outcome::Expression), false).retry_after, None);
    }

    #[test]
    fn a_full_limit_says_when_there_is_room_again() {
        let ending = Ending::rate_limited(Duration::from_secs(7)).and(Ending::rate_limited(Duration::from_secs(3)));
        assert_eq!(answer(Some(ending)), Err(Rejection::RateLimited { retry_after: Duration::from_secs(7) }));
        assert_eq!(ending.and(Ending::DELIVERED).end, End::RateLimited);
    }

    #[test]
    fn a_full_queue_is_an_overload_and_an_open_breaker_a_failed_target() {
        let status = |outcome| {
            let mut delivered = delivered(outcome);
            delivered.retry_after = Some(Duration::from_secs(7));
            answer(Some(Ending::of_delivery(&delivered, false))).map_err(|rejection| rejection.status().as_u16())
        };
        assert_eq!(status(Outcome::QueueFull), Err(503));
        assert_eq!(status(Outcome::BreakerOpen), Err(502));
        let open = Ending {
            retry_after: Some(Duration::from_secs(7)),
            ..Ending::of_delivery(&delivered(Outcome::BreakerOpen), false)
        };
        assert_eq!(answer(Some(open)), Err(Rejection::NotDelivered { retry_after: Some(Duration::from_secs(7)) }));
        assert_eq!(status(Outcome::Egress), Err(502));
        assert_eq!(Ending::of_delivery(&delivered(Outcome::Egress), false).retry_after, None);
    }

    #[test]
    fn a_timeout_is_a_504_only_at_the_deadline() {
        assert_eq!(Ending::of_delivery(&delivered(Outcome::Timeout), true).end, End::DeadlinePassed);
        assert_eq!(Ending::of_delivery(&delivered(Outcome::Timeout), false).end, End::TargetFailed);
    }
}
