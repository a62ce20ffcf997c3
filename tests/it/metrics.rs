//! The numbers at /metrics: every metric is there, and moves when what it counts happens.

use crate::harness::{Answer, PATIENCE, Request, Router, Target};
use std::collections::BTreeMap;
use std::time::Instant;

/// Samples by their names and labels, as they stand.
pub fn samples(router: &Router) -> BTreeMap<String, f64> {
    let answer = router.ask_admin(Request::new("GET", "/metrics"));
    assert_eq!((answer.status, answer.header("content-type").unwrap().contains("0.0.4")), (200, true));
    let text = answer.text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}")));
    pairs.map(|(name, value)| (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{name} {value}")))).collect()
}

fn expect(samples: &BTreeMap<String, f64>, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        assert_eq!(samples.get(*name), Some(value), "{name} in {samples:#?}");
    }
}

const SETTINGS: &str =
    "sources: {git: {path: /git, verify: {shared: {header: x-key}, secret: [example-one, example-two]}}}\n";

#[test]
fn every_metric_moves() {
    let target = Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }));
    let orders = format!(
        "name: orders\nmatch: {{path: '/orders/{{id}}', when: body.n > 0}}\nverify: none\nlimit: {{rate: 4/h}}\n\
         dedupe: {{key: '${{body.?id}}', window: 10m}}\n\
         target: {{name: crm, url: '{}', retry: {{delay: 10ms}}}}\n",
        target.url("/")
    );
    let git = "name: git\nmatch: {source: git}\ntarget: {name: out, url: 'stdout://', headers: {x: '${body.a.b}'}}\n";
    let router =
        Router::start(&[("hookswitch.yaml", SETTINGS), ("routes.d/orders.yaml", &orders), ("routes.d/git.yaml", git)]);
    let orders = |body: &str| router.send(Request::post("/orders/7").json(body)).status;
    assert_eq!(orders(r#"{"n":1,"id":"a"}"#), 200);
    assert_eq!(orders(r#"{"n":1,"id":"a"}"#), 200);
    assert_eq!(orders(r#"{"n":0}"#), 200);
    assert_eq!(orders(r#"{"n":"x"}"#), 422);
    assert_eq!(orders(r#"{"n":1}"#), 429);
    let git = |key: &str, body: &str| router.send(Request::post("/git").header("x-key", key).json(body)).status;
    assert_eq!(git("wrong", "{}"), 401);
    assert_eq!(git("example-two", "{}"), 422);
    assert_eq!(git("example-two", r#"{"a":{"b":"c"}}"#), 200);
    assert_eq!(router.send(Request::new("BREW", "/secret/path/of/a/stranger")).status, 404);
    assert_eq!(router.send(Request::post("/git").header("host", "a b")).status, 400);
    let samples = samples(&router);
    let address = target.address.to_string().replacen(':', "\",server_port=\"", 1);
    let client = |status: &str| {
        format!(
            "http_client_request_duration_seconds_count{{http_request_method=\"POST\",server_address=\"{address}\",{status}}}"
        )
    };
    expect(
        &samples,
        &[
            (
                r#"http_server_request_duration_seconds_count{http_route="/orders/{id}",http_request_method="POST",http_response_status_code="200",url_scheme="http"}"#,
                3.0,
            ),
            (
                r#"http_server_request_duration_seconds_count{http_request_method="_OTHER",http_response_status_code="404",url_scheme="http"}"#,
                1.0,
            ),
            (
                r#"http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="400",url_scheme="http"}"#,
                1.0,
            ),
            (&client(r#"http_response_status_code="503",error_type="503""#), 1.0),
            (&client(r#"http_response_status_code="200""#), 1.0),
            (r#"hookswitch_events_total{route="orders",outcome="delivered"}"#, 1.0),
            (r#"hookswitch_events_total{route="orders",outcome="duplicate"}"#, 1.0),
            (r#"hookswitch_events_total{route="orders",outcome="ignored"}"#, 1.0),
            (r#"hookswitch_events_total{route="orders",outcome="failed"}"#, 1.0),
            (r#"hookswitch_events_total{route="orders",outcome="rate_limited"}"#, 1.0),
            (r#"hookswitch_events_total{route="git",outcome="refused"}"#, 1.0),
            (r#"hookswitch_deliveries_total{route="orders",target="crm",outcome="success"}"#, 1.0),
            (r#"hookswitch_deliveries_total{route="git",target="out",outcome="success"}"#, 1.0),
            (r#"hookswitch_deliveries_total{route="git",target="out",outcome="expression"}"#, 1.0),
            (r#"hookswitch_delivery_duration_seconds_count{route="orders",target="crm"}"#, 1.0),
            (r#"hookswitch_attempts_total{route="orders",target="crm",status="503"}"#, 1.0),
            (r#"hookswitch_attempts_total{route="orders",target="crm",status="200"}"#, 1.0),
            (r#"hookswitch_attempts_total{route="git",target="out",status="success"}"#, 1.0),
            (r#"hookswitch_attempts_ambiguous_total{route="orders",target="crm"}"#, 0.0),
            ("hookswitch_in_flight", 0.0),
            ("hookswitch_in_flight_bytes", 0.0),
            (r#"hookswitch_rate_limited_total{route="orders"}"#, 1.0),
            (r#"hookswitch_verify_failures_total{route="git",reason="mismatch"}"#, 1.0),
            (r#"hookswitch_verify_matches_total{route="git",secret="1"}"#, 2.0),
            (r#"hookswitch_expression_errors_total{route="orders"}"#, 1.0),
            (r#"hookswitch_expression_errors_total{route="git"}"#, 1.0),
            (r#"hookswitch_dedupe_total{route="orders",result="first"}"#, 1.0),
            (r#"hookswitch_dedupe_total{route="orders",result="duplicate"}"#, 1.0),
            (r#"hookswitch_config_reloads_total{result="applied"}"#, 1.0),
            ("hookswitch_config_generation", 1.0),
            ("hookswitch_log_dropped_total", 0.0),
        ],
    );
    assert!(samples["hookswitch_config_last_success_time_seconds"] > 1.7e9);
    let names = samples.keys().collect::<Vec<_>>();
    assert!(names.iter().all(|name| !name.contains("secret/path") && !name.contains("/orders/7")), "{names:?}");
}

#[test]
fn an_attempt_that_may_have_been_acted_upon_is_counted_as_such() {
    // Two lengths are no HTTP: the connection is given up.
    let target = Target::new(|_, _| Answer::status(200).header("content-length", "999"));
    let route = format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\ndeadline: 1s\ntarget: {{name: t, url: '{}', retry: {{max: 0}}}}\n",
        target.url("/")
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    let samples = samples(&router);
    expect(
        &samples,
        &[
            (r#"hookswitch_attempts_ambiguous_total{route="a",target="t"}"#, 1.0),
            (r#"hookswitch_attempts_total{route="a",target="t",status="reset"}"#, 1.0),
        ],
    );
}

/// Waits until so many deliveries wait for their turn at a target.
pub fn until_waiting(router: &Router, route: &str, target: &str, deliveries: f64) {
    let name = format!("hookswitch_waiting{{route=\"{route}\",target=\"{target}\"}}");
    until(router, &name, |waiting| waiting == deliveries);
}

/// Asks for a sample again until it holds.
pub fn until(router: &Router, name: &str, holds: impl Fn(f64) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !samples(router).get(name).is_some_and(|value| holds(*value)) {
        assert!(Instant::now() < deadline, "{name} does not hold: {:?}", samples(router).get(name));
    }
}

#[test]
fn the_state_of_targets_is_shown() {
    let target = Target::new(|_, _| Answer::status(500));
    let route = format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\ntarget: {{name: t, url: '{}', retry: {{max: 0}}, breaker: {{failures: 1, open: 1h}}, limit: {{concurrency: 1}}}}\n",
        target.url("/")
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let (breaker, waiting) =
        (r#"hookswitch_breaker_state{route="a",target="t"}"#, r#"hookswitch_waiting{route="a",target="t"}"#);
    expect(&samples(&router), &[(breaker, 0.0), (waiting, 0.0)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    expect(&samples(&router), &[(breaker, 2.0)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    let refused = r#"hookswitch_deliveries_total{route="a",target="t",outcome="breaker_open"}"#;
    expect(&samples(&router), &[(refused, 1.0)]);
}

#[test]
fn reloads_are_counted_and_series_of_a_route_that_is_gone_end() {
    let route = |name: &str| {
        format!("name: {name}\nmatch: {{path: /{name}}}\nverify: none\ntargets: []\nrespond: {{text: ok}}\n")
    };
    let mut router = Router::start(&[("routes.d/a.yaml", &route("a")), ("routes.d/b.yaml", &route("b"))]);
    assert_eq!(router.send(Request::post("/b").json("{}")).status, 200);
    router.write("routes.d/b.yaml", "name: b\n");
    router.wait_for(|line| line["message"] == "configuration rejected, the running one stays");
    let b = r#"hookswitch_events_total{route="b",outcome="delivered"}"#;
    let before = samples(&router);
    expect(&before, &[(r#"hookswitch_config_reloads_total{result="rejected"}"#, 1.0), (b, 1.0)]);
    std::fs::remove_file(router.folder().join("routes.d/b.yaml")).unwrap();
    router.wait_for(|line| line["message"] == "configuration applied");
    expect(&samples(&router), &[("hookswitch_config_generation", 2.0)]);
    let after = samples(&router);
    assert!(!after.contains_key(b), "{after:#?}");
    assert!(after.contains_key(r#"hookswitch_events_total{route="a",outcome="delivered"}"#));
}

#[test]
fn a_scraper_that_asks_for_openmetrics_gets_it() {
    let route = "name: a\nmatch: {path: /a}\nverify: none\ntargets: []\nrespond: {text: ok}\n";
    let router = Router::start(&[("routes.d/a.yaml", route)]);
    let answer = router.ask_admin(Request::new("GET", "/metrics").header("accept", "application/openmetrics-text"));
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(answer.text().ends_with("# EOF\n"));
}
