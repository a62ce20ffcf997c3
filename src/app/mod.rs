//! The process: first load, bind, serve, load again, drain.

mod load;
mod signals;
mod view;

pub use load::{FolderLoader, check, compile, random_uuid};
pub use signals::Signals;

use crate::admin::{Admin, TokenRequired};
use crate::clock::Clock;
use crate::config::Sources;
use crate::config::folder::Folder;
use crate::deliver::{Client, ClientError};
use crate::diagnostic::Diagnostic;
use crate::history::History;
use crate::reload::{Handle, Live, ReloadOutcome, Reloader, Status, Timing};
use crate::route::{Carried, Route, RouteTable};
use crate::server::admission::Admission;
use crate::server::arrival::{Arrival, Inbound};
use crate::server::gateway::{Configuration, Gateway, Outgoing, Parts, Trust};
use crate::server::keys::{FetchedKeys, Outside};
use crate::server::listener::{self, BindError, Bound, Peer, Server};
use crate::server::rate_limits::Counting;
use crate::server::rejection::Rejection;
use crate::server::{Answer, meters, pipeline, request_id};
use crate::settings::{Settings, Shutdown};
use crate::telemetry::logs::{Format, Log};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::otlp::{Otlp, Plan, TlsError};
use compact_str::CompactString;
use http::Request;
use hyper::body::Incoming;
use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use view::ProcessView;

/// What the command line says.
pub struct Options {
    pub folder: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub admin: Option<SocketAddr>,
    pub dry_run: bool,
    pub watch: bool,
    pub allow_empty: bool,
}

/// A configuration that cannot be used, and the texts to draw what is wrong with it.
pub struct Mistakes {
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Sources,
}

/// Too long for a debug line; `serve` draws it.
impl fmt::Debug for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} diagnostics", self.diagnostics.len())
    }
}

/// Why the process did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the configuration has mistakes")]
    Configuration(Mistakes),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Admin(#[from] TokenRequired),
    #[error(transparent)]
    Telemetry(#[from] TlsError),
    #[error("cannot listen to signals: {0}")]
    Signals(std::io::Error),
}

/// Runs until told to stop. Gives how many events were cut off.
///
/// # Errors
/// Nothing was served: the configuration, an address or the outgoing side is unusable.
pub async fn run(options: Options) -> Result<usize, StartError> {
    let metrics = Metrics::default();
    let folder = Folder::find(options.folder.as_deref());
    let loader = Arc::new(FolderLoader::new(folder, options.allow_empty, Clock::System, metrics.clone()));
    let loading = loader.clone();
    let first = Reloader::first(loader.inputs(), Timing::default(), Clock::System, move || loading.load());
    let reloader = first
        .map_err(|diagnostics| StartError::Configuration(Mistakes { diagnostics, sources: loader.take_sources() }))?;
    let handle = reloader.handle();
    let mut settings = handle.live().load().value.settings.clone();
    let log = Log::to_stdout(settings.log.level.into(), Format::for_stdout(settings.log.format));
    log.install();
    warn_of(&handle.status());
    count_loads(&metrics, &handle.status());
    let reloader = follow_reloads(reloader, settings.clone(), log.clone(), metrics.clone());
    apply(&options, &mut settings);
    let bound = bind(&settings).await?;
    let signals = Signals::new().map_err(StartError::Signals)?;
    let otlp = export(&settings, &log, &metrics)?;
    let parts = parts(&options, &settings, &log, &metrics, handle.live())?;
    let gateway = Gateway::new(handle.live().clone(), parts);
    let gateway = Arc::new(gateway.traced(otlp.tracer.clone()));
    let stop_reloading = CancellationToken::new();
    read_gauges(&metrics, &gateway, &log);
    tokio::spawn(reloader.run(options.watch, stop_reloading.clone()));
    tokio::spawn(stop_reloading.clone().run_until_cancelled_owned(sweep(loader.carried(), gateway.clone())));
    let lost = serve(bound, &settings, &gateway, &log, signals, handle).await?;
    stop_reloading.cancel();
    otlp.shutdown().await;
    log.flush();
    Ok(lost)
}

/// Telemetry for a collector, where one is configured.
fn export(settings: &Settings, log: &Log, metrics: &Metrics) -> Result<Otlp, TlsError> {
    let instance = request_id::fresh(Clock::System.now(), fastrand::u128(..));
    let plan = Plan::new(&settings.telemetry.export, &variable, &instance);
    plan.warnings.iter().for_each(|warning| tracing::warn!(warning, "telemetry variable"));
    let otlp = Otlp::start(plan, metrics, || {
        Clock::System.now().timestamp_nanos_opt().and_then(|time| u64::try_from(time).ok()).unwrap_or(0)
    })?;
    otlp.logs.iter().for_each(|queue| log.export_to(queue.clone()));
    Ok(otlp)
}

#[expect(
    clippy::disallowed_methods,
    reason = "OTEL_* variables are an interface of their own, which every program with OpenTelemetry reads by itself"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// How long a key of a rate limit may outlive its use, and figures their target.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Forgets keys of rate limits that are not in use any more, on a blocking thread: a full map takes its time. And what is
/// counted of targets that are gone.
async fn sweep(carried: Arc<Carried>, gateway: Arc<Gateway>) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut swept = gateway.live.load().number;
    loop {
        ticks.tick().await;
        let (carried, gateway) = (carried.clone(), gateway.clone());
        // A panic in there is on standard error; the next round tries again.
        let done = tokio::task::spawn_blocking(move || {
            carried.limits.sweep();
            let generation = gateway.live.load();
            if generation.number == swept || forget_figures(&generation.value.table, &gateway.history) {
                generation.number
            } else {
                swept
            }
        });
        swept = done.await.unwrap_or(swept);
    }
}

