//! Every number that is kept, in one place: counted once, read by Prometheus as text and sent over OTLP.
//!
//! What counts often holds handles ([`series`]) that are looked up when a configuration loads; an observation is then an
//! addition. The libraries for either format keep numbers of their own and read no others, so that both at once would
//! mean to count twice; a few atomics and a page for each format take less.
//!
//! Series of a route or target that is gone end when the last event that began with it has ended and they have been read
//! once more; one that comes back later begins at zero.

mod definition;
mod family;
mod instrument;
mod series;
mod text;

#[cfg(test)]
mod tests;

pub use definition::{ALL, Definition, Kind};
pub use family::{Collected, Value};
pub use instrument::{Distribution, Exemplar, Gauge, Reading, Seen};
pub use series::{Answered, ClientSeries, ClientStatus, Peer, RouteSeries, ServerSeries, Status, TargetSeries};
pub use text::{Format, write};

use definition as define;
use family::{Collecting, Shared, Split, texts};
use instrument::{Counter, Instrument};
use std::sync::{Arc, Mutex, PoisonError};

/// All metrics of a process; cheap to clone.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Default)]
struct Inner {
    routes: Shared<Arc<str>, RouteSeries>,
    targets: Shared<(Arc<str>, Arc<str>), TargetSeries>,
    waiting: Shared<(Arc<str>, Arc<str>), Gauge>,
    breaker_states: Shared<(Arc<str>, Arc<str>), Gauge>,
    servers: Shared<Arc<str>, ServerSeries>,
    clients: Shared<Peer, ClientSeries>,
    process: Process,
    /// Sets gauges of what is counted elsewhere.
    readings: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
}

/// What has no route.
pub struct Process {
    pub in_flight: Arc<Gauge>,
    pub in_flight_bytes: Arc<Gauge>,
    /// By result.
    pub reloads: Split<&'static str, Counter>,
    pub generation: Arc<Gauge>,
    /// In seconds since 1970.
    pub last_success: Arc<Gauge>,
    pub log_dropped: Arc<Counter>,
    /// By signal, as of the next.
    pub telemetry_exported: Split<&'static str, Counter>,
    pub telemetry_dropped: Split<&'static str, Counter>,
    /// Requests that no pattern is for.
    pub strays: ServerSeries,
}

impl Default for Process {
    fn default() -> Process {
        Process {
            in_flight: Arc::default(),
            in_flight_bytes: Arc::default(),
            reloads: Split::new(&define::RELOADS),
            generation: Arc::default(),
            last_success: Arc::default(),
            log_dropped: Arc::default(),
            telemetry_exported: Split::new(&define::TELEMETRY_EXPORTED),
            telemetry_dropped: Split::new(&define::TELEMETRY_DROPPED),
            strays: ServerSeries::new(),
        }
    }
}

impl Process {
    fn tell(&self, all: &mut Collecting) {
        let gauges = [
            (&define::IN_FLIGHT, &self.in_flight),
            (&define::IN_FLIGHT_BYTES, &self.in_flight_bytes),
            (&define::GENERATION, &self.generation),
            (&define::LAST_SUCCESS, &self.last_success),
        ];
        gauges.into_iter().for_each(|(definition, gauge)| all.tell(definition, Vec::new(), gauge.reading()));
        all.tell(&define::LOG_DROPPED, Vec::new(), self.log_dropped.reading());
        self.reloads.tell(&define::RELOADS, &[], all);
        self.telemetry_exported.tell(&define::TELEMETRY_EXPORTED, &[], all);
        self.telemetry_dropped.tell(&define::TELEMETRY_DROPPED, &[], all);
        self.strays.tell("", all);
    }
}

impl Metrics {
    pub fn process(&self) -> &Process {
        &self.0.process
    }

    pub fn route(&self, name: &str) -> Arc<RouteSeries> {
        self.0.routes.of(name.into(), RouteSeries::new)
    }

    pub fn target(&self, route: &str, target: &str) -> Arc<TargetSeries> {
        self.0.targets.of((route.into(), target.into()), TargetSeries::new)
    }

    /// Deliveries that wait for a target that has a limit.
    pub fn waiting(&self, route: &str, target: &str) -> Arc<Gauge> {
        self.0.waiting.of((route.into(), target.into()), Gauge::default)
    }

    /// Of a target that has a breaker.
    pub fn breaker_state(&self, route: &str, target: &str) -> Arc<Gauge> {
        self.0.breaker_states.of((route.into(), target.into()), Gauge::default)
    }

    /// Requests at a path pattern.
    pub fn server(&self, pattern: &Arc<str>) -> Arc<ServerSeries> {
        self.0.servers.of(pattern.clone(), ServerSeries::new)
    }

    /// Requests to a host.
    pub fn client(&self, peer: Peer) -> Arc<ClientSeries> {
        self.0.clients.of(peer.clone(), || ClientSeries::new(peer))
    }

    /// `read` is called before every collection, to set gauges of what is counted elsewhere.
    pub fn before_collecting(&self, read: impl Fn() + Send + Sync + 'static) {
        self.0.readings.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(read));
    }

    /// Everything as it is now. Afterwards what nobody can count on any more is forgotten.
    pub fn collect(&self) -> Vec<Collected> {
        self.0.readings.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|read| read());
        let Inner { routes, targets, waiting, breaker_states, servers, clients, process, .. } = &*self.0;
        let mut all = Collecting::default();
        process.tell(&mut all);
        routes.each(|route, series| series.tell(route, &mut all));
        targets.each(|(route, target), series| series.tell(route, target, &mut all));
        for (gauges, definition) in [(waiting, &define::WAITING), (breaker_states, &define::BREAKER_STATE)] {
            gauges.each(|(route, target), gauge| {
                all.tell(definition, texts(&[route, target]).collect(), gauge.reading());
            });
        }
        servers.each(|pattern, series| series.tell(pattern, &mut all));
        clients.each(|_, series| series.tell(&mut all));
        routes.sweep();
        targets.sweep();
        waiting.sweep();
        breaker_states.sweep();
        servers.sweep();
        clients.sweep();
        all.finish()
    }
}
