//! What the routes and targets of one configuration count: handles that are looked up once.
//!
//! A route's are made when something is counted of it first, or when somebody asks for numbers: series take kilobytes, and
//! most of a thousand routes are quiet.

use crate::deliver::{Attempt, BreakerState, Outcome, Target};
use crate::history::Tally;
use crate::route::{Route, RouteTable};
use crate::telemetry::metrics::{
    Answered, ClientSeries, ClientStatus, Gauge, Metrics, Peer, RouteSeries, Seen, ServerSeries, Status, TargetSeries,
};
use http::Method;
use smallvec::SmallVec;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// By the position of a route, and of a target among those of its route.
#[derive(Default)]
pub struct Meters {
    metrics: Metrics,
    routes: Box<[Arc<Route>]>,
    /// In step with the routes.
    made: Box<[OnceLock<RouteMeter>]>,
}

pub struct RouteMeter {
    pub route: Arc<RouteSeries>,
    /// Of the path that it is on.
    pub server: Arc<ServerSeries>,
    /// Most routes have one, which lies right here.
    targets: SmallVec<[TargetMeter; 1]>,
}

pub struct TargetMeter {
    pub target: Arc<TargetSeries>,
    /// `None` where no HTTP is spoken.
    client: Option<Arc<ClientSeries>>,
    /// `None` where the target has neither a limit nor a breaker.
    gauges: Option<Box<Gauges>>,
    /// Known with its first delivery: until then nothing was sent there.
    tally: OnceLock<Arc<Tally>>,
}

struct Gauges {
    waiting: Arc<Gauge>,
    /// `None` where the target has no breaker.
    breaker: Option<Arc<Gauge>>,
}

// Of one target. In its slot, with the lock, that is a line of the cache and a word.
const _: () = assert!(size_of::<RouteMeter>() <= 64);

impl Meters {
    pub fn of(table: &RouteTable, metrics: &Metrics) -> Meters {
        let made = table.routes.iter().map(|_| OnceLock::new()).collect();
        Meters { metrics: metrics.clone(), routes: table.routes.as_slice().into(), made }
    }

    /// `None` offline.
    pub fn route(&self, position: usize) -> Option<&RouteMeter> {
        let meter = self.made.get(position)?;
        match meter.get() {
            Some(meter) => Some(meter),
            None => Some(self.make(self.routes.get(position)?, meter)),
        }
    }

    /// Whoever reads numbers sees those of quiet routes too, from zero on, and how targets are now.
    pub fn read(&self) {
        for (route, meter) in self.routes.iter().zip(&self.made) {
            let targets = &self.make(route, meter).targets;
            route.targets.iter().zip(targets).for_each(|(target, meter)| meter.read(target));
        }
    }

    fn make<'m>(&self, route: &Route, meter: &'m OnceLock<RouteMeter>) -> &'m RouteMeter {
        meter.get_or_init(|| RouteMeter::new(route, &self.metrics))
    }

    pub fn target(&self, route: usize, position: usize) -> Option<&TargetMeter> {
        self.route(route)?.targets.get(position)
    }
}

impl RouteMeter {
    fn new(route: &Route, metrics: &Metrics) -> RouteMeter {
        RouteMeter {
            route: metrics.route(&route.name),
            server: metrics.server(&route.path().into()),
            targets: route.targets.iter().map(|target| TargetMeter::new(route, target, metrics)).collect(),
        }
    }
}

impl TargetMeter {
    fn new(route: &Route, target: &Target, metrics: &Metrics) -> TargetMeter {
        let gauges = target.waiting().map(|_| Gauges {
            waiting: metrics.waiting(&route.name, &target.name),
            breaker: target.breaker_state().map(|_| metrics.breaker_state(&route.name, &target.name)),
        });
        TargetMeter {
            target: metrics.target(&route.name, &target.name),
            client: peer(target).map(|peer| metrics.client(peer)),
            gauges: gauges.map(Box::new),
            tally: OnceLock::new(),
        }
    }

    /// Where its requests go; `None` where no HTTP is spoken.
    pub fn peer(&self) -> Option<&Peer> {
        self.client.as_ref().map(|client| &client.peer)
    }

