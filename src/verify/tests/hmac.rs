use super::super::Refusal;
use super::{NOW, post, verifier};

/// RFC 4231, test case 2: key "Jefe", data "what do ya want for nothing?".
const JEFE: &str = "what do ya want for nothing?";

#[test]
fn every_algorithm_gives_the_published_value() {
    let values = [
        ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ("sha384", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"),
        (
            "sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd\
             caeab1a34d4a6b4b636e070a38bce737",
        ),
    ];
    for (algorithm, value) in values {
        let hmac = verifier(&format!("{{hmac: {{header: X-Sig, algorithm: {algorithm}}}, secret: Jefe}}"));
        assert_eq!(post(JEFE).header("x-sig", value).verify(&hmac), Ok(Some(0)), "{algorithm}");
        assert_eq!(post("what do ya want").header("x-sig", value).verify(&hmac), Err(Refusal::Mismatch));
    }
}

#[test]
fn an_encoding_has_one_spelling() {
    let base64 = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
    let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let with = |encoding: &str, value: &str| {
        let hmac = verifier(&format!("{{hmac: {{header: X-Sig, encoding: {encoding}}}, secret: Jefe}}"));
        post(JEFE).header("x-sig", value).verify(&hmac).is_ok()
    };
    assert!(with("hex", hex));
    assert!(!with("hex", &hex.to_uppercase()));
    assert!(with("hex-any-case", &hex.to_uppercase()));
    assert!(with("hex-any-case", hex));
    assert!(with("base64", base64));
    assert!(!with("base64", base64.trim_end_matches('=')));
    assert!(!with("base64", &format!("{base64}=")));
    assert!(!with("hex", base64));
    let url = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM";
    assert!(with("base64url", url));
    assert!(with("base64url", &format!("{url}=")));
    assert!(!with("base64url", &format!("{url}==")));
}

#[test]
fn the_url_alphabet_is_not_the_other_one() {
    let url = verifier("{hmac: {header: X-Sig, encoding: base64url, algorithm: sha1}, secret: key}");
    let plain = verifier("{hmac: {header: X-Sig, encoding: base64, algorithm: sha1}, secret: key}");
    let body = (0..100).map(|number| number.to_string()).find(|body| {
        let signed = post(body).signed(&plain);
        signed.request.headers["x-sig"].to_str().unwrap().contains(['+', '/'])
    });
    let body = body.unwrap();
    let signed = post(&body).signed(&plain);
    assert_eq!(signed.clone().verify(&plain), Ok(Some(0)));
    assert_eq!(signed.verify(&url), Err(Refusal::Mismatch));
    assert_eq!(post(&body).signed(&url).verify(&url), Ok(Some(0)));
}

#[test]
fn a_prefix_is_required_as_it_stands() {
    let hmac = verifier("{hmac: {header: X-GetCourse-Signature, prefix: 'sha256='}, secret: Jefe}");
    let value = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let with = |value: &str| post(JEFE).header("X-GetCourse-Signature", value).verify(&hmac);
    assert_eq!(with(&format!("sha256={value}")), Ok(Some(0)));
    assert_eq!(with(value), Err(Refusal::Malformed));
    assert_eq!(with(&format!("SHA256={value}")), Err(Refusal::Malformed));
    assert_eq!(with(&format!("sha256= {value}")), Err(Refusal::Mismatch));
    assert_eq!(with("sha256="), Err(Refusal::Malformed));
}

#[test]
fn nothing_malformed_passes() {
    let hmac = verifier("{hmac: {header: X-Sig}, secret: key}");
    let value = super::super::signature::encoding::hex(&[0; 32]);
    for wrong in ["", " ", "zz", &value, &value[1..], "\u{e9}\u{e9}", &"a".repeat(9000)] {
        assert!(post("body").header("x-sig", wrong).verify(&hmac).is_err(), "{wrong:?}");
    }
    assert!(post("body").header("x-sig", b"\xff\xfe\xfd").verify(&hmac).is_err());
    assert_eq!(post("body").verify(&hmac), Err(Refusal::Missing));
    let good = post("body").signed(&hmac);
    let twice = good.clone().header("x-sig", good.request.headers["x-sig"].as_bytes());
    assert_eq!(twice.verify(&hmac), Err(Refusal::Repeated));
}

#[test]
fn any_of_several_secrets_matches_and_says_which() {
    let old = verifier("{hmac: {header: X-Sig}, secret: old}");
    let both = verifier("{hmac: {header: X-Sig}, secret: [new, {value: old, until: 2026-01-01T00:00:01Z}]}");
    let signed = post("body").signed(&old);
    assert_eq!(signed.clone().verify(&both), Ok(Some(1)));
    assert_eq!(signed.verify_at(&both, NOW + 1), Err(Refusal::Mismatch));
    assert_eq!(post("body").signed(&both).verify(&both), Ok(Some(0)));
}

const TIMED: &str =
    "{hmac: {header: X-Sig, message: '${timestamp}.${text}', timestamp: {header: X-Time}}, secret: key}";

#[test]
fn a_signed_timestamp_is_near_now() {
    let timed = verifier(TIMED);
    let signed = post("body").signed(&timed);
    for age in [-300, -1, 0, 1, 300] {
        assert_eq!(signed.clone().verify_at(&timed, NOW + age), Ok(Some(0)), "{age}");
    }
    for age in [-301, 301, 86_400] {
        assert_eq!(signed.clone().verify_at(&timed, NOW + age), Err(Refusal::Stale), "{age}");
    }
}

#[test]
fn a_timestamp_is_part_of_what_is_signed() {
    let timed = verifier(TIMED);
    let mut signed = post("body").signed(&timed);
    signed.request.headers.insert("x-time", "1767225601".parse().unwrap());
    assert_eq!(signed.clone().verify(&timed), Err(Refusal::Mismatch));
    signed.request.headers.remove("x-time");
    assert_eq!(signed.verify(&timed), Err(Refusal::BadTimestamp));
}

#[test]
fn text_that_is_no_moment_is_refused_although_it_is_signed() {
    let timed = verifier(TIMED);
    let plain = verifier("{hmac: {header: X-Sig, message: '${header:X-Time}.${text}'}, secret: key}");
    for text in ["", "NaN", "abc", "-5", "+1767225600", "1767225600.0", "17672256000000000000", "2026-13-01T00:00:00Z"]
    {
        let signed = post("body").header("x-time", text).signed(&plain);
        assert_eq!(signed.clone().verify(&plain), Ok(Some(0)), "{text:?}");
        assert_eq!(signed.verify(&timed), Err(Refusal::BadTimestamp), "{text:?}");
    }
    for text in ["1767225600", "1767225600000", "2026-01-01T03:00:00+03:00", "2026-01-01T00:00:00.123Z"] {
        let signed = post("body").header("x-time", text).signed(&plain);
        assert_eq!(signed.verify(&timed), Ok(Some(0)), "{text:?}");
    }
}

#[test]
fn the_tolerance_may_be_written_in_either_place() {
    let inner = verifier(&TIMED.replace("X-Time}", "X-Time, tolerance: 10s}"));
    let outer = verifier(&TIMED.replace("secret:", "tolerance: 10s, secret:"));
    for timed in [inner, outer] {
        let signed = post("body").signed(&timed);
        assert_eq!(signed.clone().verify_at(&timed, NOW + 10), Ok(Some(0)));
        assert_eq!(signed.verify_at(&timed, NOW + 11), Err(Refusal::Stale));
    }
}

#[test]
fn a_message_names_headers_method_and_url() {
    let message = "'${method} ${url}\n${header:X-Id}\n$${text}${text}'";
    let hmac = verifier(&format!("{{hmac: {{header: X-Sig, message: {message}}}, secret: key}}"));
    let plain = verifier("{hmac: {header: X-Sig}, secret: key}");
    let whole = "POST https://hooks.example.com/in/hook?b=2&a=%20 7 ${text}body";
    let signature = post(whole).signed(&plain).request.headers["x-sig"].clone();
    let request = post("body").query("b=2&a=%20").header("x-id", "7").header("x-sig", signature.as_bytes());
    assert!(hmac.signs_url());
    assert_eq!(request.clone().verify(&hmac), Err(Refusal::NoPublicUrl));
    let public = request.public_url("https://hooks.example.com/in/");
    assert_eq!(public.clone().verify(&hmac), Ok(Some(0)));
    assert_eq!(public.clone().query("b=2&a=+").verify(&hmac), Err(Refusal::Mismatch));
    assert_eq!(public.clone().header("x-id", "7").verify(&hmac), Err(Refusal::Repeated));
    let mut without = public;
    without.request.headers.remove("x-id");
    assert_eq!(without.verify(&hmac), Err(Refusal::Missing));
}

#[test]
fn the_check_s_own_public_url_wins() {
    let message = "{hmac: {header: X-Sig, message: '${url}'}, public_url: 'https://a.example', secret: key}";
    let own = verifier(message);
    assert!(!own.signs_url());
    let signed = post("").signed(&own);
    assert_eq!(signed.clone().public_url("https://b.example").verify(&own), Ok(Some(0)));
    assert_eq!(signed.verify(&own), Ok(Some(0)));
}

#[test]
fn a_signature_is_no_credential() {
    let hmac = verifier("{hmac: {header: X-Sig}, secret: key}");
    assert!(hmac.credential_headers().is_empty());
    assert!(hmac.credential_query().is_empty());
    assert_eq!(hmac.describe(), "hmac");
}
