//! How fast a target takes deliveries: attempts wait for their turn, first come, first served.
//!
//! Only the one in front looks at the clock and at how many are under way; all others wait for its place. So nothing is
//! reserved by those who wait: whoever goes away, goes without a trace, and those behind move up.

mod compile;
mod schedule;
#[cfg(test)]
mod tests;

use super::outcome::WaitedFor;
use super::places::Places;
use crate::config::units::Rate;
use schedule::Schedule;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

/// `limit:` of a target, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pace {
    /// And how many may go at once after a quiet time.
    pub(super) rate: Option<(Rate, NonZeroU32)>,
    /// Attempts under way.
    pub(super) concurrency: Option<NonZeroU32>,
}

/// Shared by all routes to a target.
pub(super) struct Pacer {
    /// Held by the one in front.
    front: Semaphore,
    schedule: Option<Mutex<Schedule>>,
    under_way: Option<Arc<Semaphore>>,
    places: Places,
}

/// Why an attempt gets no turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTurn {
    /// Too many wait already.
    Full,
    /// It would come after the deadline.
    TooLate,
}

impl Pacer {
    pub(super) fn new(pace: Pace) -> Pacer {
        Pacer::with_places(pace, Places::new())
    }

    fn with_places(pace: Pace, places: Places) -> Pacer {
        let permits = |most: NonZeroU32| Arc::new(Semaphore::new(usize::try_from(most.get()).unwrap_or(1)));
        Pacer {
            front: Semaphore::new(1),
            schedule: pace.rate.map(|(rate, burst)| Mutex::new(Schedule::new(rate.interval(), burst))),
            under_way: pace.concurrency.map(permits),
            places,
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.places.taken()
    }

    /// What holds attempts up for longest, where it is not known what did.
    pub(super) fn slowest(&self) -> WaitedFor {
        if self.under_way.is_some() { WaitedFor::Concurrency } else { WaitedFor::Rate }
    }

    /// A turn that can be had without waiting. Nobody overtakes: while somebody waits, there is none.
    pub(super) fn at_once(self: &Arc<Pacer>) -> Option<Turn> {
        let _front = self.front.try_acquire().ok()?;
        let permit = match &self.under_way {
            Some(permits) => Some(permits.clone().try_acquire_owned().ok()?),
            None => None,
        };
        if let Some(mut schedule) = self.schedule() {
            let now = Instant::now();
            if schedule.earliest(now, 0) > now {
                return None;
            }
            schedule.take(now);
        }
        Some(self.turn(permit))
    }

    /// Waits for a turn. One that cannot come before `deadline`, as far as that can be known, is not waited for.
    pub(super) async fn wait(self: &Arc<Pacer>, deadline: Instant) -> Result<(Turn, WaitedFor), NoTurn> {
        let place = self.places.take().ok_or(NoTurn::Full)?;
        if let Some(schedule) = self.schedule()
            && schedule.earliest(Instant::now(), u32::try_from(place.before).unwrap_or(u32::MAX)) >= deadline
        {
            return Err(NoTurn::TooLate);
        }
        let (permit, _front) = match timeout_at(deadline, self.front()).await {
            Ok(Some(first)) => first,
            Ok(None) | Err(_) => return Err(NoTurn::TooLate),
        };
        let mut why = self.slowest();
        loop {
            let Some(at) = self.take_or_when(deadline)? else { return Ok((self.turn(permit), why)) };
            why = WaitedFor::Rate;
            sleep_until(at).await;
        }
    }

    /// Waits for the place in front, and there until another attempt may be under way.
    async fn front(&self) -> Option<(Option<OwnedSemaphorePermit>, SemaphorePermit<'_>)> {
        let front = self.front.acquire().await.ok()?;
        let permit = match &self.under_way {
            Some(permits) => Some(permits.clone().acquire_owned().await.ok()?),
            None => None,
        };
        Some((permit, front))
    }

    /// Takes what the rate has, or says when it will have something.
    fn take_or_when(&self, deadline: Instant) -> Result<Option<Instant>, NoTurn> {
        let now = Instant::now();
        if now >= deadline {
            return Err(NoTurn::TooLate);
        }
        let Some(mut schedule) = self.schedule() else { return Ok(None) };
        let at = schedule.earliest(now, 0);
        if at >= deadline {
            return Err(NoTurn::TooLate);
        }
        if at > now {
            return Ok(Some(at));
        }
        schedule.take(now);
        Ok(None)
    }

    fn turn(self: &Arc<Pacer>, permit: Option<OwnedSemaphorePermit>) -> Turn {
        Turn { pacer: self.clone(), _permit: permit }
    }

    /// From one attempt to the next, once a burst has gone; `None`: as fast as they come.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.schedule().map(|schedule| schedule.interval)
    }

    fn schedule(&self) -> Option<MutexGuard<'_, Schedule>> {
        self.schedule.as_ref().map(|schedule| schedule.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An attempt may begin. While it is held, it counts as under way.
pub(super) struct Turn {
    pacer: Arc<Pacer>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// The attempt does not begin after all: the next one need not wait for it.
    pub(super) fn unused(self) {
        if let Some(mut schedule) = self.pacer.schedule() {
            schedule.give_back();
        }
    }
}
