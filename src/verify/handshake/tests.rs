use super::template::Template;
use super::{Outline, is_token};
use crate::config::spec::{CheckSpec, HandshakeSpec};
use crate::diagnostic::{At, Finding, Findings};
use crate::event::RequestInfo;
use crate::secret::{Missing, References};
use crate::verify::compile::WrittenCheck;
use crate::verify::evidence::Evidence;
use crate::verify::signature::compile::KeyRules;
use crate::verify::{Providers, VerifyContext};
use bytes::Bytes;
use chrono::DateTime;
use http::{HeaderMap, Method};
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;

/// A handshake as data, with a check as data, asked with a body and a query: status and body of the answer.
fn asked(handshake: &str, check: &str, body: &[u8], query: &str) -> Option<(u16, String)> {
    let (outline, findings) = outline(handshake);
    assert_eq!(findings, [], "{handshake}");
    let check: CheckSpec = serde_yaml::from_str(check).unwrap();
    let findings = Findings::default();
    let references = References::new(Path::new(""), Missing::Fails);
    let handshake =
        outline.unwrap().with(&written(&check), &KeyRules::default(), &At::document(&findings, &references, 0))??;
    let body = Bytes::copy_from_slice(body);
    let request = request(query);
    let answer = handshake.greet(&Evidence::new(&request, &body))?.answer;
    Some((answer.status().as_u16(), String::from_utf8(answer.into_body().to_vec()).unwrap()))
}

fn written(check: &CheckSpec) -> WrittenCheck<'_> {
    static BUILT_IN: LazyLock<Providers> = LazyLock::new(Providers::built_in);
    WrittenCheck { spec: check, context: VerifyContext { providers: &BUILT_IN, params: &[], file: "" } }
}

fn outline(handshake: &str) -> (Option<Outline>, Vec<Finding>) {
    let spec: HandshakeSpec = serde_yaml::from_str(handshake).unwrap_or_else(|error| panic!("{handshake}: {error}"));
    let findings = Findings::default();
    let references = References::new(Path::new(""), Missing::Fails);
    let outline = Outline::compile(&spec, &At::document(&findings, &references, 0));
    (outline, findings.into_inner())
}

fn request(query: &str) -> RequestInfo {
    RequestInfo {
        id: "test".into(),
        method: Method::POST,
        path: "/".to_owned(),
        query: Some(query.to_owned()),
        host: "h".to_owned(),
        scheme: "http",
        headers: HeaderMap::new(),
        time: DateTime::UNIX_EPOCH,
        client_ip: [192, 0, 2, 1].into(),
        params: Vec::new(),
        public_url: None,
    }
}

