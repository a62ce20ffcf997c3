//! One delivery of an event: to its target, to nowhere (`--dry-run`, `explain`), or to a stub (`test`).

use super::dead_letter;
use super::deliveries::Context;
use super::gateway::{Outgoing, Stubs};
use super::record::DeliveryRecord;
use super::repeats::Progress;
use super::run::Run;
use super::span::DeliverySpan;
use crate::deliver::{Delivered, DeliveryScope, NotBuilt, Outbound, Outcome, Target};
use crate::event::Event;
use crate::expr::{Answer, Value};
use crate::route::Ack;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// This part of the deadline is kept for a dead letter.
const KEPT_FOR_DEAD_LETTER: u32 = 10;

/// Where nobody waits for the end of a delivery, it may wait so long for its turn, beside what its schedule takes.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What is to be sent.
enum Request {
    Ready(Outbound),
    /// It could not be built: a delivery that fails at once, for the sake of its dead letter.
    NotBuilt {
        id: String,
        error: NotBuilt,
    },
}

/// A delivery that is planned and not sent yet.
pub struct Job {
    pub target: Arc<Target>,
    request: Request,
    record: DeliveryRecord,
    /// When the sender has to hear what came of it; `None`: nobody waits.
    deadline: Option<Instant>,
    event: Arc<Event>,
    vars: Arc<[Value]>,
    /// Of the targets that this one comes after.
    answers: Arc<[Option<Answer>]>,
    /// Something of the route may name this target's answer.
    answer_is_read: bool,
}

impl Job {
    /// `position` is the target's among the route's.
    pub fn new(
        run: &Run,
        position: usize,
        target: Arc<Target>,
        outbound: Outbound,
        answers: Arc<[Option<Answer>]>,
        deadline: Instant,
    ) -> Box<Job> {
        Job::of(run, position, target, Request::Ready(outbound), answers, deadline)
    }

    /// Of a target whose request could not be built, for its dead letter; `None` where it has none.
    pub fn not_built(
        run: &Run,
        position: usize,
        target: &Arc<Target>,
        error: NotBuilt,
        answers: Arc<[Option<Answer>]>,
        deadline: Instant,
    ) -> Option<Box<Job>> {
        target.dead_letter.as_ref()?;
        let request = Request::NotBuilt { id: run.taken.delivery_id(target), error };
        Some(Job::of(run, position, target.clone(), request, answers, deadline))
    }

    fn of(
        run: &Run,
        position: usize,
        target: Arc<Target>,
        request: Request,
        answers: Arc<[Option<Answer>]>,
        deadline: Instant,
    ) -> Box<Job> {
        // On the heap, because it goes through the hands of futures, each of which has room for what it takes.
        Box::new(Job {
            request,
            record: DeliveryRecord::new(&run.taken, &target, position),
            target,
            deadline: (run.taken.route.ack == Ack::Delivered).then_some(deadline),
            event: run.taken.event.clone(),
            vars: run.taken.vars.clone(),
            answers,
            answer_is_read: run.taken.route.answers_read.contains(position),
        })
    }

    pub fn record(&self) -> &DeliveryRecord {
        &self.record
    }

    /// Sends it, and writes its dead letter where it fails.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` holds twice what it takes by value")]
    pub fn deliver(self: Box<Self>, context: &Context) -> impl Future<Output = Delivered> + Send {
        async move {
            let span = match &self.request {
                Request::Ready(outbound) => context.recorder.begin(&self.record, &self.target, outbound),
                Request::NotBuilt { id, error } => {
                    let delivered = self.kept(Delivered::unattempted(error.outcome()), id, context).await;
                    context.recorder.not_built_kept(&self.record, error, &delivered);
                    return delivered;
                }
            };
            let delivered = self.send(&span, context).await;
            if let Request::Ready(outbound) = self.request {
                context.recorder.delivered(&self.record, outbound, &delivered, &span);
            }
            delivered
        }
    }

    async fn send(&self, span: &DeliverySpan<'_>, context: &Context) -> Delivered {
        let outbound = match &self.request {
            Request::Ready(outbound) => outbound,
            Request::NotBuilt { error, .. } => return Delivered::unattempted(error.outcome()),
        };
        let engine = &context.generation.value.table.engine;
        let scope = DeliveryScope {
            deadline: self.attempts_until(context),
            event: self.event.clone(),
            route: self.record.route.clone(),
            vars: self.vars.clone(),
            answers: self.answers.clone(),
            tables: engine.tables.clone(),
            uuid: engine.uuid,
            trusted_proxy: context.trusted_proxy,
            sender_waits: self.deadline.is_some(),
            answer_is_read: self.answer_is_read,
            draining: context.gateway.cut_off.clone(),
        };
        let delivered = match &context.gateway.outgoing {
            Outgoing::Live(client) => self.target.deliver(client, outbound, &scope, span).await,
            Outgoing::Withheld | Outgoing::Stubbed(_) if self.target.denies(outbound) => Target::denied(),
            Outgoing::Withheld => Target::withhold(Stubs::default().answer(&self.target.name)),
            Outgoing::Stubbed(stubs) => self.target.pretend(stubs.answer(&self.target.name), &scope),
        };
        self.kept(delivered, &outbound.id, context).await
    }

    /// When the last attempt has to end.
    fn attempts_until(&self, context: &Context) -> Instant {
        match (self.deadline, &self.target.dead_letter) {
            (None, _) => Instant::now() + self.target.schedule() + PATIENCE,
            (Some(deadline), None) => deadline,
            (Some(deadline), Some(_)) => {
                let kept = deadline.saturating_duration_since(context.arrived) / KEPT_FOR_DEAD_LETTER;
                deadline.checked_sub(kept).unwrap_or(deadline)
            }
        }
    }

    /// A failure is written to the target's dead letter; one that nobody keeps, and that nobody hears of either, is lost.
    async fn kept(&self, delivered: Delivered, id: &str, context: &Context) -> Delivered {
        if delivered.outcome == Outcome::Success {
            return delivered;
        }
        let failure = dead_letter::Failure {
            target: &self.target,
            record: &self.record,
            id,
            delivered: &delivered,
            event: &self.event,
            vars: &self.vars,
            answers: &self.answers,
            deadline: self.deadline,
        };
        // On the heap: a delivery that succeeds carries no room for another one.
        let stored = Box::pin(dead_letter::write(&failure, context)).await;
        if stored.is_none() {
            if self.deadline.is_none() {
                context.recorder.lost(&self.record.route, &self.target.name, delivered.reason());
            }
            if delivered.outcome == Outcome::Draining || self.deadline.is_none() && context.gateway.is_draining() {
                context.gateway.has_lost();
            }
        }
        Delivered { dead_letter: stored, ..delivered }
    }

    /// The answer does not wait for it, and later tries of the event do not repeat it. `None`: an earlier try has begun it.
    pub fn deliver_unawaited(self: Box<Self>, progress: &Progress, context: &Context) -> Option<JoinHandle<Delivered>> {
        let underway = progress.begin_unawaited(&self.target.name)?;
        let context = context.clone();
        Some(context.gateway.work.clone().spawn(async move {
            let delivered = self.deliver(&context).await;
            underway.ended(delivered.suffices());
            delivered
        }))
    }
}
