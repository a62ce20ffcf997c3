//! What is known of targets over all generations of the configuration: their pace, their breakers, their retry budgets.

use super::breaker::{self, Breaker};
use super::budget::Budget;
use super::kept::Kept;
use super::pacing::{Pace, Pacer};
use std::sync::Arc;
use tokio::time::Instant;

/// Hands out the state of a target: the one that is in use where the target is still the same, a new one otherwise.
#[derive(Default)]
pub struct States {
    pacers: Kept<(Owner, Pace), Pacer>,
    breakers: Kept<(Owner, breaker::Settings), Breaker>,
    budgets: Kept<Owner, Budget>,
}

/// Whose state it is: a target's, as far as it goes to the same place. The place is part of it because a route may use a
/// shared target with a URL of its own, which is another target. It may hold secrets, and is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    name: String,
    origin: String,
}

impl Owner {
    /// A target of hookswitch.yaml, for all routes that use it.
    pub(super) fn shared(name: &str, origin: &str) -> Owner {
        Owner { name: format!("shared {name}"), origin: origin.to_owned() }
    }

    /// A target of one route.
    pub(super) fn own(route: &str, target: &str, origin: &str) -> Owner {
        Owner { name: format!("route {route}/{target}"), origin: origin.to_owned() }
    }

    /// Every target there that is not a shared one.
    pub(super) fn place(origin: &str) -> Owner {
        Owner { name: String::new(), origin: origin.to_owned() }
    }
}

impl States {
    pub(super) fn pacer(&self, owner: Owner, pace: Pace) -> Arc<Pacer> {
        self.pacers.obtain((owner, pace), || Pacer::new(pace))
    }

    pub(super) fn breaker(&self, owner: Owner, settings: breaker::Settings) -> Arc<Breaker> {
        self.breakers.obtain((owner, settings), || Breaker::new(settings))
    }

    pub(super) fn budget(&self, owner: Owner) -> Arc<Budget> {
        self.budgets.obtain(owner, || Budget::new(Instant::now()))
    }
}
