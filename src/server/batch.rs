//! A request that brings several events: each element is decided by itself.

use super::answer::Ending;
use super::rate_limits::RateLimits;
use super::record::Recorder;
use crate::body::Violation;
use crate::event::Event;
use crate::route::{Decision, Engine, Route, Split, Taken};
use std::sync::Arc;

/// What a route does with a batch.
pub struct Share {
    /// An event for each element that is taken, in their order.
    pub taken: Vec<Taken>,
    /// Of the route as a whole: taken where any element is.
    pub decision: Decision,
    /// The ending that wrong expressions and full limits cause.
    pub failed: Ending,
    /// Where the first element that breaks the contract of the route does so.
    pub broken: Vec<Violation>,
}

/// Asks a route about each element.
pub fn decide(
    route: &Arc<Route>,
    split: Split,
    engine: &Engine,
    recorder: &Recorder,
    limits: &mut RateLimits,
    overrules: bool,
) -> Share {
    let elements = match split {
        Ok(Ok(elements)) => elements,
        Ok(Err(ignored)) => return Share::none(Decision::Ignored(ignored)),
        Err(error) => return Share::none(Decision::Failed(error)),
    };
    let mut share: Option<Share> = None;
    for event in &elements {
        let (taken, decision) = decide_one(route, event, engine, limits, overrules);
        recorder.decided_element(route, event, &decision);
        let failed = Ending::of_decision(&decision);
        let violations = match &decision {
            Decision::Broken(violations) => violations.clone(),
            _ => Vec::new(),
        };
        let share = share.get_or_insert_with(|| Share::none(decision.clone()));
        share.failed = share.failed.and(failed);
        share.taken.extend(taken);
        share.broken.extend(violations.into_iter().filter(|_| share.broken.is_empty()).collect::<Vec<_>>());
        if rank(&decision) < rank(&share.decision) {
            share.decision = decision;
        }
    }
    share.unwrap_or_else(|| Share::none(Decision::Ignored(crate::route::Ignored::EmptyBatch)))
}

/// `overrules`: the route was named on purpose, and takes the element whatever its clauses say.
fn decide_one(
    route: &Arc<Route>,
    event: &Arc<Event>,
    engine: &Engine,
    limits: &mut RateLimits,
    overrules: bool,
) -> (Option<Taken>, Decision) {
    let mut decision = route.decide(event, engine);
    if decision == Decision::Taken
        && let Some(held) = limits.ask_for_element(route, event, engine)
    {
        decision = held;
    }
    if decision != Decision::Taken && !(overrules && matches!(decision, Decision::Ignored(_))) {
        return (None, decision);
    }
    match Taken::new(route, event, engine) {
        Ok(taken) => (Some(taken), decision),
        Err(error) => (None, Decision::Failed(error)),
    }
}

/// What is told of a route whose elements were not all decided alike.
fn rank(decision: &Decision) -> u8 {
    match decision {
        Decision::Taken => 0,
        Decision::Failed(_) | Decision::Broken(_) => 1,
        Decision::RateLimited(_) => 2,
        Decision::Ignored(_) => 3,
    }
}

impl Share {
    fn none(decision: Decision) -> Share {
        Share { taken: Vec::new(), broken: Vec::new(), failed: Ending::of_decision(&decision), decision }
    }
}
