//! The numbers of one request: what each route and target it reached counts.

use super::{DeliveryRecord, Mode, Notes, Recorder};
use crate::dedupe::Repeat;
use crate::deliver::{Delivered, NotBuilt};
use crate::route::{Decision, Route};
use crate::server::Answer;
use crate::server::answer::End;
use crate::server::meters::{self, Meters, TargetMeter};
use crate::server::rejection::Rejection;
use crate::server::span::DeliverySpan;
use crate::telemetry::metrics::{Answered, RouteSeries};
use crate::verify::Refusal;

impl Recorder {
    pub(super) fn target_meter(&self, record: &DeliveryRecord) -> Option<&TargetMeter> {
        let (_, route, _, target) = record.order;
        self.meter_at(route, target)
    }

    /// Of the target at a position of the route at a position.
    pub(in crate::server) fn meter_at(&self, route: usize, target: usize) -> Option<&TargetMeter> {
        self.meters()?.target(route, target)
    }

    /// Every route behind the path lost or got the event.
    pub(super) fn count_reached(&self, count: impl Fn(&RouteSeries)) {
        let Some(meters) = self.meters() else { return };
        let notes = self.notes_mut();
        notes.reached().filter_map(|position| meters.route(position)).for_each(|meter| count(&meter.route));
    }

    pub(super) fn count_refusal(&self, refusal: Refusal) {
        self.count_reached(|route| route.verify_failures.with(refusal.name(), |count| count.add(1)));
    }

    pub(super) fn count_match(&self, position: usize) {
        self.count_reached(|route| route.verify_matches.with(position, |count| count.add(1)));
    }

    pub(super) fn count_wrong_expression(&self, route: usize) {
        if let Some(meter) = self.route_series(route) {
            meter.expression_errors.add(1);
        }
    }

    pub(super) fn count_repeat(&self, route: &Route, repeat: Repeat) {
        if let Some(series) = self.route_series(route.position) {
            series.dedupe.with(name_of(repeat), |count| count.add(1));
        }
    }

    pub(super) fn count_forgotten(&self, route: &Route, ids: u64) {
        if let Some(series) = self.route_series(route.position) {
            series.dedupe_forgotten.add(ids);
        }
    }

    pub(super) fn count_not_built(&self, record: &DeliveryRecord, error: &NotBuilt) {
        let (_, route, _, _) = record.order;
        if let NotBuilt::Expression(_) = error {
            self.count_wrong_expression(route);
        }
        if let Some(meter) = self.target_meter(record) {
            meter.target.deliveries.with(error.outcome().as_str(), |count| count.add(1));
        }
    }

    pub(super) fn count_delivery(&self, delivered: &Delivered, span: &DeliverySpan<'_>) {
        let Some(meter) = span.meter() else { return };
        meter.target.deliveries.with(delivered.outcome.as_str(), |count| count.add(1));
        meter.target.duration.observe(delivered.duration, self.seen(span.span.span_id));
    }

    pub(super) fn count_event(&self, result: &Result<Answer, Rejection>) {
        let Mode::Prints { metrics, generation, .. } = &self.0.mode else { return };
        let status = result.as_ref().map_or_else(Rejection::status, http::Response::status).as_u16();
        let answered = Answered { method: meters::method(&self.0.method), status, scheme: self.0.scheme };
        let notes = self.notes_mut();
        let meters = &generation.value.meters;
        let first = notes.reached().next().and_then(|position| meters.route(position));
        let server = first.map_or(&metrics.process().strays, |meter| &*meter.server);
        server.0.with(answered, |histogram| histogram.observe(self.0.began.elapsed(), self.seen(self.0.span.span_id)));
        for position in notes.reached() {
            let Some(meter) = meters.route(position) else { continue };
            let outcome = outcome_of(position, &notes, result);
            meter.route.events.with(outcome, |count| count.add(1));
            if outcome == RATE_LIMITED {
                meter.route.rate_limited.add(1);
            }
        }
    }

    fn meters(&self) -> Option<&Meters> {
        match &self.0.mode {
            Mode::Prints { generation, .. } => Some(&generation.value.meters),
            Mode::Keeps => None,
        }
    }

    fn route_series(&self, position: usize) -> Option<&RouteSeries> {
        Some(&self.meters()?.route(position)?.route)
    }
}

const RATE_LIMITED: &str = "rate_limited";

/// What an event was for one of the routes that it reached.
fn outcome_of(position: usize, notes: &Notes, result: &Result<Answer, Rejection>) -> &'static str {
    let Some((_, decision)) = notes.decisions.iter().find(|(route, _)| route.position == position) else {
        return match result {
            _ if notes.handshake => "handshake",
            Err(Rejection::RateLimited { .. }) => RATE_LIMITED,
            _ => "refused",
        };
    };
    match decision {
        Decision::Ignored(_) => "ignored",
        Decision::Failed(_) | Decision::Broken(_) => "failed",
        Decision::RateLimited(_) => RATE_LIMITED,
        // A route that was not run any more, because one before it failed, has not done what it should have.
        Decision::Taken => match worst_end(position, notes) {
            Some(End::Delivered) => "delivered",
            Some(End::Accepted) => "accepted",
            Some(End::Duplicate) => "duplicate",
            Some(End::Ignored) => "ignored",
            Some(End::RateLimited) => RATE_LIMITED,
            Some(End::DeadlinePassed | End::TargetFailed | End::Draining | End::Overloaded | End::Unprocessable)
            | None => "failed",
        },
    }
}

/// As a label: one word.
fn name_of(repeat: Repeat) -> &'static str {
    match repeat {
        Repeat::NoKey => "no_key",
        other => other.as_str(),
    }
}

/// How a route has ended; of a batch, how the worst of its elements has.
fn worst_end(position: usize, notes: &Notes) -> Option<End> {
    notes.ended.iter().filter(|(route, _)| *route == position).map(|(_, end)| *end).min()
}
