use super::super::{NoKeys, Refusal};
use super::{NOW, post, verifier};
use futures_util::FutureExt;

#[test]
fn none_lets_anyone_in() {
    let anyone = verifier("none");
    assert!(anyone.is_none());
    assert_eq!(anyone.describe(), "none");
    assert_eq!(post("x").verify(&anyone), Ok(None));
}

#[test]
fn a_shared_header_is_compared_whole() {
    let shared = verifier("{shared: {header: X-Token}, secret: abc}");
    assert_eq!(post("").header("x-token", "abc").verify(&shared), Ok(Some(0)));
    for wrong in ["abcd", "ab", "ABC", " abc", "abc ", "", "abc, abc"] {
        assert_eq!(post("").header("x-token", wrong).verify(&shared), Err(Refusal::Mismatch), "{wrong:?}");
    }
    assert_eq!(post("").verify(&shared), Err(Refusal::Missing));
    let twice = post("").header("x-token", "abc").header("x-token", "abc");
    assert_eq!(twice.verify(&shared), Err(Refusal::Repeated));
    assert_eq!(shared.credential_headers(), ["x-token"]);
    assert_eq!(shared.describe(), "shared");
}

#[test]
fn a_shared_header_may_hold_any_bytes() {
    let shared = verifier("{shared: {header: X-Token}, secret: ключ}");
    assert_eq!(post("").header("x-token", "ключ").verify(&shared), Ok(Some(0)));
    assert_eq!(post("").header("x-token", b"\xff\xfe").verify(&shared), Err(Refusal::Mismatch));
    assert_eq!(post("").header("x-token", "a".repeat(9000)).verify(&shared), Err(Refusal::Malformed));
}

#[test]
fn a_shared_parameter_is_decoded_once_and_stands_alone() {
    let shared = verifier("{shared: {query: token}, secret: 'a b&c'}");
    assert_eq!(post("").query("x=1&token=a%20b%26c").verify(&shared), Ok(Some(0)));
    assert_eq!(post("").query("token=a+b%26c").verify(&shared), Ok(Some(0)));
    assert_eq!(post("").query("token=a%2520b%26c").verify(&shared), Err(Refusal::Mismatch));
    assert_eq!(post("").query("Token=a%20b%26c").verify(&shared), Err(Refusal::Missing));
    assert_eq!(post("").query("token=a%20b%26c&token=z").verify(&shared), Err(Refusal::Repeated));
    assert_eq!(post("token=a%20b%26c").verify(&shared), Err(Refusal::Missing));
    assert_eq!(shared.credential_query(), ["token"]);
    assert!(shared.credential_headers().is_empty());
}

