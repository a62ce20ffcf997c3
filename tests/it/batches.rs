//! Requests that bring several events.

use crate::dead_letters::Grave;
use crate::harness::{Answer, Held, Request, Response, Router, Target, hookswitch, write};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

fn route(keys: &str, target: &Target) -> String {
    format!(
        "name: a\nmatch: {{path: /a, when: body.n >= 0}}\nverify: none\neach: {{in: '${{body.events}}', max: 20}}\n{keys}target: {{url: '{}', retry: {{max: 0}}}}\n",
        target.url("/")
    )
}

fn send(router: &Router, body: &Value) -> Response {
    router.send(Request::post("/a").header("x-sender", "s").json(&body.to_string()))
}

fn events(numbers: &[i64]) -> Value {
    json!({"id": "b-1", "events": numbers.iter().map(|n| json!({"n": n})).collect::<Vec<_>>()})
}

/// What a target got, whatever the order.
fn numbers(target: &Target) -> Vec<i64> {
    let mut numbers: Vec<i64> = target.all().iter().map(|seen| seen.json()["n"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn every_element_is_an_event_of_its_own() {
    let target = Target::ok();
    let keys = "labels: {n: '${body.n} of ${batch.id}'}\n";
    let mut router = Router::start(&[("routes.d/a.yaml", &route(keys, &target))]);
    assert_eq!(send(&router, &events(&[1, -5, 3])).json(), json!({"status": "delivered"}));
    let seen = target.all();
    let mut bodies: Vec<String> = seen.iter().map(|seen| seen.text()).collect();
    bodies.sort();
    assert_eq!(bodies, [r#"{"n":1}"#, r#"{"n":3}"#], "as if they had come by themselves");
    assert!(seen.iter().all(|seen| seen.header("content-type") == Some("application/json")));
    assert!(seen.iter().all(|seen| seen.header("x-sender").is_none()), "headers are of the whole");
    let ids: BTreeSet<&str> = seen.iter().map(|seen| seen.header("webhook-id").unwrap()).collect();
    assert_eq!(ids.len(), 2);
    let line = router.wait_for(|line| line["message"] == "delivery" && line["element"] == 2);
    assert_eq!(line["labels"], json!({"n": "3 of b-1"}));
}

#[test]
fn numbers_keep_their_text() {
    let target = Target::ok();
    let router = Router::start(&[("routes.d/a.yaml", &route("", &target))]);
    let body = r#"{"events":[{"n":1,"sum":100.00,"id":123456789012345678901234567890}]}"#;
    assert_eq!(router.send(Request::post("/a").json(body)).status, 200);
    assert_eq!(target.next().text(), r#"{"n":1,"sum":100.00,"id":123456789012345678901234567890}"#);
}

#[test]
fn what_is_no_batch_is_refused_and_what_is_none_is_ignored() {
    let target = Target::ok();
    let router = Router::start(&[("routes.d/a.yaml", &route("", &target))]);
    for body in [json!({"events": {"n": 1}}), json!({"events": "x"}), events(&[0; 21])] {
        assert_eq!(send(&router, &body).status, 422, "{body}");
    }
    for body in [json!({}), json!({"events": []}), json!({"events": null}), events(&[-1, -2])] {
        assert_eq!(send(&router, &body).json(), json!({"status": "ignored"}), "{body}");
    }
    assert!(target.all().is_empty());
    assert_eq!(send(&router, &events(&[0; 20])).status, 200);
    router.write("routes.d/a.yaml", &route("", &target).replace("path: /a", "path: /a, absent: error"));
    let mut router = router;
    router.wait_for(|line| line["message"].as_str().is_some_and(|said| said.starts_with("configuration applied")));
    assert_eq!(send(&router, &json!({})).status, 422, "absent: error");
}

#[test]
fn the_worst_element_answers_and_the_others_are_delivered() {
    let target = Target::new(|_, seen| Answer::status(if seen.json()["n"] == 2 { 400 } else { 200 }));
    let router = Router::start(&[("routes.d/a.yaml", &route("", &target))]);
    assert_eq!(send(&router, &events(&[1, 2, 3])).status, 502);
    assert_eq!(numbers(&target), [1, 2, 3]);
    let wrong = json!({"events": [{"n": 1}, {"n": "x"}, {"n": 3}]});
    assert_eq!(send(&router, &wrong).status, 422, "an expression is wrong for one of them");
    assert_eq!(numbers(&target), [1, 3]);
}

#[test]
fn a_batch_that_failed_in_part_is_finished_by_the_next_try() {
    for key in ["'${body.n}'", "'${headers[\"x-sender\"]}'", "'${vars.whole}'", "'${hex(sha256(text))}'"] {
        let target =
            Target::new(|number, seen| Answer::status(if number < 3 && seen.json()["n"] == 2 { 400 } else { 200 }));
        let keys = format!("vars: {{whole: '${{batch.id}}'}}\ndedupe: {{key: {key}}}\n");
        let router = Router::start(&[("routes.d/a.yaml", &route(&keys, &target))]);
        assert_eq!(send(&router, &events(&[1, 2, 3])).status, 502);
        assert_eq!(numbers(&target), [1, 2, 3]);
        assert_eq!(send(&router, &events(&[1, 2, 3])).json(), json!({"status": "delivered"}), "{key}");
        assert_eq!(numbers(&target), [2], "{key}");
        assert_eq!(send(&router, &events(&[1, 2, 3])).json(), json!({"status": "duplicate"}), "{key}");
        assert!(target.all().is_empty());
    }
}

#[test]
fn an_element_that_is_in_a_batch_twice_is_one_event_where_its_key_says_so() {
    let target = Target::ok();
    let router = Router::start(&[("routes.d/a.yaml", &route("dedupe: {key: '${body.n}'}\n", &target))]);
    assert_eq!(send(&router, &events(&[7, 7, 8, 7])).status, 200);
    assert_eq!(numbers(&target), [7, 8]);
}

#[test]
fn elements_count_one_by_one_against_the_limit_of_the_route() {
    let target = Target::ok();
    let router = Router::start(&[("routes.d/a.yaml", &route("limit: {rate: 1/h, burst: 2}\n", &target))]);
    let response = send(&router, &events(&[1, 2, 3]));
    assert_eq!((response.status, response.header("retry-after").is_some()), (429, true));
    assert_eq!(numbers(&target), [1, 2]);
}

#[test]
fn a_few_elements_are_on_their_way_at_once() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let target = Target::new(move |_, _| {
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        std::thread::yield_now();
        now.fetch_sub(1, SeqCst);
        Answer::status(200)
    });
    let router = Router::start(&[("routes.d/a.yaml", &route("", &target))]);
    assert_eq!(send(&router, &events(&(0..20).collect::<Vec<_>>())).status, 200);
    assert_eq!(numbers(&target), (0..20).collect::<Vec<_>>());
    assert!(seen.load(SeqCst) <= 16);
}

#[test]
fn the_sender_of_a_batch_hears_accepted_once_and_every_element_goes_on() {
    let mut held = Held::new();
    let files = [
        ("hookswitch.yaml", "limits: {accepted: 1}\n"),
        ("routes.d/a.yaml", &route("ack: accepted\nlabels: {n: '${body.n}'}\n", &held.target)),
    ];
    let mut router = Router::start(&files);
    let answer = send(&router, &events(&[1, -5, 3]));
    assert_eq!((answer.status, answer.json()), (202, json!({"status": "accepted"})));
    router.wait_for(|line| line["message"] == "event" && line["outcome"] == "accepted");
    held.arrived();
    held.arrived();
    // The whole batch has one place in the memory; another one finds none, and nothing of it is sent.
    assert_eq!(send(&router, &events(&[7, 8])).status, 503);
    held.let_go();
    for (element, n) in [(0, "1"), (2, "3")] {
        let line = router.wait_for(|line| line["message"] == "delivery" && line["element"] == element);
        assert_eq!((&line["outcome"], &line["labels"]), (&json!("success"), &json!({"n": n})));
    }
    assert_eq!(numbers(&held.target), [1, 3]);
}

/// The whole came as a form; its element is JSON wherever it goes, and has none of the sender's headers.
#[test]
fn an_element_that_failed_is_kept_by_itself_and_replayed_as_it_was() {
    let (grave, broken) = (Grave::new(), Arc::new(AtomicBool::new(true)));
    let is_broken = broken.clone();
    let target = Target::new(move |_, seen| {
        Answer::status(if seen.json()["n"] == "2" && is_broken.load(SeqCst) { 400 } else { 200 })
    });
    let route = format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\neach: {{in: '${{body.events}}'}}\nlabels: {{n: '${{body.n}}'}}\ntarget: {{name: crm, url: '{}', retry: {{max: 0}}, dead_letter: graveyard}}\n",
        target.url("/")
    );
    let mut router = Router::start(&[("hookswitch.yaml", &grave.settings()), ("routes.d/a.yaml", &route)]);
    let batch = Request::post("/a").header("x-sender", "s").form("events[0][n]=1&events[1][n]=2&events[2][n]=3");
    assert_eq!(router.send(batch).json(), json!({"status": "delivered"}));
    router.wait_for(|line| line["message"] == "event" && line["outcome"] == "dead_lettered");
    let mut seen = target.all();
    seen.sort_by_key(|seen| seen.text());
    let missed = &seen[1];
    let records = grave.records();
    assert_eq!(records.len(), 1, "of the others there is nothing to keep");
    let record = &records[0];
    assert_eq!((&record["event"]["body"], &record["event"]["element"]), (&json!({"n": "2"}), &json!(1)));
    assert_eq!((&record["labels"], &record["id"]), (&json!({"n": "2"}), &json!(missed.header("webhook-id").unwrap())));
    broken.store(false, SeqCst);
    let output = hookswitch(router.folder(), &["replay", grave.file().to_str().unwrap()]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1 delivered, 0 failed\n", "{output:?}");
    let again = target.next();
    assert_eq!((again.text(), missed.text()), (r#"{"n":"2"}"#.to_owned(), r#"{"n":"2"}"#.to_owned()));
    for name in ["content-type", "webhook-id", "idempotency-key", "x-sender"] {
        assert_eq!(again.header(name), missed.header(name), "{name}");
    }
    assert_eq!((again.header("content-type"), again.header("x-sender")), (Some("application/json"), None));
}

#[test]
fn the_contract_of_a_route_is_asked_of_each_element_that_it_would_take() {
    let target = Target::ok();
    let files = [
        ("routes.d/a.yaml", &*route("body: {schema: ../item.json}\n", &target)),
        ("item.json", r#"{"required": ["id"], "properties": {"id": {"type": "integer"}}}"#),
    ];
    let mut router = Router::start(&files);
    let batch = |second: Value| json!({"events": [{"n": 1, "id": 1}, second, {"n": 3, "id": 3}]});
    assert_eq!(send(&router, &batch(json!({"n": -2}))).json(), json!({"status": "delivered"}), "one that is ignored");
    assert_eq!(numbers(&target), [1, 3]);
    let refused = send(&router, &batch(json!({"n": 2})));
    assert_eq!(
        (refused.status, &refused.json()["errors"]),
        (422, &json!([{"pointer": "/id", "detail": "is missing"}]))
    );
    assert_eq!(numbers(&target), [1, 3], "the others are delivered all the same");
    router.wait_for(|line| line["message"] == "event" && line["status"] == 422);
    let refused = send(&router, &batch(json!({"n": 2, "id": "SECRET-VALUE"})));
    let errors = json!([{"pointer": "/id", "detail": "must be of type integer"}]);
    assert_eq!((refused.status, &refused.json()["errors"]), (422, &errors));
    assert!(!refused.text().contains("SECRET"));
}

#[test]
fn a_respond_of_a_batch_is_of_the_element_that_ended_as_the_whole() {
    let target = Target::new(|_, seen| Answer::status(if seen.json()["n"] == 2 { 400 } else { 200 }));
    let respond = "respond: [{body: {first: '${body.n}', of: '${size(batch.events)}'}}, {on: failed, body: {failed: '${body.n}'}}]\n";
    let router = Router::start(&[("routes.d/a.yaml", &route(respond, &target))]);
    assert_eq!(send(&router, &events(&[1, 3])).json(), json!({"first": 1, "of": 2}));
    let failed = send(&router, &events(&[1, 2, 3]));
    assert_eq!((failed.status, failed.json()), (502, json!({"failed": 2})));
}

#[test]
fn explain_and_test_show_each_element() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::ok();
    write(folder.path(), "routes.d/a.yaml", &route("", &target));
    let body = events(&[1, -1]).to_string();
    let told = |format: &[&str]| {
        let arguments = [["explain", "POST", "/a", "-d", &body].as_slice(), format].concat();
        String::from_utf8(hookswitch(folder.path(), &arguments).stdout).unwrap()
    };
    let human = told(&[]);
    assert!(human.contains("element 0 taken\n") && human.contains("element 1 ignored: `when` is false"), "{human}");
    let machine: Value = serde_json::from_str(&told(&["--format", "json"])).unwrap();
    assert_eq!(machine["routes"][0]["elements"][1]["outcome"], "ignored");
    assert_eq!(
        (&machine["deliveries"][0]["element"], &machine["deliveries"][0]["body"]),
        (&json!(0), &json!({"n": 1}))
    );
    let tests = "tests:\n  - name: two\n    request: {path: /a, body: {events: [{n: 1}, {n: -1}, {n: 2}]}}\n    expect: {deliveries: [{element: 0}, {element: 2, body: {n: 2}}]}\n";
    write(folder.path(), "routes.d/a.test.yaml", tests);
    assert!(hookswitch(folder.path(), &["test"]).status.success());
    write(folder.path(), "routes.d/a.test.yaml", &tests.replace("element: 2", "element: 1"));
    let said = String::from_utf8(hookswitch(folder.path(), &["test"]).stdout).unwrap();
    assert!(said.contains(".element: expected \"1\", got \"2\""), "{said}");
}
