//! Which limit has which memory, over all generations of the configuration.

use super::{Limiter, Quota};
use crate::matcher::HostPattern;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Hands out limiters: the one that is in use already where a limit is still the same, a new one otherwise.
///
/// It holds on to none of them: a limiter lives as long as a generation that uses it. A load that fails takes nothing
/// from the generation that runs.
#[derive(Default)]
pub struct Registry(Mutex<HashMap<Identity, Weak<Limiter>>>);

/// Whose limit it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(String);

impl Owner {
    /// A route's own.
    pub fn route(name: &str) -> Owner {
        Owner(format!("route {name}"))
    }

    /// Of what comes to one place, whichever routes are behind it.
    pub fn place(hosts: &[HostPattern], path_shape: &str) -> Owner {
        Owner(format!("place {hosts:?} {path_shape}"))
    }
}

/// What makes a limit the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub owner: Owner,
    pub quota: Quota,
    pub by: String,
}

impl Registry {
    pub(super) fn limiter(&self, identity: Identity, new: impl FnOnce() -> Limiter) -> Arc<Limiter> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, limiter| limiter.strong_count() > 0);
        if let Some(limiter) = known.get(&identity).and_then(Weak::upgrade) {
            return limiter;
        }
        let limiter = Arc::new(new());
        known.insert(identity, Arc::downgrade(&limiter));
        limiter
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets keys whose whole burst is there again: they stand where a new one stands. Takes up to some 10 ms for each
    /// full limiter, so it belongs on a blocking thread, now and then.
    pub fn sweep(&self) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let limiters: Vec<Arc<Limiter>> = known.values().filter_map(Weak::upgrade).collect();
        drop(known);
        for limiter in limiters {
            limiter.sweep();
        }
    }
}