/// `false`: an earlier generation still counts some, so that it has to be done again.
fn forget_figures(table: &RouteTable, history: &History) -> bool {
    let targets = |route: &Arc<Route>| {
        let route = route.clone();
        (0..route.targets.len()).filter_map(move |at| Some((route.name.clone(), route.targets.get(at)?.name.clone())))
    };
    let known: HashSet<(CompactString, CompactString)> = table.routes.iter().flat_map(targets).collect();
    history.retain_figures(|route, target| known.contains(&(route.into(), target.into())))
}

/// Settings that a reload changes, a word about those that it does not, and what reloads count.
fn follow_reloads(
    reloader: Reloader<Configuration>,
    at_start: Settings,
    log: Log,
    metrics: Metrics,
) -> Reloader<Configuration> {
    let handle = reloader.handle();
    reloader.counted_by(move |outcome| {
        count_loads(&metrics, &handle.status());
        let ReloadOutcome::Applied { .. } = outcome else { return };
        let generation = handle.live().load();
        let settings = &generation.value.settings;
        log.set_level(settings.log.level.into());
        at_start.renew_certificates(settings);
        if !settings.needs_no_restart_after(&at_start) {
            tracing::warn!(
                "listeners, limits, the export of telemetry and the format of the log change only by a restart"
            );
        }
    })
}

/// The load that `status` tells of.
fn count_loads(metrics: &Metrics, status: &Status) {
    let process = metrics.process();
    process.reloads.with(status.last.name(), |count| count.add(1));
    process.generation.set(i64::try_from(status.generation).unwrap_or(i64::MAX));
    if status.last.is_good() {
        process.last_success.set(status.last_at.timestamp());
    }
}

/// What is counted elsewhere, and read when somebody asks.
fn read_gauges(metrics: &Metrics, gateway: &Arc<Gateway>, log: &Log) {
    let (counted, live, admission, log) =
        (metrics.clone(), gateway.live.clone(), gateway.admission.clone(), log.clone());
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    metrics.before_collecting(move || {
        live.load().value.meters.read();
        let process = counted.process();
        process.in_flight.set(number(admission.events()));
        process.in_flight_bytes.set(number(admission.bytes()));
        process.log_dropped.raise_to(log.dropped_so_far());
    });
}

/// What the command line says counts more than hookswitch.yaml.
fn apply(options: &Options, settings: &mut Settings) {
    if let Some(address) = options.listen {
        settings.listen.truncate(1);
        settings.listen.iter_mut().for_each(|first| first.address = address);
    }
    if let Some(address) = options.admin {
        settings.admin.listen = address;
    }
}

fn parts(
    options: &Options,
    settings: &Settings,
    log: &Log,
    metrics: &Metrics,
    live: &Live<Configuration>,
) -> Result<Parts, ClientError> {
    let most = |events: u32, bytes: u64| {
        let events = usize::try_from(events).unwrap_or(usize::MAX);
        Admission::new(events, usize::try_from(bytes).unwrap_or(usize::MAX))
    };
    let limits = &settings.limits;
    let client = Client::new()?;
    Ok(Parts {
        keys: Box::new(FetchedKeys::new(Outside { client: client.clone(), live: live.clone() })),
        outgoing: if options.dry_run { Outgoing::Withheld } else { Outgoing::Live(client) },
        trust: Trust::Verify,
        counting: Counting::On,
        admission: most(limits.in_flight, limits.in_flight_bytes),
        accepted: most(limits.accepted, limits.accepted_bytes),
        body_timeout: settings.limits.body_timeout,
        clock: Clock::System,
        log: Some(log.clone()),
        metrics: metrics.clone(),
    })
}

struct Listeners {
    webhooks: Vec<Bound>,
    admin: Bound,
}

async fn bind(settings: &Settings) -> Result<Listeners, BindError> {
    let mut webhooks = Vec::with_capacity(settings.listen.len());
    for listen in &settings.listen {
        let mut bound = listener::bind("webhooks", &listen.address.to_string()).await?;
        bound.listener.public_url.clone_from(&listen.public_url);
        bound.listener.tls = listen.tls.as_ref().and_then(|tls| tls.live.clone());
        bound.listener.proxy_protocol = listen.proxy_protocol.then(|| settings.trusted_proxies.clone());
        webhooks.push(bound);
    }
    let admin = listener::bind("admin", &settings.admin.listen.to_string()).await?;
    Ok(Listeners { webhooks, admin })
}

