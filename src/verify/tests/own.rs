//! `providers:` of hookswitch.yaml.

use super::super::{Providers, Refusal, Verifier, VerifyContext};
use super::{NOW, post};
use crate::config::spec::{ConfidenceSpec, Ordered, ProviderSpec, VerifySpec};
use crate::diagnostic::{At, Finding, Findings};
use crate::secret::{Missing, References};
use std::path::Path;

fn compile(providers: &str, verify: &str) -> (Option<Verifier>, Vec<Finding>) {
    let findings = Findings::default();
    let references = References::new(Path::new(""), Missing::Fails);
    let own: Ordered<ProviderSpec> = serde_yaml::from_str(providers).unwrap_or_else(|error| panic!("{error}"));
    let providers = Providers::compile(&own, &At::document(&findings, &references, 1).key("providers"));
    let spec: VerifySpec = serde_yaml::from_str(verify).unwrap();
    let verifier = Verifier::compile_with(
        &spec,
        VerifyContext { providers: &providers, params: &[], file: "" },
        &At::document(&findings, &references, 0).key("verify"),
    );
    (verifier, findings.into_inner())
}

fn own(scheme: &str, check: &str) -> Verifier {
    let (verifier, findings) = compile(&format!("acme: {{verify: {scheme}}}"), &format!("{{provider: acme, {check}}}"));
    assert_eq!(findings, []);
    verifier.unwrap()
}

#[track_caller]
fn mistake(scheme: &str, pointer: &str) {
    let (_, findings) = compile(&format!("acme: {scheme}"), "none");
    let found: Vec<(usize, &str)> = findings.iter().map(|one| (one.document, one.pointer.as_str())).collect();
    assert_eq!(found, [(1, pointer)], "{findings:?}");
}

#[test]
fn a_provider_of_one_s_own_is_verified_as_described() {
    let acme = own(
        "{signature: {header: X-Acme, format: kv, pair_sep: ';', ts_key: at, sig_key: s, multi: true},
          payload: '{method}:{ts}:{json:/id}:{body}', timestamp: {unit: ms, tolerance: 1m}}",
        "secret: key",
    );
    let signed = post(r#"{"id":7}"#).signed(&acme);
    assert!(signed.request.headers["x-acme"].to_str().unwrap().starts_with("at=1767225600000;s="));
    assert_eq!(signed.clone().verify(&acme), Ok(Some(0)));
    assert_eq!(signed.clone().verify_at(&acme, NOW + 61), Err(Refusal::Stale));
    assert_eq!(acme.provider().unwrap().confidence, ConfidenceSpec::Configured);
    assert_eq!(acme.describe(), "acme");
}

#[test]
fn a_provider_may_be_like_another() {
    let (verifier, findings) = compile("acme: {like: standardwebhooks}", "{provider: acme, secret: whsec_c2VjcmV0}");
    assert_eq!(findings, []);
    let acme = verifier.unwrap();
    let signed = post("body").signed(&acme);
    assert_eq!(signed.request.headers["webhook-id"], "msg_1");
    assert_eq!(signed.verify(&acme), Ok(Some(0)));
    assert!(acme.provider().unwrap().delivery_id.is_some());
}

/// `clerk` is itself like another one.
#[test]
fn a_provider_may_be_like_one_that_is_like_another() {
    for written in ["acme: {like: clerk}", "acme: {like: mine}\nmine: {like: clerk, delivery_id: 'header:x-id'}"] {
        let (verifier, findings) = compile(written, "{provider: acme, secret: whsec_c2VjcmV0}");
        assert_eq!(findings, [], "{written}");
        let acme = verifier.unwrap();
        assert_eq!(post("body").signed(&acme).verify(&acme), Ok(Some(0)));
        let id = acme.provider().unwrap().delivery_id_written.clone();
        let id_of_model = if written.contains("x-id") { "header:x-id" } else { "header:svix-id" };
        assert_eq!(id.as_deref(), Some(id_of_model));
    }
    let (_, findings) = compile("acme: {like: mine}\nmine: {like: acme}", "{provider: acme, secret: s}");
    assert_eq!(findings[0].pointer, "/providers/acme/like");
    assert!(findings[0].message.contains("leads back"), "{findings:?}");
}

#[test]
fn a_built_in_name_may_be_like_the_built_in_one() {
    let (verifier, findings) = compile("github: {like: github, patience: 5s}", "{provider: github, secret: key}");
    assert_eq!(findings, []);
    let github = verifier.unwrap();
    assert!(post("b").signed(&github).request.headers.contains_key("x-hub-signature-256"));
    assert_eq!(github.provider().unwrap().patience, Some(std::time::Duration::from_secs(5)));
}

#[test]
fn a_built_in_name_may_be_defined_anew() {
    let (verifier, findings) =
        compile("github: {verify: {signature: {header: X-Mine}}}", "{provider: github, secret: key}");
    assert_eq!(findings, []);
    assert!(post("b").signed(&verifier.unwrap()).request.headers.contains_key("x-mine"));
}

