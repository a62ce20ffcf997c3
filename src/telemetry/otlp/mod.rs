//! Traces, metrics and logs sent to a collector: OTLP over HTTP/protobuf and gRPC.
//!
//! Records are written in the form in which they are sent where they arise, put into a bounded [`queue`], and carried by a
//! task for each signal ([`export`]). The SDK of OpenTelemetry is not used: it keeps metrics of its own beside those that
//! `/metrics` shows, exports from threads that know no reactor, and takes several allocations for each attribute of a
//! span, which is most of what tracing costs.

mod envelope;
mod export;
mod metrics;
mod plan;
mod queue;
mod transport;
pub mod wire;

#[cfg(test)]
mod tests;

pub use plan::{Plan, Written, is_endpoint};
pub use queue::Queue;
pub use transport::{Protocol, TlsError};

use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Tracer;
use envelope::Envelope;
use export::Exporter;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use transport::Transport;

/// A kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub const ALL: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    pub fn name(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        }
    }
}

/// What is being exported.
pub struct Otlp {
    pub tracer: Tracer,
    /// Where log lines go besides standard output.
    pub logs: Option<Arc<Queue>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// How long the end of the process waits for a collector.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Otlp {
    /// Exports what `plan` says from now on. Must be called inside a runtime. `now`: nanoseconds since 1970.
    ///
    /// # Errors
    /// The files for TLS are unusable.
    pub fn start(plan: Plan, metrics: &Metrics, now: fn() -> u64) -> Result<Otlp, TlsError> {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let envelope = Envelope::new(&plan.resource);
        let exporter = |signal: Signal, destination| {
            let process = metrics.process();
            // From zero on, so that the first one is seen as an increase.
            process.telemetry_dropped.with(signal.name(), |_| {});
            process.telemetry_exported.with(signal.name(), |_| {});
            Ok::<Exporter, TlsError>(Exporter::new(signal, Transport::new(destination)?, metrics, &stop))
        };
        let carried = |signal: Signal, destination, batching: plan::Batching| {
            let counted = metrics.clone();
            let dropped =
                move |records| counted.process().telemetry_dropped.with(signal.name(), |count| count.add(records));
            let queue = Arc::new(Queue::new(batching.bounds, dropped));
            tasks.spawn(exporter(signal, destination)?.carry(queue.clone(), envelope.clone(), batching.delay));
            Ok::<Arc<Queue>, TlsError>(queue)
        };
        let spans = plan.traces.map(|destination| carried(Signal::Traces, destination, plan.spans)).transpose()?;
        let logs = plan.logs.map(|destination| carried(Signal::Logs, destination, plan.records)).transpose()?;
        if let Some(destination) = plan.metrics {
            let exporter = exporter(Signal::Metrics, destination)?;
            tasks.spawn(exporter.read_metrics(envelope, plan.metric_interval, now(), now));
        }
        tasks.close();
        Ok(Otlp { tracer: Tracer::new(plan.sampler, spans), logs, stop, tasks })
    }

    /// Sends what is left, as far as that is possible within a bound.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if tokio::time::timeout(LAST_WORDS, self.tasks.wait()).await.is_err() {
            tracing::warn!("the collector did not take the last telemetry in time");
        }
    }
}
