//! What is remembered, as JSON: events, deliveries, and the routes with their figures.

use super::filter::Filter;
use crate::history::{AttemptEntry, DeliveryEntry, EventEntry, Figures, History, Label, WaitEntry};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// `{"version": 1, "last_id": …, "deliveries": […]}`, newest first. A stream that continues after `last_id` misses none.
pub(super) fn deliveries(history: &History, filter: &Filter) -> Value {
    let entries = history.deliveries.newest_first();
    let last = entries.first().map_or(0, |(number, _)| *number);
    let fitting = entries.iter().filter_map(|(number, entry)| delivery(history, filter, *number, entry));
    let fitting: Vec<Value> = fitting.take(filter.limit).collect();
    json!({"version": 1, "last_id": history.id(last), "deliveries": fitting})
}

/// As [`deliveries`].
pub(super) fn events(history: &History, filter: &Filter) -> Value {
    let entries = history.events.newest_first();
    let last = entries.first().map_or(0, |(number, _)| *number);
    let fitting = entries.iter().filter_map(|(number, entry)| event(history, filter, *number, entry));
    let fitting: Vec<Value> = fitting.take(filter.limit).collect();
    json!({"version": 1, "last_id": history.id(last), "events": fitting})
}

/// `None` where it does not fit.
pub(super) fn delivery(history: &History, filter: &Filter, number: u64, entry: &DeliveryEntry) -> Option<Value> {
    let id = history.id(number);
    filter.fits_delivery(&id, entry).then(|| {
        json!({
            "id": id,
            "time": time(entry.time),
            "request_id": &*entry.request_id,
            "trace_id": entry.trace_id.to_string(),
            "span_id": entry.span_id.map(|id| id.to_string()),
            "route": &*entry.route,
            "target": &*entry.target,
            "chosen": entry.chosen.as_deref(),
            "element": entry.element,
            "event_id": entry.event_id,
            "outcome": entry.outcome,
            "status": entry.status(),
            "attempts": entry.attempts.iter().map(attempt).collect::<Vec<Value>>(),
            "waits": entry.waits.iter().map(wait).collect::<Vec<Value>>(),
            "duration_ms": milliseconds(entry.duration),
            "error": if entry.succeeded() { "" } else { entry.outcome },
            "reason": entry.reason,
            "dead_letter": entry.dead_letter.as_deref(),
            "labels": labels(&entry.labels),
        })
    })
}

/// `None` where it does not fit.
pub(super) fn event(history: &History, filter: &Filter, number: u64, entry: &EventEntry) -> Option<Value> {
    let id = history.id(number);
    let reached = |target: &str| {
        let deliveries = history.deliveries.newest_first();
        deliveries.iter().any(|(_, delivery)| delivery.request_id == entry.request_id && &*delivery.target == target)
    };
    filter.fits_event(&id, entry, reached).then(|| {
        let asked = entry
            .asked
            .iter()
            .map(|asked| json!({"route": &*asked.route, "outcome": asked.outcome, "reason": asked.reason}));
        let skipped = entry
            .skipped
            .iter()
            .map(|skipped| json!({"route": &*skipped.route, "target": &*skipped.target, "reason": skipped.reason}));
        json!({
            "id": id,
            "time": time(entry.time),
            "request_id": &*entry.request_id,
            "trace_id": entry.trace_id.to_string(),
            "method": entry.method.as_str(),
            "path": &*entry.path,
            "client_ip": entry.client_ip,
            "outcome": entry.outcome,
            "status": entry.status,
            "duration_ms": milliseconds(entry.duration),
            "error": entry.error,
            "routes": asked.collect::<Vec<Value>>(),
            "skipped": skipped.collect::<Vec<Value>>(),
            "labels": labels(&entry.labels),
        })
    })
}

/// Adds `statistics` to every target of a listing of routes; null where nothing was sent yet.
pub(super) fn with_statistics(mut routes: Value, history: &History, now: DateTime<Utc>) -> Value {
    let listed = routes.get_mut("routes").and_then(Value::as_array_mut);
    for route in listed.into_iter().flatten() {
        let Some(name) = route.get("name").and_then(Value::as_str).map(str::to_owned) else { continue };
        let targets = route.get_mut("targets").and_then(Value::as_array_mut);
        for target in targets.into_iter().flatten().filter_map(Value::as_object_mut) {
            let found = target.get("name").and_then(Value::as_str);
            let figures = found.and_then(|target| history.figures(&name, target, now));
            target.insert("statistics".to_owned(), figures.as_ref().map_or(Value::Null, statistics));
        }
    }
    routes
}

fn statistics(figures: &Figures) -> Value {
    let ended = figures.succeeded + figures.failed;
    let share = if ended == 0 { None } else { Some(figures.succeeded as f64 / ended as f64) };
    json!({
        "sent": figures.sent,
        "succeeded": figures.succeeded,
        "failed": figures.failed,
        "success_share": share,
        "last_sent": figures.last_sent.map(time),
        "last_failure": figures.last_failure.map(time),
        "minutes": {
            "succeeded": figures.minutes.iter().map(|minute| minute.succeeded).collect::<Vec<u32>>(),
            "failed": figures.minutes.iter().map(|minute| minute.failed).collect::<Vec<u32>>(),
        },
    })
}

fn attempt(attempt: &AttemptEntry) -> Value {
    json!({
        "n": attempt.number,
        "time": time(attempt.time),
        "status": attempt.status,
        "outcome": attempt.outcome,
        "ambiguous": attempt.ambiguous,
        "duration_ms": milliseconds(attempt.duration),
    })
}

fn wait(wait: &WaitEntry) -> Value {
    json!({"time": time(wait.time), "reason": wait.reason, "duration_ms": milliseconds(wait.duration)})
}

fn labels(labels: &[Label]) -> Value {
    Value::Object(labels.iter().map(|(name, value)| (name.to_string(), value.clone().into())).collect::<Map<_, _>>())
}

pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// To the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
