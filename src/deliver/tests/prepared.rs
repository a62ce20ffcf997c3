//! The request to a target, before anything is sent.

use super::support::{Surroundings, event, prepare, target};
use crate::deliver::Outbound;
use crate::deliver::destination::Destination;
use http::{HeaderName, Method};

const GITHUB: &[(&str, &str)] = &[
    ("content-type", "application/json"),
    ("x-github-event", "push"),
    ("x-hub-signature-256", "sha256=00"),
    ("authorization", "Bearer of-the-sender"),
    ("host", "hooks.example.com"),
    ("user-agent", "GitHub-Hookshot/1"),
];

fn prepared(yaml: &str, body: &str) -> Outbound {
    prepare(&target(yaml), &event(GITHUB, body)).unwrap()
}

fn header<'o>(outbound: &'o Outbound, name: &str) -> Option<&'o str> {
    outbound.headers.get(name).map(|value| value.to_str().unwrap())
}

fn shown<'o>(outbound: &'o Outbound, name: &str) -> Option<&'o str> {
    outbound.shown_headers.iter().find(|(shown, _)| shown == name).map(|(_, shown)| shown.as_str())
}

#[test]
fn without_a_transform_the_bytes_and_their_headers_pass() {
    let outbound = prepared("url: http://h/x", "{ \"a\" :1.00}");
    assert_eq!(
        (&outbound.method, outbound.url(), &outbound.body[..]),
        (&Method::POST, "http://h/x", &b"{ \"a\" :1.00}"[..])
    );
    assert_eq!(header(&outbound, "content-type"), Some("application/json"));
    assert_eq!(header(&outbound, "x-hub-signature-256"), Some("sha256=00"));
    assert_eq!(header(&outbound, "host"), None);
    let ours = concat!("hookswitch/", env!("CARGO_PKG_VERSION"));
    assert_eq!(header(&outbound, "user-agent"), Some(ours));
}

#[test]
fn with_a_new_body_only_its_type_goes_along() {
    let outbound = prepared("{url: 'http://h/x', transform: {body: {id: '${body.a}'}}}", "{\"a\":1.00}");
    assert_eq!(&outbound.body[..], b"{\"id\":1.00}");
    let mut names: Vec<&str> = outbound.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "idempotency-key", "user-agent", "webhook-id"]);
    assert_eq!(header(&outbound, "content-type"), Some("application/json"));
}

#[test]
fn the_route_transform_serves_a_target_without_one() {
    let transform = serde_yaml::from_str("{text: 'n=${body.n}', headers: {x-from: route}}").unwrap();
    let route = Surroundings { route_transform: Some(transform), ..Surroundings::default() };
    let event = event(&[], "{\"n\":7}");
    let outbound = prepare(&route.compile("url: http://h/").unwrap(), &event).unwrap();
    assert_eq!((&outbound.body[..], header(&outbound, "x-from")), (&b"n=7"[..], Some("route")));
    let own = route.compile("{url: 'http://h/', transform: {text: own}}").unwrap();
    let outbound = prepare(&own, &event).unwrap();
    assert_eq!((&outbound.body[..], header(&outbound, "x-from")), (&b"own"[..], None));
}

#[test]
fn get_and_head_carry_no_body() {
    for method in ["GET", "HEAD"] {
        let outbound =
            prepared(&format!("{{url: 'http://h/x', method: {method}, transform: {{body: {{a: 1}}}}}}"), "{}");
        assert!(outbound.body.is_empty());
        assert_eq!(header(&outbound, "content-type"), None);
    }
}

#[test]
fn a_credential_that_verify_used_does_not_go_on() {
    let credentials = vec![HeaderName::from_static("authorization")];
    let surroundings = Surroundings { credentials, ..Surroundings::default() };
    let event = event(GITHUB, "{}");
    let target = surroundings.compile("{url: 'http://h/', forward_headers: all}").unwrap();
    assert_eq!(header(&prepare(&target, &event).unwrap(), "authorization"), None);
    let with_own = surroundings.compile("{url: 'http://h/', auth: {bearer: '${env:TOKEN}'}}").unwrap();
    assert_eq!(header(&prepare(&with_own, &event).unwrap(), "authorization"), Some("Bearer example-token"));
}

#[test]
fn headers_of_the_target_lie_over_its_transform_and_the_sender() {
    let outbound = prepared(
        "{url: 'http://h/', headers: {x-a: target, x-n: '${body.n}', x-github-event: null, x-gone: '${body.?no}'},
          transform: {headers: {x-a: transform, x-b: '${body.n}', user-agent: mine}}}",
        "{\"n\":7}",
    );
    assert_eq!(header(&outbound, "x-a"), Some("target"));
    assert_eq!((header(&outbound, "x-n"), header(&outbound, "x-b")), (Some("7"), Some("7")));
    assert_eq!((header(&outbound, "x-github-event"), header(&outbound, "x-gone")), (None, None));
    assert_eq!(header(&outbound, "user-agent"), Some("mine"));
}

#[test]
fn what_a_target_says_replaces_what_the_shared_one_says_and_null_takes_it_away() {
    let shared = Surroundings::process(
        "targets: {crm: {url: 'http://h/?keep=1&drop=2', headers: {x-a: '1', x-b: '2', x-c: '3'}, query: {q: '1', r: '2', s: '3'}}}",
    );
    let target =
        shared.compile("{use: crm, headers: {X-A: null, x-c: own}, query: {q: null, drop: null, s: own}}").unwrap();
    let outbound = prepare(&target, &event(&[], "{}")).unwrap();
    assert_eq!((header(&outbound, "x-a"), header(&outbound, "x-b")), (None, Some("2")));
    assert_eq!(header(&outbound, "x-c"), Some("own"));
    assert_eq!(outbound.url(), "http://h/?keep=1&s=own&r=2");
}