    /// Of its deliveries; `find` looks it up.
    pub fn tally(&self, find: impl FnOnce() -> Arc<Tally>) -> &Tally {
        self.tally.get_or_init(find)
    }

    fn read(&self, target: &Target) {
        let Some(Gauges { waiting: gauge, breaker }) = self.gauges.as_deref() else { return };
        if let Some(waiting) = target.waiting() {
            gauge.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        }
        if let (Some(gauge), Some(state)) = (breaker, target.breaker_state()) {
            gauge.set(match state {
                BreakerState::Closed => 0,
                BreakerState::HalfOpen => 1,
                BreakerState::Open => 2,
            });
        }
    }

    pub fn attempted(&self, attempt: &Attempt, seen: Option<Seen>) {
        let error = broken(attempt.outcome).then(|| attempt.outcome.as_str());
        let status = match (attempt.status, error) {
            (Some(status), None) => Status::Code(status),
            _ => Status::Word(attempt.outcome.as_str()),
        };
        self.target.attempts.with(status, |count| count.add(1));
        if attempt.ambiguous {
            self.target.ambiguous.add(1);
        }
        if let Some(client) = &self.client {
            let status = ClientStatus { status: attempt.status, error };
            client.duration.with(status, |histogram| histogram.observe(attempt.duration, seen));
        }
    }
}

/// Where a target is; `None` where no HTTP is spoken.
pub fn peer(target: &Target) -> Option<Peer> {
    let (address, port) = address(&target.written_url)?;
    Some(Peer { method: method(target.method()), address, port })
}

/// A request that says no usable host reaches neither a path nor a route.
pub fn count_unusable(metrics: &Metrics, method: &Method, status: u16) {
    let answered = Answered { method: self::method(method), status, scheme: "http" };
    metrics.process().strays.0.with(answered, |histogram| histogram.observe(Duration::ZERO, None));
}

/// No whole answer came, whatever status it began with.
pub fn broken(outcome: Outcome) -> bool {
    use Outcome as O;
    !matches!(outcome, O::Success | O::Throttled | O::Refused | O::ServerError | O::Unsatisfied | O::Expression)
}

/// One of the methods that the semantic conventions name: what a stranger makes up is `_OTHER`.
pub fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

/// Host and port of a URL as it is written; `None` where it is not HTTP's. References stand for themselves: what they give
/// may be a secret.
pub fn address(written: &str) -> Option<(Arc<str>, Option<u16>)> {
    let (rest, default) = match written.split_once("://") {
        Some(("http", rest)) => (rest, Some(80)),
        Some(("https", rest)) => (rest, Some(443)),
        Some(("stdout" | "file", _)) => return None,
        _ => (written, None),
    };
    let host = rest.get(..end_of_host(rest)).unwrap_or(rest);
    let (host, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.parse::<u16>().is_ok() => (name, port.parse().ok()),
        _ => (host, default),
    };
    Some((host.trim_start_matches('[').trim_end_matches(']').into(), port))
}

/// The first of `/?#` outside of `${…}`.
fn end_of_host(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '/' | '?' | '#' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_it_is_written() {
        let shown = |url: &str| address(url).map(|(host, port)| (host.to_string(), port));
        let is = |host: &str, port: Option<u16>| Some((host.to_owned(), port));
        assert_eq!(shown("https://senler.ru/api?x=1"), is("senler.ru", Some(443)));
        assert_eq!(shown("http://h:8080"), is("h", Some(8080)));
        assert_eq!(shown("http://[::1]:8080/x"), is("::1", Some(8080)));
        assert_eq!(shown("http://[::1]/x"), is("::1", Some(80)));
        assert_eq!(shown("https://${env:HOST}/${env:TOKEN}"), is("${env:HOST}", Some(443)));
        assert_eq!(shown("${file:a/b}/x"), is("${file:a/b}", None));
        assert_eq!(shown("https://${env:HOST}:8443/x"), is("${env:HOST}", Some(8443)));
        assert_eq!(shown("stdout://"), None);
        assert_eq!(shown("file:///a"), None);
    }

    #[test]
    fn a_made_up_method_is_no_label() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"X-EVIL").unwrap()), "_OTHER");
    }
}
