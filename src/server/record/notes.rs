//! The notes that are taken of one request: what the pipeline did with it, and which delivery something is told of.

use super::spans::Traced;
use crate::dedupe::Repeat;
use crate::deliver::{Attempt, Delivered, GiveUp, NotBuilt, Outbound, Outcome, RawAnswer, Target};
use crate::history::SkippedTarget;
use crate::route::{Decision, Endpoint, Route, Skip, Taken};
use crate::server::answer::{End, Ending};
use compact_str::CompactString;
use http::HeaderMap;
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// What the pipeline did with one request.
#[derive(Default)]
pub struct Notes {
    /// What is told of the endpoint in the end, so that it need not be fetched for that among thousands.
    pub(super) found: Option<FoundEndpoint>,
    /// In the order in which routes are asked.
    pub decisions: Vec<(Arc<Route>, Decision)>,
    /// Of the elements of batches, by route and index. Kept for `test` and `explain` alone.
    pub elements: Vec<(CompactString, usize, Decision)>,
    /// By route, then in file order.
    pub deliveries: Vec<DeliveryNote>,
    /// Targets that were named on purpose, with why they would have got nothing otherwise.
    pub overruled: Vec<(CompactString, Skip)>,
    pub(super) labels: Vec<(CompactString, String)>,
    /// By route, for those with `dedupe`.
    pub(super) repeats: Vec<(CompactString, Repeat)>,
    pub(super) received: Option<(HeaderMap, bytes::Bytes)>,
    /// How the routes that took the event have ended, by their positions.
    pub(super) ended: Vec<(usize, End)>,
    pub(super) ending: Option<Ending>,
    /// A delivery failed, and the sender may take its dead letter for success.
    pub(super) dead_lettered: bool,
    /// Where a request wanted to go that no route is for.
    pub(super) stray_path: Option<String>,
    /// It was a handshake of the provider, and nothing else.
    pub handshake: bool,
    /// Why the request was refused, where the answer does not say it.
    pub(super) refusal: Option<String>,
    pub(super) traced: Traced,
    /// For the history alone.
    pub(super) skipped: Vec<SkippedTarget>,
    /// Positions of the secrets that matched.
    pub matched: Vec<usize>,
}

pub(super) struct FoundEndpoint {
    /// As the configuration writes it.
    pattern: CompactString,
    /// The positions of its routes.
    routes: SmallVec<[usize; 2]>,
}

impl FoundEndpoint {
    pub(super) fn new(endpoint: &Endpoint) -> FoundEndpoint {
        let routes = endpoint.routes().iter().map(|route| route.position).collect();
        FoundEndpoint { pattern: endpoint.pattern().into(), routes }
    }
}

/// One target and what became of it.
pub struct DeliveryNote {
    pub route: CompactString,
    pub target: CompactString,
    /// Who gets the event when this target fails.
    pub dead_letter: Option<CompactString>,
    /// Of a batch.
    pub element: Option<usize>,
    /// The configured target that `choose` has found.
    pub chosen: Option<Arc<str>>,
    pub(super) order: Order,
    pub what: What,
}

pub enum What {
    Skipped(Skip),
    NotBuilt(NotBuilt),
    Sent { outbound: Box<Outbound>, end: Box<DeliveryEnd> },
}

/// What a delivery that was kept came to.
pub struct DeliveryEnd {
    pub outcome: Outcome,
    pub attempts: Vec<Attempt>,
    pub duration: Duration,
    pub gave_up: Option<GiveUp>,
    /// The last whole answer.
    pub answer: Option<RawAnswer>,
}

impl DeliveryEnd {
    pub(super) fn new(delivered: &Delivered) -> DeliveryEnd {
        DeliveryEnd {
            outcome: delivered.outcome,
            attempts: delivered.attempts.clone(),
            duration: delivered.duration,
            gave_up: delivered.gave_up,
            answer: delivered.raw_answer.clone(),
        }
    }

    /// Egress refuses the host, and nothing was tried.
    pub fn is_refused(&self) -> bool {
        self.outcome == Outcome::Egress && self.attempts.is_empty()
    }
}

impl Notes {
    /// That of the endpoint, as the configuration writes it.
    pub fn pattern(&self) -> Option<&str> {
        self.found.as_ref().map(|found| found.pattern.as_str())
    }

    /// The positions of all routes behind the endpoint.
    pub(super) fn reached(&self) -> impl Iterator<Item = usize> {
        self.found.iter().flat_map(|found| found.routes.iter().copied())
    }

    /// The deliveries that were sent, or would have been; not those that egress would have refused.
    pub fn sent(&self) -> impl Iterator<Item = (&DeliveryNote, &Outbound)> {
        self.deliveries.iter().filter_map(|note| match &note.what {
            What::Sent { end, .. } if end.is_refused() => None,
            What::Sent { outbound, .. } => Some((note, outbound.as_ref())),
            What::Skipped(_) | What::NotBuilt(_) => None,
        })
    }
}

/// Which delivery something is told of.
#[derive(Clone)]
pub struct DeliveryRecord {
    pub route: CompactString,
    pub target: CompactString,
    /// Of a batch, from 0.
    pub element: Option<usize>,
    /// The configured target that `choose` has found.
    pub chosen: Option<Arc<str>>,
    pub(super) labels: Arc<[(CompactString, String)]>,
    pub(super) order: Order,
    pub(super) dead_letter: Option<CompactString>,
}

/// By `order`, route, element and target.
pub(super) type Order = (i64, usize, usize, usize);

impl DeliveryRecord {
    /// `position` is the target's among the route's.
    pub fn new(taken: &Taken, target: &Target, position: usize) -> DeliveryRecord {
        let element = taken.event.element.as_ref().map(|element| element.index);
        DeliveryRecord {
            route: taken.route.name.clone(),
            target: target.name.clone(),
            element,
            chosen: target.chosen.clone(),
            labels: taken.labels.clone(),
            order: (taken.route.order, taken.route.position, element.unwrap_or_default(), position),
            dead_letter: target.dead_letter.as_ref().map(|dead_letter| dead_letter.name.clone()),
        }
    }

    /// The same for the dead letter of the target.
    pub fn to(&self, dead_letter: &Target) -> DeliveryRecord {
        let (order, route, element, _) = self.order;
        DeliveryRecord {
            target: dead_letter.name.clone(),
            chosen: None,
            dead_letter: None,
            // Behind the targets of the route, none of which it is.
            order: (order, route, element, usize::MAX),
            ..self.clone()
        }
    }

    pub fn labels(&self) -> &[(CompactString, String)] {
        &self.labels
    }
}
