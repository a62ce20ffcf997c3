//! For how long a token is used, and when another is asked for. Pure: time and chance are arguments.

use std::time::Duration;
use tokio::time::Instant;

/// Where the endpoint does not say. A target that refuses it sooner has it renewed.
const UNSAID: Duration = Duration::from_secs(60 * 60);
/// Longer ones are renewed all the same.
const MOST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Renewed so long before its end, or a tenth of its life before; up to twice as long, so that many processes do not ask
/// in one moment.
const EARLY: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::deliver) struct Lifetime {
    renewal: Instant,
    /// Ours and the endpoint's clocks, and the way to the target, take their part of it.
    end: Instant,
}

impl Lifetime {
    /// `expires_in`: in seconds, as the endpoint says.
    pub fn new(expires_in: Option<u64>, now: Instant, rng: &mut fastrand::Rng) -> Lifetime {
        let whole = expires_in.filter(|seconds| *seconds > 0).map_or(UNSAID, Duration::from_secs).min(MOST);
        let early = EARLY.min(whole / 10);
        let renewal = whole - early - early.mul_f64(rng.f64());
        Lifetime { renewal: now + renewal, end: now + (whole - early / 10) }
    }

    pub fn is_fresh(self, now: Instant) -> bool {
        now < self.renewal
    }

    pub fn lasts(self, now: Instant) -> bool {
        now < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_its_end() {
        let now = Instant::now();
        for seed in 0..200 {
            let at = |expires_in: Option<u64>| {
                let lifetime = Lifetime::new(expires_in, now, &mut fastrand::Rng::with_seed(seed));
                (lifetime.renewal.duration_since(now).as_secs_f64(), lifetime.end.duration_since(now).as_secs_f64())
            };
            let (renewal, end) = at(Some(3600));
            assert!((3540.0..=3570.0).contains(&renewal) && (3590.0..3600.0).contains(&end), "{renewal} {end}");
            let (renewal, end) = at(Some(10));
            assert!((8.0..=9.0).contains(&renewal) && (9.0..10.0).contains(&end), "{renewal} {end}");
            assert_eq!(at(None).1, at(Some(3600)).1);
            assert_eq!(at(Some(0)).1, at(None).1, "nothing is no lifetime");
            assert!(at(Some(u64::MAX)).1 <= MOST.as_secs_f64());
        }
    }
}
