//! When the next attempt may begin: at most `burst` at once, and from then on one in every interval (GCRA). Pure.

use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::Instant;

pub(super) struct Schedule {
    pub(super) interval: Duration,
    /// How far ahead of its turn an attempt may begin.
    ahead: Duration,
    /// When, at a steady pace, the next one would be due; `None`: none has begun yet.
    due: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(interval: Duration, burst: NonZeroU32) -> Schedule {
        Schedule { interval, ahead: interval.saturating_mul(burst.get() - 1), due: None }
    }

    /// When one may begin that has `before` others before it, all of which go as soon as they may.
    pub(super) fn earliest(&self, now: Instant, before: u32) -> Instant {
        let due = self.due.filter(|due| *due > now).unwrap_or(now);
        let earliest = due.checked_add(self.interval.saturating_mul(before)).and_then(|at| at.checked_sub(self.ahead));
        earliest.filter(|at| *at > now).unwrap_or(now)
    }

    /// One begins.
    pub(super) fn take(&mut self, now: Instant) {
        let due = self.due.filter(|due| *due > now).unwrap_or(now);
        self.due = due.checked_add(self.interval);
    }

    /// One that was taken did not begin after all.
    pub(super) fn give_back(&mut self) {
        self.due = self.due.and_then(|due| due.checked_sub(self.interval));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_goes_at_once_and_the_rest_in_its_interval() {
        let now = Instant::now();
        let mut schedule = Schedule::new(SECOND, NonZeroU32::new(3).unwrap());
        let begun: Vec<Duration> = (0..6)
            .map(|_| {
                let at = schedule.earliest(now, 0);
                schedule.take(now);
                at - now
            })
            .collect();
        assert_eq!(begun, [0, 0, 0, 1, 2, 3].map(Duration::from_secs));
    }

    #[test]
    fn those_before_are_counted() {
        let now = Instant::now();
        let schedule = Schedule::new(SECOND, NonZeroU32::new(2).unwrap());
        let waits: Vec<u64> = (0..5).map(|before| (schedule.earliest(now, before) - now).as_secs()).collect();
        assert_eq!(waits, [0, 0, 1, 2, 3]);
    }

    #[test]
    fn a_quiet_time_earns_one_burst_and_no_more() {
        let now = Instant::now();
        let mut schedule = Schedule::new(SECOND, NonZeroU32::new(2).unwrap());
        schedule.take(now);
        let later = now + Duration::from_secs(3600);
        schedule.take(later);
        assert_eq!(schedule.earliest(later, 0), later);
        schedule.take(later);
        assert_eq!(schedule.earliest(later, 0), later + SECOND);
        schedule.give_back();
        assert_eq!(schedule.earliest(later, 0), later);
    }

    #[test]
    fn the_largest_numbers_fit() {
        let now = Instant::now();
        let mut schedule = Schedule::new(Duration::from_secs(3600), NonZeroU32::MAX);
        schedule.take(now);
        assert_eq!(schedule.earliest(now, u32::MAX - 2), now);
    }
}
