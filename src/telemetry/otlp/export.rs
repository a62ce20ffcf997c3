//! The task that carries records of one signal to a collector.
//!
//! Nobody waits for it. A collector that is away costs the records that do not fit into the queue meanwhile, one log line
//! when it begins and one when it is over.

use super::Signal;
use super::envelope::Envelope;
use super::queue::{Batch, Queue};
use super::transport::{SendError, Transport};
use crate::telemetry::metrics::Metrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Sends, and tries again what may pass.
pub struct Exporter {
    pub signal: Signal,
    pub transport: Transport,
    pub metrics: Metrics,
    pub stop: CancellationToken,
    failing: bool,
}

const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Exporter {
    pub fn new(signal: Signal, transport: Transport, metrics: &Metrics, stop: &CancellationToken) -> Exporter {
        Exporter { signal, transport, metrics: metrics.clone(), stop: stop.clone(), failing: false }
    }

    /// Carries what waits in `queue`, every `delay` and whenever a batch is full; at the end everything that is left.
    pub async fn carry(mut self, queue: Arc<Queue>, envelope: Envelope, delay: Duration) {
        loop {
            tokio::select! {
                biased;
                () = queue.filled() => {}
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(delay) => {}
            }
            let stopping = self.stop.is_cancelled();
            while let Some(Batch { chunks, records }) = queue.take() {
                if let Err(lost) = self.deliver(&envelope.around(&chunks), records as u64).await {
                    queue.drop_records(lost);
                }
            }
            if stopping {
                return;
            }
        }
    }

    /// Reads and sends all metrics every `interval`, and a last time at the end.
    pub async fn read_metrics(mut self, envelope: Envelope, interval: Duration, began: u64, now: fn() -> u64) {
        let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.stop.cancelled() => {}
            }
            let stopping = self.stop.is_cancelled();
            let (points, written) = super::metrics::write(&self.metrics.collect(), began, now());
            if let Err(lost) = self.deliver(&envelope.around(&[written]), points).await {
                self.metrics.process().telemetry_dropped.with(self.signal.name(), |count| count.add(lost));
            }
            if stopping {
                return;
            }
        }
    }

    /// Gives how many records are lost.
    async fn deliver(&mut self, message: &[u8], records: u64) -> Result<(), u64> {
        let result = self.try_often(message).await;
        let (signal, count) = (self.signal.name(), &self.metrics.process().telemetry_exported);
        match result {
            Ok(rejected) => {
                count.with(signal, |count| count.add(records.saturating_sub(rejected)));
                if std::mem::take(&mut self.failing) {
                    tracing::info!(signal, "telemetry is exported again");
                }
                if rejected == 0 { Ok(()) } else { Err(rejected) }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(signal, %error, "telemetry cannot be exported, it is dropped until it can");
                }
                Err(records)
            }
        }
    }

    async fn try_often(&self, message: &[u8]) -> Result<u64, SendError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            let error = match self.transport.send(message).await {
                Ok(rejected) => return Ok(rejected),
                Err(error) => error,
            };
            // At the end there is no time to wait for better times; and one that has been away for a while is asked once.
            if !error.is_passing() || self.stop.is_cancelled() || self.failing {
                return Err(error);
            }
            let asked = error.retry_after().unwrap_or(pause).min(LONGEST_PAUSE);
            let jitter = asked.mul_f64(fastrand::f64() * 0.2);
            let _ = self.stop.run_until_cancelled(tokio::time::sleep(asked + jitter)).await;
            pause *= 2;
        }
        self.transport.send(message).await
    }
}