/// More warnings than this are only counted in the log.
const WARNINGS_LOGGED: usize = 20;

/// Warnings of the first load; those of later ones, and all of them, are on `/config`.
fn warn_of(status: &Status) {
    for warning in status.warnings.iter().take(WARNINGS_LOGGED) {
        let place = format!("{}:{}:{}", warning.file, warning.line, warning.column);
        tracing::warn!(code = warning.code, place, warning = %warning.message, "configuration warning");
    }
    let others = status.warnings.len().saturating_sub(WARNINGS_LOGGED);
    if others > 0 {
        tracing::warn!(others, "further configuration warnings, see /config");
    }
}

async fn serve(
    bound: Listeners,
    settings: &Settings,
    gateway: &Arc<Gateway>,
    log: &Log,
    mut signals: Signals,
    handle: Handle<Configuration>,
) -> Result<usize, StartError> {
    for listener in bound.webhooks.iter().chain([&bound.admin]) {
        log.listening(listener.listener.name, listener.listener.address);
    }
    let limits = listener::Limits {
        connections: usize::try_from(settings.limits.connections).unwrap_or(usize::MAX),
        header_timeout: settings.limits.header_timeout,
        ..listener::Limits::default()
    };
    let answering = gateway.clone();
    let webhooks = listener::serve(bound.webhooks, limits, move |request: Request<Incoming>, peer: Peer| {
        answer(answering.clone(), request, peer)
    });
    let view = ProcessView::new(gateway.clone(), handle);
    let admin = Admin::new(view, bound.admin.listener.address.ip(), settings.admin.token.as_ref())?;
    let admin = listener::serve(vec![bound.admin], listener::Limits::default(), admin);
    log.ready();
    signals.stop().await;
    let shutdown = gateway.live.load().value.settings.shutdown.clone();
    let lost = drain(webhooks, gateway, &shutdown, &second_stop(signals)).await;
    drop(admin);
    tracing::info!(lost, "stopped");
    Ok(lost)
}

async fn answer(gateway: Arc<Gateway>, request: Request<Incoming>, peer: Peer) -> Answer {
    let (head, body) = request.into_parts();
    let Peer { address, listener } = peer;
    let method = head.method.clone();
    let inbound = Inbound { peer: address.ip(), scheme: listener.scheme(), public_url: listener.public_url.clone() };
    let generation = gateway.live.load();
    let trusted = &generation.value.settings.trusted_proxies;
    match Arrival::new(head, inbound, trusted, gateway.clock, Some(gateway.tracer.sampler())) {
        Ok(arrival) => pipeline::handle(gateway, generation, arrival, body).await,
        Err((id, error)) => {
            tracing::info!(request_id = &*id, client_ip = %address.ip(), %error, "request refused");
            let rejection = Rejection::Malformed { detail: error.to_string() };
            let rejection = if gateway.is_draining() { rejection.while_draining() } else { rejection };
            meters::count_unusable(&gateway.metrics, &method, rejection.status().as_u16());
            rejection.into_answer(&id)
        }
    }
}

/// A second SIGTERM or SIGINT fires the token: now.
fn second_stop(mut signals: Signals) -> CancellationToken {
    let at_once = CancellationToken::new();
    let token = at_once.clone();
    tokio::spawn(async move {
        signals.stop().await;
        token.cancel();
    });
    at_once
}

/// Lets begun work end within one grace for all of it. Gives how much was lost.
async fn drain(webhooks: Server, gateway: &Gateway, shutdown: &Shutdown, at_once: &CancellationToken) -> usize {
    let Shutdown { delay, grace } = *shutdown;
    let until = Instant::now() + delay + grace;
    tracing::info!(delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), "draining");
    gateway.drain();
    gateway.work.close();
    let mut given_up = None;
    let give_up = || {
        gateway.give_up();
        given_up = Some(Instant::now());
    };
    webhooks.stop(delay, grace, at_once, give_up).await;
    let finished = tokio::time::timeout_at(until, gateway.work.wait());
    if !matches!(at_once.run_until_cancelled(finished).await, Some(Ok(()))) {
        gateway.give_up();
        // What was cut off is written to its dead letter, and each says in the log what became of it.
        let last = given_up.unwrap_or_else(Instant::now) + listener::LAST_ANSWERS;
        let written = tokio::time::timeout_at(last, gateway.work.wait());
        if matches!(at_once.run_until_cancelled(written).await, Some(Err(_))) {
            gateway.last_word.cancel();
        }
        let _ = tokio::time::timeout(LAST_LINES, gateway.work.wait()).await;
    }
    gateway.lost()
}

/// How long work that was cut off may take to say so.
const LAST_LINES: Duration = Duration::from_millis(500);
