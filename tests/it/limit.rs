//! Rate limits of senders. Rates are so low that no test depends on time.

use crate::harness::{Answer, Request, Response, Router, Target, hookswitch, write};
use serde_json::json;

const ANSWERS: &str = "targets: []\nrespond: {text: ok}\n";

fn route(name: &str, more: &str) -> String {
    format!("name: {name}\nmatch: {{path: /a}}\nverify: none\n{more}\n{ANSWERS}")
}

fn statuses(router: &Router, requests: impl IntoIterator<Item = Request>) -> Vec<u16> {
    requests.into_iter().map(|request| router.send(request).status).collect()
}

fn fields(response: &Response) -> (Option<&str>, Option<&str>) {
    (response.header("ratelimit-policy"), response.header("ratelimit"))
}

fn post() -> Request {
    Request::post("/a").json("{}")
}

#[test]
fn over_the_limit_is_a_429_that_says_when_and_how_much() {
    let mut router = Router::start(&[("routes.d/a.yaml", &route("orders", "limit: {rate: 1/h, burst: 2}"))]);
    let first = router.send(post());
    assert_eq!((first.status, first.text().as_str()), (200, "ok"));
    assert_eq!(fields(&first), (Some(r#""route";q=2;w=7200"#), Some(r#""route";r=1;t=3600"#)));
    // However long it took to come here.
    let second = router.send(post());
    let left = fields(&second).1.and_then(|field| field.strip_prefix(r#""route";r=0;t="#)).unwrap();
    assert!((3000..=3600).contains(&left.parse::<u64>().unwrap()), "{left}");
    let refused = router.send(post().header("x-request-id", "third"));
    assert_eq!((refused.status, refused.json()["status"].as_u64()), (429, Some(429)));
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((3000..=3600).contains(&seconds), "{seconds}");
    let standing = format!(r#""route";r=0;t={seconds}"#);
    assert_eq!(fields(&refused), (Some(r#""route";q=2;w=7200"#), Some(standing.as_str())));
    assert!(!refused.text().contains("orders"), "{}", refused.text());
    let line = router.wait_for(|line| line["message"] == "event" && line["request_id"] == "third");
    assert_eq!(
        (&line["outcome"], &line["status"], &line["level"]),
        (&json!("rate_limited"), &json!(429), &json!("info"))
    );
    assert_eq!(line["error"], "over the limit of the route orders");
}

#[test]
fn without_a_limit_nothing_is_said() {
    let router = Router::start(&[("routes.d/a.yaml", &route("a", ""))]);
    assert_eq!(fields(&router.send(post())), (None, None));
}

#[test]
fn strangers_do_not_spend_a_senders_quota() {
    let guarded = format!("match: {{path: /a}}\nverify: {{bearer: example-token}}\nlimit: {{rate: 1/h}}\n{ANSWERS}");
    let router = Router::start(&[("routes.d/a.yaml", &guarded)]);
    let refused = router.send(post().header("authorization", "Bearer wrong"));
    assert_eq!((refused.status, fields(&refused)), (401, (None, None)));
    let mine = || post().header("authorization", "Bearer example-token");
    assert_eq!(statuses(&router, [mine(), mine(), post()]), [200, 429, 401]);
}

#[test]
fn clients_are_limited_before_their_body_is_read() {
    let limited = "match: {path: /a}\nverify: {bearer: example-token}\nlimit: {rate: 1/h, by: client_ip}\ntargets: []\nrespond: {text: ok}\n";
    let router = Router::start(&[("hookswitch.yaml", "trusted_proxies: [127.0.0.1]\n"), ("routes.d/a.yaml", limited)]);
    let from = |ip: &str| post().header("authorization", "Bearer example-token").header("x-forwarded-for", ip);
    let first = router.send(from("192.0.2.1"));
    assert_eq!(fields(&first), (Some(r#""client";q=1;w=3600"#), Some(r#""client";r=0;t=3600"#)));
    // The body is announced and never sent: an answer comes all the same.
    let unsent = Request::post("/a").header("x-forwarded-for", "192.0.2.1").header("content-length", "1000000");
    assert_eq!(router.send(unsent).status, 429);
    assert_eq!(statuses(&router, [from("192.0.2.2"), from("192.0.2.2")]), [200, 429]);
    assert_eq!(statuses(&router, [from("2001:db8::1"), from("2001:db8::2"), from("2001:db8:0:1::1")]), [200, 429, 200]);
    let stranger = |ip: &str| post().header("x-forwarded-for", ip);
    assert_eq!(statuses(&router, [stranger("192.0.2.9"), stranger("192.0.2.9")]), [401, 429]);
}

#[test]
fn an_expression_counts_each_of_its_values() {
    let by = |expression: &str| {
        format!(
            "match: {{path: '/a/{{shop}}'}}\nverify: none\nlimit: {{rate: 1/h, by: '${{{expression}}}'}}\n{ANSWERS}"
        )
    };
    let router = Router::start(&[("routes.d/a.yaml", &by("params.shop"))]);
    let shop = |shop: &str| Request::post(&format!("/a/{shop}")).json("{}");
    assert_eq!(statuses(&router, [shop("gh"), shop("gh"), shop("slim"), shop("slim")]), [200, 429, 200, 429]);

    let router = Router::start(&[("routes.d/a.yaml", &by("body.account"))]);
    let account = |body: &str| Request::post("/a/x").json(body);
    let bodies = [r#"{"account":7}"#, r#"{"account":7}"#, r#"{"account":8}"#, "{}", r#"{"account":null}"#, "not json"];
    assert_eq!(statuses(&router, bodies.map(account)), [200, 429, 200, 200, 429, 400]);

    let router = Router::start(&[("routes.d/a.yaml", &by("int(headers[\"x-n\"])"))]);
    assert_eq!(statuses(&router, [shop("a").header("x-n", "1"), shop("a").header("x-n", "one")]), [200, 422]);
}

#[test]
fn a_full_route_answers_429_while_the_others_go_on() {
    let target = Target::ok();
    let limited = route("limited", "limit: {rate: 1/h}").replace("path: /a", "path: /a, when: body.kind == 'order'");
    let other = format!("name: other\nmatch: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let mut router = Router::start(&[("routes.d/a.yaml", &limited), ("routes.d/b.yaml", &other)]);
    let order = || Request::post("/a").json(r#"{"kind":"order"}"#);
    assert_eq!(statuses(&router, [order(), order()]), [200, 429]);
    assert_eq!(target.all().len(), 2, "the other route got both");
    router.wait_for(|line| line["outcome"] == "rate_limited" && line["route"] == "other");
    // What the full route would not take is not held against the others: the sender need not repeat it.
    assert_eq!(router.send(Request::post("/a").json(r#"{"kind":"message"}"#)).status, 200);
    assert_eq!(target.all().len(), 1);
}

#[test]
fn a_failed_delivery_is_worse_than_a_full_limit() {
    let bad = Target::new(|_, _| Answer::status(500));
    let failing =
        format!("name: b\nmatch: {{path: /a}}\nverify: none\ntarget: {{url: '{}', retry: {{max: 0}}}}\n", bad.url("/"));
    let router =
        Router::start(&[("routes.d/a.yaml", &route("a", "limit: {rate: 1/h}")), ("routes.d/b.yaml", &failing)]);
    assert_eq!(statuses(&router, [post(), post()]), [502, 502]);
}

#[test]
fn a_route_counts_what_its_clauses_let_in() {
    let picky =
        route("a", "enabled: true\nlimit: {rate: 1/h}").replace("path: /a", "path: /a, headers: {x-event: order}");
    let off = route("b", "enabled: false\nlimit: {rate: 1/h}");
    let router = Router::start(&[("routes.d/a.yaml", &picky), ("routes.d/b.yaml", &off)]);
    let order = || post().header("x-event", "order");
    assert_eq!(statuses(&router, [post(), post(), order(), order(), post()]), [200, 200, 200, 429, 200]);
}

#[test]
fn a_sources_limit_is_of_all_its_routes_together() {
    let sources = "sources: {shop: {path: /a, verify: none, limit: {rate: 1/h, burst: 2}}}\n";
    let of_source =
        |name: &str, kind: &str| format!("name: {name}\nmatch: {{source: shop, query: {{kind: {kind}}}}}\n{ANSWERS}");
    let router = Router::start(&[
        ("hookswitch.yaml", sources),
        ("routes.d/a.yaml", &of_source("a", "x")),
        ("routes.d/b.yaml", &format!("{}limit: {{rate: 1/h, burst: 1}}\n", of_source("b", "y"))),
    ]);
    let kind = |kind: &str| Request::post(&format!("/a?kind={kind}")).json("{}");
    let second = router.send(kind("y"));
    assert_eq!(
        fields(&second),
        (Some(r#""source";q=2;w=7200, "route";q=1;w=3600"#), Some(r#""source";r=1;t=3600, "route";r=0;t=3600"#))
    );
    assert_eq!(statuses(&router, [kind("x"), kind("x"), kind("y")]), [200, 429, 429]);
}

#[test]
fn a_wrong_key_of_a_source_is_a_422_that_the_log_explains() {
    let sources = "sources: {shop: {path: /a, verify: none, limit: {rate: 1/h, by: '${int(body.n)}'}}}\n";
    let of_source = format!("match: {{source: shop}}\n{ANSWERS}");
    let mut router = Router::start(&[("hookswitch.yaml", sources), ("routes.d/a.yaml", &of_source)]);
    let number = |body: &str| Request::post("/a").json(body);
    let bodies = [r#"{"n":"1"}"#, r#"{"n":"one"}"#, r#"{"n":"1"}"#];
    assert_eq!(statuses(&router, bodies.map(number)), [200, 422, 429]);
    let line = router.wait_for(|line| line["message"] == "limit failed");
    assert_eq!((&line["level"], &line["route"]), (&json!("error"), &json!("/a")));
}

/// Each is the first of its kind.
#[test]
fn examples_are_not_counted() {
    let one = "  - {name: NAME, request: {path: /a, body: {}}, expect: {response: {status: 200}}}\n";
    let examples = format!("tests:\n{}{}", one.replace("NAME", "first"), one.replace("NAME", "second"));
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "routes.d/a.yaml", &route("a", "limit: {rate: 1/h}"));
    write(folder.path(), "routes.d/a.test.yaml", &examples);
    let tested = hookswitch(folder.path(), &["test"]);
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
}

/// A 429 would be taken as an answer of this process, which is about to be gone.
#[test]
fn a_stopping_process_says_503() {
    let mut router = Router::start(&[
        ("hookswitch.yaml", "shutdown: {delay: 30s}\n"),
        ("routes.d/a.yaml", &route("a", "limit: {rate: 1/h}")),
    ]);
    assert_eq!(statuses(&router, [post(), post()]), [200, 429]);
    router.signal("TERM");
    router.wait_for(|line| line["message"] == "draining");
    // The line comes just before the change that it tells of.
    let refused = std::iter::repeat_with(|| router.send(post())).find(|answer| answer.status != 429).unwrap();
    assert_eq!((refused.status, fields(&refused)), (503, (None, None)));
}

#[test]
fn quota_survives_reload_of_other_route() {
    let limited = |burst: u32| route("a", &format!("limit: {{rate: 1/h, burst: {burst}}}"));
    let by_client = "name: c\nmatch: {path: /c}\nverify: none\nlimit: {rate: 1/h, by: client_ip}\ntargets: []\nrespond: {text: ok}\n";
    let other =
        |text: &str| format!("name: b\nmatch: {{path: /b}}\nverify: none\ntargets: []\nrespond: {{text: {text}}}\n");
    let mut router = Router::start(&[
        ("routes.d/a.yaml", &limited(1)),
        ("routes.d/b.yaml", &other("old")),
        ("routes.d/c.yaml", by_client),
    ]);
    let client = || Request::post("/c").json("{}");
    assert_eq!(statuses(&router, [post(), post(), client(), client()]), [200, 429, 200, 429]);
    let applied = |router: &mut Router| {
        router.wait_for(|line| line["message"] == "configuration applied");
        router.forget();
    };
    router.write("routes.d/b.yaml", &other("new"));
    applied(&mut router);
    assert_eq!(router.send(Request::post("/b").json("{}")).text(), "new");
    assert_eq!(statuses(&router, [post(), client()]), [429, 429], "other routes changed");
    router.write("routes.d/a.yaml", &limited(1).replace("text: ok", "text: fine"));
    applied(&mut router);
    assert_eq!(statuses(&router, [post()]), [429], "the route changed, its limit did not");
    router.write("routes.d/a.yaml", &limited(2));
    applied(&mut router);
    assert_eq!(statuses(&router, [post(), post(), post()]), [200, 200, 429], "another limit begins anew");
}

#[test]
fn routes_on_one_path_agree_on_the_limit_of_clients() {
    let folder = tempfile::tempdir().unwrap();
    let one = route("a", "limit: {rate: 1/h, by: client_ip}");
    for (path, text) in [("routes.d/a.yaml", one.as_str()), ("routes.d/b.yaml", &route("b", "limit: {rate: 1/h}"))] {
        write(folder.path(), path, text);
    }
    let output = hookswitch(folder.path(), &["validate", "-c", ".", "--format", "json"]);
    assert!(!output.status.success());
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let places: Vec<(&str, u64)> = said["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| (found["code"].as_str().unwrap(), found["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [("source-disagreement", 4), ("source-disagreement", 4)], "{said}");
    let source = "sources: {s: {path: /a, verify: none}}\n";
    let beside = "match: {source: s}\nlimit: {rate: 1/h, by: client_ip}\ntargets: []\nrespond: {text: ok}\n";
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [("hookswitch.yaml", source), ("routes.d/a.yaml", beside)] {
        write(folder.path(), path, text);
    }
    let output = hookswitch(folder.path(), &["validate", "-c", ".", "--format", "json"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("source-conflict"), "{said}");
}
