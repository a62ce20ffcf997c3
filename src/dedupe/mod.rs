//! Repeats: what is remembered of events, so that one that comes again is not delivered again.
//!
//! One [`Memory`] per route, bounded by entries and bytes. It says of an id whether it is new, still being worked on, or
//! done, and whoever gets the work gets a [`Turn`] that cannot be lost: dropped unended, it gives the id back. What
//! identifies an event is [`crate::route`]'s, what is kept of it and what a repeat is answered is the server's. Nothing
//! here reads a clock.

mod id;
mod memory;
#[cfg(test)]
mod tests;

pub use memory::{Begun, Bounds, Fate, Memory, Turn, Waiting};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// What an event turned out to be for one route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// Seen for the first time within the window.
    First,
    /// An equal one was still in flight; it was waited for.
    Joined,
    /// It had succeeded within the window.
    Duplicate,
    /// It had failed in part, and ran again for the rest.
    Resumed,
    /// The key was absent or empty: it counts as an event of its own.
    NoKey,
}

impl Repeat {
    /// A stable name for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Repeat::First => "first",
            Repeat::Joined => "joined",
            Repeat::Duplicate => "duplicate",
            Repeat::Resumed => "resumed",
            Repeat::NoKey => "no key",
        }
    }
}

/// The memories of all routes, by the route's name: a reload does not touch them.
pub struct Memories<T> {
    by_route: Mutex<HashMap<Arc<str>, Arc<Memory<T>>>>,
    bounds: Bounds,
}

impl<T> Memories<T> {
    /// Each memory has `bounds` of its own, so that a busy route makes no other forget.
    pub fn new(bounds: Bounds) -> Memories<T> {
        Memories { by_route: Mutex::default(), bounds }
    }

    /// The memory of a route, empty where it has none yet. Memories of routes that are gone end when a new one begins
    /// and nothing in them counts any longer.
    pub fn of(&self, route: &str, now: Instant) -> Arc<Memory<T>> {
        let mut by_route = self.by_route.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(memory) = by_route.get(route) {
            return memory.clone();
        }
        // One that is also held elsewhere is about to be used.
        by_route.retain(|_, memory| Arc::strong_count(memory) > 1 || !memory.is_empty(now));
        let memory = Memory::new(self.bounds);
        by_route.insert(route.into(), memory.clone());
        memory
    }
}

impl<T> Default for Memories<T> {
    fn default() -> Memories<T> {
        Memories::new(Bounds::default())
    }
}
