//! Credentials that are chosen by a key of the event.

use super::support::{Surroundings, event, prepare, request, target};
use crate::deliver::{NotBuilt, Outbound, Outcome, Target};
use crate::event::Event;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use std::sync::Arc;

const BY: &str = "by: '${headers[\"x-tenant\"]}'";
const TENANT: HeaderName = HeaderName::from_static("x-tenant");

fn keyed(values: &str) -> String {
    format!("{{{BY}, values: {{{values}}}}}")
}

fn auth(written: &str) -> Target {
    target(&format!("{{url: 'http://h/p', auth: {written}}}"))
}

fn for_tenant(target: &Target, tenant: &'static str) -> Result<Outbound, NotBuilt> {
    prepare(target, &event(&[("x-tenant", tenant)], "{}"))
}

/// As it is sent, and as it is shown.
fn header(target: &Target, tenant: &'static str, name: &str) -> (String, String) {
    let outbound = for_tenant(target, tenant).unwrap();
    let shown = outbound.shown().into_iter().find(|(shown, _)| shown == name).unwrap().1;
    (outbound.headers[name].to_str().unwrap().to_owned(), shown)
}

fn pair(sent: &str, shown: &str) -> (String, String) {
    (sent.to_owned(), shown.to_owned())
}

#[test]
fn each_tenant_has_its_own_credentials_and_they_are_never_shown() {
    let bearer = auth(&format!("{{bearer: {}}}", keyed("a: '${env:TOKEN}', b: written-out")));
    assert_eq!(header(&bearer, "a", "authorization"), pair("Bearer example-token", "Bearer ${env:TOKEN}"));
    assert_eq!(header(&bearer, "b", "authorization"), pair("Bearer written-out", "Bearer …"));
    assert!(for_tenant(&bearer, "a").unwrap().headers["authorization"].is_sensitive());

    let (users, passwords) = (keyed("a: one, b: two"), keyed("a: x, b: '${env:TOKEN}'"));
    let basic = auth(&format!("{{basic: {{username: {users}, password: {passwords}}}}}"));
    assert_eq!(header(&basic, "a", "authorization"), pair("Basic b25lOng=", "Basic one:…"));
    assert_eq!(header(&basic, "b", "authorization"), pair("Basic dHdvOmV4YW1wbGUtdG9rZW4=", "Basic two:${env:TOKEN}"));

    let headers = auth(&format!("{{headers: {{X-Key: {}, X-Same: all}}}}", keyed("a: '${env:TOKEN}', b: k")));
    assert_eq!(header(&headers, "a", "x-key"), pair("example-token", "${env:TOKEN}"));
    assert_eq!((header(&headers, "b", "x-key"), header(&headers, "b", "x-same")), (pair("k", "…"), pair("all", "…")));
}

#[test]
fn a_key_may_choose_what_stands_in_the_query() {
    let query = auth(&format!("{{query: {{key: {}, v: '2'}}}}", keyed("a: '${env:TOKEN}', b: 'b&b'")));
    let urls = ["a", "b"].map(|tenant| for_tenant(&query, tenant).unwrap());
    assert_eq!(
        urls.each_ref().map(|outbound| outbound.url()),
        ["http://h/p?key=example-token&v=2", "http://h/p?key=b%26b&v=2"]
    );
    assert_eq!(
        urls.each_ref().map(|outbound| outbound.shown_url()),
        ["http://h/p?key=${env:TOKEN}&v=…", "http://h/p?key=…&v=…"]
    );
}

#[test]
fn made_credentials_are_the_tenants_too() {
    let oauth2 = auth(&format!(
        "{{oauth2: {{token_url: {}, client_id: {}, client_secret: {}}}}}",
        keyed("a: 'https://a.example.com/t', b: 'https://b.example.com/t'"),
        keyed("a: one, b: two"),
        keyed("a: s1, b: s2"),
    ));
    for (tenant, shown) in
        [("a", "Bearer ${oauth2:https://a.example.com/t}"), ("b", "Bearer ${oauth2:https://b.example.com/t}")]
    {
        assert_eq!(header(&oauth2, tenant, "authorization").1, shown);
    }
    let aws = auth(&format!(
        "{{aws: {{region: r, service: s, access_key_id: {}, secret_access_key: {}, session_token: {}}}}}",
        keyed("a: '${env:TOKEN}', b: B"),
        keyed("a: s1, b: s2"),
        keyed("a: t1, b: t2"),
    ));
    let shown = header(&aws, "a", "authorization").1;
    assert!(shown.starts_with("AWS4-HMAC-SHA256 Credential=${env:TOKEN}/"), "{shown}");
    assert_ne!(header(&aws, "b", "authorization").1, shown);
}

