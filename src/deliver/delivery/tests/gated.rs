//! Deliveries that wait for their turn, meet an open breaker, or find the budget for retries spent.

use super::*;
use crate::deliver::{Waited, WaitedFor};
use futures_util::future::join_all;

#[derive(Default)]
struct Waits(Mutex<Vec<(WaitedFor, u64)>>);

impl Observer for Waits {
    fn attempt_begins(&self, _: u32, _: &mut HeaderMap) {}

    fn attempt_ended(&self, _: &Attempt) {}

    fn waited(&self, wait: &Waited) {
        self.0.lock().unwrap().push((wait.why, wait.duration.as_secs()));
    }
}

/// A target, delivered to again and again.
struct Line {
    server: Server,
    target: Target,
    client: Client,
    waits: Waits,
}

impl Line {
    fn new(server: Server, more: &str) -> Line {
        let target = target(&format!("{{url: '{}', {more}}}", server.url()));
        Line { server, target, client: Client::new().unwrap(), waits: Waits::default() }
    }

    async fn deliver(&self) -> (Delivered, u64) {
        self.deliver_with(|_| ()).await
    }

    async fn deliver_with(&self, change: impl FnOnce(&mut DeliveryScope)) -> (Delivered, u64) {
        let event = event(&[("content-type", "application/json")], "{\"n\":1}");
        let outbound = prepare(&self.target, &event).unwrap();
        let mut scope = scope(event);
        change(&mut scope);
        let began = Instant::now();
        let delivered = self.target.deliver(&self.client, &outbound, &scope, &self.waits).await;
        (delivered, began.elapsed().as_secs())
    }

    async fn deliver_at_once(&self, count: usize) -> Vec<(Delivered, u64)> {
        join_all((0..count).map(|_| self.deliver())).await
    }

    fn waits(&self) -> Vec<(WaitedFor, u64)> {
        self.waits.0.lock().unwrap().clone()
    }
}

fn ends(deliveries: &[(Delivered, u64)]) -> Vec<(Outcome, Option<GiveUp>, usize, u64)> {
    deliveries.iter().map(|(one, took)| (one.outcome, one.gave_up, one.attempts.len(), *took)).collect()
}

#[tokio::test(start_paused = true)]
async fn deliveries_wait_for_their_turn_and_it_is_told() {
    let line = Line::new(Server::answering(&[OK]).await, "limit: {rate: 6/m}");
    let ended = line.deliver_at_once(4).await;
    let late = (Outcome::Deadline, Some(GiveUp::Deadline), 0, 0);
    let fine = |took| (Outcome::Success, None, 1, took);
    assert_eq!(ends(&ended), [fine(0), fine(10), fine(20), late], "the fourth could begin after 30 s, and has 25");
    assert_eq!(line.waits(), [(WaitedFor::Rate, 10), (WaitedFor::Rate, 20)]);
}

