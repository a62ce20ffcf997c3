//! The attempts of one delivery, until one succeeds or a further one makes no sense.

#[cfg(test)]
mod tests;

use super::answer::{self, RawAnswer};
use super::attempt::{Answered, Broken, Sent};
use super::auth::Way;
use super::client::Client;
use super::destination::Destination;
use super::gates::{Held, Passed};
use super::hop;
use super::outcome::{Attempt, GiveUp, Outcome};
use super::retry::{self, Decision, Ended};
use super::sink::record::Record;
use super::{Delivered, DeliveryScope, Observer, Outbound, Pretended, Target};
use crate::expr::{Answer, Evaluation, Scope};
use chrono::Utc;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The budget of a target is counted in seconds: asking again any sooner is in vain.
const POSTPONED_LEAST: Duration = Duration::from_secs(1);
const ATTEMPT: HeaderName = HeaderName::from_static("x-hookswitch-attempt");

impl Target {
    /// Sends, and sends again as the retry policy says, until `deadline`.
    ///
    /// Dropping the future ends the delivery: the connection in use is closed and nothing stays behind. A line that is
    /// already on its way to a file is still written.
    pub async fn deliver(
        &self,
        client: &Client,
        outbound: &Outbound,
        scope: &DeliveryScope,
        observer: &dyn Observer,
    ) -> Delivered {
        let began = Instant::now();
        self.gates.budget.deposit(began);
        let mut attempts = Vec::with_capacity(1);
        let mut last = Last::default();
        let gave_up = loop {
            if Instant::now() >= scope.deadline {
                break Some(GiveUp::Deadline);
            }
            let passed = match self.turn(scope, observer).await {
                Ok(passed) => passed,
                Err(held) => break Some(last.held(held, attempts.is_empty())),
            };
            let number = u32::try_from(attempts.len()).unwrap_or(u32::MAX).saturating_add(1);
            let attempt;
            (attempt, last) = self.attempt(client, outbound, scope, observer, number).await;
            passed.ended(attempt.outcome);
            observer.attempt_ended(&attempt);
            let ended = last.ended(&attempt);
            attempts.push(attempt);
            if last.outcome == Outcome::Draining {
                break Some(GiveUp::Draining);
            }
            let left = scope.deadline.saturating_duration_since(Instant::now());
            match self.retry.decide(&ended, left, &mut fastrand::Rng::new()) {
                Decision::Done => break None,
                Decision::GiveUp(why) => break Some(why),
                Decision::After(wait) => {
                    if let Some(held) = self.gates.shut_until_after(scope.deadline) {
                        break Some(last.held(held, false));
                    }
                    if let Some(why) = self.pause(wait, scope).await {
                        if why == GiveUp::Draining {
                            last.outcome = Outcome::Draining;
                        }
                        break Some(why);
                    }
                }
            }
        };
        last.delivered(attempts, began.elapsed(), gave_up, scope)
    }

    /// Waits until an attempt may begin.
    async fn turn(&self, scope: &DeliveryScope, observer: &dyn Observer) -> Result<Passed, Held> {
        if self.gates.is_open() {
            return Ok(Passed::default());
        }
        // On the heap, so that deliveries that never wait do not carry room for it.
        let turn = Box::pin(self.gates.pass(scope.deadline, observer));
        scope.draining.run_until_cancelled(turn).await.unwrap_or(Err(Held::DRAINING))
    }