#[test]
fn basic_is_read_as_rfc_7617_says() {
    let basic = verifier("{basic: {username: Aladdin, password: 'open sesame'}}");
    let with = |value: &str| post("").header("authorization", value).verify(&basic);
    assert_eq!(with("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), Ok(Some(0)));
    assert_eq!(with("basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), Ok(Some(0)));
    assert_eq!(with("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ"), Err(Refusal::Malformed));
    assert_eq!(with("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, x"), Err(Refusal::Malformed));
    assert_eq!(with("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), Err(Refusal::Malformed));
    assert_eq!(with("Basic"), Err(Refusal::Malformed));
    assert_eq!(with("Basic QWxhZGRpbjo="), Err(Refusal::Mismatch));
    assert_eq!(post("").verify(&basic), Err(Refusal::Missing));
    assert_eq!(basic.credential_headers(), ["authorization"]);
}

#[test]
fn basic_passwords_may_hold_colons() {
    let basic = verifier("{basic: {username: u, password: 'a:b'}}");
    assert_eq!(post("").header("authorization", "Basic dTphOmI=").verify(&basic), Ok(Some(0)));
}

#[test]
fn bearer_takes_the_token_and_nothing_around_it() {
    let bearer = verifier("{bearer: tok.en}");
    let with = |value: &str| post("").header("authorization", value).verify(&bearer);
    assert_eq!(with("Bearer tok.en"), Ok(Some(0)));
    assert_eq!(with("bearer tok.en"), Ok(Some(0)));
    assert_eq!(with("tok.en"), Err(Refusal::Malformed));
    assert_eq!(with("Bearer "), Err(Refusal::Malformed));
    assert_eq!(with("Bearer TOK.EN"), Err(Refusal::Mismatch));
    assert_eq!(with("Bearer tok.en "), Err(Refusal::Mismatch));
    assert_eq!(with("Bearer \u{e9}"), Err(Refusal::Malformed));
    assert_eq!(bearer.credential_headers(), ["authorization"]);
}

#[test]
fn secrets_come_from_the_environment() {
    let bearer = verifier("{bearer: 'v1-${env:SECRET}'}");
    assert_eq!(post("").header("authorization", "Bearer v1-from-env").verify(&bearer), Ok(Some(0)));
}

#[test]
fn the_position_of_the_secret_that_matched_is_told() {
    let rotated =
        verifier("{shared: {header: x-token}, secret: [new, old, {value: gone, until: 2026-01-01T00:00:00Z}]}");
    let with = |value: &str, now: i64| post("").header("x-token", value).verify_at(&rotated, now);
    assert_eq!(with("new", NOW), Ok(Some(0)));
    assert_eq!(with("old", NOW), Ok(Some(1)));
    assert_eq!(with("gone", NOW - 1), Ok(Some(2)));
    assert_eq!(with("gone", NOW), Err(Refusal::Mismatch));
    assert_eq!(rotated.expiries().len(), 1);
    assert_eq!(rotated.expiries()[0].0, 2);
}

#[test]
fn every_check_of_a_list_must_pass() {
    let both = verifier("[{shared: {query: k}, secret: a}, {bearer: b}]");
    assert_eq!(both.describe(), "shared + bearer");
    assert_eq!(post("").query("k=a").header("authorization", "Bearer b").verify(&both), Ok(Some(0)));
    assert_eq!(post("").query("k=a").verify(&both), Err(Refusal::Missing));
    assert_eq!(post("").header("authorization", "Bearer b").verify(&both), Err(Refusal::Missing));
    assert_eq!(post("").query("k=a").header("authorization", "Bearer c").verify(&both), Err(Refusal::Mismatch));
}

#[test]
fn a_listed_credential_is_named_once() {
    let twice = verifier("[{bearer: b}, {basic: {username: u, password: p}}, {shared: {header: X-A}, secret: s}]");
    assert_eq!(twice.credential_headers(), ["authorization", "x-a"]);
}

#[test]
fn what_passed_is_what_came() {
    let bearer = verifier("{bearer: b}");
    let sent = post("exact \u{0} bytes").header("authorization", "Bearer b").received();
    let passed = bearer.verify(sent, super::at(NOW), &NoKeys).now_or_never().unwrap();
    assert_eq!(&passed.ok().unwrap().verified.body()[..], b"exact \0 bytes");
}

#[test]
fn addresses_are_checked_in_either_notation() {
    let ip = verifier("{ip: [192.0.2.0/24, '2001:db8::/32', 198.51.100.7]}");
    let from = |address: &str| {
        let mut sent = post("");
        sent.request.client_ip = address.parse().unwrap();
        sent.verify(&ip)
    };
    for allowed in ["192.0.2.255", "::ffff:192.0.2.1", "2001:db8:1::1", "198.51.100.7"] {
        assert_eq!(from(allowed), Ok(None), "{allowed}");
    }
    for refused in ["192.0.3.0", "::ffff:192.0.3.1", "2001:db9::1", "198.51.100.8", "::192.0.2.1"] {
        assert_eq!(from(refused), Err(Refusal::Address), "{refused}");
    }
    assert_eq!(ip.describe(), "ip");
}
