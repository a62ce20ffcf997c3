//! The log lines of one request: one for each delivery, one for the event.

use super::{DeliveryRecord, Mode, Notes, Recorder};
use crate::dedupe::Repeat;
use crate::deliver::{Delivered, GiveUp, NotBuilt, Outbound, Outcome};
use crate::route::{self, Decision};
use crate::server::Answer;
use crate::server::answer::End;
use crate::server::rejection::Rejection;
use crate::server::span::DeliverySpan;
use crate::telemetry::logs::{DeliveryLine, EventLine, Level};
use chrono::Utc;

impl Recorder {
    pub(super) fn print_delivery(
        &self,
        record: &DeliveryRecord,
        outbound: &Outbound,
        delivered: &Delivered,
        span: &DeliverySpan<'_>,
    ) {
        let succeeded = delivered.outcome == Outcome::Success;
        let level = if succeeded { Level::Info } else { Level::Warn };
        let Mode::Prints { log: Some(log), .. } = &self.0.mode else { return };
        if !log.enabled(level) {
            return;
        }
        log.delivery(
            level,
            &DeliveryLine {
                time: Utc::now(),
                request_id: &self.0.id,
                trace_id: Some(span.span.trace_id),
                span_id: Some(span.span.span_id),
                route: &record.route,
                target: &record.target,
                chosen: record.chosen.as_deref(),
                element: record.element,
                event_id: &outbound.id,
                outcome: delivered.outcome.as_str(),
                attempts: u32::try_from(delivered.attempts.len()).unwrap_or(u32::MAX),
                status: delivered.attempts.iter().rev().find_map(|attempt| attempt.status),
                duration: delivered.duration,
                error: if succeeded { "" } else { delivered.outcome.as_str() },
                reason: delivered.gave_up.map(GiveUp::as_str).unwrap_or_default(),
                dead_letter: delivered.dead_letter.as_ref().map(|stored| &*stored.target).unwrap_or_default(),
                labels: &record.labels,
                payload: None,
            },
        );
    }

    /// What was written is for its author to mend.
    pub(super) fn print_not_built(&self, record: &DeliveryRecord, error: &NotBuilt) {
        if let Mode::Prints { .. } = self.0.mode {
            let (route, target, outcome) = (&*record.route, &*record.target, error.outcome().as_str());
            let trace_id = self.0.span.trace_id;
            tracing::error!(request_id = %self.0.id, %trace_id, route, target, outcome, error = %error, "delivery could not be built");
        }
    }

    pub(super) fn print_event(&self, result: &Result<Answer, Rejection>) {
        let Mode::Prints { log: Some(log), generation, .. } = &self.0.mode else { return };
        let (status, kind) = match result {
            Ok(answer) => (answer.status().as_u16(), ""),
            Err(rejection) => (rejection.status().as_u16(), rejection.kind()),
        };
        // What senders do wrong is theirs to mend: it must not drown what is ours.
        let level = if status >= 500 { Level::Warn } else { Level::Info };
        if !log.enabled(level) {
            return;
        }
        let notes = self.notes_mut();
        let payload = generation.value.payloads.as_ref().zip(notes.received.as_ref());
        let payload = payload.map(|(masking, (headers, body))| masking.payload(headers, body));
        log.event(
            level,
            &EventLine {
                time: Utc::now(),
                request_id: &self.0.id,
                trace_id: Some(self.0.span.trace_id),
                span_id: Some(self.0.span.span_id),
                method: self.0.method.as_str(),
                path: notes.pattern().or(notes.stray_path.as_deref()).unwrap_or_default(),
                client_ip: Some(self.0.client_ip),
                route: &takers(&notes),
                event_id: "",
                outcome: outcome(&notes, result),
                status: Some(status),
                duration: self.0.began.elapsed(),
                error: notes.refusal.as_deref().unwrap_or(kind),
                reason: &reasons(&notes),
                labels: &notes.labels,
                payload: payload.as_ref(),
            },
        );
    }
}

pub(super) fn outcome(notes: &Notes, result: &Result<Answer, Rejection>) -> &'static str {
    if notes.handshake {
        return "handshake";
    }
    match (notes.ending.map(|ending| ending.end), result) {
        (_, Err(Rejection::RateLimited { .. })) => "rate_limited",
        (Some(End::Delivered), Ok(_)) if notes.dead_lettered => "dead_lettered",
        (Some(End::Delivered), Ok(_)) => "delivered",
        (Some(End::Accepted), Ok(_)) => "accepted",
        (Some(End::Duplicate), Ok(_)) => "duplicate",
        (Some(End::Ignored), Ok(_)) => "ignored",
        (Some(_), _) => "failed",
        (None, _) => "refused",
    }
}

/// The names of the routes that took the event.
fn takers(notes: &Notes) -> String {
    let taken = notes.decisions.iter().filter(|(_, decision)| *decision == Decision::Taken);
    let names: Vec<&str> = taken.map(|(route, _)| &*route.name).collect();
    names.join(",")
}

/// Why routes did not take the event, where none did; else what `dedupe` found, where that is worth a word.
fn reasons(notes: &Notes) -> String {
    if notes.decisions.iter().any(|(_, decision)| *decision == Decision::Taken) {
        let repeats = notes.repeats.iter().filter(|(_, repeat)| *repeat != Repeat::First);
        let repeats = repeats.map(|(route, repeat)| format!("{route}: {}", repeat.as_str()));
        return repeats.collect::<Vec<String>>().join("; ");
    }
    let reasons = notes.decisions.iter().filter_map(|(route, decision)| match decision {
        Decision::Taken => None,
        Decision::Ignored(ignored) => Some(format!("{}: {ignored}", route.name)),
        Decision::Failed(error) => Some(format!("{}: {error}", route.name)),
        Decision::Broken(violations) => Some(format!("{}: {}", route.name, route::places(violations))),
        Decision::RateLimited(_) => Some(format!("{}: over its limit", route.name)),
    });
    reasons.collect::<Vec<String>>().join("; ")
}

/// What `dedupe` of a route found, where that is worth a word.
pub(super) fn repeat_of(notes: &Notes, route: &str) -> String {
    let found = notes.repeats.iter().find(|(name, repeat)| &**name == route && *repeat != Repeat::First);
    found.map(|(_, repeat)| repeat.as_str().to_owned()).unwrap_or_default()
}
