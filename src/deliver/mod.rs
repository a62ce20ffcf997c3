//! One event to one target: the request, its attempts, and what became of it.
//!
//! [`Target::compile`] finds every mistake while a configuration loads, [`Target::prepare`] builds a request without
//! sending it, [`Target::deliver`] makes attempts until the retry policy or the deadline ends them. What happened is
//! returned and told to an [`Observer`]; logs, traces and metrics are not made here.

mod answer;
mod attempt;
mod auth;
mod breaker;
mod budget;
mod client;
mod connect;
mod dead_letter;
mod delivery;
mod destination;
mod failure;
mod fetch;
mod field;
mod forward;
mod gates;
mod hop;
mod id;
mod kept;
mod layers;
mod not_built;
mod outcome;
mod pacing;
mod places;
mod pool;
mod prepare;
mod retry;
mod sink;
mod states;
mod statuses;
mod success;
mod target;
#[cfg(test)]
mod tests;

pub use answer::RawAnswer;
pub use auth::{SignSecret, Signer, Signers, ToSign, Tokens, Unsignable};
pub use breaker::BreakerState;
pub use client::{Client, ClientError};
pub use dead_letter::{DeadLetter, Letter, Record, RecordError, Stored};
pub use fetch::FetchError;
pub use id::delivery_id;
pub use not_built::NotBuilt;
pub use outcome::{Attempt, GiveUp, Outcome, Waited, WaitedFor};
pub use pool::{Profile, Profiles};
pub use states::States;

use crate::config::spec::{DefaultsSpec, Ordered, TargetSpec, TransformSpec};
use crate::diagnostic::At;
use crate::egress::Egress;
use crate::event::Event;
use crate::expr::{Answer, Condition, Environment, Reads, Value};
use bytes::Bytes;
use compact_str::CompactString;
use destination::Destination;
use http::{HeaderMap, Method};
use std::fmt;
use std::mem::offset_of;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A compiled target.
///
/// In this order, with what every delivery reads at the front: of thousands of targets that one is in no cache, and each line
/// of it has to be fetched.
#[repr(C)]
pub struct Target {
    pub name: CompactString,
    pub enabled: bool,
    pub required: bool,
    /// A stored dead letter does not count as success for the sender.
    pub strict: bool,
    /// It gets records of deliveries that failed, and nothing else.
    is_dead_letter: bool,
    /// Bytes of an answer.
    answer_max: u32,
    pub when: Option<Box<Condition>>,
    /// Gets what could not be delivered.
    pub dead_letter: Option<Arc<Target>>,
    /// The shared target that it is, where it is one of several to choose from.
    pub chosen: Option<Arc<str>>,
    request: target::Request,
    timeout: Duration,
    success: success::Success,
    gates: gates::Gates,
    retry: retry::RetryPolicy,
    /// Among those written in its route, dead letters included.
    pub position: usize,
    /// What the sender has shown `verify`, beside headers.
    credential_query: Box<[String]>,
    /// As written, for `routes`: references (without defaults) and expressions unresolved.
    pub written_url: String,
}

// What every delivery reads takes four lines, with the counts of the `Arc` around it.
const _: () = assert!(2 * size_of::<usize>() + offset_of!(Target, retry) <= 4 * 64);

/// What compiling a target needs besides its own spec.
#[derive(Clone)]
pub struct TargetContext<'a> {
    pub environment: Environment<'a>,
    /// `targets:` of hookswitch.yaml, for `use:`.
    pub shared_targets: &'a Ordered<TargetSpec>,
    /// `transforms:` of hookswitch.yaml.
    pub shared_transforms: &'a Ordered<TransformSpec>,
    /// The route's own transform, for a target that has none.
    pub route_transform: Option<&'a TransformSpec>,
    pub defaults: Option<&'a DefaultsSpec>,
    /// The top of hookswitch.yaml, to point at mistakes there; without it they are reported where it is used.
    pub process_at: Option<At<'a>>,
    /// Lower-case headers and query parameters that `verify` used as credentials: not forwarded.
    pub credential_headers: &'a [http::HeaderName],
    pub credential_query: &'a [String],
    /// The shared target to compile it as, where the target chooses among several.
    pub chosen: Option<&'a Chosen<'a>>,
    /// The name of the route.
    pub route: &'a str,
    /// What is known of targets already.
    pub states: &'a States,
    /// A retry delay that is not written.
    pub retry_delay: Duration,
    /// What is compiled is named as a dead letter.
    pub is_dead_letter: bool,
    pub egress: &'a Arc<Egress>,
    pub lasting: &'a Lasting,
    /// For `auth: {sign: …}`.
    pub signers: &'a dyn Signers,
}

/// What targets take over from one generation of the configuration to the next.
#[derive(Default)]
pub struct Lasting {
    /// Ways of making connections, each with its pool.
    pub profiles: Profiles,
    /// Tokens of OAuth 2.0.
    pub tokens: Tokens,
}

/// One of the shared targets that a target may turn out to be, and where it is named.
pub struct Chosen<'a> {
    pub name: &'a str,
    pub at: At<'a>,
}

/// A request to a target, ready but for what every attempt adds. Made by [`Target::prepare`] alone.
#[derive(Clone)]
pub struct Outbound {
    pub method: Method,
    pub headers: HeaderMap,
    /// Headers whose values must not be shown, with what is shown instead (`Bearer ${env:TOKEN}`).
    pub shown_headers: Vec<(http::HeaderName, String)>,
    pub body: Bytes,
    /// Stable over all attempts, and over the sender's retries where the event has a dedupe key: `webhook-id` and `idempotency-key`.
    pub id: String,
    address: Arc<Address>,
    /// What each attempt makes anew.
    credential: Option<auth::Credential>,
}

