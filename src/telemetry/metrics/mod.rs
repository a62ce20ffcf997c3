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
use family::{Collect, Family, Shared, Split};
use instrument::{Counter, Histogram};
use std::sync::{Arc, Mutex, PoisonError};

/// All metrics of a process; cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    families: Families,
    routes: Shared<Arc<str>, RouteSeries>,
    targets: Shared<(Arc<str>, Arc<str>), TargetSeries>,
    servers: Shared<Arc<str>, ServerSeries>,
    clients: Shared<Peer, ClientSeries>,
    process: Process,
    /// Sets gauges of what is counted elsewhere.
    readings: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
}

macro_rules! families {
    ($($field:ident: $instrument:ty = $definition:ident,)*) => {
        struct Families { $($field: Arc<Family<$instrument>>,)* }

        impl Families {
            fn new() -> Families {
                Families { $($field: Family::new(&define::$definition),)* }
            }

            /// In the order of [`ALL`].
            fn all(&self) -> Vec<&dyn Collect> {
                vec![$(&*self.$field,)*]
            }
        }
    };
}

families! {
    server_duration: Histogram = SERVER_DURATION,
    client_duration: Histogram = CLIENT_DURATION,
    events: Counter = EVENTS,
    deliveries: Counter = DELIVERIES,
    delivery_duration: Histogram = DELIVERY_DURATION,
    attempts: Counter = ATTEMPTS,
    ambiguous: Counter = AMBIGUOUS,
    dead_letters: Counter = DEAD_LETTERS,
    in_flight: Gauge = IN_FLIGHT,
    in_flight_bytes: Gauge = IN_FLIGHT_BYTES,
    waiting: Gauge = WAITING,
    breaker_state: Gauge = BREAKER_STATE,
    rate_limited: Counter = RATE_LIMITED,
    verify_failures: Counter = VERIFY_FAILURES,
    verify_matches: Counter = VERIFY_MATCHES,
    expression_errors: Counter = EXPRESSION_ERRORS,
    dedupe: Counter = DEDUPE,
    dedupe_forgotten: Counter = DEDUPE_FORGOTTEN,
    reloads: Counter = RELOADS,
    generation: Gauge = GENERATION,
    last_success: Gauge = LAST_SUCCESS,
    log_dropped: Counter = LOG_DROPPED,
    telemetry_exported: Counter = TELEMETRY_EXPORTED,
    telemetry_dropped: Counter = TELEMETRY_DROPPED,
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

impl Default for Metrics {
    fn default() -> Metrics {
        let families = Families::new();
        let process = Process {
            in_flight: families.in_flight.of([]),
            in_flight_bytes: families.in_flight_bytes.of([]),
            reloads: Split::new(&families.reloads, []),
            generation: families.generation.of([]),
            last_success: families.last_success.of([]),
            log_dropped: families.log_dropped.of([]),
            telemetry_exported: Split::new(&families.telemetry_exported, []),
            telemetry_dropped: Split::new(&families.telemetry_dropped, []),
            strays: ServerSeries(Split::new(&families.server_duration, [Value::from("")])),
        };
        Metrics(Arc::new(Inner {
            families,
            routes: Shared::default(),
            targets: Shared::default(),
            servers: Shared::default(),
            clients: Shared::default(),
            process,
            readings: Mutex::default(),
        }))
    }
}

impl Metrics {
    pub fn process(&self) -> &Process {
        &self.0.process
    }

    pub fn route(&self, name: &Arc<str>) -> Arc<RouteSeries> {
        self.0.routes.of(name.clone(), |name| RouteSeries::new(self, name))
    }

    pub fn target(&self, route: &Arc<str>, target: &Arc<str>) -> Arc<TargetSeries> {
        self.0.targets.of((route.clone(), target.clone()), |(route, target)| TargetSeries::new(self, route, target))
    }

    /// Deliveries that wait for a target that has a limit.
    pub fn waiting(&self, route: &str, target: &str) -> Arc<Gauge> {
        self.0.families.waiting.of([route, target].map(|name| name.to_owned().into()))
    }

    /// Of a target that has a breaker.
    pub fn breaker_state(&self, route: &str, target: &str) -> Arc<Gauge> {
        self.0.families.breaker_state.of([route, target].map(|name| name.to_owned().into()))
    }

    /// Requests at a path pattern.
    pub fn server(&self, pattern: &Arc<str>) -> Arc<ServerSeries> {
        self.0.servers.of(pattern.clone(), |pattern| ServerSeries::new(self, pattern))
    }

    /// Requests to a host.
    pub fn client(&self, peer: Peer) -> Arc<ClientSeries> {
        self.0.clients.of(peer, |peer| ClientSeries::new(self, peer))
    }

    /// `read` is called before every collection, to set gauges of what is counted elsewhere.
    pub fn before_collecting(&self, read: impl Fn() + Send + Sync + 'static) {
        self.0.readings.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(read));
    }

    /// Everything as it is now. Afterwards what nobody can count on any more is forgotten.
    pub fn collect(&self) -> Vec<Collected> {
        self.0.readings.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|read| read());
        let families = self.0.families.all();
        let collected = families.iter().map(|family| family.collect()).collect();
        self.0.routes.sweep();
        self.0.targets.sweep();
        self.0.servers.sweep();
        self.0.clients.sweep();
        families.iter().for_each(|family| family.sweep());
        collected
    }
}
