//! The deliveries of one event: routes by `order`, the targets of a route side by side.

use super::admission::Permit;
use super::answer::{End, Ending};
use super::gateway::{Gateway, Generation, Outgoing, Stubs};
use super::record::{DeliveryRecord, Recorder};
use super::span::DeliverySpan;
use crate::deliver::{Delivered, DeliveryScope, Outbound, RawAnswer, Target};
use crate::event::Event;
use crate::expr::{Answer, Value};
use crate::route::{Planned, Taken};
use futures_util::future::join_all;
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
    #[expect(dead_code, reason = "held so that it is given back when the last delivery is done")]
    pub permit: Arc<Permit>,
    /// The peer, where it is one of `trusted_proxies`.
    pub trusted_proxy: Option<IpAddr>,
}

/// One route's share of an event, done.
pub struct Run {
    pub taken: Taken,
    pub ending: Ending,
    /// By target, in file order; `None` where a target gave no whole answer.
    pub answers: Vec<Option<Answer>>,
    pub raw_answers: Vec<Option<RawAnswer>>,
    /// Some delivery was attempted.
    pub sent_something: bool,
}

/// Runs routes of a lower order to their end before those of a higher one; after a failure later orders do not run.
pub async fn run(taken: Vec<Taken>, context: &Context) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(taken.len());
    let mut waiting = taken.into_iter().peekable();
    while let Some(first) = waiting.next() {
        let order = first.route.order;
        let mut together = vec![first];
        while let Some(next) = waiting.next_if(|next| next.route.order == order) {
            together.push(next);
        }
        runs.extend(join_all(together.into_iter().map(|taken| run_route(taken, context))).await);
        if runs.iter().any(|run| run.ending.end < End::Delivered) {
            break;
        }
    }
    runs
}

async fn run_route(taken: Taken, context: &Context) -> Run {
    let deadline = context.arrived + taken.route.deadline;
    let mut ending = Ending::DELIVERED;
    let plans = taken.plan(&context.generation.value.table.engine);
    let mut awaited = Vec::with_capacity(plans.len());
    for (position, plan) in plans.into_iter().enumerate() {
        let record = DeliveryRecord::new(&taken, &plan.target, position);
        match plan.planned {
            Planned::Skipped(skip) => context.recorder.skipped(&record, skip),
            Planned::Failed(error) => {
                context.recorder.not_built(&record, error);
                if plan.target.required {
                    ending = ending.and(Ending::UNPROCESSABLE);
                }
            }
            Planned::Ready(outbound) => {
                let job = Job {
                    target: plan.target,
                    outbound,
                    record,
                    deadline,
                    event: taken.event.clone(),
                    vars: taken.vars.clone(),
                    answer_is_read: taken.route.reads_answers,
                };
                if job.target.required {
                    awaited.push((position, job));
                } else {
                    let context = context.clone();
                    context.gateway.tasks.clone().spawn(async move { deliver(job, &context).await });
                }
            }
        }
    }
    let sent_something = !awaited.is_empty();
    let mut answers = vec![None; taken.route.targets.len()];
    let mut raw_answers = vec![None; taken.route.targets.len()];
    for (position, delivered) in deliver_together(awaited, context).await {
        ending = ending.and(Ending::of_delivery(&delivered, Instant::now() >= deadline));
        if let (Some(answer), Some(raw)) = (answers.get_mut(position), raw_answers.get_mut(position)) {
            *answer = delivered.answer;
            *raw = delivered.raw_answer;
        }
    }
    Run { taken, ending, answers, raw_answers, sent_something }
}

struct Job {
    target: Arc<Target>,
    outbound: Outbound,
    record: DeliveryRecord,
    deadline: Instant,
    event: Arc<Event>,
    vars: Arc<[Value]>,
    /// The route's `respond` may name this target's answer.
    answer_is_read: bool,
}

/// One delivery needs no machinery around it.
async fn deliver_together(mut jobs: Vec<(usize, Job)>, context: &Context) -> Vec<(usize, Delivered)> {
    if jobs.len() == 1
        && let Some((position, job)) = jobs.pop()
    {
        return vec![(position, deliver(job, context).await)];
    }
    join_all(jobs.into_iter().map(|(position, job)| async move { (position, deliver(job, context).await) })).await
}

async fn deliver(job: Job, context: &Context) -> Delivered {
    let span = DeliverySpan::child_of(context.recorder.span());
    let scope = DeliveryScope {
        deadline: job.deadline,
        event: job.event.clone(),
        route: job.record.route.clone(),
        vars: job.vars.clone(),
        answers: Arc::new([]),
        tables: context.generation.value.table.engine.tables.clone(),
        uuid: context.generation.value.table.engine.uuid,
        trusted_proxy: context.trusted_proxy,
        answer_is_read: job.answer_is_read,
        draining: context.gateway.cut_off.clone(),
    };
    let delivered = match &context.gateway.outgoing {
        Outgoing::Live(client) => job.target.deliver(client, job.outbound.clone(), scope, &span).await,
        Outgoing::Withheld => Target::withhold(Stubs::default().answer(&job.target.name)),
        Outgoing::Stubbed(stubs) => job.target.pretend(stubs.answer(&job.target.name), &scope),
    };
    context.recorder.delivered(&job.record, job.outbound, &delivered, &span);
    delivered
}