/// A URL to send to and to show. One that depends on no event is made once per generation.
struct Address {
    destination: Destination,
    /// `http(s)://…`, `stdout://` or `file:///path`.
    url: Box<str>,
    /// References instead of their values; `None`: there are none.
    #[expect(clippy::box_collection, reason = "few have it, and all is to fit into two lines of the cache")]
    shown: Option<Box<String>>,
}

// With the counts of the `Arc` around it.
const _: () = assert!(2 * size_of::<usize>() + size_of::<Address>() <= 2 * 64);

impl Outbound {
    /// To send to: `http(s)://…`, `stdout://` or `file:///path`.
    pub fn url(&self) -> &str {
        &self.address.url
    }

    /// To show: references instead of their values.
    pub fn shown_url(&self) -> &str {
        self.address.shown.as_ref().map_or(&*self.address.url, |shown| shown)
    }

    /// Every header as it may be shown: credentials as the references they were written as.
    pub fn shown(&self) -> Vec<(String, String)> {
        let shown = self.headers.iter().map(|(name, value)| {
            let masked = self.shown_headers.iter().find(|(masked, _)| masked == name);
            let text = masked
                .map_or_else(|| String::from_utf8_lossy(value.as_bytes()).into_owned(), |(_, shown)| shown.clone());
            (name.to_string(), text)
        });
        shown.collect()
    }
}

/// Neither the URL nor a header nor the body as they are sent: all of them may hold secrets.
impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("method", &self.method)
            .field("shown_url", &self.shown_url())
            .field("id", &self.id)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What a delivery came to.
pub struct Delivered {
    /// Of the last attempt; [`Outcome::Deadline`] where the deadline cut it short or left no room for any,
    /// [`Outcome::Draining`] where a stop ended it, or the wait for another; [`Outcome::QueueFull`] and
    /// [`Outcome::BreakerOpen`] where none was made because of them.
    pub outcome: Outcome,
    pub attempts: Vec<Attempt>,
    /// The last whole answer, where `success` or (by [`DeliveryScope::answer_is_read`]) something else reads it.
    pub answer: Option<Answer>,
    /// The last whole answer as it came, for `respond.from`.
    pub raw_answer: Option<RawAnswer>,
    pub duration: Duration,
    /// How long the target asked us to wait, where a later try of the sender may help.
    pub retry_after: Option<Duration>,
    /// Why no (further) attempt was made, where one might have been.
    pub gave_up: Option<GiveUp>,
    /// Who has the event instead, after a failure.
    pub dead_letter: Option<Stored>,
}

impl Delivered {
    /// No attempt was made, for this outcome.
    pub fn unattempted(outcome: Outcome) -> Delivered {
        Delivered {
            outcome,
            attempts: Vec::new(),
            answer: None,
            raw_answer: None,
            duration: Duration::ZERO,
            retry_after: None,
            gave_up: None,
            dead_letter: None,
        }
    }

    /// Why it failed, in a word.
    pub fn reason(&self) -> &'static str {
        self.gave_up.map_or(self.outcome.as_str(), GiveUp::as_str)
    }

    /// The target has the event, or somebody else has it whom the sender may take for the target.
    pub fn suffices(&self) -> bool {
        self.outcome == Outcome::Success || self.dead_letter.as_ref().is_some_and(|stored| stored.suffices)
    }
}

/// An answer that no target gave, for [`Target::pretend`].
#[derive(Debug, Clone)]
pub struct Pretended {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What watches attempts (logs, traces, metrics); `deliver` itself knows none of them.
pub trait Observer: Send + Sync {
    /// Before an attempt is sent: adds headers of its own (`traceparent`, `tracestate`).
    fn attempt_begins(&self, number: u32, headers: &mut HeaderMap);
    fn attempt_ended(&self, attempt: &Attempt);
    /// The delivery had to wait for its turn; told when the wait is over, also where it was in vain.
    fn waited(&self, _wait: &Waited) {}
}

/// What attempts need besides the request.
pub struct DeliveryScope {
    pub deadline: Instant,
    /// For `success` conditions and the forwarding headers.
    pub event: Arc<Event>,
    pub route: CompactString,
    /// Values of the route's `vars`, for `success` conditions.
    pub vars: Arc<[Value]>,
    /// Answers of earlier targets, for `success` conditions.
    pub answers: Arc<[Option<Answer>]>,
    pub tables: crate::document::Document,
    /// Makes `uuid()`.
    pub uuid: fn() -> String,
    /// The peer that sent the request, where it is one of `trusted_proxies`: its forwarding headers are continued. Those
    /// of anybody else are dropped.
    pub trusted_proxy: Option<IpAddr>,
    /// The sender waits for the end of the delivery: a retry that is over the budget of the target is not made. Where nobody
    /// waits it is made later.
    pub sender_waits: bool,
    /// Something reads `answers.<target>`, so the answer is worth parsing.
    pub answer_is_read: bool,
    /// Fires when the process stops and its grace is over: the attempt under way ends, no further one is made.
    pub draining: tokio_util::sync::CancellationToken,
}

/// What either of two readers reads.
fn union(one: Reads, other: Reads) -> Reads {
    one.and(other)
}
