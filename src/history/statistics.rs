//! Figures of every target since the process began, and of the last hour by the minute.

use super::entry::DeliveryEntry;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::mem::offset_of;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Of the last hour.
pub const MINUTES: usize = 60;

const KEPT: i32 = MINUTES as i32;

/// What became of the deliveries to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Deliveries of which at least one attempt was made.
    pub sent: u64,
    pub succeeded: u64,
    /// Also those that could not be built, and of which no attempt was made.
    pub failed: u64,
    pub last_sent: Option<DateTime<Utc>>,
    pub last_failure: Option<DateTime<Utc>>,
    /// By the minute, oldest first; the last is the one that runs.
    pub minutes: [Minute; MINUTES],
}

/// Deliveries that ended within one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Minute {
    pub succeeded: u32,
    pub failed: u32,
}

/// By route, then by target. There are as many as configurations had targets, and a reload forgets those that are gone.
#[derive(Default)]
pub struct Statistics(Mutex<HashMap<Box<str>, Targets>>);

/// Of one route: a handful, which is quicker to go through than to hash, and no larger than it has to be.
type Targets = Vec<(Box<str>, Arc<Tally>)>;

/// What the deliveries to one target have come to: looked up once by whoever counts often.
pub struct Tally(Mutex<Counts>);

/// In this order, so that a delivery that succeeds touches one line of the cache.
#[repr(C)]
struct Counts {
    sent: u64,
    succeeded: u64,
    last_sent: Option<DateTime<Utc>>,
    /// The newest minute, counted since 1970.
    newest: i32,
    /// What ended within it.
    running: Minute,
    last_failure: Option<DateTime<Utc>>,
    failed: u64,
    /// Those before it, each at its number modulo [`MINUTES`].
    minutes: [Minute; MINUTES],
}

// With the counts of the `Arc`, and the lock.
const _: () = assert!(3 * size_of::<usize>() + offset_of!(Counts, last_failure) <= 64);

impl Statistics {
    /// Of a target, from zero on where it has none yet.
    pub fn tally(&self, route: &str, target: &str, now: DateTime<Utc>) -> Arc<Tally> {
        let mut all = self.all();
        if let Some(tally) = all.get(route).and_then(|targets| tally_of(targets, target)) {
            return tally.clone();
        }
        let tally = Arc::new(Tally(Mutex::new(Counts::new(now))));
        let targets = all.entry(route.into()).or_default();
        targets.reserve_exact(1);
        targets.push((target.into(), tally.clone()));
        tally
    }

    pub fn figures(&self, route: &str, target: &str, now: DateTime<Utc>) -> Option<Figures> {
        let all = self.all();
        let tally = tally_of(all.get(route)?, target)?;
        Some(tally.counts().figures(now))
    }

    /// As [`super::History::retain_figures`].
    pub fn retain(&self, known: impl Fn(&str, &str) -> bool) -> bool {
        let mut all_gone = true;
        self.all().retain(|route, targets| {
            targets.retain(|(target, tally)| {
                let is_known = known(route, target);
                let is_held = Arc::strong_count(tally) > 1;
                all_gone &= is_known || !is_held;
                is_known || is_held
            });
            !targets.is_empty()
        });
        all_gone
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Box<str>, Targets>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tally_of<'t>(targets: &'t Targets, target: &str) -> Option<&'t Arc<Tally>> {
    targets.iter().find(|(known, _)| **known == *target).map(|(_, tally)| tally)
}

impl Tally {
    pub(super) fn note(&self, entry: &DeliveryEntry) {
        self.counts().note(entry);
    }

    /// Numbers are whole after every line.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until the year 6053.
fn minute_of(time: DateTime<Utc>) -> i32 {
    i32::try_from(time.timestamp().div_euclid(60)).unwrap_or(i32::MAX)
}

fn place(minute: i32) -> usize {
    usize::try_from(minute.rem_euclid(KEPT)).unwrap_or_default()
}

impl Counts {
    fn new(now: DateTime<Utc>) -> Counts {
        Counts {
            sent: 0,
            succeeded: 0,
            failed: 0,
            last_sent: None,
            last_failure: None,
            newest: minute_of(now),
            running: Minute::default(),
            minutes: [Minute::default(); MINUTES],
        }
    }

    fn note(&mut self, entry: &DeliveryEntry) {
        let succeeded = entry.succeeded();
        if succeeded || !entry.attempts.is_empty() {
            self.sent += 1;
            self.last_sent = self.last_sent.max(Some(entry.time));
        }
        match succeeded {
            true => self.succeeded += 1,
            false => {
                self.failed += 1;
                self.last_failure = self.last_failure.max(Some(entry.time));
            }
        }
        let Some(minute) = self.minute(minute_of(entry.time)) else { return };
        let count = if succeeded { &mut minute.succeeded } else { &mut minute.failed };
        *count = count.saturating_add(1);
    }

    /// `None`: it is longer ago than what is kept, as after a clock was set back.
    fn minute(&mut self, minute: i32) -> Option<&mut Minute> {
        if minute > self.newest {
            self.pass(minute);
        }
        match self.newest.saturating_sub(minute) {
            0 => Some(&mut self.running),
            1..KEPT => self.minutes.get_mut(place(minute)),
            _ => None,
        }
    }

    /// The running minute is over, and those between it and this one.
    fn pass(&mut self, minute: i32) {
        let over = std::mem::take(&mut self.running);
        for passed in (minute - KEPT).max(self.newest)..minute {
            if let Some(place) = self.minutes.get_mut(place(passed)) {
                *place = if passed == self.newest { over } else { Minute::default() };
            }
        }
        self.newest = minute;
    }

    fn figures(&self, now: DateTime<Utc>) -> Figures {
        let now = minute_of(now).max(self.newest);
        let minutes = std::array::from_fn(|index| {
            let minute = now - KEPT + 1 + index as i32;
            match self.newest.saturating_sub(minute) {
                0 => self.running,
                1..KEPT => self.minutes.get(place(minute)).copied().unwrap_or_default(),
                _ => Minute::default(),
            }
        });
        Figures {
            sent: self.sent,
            succeeded: self.succeeded,
            failed: self.failed,
            last_sent: self.last_sent,
            last_failure: self.last_failure,
            minutes,
        }
    }
}
