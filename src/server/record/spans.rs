//! The spans of one request, as docs/observability.md draws them: the request, its verification, each route that was
//! asked, each delivery; attempts and waits are [`super::super::span`]'s.
//!
//! Names and attributes are an interface; a test pins them.

use super::{DeliveryRecord, Mode, Notes, Recorder};
use crate::deliver::{Delivered, GiveUp, Outbound, Outcome, Target};
use crate::route::{Decision, Route};
use crate::server::Answer;
use crate::server::answer::End;
use crate::server::meters;
use crate::server::rejection::Rejection;
use crate::server::run::Run;
use crate::server::span::{DeliverySpan, Told};
use crate::telemetry::metrics::Seen;
use crate::telemetry::trace_context::{Span, SpanId};
use crate::telemetry::traces::{Ended, Kind, Recording};
use crate::verify::{Refusal, Verifier};
use http::HeaderMap;
use http::header::USER_AGENT;
use tokio::time::Instant;

/// What only a sampled request notes.
#[derive(Default)]
pub(super) struct Traced {
    path: String,
    host: String,
    user_agent: String,
    verifying: Option<(Instant, String)>,
    /// When the route that is being decided began to be.
    asked: Option<Instant>,
    /// Of routes that took the event.
    taken: Vec<TakenSpan>,
}

struct TakenSpan {
    /// Of the route.
    position: usize,
    span: Span,
    began: Instant,
    /// Deliveries may go on after it.
    has_ended: bool,
}

/// Longest text of a stranger in an attribute, in bytes.
const TEXT_MAX: usize = 1024;

impl Traced {
    pub(super) fn new(path: &str, host: &str, headers: &HeaderMap) -> Traced {
        let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let short = |text: &str| text.get(..text.floor_char_boundary(TEXT_MAX)).unwrap_or_default().to_owned();
        Traced { path: short(path), host: short(host), user_agent: short(agent), ..Traced::default() }
    }
}

impl Recorder {
    pub(in crate::server) fn recording(&self) -> Option<&Recording> {
        self.0.recording.as_ref()
    }

