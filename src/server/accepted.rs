//! Routes whose sender hears "accepted": their deliveries go on by themselves, in bounded memory.
//!
//! The place in that memory is taken before anything of the event is sent, so that a sender that is told to come again
//! later has not been served in part.

use super::admission::Permit;
use super::answer::Ending;
use super::caught::{Panicked, poll_caught};
use super::deliveries::{self, Context};
use super::repeats::{Progress, Turn};
use super::run::Run;
use crate::route::{Ack, Taken};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

/// A place for the event, where any of these routes needs one. `None`: the memory is full.
pub fn place(taken: &[Taken], context: &Context) -> Option<Arc<Permit>> {
    let Some(first) = taken.iter().find(|taken| taken.route.ack == Ack::Accepted) else {
        return Some(context.permit.clone());
    };
    let mut place = context.gateway.accepted.enter()?;
    // The elements of a batch have copies of what is theirs.
    let bytes = match &first.event.element {
        Some(element) => element.batch.as_ref().map_or(0, |batch| 2 * batch.text.len()),
        None => first.event.bytes.len(),
    };
    place.grow(bytes).then(|| Arc::new(place))
}

/// What is answered when there is no place: nothing has been sent, and the sender may come again.
pub fn full(taken: Vec<Taken>) -> Vec<Run> {
    let none = Progress::default();
    taken.into_iter().map(|taken| Run { ending: Ending::OVERLOADED, ..Run::new(taken, &none) }).collect()
}

/// Begins the deliveries of a route, which end by themselves.
pub fn begin(taken: Taken, turn: Turn, place: &Arc<Permit>, context: &Context) -> Run {
    let run = Run { ending: Ending::ACCEPTED, ..Run::new(taken.clone(), turn.progress()) };
    let context = Context { permit: place.clone(), ..context.clone() };
    context.gateway.work.clone().spawn(go_on(taken, turn, context));
    run
}

async fn go_on(taken: Taken, turn: Turn, context: Context) {
    let route = taken.route.name.clone();
    let work = async {
        let run = deliveries::run_targets(taken, turn.progress(), &context).await;
        turn.end(&run, &context);
    };
    let mut work = pin!(work);
    // The panic of one event must not end unseen: its sender believes that it is kept.
    if let Err(Panicked) = poll_fn(|cx| poll_caught(work.as_mut(), cx)).await {
        context.recorder.lost(&route, "", "internal");
        context.gateway.has_lost();
    }
}
