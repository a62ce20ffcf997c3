//! How many deliveries may wait for one target.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Deliveries that wait for one target. A fifth of the events that are worked on at once by default: a slow target must not
/// take the places of all others. What does not fit fails at once, and its sender hears 503.
const MOST: usize = 1000;

/// Places to wait in.
pub(super) struct Places {
    taken: AtomicUsize,
    most: usize,
}

impl Places {
    pub(super) const fn new() -> Places {
        Places::bounded(MOST)
    }

    pub(super) const fn bounded(most: usize) -> Places {
        Places { taken: AtomicUsize::new(0), most }
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// `None`: all are taken.
    pub(super) fn take(&self) -> Option<Place<'_>> {
        let one_more = |taken: usize| (taken < self.most).then_some(taken + 1);
        let before = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Place { places: self, before })
    }
}

/// One that waits; no longer when it is dropped.
pub(super) struct Place<'p> {
    places: &'p Places,
    /// How many waited already.
    pub(super) before: usize,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
