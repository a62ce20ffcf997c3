//! What happened of late: the last events and deliveries, and figures of every target, for whoever looks at the admin
//! listener.
//!
//! All of it is in memory and bounded, by entries and by bytes. It outlives reloads and not the process: logs and traces
//! are what lasts. What is remembered here is handed in whole by the server; this module knows neither routes nor targets
//! but by their names.

mod entry;
mod ring;
mod statistics;

pub use entry::{Asked, AttemptEntry, DeliveryEntry, EventEntry, Label, SkippedTarget, WaitEntry};
pub use ring::{Bounded, News, Remembered, Ring, Since};
pub use statistics::{Figures, MINUTES, Tally};

use chrono::{DateTime, Utc};
use statistics::Statistics;
use std::sync::Arc;

/// Entries of each kind that are kept.
pub const KEPT_MAX: usize = 1_000;

/// Bytes that the entries of each kind may take together: labels and reasons are as long as senders make them.
const BYTES_MAX: usize = 4 << 20;

/// The memory of one process.
pub struct History {
    /// Tells the numbers of this process from those of another one.
    epoch: String,
    pub events: Ring<EventEntry>,
    pub deliveries: Ring<DeliveryEntry>,
    statistics: Statistics,
}

impl History {
    /// `began` is when the process did.
    pub fn new(began: DateTime<Utc>) -> History {
        History {
            epoch: format!("{:x}", began.timestamp_millis()),
            events: Ring::new(KEPT_MAX, BYTES_MAX),
            deliveries: Ring::new(KEPT_MAX, BYTES_MAX),
            statistics: Statistics::default(),
        }
    }

    pub fn event(&self, entry: EventEntry) {
        self.events.push(entry);
    }

    pub fn delivery(&self, entry: DeliveryEntry) {
        self.delivery_to(&self.tally(&entry.route, &entry.target, entry.time), entry);
    }

    /// As [`delivery`](History::delivery), where the tally of its target is at hand.
    pub fn delivery_to(&self, tally: &Tally, entry: DeliveryEntry) {
        tally.note(&entry);
        self.deliveries.push(entry);
    }

    /// Where deliveries to a target are counted, for as long as it is known.
    pub fn tally(&self, route: &str, target: &str, now: DateTime<Utc>) -> Arc<Tally> {
        self.statistics.tally(route, target, now)
    }

    /// Of a target, as of `now`; `None` where nothing was sent there yet.
    pub fn figures(&self, route: &str, target: &str, now: DateTime<Utc>) -> Option<Figures> {
        self.statistics.figures(route, target, now)
    }

    /// Forgets the figures of targets that are not `known` any more. `false`: somebody still has a [`Tally`] of one of them, which
    /// stays until that is over.
    pub fn retain_figures(&self, known: impl Fn(&str, &str) -> bool) -> bool {
        self.statistics.retain(known)
    }

    /// How entry number `number` is called outside.
    pub fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// The number behind an id. One of another process says nothing about this one: everything here came after it.
    pub fn number(&self, id: &str) -> Option<u64> {
        let (epoch, number) = id.split_once('-')?;
        let number = number.parse().ok()?;
        Some(if epoch == self.epoch { number } else { 0 })
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