#[test]
fn a_header_with_a_line_break_fails_the_request() {
    let target = target("{url: 'http://h/', headers: {x-note: '${body.note}'}}");
    let error = prepare(&target, &event(&[], "{\"note\":\"a\\r\\nx-evil: 1\"}")).unwrap_err();
    assert!(error.to_string().contains("x-note"), "{error}");
    assert!(!error.to_string().contains("evil"), "{error}");
}

#[test]
fn query_parameters_are_encoded() {
    let outbound = prepared("{url: 'http://h/p?a=1', query: {note: '${body.n}', fixed: 'x y'}}", "{\"n\":\"a&b=c#d\"}");
    assert_eq!(outbound.url(), "http://h/p?a=1&note=a%26b%3Dc%23d&fixed=x%20y");
}

#[test]
fn secrets_are_sent_and_never_shown() {
    for (auth, name, real, instead) in [
        ("{bearer: '${env:TOKEN}'}", "authorization", "Bearer example-token", "Bearer ${env:TOKEN}"),
        ("{bearer: written-out}", "authorization", "Bearer written-out", "Bearer …"),
        (
            "{basic: {username: u, password: '${env:TOKEN}'}}",
            "authorization",
            "Basic dTpleGFtcGxlLXRva2Vu",
            "Basic u:${env:TOKEN}",
        ),
        ("{headers: {X-API-Key: '${env:TOKEN}'}}", "x-api-key", "example-token", "${env:TOKEN}"),
        ("{bearer: '${body.token}'}", "authorization", "Bearer t-1", "Bearer …"),
    ] {
        let outbound = prepared(&format!("{{url: 'http://h/', auth: {auth}}}"), "{\"token\":\"t-1\"}");
        assert_eq!(header(&outbound, name), Some(real), "{auth}");
        assert_eq!(shown(&outbound, name), Some(instead), "{auth}");
        assert!(outbound.headers[name].is_sensitive(), "{auth}");
    }
    let outbound = prepared("{url: 'http://h/', headers: {x-key: 'k-${env:TOKEN}'}}", "{}");
    assert_eq!(
        (header(&outbound, "x-key"), shown(&outbound, "x-key")),
        (Some("k-example-token"), Some("k-${env:TOKEN}"))
    );
}

#[test]
fn secrets_in_urls_are_sent_and_never_shown() {
    let outbound =
        prepared("{url: 'http://h/bot${env:BOT}/send', auth: {query: {key: '${env:TOKEN}', k: plain}}}", "{}");
    assert_eq!(outbound.url(), "http://h/bot42:example/send?key=example-token&k=plain");
    assert_eq!(outbound.shown_url(), "http://h/bot${env:BOT}/send?key=${env:TOKEN}&k=…");
    let debug = format!("{outbound:?}");
    assert!(!debug.contains("example"), "{debug}");
}

#[test]
fn a_constant_url_is_parsed_once() {
    let target = target("{url: 'http://h/x', query: {a: '1'}}");
    let [one, two] = [(); 2].map(|()| prepare(&target, &event(&[], "{}")).unwrap());
    assert!(std::sync::Arc::ptr_eq(&one.address, &two.address));
    assert!(matches!(&one.address.destination, Destination::Http(place) if *place.uri == "http://h/x?a=1"));
}

#[test]
fn ids_are_the_same_for_the_same_event_and_differ_between_targets() {
    let id = |yaml: &str| prepared(yaml, "{}").id;
    assert_eq!(id("{name: a, url: 'http://h/'}"), id("{name: a, url: 'http://other/'}"));
    assert_ne!(id("{name: a, url: 'http://h/'}"), id("{name: b, url: 'http://h/'}"));
    let outbound = prepared("url: http://h/", "{}");
    assert_eq!(header(&outbound, "webhook-id"), Some(outbound.id.as_str()));
    assert_eq!(header(&outbound, "idempotency-key"), Some(outbound.id.as_str()));
}

#[test]
fn a_signed_webhook_id_stays_with_its_signature() {
    let signed = [("webhook-id", "msg_theirs"), ("webhook-signature", "v1,x"), ("webhook-timestamp", "1")];
    let outbound = prepare(&target("url: http://h/"), &event(&signed, "{}")).unwrap();
    assert_eq!(header(&outbound, "webhook-id"), Some("msg_theirs"));
    assert_eq!(header(&outbound, "idempotency-key"), Some(outbound.id.as_str()));
    for part in [&signed[..1], &signed[1..]] {
        let outbound = prepare(&target("url: http://h/"), &event(part, "{}")).unwrap();
        assert_eq!(header(&outbound, "webhook-id"), Some(outbound.id.as_str()));
    }
}

#[test]
fn an_absent_key_fails_the_request_and_names_itself() {
    let target = target("{url: 'http://h/', transform: {body: {a: '${body.order.id}'}}}");
    let error = prepare(&target, &event(&[], "{\"order\":{}}")).unwrap_err();
    assert_eq!(error.to_string(), "no such key: body.order.id");
}
