//! A rate and a burst: what a limit allows.

use crate::config::units::Rate;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// At most `burst` at once, and from then on one more in every `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    rate: Rate,
    burst: NonZeroU32,
}

impl Quota {
    /// More at once is no limit; it also keeps burst times interval below what nanoseconds in 64 bits can hold.
    pub const BURST_MAX: NonZeroU32 = NonZeroU32::MIN.saturating_add(999_999);

    pub fn new(rate: Rate, burst: NonZeroU32) -> Quota {
        Quota { rate, burst: burst.min(Quota::BURST_MAX) }
    }

    pub fn burst(self) -> u32 {
        self.burst.get()
    }

    /// From one to the next.
    pub fn interval(self) -> Duration {
        self.rate.interval()
    }

    /// In which a burst that was used up is there again.
    pub fn window(self) -> Duration {
        self.interval().saturating_mul(self.burst.get())
    }

    pub(super) fn of_governor(self) -> governor::Quota {
        // A rate's interval is never zero.
        let one = governor::Quota::with_period(self.interval());
        one.unwrap_or(governor::Quota::per_second(NonZeroU32::MIN)).allow_burst(self.burst)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, burst {}", self.rate, self.burst)
    }
}
