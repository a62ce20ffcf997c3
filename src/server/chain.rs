//! The deliveries of a route some of whose targets wait for others: each starts when its turn comes, with the answers it
//! may name.
//!
//! The graph says whose turn it is ([`crate::route::Walk`]). What the answer to the sender does not wait for goes on by
//! itself after that answer is given.

use super::answer::Ending;
use super::deliveries::Context;
use super::delivery::Job;
use super::record::DeliveryRecord;
use super::repeats::Progress;
use super::run::Run;
use crate::deliver::{Delivered, Outcome};
use crate::expr::Answer;
use crate::route::{Ack, Blocked, Graph, Plan, Planned, Skip, Step, Taken, TargetEnd, Walk};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;
use tokio::time::Instant;

/// A target, whether the answer depends on it, and what came of its delivery; `None` where that was lost to a panic.
type Arrived = (usize, bool, Option<Delivered>);

/// One event on its way through the graph of a route.
struct Course {
    run: Run,
    walk: Walk,
    /// Answers so far, by target: also of those that no answer to the sender waits for.
    answers: Vec<Option<Answer>>,
    /// What the failure of a target means for the sender, by target.
    failures: Vec<Ending>,
    deadline: Instant,
    progress: Progress,
    context: Context,
    running: FuturesUnordered<BoxFuture<'static, Arrived>>,
}

/// Runs the targets until all that the answer waits for have ended.
pub async fn run(taken: Taken, progress: &Progress, context: &Context, deadline: Instant) -> Run {
    let route = taken.route.clone();
    let Some(graph) = &route.graph else { return Run::new(taken, progress) };
    let run = Run::new(taken, progress);
    let mut course = Course {
        walk: Walk::new(graph),
        answers: run.answers.clone(),
        failures: vec![Ending::DELIVERED; route.targets.len()],
        deadline,
        progress: progress.clone(),
        context: context.clone(),
        running: FuturesUnordered::new(),
        run,
    };
    course.resume(graph);
    course.advance(graph);
    while course.walk.is_awaited(graph)
        && let Some(arrived) = course.running.next().await
    {
        course.arrived(arrived, graph);
        course.advance(graph);
    }
    if !course.walk.is_waiting() {
        // Deliveries that nothing waits for run in tasks of their own.
        return course.run;
    }
    let rest = Run::new(course.run.taken.clone(), &Progress::default());
    let run = std::mem::replace(&mut course.run, rest);
    context.gateway.work.spawn(course.finish());
    run
}

impl Course {
    /// What is left when the sender has its answer.
    async fn finish(mut self) {
        let route = self.run.taken.route.clone();
        let Some(graph) = &route.graph else { return };
        while self.walk.is_waiting()
            && let Some(arrived) = self.running.next().await
        {
            self.arrived(arrived, graph);
            self.advance(graph);
        }
    }

    /// Targets that have the event from an earlier try count as they ended there.
    fn resume(&mut self, graph: &Graph) {
        let done = self.run.succeeded.iter().enumerate().filter(|(_, succeeded)| **succeeded);
        let done: Vec<usize> = done.map(|(position, _)| position).collect();
        for position in done {
            self.skipped(position, Skip::Delivered);
            self.walk.ended(position, TargetEnd::Ok, None, graph);
        }
    }

    /// Starts whatever can start now.
    fn advance(&mut self, graph: &Graph) {
        while let Some((position, step)) = self.walk.next(graph) {
            match step {
                Step::Start => self.start(position, graph),
                Step::Leave => {
                    self.skipped(position, Skip::Earlier);
                    self.walk.left(position, graph);
                }
                Step::Skip(blocked) => self.block(position, blocked, graph),
            }
        }
    }