    /// Waits before a retry, which the budget of the target must have room for. Where nobody waits for the delivery, it
    /// waits again and again until there is some.
    async fn pause(&self, wait: Duration, scope: &DeliveryScope) -> Option<GiveUp> {
        let mut wait = wait;
        loop {
            let granted = self.gates.budget.withdraw(Instant::now());
            if !granted {
                wait = wait.max(POSTPONED_LEAST);
                let late = Instant::now().checked_add(wait).is_none_or(|until| until >= scope.deadline);
                if scope.sender_waits || late {
                    return Some(GiveUp::Budget);
                }
            }
            if scope.draining.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return Some(GiveUp::Draining);
            }
            if granted {
                return None;
            }
        }
    }

    /// As if the target had given this answer: judged as a real one, never repeated. For offline examples.
    pub fn pretend(&self, answer: Pretended, scope: &DeliveryScope) -> Delivered {
        let Pretended { status, headers, body } = answer;
        let (outcome, _, mut last) = self.judge(Ok(Some(Answered { status, headers, body: Some(body) })), scope);
        last.outcome = outcome;
        last.delivered(Vec::new(), Duration::ZERO, None, scope)
    }

    /// As if the target had answered, and as it should. For what is built and not sent.
    pub fn withhold(answer: Pretended) -> Delivered {
        let Pretended { status, headers, body } = answer;
        let content_type = headers.get(CONTENT_TYPE).cloned();
        Delivered {
            answer: Some(answer::parse(status, &Arc::new(headers), &body)),
            raw_answer: Some(RawAnswer { status, content_type, body }),
            ..Delivered::unattempted(Outcome::Success)
        }
    }

    /// Egress denies the host of a built request, as far as that can be said without resolving it.
    pub fn denies(&self, outbound: &Outbound) -> bool {
        match &outbound.address.destination {
            Destination::Http(place) => self.request.profile.check_host(&place.uri).is_err(),
            Destination::Stdout | Destination::File(_) => false,
        }
    }

    /// What becomes of a request that [`Self::denies`] speaks of, where none is really sent.
    pub fn denied() -> Delivered {
        Delivered::unattempted(Outcome::Egress)
    }

    async fn attempt(
        &self,
        client: &Client,
        outbound: &Outbound,
        scope: &DeliveryScope,
        observer: &dyn Observer,
        number: u32,
    ) -> (Attempt, Last) {
        let (started, clock) = (Utc::now(), Instant::now());
        let headers = self.attempt_headers(outbound, scope, observer, number);
        let (until, cut_by_deadline) = match clock.checked_add(self.timeout) {
            Some(until) if until < scope.deadline => (until, false),
            _ => (scope.deadline, true),
        };
        let line = |headers: &HeaderMap| {
            if self.is_dead_letter {
                return outbound.body.to_vec();
            }
            Record { time: started, route: &scope.route, target: &self.name, outbound, headers }.to_line()
        };
        // Pinned here, because whoever takes a future by value makes room for it twice.
        let exchange = std::pin::pin!(async {
            match &outbound.address.destination {
                Destination::Http(place) => {
                    let body = outbound.body.clone();
                    let sent = Sent { method: outbound.method.clone(), to: place, headers, body };
                    let (profile, answer_max) = (&self.request.profile, u64::from(self.answer_max));
                    let way = Way { client, profile, until, answer_max, started, id: &outbound.id };
                    way.send(outbound.credential.as_ref(), sent).await.map(Some)
                }
                Destination::Stdout => written(client.sinks.stdout(line(&headers)), until).await.map(|()| None),
                Destination::File(path) => {
                    written(client.sinks.append(path, line(&headers)), until).await.map(|()| None)
                }
            }
        });
        // The target may have got the request: what is cut off is as ambiguous as a lost answer.
        let cut_off = Broken { outcome: Outcome::Draining, status: None, ambiguous: true, out_of_time: false };
        let result = scope.draining.run_until_cancelled(exchange).await.unwrap_or(Err(cut_off));
        let cut_short = cut_by_deadline && result.as_ref().is_err_and(|broken| broken.out_of_time);
        let (outcome, ambiguous, mut last) = self.judge(result, scope);
        last.outcome = if cut_short { Outcome::Deadline } else { outcome };
        let attempt = Attempt { number, status: last.status, outcome, ambiguous, started, duration: clock.elapsed() };
        (attempt, last)
    }

    /// What every attempt adds to the prepared headers, but for what the target's `headers` take away.
    fn attempt_headers(
        &self,
        outbound: &Outbound,
        scope: &DeliveryScope,
        observer: &dyn Observer,
        number: u32,
    ) -> HeaderMap {
        let mut headers = outbound.headers.clone();
        hop::add(&mut headers, &scope.event.request, scope.trusted_proxy);
        headers.insert(ATTEMPT, HeaderValue::from(number));
        observer.attempt_begins(number, &mut headers);
        for name in self.request.headers.iter().flat_map(|fields| &fields.removed) {
            if !outbound.headers.contains_key(name) {
                headers.remove(name);
            }
        }
        headers
    }

    /// The outcome of an exchange, whether it is ambiguous, and what is kept of it.
    fn judge(&self, result: Result<Option<Answered>, Broken>, scope: &DeliveryScope) -> (Outcome, bool, Last) {
        let Answered { status, headers, body } = match result {
            Ok(Some(answered)) => answered,
            // A line was written: there is no answer to look at.
            Ok(None) => return (Outcome::Success, false, Last::default()),
            Err(Broken { outcome, status, ambiguous, .. }) => {
                return (outcome, ambiguous, Last { status, ..Last::default() });
            }
        };
        let retry_after = retry::retry_after(&headers, Utc::now());
        let mut last = Last { status: Some(status), retry_after, headers: Arc::new(headers), ..Last::default() };
        let failed = Outcome::of_failed_status(status);
        let Some(body) = body else {
            // A failure by its status stays that failure, however long its explanation is.
            let fine = self.success.by_status(status).unwrap_or(failed == Outcome::Unsatisfied);
            return (if fine { Outcome::AnswerTooLarge } else { failed }, false, last);
        };
        let content_type = last.headers.get(CONTENT_TYPE).cloned();
        let raw = RawAnswer { status, content_type, body };
        let outcome = match self.success.by_status(status) {
            Some(true) => Outcome::Success,
            Some(false) => failed,
            None => {
                let parsed = answer::parse(status, &last.headers, &raw.body);
                let outcome = self.satisfied(&parsed, scope).map(|yes| if yes { Outcome::Success } else { failed });
                last.answer = Some(parsed);
                outcome.unwrap_or(Outcome::Expression)
            }
        };
        last.raw = Some(raw);
        (outcome, false, last)
    }

    fn satisfied(&self, answer: &Answer, scope: &DeliveryScope) -> Result<bool, crate::expr::EvaluationError> {
        let mut evaluation = Evaluation::new(Scope {
            event: &scope.event,
            route: &scope.route,
            vars: &scope.vars,
            answers: &scope.answers,
            answer: Some(answer),
            tables: &scope.tables,
            uuid: scope.uuid,
        });
        self.success.by_answer(answer, &mut evaluation)
    }
}

