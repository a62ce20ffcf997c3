//! Repeats of an event, between the route that takes it and its deliveries: one in flight is joined, one that has
//! succeeded is answered, one that failed in part runs for the rest.

use super::answer::{End, Ending};
use super::deliveries::Context;
use super::run::Run;
use crate::dedupe::{self, Begun, Fate, Repeat};
use crate::deliver::RawAnswer;
use crate::expr::Answer;
use crate::route::{Ack, Taken};
use bytes::Bytes;
use compact_str::CompactString;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::{Instant, timeout_at};

/// How one route's share of an event ended, for those that wait for it and for later repeats.
pub struct Told {
    ending: Ending,
    pub progress: Progress,
}

/// What the tries of one event have done so far.
#[derive(Clone, Default)]
pub struct Progress {
    /// Required targets that have the event.
    done: Vec<(CompactString, Kept)>,
    unawaited: Arc<Mutex<BTreeSet<CompactString>>>,
}

/// What is kept of a delivery that succeeded.
#[derive(Clone, Default)]
pub struct Kept {
    pub answer: Option<Answer>,
    pub raw_answer: Option<RawAnswer>,
}

/// What is to be done with an event that a route has taken.
pub enum Met {
    /// Deliver it, then [`Turn::end`].
    Turn(Turn),
    /// Nothing: it has ended so.
    Known(Arc<Told>, Ending),
}

/// The work on an event; alone of its id where it has one.
#[derive(Default)]
pub struct Turn {
    turn: Option<dedupe::Turn<Told>>,
    progress: Progress,
}

/// Asks the route's memory, and waits for an equal event that is in flight.
pub async fn meet(taken: &Taken, context: &Context) -> Met {
    let route = &taken.route;
    let Some(identity) = &route.dedupe else { return Met::Turn(Turn::default()) };
    let Some(key) = &taken.dedupe_key else {
        context.recorder.repeated(route, Repeat::NoKey);
        return Met::Turn(Turn::default());
    };
    let deadline = context.arrived + route.deadline;
    let memory = context.gateway.repeats.of(&route.name, Instant::now());
    let (repeat, met) = loop {
        match memory.begin(key, identity.window, Instant::now()) {
            Begun::Turn(turn) => {
                let before = turn.before().map(|told| told.progress.clone());
                let repeat = if before.is_some() { Repeat::Resumed } else { Repeat::First };
                break (repeat, Met::Turn(Turn { turn: Some(turn), progress: before.unwrap_or_default() }));
            }
            Begun::Succeeded(told) => break (Repeat::Duplicate, Met::Known(told, Ending::DUPLICATE)),
            // Its sender was told "accepted", and so is this one.
            Begun::InFlight(_) if route.ack == Ack::Accepted => {
                break (Repeat::Joined, Met::Known(Told::accepted(), Ending::ACCEPTED));
            }
            Begun::InFlight(waiting) => {
                context.recorder.waits(&route.name);
                // Whoever worked on it may be gone without an end: then this one begins anew.
                if let Some(told) = timeout_at(deadline, waiting.ended()).await.unwrap_or_else(|_| Some(Told::late())) {
                    let ending = told.ending;
                    break (Repeat::Joined, Met::Known(told, ending));
                }
            }
        }
    };
    context.recorder.repeated(route, repeat);
    met
}

impl Turn {
    /// What earlier tries have done.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    pub fn end(self, run: &Run, context: &Context) {
        let Some(turn) = self.turn else { return };
        let succeeded = run.ending.end == End::Delivered;
        let progress = Progress { done: done(run, succeeded), unawaited: self.progress.unawaited };
        let fate = match () {
            () if succeeded => Fate::Succeeded,
            () if progress.is_empty() => Fate::Failed,
            () => Fate::Partly,
        };
        let bytes = progress.bytes();
        let forgotten = turn.end(fate, Told { ending: run.ending, progress }, bytes, Instant::now());
        if let Some(ids) = forgotten {
            context.recorder.forgot(&run.taken.route, ids);
        }
    }
}

