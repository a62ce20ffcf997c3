//! Which routes take an event.

use crate::harness::{Request, Router, Target};

fn route(name: &str, matching: &str, target: &Target) -> String {
    format!("name: {name}\nmatch: {matching}\nverify: none\ntarget: {{url: '{}'}}\n", target.url(&format!("/{name}")))
}

#[test]
fn every_route_on_the_most_specific_path_that_fits_takes_the_event() {
    let target = Target::ok();
    let routes = [
        route("all", "{path: '/hooks/{*rest}'}", &target),
        route("orders", "{path: /hooks/orders}", &target),
        route("orders-created", "{path: /hooks/orders, when: 'body.event == \"created\"'}", &target),
        route("orders-deleted", "{path: /hooks/orders, when: 'body.event == \"deleted\"'}", &target),
    ];
    let router = Router::start(&[("routes.d/all.yaml", &routes.join("---\n"))]);
    let response = router.send(Request::post("/hooks/orders").json(r#"{"event":"created"}"#));
    assert_eq!((response.status, response.json()), (200, serde_json::json!({"status": "delivered"})));
    let mut taken: Vec<String> = target.all().into_iter().map(|seen| seen.target).collect();
    taken.sort();
    assert_eq!(taken, ["/orders", "/orders-created"]);
    assert_eq!(router.send(Request::post("/hooks/other").json("{}")).status, 200);
    assert_eq!(target.next().target, "/all");
}

#[test]
fn an_event_that_no_route_wants_is_answered_200_and_ignored() {
    let target = Target::ok();
    let mut router =
        Router::start(&[("routes.d/a.yaml", &route("a", "{path: /a, when: 'body.status == \"approved\"'}", &target))]);
    for body in [r#"{"status":"new"}"#, r#"{}"#] {
        let response = router.send(Request::post("/a").json(body));
        assert_eq!((response.status, response.json()), (200, serde_json::json!({"status": "ignored"})));
    }
    assert!(target.all().is_empty());
    let line = router.wait_for(|line| line["outcome"] == "ignored" && line.to_string().contains("absent"));
    assert!(line.to_string().contains("body.status"), "{line}");
}

#[test]
fn a_condition_that_is_wrong_is_an_error_and_not_an_ignored_event() {
    let target = Target::ok();
    let router = Router::start(&[("routes.d/a.yaml", &route("a", "{path: /a, when: 'body.sum > 100'}", &target))]);
    let response = router.send(Request::post("/a").json(r#"{"sum":"a lot"}"#));
    assert_eq!(response.status, 422);
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert!(target.all().is_empty());
}

#[test]
fn an_absent_key_fails_the_event_where_the_route_says_so() {
    let target = Target::ok();
    let router =
        Router::start(&[("routes.d/a.yaml", &route("a", "{path: /a, when: body.sum > 100, absent: error}", &target))]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 422);
    assert_eq!(router.send(Request::post("/a").json(r#"{"sum":101}"#)).status, 200);
}

#[test]
fn hosts_headers_query_and_methods_are_told_apart() {
    let target = Target::ok();
    let routes = [
        route("host", "{path: /a, hosts: [one.test]}", &target),
        route("wild", "{path: /a, hosts: ['*.wild.test']}", &target),
        route("any", "{path: /a, headers: {x-event: ['order.*', 'cart.*'], x-skip: null}, query: {v: '2'}}", &target),
        route("put", "{path: /put, methods: [PUT, DELETE]}", &target),
    ];
    let router = Router::start(&[("routes.d/all.yaml", &routes.join("---\n"))]);
    let at = |host: &str| Request::post("/a").header("host", host).json("{}");
    router.send(at("ONE.test:8080"));
    assert_eq!(target.next().target, "/host");
    router.send(at("x.wild.test"));
    assert_eq!(target.next().target, "/wild");
    let any = || Request::post("/a?v=1&v=2").json("{}");
    router.send(any().header("x-event", "cart.filled"));
    assert_eq!(target.next().target, "/any");
    router.send(any().header("x-event", "user.created"));
    router.send(any().header("x-event", "cart.filled").header("x-skip", ""));
    router.send(Request::post("/a?v=1").header("x-event", "cart.filled").json("{}"));
    assert!(target.all().is_empty());
    let refused = router.send(Request::post("/put").json("{}"));
    assert_eq!((refused.status, refused.header("allow")), (405, Some("PUT, DELETE")));
    assert_eq!(router.send(Request::new("PUT", "/put").json("{}")).status, 200);
    assert_eq!(router.send(Request::post("/nowhere").json("{}")).status, 404);
    assert_eq!(router.send(Request::post("/a/%zz").json("{}")).status, 400);
}

#[test]
fn a_disabled_or_expired_route_takes_nothing() {
    let target = Target::ok();
    let off = format!("{}enabled: false\n", route("off", "{path: /a}", &target));
    let past = format!("{}active: {{until: 2020-01-01T00:00:00+03:00}}\n", route("past", "{path: /a}", &target));
    let future = format!("{}active: {{from: 2999-01-01T00:00:00Z}}\n", route("future", "{path: /a}", &target));
    let router = Router::start(&[("routes.d/all.yaml", &[off, past, future].join("---\n"))]);
    let response = router.send(Request::post("/a").json("{}"));
    assert_eq!((response.status, response.json()), (200, serde_json::json!({"status": "ignored"})));
    assert!(target.all().is_empty());
}

#[test]
fn a_lower_order_ends_before_a_higher_one_begins_and_its_failure_holds_it_up() {
    let first = Target::new(|number, _| crate::harness::Answer::status(if number == 0 { 500 } else { 200 }));
    let second = Target::ok();
    let lower = format!("{}order: -1\n", route("lower", "{path: /a}", &first))
        .replace("target: {", "target: {retry: {max: 0}, ");
    let higher = format!("{}order: 5\n", route("higher", "{path: /a}", &second));
    let router = Router::start(&[("routes.d/all.yaml", &[higher, lower].join("---\n"))]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    assert!(second.all().is_empty());
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    assert_eq!(second.next().target, "/higher");
}

#[test]
fn routes_share_a_source_of_the_process_file() {
    let target = Target::ok();
    let process = "sources: {shop: {path: '/shop/{account}', methods: [PUT], verify: none}}\n";
    let routes = [
        route("one", "{source: shop}", &target),
        route("two", "{source: shop, when: 'params.account == \"b\"'}", &target),
    ];
    let router = Router::start(&[
        ("hookswitch.yaml", process),
        ("routes.d/all.yaml", &routes.join("---\n").replace("verify: none\n", "")),
    ]);
    router.send(Request::new("PUT", "/shop/b").json("{}"));
    let mut taken: Vec<String> = target.all().into_iter().map(|seen| seen.target).collect();
    taken.sort();
    assert_eq!(taken, ["/one", "/two"]);
}

#[test]
fn routes_of_one_pattern_may_name_its_parameters_differently() {
    let target = Target::ok();
    let named = |name: &str, param: &str| {
        format!(
            "name: {name}\nmatch: {{path: '/a/{{{param}}}'}}\nverify: none\ntarget: {{url: '{}', transform: {{body: {{got: '${{params.{param}}}'}}}}}}\n",
            target.url(&format!("/{name}"))
        )
    };
    let router = Router::start(&[("routes.d/all.yaml", &[named("one", "left"), named("two", "right")].join("---\n"))]);
    assert_eq!(router.send(Request::post("/a/x%20y").json("{}")).status, 200);
    for _ in 0..2 {
        assert_eq!(target.next().json(), serde_json::json!({"got": "x y"}));
    }
}

#[test]
fn a_deadline_for_all_routes_may_come_from_the_environment() {
    let router = Router::start_with(
        &[
            ("routes.d/a.yaml", "match: {path: /a}\nverify: none\ntargets: []\nrespond: {text: a}\n"),
            ("hookswitch.yaml", "defaults: {deadline: '${env:HOOKSWITCH_TEST_DEADLINE}'}\n"),
        ],
        &[],
        &[("HOOKSWITCH_TEST_DEADLINE", "7s")],
    );
    let listed = router.ask_admin(Request::new("GET", "/routes")).json();
    assert_eq!(listed["routes"][0]["deadline_ms"], 7000, "{listed}");
}