#[test]
fn tokens_stand_in_bodies_too() {
    let form = own("{form: 'auth[token]'}", "secret: s");
    let sent = |kind: &str, body: &str| post(body).header("content-type", kind).verify(&form);
    let urlencoded = "application/x-www-form-urlencoded; charset=utf-8";
    assert_eq!(sent(urlencoded, "a=1&auth%5Btoken%5D=s"), Ok(Some(0)));
    assert_eq!(sent(urlencoded, "auth[token]=s&auth%5Btoken%5D=t"), Err(Refusal::Repeated));
    // What the rest of the program reads as JSON is no form, whatever stands in its strings.
    assert_eq!(sent("application/json", r#"{"a":"&auth[token]=s&b"}"#), Err(Refusal::Missing));
    assert_eq!(post("auth[token]=s").verify(&form), Err(Refusal::Missing));
    let json = own("{json: /a/0/~1b}", "secret: '12'");
    assert_eq!(post(r#"{"a":[{"/b":12}]}"#).verify(&json), Ok(Some(0)));
    assert_eq!(post(r#"{"a":[{"/b":[12]}]}"#).verify(&json), Err(Refusal::Malformed));
    assert_eq!(post(r#"{"a":[]}"#).verify(&json), Err(Refusal::Missing));
    assert_eq!(post("not json").verify(&json), Err(Refusal::Malformed));
    let part = own("{signature: {from: 'part:json:/a/0', encoding: base64}, payload: '{part:b}'}", "secret: key");
    let multipart = |body: &str| {
        let body = body.replace('\n', "\r\n");
        post(&body).header("content-type", "multipart/form-data; boundary=X").verify(&part)
    };
    // printf %s text | openssl dgst -sha256 -hmac key -binary | base64
    let tag = "avqQRqlXnK0UOjhMG1ZLmiUNJ9b2pj+fIL86dZTJ4sY=";
    let json = format!("--X\nContent-Disposition: form-data; name=json\n\n{{\"a\":[\"{tag}\"]}}\n");
    let text = "--X\nContent-Disposition: form-data; name=\"b\"\n\ntext\n";
    assert_eq!(multipart(&format!("{json}{text}--X--\n")), Ok(Some(0)));
    assert_eq!(multipart(&format!("{json}{text}{text}--X--\n")), Err(Refusal::Repeated));
    assert_eq!(multipart(&format!("{json}{text}")), Err(Refusal::Malformed));
    assert_eq!(multipart(&json), Err(Refusal::Malformed));
    assert_eq!(multipart(&format!("{json}--X--\n")), Err(Refusal::Missing));
    assert_eq!(post(&json).verify(&part), Err(Refusal::Missing));
}

#[test]
fn a_token_of_every_element_must_fit() {
    let each = own("{json_each: '/value/*/state'}", "secret: [s, t]");
    assert_eq!(post(r#"{"value":[{"state":"s"},{"state":"s"}]}"#).verify(&each), Ok(Some(0)));
    assert_eq!(post(r#"{"value":[{"state":"s"},{"state":"x"}]}"#).verify(&each), Err(Refusal::Mismatch));
    assert_eq!(post(r#"{"value":[{"state":"s"},{}]}"#).verify(&each), Err(Refusal::Missing));
    assert_eq!(post(r#"{"value":[]}"#).verify(&each), Err(Refusal::Missing));
    assert_eq!(post(r#"{"value":{"state":"s"}}"#).verify(&each), Err(Refusal::Malformed));
}

#[test]
fn optional_parts_and_lists_of_payloads_are_tried() {
    let acme = own("{signature: {header: x-s}, payload: ['[q={query:q};]{body}', '{body}!']}", "secret: key");
    let plain = own("{signature: {header: x-s}}", "secret: key");
    let signature = |text: &str| post(text).signed(&plain).request.headers["x-s"].clone();
    let with =
        |text: &str, query: &str| post("body").query(query).header("x-s", signature(text).as_bytes()).verify(&acme);
    assert_eq!(with("q=1;body", "q=1"), Ok(Some(0)));
    assert_eq!(with("body", "p=1"), Ok(Some(0)));
    assert_eq!(with("body!", "q=1"), Ok(Some(0)));
    assert_eq!(with("body", "q=1"), Err(Refusal::Mismatch));
    assert_eq!(with("q=1;body", "q=1&q=2"), Err(Refusal::Repeated));
}

#[test]
fn what_must_not_be_there_refuses() {
    let acme = own("{signature: {header: x-s}, payload: '{json:/a/0}', absent: ['json:/a/1']}", "secret: key");
    assert_eq!(post(r#"{"a":[1]}"#).signed(&acme).verify(&acme), Ok(Some(0)));
    assert_eq!(post(r#"{"a":[1,2]}"#).signed(&acme).verify(&acme), Err(Refusal::Malformed));
}

#[test]
fn the_secret_among_json_values_cannot_be_replaced() {
    let acme = own(
        "{algorithm: sha256, signature: {from: 'json:/Token'}, payload: '{json_values_sorted:Token:Password}'}",
        "secret: key",
    );
    // printf %s 1key | sha256sum
    let token = "0bb0c372b61ac46000edb9ea50f150fa0c1e42e0a8a16527a9e0d756c90bfa3d";
    assert_eq!(post(&format!(r#"{{"Token":"{token}","A":1}}"#)).verify(&acme), Ok(Some(0)));
    assert_eq!(post(&format!(r#"{{"Token":"{token}","A":2}}"#)).verify(&acme), Err(Refusal::Mismatch));
    assert_eq!(post(&format!(r#"[{{"Token":"{token}"}}]"#)).verify(&acme), Err(Refusal::Missing));
    let named = format!(r#"{{"A":1,"Password":"key","Token":"{token}"}}"#);
    assert_eq!(post(&named).verify(&acme), Err(Refusal::Malformed));
}

#[test]
fn listed_headers_must_include_the_required_ones() {
    let acme = own("{signature: {header: x-s}, payload: '{headers_listed:x-list:x-time}{body}'}", "secret: key");
    let sent = |list: &str| post("b").header("x-list", list).header("x-time", "5").header("x-b", " v ");
    assert_eq!(sent("x-time, X-B").signed(&acme).verify(&acme), Ok(Some(0)));
    let signed = sent("x-time,x-b").signed(&acme).request.headers["x-s"].clone();
    assert_eq!(sent("x-b,x-time").header("x-s", signed.as_bytes()).verify(&acme), Err(Refusal::Mismatch));
    assert_eq!(sent("x-b").header("x-s", signed.as_bytes()).verify(&acme), Err(Refusal::Malformed));
    assert_eq!(sent("x-time,x-gone").header("x-s", signed.as_bytes()).verify(&acme), Err(Refusal::Missing));
}

#[test]
fn mistakes_are_reported_in_the_file_of_the_provider() {
    mistake("{}", "/providers/acme/verify");
    mistake("{verify: {signature: {header: 'a b'}}}", "/providers/acme/verify/signature/header");
    mistake("{verify: {signature: {header: a, from: 'query:b'}}}", "/providers/acme/verify/signature");
    mistake("{verify: {signature: {header: a}, header: b}}", "/providers/acme/verify");
    mistake("{verify: {signature: {header: a, format: kv}}}", "/providers/acme/verify/signature");
    mistake("{verify: {signature: {header: a, format: list, list_sep: ''}}}", "/providers/acme/verify/signature");
    mistake("{verify: {signature: {header: a}, payload: '{oops}'}}", "/providers/acme/verify/payload");
    mistake("{verify: {signature: {header: a}, payload: '{ts}{body}'}}", "/providers/acme/verify/payload");
    mistake("{verify: {signature: {header: a}, payload: '{secret}{body}'}}", "/providers/acme/verify/payload");
    mistake("{verify: {signature: {header: a}, payload: []}}", "/providers/acme/verify/payload");
    mistake("{verify: {algorithm: sha256, signature: {header: a}}}", "/providers/acme/verify/payload");
    mistake("{verify: {signature: {header: a}, timestamp: {unit: ms}}}", "/providers/acme/verify/timestamp");
    mistake(
        "{verify: {signature: {header: a}, require: {'header:b': '{x}'}}}",
        "/providers/acme/verify/require/header:b",
    );
    mistake("{verify: {networks: []}}", "/providers/acme/verify/networks");
    mistake("{verify: {jwt: {header: a, alg: [], claims: {b: '{url}'}}}}", "/providers/acme/verify/jwt/alg");
    mistake("{verify: {jwt: {header: a, alg: [HS256]}}}", "/providers/acme/verify/jwt");
    mistake("{like: githbu}", "/providers/acme/like");
    mistake("{verify: {header: a}, delivery_id: id}", "/providers/acme/delivery_id");
    mistake("{verify: {header: a}, patience: long}", "/providers/acme/patience");
}

#[test]
fn the_port_of_a_url_may_be_written_or_not() {
    let plain = own("{signature: {header: x-s}, payload: '{url}'}", "secret: key");
    let either = own("{signature: {header: x-s}, payload: ['{url}', '{url_port}']}", "secret: key");
    for (signed, configured) in [
        ("https://a.example:443", "https://a.example"),
        ("https://a.example", "https://a.example:8443"),
        ("http://a.example:80", "http://a.example"),
        ("https://[2001:db8::1]:443", "https://[2001:db8::1]"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]:443"),
        ("https://a.example/in", "https://a.example:443/in"),
    ] {
        let sent = post("").query("u=http://b:9/").public_url(signed).signed(&plain).public_url(configured);
        assert_eq!(sent.clone().verify(&either), Ok(Some(0)), "{signed} {configured}");
        assert_eq!(sent.verify(&plain), Err(Refusal::Mismatch), "{signed} {configured}");
    }
}

#[test]
fn a_provider_with_a_mistake_is_reported_once_and_never_replaced() {
    let (verifier, findings) = compile("github: {verify: {networks: []}}", "{provider: github, secret: key}");
    assert!(verifier.is_none());
    assert_eq!(findings.len(), 1, "{findings:?}");
}
