//! What one route, one target, one path and one host count: the handles that a compiled configuration holds on to.

use super::Metrics;
use super::family::{Choice, Split, Value};
use super::instrument::{Counter, Histogram};
use std::sync::Arc;

/// Of a route, over all generations that have one of its name.
pub struct RouteSeries {
    /// By outcome.
    pub events: Split<&'static str, Counter>,
    /// By reason.
    pub verify_failures: Split<&'static str, Counter>,
    /// By position.
    pub verify_matches: Split<usize, Counter>,
    /// By result.
    pub dedupe: Split<&'static str, Counter>,
    pub dedupe_forgotten: Arc<Counter>,
    pub rate_limited: Arc<Counter>,
    pub expression_errors: Arc<Counter>,
}

/// Of a target of a route.
pub struct TargetSeries {
    /// By outcome.
    pub deliveries: Split<&'static str, Counter>,
    pub duration: Arc<Histogram>,
    pub attempts: Split<Status, Counter>,
    pub ambiguous: Arc<Counter>,
    /// Deliveries that waited for its limit.
    pub rate_limited: Arc<Counter>,
    pub dead_letters: Arc<Counter>,
}

/// Requests at one path pattern.
pub struct ServerSeries(pub Split<Answered, Histogram>);

/// Requests to one host.
pub struct ClientSeries(pub Split<ClientStatus, Histogram>);

/// Where a target is, as the configuration writes it: what stands in a reference is not shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    pub method: &'static str,
    pub address: Arc<str>,
    pub port: Option<u16>,
}

/// How a request of a sender was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub method: &'static str,
    pub status: u16,
    pub scheme: &'static str,
}

/// How an attempt ended: the status of the answer, or a word of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Code(u16),
    Word(&'static str),
}

/// As [`Status`], for a metric that has two labels for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientStatus {
    pub status: Option<u16>,
    /// What kept a whole answer from coming.
    pub error: Option<&'static str>,
}

/// What is no status that HTTP knows counts as one kind, so that a hostile target cannot make series.
fn code(status: u16) -> Value {
    if (100..=599).contains(&status) { status.to_string().into() } else { "_OTHER".into() }
}

/// One label: `status`.
impl Choice for Status {
    fn values(self) -> Vec<Value> {
        match self {
            Status::Code(status) => vec![code(status)],
            Status::Word(word) => vec![word.into()],
        }
    }
}

/// The last labels of `http.client.request.duration`: a status of 400 and above is an error at this end.
impl Choice for ClientStatus {
    fn values(self) -> Vec<Value> {
        let status = self.status.map(code).unwrap_or_default();
        let failed = self.status.filter(|status| *status >= 400).map(code);
        vec![status, self.error.map(Value::from).or(failed).unwrap_or_default()]
    }
}

/// The last labels of `http.server.request.duration`. A status of 500 and above is an error of ours, as the conventions
/// say.
impl Choice for Answered {
    fn values(self) -> Vec<Value> {
        let Answered { method, status, scheme } = self;
        let error = if status >= 500 { code(status) } else { "".into() };
        vec![method.into(), code(status), scheme.into(), error]
    }
}

impl RouteSeries {
    pub(super) fn new(metrics: &Metrics, route: &Arc<str>) -> RouteSeries {
        let families = &metrics.0.families;
        let name = || [Value::from(route.to_string())];
        let series = RouteSeries {
            events: Split::new(&families.events, name()),
            verify_failures: Split::new(&families.verify_failures, name()),
            verify_matches: Split::new(&families.verify_matches, name()),
            dedupe: Split::new(&families.dedupe, name()),
            dedupe_forgotten: families.dedupe_forgotten.of(name()),
            rate_limited: families.rate_limited.of(name().into_iter().chain(["".into()])),
            expression_errors: families.expression_errors.of(name()),
        };
        // From zero on, so that the first one is seen as an increase.
        for outcome in ["delivered", "failed"] {
            series.events.with(outcome, |_| {});
        }
        series
    }
}

impl TargetSeries {
    pub(super) fn new(metrics: &Metrics, route: &Arc<str>, target: &Arc<str>) -> TargetSeries {
        let families = &metrics.0.families;
        let names = || [Value::from(route.to_string()), Value::from(target.to_string())];
        let series = TargetSeries {
            deliveries: Split::new(&families.deliveries, names()),
            duration: families.delivery_duration.of(names()),
            attempts: Split::new(&families.attempts, names()),
            ambiguous: families.ambiguous.of(names()),
            rate_limited: families.rate_limited.of(names()),
            dead_letters: families.dead_letters.of(names()),
        };
        series.deliveries.with("success", |_| {});
        series
    }
}

impl ServerSeries {
    pub(super) fn new(metrics: &Metrics, pattern: &str) -> ServerSeries {
        ServerSeries(Split::new(&metrics.0.families.server_duration, [Value::from(pattern.to_owned())]))
    }
}

impl ClientSeries {
    pub(super) fn new(metrics: &Metrics, peer: &Peer) -> ClientSeries {
        let port = peer.port.map(|port| port.to_string()).unwrap_or_default();
        let first = [Value::from(peer.method), peer.address.to_string().into(), port.into()];
        ClientSeries(Split::new(&metrics.0.families.client_duration, first))
    }
}
