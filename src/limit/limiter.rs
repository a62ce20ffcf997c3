//! What was counted: one state of governor's (GCRA, a leaky bucket as a meter), or one for each key.

use super::Quota;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{NotUntil, RateLimiter};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Keys that one limit tells apart. At some 60 bytes each they take a few MiB. Further ones share one count until others
/// are forgotten: no key goes unlimited, and nobody who is known already loses anything.
pub const KEYS_MAX: usize = 100_000;

/// Where a request stands with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub quota: Quota,
    /// What may still come at once.
    pub remaining: u32,
    /// Until one more may come: at most so long, and exactly so where the request is over the limit.
    pub next: Duration,
    pub is_over: bool,
}

/// The memory of one limit.
pub struct Limiter<C: Clock = DefaultClock> {
    quota: Quota,
    clock: C,
    state: State<C>,
}

enum State<C: Clock> {
    Whole(RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>),
    Keyed(RateLimiter<Key, Keys, C, StateInformationMiddleware>, Hasher),
}

/// Of a fixed size, whatever a sender puts into it, and nothing of it can be read back.
type Key = u128;

impl Limiter {
    /// Counts all together.
    pub fn whole(quota: Quota) -> Limiter {
        Limiter::whole_by(quota, DefaultClock::default())
    }

    /// Counts each key, up to `keys_max` of them.
    pub fn keyed(quota: Quota, keys_max: usize) -> Limiter {
        Limiter::keyed_by(quota, keys_max, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limiter<C> {
    /// As [`whole`](Limiter::whole), by a clock.
    pub fn whole_by(quota: Quota, clock: C) -> Limiter<C> {
        let limiter = RateLimiter::new(quota.of_governor(), InMemoryState::default(), clock.clone());
        Limiter { quota, clock, state: State::Whole(limiter) }
    }

    /// As [`keyed`](Limiter::keyed), by a clock.
    pub fn keyed_by(quota: Quota, keys_max: usize, clock: C) -> Limiter<C> {
        let limiter = RateLimiter::new(quota.of_governor(), Keys::new(keys_max), clock.clone());
        Limiter { quota, clock, state: State::Keyed(limiter, Hasher::default()) }
    }

    /// Counts one without a key; by keys, those share one.
    pub fn spend(&self) -> Standing {
        self.spend_of("")
    }

    /// Counts one of a client.
    pub fn spend_of_client(&self, ip: IpAddr) -> Standing {
        match &self.state {
            State::Whole(limiter) => self.standing(limiter.check()),
            State::Keyed(limiter, _) => self.standing(limiter.check_key(&client_key(ip))),
        }
    }

    /// Counts one of a key.
    pub fn spend_of(&self, key: &str) -> Standing {
        match &self.state {
            State::Whole(limiter) => self.standing(limiter.check()),
            State::Keyed(limiter, hasher) => self.standing(limiter.check_key(&hasher.key(key))),
        }
    }

    /// Forgets keys that stand where a new one stands.
    pub fn sweep(&self) {
        if let State::Keyed(limiter, _) = &self.state {
            limiter.retain_recent();
        }
    }

    /// How many keys are told apart now.
    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        match &self.state {
            State::Whole(_) => 0,
            State::Keyed(limiter, _) => limiter.len(),
        }
    }

    fn standing(&self, checked: Result<StateSnapshot, NotUntil<C::Instant>>) -> Standing {
        let quota = self.quota;
        match checked {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                Standing { quota, remaining, next: quota.interval(), is_over: false }
            }
            Err(not_until) => {
                let next = not_until.wait_time_from(self.clock.now());
                Standing { quota, remaining: 0, next, is_over: true }
            }
        }
    }
}

/// One IPv4 address, or the /64 of an IPv6 address: a single customer gets at least that much (RFC 6177, section 2), so an
/// address alone would be no limit.
fn client_key(ip: IpAddr) -> Key {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits() & !Key::from(u64::MAX),
    }
}

/// Two hashes of std's, keyed by chance: nobody outside can make two keys meet.
#[derive(Default)]
struct Hasher(RandomState, RandomState);

impl Hasher {
    fn key(&self, text: &str) -> Key {
        Key::from(self.0.hash_one(text)) << 64 | Key::from(self.1.hash_one(text))
    }
}

/// A bounded map of states, and one state for all that do not fit.
struct Keys {
    known: DashMapStateStore<Key>,
    others: InMemoryState,
    /// Of `known`, counted apart: to ask a sharded map takes all of its locks. Threads that meet at one new key may count
    /// it twice; a sweep sets it right.
    count: AtomicUsize,
    max: usize,
}

impl Keys {
    fn new(max: usize) -> Keys {
        Keys { known: DashMapStateStore::default(), others: InMemoryState::default(), count: AtomicUsize::new(0), max }
    }

    fn has_place_for(&self, key: &Key) -> bool {
        let one_more = |count: usize| Some(count + 1).filter(|count| *count <= self.max);
        self.known.contains_key(key) || self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }
}

impl StateStore for Keys {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if self.has_place_for(key) {
            self.known.measure_and_replace(key, f)
        } else {
            self.others.measure_and_replace(&NotKeyed::NonKey, f)
        }
    }
}

impl ShrinkableKeyedStateStore<Key> for Keys {
    fn retain_recent(&self, drop_below: Nanos) {
        ShrinkableKeyedStateStore::retain_recent(&self.known, drop_below);
        self.count.store(self.known.len(), Ordering::Relaxed);
    }

    fn len(&self) -> usize {
        self.known.len()
    }

    fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}
