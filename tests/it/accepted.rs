//! `ack: accepted`: the sender hears at once, the deliveries go on in bounded memory.

use crate::dead_letters::Grave;
use crate::harness::{Answer, Held, Request, Router, Target};
use serde_json::json;

fn route(url: &str, keys: &str, target: &str) -> String {
    format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\nack: accepted\n{keys}target: {{name: t, url: '{url}'{target}}}\n"
    )
}

#[test]
fn the_sender_hears_at_once_and_the_delivery_goes_on() {
    let mut held = Held::new();
    let mut router = Router::start(&[("routes.d/a.yaml", &route(&held.target.url("/"), "", ""))]);
    let answer = router.send(Request::post("/a").json(r#"{"n":1}"#));
    assert_eq!((answer.status, answer.json()), (202, json!({"status": "accepted"})));
    router.wait_for(|line| line["message"] == "event" && line["outcome"] == "accepted" && line["status"] == 202);
    held.arrived();
    held.let_go();
    router.wait_for(|line| line["message"] == "delivery" && line["outcome"] == "success");
    assert_eq!(held.target.next().json(), json!({"n": 1}));
}

#[test]
fn respond_may_say_something_else() {
    let held = Held::new();
    for (respond, expected) in [
        ("respond: {text: queued, status: 200}\n", (200, "queued")),
        ("respond: [{on: delivered, text: no}, {on: accepted, status: 202, text: 'yes'}]\n", (202, "yes")),
        ("respond: {from: t}\n", (202, r#"{"status":"accepted"}"#)),
    ] {
        let router = Router::start(&[("routes.d/a.yaml", &route(&held.target.url("/"), respond, ""))]);
        let answer = router.send(Request::post("/a").json("{}"));
        assert_eq!((answer.status, &*answer.text()), expected, "{respond}");
    }
}

#[test]
fn retries_are_not_bound_by_the_deadline() {
    let target = Target::new(|number, _| Answer::status(if number < 2 { 503 } else { 200 }));
    let retry = ", retry: {delay: 50ms, jitter: false, backoff: constant}";
    let route = route(&target.url("/"), "deadline: 10ms\n", retry);
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 202);
    let line = router.wait_for(|line| line["message"] == "delivery");
    assert_eq!((&line["outcome"], &line["attempts"]), (&json!("success"), &json!(3)));
}

#[test]
fn what_cannot_be_delivered_is_kept_or_somebody_must_act() {
    let (grave, target) = (Grave::new(), Target::new(|_, _| Answer::status(400)));
    let kept = route(&target.url("/"), "", ", dead_letter: graveyard");
    let mut router = Router::start(&[("hookswitch.yaml", &grave.settings()), ("routes.d/a.yaml", &kept)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 202);
    router.wait_for(|line| line["message"] == "delivery" && line["dead_letter"] == "graveyard");
    assert_eq!(grave.records()[0]["reason"], "not retryable");
    let mut router = Router::start(&[("routes.d/a.yaml", &route(&target.url("/"), "", ""))]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 202);
    let line = router.wait_for(|line| line["message"] == "accepted delivery lost");
    assert_eq!((&line["level"], &line["route"], &line["target"]), (&json!("error"), &json!("a"), &json!("t")));
    assert_eq!(line["reason"], "not retryable");
}

#[test]
fn when_its_memory_is_full_the_sender_comes_again_later() {
    let mut held = Held::new();
    for limits in ["limits: {accepted: 2}\n", "limits: {accepted_bytes: 25B}\n"] {
        let mut router =
            Router::start(&[("hookswitch.yaml", limits), ("routes.d/a.yaml", &route(&held.target.url("/"), "", ""))]);
        let event = || Request::post("/a").json(r#"{"n":"12"}"#);
        assert_eq!([router.send(event()).status, router.send(event()).status], [202, 202]);
        let answer = router.send(event());
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{limits}");
        router.wait_for(|line| line["message"] == "event" && line["status"] == 503);
        if limits.contains("bytes") {
            held.let_go();
            router.wait_for(|line| line["message"] == "delivery" && line["outcome"] == "success");
            router.wait_for(|line| line["message"] == "delivery" && line["outcome"] == "success");
        }
    }
}

/// A target that never answers fills the memory of what was accepted, and nothing else.
#[test]
fn what_was_accepted_takes_no_place_from_what_is_awaited() {
    let (held, target) = (Held::new(), Target::ok());
    let awaited = format!("name: b\nmatch: {{path: /b}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[
        ("hookswitch.yaml", "limits: {in_flight: 1, accepted: 3}\n"),
        ("routes.d/a.yaml", &route(&held.target.url("/"), "", "")),
        ("routes.d/b.yaml", &awaited),
    ]);
    for expected in [202, 202, 202, 503] {
        assert_eq!(router.send(Request::post("/a").json("{}")).status, expected);
    }
    assert_eq!(router.send(Request::post("/b").json("{}")).status, 200);
}

#[test]
fn a_repeat_of_what_is_under_way_is_accepted_and_sent_once() {
    let mut held = Held::new();
    let route = route(&held.target.url("/"), "dedupe: {key: '${body.id}'}\n", "");
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    let send = |router: &Router| router.send(Request::post("/a").json(r#"{"id":"x"}"#)).json()["status"].clone();
    assert_eq!([send(&router), send(&router)], ["accepted", "accepted"]);
    router.wait_for(|line| line["reason"] == "a: joined");
    held.arrived();
    held.let_go();
    router.wait_for(|line| line["message"] == "delivery");
    held.target.next();
    assert!(held.target.all().is_empty());
}

/// `delivered` outranks `accepted`, and accepted routes hold nothing up.
#[test]
fn beside_a_route_that_is_awaited_the_answer_is_that_of_the_awaited() {
    let (held, target) = (Held::new(), Target::ok());
    let routes = |first: &str, second: &str, url: &str| {
        format!(
            "{}---\nname: b\nmatch: {{path: /a}}\nverify: none\norder: {second}\ntarget: {{url: '{url}'}}\n",
            route(&held.target.url("/"), &format!("order: {first}\n"), "")
        )
    };
    for (first, second) in [("1", "2"), ("2", "1"), ("1", "1")] {
        let router = Router::start(&[("routes.d/a.yaml", &routes(first, second, &target.url("/")))]);
        let answer = router.send(Request::post("/a").json("{}"));
        assert_eq!((answer.status, answer.json()), (200, json!({"status": "delivered"})));
        held.arrived();
    }
}

#[test]
fn after_a_failure_of_an_earlier_order_nothing_is_accepted() {
    let target = Target::ok();
    let routes = format!(
        "{}---\nname: b\nmatch: {{path: /a}}\nverify: none\ntarget: {{url: 'http://127.0.0.1:1/', retry: {{max: 0}}}}\n",
        route(&target.url("/"), "order: 1\n", "")
    );
    let router = Router::start(&[("routes.d/a.yaml", &routes)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    router.signal("TERM");
    assert_eq!(router.wait().0.code(), Some(0));
    assert!(target.all().is_empty());
}
