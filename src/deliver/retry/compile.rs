//! `retry:` as written to a [`RetryPolicy`]: the target's keys, then those of `defaults`, then ours.

use super::{Backoff, RetryOn, RetryPolicy};
use crate::config;
use crate::config::spec::{BackoffSpec, RetrySpec, StatusSpec};
use crate::deliver::statuses::{self, StatusSet};
use crate::diagnostic::At;
use std::time::Duration;

const MAX_DEFAULT: u32 = 3;
const MAX_MOST: u32 = 10;
const MAX_DELAY_DEFAULT: Duration = Duration::from_secs(5 * 60);
/// Longer than any deadline; a longer one is a slip of units.
const DELAY_MOST: Duration = Duration::from_secs(24 * 60 * 60);

/// A retry specification and where it stands.
pub(in crate::deliver) type Written<'a> = Option<(&'a RetrySpec, At<'a>)>;

impl RetryPolicy {
    /// `written` in order of precedence: what the first does not say, the next may.
    pub(in crate::deliver) fn compile(written: &[Written<'_>], usual_delay: Duration) -> Option<RetryPolicy> {
        let max = first(written, "max", |spec| spec.max.as_ref());
        let max = max.map_or(Some(MAX_DEFAULT), |(max, at)| {
            let max = config::scalar(max, &at)?;
            if max > MAX_MOST {
                at.error("retry-max", format!("at most {MAX_MOST} retries, not {max}"), None);
                return None;
            }
            Some(max)
        });
        let delay = first(written, "delay", |spec| spec.delay.as_ref());
        let delay = delay.map_or(Some(usual_delay), |(text, at)| delay_within(text, &at));
        let max_delay = first(written, "max_delay", |spec| spec.max_delay.as_ref());
        let max_delay = max_delay.map_or(Some(MAX_DELAY_DEFAULT), |(text, at)| delay_within(text, &at));
        let jitter = first(written, "jitter", |spec| spec.jitter.as_ref());
        let jitter = jitter.map_or(Some(true), |(jitter, at)| config::scalar(jitter, &at));
        let on = first(written, "on", |spec| spec.on.as_ref());
        let on = on.map_or(Some(RetryOn::default()), |(on, at)| RetryOn::compile(on, &at));
        let backoff = first(written, "backoff", |spec| spec.backoff.as_ref()).map(|(backoff, _)| *backoff);
        Some(RetryPolicy {
            max: max?,
            delay: delay?,
            max_delay: max_delay?,
            backoff: match backoff.unwrap_or_default() {
                BackoffSpec::Exponential => Backoff::Exponential,
                BackoffSpec::Constant => Backoff::Constant,
            },
            jitter: jitter?,
            on: on?,
        })
    }
}

/// The first of `written` that has `key`, and the key's place.
fn first<'a, T>(
    written: &'a [Written<'a>],
    key: &str,
    field: impl Fn(&'a RetrySpec) -> Option<&'a T>,
) -> Option<(&'a T, At<'a>)> {
    written.iter().flatten().find_map(|(spec, at)| field(spec).map(|value| (value, at.key(key))))
}

fn delay_within(text: &str, at: &At<'_>) -> Option<Duration> {
    let delay = config::duration(text, at)?;
    if delay > DELAY_MOST {
        at.error("retry-delay", "a retry delay is at most 24h", None);
        return None;
    }
    Some(delay)
}

impl Default for RetryOn {
    /// `[connect, reset, timeout, 408, 425, 429, 5xx]`
    fn default() -> RetryOn {
        let statuses = StatusSet::default().with(408..=408).with(425..=425).with(429..=429).with(500..=599);
        RetryOn { connect: true, reset: true, timeout: true, statuses }
    }
}

impl RetryOn {
    const NOTHING: RetryOn = RetryOn { connect: false, reset: false, timeout: false, statuses: StatusSet::EMPTY };

    fn compile(written: &[StatusSpec], at: &At<'_>) -> Option<RetryOn> {
        let mut on = RetryOn::NOTHING;
        let mut whole = true;
        for (index, entry) in written.iter().enumerate() {
            whole &= on.add(entry, &at.index(index)).is_some();
        }
        whole.then_some(on)
    }

    fn add(&mut self, entry: &StatusSpec, at: &At<'_>) -> Option<()> {
        let entry = match entry {
            StatusSpec::Text(text) => StatusSpec::Text(config::plain(text, at)?),
            StatusSpec::Code(code) => StatusSpec::Code(*code),
        };
        match &entry {
            StatusSpec::Text(word) if word == "connect" => self.connect = true,
            StatusSpec::Text(word) if word == "reset" => self.reset = true,
            StatusSpec::Text(word) if word == "timeout" => self.timeout = true,
            status => match statuses::parse(status) {
                Ok(range) => self.statuses.insert(range),
                Err(error) => {
                    let help = "words are connect, reset and timeout".to_owned();
                    at.error("retry-on", error.to_string(), Some(help));
                    return None;
                }
            },
        }
        Some(())
    }
}
