//! What every request shares: the live generation, the outgoing client, and the bounds of the process.

use super::admission::Admission;
use super::given::GivenSecrets;
use super::meters::Meters;
use super::rate_limits::Counting;
use super::repeats::Told;
use crate::clock::Clock;
use crate::dedupe::Memories;
use crate::deliver::{Client, Pretended};
use crate::history::History;
use crate::reload::{self, Live};
use crate::route::RouteTable;
use crate::settings::Settings;
use crate::telemetry::logs::Log;
use crate::telemetry::masking::Masking;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Tracer;
use crate::verify::{KeySource, NoKeys};
use compact_str::CompactString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a configuration comes to, compiled.
pub struct Configuration {
    pub settings: Settings,
    pub table: RouteTable,
    /// Of this configuration, to be hidden.
    pub secrets: Masking,
    /// Adds headers and bodies to the event's log line, masked; `None`: it does not.
    pub payloads: Option<Masking>,
    /// What routes and targets count; offline, nothing.
    pub meters: Meters,
}

/// One loaded configuration. A request holds on to the one it began with.
pub type Generation = reload::Generation<Configuration>;

/// The process's shared state.
pub struct Gateway {
    pub live: Live<Configuration>,
    pub admission: Arc<Admission>,
    /// Events whose senders were told "accepted" and that are still to be delivered.
    pub accepted: Arc<Admission>,
    pub body_timeout: Duration,
    pub clock: Clock,
    /// `None`: nothing is printed.
    pub log: Option<Log>,
    pub metrics: Metrics,
    /// Where spans go; nowhere unless [`traced`](Gateway::traced) says so.
    pub tracer: Tracer,
    /// Where deliveries go.
    pub outgoing: Outgoing,
    /// Keys that only their senders have.
    pub keys: Box<dyn KeySource>,
    pub trust: Trust,
    pub counting: Counting,
    /// What routes remember of events, over reloads.
    pub repeats: Memories<Told>,
    /// Ends deliveries when the grace of a stop is over.
    pub cut_off: CancellationToken,
    /// Ends dead letters, which may take a moment longer.
    pub last_word: CancellationToken,
    /// What a stop waits for: events, also those whose sender hung up, and deliveries that no answer waits for.
    pub work: TaskTracker,
    /// What senders gave in handshakes, for the operator.
    pub given: GivenSecrets,
    /// Of a test delivery: what it is for, whatever the routes' conditions say.
    pub only: Option<Only>,
    /// The last events and deliveries, for the operator.
    pub history: Arc<History>,
    draining: AtomicBool,
    lost: AtomicUsize,
}

/// One route, or one target of it, named on purpose.
#[derive(Debug, Clone)]
pub struct Only {
    pub route: CompactString,
    pub target: Option<CompactString>,
}

/// What a gateway is made of, but for its configuration.
pub struct Parts {
    pub outgoing: Outgoing,
    pub keys: Box<dyn KeySource>,
    pub trust: Trust,
    pub counting: Counting,
    pub admission: Arc<Admission>,
    pub accepted: Arc<Admission>,
    pub body_timeout: Duration,
    pub clock: Clock,
    pub log: Option<Log>,
    pub metrics: Metrics,
}

/// Where deliveries go.
pub enum Outgoing {
    /// To their targets.
    Live(Client),
    /// Nowhere: every delivery is built, none is sent, all succeed (`serve --dry-run`, `explain`).
    Withheld,
    /// Nowhere: targets answer as an example says (`test`).
    Stubbed(Stubs),
}

/// Answers of targets by name; the others answer 200 with `{}`.
#[derive(Default)]
pub struct Stubs(pub std::collections::HashMap<String, Pretended>);

impl Stubs {
    /// What this target answers.
    pub fn answer(&self, target: &str) -> Pretended {
        let json = (http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        let default = || Pretended { status: 200, headers: [json].into_iter().collect(), body: "{}".into() };
        self.0.get(target).cloned().unwrap_or_else(default)
    }
}

/// Whether senders have to prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    Verify,
    /// Offline: the event counts as verified.
    Assume,
}

impl Gateway {
    pub fn new(live: Live<Configuration>, parts: Parts) -> Gateway {
        let history = Arc::new(History::new(parts.clock.now()));
        Gateway {
            live,
            history,
            outgoing: parts.outgoing,
            keys: parts.keys,
            trust: parts.trust,
            counting: parts.counting,
            admission: parts.admission,
            accepted: parts.accepted,
            body_timeout: parts.body_timeout,
            clock: parts.clock,
            log: parts.log,
            metrics: parts.metrics,
            tracer: Tracer::default(),
            repeats: Memories::default(),
            cut_off: CancellationToken::new(),
            last_word: CancellationToken::new(),
            work: TaskTracker::new(),
            given: GivenSecrets::default(),
            only: None,
            draining: AtomicBool::new(false),
            lost: AtomicUsize::new(0),
        }
    }

    /// With its spans recorded.
    #[must_use]
    pub fn traced(self, tracer: Tracer) -> Gateway {
        Gateway { tracer, ..self }
    }

    /// One for a test delivery: to the same targets with the same connections and bounds, and with a memory of its own, so
    /// that nothing of it counts as an event that a sender sent. The event counts as verified.
    pub fn for_trial(&self, only: Only) -> Gateway {
        let parts = Parts {
            outgoing: match &self.outgoing {
                Outgoing::Live(client) => Outgoing::Live(client.clone()),
                Outgoing::Withheld | Outgoing::Stubbed(_) => Outgoing::Withheld,
            },
            keys: Box::new(NoKeys),
            trust: Trust::Assume,
            counting: Counting::Off,
            admission: self.admission.clone(),
            accepted: self.accepted.clone(),
            body_timeout: self.body_timeout,
            clock: self.clock,
            log: None,
            metrics: Metrics::default(),
        };
        let gateway = Gateway::new(self.live.clone(), parts);
        Gateway { cut_off: self.cut_off.clone(), only: Some(only), ..gateway }
    }

    /// From now on only 2xx and 503 are answered.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Ends deliveries that are still under way; their dead letters have a moment more.
    pub fn give_up(&self) {
        self.cut_off.cancel();
    }

    /// How many deliveries the stop has cut off without anybody to have the event, and what has not
    /// even ended.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed) + self.work.len()
    }

    /// The stop has cost a delivery.
    pub fn has_lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
