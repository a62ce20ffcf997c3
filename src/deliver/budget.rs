//! How much of a target's traffic may be retries: without a bound they turn a slow target into a dead one.
//!
//! Of the deliveries of the last ten seconds a fifth may be tried again, and always three in a second (as Envoy's and
//! Finagle's budgets do). Pure but for its counters: time is an argument.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// The window in seconds, each of which is counted apart.
const WINDOW: usize = 10;
/// One retry for so many deliveries: 20 %.
const DELIVERIES_PER_RETRY: u64 = 5;
/// Where there is little traffic: 3 a second, over the whole window.
const RETRIES_MIN: u64 = 3 * WINDOW as u64;

/// Shared by all routes to a target.
pub(super) struct Budget {
    began: Instant,
    /// By second: which one it is in the upper half, how many deliveries in the lower. Counting one takes no lock, since
    /// every delivery does.
    deliveries: [AtomicU64; WINDOW],
    retries: Mutex<[(u32, u32); WINDOW]>,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Budget {
        Budget { began: now, deliveries: Default::default(), retries: Mutex::default() }
    }

    /// Counts a delivery that begins.
    pub(super) fn deposit(&self, now: Instant) {
        let second = self.second(now);
        let Some(slot) = self.deliveries.get(place(second)) else { return };
        let mut counted = slot.load(Ordering::Relaxed);
        while stamp(counted) != second {
            let fresh = (u64::from(second) << 32) | 1;
            match slot.compare_exchange_weak(counted, fresh, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => counted = other,
            }
        }
        slot.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one retry out of what is left; `false`: nothing is.
    pub(super) fn withdraw(&self, now: Instant) -> bool {
        let second = self.second(now);
        let mut retries = self.retries_mut();
        let is_recent = |stamp: u32| second.wrapping_sub(stamp) < WINDOW as u32;
        let spent: u64 =
            retries.iter().filter(|(stamp, _)| is_recent(*stamp)).map(|(_, count)| u64::from(*count)).sum();
        let deliveries = self.deliveries.iter().map(|slot| slot.load(Ordering::Relaxed));
        let deliveries: u64 = deliveries.filter(|slot| is_recent(stamp(*slot))).map(|slot| slot & COUNT).sum();
        if spent >= (deliveries / DELIVERIES_PER_RETRY).max(RETRIES_MIN) {
            return false;
        }
        if let Some((stamp, count)) = retries.get_mut(place(second)) {
            *count = if *stamp == second { count.saturating_add(1) } else { 1 };
            *stamp = second;
        }
        true
    }

    /// Starts beyond the window, so that a slot that was never used is not recent.
    fn second(&self, now: Instant) -> u32 {
        let seconds = now.saturating_duration_since(self.began).as_secs() + WINDOW as u64;
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    fn retries_mut(&self) -> MutexGuard<'_, [(u32, u32); WINDOW]> {
        self.retries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const COUNT: u64 = u32::MAX as u64;

fn stamp(slot: u64) -> u32 {
    u32::try_from(slot >> 32).unwrap_or(u32::MAX)
}

fn place(second: u32) -> usize {
    second as usize % WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn withdrawn(budget: &Budget, now: Instant) -> usize {
        (0..10_000).take_while(|_| budget.withdraw(now)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_fifth_of_the_traffic_may_be_retries() {
        let now = Instant::now();
        let budget = Budget::new(now);
        for second in 0..10 {
            (0..100).for_each(|_| budget.deposit(now + Duration::from_secs(second)));
        }
        assert_eq!(withdrawn(&budget, now + Duration::from_secs(9)), 200);
        // The first of those seconds is out of the window, and what was spent is still in it.
        (0..100).for_each(|_| budget.deposit(now + Duration::from_secs(10)));
        assert_eq!(withdrawn(&budget, now + Duration::from_secs(10)), 0);
        assert_eq!(withdrawn(&budget, now + Duration::from_secs(19)), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn three_in_a_second_are_always_there() {
        let now = Instant::now();
        let budget = Budget::new(now);
        assert_eq!(withdrawn(&budget, now), 30);
        assert_eq!(withdrawn(&budget, now + Duration::from_secs(9)), 0);
        assert_eq!(withdrawn(&budget, now + Duration::from_secs(10)), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn old_traffic_earns_nothing() {
        let now = Instant::now();
        let budget = Budget::new(now);
        (0..10_000).for_each(|_| budget.deposit(now));
        assert_eq!(withdrawn(&budget, now + Duration::from_secs(3600)), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn threads_lose_no_delivery() {
        let now = Instant::now();
        let budget = Budget::new(now);
        let later = now + Duration::from_secs(5);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..25_000).for_each(|_| budget.deposit(later)));
            }
        });
        assert_eq!((0..100_000).take_while(|_| budget.withdraw(later)).count(), 20_000);
    }
}
