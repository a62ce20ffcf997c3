//! Times that do not fit into each other: attempts and waits into the deadline, the deadline into the sender's patience.

use super::{RouteSubject, Subject, TargetSubject};
use crate::config::spec::AckSpec;
use crate::config::units::show_duration;
use crate::diagnostic::At;
use std::time::Duration;

pub(super) fn lint_route(subject: &RouteSubject<'_>) {
    if is_waited_for(subject) {
        patience(subject);
        subject.targets().iter().for_each(|target| attempts(target, subject));
    }
}

fn is_waited_for(subject: &RouteSubject<'_>) -> bool {
    subject.spec.ack.unwrap_or_default() == AckSpec::Delivered
}

fn patience(subject: &RouteSubject<'_>) {
    let Some(provider) = subject.route.verifier().provider() else { return };
    let Some(patience) = provider.patience.filter(|patience| *patience < subject.route.deadline) else { return };
    let (title, patience) = (&provider.title, show_duration(patience));
    let best = provider.deadline().map(show_duration).unwrap_or_default();
    let deadline = show_duration(subject.route.deadline);
    let (at, help) = match &subject.spec.deadline {
        Some(_) => (Some(subject.at.key("deadline")), format!("leave it out for {best}, 80 % of that time")),
        None => (subject.provider_at(), format!("`defaults` say so: write `deadline: {best}` in the route")),
    };
    if let Some(at) = at {
        let message = format!("{title} waits {patience} for an answer, less than the deadline of {deadline}");
        at.warning("deadline-beyond-patience", message, help);
    }
}

/// What was written about a target. Timeouts of `defaults` are bounds for routes with other deadlines too.
fn attempts(target: &TargetSubject<'_>, subject: &RouteSubject<'_>) {
    let deadline = subject.route.deadline;
    let timeout = target.place("timeout", |spec| spec.timeout.is_some());
    if let Some(at) = timeout.as_ref().filter(|_| target.target.timeout() > deadline) {
        let deadline = show_duration(deadline);
        let message = format!("no attempt lasts this long: the deadline of `{}` is {deadline}", subject.route.name);
        at.warning("timeout-beyond-deadline", message, "write a shorter timeout, or a longer `deadline`".to_owned());
    }
    pace(target, subject);
    let Some(at) = target.place("retry", |spec| spec.retry.is_some()) else { return };
    let attempt = timeout.map_or(Duration::ZERO, |_| target.target.timeout().min(deadline));
    too_long(target.target.longest(attempt), subject, attempt.is_zero(), &at);
}

/// A delivery that has to wait for its turn waits at least one interval.
fn pace(target: &TargetSubject<'_>, subject: &RouteSubject<'_>) {
    let deadline = subject.route.deadline;
    let Some(interval) = target.target.interval().filter(|interval| *interval >= deadline) else { return };
    let Some(at) = target.place("limit", |spec| spec.limit.is_some()) else { return };
    let (interval, deadline) = (show_duration(interval), show_duration(deadline));
    let route = &subject.route.name;
    let message =
        format!("the rate lets one attempt through every {interval}, and the deadline of `{route}` is {deadline}");
    let help =
        "a delivery that has to wait fails at once: raise `rate` or `deadline`, or let more go at once with `burst`";
    at.warning("pace-beyond-deadline", message, help.to_owned());
}

/// `longest` counts attempts as nothing where their timeout is not written.
fn too_long(longest: Duration, subject: &RouteSubject<'_>, waits_alone: bool, at: &At<'_>) -> bool {
    if longest <= subject.route.deadline {
        return false;
    }
    let what = if waits_alone { "the waits between attempts alone" } else { "all attempts and the waits between them" };
    let (longest, deadline) = (show_duration(longest), show_duration(subject.route.deadline));
    let message = format!("{what} take up to {longest}, and the deadline of `{}` is {deadline}", subject.route.name);
    let help = "a retry that cannot begin in time is not made: lower `max`, `delay` or `timeout`, or raise `deadline`";
    at.warning("retry-beyond-deadline", message, help.to_owned());
    true
}

/// What `defaults` say, at the first route that it is too much for.
pub(super) fn lint_defaults(subject: &Subject<'_>) {
    if subject.loaded.settings.defaults.as_ref().is_none_or(|defaults| defaults.retry.is_none()) {
        return;
    }
    let at = subject.settings_at().key("defaults").key("retry");
    for route in subject.routes().filter(|route| is_waited_for(route)) {
        let defaulted = |target: &TargetSubject<'_>| target.place("retry", |spec| spec.retry.is_some()).is_none();
        let mut targets = route.targets().into_iter().filter(defaulted);
        if targets.any(|target| too_long(target.target.longest(Duration::ZERO), &route, true, &at)) {
            return;
        }
    }
}
