//! What the sender hears.

use crate::harness::{Answer, Request, Router, Target};
use serde_json::json;

#[test]
fn a_target_that_answers_500_is_not_a_delivery() {
    let target = Target::new(|_, _| Answer::status(500));
    let route = format!(
        "match: {{path: /a}}\nverify: none\ntarget: {{url: '{}', retry: {{max: 0}}}}\n",
        target.url("/secret-path")
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let response = router.send(Request::post("/a").json("{}"));
    assert_eq!(response.status, 502);
    assert!(response.header("retry-after").is_some());
    let problem = response.json();
    assert_eq!(problem["status"], 502);
    assert!(!response.text().contains("secret-path"), "a problem names no target");
}

#[test]
fn a_target_that_refuses_for_good_gives_no_retry_after() {
    let target = Target::new(|_, _| Answer::status(400));
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let response = router.send(Request::post("/a").json("{}"));
    assert_eq!((response.status, response.header("retry-after")), (502, None));
    assert_eq!(target.all().len(), 1, "a 400 is not retried");
}

#[test]
fn an_attempt_that_still_runs_at_the_deadline_is_a_504() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let target = Target::new(move |_, _| {
        let _ = wait.lock().unwrap().recv();
        Answer::status(200)
    });
    let route = format!("match: {{path: /a}}\nverify: none\ndeadline: 300ms\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let response = router.send(Request::post("/a").json("{}"));
    drop(go);
    assert_eq!(response.status, 504);
}

#[test]
fn the_answer_of_a_target_is_relayed_where_the_route_says_so() {
    let target = Target::new(|_, _| Answer {
        status: 201,
        headers: vec![("content-type".into(), "text/plain".into())],
        body: b"made".to_vec(),
    });
    let route = format!(
        "match: {{path: /a}}\nverify: none\ntarget: {{name: t, url: '{}'}}\nrespond: {{from: t}}\n",
        target.url("/")
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let response = router.send(Request::post("/a").json("{}"));
    assert_eq!(
        (response.status, response.text().as_str(), response.header("content-type")),
        (201, "made", Some("text/plain"))
    );
}

#[test]
fn a_route_answers_by_itself_and_from_what_targets_answered() {
    let target = Target::new(|_, _| Answer::status(200).body(r#"{"balance":12.50}"#));
    let own = "name: own\nmatch: {path: /own}\nverify: none\ntargets: []\nrespond: {status: 202, headers: {x-a: 'b ${body.n}'}, body: {echo: '${body.n}'}}\n";
    let from = format!(
        "name: from\nmatch: {{path: /from, when: body.n > 0}}\nverify: none\ntarget: {{name: billing, url: '{}'}}\nrespond:\n  - {{body: {{balance: '${{answers.billing.body.balance}}'}}}}\n  - {{on: ignored, text: nothing to do}}\n",
        target.url("/")
    );
    let router = Router::start(&[("routes.d/a.yaml", &format!("{own}---\n{from}"))]);
    let response = router.send(Request::post("/own").json(r#"{"n":7}"#));
    assert_eq!((response.status, response.json(), response.header("x-a")), (202, json!({"echo": 7}), Some("b 7")));
    assert_eq!(router.send(Request::post("/from").json(r#"{"n":7}"#)).text(), r#"{"balance":12.50}"#);
    assert_eq!(router.send(Request::post("/from").json(r#"{"n":0}"#)).text(), "nothing to do");
}

#[test]
fn a_target_that_is_not_required_decides_nothing() {
    let good = Target::ok();
    let bad = Target::new(|_, _| Answer::status(500));
    let route = format!(
        "match: {{path: /a}}\nverify: none\ntargets:\n  - {{name: good, url: '{}'}}\n  - {{name: bad, url: '{}', required: false, retry: {{max: 0}}}}\n",
        good.url("/"),
        bad.url("/")
    );
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    bad.next();
    router.wait_for(|line| line["target"] == "bad" && line["status"] == 500);
}

#[test]
fn every_answer_carries_the_request_id() {
    let router =
        Router::start(&[("routes.d/a.yaml", "match: {path: /a}\nverify: none\ntargets: []\nrespond: {text: ok}\n")]);
    let mine = router.send(Request::post("/a").header("x-request-id", "mine-1").json("{}"));
    assert_eq!(mine.header("x-request-id"), Some("mine-1"));
    let evil = router.send(Request::post("/nowhere").header("x-request-id", "a\tb{}"));
    assert_ne!(evil.header("x-request-id"), Some("a\tb{}"));
    assert!(evil.header("x-request-id").is_some());
}