    fn start(&mut self, position: usize, graph: &Graph) {
        let answers: Arc<[Option<Answer>]> = self
            .answers
            .iter()
            .enumerate()
            .map(|(other, answer)| answer.clone().filter(|_| graph.sees(position, other)))
            .collect();
        let engine = &self.context.generation.value.table.engine;
        let Some(Plan { target, planned, .. }) = self.run.taken.plan_after(position, engine, &answers) else { return };
        match planned {
            Planned::Skipped(skip) => {
                self.skipped(position, skip);
                self.walk.ended(position, TargetEnd::Skipped, None, graph);
            }
            Planned::Failed(error) => {
                let outcome = error.outcome();
                let record = DeliveryRecord::new(&self.run.taken, &target, position);
                self.context.recorder.not_built(&record, error.clone());
                if let Some(job) = Job::not_built(&self.run, position, &target, error, answers, self.deadline) {
                    return self.send(position, job, graph);
                }
                if target.required {
                    self.run.ending = self.run.ending.and(Ending::not_built(outcome));
                }
                self.failed(position, Ending::not_built(outcome));
                self.walk.ended(position, TargetEnd::Failed, None, graph);
            }
            Planned::Ready(outbound) => {
                let job = Job::new(&self.run, position, target, outbound, answers, self.deadline);
                self.send(position, job, graph);
            }
        }
    }

    fn send(&mut self, position: usize, job: Box<Job>, graph: &Graph) {
        if graph.awaits(position) {
            self.run.attempted = true;
            let (context, is_required) = (self.context.clone(), job.target.required);
            self.running.push(Box::pin(async move { (position, is_required, Some(job.deliver(&context).await)) }));
            return self.walk.begun(position, graph);
        }
        match job.deliver_unawaited(&self.progress, &self.context) {
            Some(delivering) => {
                self.running.push(Box::pin(async move { (position, false, delivering.await.ok()) }));
                self.walk.begun(position, graph);
            }
            None => {
                self.skipped(position, Skip::Delivered);
                self.walk.left(position, graph);
            }
        }
    }

    fn block(&mut self, position: usize, blocked: Blocked, graph: &Graph) {
        let Some(by) = self.run.taken.route.targets.get(blocked.by).map(|target| target.name.clone()) else { return };
        let skip = match blocked.end {
            Some(end) => Skip::After { target: by, end },
            None => Skip::Otherwise { target: by },
        };
        self.skipped(position, skip);
        // It should have got the event, and did not because something failed: that is no success.
        let is_required = self.run.taken.route.requires(position);
        if let Some(failure) = blocked.cause.and_then(|cause| self.failures.get(cause)).filter(|_| is_required) {
            self.run.ending = self.run.ending.and(*failure);
            self.lost(position);
        }
        self.walk.ended(position, TargetEnd::Skipped, blocked.cause, graph);
    }

    fn arrived(&mut self, (position, is_required, delivered): Arrived, graph: &Graph) {
        let Some(delivered) = delivered else {
            self.failed(position, Ending::UNPROCESSABLE);
            return self.walk.ended(position, TargetEnd::Failed, None, graph);
        };
        let succeeded = delivered.outcome == Outcome::Success;
        let late = Instant::now() >= self.deadline;
        self.failed(position, Ending::of_attempts(&delivered, late));
        if let Some(answer) = self.answers.get_mut(position) {
            answer.clone_from(&delivered.answer);
        }
        if graph.awaits(position) {
            self.run.note(position, is_required, delivered, late);
        }
        self.walk.ended(position, if succeeded { TargetEnd::Ok } else { TargetEnd::Failed }, None, graph);
    }

    /// A sender that heard "accepted" does not hear that a target was left out.
    fn lost(&self, position: usize) {
        let Context { recorder, gateway, .. } = &self.context;
        let route = &self.run.taken.route;
        if route.ack == Ack::Accepted
            && let Some(target) = route.targets.get(position)
        {
            recorder.lost(&route.name, &target.name, "skipped");
            if gateway.is_draining() {
                gateway.has_lost();
            }
        }
    }

    fn failed(&mut self, position: usize, ending: Ending) {
        if let Some(failure) = self.failures.get_mut(position) {
            *failure = ending;
        }
    }

    fn skipped(&self, position: usize, skip: Skip) {
        if let Some(target) = self.run.taken.route.targets.get(position) {
            self.context.recorder.skipped(&DeliveryRecord::new(&self.run.taken, target, position), skip);
        }
    }
}
