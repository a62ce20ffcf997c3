//! Whole deliveries to servers on loopback. Time is paused where retries wait; it moves on when everybody waits.

mod gated;

use super::*;
use crate::deliver::tests::support::{Server, event, prepare, target};
use crate::document::Document;
use crate::event::Event;
use std::future::pending;
use std::sync::Mutex;
use tokio_util::sync::CancellationToken;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";
const NOT_OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{\"ok\":false}";
const UNAVAILABLE: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
const BUSY_FOR_3_S: &str = "HTTP/1.1 503 Busy\r\nretry-after: 3\r\ncontent-length: 0\r\n\r\n";
const BUSY_FOR_AN_HOUR: &str = "HTTP/1.1 429 Busy\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\noops";

/// Number, outcome, status, ambiguous.
type Observed = (u32, Outcome, Option<u16>, bool);

/// Remembers what it was told.
#[derive(Default)]
struct Watching(Mutex<Vec<Observed>>);

impl Observer for Watching {
    fn attempt_begins(&self, number: u32, headers: &mut HeaderMap) {
        let parent = format!("00-0af7651916cd43dd8448eb211c80319c-00000000000000{number:02x}-01");
        headers.insert("traceparent", HeaderValue::try_from(parent).unwrap());
    }

    fn attempt_ended(&self, attempt: &Attempt) {
        self.0.lock().unwrap().push((attempt.number, attempt.outcome, attempt.status, attempt.ambiguous));
    }
}

fn scope(event: Event) -> DeliveryScope {
    DeliveryScope {
        deadline: Instant::now() + Duration::from_secs(25),
        event: Arc::new(event),
        route: "orders".into(),
        vars: Arc::from([]),
        answers: Arc::from([]),
        tables: Document::null(),
        uuid: String::new,
        trusted_proxy: None,
        sender_waits: true,
        answer_is_read: false,
        draining: CancellationToken::new(),
    }
}

struct Ended {
    delivered: Delivered,
    observed: Vec<Observed>,
    took: Duration,
}

async fn deliver_with(yaml: &str, change: impl FnOnce(&mut DeliveryScope)) -> Ended {
    let event = event(&[("content-type", "application/json")], "{\"n\":1}");
    let target = target(yaml);
    let outbound = prepare(&target, &event).unwrap();
    let mut scope = scope(event);
    change(&mut scope);
    let watching = Watching::default();
    let began = Instant::now();
    let delivered = target.deliver(&Client::new().unwrap(), &outbound, &scope, &watching).await;
    Ended { delivered, took: began.elapsed(), observed: watching.0.into_inner().unwrap() }
}

async fn deliver(server: &Server, more: &str) -> Ended {
    deliver_with(&format!("{{url: '{}'{more}}}", server.url()), |_| ()).await
}

#[tokio::test]
async fn one_good_answer_is_a_delivery() {
    let server = Server::answering(&[OK]).await;
    let Ended { delivered, observed, .. } = deliver(&server, "").await;
    assert_eq!((delivered.outcome, delivered.gave_up, delivered.attempts.len()), (Outcome::Success, None, 1));
    assert_eq!(observed, [(1, Outcome::Success, Some(200), false)]);
    let raw = delivered.raw_answer.unwrap();
    assert_eq!((raw.status, raw.content_type.unwrap().to_str().unwrap()), (200, "application/json"));
    assert_eq!(&raw.body[..], b"{\"ok\":true}");
    assert!(delivered.answer.is_none(), "nothing reads it");
}

#[tokio::test]
async fn an_answer_that_is_read_is_parsed() {
    let server = Server::answering(&[OK]).await;
    let ended = deliver_with(&format!("url: '{}'", server.url()), |scope| scope.answer_is_read = true).await;
    let answer = ended.delivered.answer.unwrap();
    assert_eq!((answer.status, answer.body.root().get("ok").and_then(|node| node.as_bool())), (200, Some(true)));
}

#[tokio::test(start_paused = true)]
async fn upstream_500_is_not_success() {
    let server = Server::answering(&[BROKEN]).await;
    let Ended { delivered, .. } = deliver(&server, ", retry: {max: 2, delay: 1s}").await;
    assert_eq!((delivered.outcome, delivered.gave_up), (Outcome::ServerError, Some(GiveUp::Exhausted)));
    assert_eq!((delivered.attempts.len(), server.requests().len()), (3, 3));
    assert_eq!(delivered.raw_answer.unwrap().status, 500);
}

#[tokio::test(start_paused = true)]
async fn a_busy_target_is_tried_again_when_it_said() {
    let server = Server::answering(&[BUSY_FOR_3_S, OK]).await;
    let Ended { delivered, took, .. } = deliver(&server, ", retry: {delay: 1s, jitter: false}").await;
    assert_eq!((delivered.outcome, delivered.attempts.len(), delivered.retry_after), (Outcome::Success, 2, None));
    assert_eq!(took.as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_is_not_begun() {
    let server = Server::answering(&[BUSY_FOR_AN_HOUR]).await;
    let Ended { delivered, took, .. } = deliver(&server, "").await;
    assert_eq!((delivered.outcome, delivered.gave_up), (Outcome::Throttled, Some(GiveUp::Deadline)));
    assert_eq!((delivered.retry_after, took.as_secs()), (Some(Duration::from_secs(3600)), 0));
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let server = Server::answering(&["HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n"]).await;
    let Ended { delivered, .. } = deliver(&server, "").await;
    assert_eq!((delivered.outcome, delivered.gave_up), (Outcome::Refused, Some(GiveUp::NotRetryable)));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let server = Server::answering(&["HTTP/1.1 302 Go\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", OK]).await;
    let Ended { delivered, .. } = deliver(&server, ", auth: {bearer: '${env:TOKEN}'}").await;
    assert_eq!((delivered.outcome, server.requests().len()), (Outcome::Refused, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_ambiguous_and_tried_again_with_the_same_id() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
    })
    .await;
    let Ended { observed, .. } = deliver(&server, ", retry: {max: 1, delay: 1s}").await;
    assert_eq!(observed, [(1, Outcome::Reset, None, true), (2, Outcome::Reset, None, true)]);
    let requests = server.requests();
    let line = |request: &str, name: &str| {
        request.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned)).unwrap_or_default()
    };
    for name in ["webhook-id: ", "idempotency-key: "] {
        assert!(line(&requests[0], name).starts_with("msg_"));
        assert_eq!(line(&requests[0], name), line(&requests[1], name));
    }
    let attempts: Vec<String> = requests.iter().map(|request| line(request, "x-hookswitch-attempt: ")).collect();
    assert_eq!(attempts, ["1", "2"]);
    assert_ne!(line(&requests[0], "traceparent: "), line(&requests[1], "traceparent: "));
}

#[tokio::test(start_paused = true)]
async fn a_route_that_must_not_repeat_does_not() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
    })
    .await;
    let Ended { delivered, .. } = deliver(&server, ", retry: {on: [connect, 5xx]}").await;
    assert_eq!((delivered.outcome, delivered.gave_up), (Outcome::Reset, Some(GiveUp::NotRetryable)));
    assert_eq!(server.requests().len(), 1);
}