    /// In nanoseconds since 1970: the event's one clock reading, and what has passed since.
    pub(in crate::server) fn at(&self, moment: Instant) -> u64 {
        let passed = moment.saturating_duration_since(self.0.began).as_nanos();
        self.0.began_at.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// `span`, where its trace can be looked up.
    pub(in crate::server) fn seen(&self, span_id: SpanId) -> Option<Seen> {
        self.recording()?;
        Some(Seen { trace_id: self.0.span.trace_id, span_id, time: self.at(Instant::now()) })
    }

    pub(super) fn trace_verify(&self, verifier: &Verifier) {
        if self.recording().is_some() {
            self.notes_mut().traced.verifying = Some((Instant::now(), verifier.describe()));
        }
    }

    pub(super) fn trace_verified(&self, refusal: Option<Refusal>) {
        let Some(recording) = self.recording() else { return };
        let mut notes = self.notes_mut();
        let now = Instant::now();
        notes.traced.asked = Some(now);
        let Some((began, kind)) = notes.traced.verifying.take() else { return };
        let result = refusal.map_or("passed", Refusal::name);
        let span = self.0.span.child(|| fastrand::u64(..));
        let error = refusal.map(Refusal::name);
        recording.span(&self.internal(&span, ["verify", ""], (began, now), error), |attributes| {
            attributes.text("hookswitch.verify.kind", &kind);
            attributes.text("hookswitch.verify.result", result);
        });
    }

    /// A route that takes the event is a span until it has ended, one that does not is over at once.
    pub(super) fn trace_decision(&self, route: &Route, decision: &Decision) {
        let Some(recording) = self.recording() else { return };
        let mut notes = self.notes_mut();
        let now = Instant::now();
        let began = notes.traced.asked.replace(now).unwrap_or(now);
        let span = self.0.span.child(|| fastrand::u64(..));
        let (outcome, reason) = match decision {
            Decision::Taken => {
                let position = route.position;
                return notes.traced.taken.push(TakenSpan { position, span, began, has_ended: false });
            }
            Decision::Ignored(ignored) => ("ignored", ignored.to_string()),
            Decision::Failed(error) => ("failed", error.to_string()),
            Decision::Broken(violations) => ("failed", crate::route::places(violations)),
            Decision::RateLimited(_) => ("refused", "over its limit".to_owned()),
        };
        drop(notes);
        let error = match decision {
            Decision::Failed(_) => Some("expression"),
            Decision::Broken(_) => Some("schema"),
            Decision::Taken | Decision::Ignored(_) | Decision::RateLimited(_) => None,
        };
        recording.span(&self.internal(&span, ["route ", &route.name], (began, now), error), |attributes| {
            attributes.text("hookswitch.route", &route.name);
            attributes.text("hookswitch.outcome", outcome);
            attributes.text("hookswitch.reason", &reason);
        });
    }

    pub(super) fn trace_run(&self, run: &Run) {
        let route = &run.taken.route;
        let (Some(recording), Some((span, began))) = (self.recording(), self.end_taken(route.position)) else { return };
        let failure = failure(run.ending.end);
        let reason = match failure {
            Some(why) => why.to_owned(),
            None => super::lines::repeat_of(&self.notes_mut(), &route.name),
        };
        let ended = self.internal(&span, ["route ", &route.name], (began, Instant::now()), failure);
        recording.span(&ended, |attributes| {
            attributes.text("hookswitch.route", &route.name);
            attributes.text("hookswitch.outcome", if failure.is_some() { "failed" } else { "taken" });
            attributes.given("hookswitch.reason", &reason);
            for (name, value) in run.taken.labels.iter() {
                attributes.named("hookswitch.label.", name, value);
            }
        });
    }

    /// The span of the delivery, inside that of its route.
    pub(super) fn delivery_span(
        &self,
        record: &DeliveryRecord,
        target: &Target,
        outbound: &Outbound,
    ) -> DeliverySpan<'_> {
        let (_, route, _, position) = record.order;
        let mut span = self.0.span.child(|| fastrand::u64(..));
        if self.recording().is_some()
            && let Some(taken) = self.notes_mut().traced.taken.iter().find(|taken| taken.position == route)
        {
            span.parent_id = Some(taken.span.span_id);
        }
        let told = self.recording().map(|_| Told {
            peer: self.target_meter(record).map_or_else(|| meters::peer(target), |meter| meter.peer().cloned()),
            url: outbound.shown_url().to_owned(),
        });
        DeliverySpan::new(self, span, (route, position), told)
    }

    pub(super) fn trace_delivery(
        &self,
        record: &DeliveryRecord,
        outbound: &Outbound,
        delivered: &Delivered,
        span: &DeliverySpan<'_>,
    ) {
        let Some(recording) = self.recording() else { return };
        let error = (delivered.outcome != Outcome::Success).then(|| delivered.outcome.as_str());
        let ended = self.internal(&span.span, ["deliver ", &record.target], (span.began, Instant::now()), error);
        recording.span(&ended, |attributes| {
            attributes.text("hookswitch.target", &record.target);
            attributes.text("hookswitch.delivery.id", &outbound.id);
            attributes.number("hookswitch.attempts", delivered.attempts.len() as u64);
            attributes.text("hookswitch.outcome", delivered.outcome.as_str());
            attributes.given("hookswitch.reason", delivered.gave_up.map(GiveUp::as_str).unwrap_or_default());
            let stored = delivered.dead_letter.as_ref().map(|stored| &*stored.target);
            attributes.given("hookswitch.dead_letter", stored.unwrap_or_default());
            attributes.given("error.type", error.unwrap_or_default());
        });
    }

