//! One generation of the configuration after another: noticing a change, building it beside the running one, and putting
//! it in place only when nothing can fail any more.
//!
//! What a configuration is, and how it is loaded, is not known here: a [`Load`] function says so. Triggers are a change
//! on disk (an event is only a hint, looking every [`Timing::poll`] is what counts), SIGHUP, and [`Handle::reload`].

mod inputs;
mod known;
mod reloader;
mod watch;

pub use inputs::{Digest, Inputs};
pub use reloader::{Handle, Reloader};

use crate::clock::Clock;
use crate::diagnostic::Diagnostic;
use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What one try to load came to.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The whole configuration, compiled; or every reason why not.
    pub value: Result<T, Vec<Diagnostic>>,
    /// What does not keep it from running.
    pub warnings: Vec<Diagnostic>,
    /// Every file that was read or tried outside of the watched [`Inputs`]: secrets, payload schemas. Also of a try that
    /// failed, so that a secret that is not there yet is seen when it comes.
    pub files: Vec<PathBuf>,
}

/// Reads everything again and builds it. Runs on a blocking thread, never twice at the same time.
pub type Load<T> = dyn Fn() -> Loaded<T> + Send + Sync;

/// One configuration that runs or has run.
#[derive(Debug)]
pub struct Generation<T> {
    /// From 1, in this process.
    pub number: u64,
    /// Of everything it was read from.
    pub digest: Digest,
    pub loaded_at: DateTime<Utc>,
    pub warnings: Vec<Diagnostic>,
    pub value: T,
}

/// The generation that runs. A request loads it once and keeps to it.
#[derive(Debug)]
pub struct Live<T>(Arc<ArcSwap<Generation<T>>>);

impl<T> Clone for Live<T> {
    fn clone(&self) -> Live<T> {
        Live(Arc::clone(&self.0))
    }
}

impl<T> Live<T> {
    /// One that nothing replaces: for running a configuration offline.
    pub fn fixed(value: T, clock: Clock) -> Live<T> {
        let digest = Inputs::default().digest();
        Live::new(Generation { number: 1, digest, loaded_at: clock.now(), warnings: Vec::new(), value })
    }

    fn new(first: Generation<T>) -> Live<T> {
        Live(Arc::new(ArcSwap::from_pointee(first)))
    }

    /// Without a lock; the generation lives as long as somebody holds it.
    pub fn load(&self) -> Arc<Generation<T>> {
        self.0.load_full()
    }

    fn publish(&self, next: Generation<T>) {
        self.0.store(Arc::new(next));
    }
}

/// What became of a reload. Each is returned to who asked, logged and counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ReloadOutcome {
    /// A new generation runs.
    Applied { generation: u64 },
    /// Everything reads as it did.
    Unchanged { generation: u64 },
    /// There are errors: `generation` goes on.
    Rejected { generation: u64, diagnostics: Arc<[Diagnostic]> },
    /// The files went on changing while they were read: `generation` goes on, and it is tried again.
    Unsettled { generation: u64 },
    /// Loading panicked, which is a bug: `generation` goes on.
    Crashed { generation: u64 },
}

impl ReloadOutcome {
    /// For metrics: `applied`, `unchanged`, `rejected`, `unsettled` or `crashed`.
    pub fn name(&self) -> &'static str {
        match self {
            ReloadOutcome::Applied { .. } => "applied",
            ReloadOutcome::Unchanged { .. } => "unchanged",
            ReloadOutcome::Rejected { .. } => "rejected",
            ReloadOutcome::Unsettled { .. } => "unsettled",
            ReloadOutcome::Crashed { .. } => "crashed",
        }
    }

    /// The generation that runs now.
    pub fn generation(&self) -> u64 {
        match self {
            ReloadOutcome::Applied { generation }
            | ReloadOutcome::Unchanged { generation }
            | ReloadOutcome::Rejected { generation, .. }
            | ReloadOutcome::Unsettled { generation }
            | ReloadOutcome::Crashed { generation } => *generation,
        }
    }

    /// Whether the files and what runs are the same now.
    pub fn is_good(&self) -> bool {
        matches!(self, ReloadOutcome::Applied { .. } | ReloadOutcome::Unchanged { .. })
    }
}

/// What runs, and what the last reload came to: for `/config` and for whoever waits for a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub generation: u64,
    pub digest: Digest,
    #[serde(serialize_with = "rfc3339")]
    pub loaded_at: DateTime<Utc>,
    /// Of the generation that runs.
    pub warnings: Vec<Diagnostic>,
    /// The last reload that was asked for or found something new; at the start, the first load.
    pub last: ReloadOutcome,
    #[serde(serialize_with = "rfc3339")]
    pub last_at: DateTime<Utc>,
}

fn rfc3339<S: serde::Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

/// How often and how patiently is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A change counts when nothing else has changed for so long: a file that is being written is not read.
    pub settle: Duration,
    /// Without any hint the files are looked at this often; a load that failed is tried again as often.
    pub poll: Duration,
}

impl Default for Timing {
    /// A change is seen within 2 s even where no event tells of it, and is live within one where one does.
    fn default() -> Timing {
        Timing { settle: Duration::from_millis(100), poll: Duration::from_millis(1500) }
    }
}

#[cfg(test)]
mod tests;
