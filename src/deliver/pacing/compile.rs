//! `limit:` of a target as written to a [`Pace`].

use super::Pace;
use crate::config;
use crate::config::spec::PaceSpec;
use crate::config::units::Rate;
use crate::diagnostic::At;
use std::num::NonZeroU32;
use std::time::Duration;

/// As much as a rate can be, for a burst and for what is under way.
const MOST: NonZeroU32 = NonZeroU32::MIN.saturating_add(999_999);

impl Pace {
    pub(in crate::deliver) fn compile(spec: &PaceSpec, at: &At<'_>) -> Option<Pace> {
        let rate = spec.rate.as_ref().map_or(Some(None), |rate| config::rate(rate, &at.key("rate")).map(Some));
        let number = |written: &Option<config::spec::Scalar<u32>>, key: &str| match written {
            None => Some(None),
            Some(number) => within(config::scalar(number, &at.key(key))?, &at.key(key)).map(Some),
        };
        let (burst, concurrency) = (number(&spec.burst, "burst"), number(&spec.concurrency, "concurrency"));
        if spec.rate.is_none() && (spec.burst.is_some() || spec.concurrency.is_none()) {
            let help = "write rate: 10/s, or concurrency: 8, or both".to_owned();
            at.error("target-limit", "the limit says neither how fast nor how many at once", help);
            return None;
        }
        let (rate, burst) = (rate?, burst?);
        let rate = rate.map(|rate| (rate, burst.unwrap_or_else(|| in_a_second(rate))));
        Some(Pace { rate, concurrency: concurrency? })
    }
}

/// A target that allows 600 in a minute does not want all of them in the first second.
fn in_a_second(rate: Rate) -> NonZeroU32 {
    let count = Duration::from_secs(1).as_nanos() / rate.interval().as_nanos().max(1);
    u32::try_from(count).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

fn within(number: u32, at: &At<'_>) -> Option<NonZeroU32> {
    let number = NonZeroU32::new(number).filter(|number| *number <= MOST);
    if number.is_none() {
        at.error("target-limit", format!("this is a number from 1 to {MOST}"), None);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::units::parse_rate;

    #[test]
    fn a_burst_is_what_comes_in_a_second() {
        for (rate, burst) in [("10/s", 10), ("600/m", 10), ("90/m", 1), ("1000/h", 1), ("1/h", 1), ("7/s", 7)] {
            assert_eq!(in_a_second(parse_rate(rate).unwrap()).get(), burst, "{rate}");
        }
    }
}
