//! What rate limits say of one request, and the fields that tell its sender.
//!
//! The fields are `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11: lists of strings with
//! parameters (RFC 9651, section 3.1). A policy's `q` is the burst, its `w` the time in which a burst that was used up is
//! there again, so that `q` over `w` is the rate. Of a limit, `r` is what may still come at once, and `t` the time until it
//! is one more: in that time no more than `r` can come. On a 429 `r` is 0 and `t` is not later than `Retry-After`
//! (section 6). No partition key is shown: it may be an address or come from a payload.

use super::record::Recorder;
use super::rejection::{Rejection, whole_seconds};
use crate::event::Event;
use crate::expr::EvaluationError;
use crate::limit::Standing;
use crate::route::{Decision, Endpoint, Engine, Route};
use compact_str::CompactString;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Whether requests count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    On,
    /// Offline: every example is the first of its kind.
    Off,
}

/// Asked along the pipeline, in its order.
pub struct RateLimits {
    counting: Counting,
    asked: Vec<Asked>,
    /// Routes, by their place in the endpoint, that do not get the event although they may take it.
    held: Vec<(usize, Decision)>,
}

/// A limit that was asked, by the name that the sender sees.
struct Asked {
    name: Cow<'static, str>,
    /// For the log: the route's own name.
    route: Option<CompactString>,
    standing: Standing,
}

/// When a route's limit is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The sender is known, the body is bytes.
    Verified,
    /// For expressions over the body.
    Parsed,
}

impl RateLimits {
    pub fn new(counting: Counting) -> RateLimits {
        RateLimits { counting, asked: Vec::new(), held: Vec::new() }
    }

    /// Counts the client's address, before anything of the body is read.
    ///
    /// # Errors
    /// The client is over its limit.
    pub fn ask_for_client(&mut self, endpoint: &Endpoint, ip: IpAddr) -> Result<(), Rejection> {
        match endpoint.limit() {
            Some(limit) if self.counting == Counting::On && limit.is_by_client() => {
                self.admit("client".into(), limit.spend_of_client(ip))
            }
            _ => Ok(()),
        }
    }

    /// Counts a verified event: for its source, then for each route that it fits but for the body. Asked at both stages;
    /// each limit counts at one of them.
    ///
    /// # Errors
    /// Over the source's limit, or over that of every route that fits; or the source's expression is wrong.
    pub fn ask_for_event(
        &mut self,
        endpoint: &Endpoint,
        event: impl FnOnce() -> Arc<Event>,
        engine: &Engine,
        stage: Stage,
        recorder: &Recorder,
    ) -> Result<(), Rejection> {
        if self.counting == Counting::Off || !endpoint.has_limits() {
            return Ok(());
        }
        let event = event();
        if endpoint.counts_by_body() == (stage == Stage::Parsed)
            && let Some(standing) = endpoint.spend(&event, engine)
        {
            let standing = standing.map_err(|error| {
                recorder.limit_failed(endpoint, &error);
                Rejection::wrong_expression()
            })?;
            self.admit("source".into(), standing)?;
        }
        for (position, route) in endpoint.routes().iter().enumerate() {
            if route.counts_by_body() == (stage == Stage::Parsed)
                && let Some(standing) = route.spend(&event, engine)
            {
                self.hold(position, &route.name, standing);
            }
        }
        self.anyone_left(endpoint, &event)
    }

    /// Counts one element of a batch for its route. What it would be told if it came by itself; `None`: there is room.
    pub fn ask_for_element(&mut self, route: &Route, event: &Arc<Event>, engine: &Engine) -> Option<Decision> {
        if self.counting == Counting::Off {
            return None;
        }
        let standing = match route.spend(event, engine)? {
            Ok(standing) => standing,
            Err(error) => return Some(Decision::Failed(error)),
        };
        let (is_over, next) = (standing.is_over, standing.next);
        match self.asked.iter_mut().find(|asked| asked.route.as_ref() == Some(&route.name)) {
            // The sender hears of the worst.
            Some(asked) if asked.standing.is_over && !is_over => {}
            Some(asked) => asked.standing = standing,
            None => self.note(&route.name, standing),
        }
        is_over.then_some(Decision::RateLimited(next))
    }

    /// Why a route does not get an event that it would take.
    pub fn held(&self, position: usize) -> Option<Decision> {
        self.held.iter().find(|(held, _)| *held == position).map(|(_, decision)| decision.clone())
    }

    /// Whose limits were full, for the log: `the client`, `the route orders`.
    pub fn full(&self) -> String {
        let full = self.asked.iter().filter(|asked| asked.standing.is_over);
        let names = full.map(|asked| match &asked.route {
            Some(route) => format!("the route {route}"),
            None => format!("the {}", asked.name),
        });
        names.collect::<Vec<String>>().join(", ")
    }

    /// Tells the sender where it stands.
    pub fn mark(&self, headers: &mut HeaderMap) {
        for (name, value) in [(POLICY, self.list(policy)), (LIMIT, self.list(standing))] {
            if let Some(value) = HeaderValue::from_str(&value).ok().filter(|value| !value.is_empty()) {
                headers.insert(name, value);
            }
        }
    }

    fn admit(&mut self, name: Cow<'static, str>, standing: Standing) -> Result<(), Rejection> {
        self.asked.push(Asked { name, route: None, standing });
        if standing.is_over { Err(Rejection::RateLimited { retry_after: standing.next }) } else { Ok(()) }
    }

    fn hold(&mut self, position: usize, route: &CompactString, standing: Result<Standing, EvaluationError>) {
        match standing {
            Ok(standing) => {
                self.note(route, standing);
                if standing.is_over {
                    self.held.push((position, Decision::RateLimited(standing.next)));
                }
            }
            Err(error) => self.held.push((position, Decision::Failed(error))),
        }
    }

    fn note(&mut self, route: &CompactString, standing: Standing) {
        let others = self.asked.iter().filter(|asked| asked.route.is_some()).count();
        // Names say which is which without telling strangers how the routes are called.
        let name = if others == 0 { "route".into() } else { format!("route-{}", others + 1).into() };
        self.asked.push(Asked { name, route: Some(route.clone()), standing });
    }

    /// Where every route that may take the event is over its limit there is nothing to parse it for.
    fn anyone_left(&self, endpoint: &Endpoint, event: &Event) -> Result<(), Rejection> {
        let mut longest: Option<Duration> = None;
        for (position, route) in endpoint.routes().iter().enumerate() {
            match self.held(position) {
                Some(Decision::RateLimited(next)) => longest = longest.max(Some(next)),
                _ if route.misfit(&event.request).is_some() => {}
                _ => return Ok(()),
            }
        }
        longest.map_or(Ok(()), |retry_after| Err(Rejection::RateLimited { retry_after }))
    }

    fn list(&self, item: fn(&Asked) -> String) -> String {
        self.asked.iter().map(item).collect::<Vec<String>>().join(", ")
    }
}

/// Names are ours: letters, digits and hyphens, with nothing to escape in a string (RFC 9651, section 4.1.6).
fn policy(Asked { name, standing, .. }: &Asked) -> String {
    let quota = standing.quota;
    format!("\"{name}\";q={};w={}", quota.burst(), whole_seconds(quota.window()))
}

fn standing(Asked { name, standing, .. }: &Asked) -> String {
    format!("\"{name}\";r={};t={}", standing.remaining, whole_seconds(standing.next))
}

#[cfg(test)]
mod tests;
