//! What becomes of a delivery that failed for good: its dead letter, written before the sender hears of the failure.

use super::deliveries::Context;
use super::gateway::{Outgoing, Stubs};
use super::record::DeliveryRecord;
use crate::deliver::{DeadLetter, Delivered, DeliveryScope, Letter, Outcome, Stored, Target};
use crate::event::Event;
use crate::expr::{Answer, Value};
use std::sync::Arc;
use tokio::time::Instant;

/// A delivery that failed for good.
pub struct Failure<'a> {
    pub target: &'a Target,
    pub record: &'a DeliveryRecord,
    /// Of the delivery.
    pub id: &'a str,
    pub delivered: &'a Delivered,
    pub event: &'a Arc<Event>,
    pub vars: &'a Arc<[Value]>,
    pub answers: &'a Arc<[Option<Answer>]>,
    /// When the sender has to hear what came of it; `None`: nobody waits.
    pub deadline: Option<Instant>,
}

/// Brings the record to the target's dead letter, if it has one. `None`: nobody has the event.
pub async fn write(failure: &Failure<'_>, context: &Context) -> Option<Stored> {
    // A trial shows what its target says; nothing of it is worth keeping.
    let is_trial = context.gateway.only.is_some();
    let dead_letter = failure.target.dead_letter.as_ref().filter(|dead_letter| dead_letter.enabled && !is_trial)?;
    let letter = letter(failure, context);
    let engine = &context.generation.value.table.engine;
    let route = failure.record.route.clone();
    let record = failure.record.to(dead_letter);
    let scope = engine.scope(letter.event(), &route, failure.vars, failure.answers);
    let outbound = match dead_letter.prepare_letter(scope, &letter) {
        Ok(outbound) => outbound,
        Err(error) => {
            context.recorder.not_built(&record, error);
            context.recorder.dead_letter_failed(failure.record, dead_letter);
            return None;
        }
    };
    let span = context.recorder.begin(&record, dead_letter, &outbound);
    let scope = DeliveryScope {
        deadline: failure.deadline.unwrap_or_else(|| Instant::now() + dead_letter.schedule()),
        event: letter.event().clone(),
        route,
        vars: failure.vars.clone(),
        answers: failure.answers.clone(),
        tables: engine.tables.clone(),
        uuid: engine.uuid,
        trusted_proxy: context.trusted_proxy,
        sender_waits: failure.deadline.is_some(),
        answer_is_read: false,
        draining: context.gateway.last_word.clone(),
    };
    let delivered = match &context.gateway.outgoing {
        Outgoing::Live(client) => dead_letter.deliver(client, &outbound, &scope, &span).await,
        Outgoing::Withheld | Outgoing::Stubbed(_) if dead_letter.denies(&outbound) => Target::denied(),
        Outgoing::Withheld => Target::withhold(Stubs::default().answer(&dead_letter.name)),
        Outgoing::Stubbed(stubs) => dead_letter.pretend(stubs.answer(&dead_letter.name), &scope),
    };
    let stored = delivered.outcome == Outcome::Success;
    context.recorder.delivered(&record, outbound, &delivered, &span);
    if !stored {
        context.recorder.dead_letter_failed(failure.record, dead_letter);
        return None;
    }
    Some(Stored { target: dead_letter.name.clone(), suffices: !failure.target.strict })
}

fn letter(failure: &Failure<'_>, context: &Context) -> Letter {
    let delivered = failure.delivered;
    Letter::new(&DeadLetter {
        time: context.gateway.clock.now(),
        id: failure.id,
        route: &failure.record.route,
        target: failure.target,
        labels: failure.record.labels(),
        event: failure.event,
        attempts: &delivered.attempts,
        reason: delivered.reason(),
        trace_id: &context.recorder.span().trace_id.to_string(),
    })
}
