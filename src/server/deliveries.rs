//! The deliveries of one event: routes by `order`, the targets of a route side by side, and none a second time.

use super::accepted;
use super::admission::Permit;
use super::answer::{End, Ending};
use super::chain;
use super::delivery::Job;
use super::gateway::{Gateway, Generation};
use super::record::{DeliveryRecord, Recorder};
use super::repeats::{self, Met, Progress};
use super::run::Run;
use crate::deliver::Delivered;
use crate::route::{Ack, Plan, Planned, Skip, Taken};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::Instant;

/// What every delivery of one event shares.
#[derive(Clone)]
pub struct Context {
    pub gateway: Arc<Gateway>,
    pub generation: Arc<Generation>,
    pub recorder: Recorder,
    /// When the event arrived: deadlines count from here.
    pub arrived: Instant,
    /// Held by whatever still works on the event.
    pub permit: Arc<Permit>,
    /// The peer, where it is one of `trusted_proxies`.
    pub trusted_proxy: Option<IpAddr>,
}

/// So many elements of a batch are with one route at once.
const ELEMENTS_TOGETHER: usize = 16;

/// Runs routes of a lower order to their end before those of a higher one; after a failure later orders do not run. Those
/// whose sender hears "accepted" are only begun, and hold nothing up.
pub async fn run(taken: Vec<Taken>, context: &Context) -> Vec<Run> {
    let Some(place) = accepted::place(&taken, context) else { return accepted::full(taken) };
    // Most events are one route's, which needs no machinery around it.
    let taken = match <[Taken; 1]>::try_from(taken) {
        Ok([taken]) => return vec![run_route(taken, &place, context).await],
        Err(taken) => taken,
    };
    // On the heap, so that those carry no room for it.
    Box::pin(run_by_order(taken, &place, context)).await
}

async fn run_by_order(taken: Vec<Taken>, place: &Arc<Permit>, context: &Context) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(taken.len());
    let mut waiting = taken.into_iter().peekable();
    while let Some(first) = waiting.next() {
        let order = first.route.order;
        let mut together = vec![first];
        while let Some(next) = waiting.next_if(|next| next.route.order == order) {
            together.push(next);
        }
        runs.extend(run_together(together, place, context).await);
        if runs.iter().any(|run| run.ending.end < End::Delivered) {
            break;
        }
    }
    runs
}

/// Routes side by side, and the elements of a batch in their order, a few at a time.
async fn run_together(together: Vec<Taken>, place: &Arc<Permit>, context: &Context) -> Vec<Run> {
    if together.iter().all(|taken| taken.event.element.is_none()) {
        return join_all(together.into_iter().map(|taken| run_route(taken, place, context))).await;
    }
    let mut shares: Vec<Vec<Taken>> = Vec::new();
    for taken in together {
        match shares
            .last_mut()
            .filter(|share| share.last().is_some_and(|other| Arc::ptr_eq(&other.route, &taken.route)))
        {
            Some(share) => share.push(taken),
            None => shares.push(vec![taken]),
        }
    }
    let run_share = |share: Vec<Taken>| {
        let elements = stream::iter(share).map(|taken| run_route(taken, place, context));
        elements.buffered(ELEMENTS_TOGETHER).collect::<Vec<Run>>()
    };
    join_all(shares.into_iter().map(run_share)).await.into_iter().flatten().collect()
}

/// A repeat of an event gets the end of the first, or runs for what the first has left undone.
async fn run_route(taken: Taken, place: &Arc<Permit>, context: &Context) -> Run {
    let run = match repeats::meet(&taken, context).await {
        Met::Known(told, ending) => Run { ending, ..Run::new(taken, &told.progress) },
        Met::Turn(turn) if taken.route.ack == Ack::Accepted => accepted::begin(taken, turn, place, context),
        Met::Turn(turn) => {
            let run = run_targets(taken, turn.progress(), context).await;
            turn.end(&run, context);
            run
        }
    };
    context.recorder.ran(&run);
    run
}

/// Targets that wait for others have a course to run; the others need no machinery around them.
pub async fn run_targets(taken: Taken, progress: &Progress, context: &Context) -> Run {
    let deadline = context.arrived + taken.route.deadline;
    match (&taken.route.graph, &taken.only) {
        (None, _) | (_, Some(_)) => run_side_by_side(taken, progress, context, deadline).await,
        // On the heap, as everything that most events do without.
        (Some(_), None) => Box::pin(chain::run(taken, progress, context, deadline)).await,
    }
}

async fn run_side_by_side(taken: Taken, progress: &Progress, context: &Context, deadline: Instant) -> Run {
    let plans = taken.plan(&context.generation.value.table.engine);
    let mut run = Run::new(taken, progress);
    let mut awaited = Vec::with_capacity(plans.len());
    for (position, Plan { target, planned, overruled }) in plans.into_iter().enumerate() {
        let record = || DeliveryRecord::new(&run.taken, &target, position);
        if let Some(skip) = overruled {
            context.recorder.overruled(&record(), skip);
        }
        match planned {
            _ if run.succeeded.get(position) == Some(&true) => context.recorder.skipped(&record(), Skip::Delivered),
            Planned::Skipped(skip) => context.recorder.skipped(&record(), skip),
            Planned::Failed(error) => {
                let outcome = error.outcome();
                context.recorder.not_built(&record(), error.clone());
                match Job::not_built(&run, position, &target, error, Arc::new([]), deadline) {
                    Some(job) if target.required => awaited.push((position, job)),
                    Some(job) => deliver_unawaited(job, progress, context),
                    None if target.required => run.ending = run.ending.and(Ending::not_built(outcome)),
                    None => {}
                }
            }
            Planned::Ready(outbound) => {
                let job = Job::new(&run, position, target, outbound, Arc::new([]), deadline);
                if job.target.required {
                    awaited.push((position, job));
                } else {
                    deliver_unawaited(job, progress, context);
                }
            }
        }
    }
    run.attempted = !awaited.is_empty();
    for (position, delivered) in deliver_together(awaited, context).await {
        run.note(position, true, delivered, Instant::now() >= deadline);
    }
    run
}

fn deliver_unawaited(job: Box<Job>, progress: &Progress, context: &Context) {
    let record = job.record().clone();
    if job.deliver_unawaited(progress, context).is_none() {
        context.recorder.skipped(&record, Skip::Delivered);
    }
}

/// One delivery needs no machinery around it.
async fn deliver_together(jobs: Vec<(usize, Box<Job>)>, context: &Context) -> Vec<(usize, Delivered)> {
    match <[(usize, Box<Job>); 1]>::try_from(jobs) {
        Ok([(position, job)]) => {
            let delivering = job.deliver(context);
            vec![(position, delivering.await)]
        }
        Err(jobs) => {
            let each = |(position, job): (usize, Box<Job>)| async move { (position, job.deliver(context).await) };
            join_all(jobs.into_iter().map(each)).await
        }
    }
}
