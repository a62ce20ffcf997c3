//! `breaker:` as written to [`Settings`].

use super::Settings;
use crate::config;
use crate::config::spec::BreakerSpec;
use crate::diagnostic::At;
use std::num::NonZeroU32;
use std::time::Duration;

const FAILURES_DEFAULT: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);
const FAILURES_MOST: u32 = 1000;
const OPEN_DEFAULT: Duration = Duration::from_secs(30);
/// A target that is left alone for longer should be taken out by its operator.
const OPEN_MOST: Duration = Duration::from_secs(60 * 60);

impl Settings {
    pub(in crate::deliver) fn compile(spec: &BreakerSpec, at: &At<'_>) -> Option<Settings> {
        let failures = spec.failures.as_ref().map_or(Some(FAILURES_DEFAULT), |failures| {
            let at = at.key("failures");
            let failures = NonZeroU32::new(config::scalar(failures, &at)?).filter(|some| some.get() <= FAILURES_MOST);
            if failures.is_none() {
                at.error("breaker", format!("failures are a number from 1 to {FAILURES_MOST}"), None);
            }
            failures
        });
        let open = spec.open.as_ref().map_or(Some(OPEN_DEFAULT), |open| {
            let at = at.key("open");
            let open = config::duration(open, &at)?;
            if open.is_zero() || open > OPEN_MOST {
                at.error("breaker", "a breaker is open for more than 0s and at most 1h", None);
                return None;
            }
            Some(open)
        });
        Some(Settings { failures: failures?, open: open? })
    }
}