/// Answers after three seconds.
async fn slow() -> Server {
    Server::start(|mut connection| async move {
        while connection.request().await.is_some() {
            tokio::time::sleep(Duration::from_secs(3)).await;
            connection.write(OK.as_bytes()).await;
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_wait_counts_against_the_deadline_and_not_against_the_timeout() {
    let line = Line::new(slow().await, "timeout: 4s, limit: {concurrency: 1}");
    let ended = line.deliver_at_once(9).await;
    let took: Vec<u64> = ended.iter().take(8).map(|(_, took)| *took).collect();
    assert_eq!(took, [3, 6, 9, 12, 15, 18, 21, 24]);
    assert!(ended.iter().take(8).all(|(one, _)| one.outcome == Outcome::Success));
    assert_eq!(ends(&ended)[8], (Outcome::Deadline, Some(GiveUp::Deadline), 1, 25), "cut short, as without a limit");
    assert_eq!(line.waits()[0], (WaitedFor::Concurrency, 3));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_fails_at_once() {
    let line = Line::new(hanging().await, "limit: {concurrency: 1}, retry: {max: 0}");
    let ended = line.deliver_at_once(1002).await;
    let ended = ends(&ended);
    assert_eq!(ended[0], (Outcome::Deadline, Some(GiveUp::Exhausted), 1, 25));
    let waited = (Outcome::Deadline, Some(GiveUp::Deadline), 0, 25);
    assert!(ended[1..1001].iter().all(|end| *end == waited), "{:?}", ended[1]);
    assert_eq!(ended[1001], (Outcome::QueueFull, Some(GiveUp::Memory), 0, 0));
    assert_eq!(line.target.waiting(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_opens_probes_and_lets_no_attempt_through_meanwhile() {
    let server = Server::answering(&[UNAVAILABLE]).await;
    let retry = "retry: {max: 9, delay: 1s, max_delay: 1s, jitter: false}";
    let line = Line::new(server, &format!("breaker: {{failures: 2, open: 10s}}, {retry}"));
    // At 0 s and 1 s, then the probes at 11 s and 21 s; the next would be at 31 s.
    let (delivered, took) = line.deliver().await;
    assert_eq!((delivered.outcome, delivered.gave_up), (Outcome::ServerError, Some(GiveUp::Breaker)));
    assert_eq!((delivered.attempts.len(), took, delivered.retry_after), (4, 21, Some(Duration::from_secs(10))));
    assert_eq!(line.waits(), [(WaitedFor::Breaker, 9), (WaitedFor::Breaker, 9)]);
    assert_eq!(line.target.breaker_state(), Some(crate::deliver::BreakerState::Open));
    let hurried = |scope: &mut DeliveryScope| scope.deadline = Instant::now() + Duration::from_secs(5);
    let (delivered, took) = line.deliver_with(hurried).await;
    assert_eq!((delivered.outcome, delivered.gave_up), (Outcome::BreakerOpen, Some(GiveUp::Breaker)));
    assert_eq!((delivered.attempts.len(), took), (0, 0));
    assert_eq!(line.server.requests().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_back_closes_its_breaker() {
    let server = Server::answering(&[UNAVAILABLE, OK]).await;
    let line = Line::new(server, "breaker: {failures: 1, open: 10s}, limit: {concurrency: 8}, retry: {max: 0}");
    assert_eq!(line.deliver().await.0.outcome, Outcome::ServerError);
    let ended = line.deliver_at_once(20).await;
    assert!(ends(&ended).iter().all(|end| *end == (Outcome::Success, None, 1, 10)), "{:?}", ends(&ended));
    assert_eq!(line.target.breaker_state(), Some(crate::deliver::BreakerState::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_request_does_not_open_a_breaker() {
    let server = Server::answering(&["HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n"]).await;
    let line = Line::new(server, "breaker: {failures: 1}");
    for _ in 0..3 {
        assert_eq!(line.deliver().await.0.outcome, Outcome::Refused);
    }
    assert_eq!(line.server.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn retries_over_the_budget_are_not_made_while_the_sender_waits() {
    let server = Server::answering(&[UNAVAILABLE]).await;
    let line = Line::new(server, "retry: {max: 1, delay: 1ms}");
    for _ in 0..30 {
        assert_eq!(line.deliver().await.0.gave_up, Some(GiveUp::Exhausted));
    }
    let (delivered, _) = line.deliver().await;
    assert_eq!((delivered.outcome, delivered.gave_up), (Outcome::ServerError, Some(GiveUp::Budget)));
    assert_eq!(line.server.requests().len(), 61);
}

#[tokio::test(start_paused = true)]
async fn retries_over_the_budget_are_made_later_where_nobody_waits() {
    let server = Server::answering(&[UNAVAILABLE]).await;
    let line = Line::new(server, "retry: {max: 1, delay: 1ms}");
    for _ in 0..30 {
        line.deliver().await;
    }
    let (delivered, took) = line.deliver_with(|scope| scope.sender_waits = false).await;
    assert_eq!((delivered.attempts.len(), delivered.gave_up), (2, Some(GiveUp::Exhausted)));
    assert!((9..=11).contains(&took), "the window is ten seconds, and it took {took}");
    for _ in 0..29 {
        line.deliver().await;
    }
    let hurried = |scope: &mut DeliveryScope| {
        scope.sender_waits = false;
        scope.deadline = Instant::now() + Duration::from_secs(5);
    };
    let (delivered, took) = line.deliver_with(hurried).await;
    assert_eq!((delivered.gave_up, took), (Some(GiveUp::Budget), 4), "it would not fit any more");
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_for_a_turn() {
    let line = Line::new(hanging().await, "limit: {concurrency: 1}");
    let drain = |scope: &mut DeliveryScope| {
        let draining = scope.draining.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            draining.cancel();
        });
    };
    let (_, (waiting, took)) = tokio::join!(line.deliver(), line.deliver_with(drain));
    assert_eq!((waiting.outcome, waiting.gave_up), (Outcome::Draining, Some(GiveUp::Draining)));
    assert_eq!((waiting.attempts.len(), took), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_delivery_gives_its_place_back() {
    let line = Line::new(hanging().await, "limit: {concurrency: 1}, retry: {max: 0}");
    let both = async { tokio::join!(line.deliver(), line.deliver()) };
    assert!(tokio::time::timeout(Duration::from_secs(1), both).await.is_err());
    assert_eq!(line.target.waiting(), Some(0));
    assert_eq!(line.deliver().await.0.attempts.len(), 1);
}
