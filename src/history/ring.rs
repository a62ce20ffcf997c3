//! The last entries of one kind, numbered from 1, and a bell for those who follow them.
//!
//! Whoever follows keeps a number and asks for what came after it: nothing is queued for a reader, so that a slow one
//! costs nothing and holds nobody up. It finds out how much it has missed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// What can be kept within a number of bytes.
pub trait Bounded {
    /// Cuts what may be of any length.
    fn shorten(&mut self);

    /// What it takes in memory, about.
    fn bytes(&self) -> usize;
}

/// An entry and its number.
pub type Remembered<T> = (u64, Arc<T>);

/// The bell, as a future.
pub type News<'a> = Notified<'a>;

pub struct Ring<T> {
    kept: Mutex<Kept<T>>,
    entries_max: usize,
    bytes_max: usize,
    bell: Notify,
}

struct Kept<T> {
    /// Their numbers follow each other, up to `last`.
    entries: VecDeque<(Arc<T>, usize)>,
    bytes: usize,
    last: u64,
}

/// What came after a number.
pub struct Since<T> {
    /// In the order in which they came.
    pub entries: Vec<Remembered<T>>,
    /// How many came and are gone already.
    pub missed: u64,
}

impl<T: Bounded> Ring<T> {
    pub fn new(entries_max: usize, bytes_max: usize) -> Ring<T> {
        let kept = Kept { entries: VecDeque::with_capacity(entries_max), bytes: 0, last: 0 };
        Ring { kept: Mutex::new(kept), entries_max, bytes_max, bell: Notify::new() }
    }

    /// The oldest go where there is no room. Everything that takes time is done outside of the lock.
    pub fn push(&self, mut entry: T) {
        entry.shorten();
        let bytes = entry.bytes();
        let entry = Arc::new(entry);
        let mut gone = None;
        {
            let mut kept = self.kept();
            kept.last += 1;
            kept.bytes += bytes;
            while kept.entries.len() >= self.entries_max || kept.bytes > self.bytes_max {
                let Some((oldest, bytes)) = kept.entries.pop_front() else { break };
                kept.bytes = kept.bytes.saturating_sub(bytes);
                gone = Some(oldest);
            }
            kept.entries.push_back((entry, bytes));
        }
        drop(gone);
        self.bell.notify_waiters();
    }

    /// Newest first, as it is now.
    pub fn newest_first(&self) -> Vec<Remembered<T>> {
        let kept = self.kept();
        let numbers = (1..=kept.last).rev();
        numbers.zip(kept.entries.iter().rev().map(|(entry, _)| entry.clone())).collect()
    }

    pub fn after(&self, number: u64) -> Since<T> {
        let kept = self.kept();
        let gone = kept.last - kept.entries.len() as u64;
        let from = number.clamp(gone, kept.last);
        let skipped = usize::try_from(from - gone).unwrap_or(usize::MAX);
        let entries = kept.entries.iter().skip(skipped).map(|(entry, _)| entry.clone());
        Since { entries: (from + 1..).zip(entries).collect(), missed: gone.saturating_sub(number) }
    }

    /// The number of the newest.
    pub fn last(&self) -> u64 {
        self.kept().last
    }

    /// Resolves at the next [`push`](Ring::push) after it was enabled.
    pub fn news(&self) -> News<'_> {
        self.bell.notified()
    }

    /// What is inside is whole after every line.
    fn kept(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
