//! Every metric by name: the interface that dashboards and alerts are built on. A test pins it, `docs/observability.md`
//! explains it.
//!
//! Names and attributes are OpenTelemetry's; those of Prometheus follow from them (OpenTelemetry specification,
//! "Prometheus and OpenMetrics Compatibility"). No label is ever filled from a request: routes, targets, path patterns and
//! addresses are the configuration's, everything else is a closed set of ours.

use std::borrow::Cow;

/// One metric.
#[derive(Debug, PartialEq)]
pub struct Definition {
    pub name: &'static str,
    pub kind: Kind,
    /// UCUM: `s`, `By`, `{event}`.
    pub unit: &'static str,
    pub help: &'static str,
    pub labels: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets, in seconds.
    Histogram(&'static [f64]),
}

/// As the semantic conventions advise for HTTP.
pub const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Of deliveries, which may take as long as a deadline: up to 300 s.
const LONG_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0];

/// Of a histogram: one below each bound, and one above all of them.
pub const BUCKETS_MAX: usize = 16;

const _: () = assert!(SECONDS.len() < BUCKETS_MAX && LONG_SECONDS.len() < BUCKETS_MAX);

macro_rules! definitions {
    ($($id:ident: $name:literal $kind:expr, $unit:literal, [$($label:literal),*], $help:literal;)*) => {
        $(pub static $id: Definition =
            Definition { name: $name, kind: $kind, unit: $unit, help: $help, labels: &[$($label),*] };)*

        /// In the order in which they are told.
        pub static ALL: &[&Definition] = &[$(&$id),*];
    };
}

definitions! {
    SERVER_DURATION: "http.server.request.duration" Kind::Histogram(SECONDS), "s",
        ["http.route", "http.request.method", "http.response.status_code", "url.scheme", "error.type"],
        "Time from a request's headers to its answer";
    CLIENT_DURATION: "http.client.request.duration" Kind::Histogram(SECONDS), "s",
        ["http.request.method", "server.address", "server.port", "http.response.status_code", "error.type"],
        "Time of one attempt at a target";
    EVENTS: "hookswitch.events" Kind::Counter, "{event}", ["route", "outcome"],
        "Events by what became of them, counted by every route they reached";
    DELIVERIES: "hookswitch.deliveries" Kind::Counter, "{delivery}", ["route", "target", "outcome"],
        "Deliveries that have ended";
    DELIVERY_DURATION: "hookswitch.delivery.duration" Kind::Histogram(LONG_SECONDS), "s", ["route", "target"],
        "Time of a delivery with all its attempts and waits";
    ATTEMPTS: "hookswitch.attempts" Kind::Counter, "{attempt}", ["route", "target", "status"],
        "Attempts by the status of the answer, or by what kept it from coming";
    AMBIGUOUS: "hookswitch.attempts.ambiguous" Kind::Counter, "{attempt}", ["route", "target"],
        "Attempts that the target may have acted upon although no whole answer came";
    DEAD_LETTERS: "hookswitch.dead_letters" Kind::Counter, "{record}", ["route", "target"],
        "Deliveries that failed for good and are in a dead letter";
    IN_FLIGHT: "hookswitch.in_flight" Kind::Gauge, "{event}", [],
        "Events being worked on";
    IN_FLIGHT_BYTES: "hookswitch.in_flight.bytes" Kind::Gauge, "By", [],
        "Bytes of the bodies being worked on";
    WAITING: "hookswitch.waiting" Kind::Gauge, "{delivery}", ["route", "target"],
        "Deliveries that wait for the rate limit or the concurrency of a target";
    BREAKER_STATE: "hookswitch.breaker.state" Kind::Gauge, "{state}", ["route", "target"],
        "The breaker of a target: 0 closed, 1 trying, 2 open";
    RATE_LIMITED: "hookswitch.rate_limited" Kind::Counter, "{event}", ["route", "target"],
        "Events over the limit of a route, and deliveries that waited for the limit of a target";
    VERIFY_FAILURES: "hookswitch.verify.failures" Kind::Counter, "{event}", ["route", "reason"],
        "Requests that verify turned away";
    VERIFY_MATCHES: "hookswitch.verify.matches" Kind::Counter, "{event}", ["route", "secret"],
        "Requests that verify let in, by the position of the secret that matched";
    EXPRESSION_ERRORS: "hookswitch.expression.errors" Kind::Counter, "{error}", ["route"],
        "Expressions that were wrong for an event";
    DEDUPE: "hookswitch.dedupe" Kind::Counter, "{event}", ["route", "result"],
        "Events by what the route's memory knew of them";
    DEDUPE_FORGOTTEN: "hookswitch.dedupe.forgotten" Kind::Counter, "{id}", ["route"],
        "Ids that a full memory forgot before their window ended";
    RELOADS: "hookswitch.config.reloads" Kind::Counter, "{reload}", ["result"],
        "Reloads of the configuration";
    GENERATION: "hookswitch.config.generation" Kind::Gauge, "{generation}", [],
        "The generation of the configuration that runs";
    LAST_SUCCESS: "hookswitch.config.last_success.time" Kind::Gauge, "s", [],
        "When the configuration was last found good, in seconds since 1970";
    LOG_DROPPED: "hookswitch.log.dropped" Kind::Counter, "{line}", [],
        "Log lines that standard output was too slow for";
    TELEMETRY_EXPORTED: "hookswitch.telemetry.exported" Kind::Counter, "{record}", ["signal"],
        "Spans, log records and metric points that the collector took";
    TELEMETRY_DROPPED: "hookswitch.telemetry.dropped" Kind::Counter, "{record}", ["signal"],
        "Spans, log records and metric points that the collector did not take, or not in time";
}

impl Definition {
    /// As Prometheus knows the metric, without the `_total` of a counter.
    pub fn prometheus_name(&self) -> String {
        let mut name = prometheus_label(self.name).into_owned();
        if let Some(unit) = self.prometheus_unit()
            && !name.ends_with(unit)
        {
            name.push('_');
            name.push_str(unit);
        }
        name
    }

    /// `None` where the unit only says what is counted.
    pub fn prometheus_unit(&self) -> Option<&'static str> {
        match self.unit {
            "s" => Some("seconds"),
            "By" => Some("bytes"),
            _ => None,
        }
    }
}

/// A name or label with the characters that Prometheus has.
pub fn prometheus_label(name: &'static str) -> Cow<'static, str> {
    if name.contains('.') { name.replace('.', "_").into() } else { name.into() }
}
