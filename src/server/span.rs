//! A delivery in its trace: a span of its own, one for each attempt and for each wait. The attempt's is what the target
//! is told (`traceparent`). What attempts come to is counted on the way.

use super::meters::{self, TargetMeter};
use super::record::Recorder;
use crate::deliver::{Attempt, Observer, Outcome, Waited, WaitedFor};
use crate::telemetry::metrics::Peer;
use crate::telemetry::trace_context::{Span, SpanId};
use crate::telemetry::traces::{Ended, Kind};
use http::HeaderMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// One delivery, watched.
pub struct DeliverySpan<'r> {
    pub span: Span,
    pub began: Instant,
    /// The positions of its route, and of its target there.
    of: (usize, usize),
    recorder: &'r Recorder,
    /// `None`: the trace is not recorded.
    told: Option<Told>,
    attempts: Mutex<Attempts>,
}

/// What only traces tell.
pub struct Told {
    /// `None` where no HTTP is spoken.
    pub peer: Option<Peer>,
    /// References instead of their values.
    pub url: String,
}

#[derive(Default)]
struct Attempts {
    current: Option<Span>,
    /// Retries are linked to it.
    first: Option<SpanId>,
    waits: Vec<Waited>,
}

/// Waits that are remembered of a delivery: one that nobody waits for may come back to a breaker for an hour.
const WAITS_MAX: usize = 32;

impl<'r> DeliverySpan<'r> {
    pub fn new(recorder: &'r Recorder, span: Span, of: (usize, usize), told: Option<Told>) -> DeliverySpan<'r> {
        DeliverySpan { span, began: Instant::now(), of, recorder, told, attempts: Mutex::default() }
    }

    /// The first waits so far, which are forgotten with that.
    /// Looked up when something is counted, which is after the target has answered: among thousands of routes it would have to
    /// be fetched once more by then. Of a dead letter, which is a target of no route, nothing is counted.
    pub fn meter(&self) -> Option<&'r TargetMeter> {
        let (route, target) = self.of;
        self.recorder.meter_at(route, target)
    }

    pub fn take_waits(&self) -> Vec<Waited> {
        std::mem::take(&mut self.attempts().waits)
    }

    fn trace_attempt(&self, attempt: &Attempt, span: &Span, first: Option<SpanId>) {
        let (Some(recording), Some(Told { peer, url })) = (self.recorder.recording(), &self.told) else { return };
        let now = Instant::now();
        let began = now.checked_sub(attempt.duration).unwrap_or(now);
        let (kind, name) = match peer {
            Some(peer) => (Kind::Client, [peer.method, " ", &peer.address]),
            None => (Kind::Internal, ["write", "", ""]),
        };
        let status = attempt.status.filter(|status| *status >= 400).map(|status| status.to_string());
        let error = match attempt.outcome {
            Outcome::Success => None,
            outcome if meters::broken(outcome) => Some(outcome.as_str()),
            outcome => Some(status.as_deref().unwrap_or(outcome.as_str())),
        };
        let ended = Ended {
            span,
            kind,
            name,
            began: self.recorder.at(began),
            ended: self.recorder.at(now),
            error,
            link: first.filter(|first| *first != span.span_id),
            is_remote: false,
        };
        recording.span(&ended, |attributes| {
            attributes.number("hookswitch.attempt", attempt.number.into());
            attributes.text("url.full", url);
            if let Some(peer) = peer {
                attributes.text("http.request.method", peer.method);
                attributes.text("server.address", &peer.address);
                if let Some(port) = peer.port {
                    attributes.number("server.port", port.into());
                }
                if attempt.number > 1 {
                    attributes.number("http.request.resend_count", u64::from(attempt.number - 1));
                }
            }
            if let Some(status) = attempt.status {
                attributes.number("http.response.status_code", status.into());
            }
            if attempt.ambiguous {
                attributes.switch("hookswitch.ambiguous", true);
            }
            attributes.given("error.type", error.unwrap_or_default());
        });
    }

    /// Ids and waits are whole whenever the lock is free.
    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for DeliverySpan<'_> {
    fn attempt_begins(&self, _number: u32, headers: &mut HeaderMap) {
        let span = self.span.child(|| fastrand::u64(..));
        span.tell(headers);
        let mut attempts = self.attempts();
        attempts.first.get_or_insert(span.span_id);
        attempts.current = Some(span);
    }

    fn attempt_ended(&self, attempt: &Attempt) {
        let (span, first) = {
            let mut attempts = self.attempts();
            (attempts.current.take(), attempts.first)
        };
        let Some(span) = span else { return };
        if let Some(meter) = self.meter() {
            meter.attempted(attempt, self.recorder.seen(span.span_id));
        }
        self.trace_attempt(attempt, &span, first);
    }

    fn waited(&self, wait: &Waited) {
        if let (WaitedFor::Rate, Some(meter)) = (wait.why, self.meter()) {
            meter.target.rate_limited.add(1);
        }
        let mut attempts = self.attempts();
        if attempts.waits.len() < WAITS_MAX {
            attempts.waits.push(*wait);
        }
        drop(attempts);
        let Some(recording) = self.recorder.recording() else { return };
        let now = Instant::now();
        let began = now.checked_sub(wait.duration).unwrap_or(now);
        let span = self.span.child(|| fastrand::u64(..));
        let ended = Ended {
            span: &span,
            kind: Kind::Internal,
            name: ["wait", "", ""],
            began: self.recorder.at(began),
            ended: self.recorder.at(now),
            error: None,
            link: None,
            is_remote: false,
        };
        recording.span(&ended, |attributes| attributes.text("hookswitch.wait.reason", wait.why.as_str()));
    }
}
