//! What is told of a request: notes taken along the pipeline, and the log lines made of them.
//!
//! `serve` prints; `test` and `explain` keep the notes. Nothing here changes what happens to an event.

use super::Answer;
use super::answer::{End, Ending};
use super::arrival::Arrival;
use super::gateway::{Gateway, Generation};
use super::rejection::Rejection;
use super::span::DeliverySpan;
use crate::dedupe::Repeat;
use crate::deliver::{Attempt, Delivered, GiveUp, Outbound, Outcome, RawAnswer, Target};
use crate::event::Received;
use crate::expr::EvaluationError;
use crate::route::{Decision, Endpoint, Route, Skip, Taken};
use crate::secret::Secret;
use crate::telemetry::logs::{DeliveryLine, EventLine, Level, Log};
use crate::telemetry::trace_context::Span;
use chrono::Utc;
use http::{HeaderMap, Method};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Takes notes of one request. Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    id: Arc<str>,
    span: Span,
    method: Method,
    client_ip: IpAddr,
    began: Instant,
    mode: Mode,
    notes: Mutex<Notes>,
}

enum Mode {
    /// Log lines; with headers and body where payloads are wanted.
    Prints {
        log: Option<Log>,
        generation: Arc<Generation>,
    },
    Keeps,
}

/// What the pipeline did with one request.
#[derive(Default)]
pub struct Notes {
    /// The path pattern.
    pub endpoint: Option<Arc<str>>,
    /// In the order in which routes are asked.
    pub decisions: Vec<(Arc<Route>, Decision)>,
    /// By route, then in file order.
    pub deliveries: Vec<DeliveryNote>,
    /// Targets that were named on purpose, with why they would have got nothing otherwise.
    pub overruled: Vec<(Arc<str>, Skip)>,
    labels: Vec<(Arc<str>, String)>,
    /// By route, for those with `dedupe`.
    repeats: Vec<(Arc<str>, Repeat)>,
    received: Option<(HeaderMap, bytes::Bytes)>,
    ending: Option<Ending>,
    /// Where a request wanted to go that no route is for.
    stray_path: Option<String>,
    /// It was a handshake of the provider, and nothing else.
    pub handshake: bool,
    /// Why the request was refused, where the answer does not say it.
    refusal: Option<String>,
}

/// Enough to recognise a path by, in characters.
const STRAY_PATH_MAX: usize = 256;

/// One target and what became of it.
pub struct DeliveryNote {
    pub route: Arc<str>,
    pub target: Arc<str>,
    order: (i64, usize, usize),
    pub what: What,
}

pub enum What {
    Skipped(Skip),
    NotBuilt(EvaluationError),
    Sent { outbound: Box<Outbound>, end: Box<DeliveryEnd> },
}

/// What a delivery that was kept came to.
pub struct DeliveryEnd {
    pub outcome: Outcome,
    pub attempts: Vec<Attempt>,
    pub duration: Duration,
    pub gave_up: Option<GiveUp>,
    /// The last whole answer.
    pub answer: Option<RawAnswer>,
}

impl DeliveryEnd {
    fn new(delivered: &Delivered) -> DeliveryEnd {
        DeliveryEnd {
            outcome: delivered.outcome,
            attempts: delivered.attempts.clone(),
            duration: delivered.duration,
            gave_up: delivered.gave_up,
            answer: delivered.raw_answer.clone(),
        }
    }
}

impl Notes {
    /// The deliveries that were sent, or would have been.
    pub fn sent(&self) -> impl Iterator<Item = (&DeliveryNote, &Outbound)> {
        self.deliveries.iter().filter_map(|note| match &note.what {
            What::Sent { outbound, .. } => Some((note, outbound.as_ref())),
            What::Skipped(_) | What::NotBuilt(_) => None,
        })
    }
}

/// Which delivery something is told of.
#[derive(Clone)]
pub struct DeliveryRecord {
    pub route: Arc<str>,
    pub target: Arc<str>,
    labels: Arc<[(Arc<str>, String)]>,
    order: (i64, usize, usize),
}