/// Of a success answers are kept only for a `respond`; of a failure in part always, for whatever the rest makes of them.
fn done(run: &Run, succeeded: bool) -> Vec<(CompactString, Kept)> {
    let are_read = !succeeded || !run.taken.route.responds().is_empty();
    let answers = run.answers.iter().zip(&run.raw_answers);
    let targets = run.taken.route.targets.iter().zip(&run.succeeded).zip(answers);
    let done = targets.filter(|((_, succeeded), _)| **succeeded);
    let kept = done.map(|((target, _), (answer, raw))| {
        let kept = if are_read { Kept::of(answer.as_ref(), raw.as_ref()) } else { Kept::default() };
        (target.name.clone(), kept)
    });
    kept.collect()
}

impl Told {
    /// To one that does not wait.
    fn accepted() -> Arc<Told> {
        Arc::new(Told { ending: Ending::ACCEPTED, progress: Progress::default() })
    }

    /// To one that has waited for as long as its sender does.
    fn late() -> Arc<Told> {
        Arc::new(Told { ending: Ending::DEADLINE_PASSED, progress: Progress::default() })
    }
}

impl Progress {
    /// What is kept of a required target that has the event.
    pub fn of(&self, target: &str) -> Option<&Kept> {
        self.done.iter().find(|(name, _)| &**name == target).map(|(_, kept)| kept)
    }

    /// `None` where a target that no answer waits for has the event, or is about to.
    pub fn begin_unawaited(&self, target: &CompactString) -> Option<Underway> {
        let begun = self.unawaited().insert(target.clone());
        begun.then(|| Underway { progress: self.clone(), target: target.clone(), succeeded: false })
    }

    fn is_empty(&self) -> bool {
        self.done.is_empty() && self.unawaited().is_empty()
    }

    fn bytes(&self) -> usize {
        self.done.iter().map(|(name, kept)| name.len() + kept.bytes()).sum()
    }

    /// A set of names is whole whenever the lock is free.
    fn unawaited(&self) -> MutexGuard<'_, BTreeSet<CompactString>> {
        self.unawaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A delivery that no answer waits for. Dropped without success, it may be begun again.
pub struct Underway {
    progress: Progress,
    target: CompactString,
    succeeded: bool,
}

impl Underway {
    pub fn ended(mut self, succeeded: bool) {
        self.succeeded = succeeded;
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if !self.succeeded {
            self.progress.unawaited().remove(&self.target);
        }
    }
}

impl Kept {
    /// Copies, because what came from a connection is a part of its buffer and would keep all of that.
    fn of(answer: Option<&Answer>, raw: Option<&RawAnswer>) -> Kept {
        let answer = answer.map(|answer| Answer {
            status: answer.status,
            headers: Arc::new(copied_headers(&answer.headers)),
            body: answer.body.clone(),
        });
        let raw_answer = raw.map(|raw| RawAnswer {
            status: raw.status,
            content_type: raw.content_type.as_ref().and_then(copied),
            body: Bytes::copy_from_slice(&raw.body),
        });
        Kept { answer, raw_answer }
    }

    fn bytes(&self) -> usize {
        let header =
            |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + size_of::<Bytes>();
        let answer = |answer: &Answer| answer.body.bytes() + answer.headers.iter().map(header).sum::<usize>();
        size_of::<Kept>()
            + self.answer.as_ref().map_or(0, answer)
            + self.raw_answer.as_ref().map_or(0, |raw| raw.body.len())
    }
}

fn copied_headers(headers: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if let Some(value) = copied(value) {
            copy.append(name, value);
        }
    }
    copy
}

fn copied(value: &HeaderValue) -> Option<HeaderValue> {
    // What was a value is one.
    HeaderValue::from_bytes(value.as_bytes()).ok()
}