async fn hanging() -> Server {
    Server::start(|mut connection| async move {
        connection.request().await;
        pending::<()>().await;
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_at_its_timeout_and_the_next_begins() {
    let server = hanging().await;
    let Ended { delivered, took, .. } =
        deliver(&server, ", timeout: 4s, retry: {max: 1, delay: 2s, jitter: false}").await;
    assert_eq!((delivered.outcome, delivered.gave_up), (Outcome::Timeout, Some(GiveUp::Exhausted)));
    assert_eq!(took.as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_cuts_the_last_attempt_short() {
    let server = hanging().await;
    let Ended { delivered, observed, took } = deliver(&server, ", timeout: 60s").await;
    assert_eq!((delivered.outcome, delivered.gave_up), (Outcome::Deadline, Some(GiveUp::Deadline)));
    assert_eq!(observed, [(1, Outcome::Timeout, None, true)]);
    assert_eq!(took.as_secs(), 25);
}

#[tokio::test]
async fn a_passed_deadline_leaves_no_room_for_an_attempt() {
    let server = Server::answering(&[OK]).await;
    let past = |scope: &mut DeliveryScope| scope.deadline = Instant::now();
    let Ended { delivered, observed, .. } = deliver_with(&format!("url: '{}'", server.url()), past).await;
    assert_eq!((delivered.outcome, delivered.attempts.len(), observed.len()), (Outcome::Deadline, 0, 0));
    assert_eq!(server.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn draining_ends_the_wait_for_another_attempt() {
    let server = Server::answering(&[UNAVAILABLE]).await;
    let drain = |scope: &mut DeliveryScope| {
        let draining = scope.draining.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            draining.cancel();
        });
    };
    let yaml = format!("{{url: '{}', retry: {{delay: 9s, jitter: false}}}}", server.url());
    let Ended { delivered, took, .. } = deliver_with(&yaml, drain).await;
    assert_eq!((delivered.outcome, delivered.gave_up), (Outcome::Draining, Some(GiveUp::Draining)));
    assert_eq!((delivered.attempts.len(), took.as_secs()), (1, 1));
}

#[tokio::test]
async fn a_condition_over_the_answer_decides() {
    let condition = ", retry: {max: 0}, success: 'answer.status == 200 && answer.body.ok'";
    for (answer, outcome) in [(OK, Outcome::Success), (NOT_OK, Outcome::Unsatisfied), (BROKEN, Outcome::ServerError)] {
        let server = Server::answering(Box::leak(Box::new([answer]))).await;
        assert_eq!(deliver(&server, condition).await.delivered.outcome, outcome, "{answer}");
    }
    let no_json = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\n{ok}";
    let server = Server::answering(Box::leak(Box::new([no_json]))).await;
    assert_eq!(deliver(&server, condition).await.delivered.outcome, Outcome::Unsatisfied);
}

#[tokio::test]
async fn a_condition_that_is_wrong_is_not_success() {
    let server = Server::answering(&[OK]).await;
    let Ended { delivered, .. } = deliver(&server, ", success: 'answer.body.ok + 1 == 2'").await;
    assert_eq!(delivered.outcome, Outcome::Expression);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_is_a_failure_unless_its_status_is_one_already() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n";
    let bad = "HTTP/1.1 400 No\r\ncontent-length: 2000\r\n\r\n";
    for (answer, outcome) in [(ok, Outcome::AnswerTooLarge), (bad, Outcome::Refused)] {
        let server = Server::answering(Box::leak(Box::new([answer]))).await;
        let Ended { delivered, .. } = deliver(&server, ", answer_max: 1KiB").await;
        assert_eq!((delivered.outcome, delivered.raw_answer.is_none()), (outcome, true));
    }
}

#[tokio::test]
async fn the_sender_is_named_and_null_hides_it() {
    let server = Server::answering(&[OK]).await;
    deliver(&server, ", headers: {x-forwarded-for: null, forwarded: null}").await;
    let request = server.requests().remove(0);
    assert!(request.contains("x-forwarded-host: hooks.example.com\r\n"), "{request}");
    assert!(request.contains("x-forwarded-proto: https\r\n"), "{request}");
    assert!(!request.contains("203.0.113.7"), "{request}");
}

#[tokio::test]
async fn a_file_gets_one_line_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.ndjson");
    let yaml = format!("{{url: 'file://{}', headers: {{x-key: '${{env:TOKEN}}'}}}}", path.display());
    for _ in 0..2 {
        let ended = deliver_with(&yaml, |_| ()).await;
        assert_eq!((ended.delivered.outcome, ended.delivered.raw_answer.is_none()), (Outcome::Success, true));
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("example-token"), "{text}");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let line = &lines[0];
    assert_eq!((line["route"].as_str(), line["target"].as_str()), (Some("orders"), Some("target")));
    assert_eq!((line["method"].as_str(), &line["body"]), (Some("POST"), &serde_json::json!({"n": 1})));
    assert_eq!(line["headers"]["x-key"], "${env:TOKEN}");
    assert_eq!(line["headers"]["x-hookswitch-attempt"], "1");
    assert!(line["id"].as_str().unwrap().starts_with("msg_") && line["time"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_fails_the_delivery() {
    let ended = deliver_with("url: file:///nowhere/at/all/out.ndjson", |_| ()).await;
    assert_eq!((ended.delivered.outcome, ended.delivered.gave_up), (Outcome::Write, Some(GiveUp::NotRetryable)));
}

#[tokio::test]
async fn a_trusted_proxy_is_continued() {
    let server = Server::answering(&[OK]).await;
    let proxy = |scope: &mut DeliveryScope| scope.trusted_proxy = Some("10.1.2.3".parse().unwrap());
    deliver_with(&format!("url: '{}'", server.url()), proxy).await;
    let request = server.requests().remove(0);
    assert!(request.contains("x-forwarded-for: 203.0.113.7, 10.1.2.3\r\n"), "{request}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_delivery_makes_no_further_attempt() {
    let server = Server::answering(&[UNAVAILABLE]).await;
    let yaml = format!("{{url: '{}', retry: {{delay: 2s, jitter: false}}}}", server.url());
    let one_second = tokio::time::timeout(Duration::from_secs(1), deliver_with(&yaml, |_| ()));
    assert!(one_second.await.is_err());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(server.requests().len(), 1);
}
