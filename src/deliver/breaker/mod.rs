//! A target that is down is left alone for a while: attempts wait for one that finds out whether it is back.

mod compile;
mod machine;

pub use machine::BreakerState;
pub(super) use machine::Settings;

use super::outcome::Health;
use super::places::Places;
use machine::{Machine, Shut, Ticket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Shared by all routes to a target.
pub(super) struct Breaker {
    machine: Mutex<Machine>,
    /// The state is another one.
    changed: Notify,
    places: Places,
}

/// Why there is no waiting for a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPass {
    /// Too many wait already.
    Full,
    /// It comes after the deadline; when, where that is known.
    TooLate { until: Option<Instant> },
}

impl Breaker {
    pub(super) fn new(settings: Settings) -> Breaker {
        Breaker::with_places(settings, Places::new())
    }

    fn with_places(settings: Settings, places: Places) -> Breaker {
        Breaker { machine: Mutex::new(Machine::new(settings)), changed: Notify::new(), places }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.places.taken()
    }

    pub(super) fn state(&self) -> BreakerState {
        self.machine().state()
    }

    /// Waits until an attempt may be let through; then it still has to [`enter`](Breaker::enter). A wait that cannot end
    /// before `deadline` is not begun.
    pub(super) async fn wait(&self, deadline: Instant) -> Result<(), NoPass> {
        let mut place = None;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            let now = Instant::now();
            let until = match self.machine().shut(now) {
                None => return Ok(()),
                Some(Shut::Until(until)) if until >= deadline => return Err(NoPass::TooLate { until: Some(until) }),
                Some(Shut::Probing) if now >= deadline => return Err(NoPass::TooLate { until: None }),
                Some(Shut::Until(until)) => until,
                Some(Shut::Probing) => deadline,
            };
            if place.is_none() {
                place = Some(self.places.take().ok_or(NoPass::Full)?);
            }
            tokio::select! {
                () = changed => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// When it opens again, if that is not before `deadline`.
    pub(super) fn too_late(&self, now: Instant, deadline: Instant) -> Option<NoPass> {
        match self.machine().shut(now) {
            Some(Shut::Until(until)) if until >= deadline => Some(NoPass::TooLate { until: Some(until) }),
            _ => None,
        }
    }

    pub(super) fn is_shut(&self, now: Instant) -> bool {
        self.machine().shut(now).is_some()
    }

    /// Lets an attempt through; `None`: not now.
    pub(super) fn enter(self: &Arc<Breaker>, now: Instant) -> Option<Pass> {
        let ticket = self.machine().enter(now).ok()?;
        Some(Pass { breaker: self.clone(), ticket, health: Health::Unknown })
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that was let through. Dropped without an end, it says nothing of the target; a probe is then made by another.
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    ticket: Ticket,
    health: Health,
}

impl Pass {
    pub(super) fn ended(mut self, health: Health) {
        self.health = health;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.breaker.machine().ended(self.ticket, self.health, Instant::now()) {
            self.breaker.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;
    use std::time::Duration;

    const OPEN: Duration = Duration::from_secs(30);

    fn open() -> Arc<Breaker> {
        let breaker = Arc::new(Breaker::new(Settings { failures: NonZeroU32::MIN, open: OPEN }));
        breaker.enter(Instant::now()).unwrap().ended(Health::Down);
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_cannot_end_before_the_deadline_is_not_begun() {
        let (breaker, now) = (open(), Instant::now());
        assert_eq!(breaker.wait(now + OPEN).await, Err(NoPass::TooLate { until: Some(now + OPEN) }));
        assert_eq!(Instant::now(), now);
        assert_eq!(breaker.wait(now + OPEN * 2).await, Ok(()));
        assert_eq!(Instant::now(), now + OPEN);
    }

    #[tokio::test(start_paused = true)]
    async fn others_wait_for_the_probe_and_go_when_it_succeeds() {
        let (breaker, deadline) = (open(), Instant::now() + OPEN * 3);
        breaker.wait(deadline).await.unwrap();
        let probe = breaker.enter(Instant::now()).unwrap();
        let waiting = breaker.clone();
        let other = tokio::spawn(async move { waiting.wait(deadline).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!other.is_finished() && breaker.enter(Instant::now()).is_none());
        probe.ended(Health::Up);
        assert_eq!(other.await.unwrap(), Ok(()));
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_fails_or_takes_too_long_sends_the_others_away() {
        let (breaker, deadline) = (open(), Instant::now() + OPEN + Duration::from_secs(5));
        breaker.wait(deadline).await.unwrap();
        let probe = breaker.enter(Instant::now()).unwrap();
        assert_eq!(breaker.wait(deadline).await, Err(NoPass::TooLate { until: None }));
        assert_eq!(Instant::now(), deadline);
        probe.ended(Health::Down);
        let too_late = NoPass::TooLate { until: Some(deadline + OPEN) };
        assert_eq!(breaker.wait(deadline + OPEN).await, Err(too_late));
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_wait() {
        let settings = Settings { failures: NonZeroU32::MIN, open: OPEN };
        let breaker = Arc::new(Breaker::with_places(settings, Places::bounded(2)));
        breaker.enter(Instant::now()).unwrap().ended(Health::Down);
        let deadline = Instant::now() + OPEN * 2;
        let [one, two, three] = [breaker.wait(deadline), breaker.wait(deadline), breaker.wait(deadline)];
        assert_eq!(tokio::join!(one, two, three), (Ok(()), Ok(()), Err(NoPass::Full)));
        assert_eq!(breaker.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_called_off_leaves_its_place_to_another() {
        let (breaker, deadline) = (open(), Instant::now() + OPEN * 2);
        breaker.wait(deadline).await.unwrap();
        drop(breaker.enter(Instant::now()).unwrap());
        assert_eq!(breaker.wait(deadline).await, Ok(()));
        assert!(breaker.enter(Instant::now()).is_some());
    }
}
