//! What came of a test delivery, for machines and for people.

#![expect(clippy::disallowed_methods, reason = "the answer is whole in memory already")]

use crate::deliver::{Attempt, GiveUp, Outcome, RawAnswer};
use crate::examples::readable;
use crate::route::{self, Decision, Route, Skip};
use crate::server::Answer;
use crate::server::record::{DeliveryEnd, DeliveryNote, Notes, What};
use bytes::Bytes;
use chrono::SecondsFormat;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What came of it.
pub struct Report {
    route: Arc<Route>,
    notes: Notes,
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// Characters of an answer that people are shown.
const ANSWER_SHOWN: usize = 1000;

impl Report {
    pub(super) async fn new(route: &Arc<Route>, notes: Notes, answer: Answer) -> Report {
        let (head, body) = answer.into_parts();
        // A body that is whole already cannot fail to be read.
        let body = body.collect().await.map(|collected| collected.to_bytes()).unwrap_or_default();
        Report { route: route.clone(), notes, status: head.status.as_u16(), headers: head.headers, body }
    }

    /// Something was sent, and every target has it.
    pub fn succeeded(&self) -> bool {
        let failed = |note: &DeliveryNote| match &note.what {
            What::Sent { end, .. } => end.outcome != Outcome::Success,
            What::NotBuilt(_) => true,
            What::Skipped(_) => false,
        };
        self.notes.sent().next().is_some() && !self.notes.deliveries.iter().any(failed)
    }

    /// As a stable document. `origin` says where the request came from.
    pub fn to_json(&self, origin: &str) -> Value {
        let (taken, reason) = self.decision();
        json!({
            "version": 1,
            "ok": self.succeeded(),
            "route": &*self.route.name,
            "request_from": origin,
            "taken": taken,
            "reason": reason,
            "deliveries": self.deliveries().map(delivery).collect::<Vec<Value>>(),
            "response": {"status": self.status, "body": readable(&self.headers, &self.body)},
        })
    }

    /// Whether the route would have taken the event by itself, and if not, why.
    fn decision(&self) -> (bool, Option<String>) {
        let own = self.notes.decisions.iter().find(|(route, _)| route.name == self.route.name);
        match own.map(|(_, decision)| decision) {
            Some(Decision::Taken) => (true, None),
            Some(Decision::Ignored(ignored)) => (false, Some(ignored.to_string())),
            Some(Decision::Failed(error)) => (false, Some(error.to_string())),
            Some(Decision::Broken(violations)) => (false, Some(route::places(violations))),
            Some(Decision::RateLimited(_)) => (false, Some("it is over its limit".to_owned())),
            None if self.notes.handshake => (false, Some("the request is a handshake of the provider".to_owned())),
            None => (false, Some("it was refused before any route saw it".to_owned())),
        }
    }

    fn deliveries(&self) -> impl Iterator<Item = (&DeliveryNote, Option<&Skip>)> {
        let meant = |note: &&DeliveryNote| !matches!(note.what, What::Skipped(Skip::NotMeant));
        self.notes.deliveries.iter().filter(meant).map(|note| {
            let overruled = self.notes.overruled.iter().find(|(target, _)| *target == note.target);
            (note, overruled.map(|(_, skip)| skip))
        })
    }
}

fn delivery((note, overruled): (&DeliveryNote, Option<&Skip>)) -> Value {
    let named = |outcome: &str, reason: String| json!({"target": &*note.target, "outcome": outcome, "reason": reason});
    match &note.what {
        What::Skipped(skip) => named("skipped", skip.to_string()),
        What::NotBuilt(error) => named("failed", error.to_string()),
        What::Sent { outbound, end } => json!({
            "target": &*note.target,
            "outcome": end.outcome.as_str(),
            "reason": end.gave_up.map(GiveUp::as_str),
            "overruled": overruled.map(Skip::to_string),
            "method": outbound.method.as_str(),
            "url": outbound.shown_url(),
            "id": outbound.id,
            "status": status(end),
            "duration_ms": milliseconds(end.duration),
            "attempts": end.attempts.iter().map(attempt).collect::<Vec<Value>>(),
            "answer": end.answer.as_ref().map(|answer| json!({
                "status": answer.status,
                "content_type": answer.content_type.as_ref().and_then(|value| value.to_str().ok()),
                "body": body(answer),
            })),
        }),
    }
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "n": attempt.number,
        "time": attempt.started.to_rfc3339_opts(SecondsFormat::Millis, true),
        "status": attempt.status,
        "outcome": attempt.outcome.as_str(),
        "ambiguous": attempt.ambiguous,
        "duration_ms": milliseconds(attempt.duration),
    })
}

fn status(end: &DeliveryEnd) -> Option<u16> {
    end.attempts.iter().rev().find_map(|attempt| attempt.status)
}

fn body(answer: &RawAnswer) -> Value {
    let mut headers = HeaderMap::new();
    if let Some(content_type) = &answer.content_type {
        headers.insert(CONTENT_TYPE, content_type.clone());
    }
    readable(&headers, &answer.body)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decision() {
            (true, _) => writeln!(f, "route {} takes it", self.route.name)?,
            (false, reason) => {
                let sent = if self.notes.sent().next().is_some() { "; sent all the same" } else { "" };
                let reason = reason.unwrap_or_default();
                writeln!(f, "route {} would not take it: {reason}{sent}", self.route.name)?;
            }
        }
        for (note, overruled) in self.deliveries() {
            write_delivery(note, overruled, f)?;
        }
        writeln!(f, "a sender would hear {} {}", self.status, plain(&readable(&self.headers, &self.body)))
    }
}

fn write_delivery(note: &DeliveryNote, overruled: Option<&Skip>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (outbound, end) = match &note.what {
        What::Skipped(skip) => return writeln!(f, "  target {} skipped: {skip}", note.target),
        What::NotBuilt(error) => return writeln!(f, "  target {} failed: {error}", note.target),
        What::Sent { outbound, end } => (outbound, end),
    };
    writeln!(f, "  target {}: {} {}", note.target, outbound.method, outbound.shown_url())?;
    if let Some(skip) = overruled {
        writeln!(f, "    {skip}; sent all the same")?;
    }
    for attempt in &end.attempts {
        let status = attempt.status.map(|status| format!("{status} ")).unwrap_or_default();
        let ambiguous = if attempt.ambiguous { ", it may have arrived" } else { "" };
        let took = milliseconds(attempt.duration);
        writeln!(f, "    attempt {}: {status}{} in {took} ms{ambiguous}", attempt.number, attempt.outcome)?;
    }
    let reason = end.gave_up.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let attempts = if end.attempts.len() == 1 { "attempt" } else { "attempts" };
    let took = milliseconds(end.duration);
    writeln!(f, "    {}{reason} after {} {attempts} in {took} ms", end.outcome, end.attempts.len())?;
    match &end.answer {
        Some(answer) if !answer.body.is_empty() => writeln!(f, "    answer {}", plain(&body(answer))),
        _ => Ok(()),
    }
}

/// One line, with nothing in it that a terminal would obey.
fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let cut = text.chars().nth(ANSWER_SHOWN).is_some();
    let mut shown: String =
        text.chars().take(ANSWER_SHOWN).map(|each| if each.is_control() { ' ' } else { each }).collect();
    if cut {
        shown.push('…');
    }
    shown
}
