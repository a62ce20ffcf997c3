use super::fields::{byte_sequences, inputs};
use super::*;
use crate::event::RequestInfo;
use crate::verify::secrets::{Dated, Secrets};
use crate::verify::signature::Group;
use crate::verify::signature::algorithm::Key;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;

/// The example of appendix B.2.6 of RFC 9421, with the key of B.1.4.
const KEY: &str = "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";
const INPUT: &str = r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
const TAG: &str = "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
const CREATED: i64 = 1_618_884_473;

fn request(headers: &[(&str, &str)]) -> RequestInfo {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    RequestInfo {
        id: "test".into(),
        method: Method::POST,
        path: "/foo".to_owned(),
        query: Some("param=Value&Pet=dog".to_owned()),
        host: "attacker.example".to_owned(),
        scheme: "http",
        headers: map,
        time: at(CREATED),
        client_ip: [192, 0, 2, 1].into(),
        params: Vec::new(),
        public_url: Some("https://example.com".into()),
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn example<'h>(input: &'h str, tag: &'h str) -> [(&'h str, &'h str); 5] {
    [
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        ("content-length", "18"),
        ("signature-input", input),
        ("signature", tag),
    ]
}

fn check(covers: &[&str], headers: &[(&str, &str)], body: &str, now: i64) -> Result<Option<usize>, Refusal> {
    let key = Key::public(&aws_lc_rs::signature::ED25519, KEY).unwrap();
    let verifier = MessageSignature {
        rules: MessageSignatureRules {
            covers: covers.iter().map(|name| Component::parse(name).unwrap()).collect(),
            algorithm: "ed25519",
            window: TimeDelta::seconds(300),
        },
        keys: Secrets::same(vec![Dated { value: (Group::Primary, key), until: None }]),
        public_url: None,
    };
    let (request, body) = (request(headers), Bytes::copy_from_slice(body.as_bytes()));
    verifier.check(&Evidence::new(&request, &body), at(now))
}

#[test]
fn the_example_of_the_rfc_is_right() {
    let covers = ["@method", "@authority", "content-length"];
    assert_eq!(check(&covers, &example(INPUT, TAG), "", CREATED), Ok(Some(0)));
    assert_eq!(check(&covers, &example(INPUT, TAG), "", CREATED + 301), Err(Refusal::Stale));
    assert_eq!(check(&covers, &example(INPUT, TAG), "", CREATED - 301), Err(Refusal::Stale));
    assert_eq!(check(&["content-digest"], &example(INPUT, TAG), "", CREATED), Err(Refusal::Malformed));
}

#[test]
fn whatever_is_altered_refuses() {
    for (from, to) in [
        ("1618884473", "1618884474"),
        ("test-key", "rest-key"),
        ("\"@path\" ", ""),
        ("\"@path\"", "\"@query\""),
        ("\"date\"", "\"date\";bs"),
        ("\"date\"", "\"date\" \"date\""),
        ("keyid", "alg=\"rsa-v1_5-sha256\";keyid"),
        ("created", "created=1;created"),
        ("sig-b26", "sig-b27"),
        (";created=1618884473", ""),
        ("(\"date", "( \"date"),
    ] {
        let input = INPUT.replace(from, to);
        assert!(check(&["@method"], &example(&input, TAG), "", CREATED).is_err(), "{input}");
    }
    for tag in ["", "sig-b26", "sig-b26=::", "sig-b26=:AAAA:", "sig-b26=:AAAA", &TAG.replace("==:", ":"), &TAG[..40]] {
        assert!(check(&["@method"], &example(INPUT, tag), "", CREATED).is_err(), "{tag}");
    }
}

#[test]
fn a_wrong_signature_beside_a_right_one_does_no_harm() {
    let input = format!(r#"other=("@method");created=1618884473, {INPUT}"#);
    let tag = format!("other=:AAAA:, {TAG}");
    assert_eq!(check(&["@method"], &example(&input, &tag), "", CREATED), Ok(Some(0)));
    let twice = format!("{TAG}, {TAG}");
    assert_eq!(check(&["@method"], &example(INPUT, &twice), "", CREATED), Err(Refusal::Malformed));
}

#[test]
fn a_digest_must_be_that_of_the_body() {
    let digests = |value: &str| {
        let request = request(&[("content-digest", value)]);
        check_digest(&Evidence::new(&request, &Bytes::from_static(b"{\"hello\": \"world\"}")))
    };
    // Appendix B.1 of RFC 9530 and its errata use this body; the SHA-256 is that of RFC 9421, section 2.1.2.
    let right = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    assert_eq!(digests(right), Ok(()));
    assert_eq!(digests(&format!("md5=:AAAA:, {right}")), Ok(()));
    assert_eq!(digests("md5=:AAAA:"), Err(Refusal::Malformed));
    assert_eq!(digests(&format!("{right}, sha-512=:AAAA:")), Err(Refusal::Mismatch));
    assert_eq!(digests(&right.replace("X48", "X49")), Err(Refusal::Mismatch));
    assert_eq!(digests(""), Err(Refusal::Malformed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_field_panics_and_nothing_is_made_up(
        header in prop_oneof!["(a=|\\(|\\)|\"[a-z@-]{0,4}\"|;k=[0-9]{0,3}|:[A-Za-z=]{0,4}:|[ ,=;]){0,12}", any::<String>()],
    ) {
        for input in inputs(&header).unwrap_or_default() {
            prop_assert!(header.contains(input.raw) && input.raw.starts_with('('));
            prop_assert!(input.components.iter().all(|name| input.raw.contains(name)));
        }
        for (label, value) in byte_sequences(&header).unwrap_or_default() {
            let member = format!("{label}=:{value}:");
            prop_assert!(header.contains(&member));
        }
    }
}
