//! What an attempt has to pass before it begins: the target's breaker, its pace, and for a retry its budget.

use super::breaker::{self, Breaker, BreakerState, NoPass, Pass};
use super::budget::Budget;
use super::layers::Layers;
use super::outcome::{GiveUp, Outcome, Waited, WaitedFor};
use super::pacing::{NoTurn, Pace, Pacer, Turn};
use super::states::Owner;
use super::{Observer, TargetContext};
use chrono::Utc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

#[cfg(test)]
mod tests;

pub(super) struct Gates {
    pacer: Option<Arc<Pacer>>,
    breaker: Option<Arc<Breaker>>,
    pub(super) budget: Arc<Budget>,
}

/// An attempt may begin.
#[derive(Default)]
pub(super) struct Passed {
    _turn: Option<Turn>,
    pass: Option<Pass>,
}

/// Why an attempt may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Of a delivery that has made no attempt yet.
    pub(super) outcome: Outcome,
    pub(super) why: GiveUp,
    /// When it makes sense to come again, where that is known.
    pub(super) retry_after: Option<Duration>,
}

impl Held {
    const FULL: Held = Held { outcome: Outcome::QueueFull, why: GiveUp::Memory, retry_after: None };
    const TOO_LATE: Held = Held { outcome: Outcome::Deadline, why: GiveUp::Deadline, retry_after: None };

    pub(super) const DRAINING: Held = Held { outcome: Outcome::Draining, why: GiveUp::Draining, retry_after: None };

    fn shut(no_pass: NoPass) -> Held {
        match no_pass {
            NoPass::Full => Held::FULL,
            NoPass::TooLate { until } => {
                let retry_after = until.map(|until| until.saturating_duration_since(Instant::now()));
                Held { outcome: Outcome::BreakerOpen, why: GiveUp::Breaker, retry_after }
            }
        }
    }
}

impl Gates {
    /// A limit or a breaker of a shared target is one for all routes that use it; so is its budget. Other targets of one
    /// place share their budget.
    pub(super) fn compile(
        layers: &Layers<'_>,
        target: &str,
        origin: &str,
        context: &TargetContext<'_>,
    ) -> Option<Gates> {
        let own = || Owner::own(context.route, target, origin);
        let shared = layers.shared_name().map(|name| Owner::shared(name, origin));
        let owner = |is_own: bool| shared.clone().filter(|_| !is_own).unwrap_or_else(own);
        let pace = match layers.first("limit", |spec| spec.limit.as_ref()) {
            Some((limit, at)) => Some(Pace::compile(limit, &at)?),
            None => None,
        };
        let settings = match layers.first("breaker", |spec| spec.breaker.as_ref()) {
            Some((breaker, at)) => Some(breaker::Settings::compile(breaker, &at)?),
            None => None,
        };
        let limit_owner = owner(layers.is_own(|spec| spec.limit.is_some()));
        let breaker_owner = owner(layers.is_own(|spec| spec.breaker.is_some()));
        Some(Gates {
            pacer: pace.map(|pace| context.states.pacer(limit_owner, pace)),
            breaker: settings.map(|settings| context.states.breaker(breaker_owner, settings)),
            budget: context.states.budget(shared.unwrap_or_else(|| Owner::place(origin))),
        })
    }

    /// Nothing is to be waited for, ever.
    pub(super) fn is_open(&self) -> bool {
        self.pacer.is_none() && self.breaker.is_none()
    }

    /// From one attempt to the next, where there is a rate.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.pacer.as_ref()?.interval()
    }

    pub(super) fn waiting(&self) -> Option<usize> {
        let (pacer, breaker) = (self.pacer.as_ref(), self.breaker.as_ref());
        let waiting = [pacer.map(|pacer| pacer.waiting()), breaker.map(|breaker| breaker.waiting())];
        waiting.into_iter().flatten().reduce(|some, others| some + others)
    }

    pub(super) fn breaker_state(&self) -> Option<BreakerState> {
        self.breaker.as_ref().map(|breaker| breaker.state())
    }

    /// The breaker first: what waits for it takes no place in the queue. It may have opened meanwhile, so it has the last
    /// word as well.
    pub(super) async fn pass(&self, deadline: Instant, observer: &dyn Observer) -> Result<Passed, Held> {
        loop {
            self.wait_for_breaker(deadline, observer).await?;
            let turn = self.turn(deadline, observer).await?;
            let Some(breaker) = &self.breaker else { return Ok(Passed { _turn: turn, pass: None }) };
            match (breaker.enter(Instant::now()), turn) {
                (Some(pass), turn) => return Ok(Passed { _turn: turn, pass: Some(pass) }),
                (None, Some(turn)) => turn.unused(),
                (None, None) => {}
            }
        }
    }

    /// Why there is no point in waiting for another attempt.
    pub(super) fn shut_until_after(&self, deadline: Instant) -> Option<Held> {
        self.breaker.as_ref()?.too_late(Instant::now(), deadline).map(Held::shut)
    }

    async fn wait_for_breaker(&self, deadline: Instant, observer: &dyn Observer) -> Result<(), Held> {
        let Some(breaker) = self.breaker.as_ref().filter(|breaker| breaker.is_shut(Instant::now())) else {
            return Ok(());
        };
        let wait = Watch::begin(observer);
        let waited = breaker.wait(deadline).await;
        wait.over(WaitedFor::Breaker);
        waited.map_err(Held::shut)
    }

    async fn turn(&self, deadline: Instant, observer: &dyn Observer) -> Result<Option<Turn>, Held> {
        let Some(pacer) = &self.pacer else { return Ok(None) };
        if let Some(turn) = pacer.at_once() {
            return Ok(Some(turn));
        }
        let wait = Watch::begin(observer);
        match pacer.wait(deadline).await {
            Ok((turn, why)) => {
                wait.over(why);
                Ok(Some(turn))
            }
            Err(NoTurn::Full) => Err(Held::FULL),
            Err(NoTurn::TooLate) => {
                wait.over(pacer.slowest());
                Err(Held::TOO_LATE)
            }
        }
    }
}

impl Passed {
    pub(super) fn ended(self, outcome: Outcome) {
        if let Some(pass) = self.pass {
            pass.ended(outcome.health());
        }
    }
}

/// A wait, timed.
struct Watch<'o> {
    observer: &'o dyn Observer,
    began: chrono::DateTime<Utc>,
    clock: Instant,
}

impl Watch<'_> {
    fn begin(observer: &dyn Observer) -> Watch<'_> {
        Watch { observer, began: Utc::now(), clock: Instant::now() }
    }

    /// What was refused at once has not waited.
    fn over(self, why: WaitedFor) {
        let duration = self.clock.elapsed();
        if duration > Duration::ZERO {
            self.observer.waited(&Waited { why, began: self.began, duration });
        }
    }
}
