//! What time has overtaken, or is about to.

use super::{RouteSubject, VerifyPlace, checks, secrets};
use crate::config::spec::SecretSpec;
use crate::diagnostic::At;
use crate::verify::expiry;
use chrono::{DateTime, TimeDelta, Utc};

/// How long before its end a secret is spoken of: time to tell the sender.
const SOON: TimeDelta = TimeDelta::days(7);

pub(super) fn lint_route(subject: &RouteSubject<'_>, now: DateTime<Utc>) {
    if subject.route.enabled && subject.route.active().1.is_some_and(|until| until <= now) {
        let help = "move `until`, or take the route out with `enabled: false`".to_owned();
        let at = subject.at.key("active").key("until");
        at.warning("route-expired", "this has passed: the route takes nothing any more", help);
    }
}

pub(super) fn lint_secrets(place: &VerifyPlace<'_>, now: DateTime<Utc>) {
    for (check, at) in checks(place.spec, &place.at) {
        secrets(check, &at).into_iter().for_each(|(secret, at)| lint_secret(secret, &at, now));
    }
}

fn lint_secret(written: &SecretSpec, at: &At<'_>, now: DateTime<Utc>) {
    let SecretSpec::Dated(dated) = written else { return };
    let at = at.key("until");
    let Some(until) = dated.until.as_ref().and_then(|until| expiry(until, &at)) else { return };
    if until <= now {
        let help = "remove it, or move `until` if its sender still uses it".to_owned();
        at.warning_on_key("secret-expired", "this has passed: the secret is not accepted any more", help);
    } else if until - now <= SOON {
        let help = "see that the sender uses the next one by then, or move `until`".to_owned();
        let days = (until - now).num_days();
        let left = match days {
            0 => "in less than a day".to_owned(),
            1 => "in a day".to_owned(),
            days => format!("in {days} days"),
        };
        at.warning_on_key("secret-expiring", format!("the secret stops being accepted {left}"), help);
    }
}
