//! `hookswitch send`: a route tried out against real targets.

use crate::harness::{Answer, Target, hookswitch, write};
use serde_json::{Value, json};
use std::process::Output;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(path, text)| write(folder.path(), path, text));
    folder
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

#[test]
fn it_delivers_for_real_and_tells_every_attempt() {
    let target = Target::new(|number, _| match number {
        0 => Answer::status(503),
        _ => Answer::status(201).body(r#"{"state":"new"}"#),
    });
    let route = format!(
        "name: a\nmatch: {{path: /a}}\nverify: {{bearer: '${{file:token}}'}}\ntarget: {{url: '{}', auth: {{bearer: '${{file:token}}'}}, retry: {{delay: 1ms}}, transform: {{body: {{n: '${{body.n}}', from: '${{headers[\"x-shop\"]}}'}}}}}}\n",
        target.url("/orders")
    );
    let folder = folder(&[("routes.d/a.yaml", &route), ("token", "example-token")]);
    let output = hookswitch(folder.path(), &["send", "a", "-d", "{\"n\": 7}", "-H", "x-shop: gh"]);
    let printed = text(&output);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    let seen = [target.next(), target.next()];
    assert_eq!(seen[1].json(), json!({"n": 7, "from": "gh"}));
    assert_eq!(seen[1].header("authorization"), Some("Bearer example-token"));
    for line in [
        "the request is what -d says",
        "route a takes it",
        "attempt 1: 503 server_error in ",
        "attempt 2: 201 success in ",
        "success after 2 attempts in ",
        r#"answer {"state":"new"}"#,
        r#"a sender would hear 200 {"status":"delivered"}"#,
    ] {
        assert!(printed.contains(line), "{line}\n{printed}");
    }
    assert!(!printed.contains("example-token"), "{printed}");
}

const EXAMPLES: &str = "tests:
  - name: for somebody else
    request: {path: /other, body: {n: 0}}
    expect: {routes: []}
  - name: an order
    request: {path: '/a/main', headers: {x-kind: order}, body: {n: 21}}
    expect: {routes: [a]}
";

fn route_of(target: &Target) -> String {
    format!(
        "name: a\nmatch: {{path: '/a/{{account}}', hosts: [hooks.example.com], when: body.n > 1}}\nverify: none\ntransform: {{body: {{account: '${{params.account}}', n: '${{body.n}}'}}}}\ntargets:\n  - {{name: one, url: '{0}'}}\n  - {{name: two, url: '{0}two', when: body.n > 100}}\n",
        target.url("/")
    )
}

#[test]
fn without_a_body_it_takes_that_of_the_first_example_of_the_route() {
    let target = Target::ok();
    let examples =
        EXAMPLES.replace("/a/main'", "http://hooks.example.com/a/main'").replace("path: 'http", "url: 'http");
    let folder = folder(&[("routes.d/a.yaml", &route_of(&target)), ("routes.d/a.test.yaml", &examples)]);
    let output = hookswitch(folder.path(), &["send", "a", "--format", "json"]);
    let report = document(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(target.next().json(), json!({"account": "main", "n": 21}));
    assert!(target.all().is_empty(), "the other target's `when` is false");
    assert_eq!(report["request_from"], "the example `an order` of routes.d/a.test.yaml");
    assert_eq!((&report["version"], &report["ok"], &report["taken"]), (&json!(1), &json!(true), &json!(true)));
    let [one, two] = report["deliveries"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&one["target"], &one["outcome"], &one["status"]), (&json!("one"), &json!("success"), &json!(200)));
    assert_eq!((&one["attempts"][0]["n"], &one["attempts"][0]["outcome"]), (&json!(1), &json!("success")));
    assert_eq!(one["answer"]["status"], 200);
    assert_eq!((&two["outcome"], &two["reason"]), (&json!("skipped"), &json!("the target's `when` is false")));
    assert_eq!(report["response"], json!({"status": 200, "body": {"status": "delivered"}}));
}

#[test]
fn a_target_named_on_purpose_gets_it_whatever_the_conditions_say() {
    let target = Target::ok();
    let folder = folder(&[("routes.d/a.yaml", &route_of(&target))]);
    let arguments = ["send", "a/two", "-d", "{\"n\":1}", "--url", "/a/x%20y", "--format", "json"];
    let output = hookswitch(folder.path(), &arguments);
    let report = document(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    let seen = target.next();
    assert_eq!((seen.target.as_str(), seen.json()), ("/two", json!({"account": "x y", "n": 1})));
    assert!(target.all().is_empty());
    assert_eq!((&report["taken"], &report["reason"]), (&json!(false), &json!("`when` is false")));
    let deliveries = report["deliveries"].as_array().unwrap();
    assert_eq!(deliveries.len(), 1, "{report}");
    assert_eq!(deliveries[0]["overruled"], "the target's `when` is false");
    let human = text(&hookswitch(folder.path(), &arguments[..6]));
    assert!(human.contains("route a would not take it: `when` is false; sent all the same"), "{human}");
    assert!(human.contains("the target's `when` is false; sent all the same"), "{human}");
}

#[test]
fn a_failed_delivery_is_exit_code_1() {
    let target = Target::new(|_, _| Answer::status(401).body("{\"error\":\"no\\u001b[2J\"}"));
    let folder = folder(&[("routes.d/a.yaml", &route_of(&target))]);
    let output = hookswitch(folder.path(), &["send", "a", "-d", "{\"n\":5}", "--url", "/a/1"]);
    let printed = text(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("refused (not retryable) after 1 attempt"), "{printed}");
    assert!(!printed.contains('\u{1b}'), "{printed}");
    let nothing = hookswitch(folder.path(), &["send", "a", "-d", "{\"n\":\"x\"}", "--url", "/a/1"]);
    assert_eq!(nothing.status.code(), Some(1), "a wrong `when` sends nothing: {}", text(&nothing));
}

#[test]
fn what_cannot_be_tried_is_said_with_the_next_step() {
    let target = Target::ok();
    let folder = folder(&[
        ("routes.d/a.yaml", &route_of(&target)),
        ("routes.d/b.yaml", "name: orders\nmatch: {path: /b}\nverify: none\ntarget: {url: 'stdout://'}\n"),
    ]);
    let said = |arguments: &[&str]| {
        let output = hookswitch(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        text(&output)
    };
    assert!(said(&["send", "order"]).contains("there is no route `order`; did you mean `orders`?"));
    assert!(said(&["send", "a/tow"]).contains("the route `a` has no target `tow`; did you mean `two`?"));
    assert!(
        said(&["send", "a"]).contains("the path /a/{account} has parameters: give one with their values, with --url")
    );
    assert!(
        said(&["send", "a", "--url", "/b"]).contains("/b does not come to the route `a`, which is for /a/{account}")
    );
    assert!(said(&["send", "a", "--url", "/a/1", "-H", "x"]).contains("`x` is not a header; write 'name: value'"));
    assert!(said(&["send", "a", "--url", "/a/1", "-d", "@nowhere.json"]).contains("cannot read nowhere.json"));
    assert!(target.all().is_empty());
}

#[test]
fn without_a_body_and_an_example_it_sends_an_empty_object() {
    let target = Target::ok();
    let route = format!("name: a\nmatch: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let folder = folder(&[("routes.d/a.yaml", &route)]);
    let output = hookswitch(folder.path(), &["send", "a"]);
    assert!(text(&output).starts_with("the request is empty: no example has one for this route"), "{}", text(&output));
    let seen = target.next();
    assert_eq!((seen.text().as_str(), seen.header("content-type")), ("{}", Some("application/json")));
}
