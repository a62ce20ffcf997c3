//! Bodies that a route takes, and the process has no room for.

use super::{RouteSubject, Subject};
use crate::config;
use crate::config::spec::IN_FLIGHT_BYTES_DEFAULT;
use crate::diagnostic::At;

pub(super) fn lint(subject: &Subject<'_>) {
    let limits_at = subject.settings_at().key("limits").key("in_flight_bytes");
    let limits = subject.loaded.settings.limits.as_ref();
    let room = match limits.and_then(|limits| limits.in_flight_bytes.as_deref()) {
        // What is wrong with it was reported when it was compiled.
        Some(written) => limits_at.quietly(|at| config::size(written, at)).unwrap_or(u64::MAX),
        None => IN_FLIGHT_BYTES_DEFAULT,
    };
    let too_large: Vec<RouteSubject<'_>> = subject.routes().filter(|route| route.route.max_size() > room).collect();
    too_large.iter().filter(|route| is_written(route)).for_each(|route| warn(&route.at.key("body").key("max_size")));
    // What is true for all routes is said once.
    if too_large.iter().any(|route| !is_written(route)) {
        warn(&limits_at);
    }
}

fn is_written(route: &RouteSubject<'_>) -> bool {
    route.spec.body.as_ref().is_some_and(|body| body.max_size.is_some())
}

fn warn(at: &At<'_>) {
    let message = "a body may be larger (`max_size`) than what all bodies together may take (`limits.in_flight_bytes`)";
    let help = "such a body is answered 503 however often it is sent; make `max_size` less, or the limit more";
    at.warning("size-beyond-room", message, help.to_owned());
}
