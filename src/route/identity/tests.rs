use super::*;
use crate::body::Parsed;
use crate::diagnostic::Findings;
use crate::document::Document;
use crate::event::{Event, Received, RequestInfo, Verified};
use crate::secret::{Missing, References};
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::net::Ipv4Addr;
use std::path::Path;

const TELEGRAM: &str = "{provider: telegram, secret: example}";

/// The identity, or the codes and places of every mistake.
fn compile(spec: &str, verify: &str) -> Result<Arc<Identity>, Vec<String>> {
    let findings = Findings::default();
    let references = References::new(Path::new(""), Missing::Fails);
    let at = At::document(&findings, &references, 0);
    let verifier = Verifier::compile(&serde_yaml::from_str(verify).unwrap(), &at.key("verify")).unwrap();
    let environment = Environment { params: &[Arc::from("account")], ..Environment::default() };
    let spec: DedupeSpec = serde_yaml::from_str(spec).unwrap();
    let identity = Identity::compile(&spec, Some(&verifier), &environment, &at.key("dedupe"));
    let found = findings.into_inner();
    let found = found.iter().filter(|found| found.pointer.starts_with("/dedupe"));
    identity.ok_or_else(|| found.map(|found| format!("{} {}", found.code, found.pointer)).collect())
}

fn event(account: &str, headers: &[(&'static str, &str)], body: &str) -> Event {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let request = RequestInfo {
        id: "test".into(),
        method: Method::POST,
        path: "/hook".to_owned(),
        query: Some("id=q-1".to_owned()),
        host: "hooks.example".to_owned(),
        scheme: "http",
        headers: map,
        time: chrono::DateTime::UNIX_EPOCH,
        client_ip: Ipv4Addr::LOCALHOST.into(),
        params: vec![("account".into(), account.to_owned())],
        public_url: None,
    };
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let parsed = Document::parse(bytes.clone()).ok().map(|body| Parsed { text: bytes.clone(), body });
    Verified::trust(Received { request: Arc::new(request), body: bytes }).into_event(parsed)
}

fn key_of(identity: &Identity, event: &Event) -> Result<Option<String>, EvaluationError> {
    let tables = Document::null();
    let uuid = String::new;
    identity.key(Scope { event, route: "r", vars: &[], answers: &[], answer: None, tables: &tables, uuid })
}

fn key(spec: &str, event: &Event) -> Option<String> {
    key_of(&compile(spec, "none").unwrap(), event).unwrap()
}

#[test]
fn a_key_is_what_its_expression_gives() {
    let event = event("gh", &[("x-request-id", "r-1")], r#"{"id": 12345678901234567890123, "at": "x"}"#);
    let header = r#"key: '${headers["x-request-id"]}'"#;
    assert_eq!(key(header, &event).as_deref(), Some("r-1"));
    assert_eq!(key("key: '${body.id}'", &event).as_deref(), Some("12345678901234567890123"));
    assert_eq!(key("key: '${params.account}/${body.at}'", &event).as_deref(), Some("gh/x"));
    assert_eq!(key("key: '${hex(sha256(text))}'", &event).map(|key| key.len()), Some(64));
}

#[test]
fn an_absent_null_or_empty_key_is_none() {
    let event = event("gh", &[("x-request-id", "")], r#"{"nothing": null, "empty": ""}"#);
    for text in ["${body.id}", "${body.?id}", "${body.nothing}", "${body.empty}", "a-${body.id}"] {
        assert_eq!(key(&format!("key: '{text}'"), &event), None, "{text}");
    }
    assert_eq!(key(r#"key: '${headers["x-request-id"]}'"#, &event), None);
}

#[test]
fn a_wrong_key_is_an_error() {
    let identity = compile("key: '${body.id + 1}'", "none").unwrap();
    let wrong = key_of(&identity, &event("gh", &[], r#"{"id": "a"}"#));
    assert!(matches!(wrong, Err(EvaluationError::Wrong(_))), "{wrong:?}");
}

#[test]
fn auto_is_the_delivery_id_of_the_provider_within_what_the_path_names() {
    let telegram = compile("key: auto", TELEGRAM).unwrap();
    assert!(telegram.reads().body);
    let of = |account: &str, body: &str| key_of(&telegram, &event(account, &[], body)).unwrap();
    let first = of("a", r#"{"update_id": 7}"#);
    assert!(first.is_some());
    assert_eq!(first, of("a", r#"{"update_id": 7, "message": {}}"#));
    assert_ne!(first, of("b", r#"{"update_id": 7}"#));
    assert_ne!(of("a1:", r#"{"update_id": 7}"#), of("a", r#"{"update_id": "1:7"}"#));
    assert_eq!(of("a", r#"{"update_id": null}"#), None);
    assert_eq!(of("a", "{}"), None);
    assert_eq!(of("a", "no json"), None);
    let github = compile("key: auto", "{provider: github, secret: example}").unwrap();
    assert!(!github.reads().body);
    let sent = |values: &[&str]| {
        let headers: Vec<_> = values.iter().map(|value| ("x-github-delivery", *value)).collect();
        key_of(&github, &event("", &headers, "{}")).unwrap()
    };
    assert_eq!(sent(&["d-1"]).as_deref(), Some("0:d-1"));
    assert_eq!((sent(&["d-1", "d-2"]), sent(&[])), (None, None), "two ids are none");
}

#[test]
fn mistakes_are_found_at_their_places() {
    let codes = |spec: &str, verify: &str| compile(spec, verify).err().unwrap_or_default();
    assert_eq!(codes("key: auto", "none"), ["dedupe-auto /dedupe/key"]);
    let getcourse = "{provider: getcourse, secret: example}";
    assert_eq!(codes("key: auto", getcourse), ["dedupe-auto /dedupe/key"]);
    assert_eq!(codes("key: orders", TELEGRAM), ["dedupe-constant /dedupe/key"]);
    assert_eq!(codes("key: ''", TELEGRAM), ["dedupe-constant /dedupe/key"]);
    assert_eq!(codes("{key: auto, window: 0s}", TELEGRAM), ["dedupe-window /dedupe/window"]);
    assert_eq!(codes("{key: '${params.shop}', window: '10'}", TELEGRAM).len(), 2);
    assert_eq!(compile("key: auto", TELEGRAM).unwrap().window, WINDOW_DEFAULT);
    let written = compile("{key: auto, window: 2h}", TELEGRAM).unwrap();
    assert_eq!(written.window, Duration::from_secs(7200));
}
