use super::super::Refusal;
use super::{NOW, Sent, post, verifier};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// SHA-256 of `body`.
const BODY: &str = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5";

fn token(header: &Value, claims: &Value, algorithm: hmac::Algorithm, key: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let tag = hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn netlify(claims: &Value) -> Sent {
    let token = token(&json!({"alg": "HS256", "typ": "JWT"}), claims, hmac::HMAC_SHA256, "key");
    post("body").header("x-webhook-signature", token)
}

const NETLIFY: &str = "{provider: netlify, secret: [other, key]}";

#[test]
fn a_token_is_bound_to_the_body() {
    let verifier = verifier(NETLIFY);
    let good = json!({"iss": "netlify", "sha256": BODY});
    assert_eq!(netlify(&good).verify(&verifier), Ok(Some(1)));
    let mut other = netlify(&good);
    other.body = "Body".into();
    assert_eq!(other.verify(&verifier), Err(Refusal::Mismatch));
    assert_eq!(netlify(&json!({"iss": "netlify"})).verify(&verifier), Err(Refusal::Missing));
    assert_eq!(netlify(&json!({"iss": "netlify", "sha256": 5})).verify(&verifier), Err(Refusal::Missing));
    assert_eq!(netlify(&json!({"iss": "Netlify", "sha256": BODY})).verify(&verifier), Err(Refusal::Mismatch));
    assert_eq!(netlify(&json!({"sha256": BODY})).verify(&verifier), Err(Refusal::Mismatch));
    assert_eq!(post("body").verify(&verifier), Err(Refusal::Missing));
    assert!(verifier.credential_headers().is_empty());
}

#[test]
fn times_are_checked_with_a_minute_of_leeway() {
    let verifier = verifier(NETLIFY);
    let with = |name: &str, value: Value| {
        let mut claims = json!({"iss": "netlify", "sha256": BODY});
        claims[name] = value;
        netlify(&claims).verify(&verifier)
    };
    assert_eq!(with("exp", json!(NOW - 59)), Ok(Some(1)));
    assert_eq!(with("exp", json!(NOW - 60)), Err(Refusal::Stale));
    assert_eq!(with("nbf", json!(NOW + 60)), Ok(Some(1)));
    assert_eq!(with("nbf", json!(NOW + 61)), Err(Refusal::Stale));
    assert_eq!(with("iat", json!(NOW + 61)), Err(Refusal::Stale));
    assert_eq!(with("exp", json!(1_767_225_601.5)), Ok(Some(1)));
    for wrong in [json!("soon"), json!(null), json!(1e300), json!(-1.5), json!({})] {
        assert_eq!(with("exp", wrong.clone()), Err(Refusal::BadTimestamp), "{wrong}");
    }
}

#[test]
fn the_token_cannot_choose_how_it_is_verified() {
    let verifier = verifier(NETLIFY);
    let claims = json!({"iss": "netlify", "sha256": BODY});
    let with = |header: Value, algorithm| {
        let token = token(&header, &claims, algorithm, "key");
        post("body").header("x-webhook-signature", token).verify(&verifier)
    };
    assert_eq!(with(json!({"alg": "HS256"}), hmac::HMAC_SHA256), Ok(Some(1)));
    assert_eq!(with(json!({"alg": "HS256", "crit": ["exp"]}), hmac::HMAC_SHA256), Err(Refusal::Malformed));
    for alg in [json!("none"), json!("None"), json!("hs256"), json!("HS384"), json!(null), json!(["HS256"])] {
        assert_eq!(with(json!({"alg": alg}), hmac::HMAC_SHA256), Err(Refusal::Malformed), "{alg}");
    }
    assert_eq!(with(json!({"alg": "HS256"}), hmac::HMAC_SHA512), Err(Refusal::Mismatch));
}

#[test]
fn what_is_no_token_is_malformed() {
    let verifier = verifier(NETLIFY);
    let good = netlify(&json!({"iss": "netlify", "sha256": BODY}));
    let text = good.request.headers["x-webhook-signature"].to_str().unwrap().to_owned();
    let unsigned = text.rsplit_once('.').unwrap().0;
    let padded = format!("{text}====");
    for wrong in ["", ".", "..", "...", "abc.def", "a.b.c", &text[1..], unsigned, &format!("{unsigned}."), &padded] {
        let judged = post("body").header("x-webhook-signature", wrong).verify(&verifier);
        assert!(judged.is_err(), "{wrong}");
    }
    let twice = good.header("x-webhook-signature", &text);
    assert_eq!(twice.verify(&verifier), Err(Refusal::Repeated));
}

#[test]
fn a_token_in_authorization_is_a_credential() {
    let livekit = verifier("{provider: livekit, secret: key, api_key: API1}");
    assert_eq!(livekit.credential_headers(), ["authorization"]);
}

#[test]
fn a_token_may_be_bound_to_the_url() {
    let bird = verifier("{provider: messagebird, secret: key, public_url: 'https://hooks.example.com'}");
    let url = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"https://hooks.example.com/hook?a=1");
    let url = super::super::signature::encoding::hex(url.as_ref());
    let claims = |body: Option<&str>| {
        let mut claims = json!({"iss": "MessageBird", "url_hash": url});
        if let Some(body) = body {
            claims["payload_hash"] = json!(body);
        }
        token(&json!({"alg": "HS512"}), &claims, hmac::HMAC_SHA512, "key")
    };
    let with = |body: &str, token: String| post(body).query("a=1").header("messagebird-signature-jwt", token);
    assert_eq!(with("", claims(None)).verify(&bird), Ok(Some(0)));
    assert_eq!(with("body", claims(None)).verify(&bird), Err(Refusal::Missing));
    assert_eq!(with("body", claims(Some(BODY))).verify(&bird), Ok(Some(0)));
    assert_eq!(with("", claims(Some(BODY))).verify(&bird), Err(Refusal::Mismatch));
    assert_eq!(with("", claims(None)).query("a=2").verify(&bird), Err(Refusal::Mismatch));
}
