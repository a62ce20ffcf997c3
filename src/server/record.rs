//! What is told of a request: notes taken along the pipeline, and the log lines and numbers made of them.
//!
//! `serve` prints and counts; `test` and `explain` keep the notes. Nothing here changes what happens to an event.

mod counts;
mod lines;
mod notes;
mod remembered;
mod spans;

use super::Answer;
use super::answer::Ending;
use super::arrival::Arrival;
use super::gateway::{Gateway, Generation};
use super::rejection::Rejection;
use super::run::Run;
use super::span::DeliverySpan;
use crate::body::Violation;
use crate::dedupe::Repeat;
use crate::deliver::{Delivered, NotBuilt, Outbound, Outcome, Target};
use crate::event::{Event, Received};
use crate::expr::EvaluationError;
use crate::history::History;
use crate::route::{self, Decision, Endpoint, Route, Skip, Taken};
use crate::secret::Secret;
use crate::telemetry::logs::Log;
use crate::telemetry::masking;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::trace_context::Span;
use crate::telemetry::traces::Recording;
use crate::verify::{Refusal, Verifier};
use http::{HeaderName, HeaderValue, Method};
use notes::FoundEndpoint;
pub use notes::{DeliveryEnd, DeliveryNote, DeliveryRecord, Notes, What};
use spans::Traced;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Takes notes of one request. Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    id: Arc<str>,
    span: Span,
    method: Method,
    scheme: &'static str,
    client_ip: IpAddr,
    began: Instant,
    /// The same moment, in nanoseconds since 1970.
    began_at: u64,
    /// `None`: the trace is not recorded.
    recording: Option<Recording>,
    mode: Mode,
    notes: Mutex<Notes>,
}

enum Mode {
    /// Log lines, with headers and body where payloads are wanted; and numbers.
    Prints {
        log: Option<Log>,
        metrics: Metrics,
        generation: Arc<Generation>,
        history: Arc<History>,
    },
    Keeps,
}

/// Enough to recognise a path by, in characters.
const STRAY_PATH_MAX: usize = 256;

impl Recorder {
    /// For `serve`.
    pub fn printing(gateway: &Gateway, generation: &Arc<Generation>, arrival: &Arrival) -> Recorder {
        let (log, metrics) = (gateway.log.clone(), gateway.metrics.clone());
        let (generation, history) = (generation.clone(), gateway.history.clone());
        let recording = gateway.tracer.record(&arrival.span);
        Recorder::new(arrival, Mode::Prints { log, metrics, generation, history }, recording)
    }

    /// For `test` and `explain`.
    pub fn keeping(arrival: &Arrival) -> Recorder {
        Recorder::new(arrival, Mode::Keeps, None)
    }

