//! What the process prints, and what its admin listener says.

use crate::harness::{Answer, Request, Router, Target};
use serde_json::json;

#[test]
fn one_line_per_event_and_one_per_delivery() {
    let target = Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }));
    let route = format!(
        "name: orders\nmatch: {{path: /a}}\nverify: none\nlabels: {{order: '${{body.id}}'}}\ntarget: {{name: crm, url: '{}', retry: {{delay: 10ms}}}}\n",
        target.url("/")
    );
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    router.send(Request::post("/a").header("x-request-id", "req-1").json(r#"{"id":"A-7"}"#));
    let delivery = router.wait_for(|line| line["message"] == "delivery");
    let event = router.wait_for(|line| line["message"] == "event");
    for line in [&delivery, &event] {
        assert_eq!(line["request_id"], "req-1", "{line}");
        assert_eq!(line["level"], "info", "{line}");
        assert_eq!(line["labels"], json!({"order": "A-7"}), "{line}");
        assert_eq!(line["trace_id"].as_str().unwrap().len(), 32, "{line}");
        assert_eq!(line["span_id"].as_str().unwrap().len(), 16, "{line}");
        assert!(line["duration_ms"].is_number(), "{line}");
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    }
    assert_eq!(delivery["trace_id"], event["trace_id"]);
    assert_eq!((&delivery["route"], &delivery["target"]), (&json!("orders"), &json!("crm")));
    assert_eq!(
        (&delivery["attempts"], &delivery["status"], &delivery["outcome"]),
        (&json!(2), &json!(200), &json!("success"))
    );
    assert_eq!((&event["outcome"], &event["status"]), (&json!("delivered"), &json!(200)));
}

#[test]
fn hostile_values_cannot_forge_a_log_line() {
    let route = "name: a\nmatch: {path: '/a/{x}'}\nverify: none\nlabels: {x: '${params.x}'}\ntargets: []\nrespond: {text: ok}\n";
    let mut router = Router::start(&[("routes.d/a.yaml", route)]);
    router.send(Request::post("/a/%0A%7B%22message%22%3A%22forged%22%7D%1b%5b2J").json("{}"));
    let line = router.wait_for(|line| line["message"] == "event");
    assert_eq!(line["labels"]["x"], "\n{\"message\":\"forged\"}\u{1b}[2J");
}

#[test]
fn payloads_are_shown_while_debugging_with_credentials_masked() {
    let route = "name: a\nmatch: {path: /a}\nverify: {shared: {header: x-api-key}, secret: example-secret}\ntargets: []\nrespond: {text: ok}\n";
    let mut router = Router::start(&[("hookswitch.yaml", "log: {payloads: true}\n"), ("routes.d/a.yaml", route)]);
    let body = r#"{"status":"approved","card":"4111111111111111","echo":"example-secret"}"#;
    router.send(Request::post("/a").header("x-api-key", "example-secret").header("x-kept", "visible").json(body));
    let line = router.wait_for(|line| line["message"] == "event").to_string();
    assert!(line.contains("approved") && line.contains("visible"), "{line}");
    assert!(!line.contains("example-secret") && !line.contains("4111111111111111"), "{line}");
}

/// A wrong credential may be the right one of yesterday, or of another place.
#[test]
fn a_payload_line_of_a_refused_webhook_does_not_show_the_credential_that_was_tried() {
    let route = "name: a\nmatch: {path: /a}\nverify: {shared: {header: x-shop}, secret: example-secret}\ntargets: []\nrespond: {text: ok}\n";
    let mut router = Router::start(&[("hookswitch.yaml", "log: {payloads: true}\n"), ("routes.d/a.yaml", route)]);
    let refused = router.send(Request::post("/a").header("x-shop", "secret-of-yesterday").header("x-kept", "visible"));
    assert_eq!(refused.status, 401);
    let line = router.wait_for(|line| line["message"] == "event").to_string();
    assert!(line.contains("visible") && line.contains("x-shop"), "{line}");
    assert!(!line.contains("secret-of-yesterday"), "{line}");
}

#[test]
fn a_level_of_warn_prints_no_line_per_event_but_the_listeners() {
    let route = "name: a\nmatch: {path: /a}\nverify: none\ntargets: []\nrespond: {text: ok}\n";
    let router = Router::start(&[("hookswitch.yaml", "log: {level: warn}\n"), ("routes.d/a.yaml", route)]);
    router.send(Request::post("/a").json("{}"));
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert!(status.success());
    assert!(lines.iter().all(|line| !line.contains(r#""message":"event""#)), "{lines:?}");
}

#[test]
fn the_admin_listener_tells_life_readiness_routes_and_configuration() {
    let route = "name: a\ndescription: An example\nmatch: {path: '/a/{x}', when: body.n > 1}\nverify: none\ntarget: {name: t, url: 'http://127.0.0.1:9/${env:SECRET}'}\n";
    let router = Router::start_with(&[("routes.d/a.yaml", route)], &[], &[("SECRET", "example-secret")]);
    for path in ["/livez", "/readyz"] {
        assert_eq!(router.ask_admin(Request::new("GET", path)).status, 200, "{path}");
    }
    let routes = router.ask_admin(Request::new("GET", "/routes"));
    assert_eq!(routes.header("content-type"), Some("application/json"));
    let listed = &routes.json()["routes"][0];
    assert_eq!((&listed["name"], &listed["path"]), (&json!("a"), &json!("/a/{x}")));
    assert_eq!(listed["targets"][0]["url"], "http://127.0.0.1:9/${env:SECRET}");
    assert_eq!(router.ask_admin(Request::new("GET", "/nowhere")).status, 404);
    assert_eq!(router.ask_admin(Request::post("/routes")).status, 405);
    let rebound = Request::new("GET", "/routes").header("host", "evil.example").send(router.admin);
    assert!(rebound.status == 403 || rebound.status == 421, "{}", rebound.status);
}

#[test]
fn a_token_guards_everything_but_health() {
    let process = "admin: {token: '${env:TOKEN}'}\n";
    let route = "name: a\nmatch: {path: /a}\nverify: none\ntargets: []\nrespond: {text: ok}\n";
    let router = Router::start_with(
        &[("hookswitch.yaml", process), ("routes.d/a.yaml", route)],
        &[],
        &[("TOKEN", "example-token")],
    );
    assert_eq!(router.ask_admin(Request::new("GET", "/readyz")).status, 200);
    assert_eq!(router.ask_admin(Request::new("GET", "/routes")).status, 401);
    let with = |token: &str| {
        router.ask_admin(Request::new("GET", "/routes").header("authorization", &format!("Bearer {token}"))).status
    };
    assert_eq!((with("example-token"), with("example-token2")), (200, 401));
}

#[test]
fn a_request_that_no_route_is_for_shows_where_it_wanted_to_go() {
    let route = "name: a\nmatch: {path: '/a/{x}'}\nverify: none\ntargets: []\nrespond: {text: ok}\n";
    let mut router = Router::start(&[("routes.d/a.yaml", route)]);
    router.send(Request::post("/b/1?token=example").json("{}"));
    let line = router.wait_for(|line| line["message"] == "event");
    assert_eq!((&line["status"], &line["path"]), (&json!(404), &json!("/b/1")));
    router.send(Request::post("/a/1").json("{}"));
    let line = router.wait_for(|line| line["message"] == "event" && line["status"] == 200);
    assert_eq!(line["path"], "/a/{x}", "a path that is known shows as its pattern: parameters may be anything");
}

#[test]
fn a_refused_request_says_why() {
    let target = Target::new(|_, _| crate::harness::Answer::status(400));
    let route =
        format!("match: {{path: /a, when: body.n > 1}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    for (request, error) in [
        (Request::post("/nowhere"), "not-found"),
        (Request::new("PUT", "/a"), "method-not-allowed"),
        (Request::post("/a").json("{"), "malformed"),
        (Request::post("/a").header("content-type", "image/png").body(b"x"), "unsupported-media-type"),
        (Request::post("/a").json(r#"{"n":2}"#), "not-delivered"),
    ] {
        router.forget();
        router.send(request);
        assert_eq!(router.wait_for(|line| line["message"] == "event")["error"], error);
    }
    router.forget();
    router.send(Request::post("/a").header("host", "a b"));
    router.wait_for(|line| line["message"] == "request refused" && line["request_id"].is_string());
}
