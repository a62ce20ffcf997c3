//! What targets get, and how failures are retried.

use crate::harness::{Answer, PATIENCE, Request, Router, Target};
use serde_json::json;
use std::time::Instant;

#[test]
fn a_503_is_answered_by_a_retry_with_the_same_id() {
    let target = Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }));
    let route =
        format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}', retry: {{delay: 10ms}}}}\n", target.url("/"));
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    let (first, second) = (target.next(), target.next());
    assert_eq!(first.header("x-hookswitch-attempt"), Some("1"));
    assert_eq!(second.header("x-hookswitch-attempt"), Some("2"));
    assert!(first.header("webhook-id").is_some());
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.header("idempotency-key"), second.header("idempotency-key"));
    assert_ne!(first.header("traceparent"), second.header("traceparent"), "each attempt is a span of its own");
    let line = router.wait_for(|line| line["target"] == "target" && line["attempts"] == 2);
    assert_eq!((&line["outcome"], &line["status"]), (&json!("success"), &json!(200)));
}

#[test]
fn one_event_reaches_three_targets_in_three_formats() {
    let targets = [Target::ok(), Target::ok(), Target::ok()];
    let route = format!(
        r#"
match: {{path: '/hooks/{{account}}'}}
verify: none
vars: {{order: '${{body.order}}'}}
targets:
  - name: json
    url: {}/${{params.account}}/orders
    auth: {{bearer: example-token}}
    headers: {{x-order: '${{vars.order.id}}'}}
    transform:
      body:
        id: ${{vars.order.id}}
        customer: '${{vars.order.customer.first}} ${{vars.order.customer.last}}'
        courier: ${{vars.order.?courier}}
        lines:
          $each: ${{vars.order.items}}
          $if: item.qty > 0
          $value: {{sku: '${{item.sku}}', n: '${{index}}'}}
  - name: form
    url: {}/form
    auth: {{basic: {{username: anna, password: example-password}}}}
    transform: {{form: {{order: {{id: '${{vars.order.id}}', tags: [a, 'b c']}}}}}}
  - name: text
    url: {}/xml
    method: PUT
    auth: {{headers: {{X-API-Key: example-key}}}}
    query: {{id: '${{vars.order.id}}'}}
    transform: {{text: '<order name="${{vars.order.customer.last}}"/>', escape: xml}}
"#,
        targets[0].url("").trim_end_matches('/'),
        targets[1].url("").trim_end_matches('/'),
        targets[2].url("").trim_end_matches('/')
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let order = r#"{"order":{"id":"7/8","customer":{"first":"Ann","last":"<Lee>"},"items":[{"sku":"A","qty":0},{"sku":"B","qty":2}]}}"#;
    assert_eq!(router.send(Request::post("/hooks/main").json(order)).status, 200);
    let [json, form, text] = &targets;
    let seen = json.next();
    assert_eq!(seen.target, "/main/orders");
    assert_eq!(seen.header("authorization"), Some("Bearer example-token"));
    assert_eq!(seen.header("x-order"), Some("7/8"));
    assert_eq!(seen.text(), r#"{"id":"7/8","customer":"Ann <Lee>","lines":[{"sku":"B","n":1}]}"#);
    let seen = form.next();
    assert_eq!(seen.header("authorization"), Some("Basic YW5uYTpleGFtcGxlLXBhc3N3b3Jk"));
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    let decoded: Vec<(String, String)> = form_urlencoded::parse(&seen.body).into_owned().collect();
    let pairs: Vec<(&str, &str)> = decoded.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("order[id]", "7/8"), ("order[tags][0]", "a"), ("order[tags][1]", "b c")]);
    let seen = text.next();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("PUT", "/xml?id=7%2F8"));
    assert_eq!(seen.header("x-api-key"), Some("example-key"));
    assert_eq!(seen.text(), r#"<order name="&lt;Lee&gt;"/>"#);
}

