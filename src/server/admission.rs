//! How much the process takes on at once: events, and the bytes of their bodies.
//!
//! Two counters, no lock and no queue: what does not fit is refused at once (503), because a sender that retries is a
//! better queue than memory. Rate limits are something else and live elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what is in flight against two bounds.
#[derive(Debug)]
pub struct Admission {
    events: AtomicUsize,
    bytes: AtomicUsize,
    max_events: usize,
    max_bytes: usize,
}

impl Admission {
    /// `max_events` at once, with bodies of `max_bytes` together.
    pub fn new(max_events: usize, max_bytes: usize) -> Arc<Admission> {
        Arc::new(Admission { events: AtomicUsize::new(0), bytes: AtomicUsize::new(0), max_events, max_bytes })
    }

    /// A place for one event, without bytes yet; `None` when all are taken.
    pub fn enter(self: &Arc<Self>) -> Option<Permit> {
        take(&self.events, 1, self.max_events).then(|| Permit { admission: Arc::clone(self), bytes: 0 })
    }

    /// Events in flight now.
    pub fn events(&self) -> usize {
        self.events.load(Ordering::Relaxed)
    }

    /// Bytes in flight now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Adds `more` unless the sum would pass `max`. A plain add and undo would refuse others in between for no reason.
fn take(counter: &AtomicUsize, more: usize, max: usize) -> bool {
    let add = |now: usize| now.checked_add(more).filter(|sum| *sum <= max);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
}

/// The place of one event; given back, with its bytes, when dropped.
#[derive(Debug)]
#[must_use = "the place is given back when the permit is dropped"]
pub struct Permit {
    admission: Arc<Admission>,
    bytes: usize,
}

impl Permit {
    /// Accounts for `more` bytes of this event. `false`: they do not fit, and nothing was taken.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let fits = take(&self.admission.bytes, more, self.admission.max_bytes);
        if fits {
            self.bytes += more;
        }
        fits
    }

    /// Whether `more` bytes would fit now. A hint to refuse early; only [`grow`](Permit::grow) takes them.
    pub fn has_room(&self, more: usize) -> bool {
        self.admission.bytes().checked_add(more).is_some_and(|sum| sum <= self.admission.max_bytes)
    }

    /// Bytes that this event holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.admission.events.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_over_the_bound_are_refused_until_one_is_done() {
        let admission = Admission::new(2, 100);
        let first = admission.enter().unwrap();
        let _second = admission.enter().unwrap();
        assert!(admission.enter().is_none());
        drop(first);
        assert!(admission.enter().is_some());
    }

    #[test]
    fn bytes_over_the_bound_are_refused_and_nothing_is_taken() {
        let admission = Admission::new(10, 100);
        let mut first = admission.enter().unwrap();
        let mut second = admission.enter().unwrap();
        assert!(first.has_room(100) && !first.has_room(101) && !first.has_room(usize::MAX));
        assert!(first.grow(60));
        assert!(!second.grow(41));
        assert!(second.grow(40));
        assert!(!second.grow(usize::MAX));
        assert_eq!((first.bytes(), second.bytes(), admission.bytes()), (60, 40, 100));
        drop(first);
        assert_eq!((admission.events(), admission.bytes()), (1, 40));
        drop(second);
        assert_eq!((admission.events(), admission.bytes()), (0, 0));
    }

    #[test]
    fn many_threads_never_pass_the_bound() {
        let admission = Admission::new(8, 8_000);
        let work = || {
            for _ in 0..2_000 {
                if let Some(mut permit) = admission.enter() {
                    let _ = permit.grow(1_000);
                    assert!(admission.events() <= 8 && admission.bytes() <= 8_000);
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
        assert_eq!((admission.events(), admission.bytes()), (0, 0));
    }
}