#[test]
fn a_json_reply_keeps_the_types_of_what_it_repeats() {
    let handshake =
        r#"{when: {"json:/n": "*"}, reply: {json: {n: "{json:/n}", list: [1, "a-{json:/n}", null], "q\"": true}}}"#;
    let said = |body: &str| asked(handshake, "{}", body.as_bytes(), "").map(|(_, body)| body);
    assert_eq!(said(r#"{"n":1.50}"#).as_deref(), Some(r#"{"n":1.50,"list":[1,"a-1.50",null],"q\"":true}"#));
    assert_eq!(said(r#"{"n":"\"}"}"#).as_deref(), Some(r#"{"n":"\"}","list":[1,"a-\"}",null],"q\"":true}"#));
    assert_eq!(said(r#"{"n":{"deep":1}}"#), None);
    assert_eq!(said(r#"{"n":null}"#), None);
}

#[test]
fn a_handshake_needs_all_that_it_names() {
    let handshake = r#"{when: {"query:t": "{verify_token}"}, absent: ["query:no"], reply: {text: "{query:c}"}}"#;
    let check = "{verify_token: right}";
    assert_eq!(asked(handshake, check, b"", "t=right&c=x"), Some((200, "x".to_owned())));
    for query in ["t=wrong&c=x", "t=right", "t=right&t=right&c=x", "t=right&c=x&no=1", "t=right&c=x&no", "c=x"] {
        assert_eq!(asked(handshake, check, b"", query), None, "{query}");
    }
    assert_eq!(asked(handshake, "{}", b"", "t=&c=x"), None, "without the parameter it is not answered");
    assert_eq!(asked(handshake, check, &vec![b' '; super::Handshake::BODY_MAX + 1], "t=right&c=x"), None);
}

#[test]
fn some_parameters_of_several_are_a_mistake() {
    let (outline, _) = outline(r#"{when: {"json:/g": "{group_id}"}, reply: {text: "{confirmation}"}}"#);
    let check: CheckSpec = serde_yaml::from_str("{confirmation: c}").unwrap();
    let findings = Findings::default();
    let references = References::new(Path::new(""), Missing::Fails);
    let made = outline.unwrap().with(&written(&check), &KeyRules::default(), &At::document(&findings, &references, 0));
    assert!(made.is_none());
    assert!(findings.into_inner()[0].message.contains("group_id"));
}

#[test]
fn origins_are_names_or_any() {
    let handshake = r#"{when: {"query:o": "{allowed_origins}"}, reply: {text: "{query:o}"}}"#;
    let asked = |check: &str, origin: &str| asked(handshake, check, b"", &format!("o={origin}")).is_some();
    assert!(asked("{allowed_origins: [a.example, B.example]}", "b.EXAMPLE"));
    assert!(!asked("{allowed_origins: a.example}", "sub.a.example"));
    assert!(asked("{allowed_origins: '*'}", "anyone.example"));
    assert!(!asked("{allowed_origins: []}", "anyone.example"));
}

#[test]
fn mistakes_of_handshakes_are_told_where_they_are() {
    for (handshake, pointer) in [
        (r#"{when: {"jsn:/a": x}, reply: {}}"#, "/when/jsn:~1a"),
        ("{reply: {text: '{json:/a'}}", "/reply/text"),
        ("{reply: {json: {a: ['{nothing}']}}}", "/reply/json/a/0"),
        ("{reply: {text: a, json: b}}", "/reply/json"),
        ("{reply: {text: '{mac}'}}", "/reply"),
        ("{reply: {status: 404}}", "/reply/status"),
        ("{mac: {of: 'query:q', algorithm: sha256}, reply: {text: '{mac}'}}", "/mac/algorithm"),
        ("{gives: nowhere, reply: {}}", "/gives"),
    ] {
        let (outline, findings) = outline(handshake);
        assert!(outline.is_none(), "{handshake}");
        assert_eq!(findings.iter().map(|one| one.pointer.as_str()).collect::<Vec<_>>(), [pointer], "{handshake}");
    }
}

proptest! {
    #[test]
    fn no_template_and_no_request_makes_it_panic(
        text in any::<String>(), query in "[ -~]{0,60}", body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(template) = Template::parse(&text) {
            let (request, body) = (request(&query), Bytes::from(body.clone()));
            let said = template.render(&Evidence::new(&request, &body), None);
            prop_assert!(said.is_none_or(|said| said.len() <= super::template::SAID_MAX));
        }
        let handshake = r#"{when: {"json:/a": "*"}, mac: {of: json:/a}, reply: {json: {a: "{json:/a}", m: "{mac}"}}}"#;
        if let Some((_, said)) = asked(handshake, "{secret: s}", &body, &query) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&said).is_ok());
        }
    }

    /// JSON that is more than a bare word, a form with a value, and what separates the parts of signed messages.
    #[test]
    fn a_token_is_never_an_event(text in "[ -~]{1,40}") {
        if is_token(&text) {
            let json = serde_json::from_str::<serde_json::Value>(&text);
            prop_assert!(!json.is_ok_and(|value| value.is_object() || value.is_array() || value.is_string()));
            prop_assert!(!text.contains(['.', ':', '&', '|', '\n']));
        }
    }
}
