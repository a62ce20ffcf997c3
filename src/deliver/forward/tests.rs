use super::*;
use http::HeaderValue;
use proptest::prelude::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

fn names(forward: &Forward, payload: Payload, inbound: &HeaderMap, credentials: &[HeaderName]) -> Vec<String> {
    let outbound = forwarded(forward, payload, inbound, credentials);
    let mut names: Vec<String> = outbound.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    names
}

fn inbound() -> HeaderMap {
    headers(&[
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
        ("content-digest", "sha-256=:abc=:"),
        ("content-length", "12"),
        ("host", "hooks.example.com"),
        ("x-github-event", "push"),
        ("x-hub-signature-256", "sha256=00"),
        ("authorization", "Bearer of-the-sender"),
        ("accept", "*/*"),
    ])
}

#[test]
fn unchanged_bytes_keep_their_headers_and_signature() {
    let expected = [
        "accept",
        "authorization",
        "content-digest",
        "content-encoding",
        "content-type",
        "x-github-event",
        "x-hub-signature-256",
    ];
    assert_eq!(names(&Forward::ByBody, Payload::Unchanged, &inbound(), &[]), expected);
}

#[test]
fn a_new_body_takes_no_header_of_the_old_one() {
    assert_eq!(names(&Forward::ByBody, Payload::New, &inbound(), &[]), Vec::<String>::new());
    let all = names(&Forward::All, Payload::New, &inbound(), &[]);
    assert_eq!(all, ["accept", "authorization", "x-github-event", "x-hub-signature-256"]);
}

#[test]
fn a_method_without_body_takes_no_header_about_one() {
    let expected = ["accept", "authorization", "x-github-event", "x-hub-signature-256"];
    assert_eq!(names(&Forward::ByBody, Payload::Absent, &inbound(), &[]), expected);
}

#[test]
fn a_credential_is_never_forwarded() {
    let credentials = [HeaderName::from_static("authorization")];
    for forward in [Forward::ByBody, Forward::All, Forward::Matching(Box::new([Glob::parse("auth*").unwrap()]))] {
        let names = names(&forward, Payload::Unchanged, &inbound(), &credentials);
        assert!(!names.contains(&"authorization".to_owned()), "{forward:?}");
    }
}

#[test]
fn hop_by_hop_headers_end_here_even_when_asked_for() {
    let inbound = headers(&[
        ("connection", "close, X-Private"),
        ("connection", "x-other"),
        ("x-private", "1"),
        ("x-other", "2"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("proxy-authorization", "Basic x"),
        ("host", "h"),
        ("expect", "100-continue"),
        ("accept-encoding", "br"),
        ("x-kept", "3"),
    ]);
    assert_eq!(names(&Forward::All, Payload::Unchanged, &inbound, &[]), ["x-kept"]);
}

#[test]
fn what_we_write_ourselves_is_not_taken_from_the_sender() {
    let inbound = headers(&[
        ("traceparent", "00-0-0-00"),
        ("tracestate", "a=b"),
        ("forwarded", "for=10.0.0.1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-prefix", "/admin"),
        ("x-real-ip", "10.0.0.1"),
        ("x-hookswitch-attempt", "9"),
    ]);
    assert_eq!(names(&Forward::All, Payload::Unchanged, &inbound, &[]), Vec::<String>::new());
}

#[test]
fn none_keeps_what_names_the_bytes() {
    let names = names(&Forward::None, Payload::Unchanged, &inbound(), &[]);
    assert_eq!(names, ["content-encoding", "content-type"]);
}

#[test]
fn globs_choose() {
    let forward = Forward::Matching(Box::new([Glob::parse("X-GitHub-*").unwrap()]));
    assert_eq!(names(&forward, Payload::New, &inbound(), &[]), ["x-github-event"]);
}

#[test]
fn framing_does_not_go_on_under_another_name() {
    let inbound = headers(&[
        ("transfer_encoding", "chunked"),
        ("transfer-encoding", "chunked"),
        ("content_length", "7"),
        ("transfer.encoding", "chunked"),
        ("x-transfer-encoding", "base64"),
    ]);
    assert_eq!(names(&Forward::All, Payload::Unchanged, &inbound, &[]), ["x-transfer-encoding"]);
}

#[test]
fn repeated_headers_stay_repeated() {
    let inbound = headers(&[("x-tag", "a"), ("x-tag", "b")]);
    let outbound = forwarded(&Forward::All, Payload::New, &inbound, &[]);
    assert_eq!(outbound.get_all("x-tag").iter().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn globs_match_whole_names() {
    let matches = |glob: &str, name: &str| Glob::parse(glob).unwrap().matches(name);
    assert!(
        matches("*", "x") && matches("x-*-id", "x-request-id") && matches("x-?", "x-a") && matches("a*b*c", "aXbYbc")
    );
    assert!(!matches("x-*", "y-x-z") && !matches("x", "xx") && !matches("x-?", "x-") && !matches("*-id", "id"));
    assert_eq!(Glob::parse(""), None);
    assert_eq!(Glob::parse("x y"), None);
}

proptest! {
    #[test]
    fn a_glob_agrees_with_a_slow_one(glob in "[ab*?]{1,8}", name in "[ab]{0,8}") {
        fn slow(glob: &[u8], name: &[u8]) -> bool {
            match (glob, name) {
                ([], []) => true,
                ([b'*', rest @ ..], _) => slow(rest, name) || !name.is_empty() && slow(glob, &name[1..]),
                ([b'?', rest @ ..], [_, tail @ ..]) => slow(rest, tail),
                ([first, rest @ ..], [byte, tail @ ..]) => first == byte && slow(rest, tail),
                _ => false,
            }
        }
        prop_assert_eq!(Glob::parse(&glob).unwrap().matches(&name), slow(glob.as_bytes(), name.as_bytes()));
    }
}