#[test]
fn with_unchanged_bytes_end_to_end_headers_are_forwarded_and_the_others_are_not() {
    let target = Target::ok();
    let route = format!(
        "match: {{path: /a}}\nverify: none\nbody: {{accept: [any]}}\ntarget: {{url: '{}'}}\n",
        target.url("/there")
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let request = Request::post("/a?x=1")
        .header("content-type", "application/octet-stream")
        .header("x-custom", "kept")
        .header("te", "trailers")
        .header("x-named", "gone")
        .header("connection", "x-named")
        .header("x-forwarded-for", "203.0.113.9")
        .header("accept-encoding", "gzip")
        .header("expect", "")
        .body(b"\x00\x01");
    assert_eq!(router.send(request).status, 200);
    let seen = target.next();
    assert_eq!(seen.body, b"\x00\x01");
    assert_eq!(seen.header("x-custom"), Some("kept"));
    assert_eq!(seen.header("host"), Some(target.address.to_string().as_str()));
    for gone in ["te", "x-named", "accept-encoding", "expect"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"), "a stranger's claim is dropped");
    assert!(seen.header("user-agent").unwrap().starts_with("hookswitch/"));
    assert!(seen.header("traceparent").unwrap().starts_with("00-"));
}

#[test]
fn a_trace_that_arrives_goes_on() {
    let target = Target::ok();
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    router.send(Request::post("/a").header("traceparent", parent).header("tracestate", "a=1,b=2").json("{}"));
    let seen = target.next();
    let sent = seen.header("traceparent").unwrap();
    assert!(sent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && sent.ends_with("-00"), "{sent}");
    assert_ne!(sent, parent);
    assert_eq!(seen.header("tracestate"), Some("a=1,b=2"));
    router.send(Request::post("/a").header("traceparent", parent).header("traceparent", parent).json("{}"));
    assert!(!target.next().header("traceparent").unwrap().contains("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[test]
fn an_expression_cannot_bend_a_url_or_a_header() {
    let target = Target::ok();
    let route = format!(
        "match: {{path: /a}}\nverify: none\ntarget: {{url: '{}/${{body.id}}/x', headers: {{x-id: '${{body.?header.orValue(\"\")}}'}}}}\n",
        target.url("").trim_end_matches('/')
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    for bad in
        [r#"{"id":".."}"#, r#"{"id":"."}"#, r#"{"id":""}"#, r#"{"id":"1","header":"a\r\nx-evil: 1"}"#, r#"{"other":1}"#]
    {
        assert_eq!(router.send(Request::post("/a").json(bad)).status, 422, "{bad}");
    }
    assert!(target.all().is_empty());
    assert_eq!(router.send(Request::post("/a").json(r#"{"id":"../?a=1#x"}"#)).status, 200);
    assert_eq!(target.next().target, "/..%2F%3Fa%3D1%23x/x");
}

#[test]
fn a_file_target_gets_one_json_line_per_event() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    let route = format!(
        "match: {{path: /a}}\nverify: none\ntarget: {{url: 'file://{}', transform: {{body: {{n: '${{body.n}}'}}}}}}\n",
        file.display()
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    for n in 0..3 {
        assert_eq!(router.send(Request::post("/a").json(&format!("{{\"n\":{n}}}"))).status, 200);
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let numbers: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["body"]["n"].clone())
        .collect();
    assert_eq!(numbers, [0, 1, 2]);
}

#[test]
fn connections_to_a_target_are_kept_and_used_again() {
    let target = Target::ok();
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    // A request that arrives while the connection is still on its way back to the pool opens another one: how many do is the
    // machine's affair.
    let deadline = Instant::now() + PATIENCE;
    let mut requests = 0;
    while requests < 20 || target.connections() > requests / 2 {
        assert!(Instant::now() < deadline, "{} connections for {requests} requests", target.connections());
        assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
        requests += 1;
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Target::ok();
    let location = elsewhere.url("/stolen");
    let target = Target::new(move |_, _| Answer::status(302).header("location", &location));
    let route = format!(
        "match: {{path: /a}}\nverify: none\ntarget: {{url: '{}', auth: {{bearer: example-token}}}}\n",
        target.url("/")
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    assert!(elsewhere.all().is_empty());
}

#[test]
fn a_dry_run_builds_everything_and_sends_nothing() {
    let target = Target::ok();
    // What the target would have to answer is not known: it counts as answered well.
    let route = format!(
        "match: {{path: /a}}\nverify: none\ntarget: {{url: '{}', success: answer.body.ok == true}}\n",
        target.url("/")
    );
    let router = Router::start_with(&[("routes.d/a.yaml", &route)], &["--dry-run"], &[]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    assert!(target.all().is_empty());
}
