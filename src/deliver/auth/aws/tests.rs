//! AWS's published test suite for Signature Version 4 (names as there), and its example for S3.

use super::*;
use crate::deliver::pool::Place;
use bytes::Bytes;
use http::Method;

fn aws(service: &str, secret: &str) -> Aws {
    Aws {
        region: "us-east-1".to_owned(),
        service: service.to_owned(),
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Secret::new(secret),
        session_token: None,
        shown_id: "${env:AWS_KEY}".to_owned(),
    }
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn place(url: &str) -> &'static Place {
    Box::leak(Box::new(Place::new(url.parse().unwrap())))
}

fn sent(method: Method, uri: &str, body: &'static str) -> Sent<'static> {
    let to = place(&format!("https://example.amazonaws.com{uri}"));
    Sent { method, to, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The signature over host, date and the headers that are there.
fn signature(aws: &Aws, sent: Sent<'_>) -> String {
    signature_by(aws, sent, Rules::Normalized)
}

fn signature_by(aws: &Aws, mut sent: Sent<'_>, rules: Rules) -> String {
    let now = moment("2015-08-30T12:36:00Z");
    sent.headers.insert(DATE, HeaderValue::from_static("20150830T123600Z"));
    sent.headers.insert(HOST, host(&sent.to.uri).unwrap());
    let payload = hex::of(digest::digest(&digest::SHA256, &sent.body).as_ref());
    let signed = sent.headers.keys().cloned().collect();
    let authorization = aws.authorization(&sent, signed, (&payload, rules), now).unwrap();
    authorization.split_once("Signature=").unwrap().1.to_owned()
}

#[test]
fn requests_of_the_published_suite_have_their_signatures() {
    let aws = aws("service", SECRET);
    let unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let cases = [
        ("get-vanilla", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "get-vanilla-query-order-key-case",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-empty-query-key",
            "/?Param1=value1",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "get-vanilla-query-order-encoded",
            "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        (
            "get-vanilla-query-unreserved",
            &format!("/?{unreserved}={unreserved}"),
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "get-vanilla-utf8-query",
            "/?%E1%88%B4=bar",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            "get-unreserved",
            &format!("/{unreserved}"),
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-slash-pointless-dot-normalized",
            "/./example",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        (
            "get-relative-relative-normalized",
            "/example1/example2/../..",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
    ];
    for (name, uri, expected) in cases {
        assert_eq!(signature(&aws, sent(Method::GET, uri, "")), expected, "{name}");
    }
    // Their requests have the path as it is before it is encoded for the wire; ours has been, and is encoded once more.
    let raw = [
        ("get-utf8", "/%E1%88%B4", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (
            "get-space-normalized",
            "/example%20space/",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
    ];
    for (name, uri, expected) in raw {
        assert_eq!(signature_by(&aws, sent(Method::GET, uri, ""), Rules::AsSent), expected, "{name}");
    }
    let twice = canonical_request(&sent(Method::GET, "/a%20b", ""), &[], "", Rules::Normalized).unwrap();
    assert_eq!(twice.lines().nth(1), Some("/a%2520b"));
    let vanilla = signature(&aws, sent(Method::POST, "/", ""));
    assert_eq!(vanilla, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", "post-vanilla");
}

#[test]
fn headers_are_trimmed_and_joined() {
    let aws = aws("service", SECRET);
    let header = |pairs: &[(&'static str, &'static str)]| {
        let mut sent = sent(Method::GET, "/", "");
        for (name, value) in pairs {
            sent.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        signature(&aws, sent)
    };
    assert_eq!(
        header(&[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")]),
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        "get-header-value-trim"
    );
    assert_eq!(
        header(&[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")]),
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        "get-header-key-duplicate"
    );
    assert_eq!(
        header(&[("x-amz-security-token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267")]),
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        "get-vanilla-with-session-token"
    );
}

#[test]
fn a_form_is_signed_with_its_body() {
    let mut form = sent(Method::POST, "/", "Param1=value1");
    for (name, value) in [
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-length", "13"),
        ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
    ] {
        form.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let expected = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b";
    assert_eq!(signature(&aws("service", SECRET), form), expected, "post-x-www-form-urlencoded");
}

#[test]
fn s3_takes_paths_as_they_are() {
    // AWS, "Authenticating requests: using the Authorization header", GET object and PUT object.
    let aws = Aws {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        ..aws("s3", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    };
    let now = moment("2013-05-24T00:00:00Z");
    let payload = hex::of(digest::digest(&digest::SHA256, b"").as_ref());
    let to = place("https://examplebucket.s3.amazonaws.com/test.txt");
    let mut get = Sent { method: Method::GET, to, headers: HeaderMap::new(), body: Bytes::new() };
    for (name, value) in [
        ("host", "examplebucket.s3.amazonaws.com"),
        ("range", "bytes=0-9"),
        ("x-amz-content-sha256", &payload),
        ("x-amz-date", "20130524T000000Z"),
    ] {
        get.headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());
    }
    let signed = get.headers.keys().cloned().collect();
    let expected = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                    SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
                    Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    assert_eq!(aws.authorization(&get, signed, (&payload, aws.rules()), now).unwrap(), expected);
    assert_eq!(
        canonical_request(&sent(Method::GET, "/a//../b%2Fc/", ""), &[], "", Rules::AsSent).unwrap().lines().nth(1),
        Some("/a//../b/c/")
    );
}

#[test]
fn an_attempt_signs_what_aws_asks_for_and_no_more() {
    let mut sent = sent(Method::POST, "/in", "{}");
    sent.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    sent.headers.insert("x-hookswitch-attempt", HeaderValue::from_static("1"));
    let aws = Aws { session_token: Some(Secret::new("example-token")), ..aws("execute-api", SECRET) };
    aws.sign(&mut sent, moment("2026-01-02T03:04:05.678Z")).unwrap();
    assert_eq!(sent.headers["x-amz-date"], "20260102T030405Z");
    assert_eq!(sent.headers["x-amz-security-token"], "example-token");
    let authorization = sent.headers["authorization"].to_str().unwrap();
    let start = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/execute-api/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
    assert!(authorization.starts_with(start), "{authorization}");
    assert!(sent.headers["authorization"].is_sensitive());
    assert!(!format!("{:?}", aws.shown()).contains("AKID"));
}