#[test]
fn what_chooses_may_be_any_part_of_a_verified_event() {
    let target = auth("{bearer: {by: '${body.shop.id}', values: {'7': seven, '7.50': more}}}");
    for (body, sent) in [
        (r#"{"shop":{"id":7}}"#, "Bearer seven"),
        (r#"{"shop":{"id":"7"}}"#, "Bearer seven"),
        (r#"{"shop":{"id":7.50}}"#, "Bearer more"),
    ] {
        assert_eq!(prepare(&target, &event(&[], body)).unwrap().headers["authorization"], sent, "{body}");
    }
}

#[test]
fn an_event_without_a_known_key_has_no_request() {
    let target = auth("{bearer: {by: '${body.?shop.name}', values: {a: s}}}");
    let by = || Arc::from("body.?shop.name");
    let error = |body: &str| prepare(&target, &event(&[], body)).unwrap_err();
    for body in ["{}", r#"{"shop":{}}"#] {
        assert_eq!(error(body), NotBuilt::NoKey { by: by() }, "{body}");
    }
    for body in [
        r#"{"shop":{"name":"planted-tenant"}}"#,
        r#"{"shop":{"name":""}}"#,
        r#"{"shop":{"name":null}}"#,
        r#"{"shop":{"name":["a"]}}"#,
    ] {
        assert_eq!(error(body), NotBuilt::UnknownKey { by: by() }, "{body}");
        assert_eq!(error(body).outcome(), Outcome::Credentials);
        assert!(!error(body).to_string().contains("planted"));
    }
    let wrong = auth("{bearer: {by: '${body.a + 1}', values: {a: s}}}");
    let error = prepare(&wrong, &event(&[], r#"{"a":"a"}"#)).unwrap_err();
    assert!(matches!(error, NotBuilt::Expression(_)), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Expression);
}

#[test]
fn every_mistake_is_told_at_its_place() {
    let found =
        |auth: &str| Surroundings::default().compile(&format!("{{url: 'http://h/', auth: {auth}}}")).err().unwrap();
    let keyed = |by: &str, values: &str| format!("{{by: '{by}', values: {{{values}}}}}");
    let one = keyed("${body.a}", "k: v");
    for (auth, expected) in [
        (format!("{{bearer: {}}}", keyed("body.a", "k: v")), vec!["keyed-by /auth/bearer/by"]),
        (format!("{{bearer: {}}}", keyed("${body.", "k: v")), vec!["expr-syntax /auth/bearer/by"]),
        (format!("{{bearer: {}}}", keyed("${vars.no}", "k: v")), vec!["expr-unknown-name /auth/bearer/by"]),
        (format!("{{bearer: {}}}", keyed("${body.a}", "")), vec!["keyed-empty /auth/bearer/values"]),
        (
            format!("{{bearer: {}}}", keyed("${body.a}", "k: '${env:EMPTY}', l: '${env:LINES}', 'm/n': v")),
            vec!["secret-empty /auth/bearer/values/k", "header-value /auth/bearer/values/l"],
        ),
        (
            format!("{{headers: {{X-Key: {}, 'a b': c}}}}", keyed("${body.a}", "k: ''")),
            vec!["header-name /auth/headers/a b"],
        ),
        (
            format!("{{headers: {{X-Key: {}}}}}", keyed("${body.a}", "k: ''")),
            vec!["secret-empty /auth/headers/X-Key/values/k"],
        ),
        (format!("{{query: {{x: {}}}}}", keyed("${body.a}", "k: ''")), vec!["secret-empty /auth/query/x/values/k"]),
        (
            format!("{{basic: {{username: {one}, password: {}}}}}", keyed("${body.b}", "k: v, l: v")),
            vec!["keyed-differs /auth/basic/password/by", "keyed-differs /auth/basic/username/values"],
        ),
        (
            format!(
                "{{aws: {{region: r, service: s, access_key_id: {}, secret_access_key: v}}}}",
                keyed("${body.a}", "k: a/b")
            ),
            vec!["aws-name /auth/aws/access_key_id/values/k"],
        ),
        (
            format!(
                "{{oauth2: {{token_url: {}, client_id: c, client_secret: {one}}}}}",
                keyed("${body.a}", "k: nowhere")
            ),
            vec!["oauth2-token-url /auth/oauth2/token_url/values/k"],
        ),
    ] {
        assert_eq!(found(&auth), expected, "{auth}");
    }
}

fn one_header(bytes: &[Vec<u8>]) -> Event {
    let mut request = request(&[]);
    let mut headers = HeaderMap::new();
    bytes.iter().filter_map(|bytes| HeaderValue::from_bytes(bytes).ok()).for_each(|value| {
        headers.append(TENANT, value);
    });
    request.headers = headers;
    Event { request: Arc::new(request), bytes: Bytes::from_static(b"{}"), parsed: None, element: None }
}

/// Near misses of the keys, and anything that a header may hold.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"a".to_vec()),
        Just("ключ".as_bytes().to_vec()),
        "[aAb ,\t]{0,4}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::collection::vec(any::<u8>(), 0..2000),
        (1_usize..5000).prop_map(|length| vec![b'a'; length]),
    ]
}

proptest! {
    #[test]
    fn no_header_has_the_credentials_of_a_tenant_it_does_not_name(values in proptest::collection::vec(value(), 0..4)) {
        let target = auth(&format!("{{bearer: {}, }}", keyed("a: for-a, 'ключ': for-other, 'a, a': for-both")));
        let event = one_header(&values);
        let sent = event.request.headers.get_all(TENANT).iter().map(|value| value.to_str().ok());
        // One that is no text is as good as none.
        let named = sent.collect::<Option<Vec<&str>>>().filter(|sent| !sent.is_empty()).map(|sent| sent.join(", "));
        let expected = match named.as_deref() {
            Some("a") => Some("Bearer for-a"),
            Some("a, a") => Some("Bearer for-both"),
            _ => None,
        };
        match prepare(&target, &event) {
            Ok(outbound) => prop_assert_eq!(outbound.headers["authorization"].to_str().ok(), expected),
            Err(error) => {
                prop_assert_eq!(expected, None);
                let by = Arc::from("headers[\"x-tenant\"]");
                let is_absent = named.is_none();
                prop_assert_eq!(error, if is_absent { NotBuilt::NoKey { by } } else { NotBuilt::UnknownKey { by } });
            }
        }
    }
}
