//! What a signature vouches for besides the body.

use super::verifier;
use crate::expr::Input;
use http::HeaderName;

/// Of a header `x-h` and of others that are named, of a query parameter `q`, and of all of them: those left out.
fn left_out(yaml: &str, more: &[&'static str]) -> Vec<String> {
    let verifier = verifier(yaml);
    let names: Vec<HeaderName> = ["x-h"].iter().chain(more).map(|name| HeaderName::from_static(name)).collect();
    let headers = names.iter().map(|name| (name.to_string(), Input::Header(name)));
    let others = [
        ("headers".to_owned(), Input::Headers),
        ("q".to_owned(), Input::QueryKey("q")),
        ("query".to_owned(), Input::Query),
    ];
    let all = headers.chain(others);
    all.filter(|(_, input)| verifier.leaves_unsigned(input)).map(|(name, _)| name).collect()
}

const KEY: &str = "secret: a-key-that-is-long-enough-for-all";

#[test]
fn a_signature_over_the_body_leaves_all_the_rest_out() {
    let left = left_out(&format!("{{provider: github, {KEY}}}"), &["x-github-event", "x-hub-signature-256"]);
    assert_eq!(left, ["x-h", "x-github-event", "headers", "q", "query"]);
    assert_eq!(left_out(&format!("{{provider: netlify, {KEY}}}"), &[]), ["x-h", "headers", "q", "query"]);
}

#[test]
fn what_is_in_the_message_is_covered() {
    let own = |message: &str| {
        format!(
            "{{hmac: {{header: x-s, message: '{message}', timestamp: {{header: x-time}}}}, {KEY}, public_url: 'https://h'}}"
        )
    };
    let left = left_out(&own("${timestamp}${header:x-h}${url}"), &["x-time", "x-s"]);
    assert_eq!(left, ["headers"]);
    let slack = left_out(&format!("{{provider: slack, {KEY}}}"), &["x-slack-request-timestamp"]);
    assert_eq!(slack, ["x-h", "headers", "q", "query"]);
    let contentful = format!("{{provider: contentful, {KEY}}}");
    let left = left_out(&contentful, &["x-contentful-timestamp", "x-contentful-topic"]);
    assert_eq!(left, ["x-h", "x-contentful-topic", "headers"]);
}

#[test]
fn a_token_over_the_url_covers_the_query() {
    let upstash = format!("{{provider: upstash_qstash, {KEY}, public_url: 'https://h'}}");
    assert_eq!(left_out(&upstash, &["upstash-signature"]), ["x-h", "headers"]);
}

#[test]
fn a_credential_vouches_for_everything_and_an_address_for_nothing() {
    for yaml in ["none", "{bearer: b}", "{shared: {query: q}, secret: s}", "{ip: 10.0.0.0/8}"] {
        assert_eq!(left_out(yaml, &[]), [""; 0], "{yaml}");
    }
    assert_eq!(left_out(&format!("[{{provider: github, {KEY}}}, {{bearer: b}}]"), &[]), [""; 0]);
    let both = left_out(&format!("[{{provider: github, {KEY}}}, {{ip: 10.0.0.0/8}}]"), &[]);
    assert_eq!(both, ["x-h", "headers", "q", "query"]);
}
