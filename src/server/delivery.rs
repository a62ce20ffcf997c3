//! One delivery of an event: to its target, to nowhere (`--dry-run`, `explain`), or to a stub (`test`).

use super::deliveries::Context;
use super::gateway::{Outgoing, Stubs};
use super::record::DeliveryRecord;
use super::repeats::Progress;
use super::run::Run;
use crate::deliver::{Delivered, DeliveryScope, Outbound, Outcome, Target};
use crate::event::Event;
use crate::expr::{Answer, Value};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A delivery that is built and not sent yet.
pub struct Job {
    pub target: Arc<Target>,
    outbound: Outbound,
    record: DeliveryRecord,
    deadline: Instant,
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
    ) -> Job {
        Job {
            outbound,
            record: DeliveryRecord::new(&run.taken, &target, position),
            target,
            deadline,
            event: run.taken.event.clone(),
            vars: run.taken.vars.clone(),
            answers,
            answer_is_read: run.taken.route.answers_read.contains(position),
        }
    }

    pub fn record(&self) -> &DeliveryRecord {
        &self.record
    }

    pub async fn deliver(self, context: &Context) -> Delivered {
        let span = context.recorder.begin(&self.record);
        let engine = &context.generation.value.table.engine;
        let scope = DeliveryScope {
            deadline: self.deadline,
            event: self.event.clone(),
            route: self.record.route.clone(),
            vars: self.vars.clone(),
            answers: self.answers.clone(),
            tables: engine.tables.clone(),
            uuid: engine.uuid,
            trusted_proxy: context.trusted_proxy,
            sender_waits: true,
            answer_is_read: self.answer_is_read,
            draining: context.gateway.cut_off.clone(),
        };
        let delivered = match &context.gateway.outgoing {
            Outgoing::Live(client) => self.target.deliver(client, self.outbound.clone(), scope, &span).await,
            Outgoing::Withheld => Target::withhold(Stubs::default().answer(&self.target.name)),
            Outgoing::Stubbed(stubs) => self.target.pretend(stubs.answer(&self.target.name), &scope),
        };
        context.recorder.delivered(&self.record, self.outbound, &delivered, &span);
        delivered
    }

    /// The answer does not wait for it, and later tries of the event do not repeat it. `None`: an earlier try has begun it.
    pub fn deliver_unawaited(self, progress: &Progress, context: &Context) -> Option<JoinHandle<Delivered>> {
        let underway = progress.begin_unawaited(&self.target.name)?;
        let context = context.clone();
        Some(context.gateway.work.clone().spawn(async move {
            let delivered = self.deliver(&context).await;
            underway.ended(delivered.outcome == Outcome::Success);
            delivered
        }))
    }
}
