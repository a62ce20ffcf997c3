//! What the admin listener remembers of a request: an entry for the event, and one for each delivery.

use super::lines::{outcome, repeat_of};
use super::{DeliveryRecord, Mode, Notes, Recorder};
use crate::deliver::{Attempt, Delivered, GiveUp, NotBuilt, Outbound, Waited};
use crate::history::{Asked, AttemptEntry, DeliveryEntry, EventEntry, History, SkippedTarget, WaitEntry};
use crate::route::{self, Decision, Skip};
use crate::server::Answer;
use crate::server::rejection::Rejection;
use crate::server::span::DeliverySpan;
use chrono::Utc;
use compact_str::CompactString;
use std::borrow::Cow;

/// Routes that ignored an event and are remembered with it: there may be many on one path.
const IGNORED_MAX: usize = 20;

/// Of a batch no more are remembered than people look through.
const SKIPPED_MAX: usize = 100;

impl Recorder {
    pub(super) fn remember_delivery(
        &self,
        record: &DeliveryRecord,
        outbound: &Outbound,
        delivered: &Delivered,
        span: &DeliverySpan<'_>,
    ) {
        self.remember(
            DeliveryEntry {
                event_id: outbound.id.clone(),
                span_id: Some(span.span.span_id),
                outcome: delivered.outcome.as_str(),
                attempts: delivered.attempts.iter().map(attempt).collect(),
                waits: span.take_waits().iter().map(wait).collect(),
                duration: delivered.duration,
                reason: delivered.gave_up.map(GiveUp::as_str).unwrap_or_default().into(),
                dead_letter: delivered.dead_letter.as_ref().map(|stored| (*stored.target).into()),
                ..self.bare_delivery(record)
            },
            record,
        );
    }

    /// `delivered`: what became of its dead letter, where it has one.
    pub(super) fn remember_not_built(&self, record: &DeliveryRecord, error: &NotBuilt, delivered: Option<&Delivered>) {
        let stored = delivered.and_then(|delivered| delivered.dead_letter.as_ref());
        self.remember(
            DeliveryEntry {
                outcome: error.outcome().as_str(),
                reason: error.to_string().into(),
                dead_letter: stored.map(|stored| (*stored.target).into()),
                ..self.bare_delivery(record)
            },
            record,
        );
    }

    /// A dead letter is a target of no route: it is counted by its name.
    fn remember(&self, entry: DeliveryEntry, record: &DeliveryRecord) {
        let Some(history) = self.history() else { return };
        match self.target_meter(record) {
            Some(meter) => {
                let tally = meter.tally(|| history.tally(&record.route, &record.target, entry.time));
                history.delivery_to(tally, entry);
            }
            None => history.delivery(entry),
        }
    }

    pub(super) fn remember_skipped(&self, record: &DeliveryRecord, skip: &Skip) {
        if self.history().is_some() && self.notes_mut().skipped.len() < SKIPPED_MAX {
            let (route, target) = ((*record.route).into(), (*record.target).into());
            self.notes_mut().skipped.push(SkippedTarget { route, target, reason: skip.to_string() });
        }
    }

    /// The last thing that is done with the notes: what can be moved out of them is.
    pub(super) fn remember_event(&self, result: &Result<Answer, Rejection>) {
        let Some(history) = self.history() else { return };
        let (status, kind) = match result {
            Ok(answer) => (answer.status().as_u16(), ""),
            Err(rejection) => (rejection.status().as_u16(), rejection.kind()),
        };
        let mut notes = self.notes_mut();
        let stray = notes.stray_path.take();
        let entry = EventEntry {
            time: Utc::now(),
            request_id: self.0.id.clone(),
            trace_id: self.0.span.trace_id,
            method: self.0.method.clone(),
            path: notes.pattern().map(CompactString::from).or(stray.map(Into::into)).unwrap_or_default(),
            client_ip: self.0.client_ip,
            outcome: outcome(&notes, result),
            status,
            duration: self.0.began.elapsed(),
            error: notes.refusal.take().map_or(Cow::Borrowed(kind), Cow::Owned),
            asked: asked(&notes),
            skipped: std::mem::take(&mut notes.skipped),
            labels: std::mem::take(&mut notes.labels),
        };
        drop(notes);
        history.event(entry);
    }

    fn bare_delivery(&self, record: &DeliveryRecord) -> DeliveryEntry {
        DeliveryEntry {
            time: Utc::now(),
            request_id: self.0.id.clone(),
            trace_id: self.0.span.trace_id,
            span_id: None,
            route: (*record.route).into(),
            target: (*record.target).into(),
            chosen: record.chosen.as_deref().map(Into::into),
            element: record.element,
            event_id: String::new(),
            outcome: "",
            attempts: Box::default(),
            waits: Box::default(),
            duration: std::time::Duration::ZERO,
            reason: Cow::Borrowed(""),
            dead_letter: None,
            labels: record.labels.clone(),
        }
    }

    fn history(&self) -> Option<&History> {
        match &self.0.mode {
            Mode::Prints { history, .. } => Some(history),
            Mode::Keeps => None,
        }
    }
}

fn attempt(attempt: &Attempt) -> AttemptEntry {
    AttemptEntry {
        number: attempt.number,
        time: attempt.started,
        status: attempt.status,
        outcome: attempt.outcome.as_str(),
        ambiguous: attempt.ambiguous,
        duration: attempt.duration,
    }
}

fn wait(wait: &Waited) -> WaitEntry {
    WaitEntry { time: wait.began, reason: wait.why.as_str(), duration: wait.duration }
}

/// Those that did anything with the event, then the first of those that ignored it.
fn asked(notes: &Notes) -> Vec<Asked> {
    let ignored = |decision: &Decision| matches!(decision, Decision::Ignored(_));
    let others = notes.decisions.iter().filter(|(_, decision)| !ignored(decision));
    let ignoring = notes.decisions.iter().filter(|(_, decision)| ignored(decision)).take(IGNORED_MAX);
    let told = others.chain(ignoring).map(|(route, decision)| {
        let (outcome, reason) = match decision {
            Decision::Taken => ("taken", repeat_of(notes, &route.name)),
            Decision::Ignored(ignored) => ("ignored", ignored.to_string()),
            Decision::Failed(error) => ("failed", error.to_string()),
            Decision::Broken(violations) => ("failed", route::places(violations)),
            Decision::RateLimited(_) => ("rate_limited", String::new()),
        };
        Asked { route: (*route.name).into(), outcome, reason }
    });
    told.collect()
}