impl DeliveryRecord {
    /// `position` is the target's among the route's.
    pub fn new(taken: &Taken, target: &Target, position: usize) -> DeliveryRecord {
        DeliveryRecord {
            route: taken.route.name.clone(),
            target: target.name.clone(),
            labels: taken.labels.clone(),
            order: (taken.route.order, taken.route.position, position),
        }
    }
}

impl Recorder {
    /// For `serve`.
    pub fn printing(gateway: &Gateway, generation: &Arc<Generation>, arrival: &Arrival) -> Recorder {
        Recorder::new(arrival, Mode::Prints { log: gateway.log.clone(), generation: generation.clone() })
    }

    /// For `test` and `explain`.
    pub fn keeping(arrival: &Arrival) -> Recorder {
        Recorder::new(arrival, Mode::Keeps)
    }

    fn new(arrival: &Arrival, mode: Mode) -> Recorder {
        Recorder(Arc::new(Inner {
            id: arrival.id.clone(),
            span: arrival.span.clone(),
            method: arrival.method.clone(),
            client_ip: arrival.client.ip,
            began: arrival.instant,
            mode,
            notes: Mutex::default(),
        }))
    }

    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Of the request as a whole.
    pub fn span(&self) -> &Span {
        &self.0.span
    }

    pub fn found(&self, endpoint: &Endpoint) {
        self.notes_mut().endpoint = Some(endpoint.pattern.clone());
    }

    /// No pattern tells where it was meant to go: the path itself does.
    pub fn not_found(&self, path: &str) {
        self.notes_mut().stray_path = Some(path.chars().take(STRAY_PATH_MAX).collect());
    }

    pub fn received(&self, received: &Received) {
        let wants_payload =
            matches!(&self.0.mode, Mode::Prints { generation, .. } if generation.value.payloads.is_some());
        if wants_payload {
            self.notes_mut().received = Some((received.request.headers.clone(), received.body.clone()));
        }
    }

    /// Why the sender was not let in; only operators hear it.
    pub fn refused(&self, reason: &crate::verify::Refusal) {
        self.notes_mut().refusal = Some(reason.to_string());
    }

    /// The key that a source counts by could not be computed.
    pub fn limit_failed(&self, endpoint: &Endpoint, error: &EvaluationError) {
        self.complain("limit failed", &endpoint.pattern, error);
        self.notes_mut().refusal = Some(error.to_string());
    }

    /// Over the limits of `full`.
    pub fn rate_limited(&self, full: String) {
        self.notes_mut().refusal = Some(format!("over the limit of {full}"));
    }

    /// A handshake was answered, at the endpoint that is returned. What the sender gave is for the operator to write into the
    /// configuration; the log says only which it was.
    pub fn greeted(&self, given: Option<&Secret>) -> Arc<str> {
        let path = {
            let mut notes = self.notes_mut();
            notes.handshake = true;
            if given.is_some() {
                notes.received = None;
            }
            notes.endpoint.clone().unwrap_or_default()
        };
        if let (Some(given), Mode::Prints { .. }) = (given, &self.0.mode) {
            let fingerprint = given.fingerprint();
            tracing::warn!(request_id = %self.0.id, path = &*path, fingerprint, "sender gave its secret");
        }
        path
    }

    pub fn decided(&self, route: &Arc<Route>, decision: Decision) {
        if let Decision::Failed(error) = &decision {
            self.complain("expression failed", &route.name, error);
        }
        self.notes_mut().decisions.push((route.clone(), decision));
    }

    pub fn took(&self, taken: &Taken) {
        self.notes_mut().labels.extend(taken.labels.iter().cloned());
    }

    /// What `dedupe` of a route found.
    pub fn repeated(&self, route: &Arc<str>, repeat: Repeat) {
        self.notes_mut().repeats.push((route.clone(), repeat));
    }

    /// An equal event is in flight: nothing is sent for this one, and its answer takes as long as that.
    pub fn waits(&self, route: &str) {
        if let Mode::Prints { .. } = self.0.mode {
            tracing::debug!(request_id = %self.0.id, route, "waiting for an equal event");
        }
    }

