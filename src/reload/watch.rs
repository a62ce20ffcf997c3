//! Events of the file system, as hints that it is worth a look.
//!
//! No event is believed: which ones come for one and the same change differs by system, and a watch on a file dies with
//! it (a ConfigMap's swap removes what is watched). Only directories are watched, and armed again at every look.

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Notify;

pub(super) struct Watcher {
    /// `None` where the system gives no watch: then only looking finds a change.
    notify: Option<RecommendedWatcher>,
    armed: BTreeSet<PathBuf>,
}

impl Watcher {
    /// Calls on `hint` when something may have changed.
    pub(super) fn new(hint: Arc<Notify>) -> Watcher {
        let on_event = move |event: notify::Result<notify::Event>| {
            // An error may mean that events were lost: that, too, is worth a look.
            if event.map_or(true, |event| may_be_a_change(event.kind)) {
                hint.notify_one();
            }
        };
        let notify = notify::recommended_watcher(on_event)
            .inspect_err(|error| tracing::warn!(%error, "cannot watch the configuration, it is looked at instead"));
        Watcher { notify: notify.ok(), armed: BTreeSet::new() }
    }

    /// No events, no hints.
    pub(super) fn off() -> Watcher {
        Watcher { notify: None, armed: BTreeSet::new() }
    }

    /// Watches exactly `directories`. Those that are watched already are armed again: the directory of that name may be
    /// another one now. What cannot be watched is found by looking.
    pub(super) fn arm(&mut self, directories: BTreeSet<PathBuf>) {
        let Some(notify) = &mut self.notify else { return };
        for gone in self.armed.difference(&directories) {
            let _ = notify.unwatch(gone);
        }
        for directory in &directories {
            let _ = notify.watch(directory, RecursiveMode::NonRecursive);
        }
        self.armed = directories;
    }
}

/// Reading is none, and we do it ourselves at every look: hints about it would never end.
pub(super) fn may_be_a_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
