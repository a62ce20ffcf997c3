//! Entries for tests.

use super::{AttemptEntry, DeliveryEntry, EventEntry};
use crate::telemetry::trace_context::TraceId;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use std::time::Duration;

const TRACE: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

/// Of one attempt, from `route` to `target`.
pub(crate) fn delivery(time: DateTime<Utc>, outcome: &'static str) -> DeliveryEntry {
    let attempt =
        AttemptEntry { number: 1, time, status: Some(200), outcome, ambiguous: false, duration: Duration::ZERO };
    DeliveryEntry {
        time,
        request_id: "request".into(),
        trace_id: TraceId(TRACE),
        span_id: None,
        route: "route".into(),
        target: "target".into(),
        chosen: None,
        element: None,
        event_id: "msg".into(),
        outcome,
        attempts: Box::new([attempt]),
        waits: Box::default(),
        duration: Duration::ZERO,
        reason: "".into(),
        dead_letter: None,
        labels: Arc::new([]),
    }
}

/// To a path, asked of no route.
pub(crate) fn event(time: DateTime<Utc>, outcome: &'static str) -> EventEntry {
    EventEntry {
        time,
        request_id: "request".into(),
        trace_id: TraceId(TRACE),
        method: http::Method::POST,
        path: "/path".into(),
        client_ip: [192, 0, 2, 1].into(),
        outcome,
        status: 200,
        duration: Duration::from_micros(1_500),
        error: "".into(),
        asked: Vec::new(),
        skipped: Vec::new(),
        labels: Vec::new(),
    }
}
