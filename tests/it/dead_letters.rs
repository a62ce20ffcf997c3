//! What could not be delivered is kept, before the sender hears of it.

use crate::harness::{Answer, Request, Router, Target, hookswitch, write};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A folder that outlives the router, for what is kept.
pub struct Grave {
    folder: tempfile::TempDir,
}

impl Grave {
    pub fn new() -> Grave {
        Grave { folder: tempfile::tempdir().unwrap() }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("dead.ndjson")
    }

    /// `graveyard`, as a target of hookswitch.yaml.
    pub fn settings(&self) -> String {
        format!("targets: {{graveyard: {{url: 'file://{}'}}}}\n", self.file().display())
    }

    pub fn records(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn refusing(status: u16) -> Target {
    Target::new(move |_, _| Answer::status(status).body(r#"{"why":"no"}"#))
}

fn route(url: &str, more: &str) -> String {
    format!(
        "name: orders\nmatch: {{path: /a}}\nverify: {{shared: {{header: x-token}}, secret: example}}\nlabels: {{order: '${{body.id}}'}}\ntarget: {{name: crm, url: '{url}', retry: {{max: 1, delay: 1ms}}, dead_letter: graveyard{more}}}\n"
    )
}

fn event() -> Request {
    Request::post("/a?x=1").header("x-token", "example").header("cookie", "c=1").json(r#"{"id": 7.0}"#)
}

#[test]
fn a_stored_dead_letter_is_success_for_the_sender() {
    let (grave, target) = (Grave::new(), refusing(503));
    let mut router =
        Router::start(&[("hookswitch.yaml", &grave.settings()), ("routes.d/a.yaml", &route(&target.url("/"), ""))]);
    let answer = router.send(event());
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "delivered"})));
    let records = grave.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    let keys: Vec<&String> = record.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["version", "id", "time", "route", "target", "labels", "event", "attempts", "reason", "trace_id"]);
    assert_eq!(record["id"], target.next().header("webhook-id").unwrap());
    assert_eq!((&record["route"], &record["target"]), (&json!("orders"), &json!("crm")));
    assert_eq!((&record["reason"], &record["labels"]), (&json!("exhausted"), &json!({"order": "7.0"})));
    let event = &record["event"];
    assert_eq!((&event["method"], &event["path"], &event["query"]), (&json!("POST"), &json!("/a"), &json!("x=1")));
    assert_eq!(event["body"].to_string(), r#"{"id":7.0}"#);
    assert_eq!(event["headers"]["content-type"], "application/json");
    assert!(event["headers"].get("x-token").is_none() && event["headers"].get("cookie").is_none(), "{event}");
    let attempts = record["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2);
    assert_eq!((&attempts[1]["n"], &attempts[1]["status"]), (&json!(2), &json!(503)));
    assert_eq!(attempts[1]["error"], "server_error");
    let line = router.wait_for(|line| line["message"] == "delivery" && line["target"] == "crm");
    assert_eq!((&line["outcome"], &line["dead_letter"]), (&json!("server_error"), &json!("graveyard")));
    assert_eq!(line["trace_id"], record["trace_id"]);
    router.wait_for(|line| {
        line["message"] == "delivery" && line["target"] == "graveyard" && line["outcome"] == "success"
    });
    router.wait_for(|line| line["message"] == "event" && line["outcome"] == "dead_lettered");
    let metrics = router.ask_admin(Request::new("GET", "/metrics")).text();
    let counted = "hookswitch_dead_letters_total{route=\"orders\",target=\"crm\"} 1";
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");
}

#[test]
fn where_the_target_itself_must_have_it_the_sender_hears_of_the_failure() {
    let (grave, target) = (Grave::new(), refusing(503));
    let strict = route(&target.url("/"), ", required: strict");
    let mut router = Router::start(&[("hookswitch.yaml", &grave.settings()), ("routes.d/a.yaml", &strict)]);
    assert_eq!(router.send(event()).status, 502);
    assert_eq!(grave.records().len(), 1);
    router.wait_for(|line| line["target"] == "crm" && line["dead_letter"] == "graveyard");
    router.wait_for(|line| line["message"] == "event" && line["outcome"] == "failed");
}

#[test]
fn every_failed_end_is_kept_with_its_reason() {
    let grave = Grave::new();
    let silent = Target::new(|_, _| {
        loop {
            std::thread::park()
        }
    });
    let (refused, broken) = (refusing(400), refusing(503));
    let route = |name: &str, url: &str, keys: &str, target: &str| {
        format!(
            "name: {name}\nmatch: {{path: /{name}}}\nverify: none\n{keys}target: {{url: '{url}', dead_letter: graveyard{target}}}\n"
        )
    };
    let routes = [
        route("refused", &refused.url("/"), "", ""),
        route("late", &silent.url("/"), "deadline: 5s\n", ""),
        route("patient", &broken.url("/"), "deadline: 20s\n", ", retry: {delay: 60s, jitter: false}"),
        route("wrong", &broken.url("/${body.nothing}"), "", ""),
        route("unawaited", &refused.url("/"), "", ", required: false"),
        route("closed", "http://127.0.0.1:1/", "", ", retry: {max: 0}"),
    ];
    let mut router =
        Router::start(&[("hookswitch.yaml", &grave.settings()), ("routes.d/a.yaml", &routes.join("---\n"))]);
    for name in ["refused", "late", "patient", "wrong", "unawaited", "closed"] {
        assert_eq!(router.send(Request::post(&format!("/{name}")).json("{}")).status, 200, "{name}");
    }
    router.wait_for(|line| line["route"] == "unawaited" && line["dead_letter"] == "graveyard");
    let records = grave.records();
    let mut found: Vec<(&str, &str)> =
        records.iter().map(|record| (record["route"].as_str().unwrap(), record["reason"].as_str().unwrap())).collect();
    found.sort_unstable();
    let expected = [
        ("closed", "exhausted"),
        ("late", "deadline"),
        ("patient", "deadline"),
        ("refused", "not retryable"),
        ("unawaited", "not retryable"),
        ("wrong", "expression"),
    ];
    assert_eq!(found, expected);
    router.wait_for(|line| line["message"] == "delivery could not be built" && line["route"] == "wrong");
}

#[test]
fn over_http_a_dead_letter_gets_the_record_and_its_own_shape() {
    let (target, plain, shaped) = (refusing(503), Target::ok(), Target::ok());
    let routes = format!(
        r#"
name: a
match: {{path: /a}}
verify: none
transform: {{body: {{of: events}}}}
targets:
  - {{name: one, url: '{0}', retry: {{max: 0}}, dead_letter: plain}}
  - {{name: two, url: '{0}', retry: {{max: 0}}, dead_letter: shaped}}
  - {{name: plain, url: '{1}', auth: {{bearer: example-token}}}}
  - {{name: shaped, url: '{2}', transform: {{body: {{text: '${{body.target}}: ${{body.reason}}', n: '${{body.event.body.n}}'}}}}}}
"#,
        target.url("/"),
        plain.url("/dead"),
        shaped.url("/dead")
    );
    let router = Router::start(&[("routes.d/a.yaml", &routes)]);
    assert_eq!(router.send(Request::post("/a").header("x-in", "1").json(r#"{"n":12345678901234567890}"#)).status, 200);
    let (first, second) = (target.next(), target.next());
    assert_eq!(first.json(), json!({"of": "events"}));
    let seen = plain.next();
    assert_eq!(seen.json()["event"]["headers"]["x-in"], "1");
    assert_eq!((seen.header("content-type"), seen.header("x-in")), (Some("application/json"), None));
    assert_eq!(seen.header("authorization"), Some("Bearer example-token"));
    let ids = [first.header("webhook-id"), second.header("webhook-id")];
    assert!(ids.contains(&seen.json()["id"].as_str()));
    assert!(!ids.contains(&seen.header("webhook-id")), "a delivery of its own");
    assert_eq!(shaped.next().text(), r#"{"text":"two: exhausted","n":12345678901234567890}"#);
    assert!(plain.all().is_empty() && shaped.all().is_empty(), "they run as dead letters alone");
}

#[cfg(target_os = "linux")]
#[test]
fn when_the_disk_is_full_the_sender_hears_of_the_failure_and_somebody_must_act() {
    let target = refusing(503);
    let settings = "targets: {graveyard: {url: 'file:///dev/full'}}\n";
    let mut router = Router::start(&[("hookswitch.yaml", settings), ("routes.d/a.yaml", &route(&target.url("/"), ""))]);
    for _ in 0..2 {
        let answer = router.send(event());
        assert_eq!((answer.status, answer.header("retry-after").is_some()), (502, true));
    }
    let line = router.wait_for(|line| line["message"] == "dead letter not written");
    assert_eq!(
        (&line["level"], &line["target"], &line["dead_letter"]),
        (&json!("error"), &json!("crm"), &json!("graveyard"))
    );
    router
        .wait_for(|line| line["message"] == "delivery" && line["target"] == "graveyard" && line["outcome"] == "write");
}

#[test]
fn a_dead_letter_has_its_own_retries_within_what_is_left() {
    let target = refusing(400);
    let flaky = Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }));
    let settings = format!("targets: {{graveyard: {{url: '{}', retry: {{delay: 1ms}}}}}}\n", flaky.url("/"));
    let router = Router::start(&[("hookswitch.yaml", &settings), ("routes.d/a.yaml", &route(&target.url("/"), ""))]);
    assert_eq!(router.send(event()).status, 200);
    assert_eq!(flaky.next().header("webhook-id"), flaky.next().header("webhook-id"));
}

#[test]
fn what_is_kept_is_a_duplicate_when_it_comes_again() {
    let (grave, target) = (Grave::new(), refusing(503));
    let route = format!("{}dedupe: {{key: '${{body.id}}'}}\n", route(&target.url("/"), ""));
    let router = Router::start(&[("hookswitch.yaml", &grave.settings()), ("routes.d/a.yaml", &route)]);
    assert_eq!(router.send(event()).json(), json!({"status": "delivered"}));
    assert_eq!(router.send(event()).json(), json!({"status": "duplicate"}));
    assert_eq!(grave.records().len(), 1);
}

/// What the target said is a failure, and must not be what the sender hears of a success.
#[test]
fn the_answer_of_a_target_that_failed_is_not_relayed() {
    let (grave, target) = (Grave::new(), refusing(503));
    for respond in ["respond: {from: crm}\n", "respond: {body: {why: '${answers.crm.body.why}'}}\n"] {
        let route = format!("{}{respond}", route(&target.url("/"), ""));
        let router = Router::start(&[("hookswitch.yaml", &grave.settings()), ("routes.d/a.yaml", &route)]);
        let answer = router.send(event());
        assert_eq!((answer.status, answer.json()), (200, json!({"status": "delivered"})), "{respond}");
    }
}

fn example(folder: &Path, expect: &str) -> String {
    write(
        folder,
        "routes.d/a.test.yaml",
        &format!(
            "tests:\n  - name: kept\n    request: {{path: /a, body: {{id: 7}}}}\n    answers: {{crm: {{status: 503}}}}\n    expect: {expect}\n"
        ),
    );
    let output = hookswitch(folder, &["test"]);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn examples_and_explain_show_dead_letters() {
    let (grave, folder) = (Grave::new(), tempfile::tempdir().unwrap());
    write(folder.path(), "hookswitch.yaml", &grave.settings());
    write(folder.path(), "routes.d/a.yaml", &route("https://crm.example.com/in", ""));
    let said = example(
        folder.path(),
        "{deliveries: [{target: crm}, {target: graveyard, body: {target: crm, event: {body: {id: 7}}}}], response: {status: 200}}",
    );
    assert!(said.contains("1 passed"), "{said}");
    let said = example(folder.path(), "{deliveries: [{target: crm}]}");
    assert!(said.contains("graveyard"), "{said}");
    let output = hookswitch(folder.path(), &["explain", "POST", "/a", "-d", r#"{"id":7}"#]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("dead letter: graveyard"), "{said}");
    assert!(grave.records().is_empty());
}

/// `send` shows what the target says; a test is nothing to keep.
#[test]
fn a_test_delivery_is_not_kept() {
    let (grave, target, folder) = (Grave::new(), refusing(503), tempfile::tempdir().unwrap());
    write(folder.path(), "hookswitch.yaml", &grave.settings());
    write(folder.path(), "routes.d/a.yaml", &route(&target.url("/"), ""));
    let output = hookswitch(folder.path(), &["send", "orders", "-d", r#"{"id":7}"#]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!target.all().is_empty() && grave.records().is_empty());
}
