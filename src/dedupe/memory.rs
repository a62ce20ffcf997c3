//! The memory of one route.

use super::id::Id;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How much one memory holds. Events in flight do not count: they are bounded by admission, and forgetting one would
/// run it twice.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub entries: usize,
    /// With all that is kept beside the ids. The newest entry stays, whatever its size.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { entries: 100_000, bytes: 32 << 20 }
    }
}

/// What an entry takes besides what is kept with it: the id, twice, and the two maps around it.
pub(super) const ENTRY_BYTES: usize = 256;

/// That entries had to go before their window ended is said at most so often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What one route knows of events it has seen. `T` is what is kept of one.
pub struct Memory<T> {
    state: Mutex<State<T>>,
    bounds: Bounds,
}

struct State<T> {
    entries: HashMap<Id, Entry<T>>,
    /// Ended entries by [`Ended::place`], the oldest first.
    oldest: BTreeMap<u64, Id>,
    next_place: u64,
    /// Of the ended entries.
    bytes: usize,
    /// Of the route's last event: a reload may change it.
    window: Duration,
    /// Entries that had to go before their window ended, since that was said last.
    forgotten: u64,
    told_at: Option<Instant>,
}

enum Entry<T> {
    InFlight(watch::Receiver<Option<Arc<T>>>),
    Ended(Ended<T>),
}

struct Ended<T> {
    kept: Arc<T>,
    succeeded: bool,
    bytes: usize,
    at: Instant,
    place: u64,
}

/// What an id is when it arrives.
pub enum Begun<T> {
    /// Nobody works on it: the caller does.
    Turn(Turn<T>),
    /// Somebody works on it.
    InFlight(Waiting<T>),
    /// It succeeded within the window.
    Succeeded(Arc<T>),
}

/// How an event ended, which decides what is remembered of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A repeat is a duplicate.
    Succeeded,
    /// A repeat runs again, and gets what was kept.
    Partly,
    /// Nothing of it was done: it is forgotten.
    Failed,
}

impl<T> Memory<T> {
    pub fn new(bounds: Bounds) -> Arc<Memory<T>> {
        let state = State {
            entries: HashMap::new(),
            oldest: BTreeMap::new(),
            next_place: 0,
            bytes: 0,
            window: Duration::ZERO,
            forgotten: 0,
            told_at: None,
        };
        Arc::new(Memory { state: Mutex::new(state), bounds })
    }

    /// An event arrives. `window` counts from the end of an earlier one with this key, for all that is remembered.
    pub fn begin(self: &Arc<Self>, key: &str, window: Duration, now: Instant) -> Begun<T> {
        let id = Id::of(key);
        let mut state = self.state();
        state.window = window;
        state.expire(now);
        match state.entries.get(&id) {
            Some(Entry::InFlight(told)) => return Begun::InFlight(Waiting(told.clone())),
            Some(Entry::Ended(ended)) if ended.succeeded && ended.counts(window, now) => {
                return Begun::Succeeded(ended.kept.clone());
            }
            _ => {}
        }
        let before = state.take(&id).filter(|ended| ended.counts(window, now));
        let (tell, told) = watch::channel(None);
        state.entries.insert(id, Entry::InFlight(told));
        drop(state);
        Begun::Turn(Turn { memory: self.clone(), id, before, tell, open: true })
    }

    /// Nothing is in flight, and nothing that is remembered counts any longer.
    pub(super) fn is_empty(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.expire(now);
        state.entries.is_empty()
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        let state = self.state();
        (state.entries.len(), state.bytes)
    }

    /// Nothing in here panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Ended<T> {
    fn counts(&self, window: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < window
    }
}

impl<T> State<T> {
    /// Takes an ended entry out.
    fn take(&mut self, id: &Id) -> Option<Ended<T>> {
        let Some(Entry::Ended(ended)) = self.entries.remove(id) else { return None };
        self.oldest.remove(&ended.place);
        self.bytes = self.bytes.saturating_sub(ended.bytes);
        Some(ended)
    }

    /// Puts an ended entry in, as the newest.
    fn keep(&mut self, id: Id, mut ended: Ended<T>) {
        ended.place = self.next_place;
        self.next_place += 1;
        self.bytes = self.bytes.saturating_add(ended.bytes);
        self.oldest.insert(ended.place, id);
        self.entries.insert(id, Entry::Ended(ended));
    }

    fn expire(&mut self, now: Instant) {
        while let Some(id) = self.oldest.first_key_value().map(|(_, id)| *id) {
            match self.entries.get(&id) {
                Some(Entry::Ended(ended)) if ended.counts(self.window, now) => return,
                _ => drop(self.take(&id)),
            }
        }
    }

    /// Lets the oldest go until the rest fits. Gives how many went since that was said last, once in a while.
    fn shrink(&mut self, bounds: Bounds, now: Instant) -> Option<u64> {
        while self.oldest.len() > bounds.entries || (self.bytes > bounds.bytes && self.oldest.len() > 1) {
            let Some(id) = self.oldest.first_key_value().map(|(_, id)| *id) else { break };
            self.take(&id);
            self.forgotten += 1;
        }
        let said_lately = self.told_at.is_some_and(|at| now.saturating_duration_since(at) < TELL_EVERY);
        if self.forgotten == 0 || said_lately {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.forgotten))
    }
}

/// The work on one event. Dropped unended (a panic, a task that was stopped), it leaves the memory as it was before, and
/// whoever waits for it begins anew.
pub struct Turn<T> {
    memory: Arc<Memory<T>>,
    id: Id,
    before: Option<Ended<T>>,
    tell: watch::Sender<Option<Arc<T>>>,
    open: bool,
}

impl<T> Turn<T> {
    /// What was kept of an earlier try that succeeded in part.
    pub fn before(&self) -> Option<&T> {
        self.before.as_ref().map(|ended| &*ended.kept)
    }

    /// The event has ended: those who wait get `kept`, and later repeats as its fate says. `bytes` is what `kept` takes.
    ///
    /// Gives how many entries had to go before their window ended, once in a while.
    pub fn end(mut self, fate: Fate, kept: T, bytes: usize, now: Instant) -> Option<u64> {
        let kept = Arc::new(kept);
        self.open = false;
        let mut state = self.memory.state();
        state.entries.remove(&self.id);
        if fate != Fate::Failed {
            let succeeded = fate == Fate::Succeeded;
            let bytes = bytes.saturating_add(ENTRY_BYTES);
            state.keep(self.id, Ended { kept: kept.clone(), succeeded, bytes, at: now, place: 0 });
        }
        let forgotten = state.shrink(self.memory.bounds, now);
        drop(state);
        self.tell.send_replace(Some(kept));
        forgotten
    }
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        // Before `tell` is dropped, which wakes those who wait.
        let mut state = self.memory.state();
        state.entries.remove(&self.id);
        if let Some(before) = self.before.take() {
            state.keep(self.id, before);
        }
    }
}

/// A place among those who wait for an event in flight.
pub struct Waiting<T>(watch::Receiver<Option<Arc<T>>>);

impl<T> Waiting<T> {
    /// What it came to; `None` where it was given up, and the id may be begun again.
    pub async fn ended(mut self) -> Option<Arc<T>> {
        let told = self.0.wait_for(Option::is_some).await.ok()?;
        told.clone()
    }
}