    fn new(arrival: &Arrival, mode: Mode, recording: Option<Recording>) -> Recorder {
        let traced = recording.as_ref().map(|_| Traced::new(&arrival.path, &arrival.client.host, &arrival.headers));
        let notes = Notes { traced: traced.unwrap_or_default(), ..Notes::default() };
        Recorder(Arc::new(Inner {
            id: arrival.id.clone(),
            span: arrival.span.clone(),
            method: arrival.method.clone(),
            scheme: arrival.client.scheme,
            client_ip: arrival.client.ip,
            began: arrival.instant,
            began_at: arrival.time.timestamp_nanos_opt().and_then(|time| u64::try_from(time).ok()).unwrap_or(0),
            recording,
            mode,
            notes: Mutex::new(notes),
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
        self.notes_mut().found = Some(FoundEndpoint::new(endpoint));
    }

    /// No pattern tells where it was meant to go: the path itself does.
    pub fn not_found(&self, path: &str) {
        self.notes_mut().stray_path = Some(path.chars().take(STRAY_PATH_MAX).collect());
    }

    /// `credentials`: headers that prove who the sender is. A wrong value may be the right one of another place.
    pub fn received(&self, received: &Received, credentials: &[HeaderName]) {
        let wants_payload =
            matches!(&self.0.mode, Mode::Prints { generation, .. } if generation.value.payloads.is_some());
        if wants_payload {
            let mut headers = received.request.headers.clone();
            for name in credentials.iter().filter(|name| received.request.headers.contains_key(*name)) {
                headers.insert(name, HeaderValue::from_static(masking::MASK));
            }
            self.notes_mut().received = Some((headers, received.body.clone()));
        }
    }

    /// It is asked who the sender is.
    pub fn verifying(&self, verifier: &Verifier) {
        self.trace_verify(verifier);
    }

    /// Who called is known: these secrets matched, by their positions among those of all checks.
    pub fn verified(&self, matched: &[usize]) {
        self.trace_verified(None);
        if matched.is_empty() {
            return;
        }
        matched.iter().for_each(|position| self.count_match(*position));
        let mut notes = self.notes_mut();
        notes.matched = matched.to_vec();
        if let Mode::Prints { .. } = self.0.mode {
            let (path, trace_id) = (notes.pattern().unwrap_or_default(), self.0.span.trace_id);
            tracing::debug!(request_id = %self.0.id, %trace_id, path, ?matched, "verified");
        }
    }

    /// Why the sender was not let in; only operators hear it.
    pub fn refused(&self, reason: &Refusal) {
        self.count_refusal(*reason);
        self.trace_verified(Some(*reason));
        self.notes_mut().refusal = Some(reason.to_string());
    }

    /// The body breaks the contract of its source; no route was asked.
    pub fn broke(&self, violations: &[Violation]) {
        self.notes_mut().refusal = Some(route::places(violations));
    }

    /// The key that a source counts by could not be computed.
    pub fn limit_failed(&self, endpoint: &Endpoint, error: &EvaluationError) {
        self.count_reached(|route| route.expression_errors.add(1));
        self.complain("limit failed", endpoint.pattern(), error);
        self.notes_mut().refusal = Some(error.to_string());
    }

    /// Over the limits of `full`.
    pub fn rate_limited(&self, full: String) {
        self.notes_mut().refusal = Some(format!("over the limit of {full}"));
    }

    /// A handshake was answered, at the endpoint that is returned. What the sender gave is for the operator to write into the
    /// configuration; the log says only which it was.
    pub fn greeted(&self, given: Option<&Secret>) -> Arc<str> {
        let path: Arc<str> = {
            let mut notes = self.notes_mut();
            notes.handshake = true;
            if given.is_some() {
                notes.received = None;
            }
            notes.pattern().unwrap_or_default().into()
        };
        if let (Some(given), Mode::Prints { .. }) = (given, &self.0.mode) {
            let fingerprint = given.fingerprint();
            let trace_id = self.0.span.trace_id;
            tracing::warn!(request_id = %self.0.id, %trace_id, path = &*path, fingerprint, "sender gave its secret");
        }
        path
    }

    /// A sender has been told that it may send: its URL was visited.
    pub fn confirmed(&self) {
        if let Mode::Prints { .. } = self.0.mode {
            let path = self.notes_mut().pattern().unwrap_or_default().to_owned();
            tracing::info!(request_id = %self.0.id, path, "subscription confirmed");
        }
    }

    pub fn decided(&self, route: &Arc<Route>, decision: Decision) {
        if let Decision::Failed(error) = &decision {
            self.count_wrong_expression(route.position);
            self.complain("expression failed", &route.name, error);
        }
        // Of one that is taken it was told before, by `took`.
        if decision != Decision::Taken {
            self.trace_decision(route, &decision);
        }
        self.notes_mut().decisions.push((route.clone(), decision));
    }

    /// One element of a batch; of the whole batch the route is told with [`decided`](Recorder::decided).
    pub fn decided_element(&self, route: &Arc<Route>, event: &Event, decision: &Decision) {
        if let Decision::Failed(error) = decision {
            self.complain("expression failed", &route.name, error);
        }
        let index = event.element.as_ref().map_or(0, |element| element.index);
        if let Mode::Keeps = self.0.mode {
            self.notes_mut().elements.push((route.name.clone(), index, decision.clone()));
        }
    }

    /// Of a batch the deliveries alone have labels: there may be thousands.
    pub fn took(&self, taken: &Taken) {
        self.trace_decision(&taken.route, &Decision::Taken);
        self.notes_mut().labels.extend(taken.labels.iter().cloned());
    }

    /// What `dedupe` of a route found.
    pub fn repeated(&self, route: &Route, repeat: Repeat) {
        self.count_repeat(route, repeat);
        let mut notes = self.notes_mut();
        // Of a batch each is told once.
        if !notes.repeats.iter().any(|(known, found)| *known == route.name && *found == repeat) {
            notes.repeats.push((route.name.clone(), repeat));
        }
    }

    /// An equal event is in flight: nothing is sent for this one, and its answer takes as long as that.
    pub fn waits(&self, route: &str) {
        if let Mode::Prints { .. } = self.0.mode {
            let trace_id = self.0.span.trace_id;
            tracing::debug!(request_id = %self.0.id, %trace_id, route, "waiting for an equal event");
        }
    }

    /// The memory of a route is full: the oldest ids went before their window ended.
    pub fn forgot(&self, route: &Route, ids: u64) {
        self.count_forgotten(route, ids);
        if let Mode::Prints { .. } = self.0.mode {
            tracing::warn!(route = &*route.name, ids, "dedupe memory is full, repeats of the oldest will run again");
        }
    }

    pub fn skipped(&self, record: &DeliveryRecord, skip: Skip) {
        self.remember_skipped(record, &skip);
        self.note(record, What::Skipped(skip));
    }

    /// The target gets the event all the same, because it was named on purpose.
    pub fn overruled(&self, record: &DeliveryRecord, skip: Skip) {
        self.notes_mut().overruled.push((record.target.clone(), skip));
    }

    pub fn not_built(&self, record: &DeliveryRecord, error: NotBuilt) {
        self.count_not_built(record, &error);
        self.print_not_built(record, &error);
        // Where there is a dead letter, its end is to be told as well: see `not_built_kept`.
        if record.dead_letter.is_none() {
            self.remember_not_built(record, &error, None);
        }
        self.note(record, What::NotBuilt(error));
    }

    /// A delivery that could not be built has been given to its dead letter, or should have been.
    pub fn not_built_kept(&self, record: &DeliveryRecord, error: &NotBuilt, delivered: &Delivered) {
        self.stored(record, delivered);
        self.remember_not_built(record, error, Some(delivered));
    }

    /// A delivery begins: what watches it.
    pub fn begin(&self, record: &DeliveryRecord, target: &Target, outbound: &Outbound) -> DeliverySpan<'_> {
        self.delivery_span(record, target, outbound)
    }

    pub fn delivered(
        &self,
        record: &DeliveryRecord,
        outbound: Outbound,
        delivered: &Delivered,
        span: &DeliverySpan<'_>,
    ) {
        self.stored(record, delivered);
        match &self.0.mode {
            Mode::Keeps => {
                let end = Box::new(DeliveryEnd::new(delivered));
                self.note(record, What::Sent { outbound: Box::new(outbound), end });
            }
            Mode::Prints { .. } => {
                self.count_delivery(delivered, span);
                self.trace_delivery(record, &outbound, delivered, span);
                self.print_delivery(record, &outbound, delivered, span);
                self.remember_delivery(record, &outbound, delivered, span);
            }
        }
    }

    /// Somebody has the event whom its sender may take for the target.
    fn stored(&self, record: &DeliveryRecord, delivered: &Delivered) {
        if delivered.dead_letter.is_some()
            && let Some(meter) = self.target_meter(record)
        {
            meter.target.dead_letters.add(1);
        }
        if delivered.outcome != Outcome::Success && delivered.suffices() {
            self.notes_mut().dead_lettered = true;
        }
    }

    /// What could not be delivered could not be kept either.
    pub fn dead_letter_failed(&self, record: &DeliveryRecord, dead_letter: &Target) {
        if let Mode::Prints { .. } = self.0.mode {
            let (route, target, dead_letter) = (&*record.route, &*record.target, &*dead_letter.name);
            tracing::error!(request_id = %self.0.id, route, target, dead_letter, "dead letter not written");
        }
    }

    /// The sender was told "accepted", and nobody has the event.
    pub fn lost(&self, route: &str, target: &str, reason: &str) {
        if let Mode::Prints { .. } = self.0.mode {
            tracing::error!(request_id = %self.0.id, route, target, reason, "accepted delivery lost");
        }
    }

    /// A `respond` that could not be computed.
    pub fn reply_failed(&self, route: &Route, error: &EvaluationError) {
        self.count_wrong_expression(route.position);
        self.complain("respond failed", &route.name, error);
    }

    /// A route that took the event has come to an end.
    pub fn ran(&self, run: &Run) {
        self.trace_run(run);
        self.notes_mut().ended.push((run.taken.route.position, run.ending.end));
    }

    /// A route's `respond` answers for a failure of this kind.
    pub fn refused_in_own_words(&self, kind: &'static str) {
        self.notes_mut().refusal.get_or_insert_with(|| kind.to_owned());
    }

    pub fn concluded(&self, ending: Ending) {
        self.notes_mut().ending = Some(ending);
    }

    pub fn ended(&self, result: &Result<Answer, Rejection>) {
        self.count_event(result);
        self.trace_event(result);
        self.print_event(result);
        self.remember_event(result);
    }

    /// The notes taken so far.
    pub fn into_notes(self) -> Notes {
        let mut notes = std::mem::take(&mut *self.notes_mut());
        notes.deliveries.sort_by_key(|note| note.order);
        notes
    }

    fn note(&self, record: &DeliveryRecord, what: What) {
        if let Mode::Keeps = self.0.mode {
            let note = DeliveryNote {
                route: record.route.clone(),
                target: record.target.clone(),
                dead_letter: record.dead_letter.clone(),
                element: record.element,
                chosen: record.chosen.clone(),
                order: record.order,
                what,
            };
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
            let trace_id = self.0.span.trace_id;
            tracing::error!(request_id = %self.0.id, %trace_id, route, error = %error, "{message}");
        }
    }
}
