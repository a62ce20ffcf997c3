//! What one route, one target, one path and one host count: the handles that a compiled configuration holds on to.

use super::definition as define;
use super::family::{Choice, Collecting, Split, Value, texts};
use super::instrument::{Counter, Histogram, Instrument};
use std::sync::Arc;

/// Of a route, over all generations that have one of its name. What every event counts stands first.
#[repr(C)]
pub struct RouteSeries {
    /// By outcome.
    pub events: Split<&'static str, Counter>,
    /// By reason.
    pub verify_failures: Split<&'static str, Counter>,
    /// By position.
    pub verify_matches: Split<usize, Counter>,
    /// By result.
    pub dedupe: Split<&'static str, Counter>,
    pub dedupe_forgotten: Counter,
    pub rate_limited: Counter,
    pub expression_errors: Counter,
}

/// Of a target of a route. In this order, so that what every delivery counts lies in three lines of the cache.
#[repr(C)]
pub struct TargetSeries {
    pub duration: Histogram,
    /// By outcome.
    pub deliveries: Split<&'static str, Counter>,
    pub attempts: Split<Status, Counter>,
    pub ambiguous: Counter,
    /// Deliveries that waited for its limit.
    pub rate_limited: Counter,
    pub dead_letters: Counter,
}

/// Requests at one path pattern.
pub struct ServerSeries(pub Split<Answered, Histogram>);

/// Requests to one host.
pub struct ClientSeries {
    pub peer: Peer,
    pub duration: Split<ClientStatus, Histogram>,
}

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
    if closed(status) == OTHER { "_OTHER".into() } else { status.to_string().into() }
}

fn closed(status: u16) -> u16 {
    if (100..=599).contains(&status) { status } else { OTHER }
}

const OTHER: u16 = 0;

/// One label: `status`.
impl Choice for Status {
    fn values(self) -> Vec<Value> {
        match self {
            Status::Code(status) => vec![code(status)],
            Status::Word(word) => vec![word.into()],
        }
    }

    fn closed(self) -> Status {
        match self {
            Status::Code(status) => Status::Code(closed(status)),
            word => word,
        }
    }
}

/// The last labels of `http.client.request.duration`: a status of 400 and above is an error at this end.
impl Choice for ClientStatus {
    fn values(self) -> Vec<Value> {
        let status = self.status.map(code).unwrap_or_default();
        let failed = self.status.filter(|status| *status >= 400 || *status == OTHER).map(code);
        vec![status, self.error.map(Value::from).or(failed).unwrap_or_default()]
    }

    fn closed(self) -> ClientStatus {
        ClientStatus { status: self.status.map(closed), ..self }
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
    pub(super) fn new() -> RouteSeries {
        let series = RouteSeries {
            events: Split::new(&define::EVENTS),
            verify_failures: Split::new(&define::VERIFY_FAILURES),
            verify_matches: Split::new(&define::VERIFY_MATCHES),
            dedupe: Split::new(&define::DEDUPE),
            dedupe_forgotten: Counter::default(),
            rate_limited: Counter::default(),
            expression_errors: Counter::default(),
        };
        // From zero on, so that the first one is seen as an increase.
        for outcome in ["delivered", "failed"] {
            series.events.with(outcome, |_| {});
        }
        series
    }

    pub(super) fn tell(&self, route: &str, all: &mut Collecting) {
        self.events.tell(&define::EVENTS, &[route], all);
        self.verify_failures.tell(&define::VERIFY_FAILURES, &[route], all);
        self.verify_matches.tell(&define::VERIFY_MATCHES, &[route], all);
        self.dedupe.tell(&define::DEDUPE, &[route], all);
        all.tell(&define::DEDUPE_FORGOTTEN, texts(&[route]).collect(), self.dedupe_forgotten.reading());
        all.tell(&define::RATE_LIMITED, texts(&[route, ""]).collect(), self.rate_limited.reading());
        all.tell(&define::EXPRESSION_ERRORS, texts(&[route]).collect(), self.expression_errors.reading());
    }
}

impl TargetSeries {
    pub(super) fn new() -> TargetSeries {
        let series = TargetSeries {
            deliveries: Split::new(&define::DELIVERIES),
            duration: Histogram::new(define::DELIVERY_DURATION.kind),
            attempts: Split::new(&define::ATTEMPTS),
            ambiguous: Counter::default(),
            rate_limited: Counter::default(),
            dead_letters: Counter::default(),
        };
        series.deliveries.with("success", |_| {});
        series
    }

    pub(super) fn tell(&self, route: &str, target: &str, all: &mut Collecting) {
        let names = [route, target];
        self.deliveries.tell(&define::DELIVERIES, &names, all);
        all.tell(&define::DELIVERY_DURATION, texts(&names).collect(), self.duration.reading());
        self.attempts.tell(&define::ATTEMPTS, &names, all);
        all.tell(&define::AMBIGUOUS, texts(&names).collect(), self.ambiguous.reading());
        all.tell(&define::RATE_LIMITED, texts(&names).collect(), self.rate_limited.reading());
        all.tell(&define::DEAD_LETTERS, texts(&names).collect(), self.dead_letters.reading());
    }
}

impl ServerSeries {
    pub(super) fn new() -> ServerSeries {
        ServerSeries(Split::new(&define::SERVER_DURATION))
    }

    pub(super) fn tell(&self, pattern: &str, all: &mut Collecting) {
        self.0.tell(&define::SERVER_DURATION, &[pattern], all);
    }
}

impl ClientSeries {
    pub(super) fn new(peer: Peer) -> ClientSeries {
        ClientSeries { peer, duration: Split::new(&define::CLIENT_DURATION) }
    }

    pub(super) fn tell(&self, all: &mut Collecting) {
        let Peer { method, address, port } = &self.peer;
        let port = port.map(|port| port.to_string()).unwrap_or_default();
        self.duration.tell(&define::CLIENT_DURATION, &[method, address, &port], all);
    }
}