    /// The memory of a route is full: the oldest ids went before their window ended.
    pub fn forgot(&self, route: &str, ids: u64) {
        if let Mode::Prints { .. } = self.0.mode {
            tracing::warn!(route, ids, "dedupe memory is full, repeats of the oldest will run again");
        }
    }

    pub fn skipped(&self, record: &DeliveryRecord, skip: Skip) {
        self.note(record, What::Skipped(skip));
    }

    /// The target gets the event all the same, because it was named on purpose.
    pub fn overruled(&self, record: &DeliveryRecord, skip: Skip) {
        self.notes_mut().overruled.push((record.target.clone(), skip));
    }

    pub fn not_built(&self, record: &DeliveryRecord, error: EvaluationError) {
        self.complain("delivery could not be built", &record.route, &error);
        self.note(record, What::NotBuilt(error));
    }

    pub fn delivered(&self, record: &DeliveryRecord, outbound: Outbound, delivered: &Delivered, span: &DeliverySpan) {
        match &self.0.mode {
            Mode::Keeps => {
                let end = Box::new(DeliveryEnd::new(delivered));
                self.note(record, What::Sent { outbound: Box::new(outbound), end });
            }
            Mode::Prints { .. } => self.print_delivery(record, &outbound, delivered, span),
        }
    }

    /// A `respond` that could not be computed.
    pub fn reply_failed(&self, route: &Route, error: &EvaluationError) {
        self.complain("respond failed", &route.name, error);
    }

    pub fn concluded(&self, ending: Ending) {
        self.notes_mut().ending = Some(ending);
    }

    pub fn ended(&self, result: &Result<Answer, Rejection>) {
        self.print_event(result);
    }

    /// The notes taken so far.
    pub fn into_notes(self) -> Notes {
        let mut notes = std::mem::take(&mut *self.notes_mut());
        notes.deliveries.sort_by_key(|note| note.order);
        notes
    }

    fn note(&self, record: &DeliveryRecord, what: What) {
        if let Mode::Keeps = self.0.mode {
            let note =
                DeliveryNote { route: record.route.clone(), target: record.target.clone(), order: record.order, what };
            self.notes_mut().deliveries.push(note);
        }
    }

    /// Notes stay usable after a panic elsewhere in the request: they are only ever added to.
    fn notes_mut(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A wrong expression is for its author to mend.
    fn complain(&self, message: &'static str, route: &str, error: &EvaluationError) {
        if let Mode::Prints { .. } = self.0.mode {
            tracing::error!(request_id = %self.0.id, route, error = %error, "{message}");
        }
    }

    fn print_delivery(&self, record: &DeliveryRecord, outbound: &Outbound, delivered: &Delivered, span: &DeliverySpan) {
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
                trace_id: &span.0.trace_id,
                span_id: &span.0.span_id,
                route: &record.route,
                target: &record.target,
                event_id: &outbound.id,
                outcome: delivered.outcome.as_str(),
                attempts: u32::try_from(delivered.attempts.len()).unwrap_or(u32::MAX),
                status: delivered.attempts.iter().rev().find_map(|attempt| attempt.status),
                duration: delivered.duration,
                error: if succeeded { "" } else { delivered.outcome.as_str() },
                reason: delivered.gave_up.map(GiveUp::as_str).unwrap_or_default(),
                labels: &record.labels,
                payload: None,
            },
        );
    }

    fn print_event(&self, result: &Result<Answer, Rejection>) {
        let Mode::Prints { log: Some(log), generation } = &self.0.mode else { return };
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
                trace_id: &self.0.span.trace_id,
                span_id: &self.0.span.span_id,
                method: self.0.method.as_str(),
                path: notes.endpoint.as_deref().or(notes.stray_path.as_deref()).unwrap_or_default(),
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

fn outcome(notes: &Notes, result: &Result<Answer, Rejection>) -> &'static str {
    if notes.handshake {
        return "handshake";
    }
    match (notes.ending.map(|ending| ending.end), result) {
        (_, Err(Rejection::RateLimited { .. })) => "rate_limited",
        (Some(End::Delivered), Ok(_)) => "delivered",
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
        Decision::RateLimited(_) => Some(format!("{}: over its limit", route.name)),
    });
    reasons.collect::<Vec<String>>().join("; ")
}