    /// The request itself, with everything that has not ended before.
    pub(super) fn trace_event(&self, result: &Result<Answer, Rejection>) {
        let (Some(recording), Mode::Prints { generation, .. }) = (self.recording(), &self.0.mode) else { return };
        let now = Instant::now();
        let notes = self.notes_mut();
        self.end_left_open(recording, &notes, now);
        let status = result.as_ref().map_or_else(Rejection::status, http::Response::status);
        let method = meters::method(&self.0.method);
        let pattern = notes.pattern();
        let name = match pattern {
            Some(pattern) => [method, " ", pattern],
            None => [method, "", ""],
        };
        let ended = Ended {
            span: &self.0.span,
            kind: Kind::Server,
            name,
            began: self.0.began_at,
            ended: self.at(now),
            error: status.is_server_error().then(|| status.as_str()),
            link: None,
            is_remote: self.0.span.parent_id.is_some(),
        };
        let traced = &notes.traced;
        recording.span(&ended, |attributes| {
            attributes.text("http.request.method", method);
            attributes.given("http.route", pattern.unwrap_or_default());
            attributes.text("url.path", &traced.path);
            attributes.text("url.scheme", self.0.scheme);
            attributes.number("http.response.status_code", status.as_u16().into());
            attributes.text("client.address", &self.0.client_ip.to_string());
            attributes.given("server.address", &traced.host);
            attributes.given("user_agent.original", &traced.user_agent);
            attributes.number("hookswitch.generation", generation.number);
            attributes.text("hookswitch.request.id", &self.0.id);
            attributes.text("hookswitch.outcome", super::lines::outcome(&notes, result));
            attributes.given("hookswitch.reason", notes.refusal.as_deref().unwrap_or_default());
            attributes.given("error.type", ended.error.unwrap_or_default());
            for (name, value) in &notes.labels {
                attributes.named("hookswitch.label.", name, value);
            }
        });
        drop(notes);
        recording.close();
    }

    /// Routes that were not run, because one before them failed.
    fn end_left_open(&self, recording: &Recording, notes: &Notes, now: Instant) {
        for TakenSpan { position, span, began, .. } in notes.traced.taken.iter().filter(|taken| !taken.has_ended) {
            let Some((route, _)) = notes.decisions.iter().find(|(route, _)| route.position == *position) else {
                continue;
            };
            recording.span(&self.internal(span, ["route ", &route.name], (*began, now), Some(NOT_RUN)), |attributes| {
                attributes.text("hookswitch.route", &route.name);
                attributes.text("hookswitch.outcome", "failed");
                attributes.text("hookswitch.reason", NOT_RUN);
            });
        }
    }

    fn end_taken(&self, route: usize) -> Option<(Span, Instant)> {
        let mut notes = self.notes_mut();
        let taken = notes.traced.taken.iter_mut().find(|taken| taken.position == route)?;
        taken.has_ended = true;
        Some((taken.span.clone(), taken.began))
    }

    fn internal<'a>(
        &self,
        span: &'a Span,
        [first, second]: [&'a str; 2],
        (began, ended): (Instant, Instant),
        error: Option<&'a str>,
    ) -> Ended<'a> {
        let (began, ended) = (self.at(began), self.at(ended));
        let name = [first, second, ""];
        Ended { span, kind: Kind::Internal, name, began, ended, error, link: None, is_remote: false }
    }
}

const NOT_RUN: &str = "not run";

/// Why a route has not done what it took the event for.
fn failure(end: End) -> Option<&'static str> {
    match end {
        End::DeadlinePassed => Some("deadline"),
        End::TargetFailed => Some("target failed"),
        End::Draining => Some("draining"),
        End::Overloaded => Some("overloaded"),
        End::RateLimited => Some("rate limited"),
        End::Unprocessable => Some("expression"),
        End::Delivered | End::Accepted | End::Duplicate | End::Ignored => None,
    }
}