/// Waits for the line of a sink. One that is still under way at `until` may yet be written.
async fn written(writing: impl Future<Output = io::Result<()>>, until: Instant) -> Result<(), Broken> {
    let broken = |outcome, out_of_time| Broken { outcome, status: None, ambiguous: out_of_time, out_of_time };
    match tokio::time::timeout_at(until, writing).await {
        Ok(written) => written.map_err(|_| broken(Outcome::Write, false)),
        Err(_) => Err(broken(Outcome::Timeout, true)),
    }
}

/// What is kept of the last attempt.
struct Last {
    /// Of the delivery, should it end here.
    outcome: Outcome,
    status: Option<u16>,
    retry_after: Option<Duration>,
    headers: Arc<HeaderMap>,
    raw: Option<RawAnswer>,
    /// Parsed already, because `success` looked at it.
    answer: Option<Answer>,
}

impl Default for Last {
    fn default() -> Last {
        Last {
            outcome: Outcome::Deadline,
            status: None,
            retry_after: None,
            headers: Arc::default(),
            raw: None,
            answer: None,
        }
    }
}

impl Last {
    /// No (further) attempt was let through.
    fn held(&mut self, held: Held, is_first: bool) -> GiveUp {
        if is_first || held.why == GiveUp::Draining {
            self.outcome = held.outcome;
        }
        self.retry_after = self.retry_after.max(held.retry_after);
        held.why
    }

    fn ended(&self, attempt: &Attempt) -> Ended {
        let Attempt { number, outcome, status, .. } = *attempt;
        Ended { number, outcome, status, retry_after: self.retry_after }
    }

    fn delivered(
        self,
        attempts: Vec<Attempt>,
        duration: Duration,
        gave_up: Option<GiveUp>,
        scope: &DeliveryScope,
    ) -> Delivered {
        let Last { outcome, retry_after, headers, raw, answer, .. } = self;
        let parse = |raw: &RawAnswer| answer::parse(raw.status, &headers, &raw.body);
        let answer = answer.or_else(|| raw.as_ref().filter(|_| scope.answer_is_read).map(parse));
        Delivered {
            outcome,
            attempts,
            answer,
            raw_answer: raw,
            duration,
            retry_after: retry_after.filter(|_| outcome != Outcome::Success),
            gave_up,
            dead_letter: None,
        }
    }
}
