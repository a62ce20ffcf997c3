//! Tokens of an issuer of one's own.

use super::super::{Fetching, KeySource, Refusal, Unfetched, Verifier};
use super::{NOW, Sent, compile_in, post, verifier};
use crate::secret::Missing;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key, what the set says of it, and how it signs.
enum Own {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
}

impl Own {
    fn jwk(&self, id: &str) -> Value {
        match self {
            Own::Rsa(pair) => {
                // RSAPublicKey (RFC 8017, A.1.1) of 2048 bits: the modulus stands at 9, the exponent at the end.
                let der = pair.public_key().as_ref();
                json!({"kty": "RSA", "kid": id, "n": encoded(&der[9..265]), "e": encoded(&der[der.len() - 3..])})
            }
            Own::Ec(pair, curve) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "kid": id, "crv": curve, "x": encoded(x), "y": encoded(y)})
            }
            Own::Ed(pair) => json!({"kty": "OKP", "kid": id, "crv": "Ed25519", "x": encoded(pair.public_key())}),
        }
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Own::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                let padding: &'static dyn signature::RsaEncoding = match algorithm {
                    "RS256" => &signature::RSA_PKCS1_SHA256,
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    _ => &signature::RSA_PSS_SHA512,
                };
                pair.sign(padding, &random, message, &mut out).unwrap();
                out
            }
            Own::Ec(pair, _) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Own::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

struct Ring {
    rsa: Own,
    p256: Own,
    p384: Own,
    p521: Own,
    ed: Own,
}

static RING: LazyLock<Ring> = LazyLock::new(|| Ring {
    rsa: Own::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
    p256: Own::Ec(EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), "P-256"),
    p384: Own::Ec(EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap(), "P-384"),
    p521: Own::Ec(EcdsaKeyPair::generate(&signature::ECDSA_P521_SHA512_FIXED_SIGNING).unwrap(), "P-521"),
    ed: Own::Ed(Ed25519KeyPair::generate().unwrap()),
});

fn claims() -> Value {
    json!({"iss": "https://issuer.example", "aud": ["other", "us"], "exp": NOW + 300, "iat": NOW - 5, "nbf": NOW - 5})
}

fn token(key: &Own, head: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encoded(head.to_string()), encoded(claims.to_string()));
    let signature = key.sign(head["alg"].as_str().unwrap_or_default(), signed.as_bytes());
    format!("{signed}.{}", encoded(signature))
}

fn shown(token: &str) -> Sent {
    post("{}").header("authorization", format!("Bearer {token}"))
}

/// With the set written out.
fn held(keys: &[Value], more: &str) -> Verifier {
    let set = json!({"keys": keys}).to_string();
    verifier(&format!("{{jwt: {{jwks: '{set}', issuer: 'https://issuer.example', audience: us{more}}}}}"))
}

/// An issuer's host: its set may change, and it may be down.
struct Host {
    set: Mutex<Result<Bytes, Unfetched>>,
    asked: Mutex<Vec<Duration>>,
}

impl Host {
    fn with(keys: &[Value]) -> Host {
        Host { set: Mutex::new(Ok(json!({"keys": keys}).to_string().into())), asked: Mutex::default() }
    }

    fn asked(&self) -> usize {
        std::mem::take(&mut *self.asked.lock().unwrap()).len()
    }
}

/// Whatever is asked for is new: how long things are kept is the server's business.
impl KeySource for Host {
    fn fetch<'a>(&'a self, url: &'a str, max_age: Duration) -> Fetching<'a> {
        assert_eq!(url, "https://issuer.example/jwks");
        self.asked.lock().unwrap().push(max_age);
        Box::pin(std::future::ready(self.set.lock().unwrap().clone()))
    }

    fn visit<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        self.fetch(url, Duration::ZERO)
    }
}

const FETCHED: &str = "{jwt: {jwks: 'https://issuer.example/jwks', issuer: 'https://issuer.example', audience: us}}";

#[test]
fn every_algorithm_verifies_with_a_key_of_its_kind_alone() {
    let ring = &*RING;
    let keys = [("rsa", &ring.rsa), ("p256", &ring.p256), ("p384", &ring.p384), ("p521", &ring.p521), ("ed", &ring.ed)];
    let set: Vec<Value> = keys.iter().map(|(id, key)| key.jwk(id)).collect();
    let verifier = held(&set, "");
    let fits = |id: &str, alg: &str| match id {
        "rsa" => alg.starts_with("RS") || alg.starts_with("PS"),
        "p256" => alg == "ES256",
        "p384" => alg == "ES384",
        "p521" => alg == "ES512",
        _ => alg == "EdDSA",
    };
    for alg in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] {
        for (id, key) in keys {
            let token = token(key, &json!({"alg": alg, "kid": id}), &claims());
            let expected = if fits(id, alg) { Ok(None) } else { Err(Refusal::Mismatch) };
            assert_eq!(shown(&token).verify(&verifier), expected, "{alg} with {id}");
        }
    }
}

#[test]
fn neither_none_nor_a_keyed_hash_is_accepted() {
    let ring = &*RING;
    let set = ring.rsa.jwk("rsa");
    let verifier = held(std::slice::from_ref(&set), "");
    let unsigned = |alg: &str| {
        format!("{}.{}.", encoded(json!({"alg": alg, "kid": "rsa"}).to_string()), encoded(claims().to_string()))
    };
    for alg in ["none", "None", "NONE", "", "HS256", "RS256"] {
        assert!(shown(&unsigned(alg)).verify(&verifier).is_err(), "{alg}");
    }
    // The public key, which everybody has, as the secret of a keyed hash.
    for secret in [set["n"].as_str().unwrap().as_bytes().to_vec(), set.to_string().into_bytes()] {
        let head = encoded(json!({"alg": "HS256", "kid": "rsa"}).to_string());
        let signed = format!("{head}.{}", encoded(claims().to_string()));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
        let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
        assert_eq!(shown(&format!("{signed}.{}", encoded(tag))).verify(&verifier), Err(Refusal::Malformed));
    }
    // A key in the token itself, or one that is symmetric, is no key.
    let head = json!({"alg": "ES256", "jwk": ring.p256.jwk("x")});
    assert_eq!(shown(&token(&ring.p256, &head, &claims())).verify(&verifier), Err(Refusal::Mismatch));
    let (symmetric, findings) = compile_in(
        r#"{jwt: {jwks: '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', issuer: i, audience: a}}"#,
        Missing::Fails,
    );
    assert!(symmetric.is_none());
    assert_eq!((findings[0].code, findings[0].pointer.as_str()), ("verify-jwks", "/verify/jwt/jwks"));
}

#[test]
fn claims_must_be_right_and_times_within_the_tolerance() {
    let ring = &*RING;
    let verifier = held(&[ring.ed.jwk("ed")], "");
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        shown(&token(&ring.ed, &json!({"alg": "EdDSA", "kid": "ed"}), &claims)).verify(&verifier)
    };
    assert_eq!(with("aud", json!("us")), Ok(None));
    for (name, value, refusal) in [
        ("iss", json!("https://other.example"), Refusal::Mismatch),
        ("iss", json!(null), Refusal::Mismatch),
        ("aud", json!("them"), Refusal::Mismatch),
        ("aud", json!([]), Refusal::Mismatch),
        ("aud", json!({"us": 1}), Refusal::Mismatch),
        ("exp", json!(NOW - 60), Refusal::Stale),
        ("exp", json!("soon"), Refusal::BadTimestamp),
        ("exp", json!(1e300), Refusal::BadTimestamp),
        ("nbf", json!(NOW + 61), Refusal::Stale),
        ("iat", json!(NOW + 61), Refusal::Stale),
        ("iat", json!(-1e300), Refusal::BadTimestamp),
    ] {
        assert_eq!(with(name, value.clone()), Err(refusal), "{name}: {value}");
    }
    assert_eq!(with("exp", json!(NOW - 59)), Ok(None));
    assert_eq!(with("nbf", json!(NOW + 60)), Ok(None));
    let mut endless = claims();
    endless.as_object_mut().unwrap().remove("exp");
    let endless = token(&ring.ed, &json!({"alg": "EdDSA"}), &endless);
    assert_eq!(shown(&endless).verify(&verifier), Err(Refusal::BadTimestamp));
}

#[test]
fn algorithms_and_headers_can_be_narrowed() {
    let ring = &*RING;
    let narrow = held(&[ring.rsa.jwk("rsa")], ", algorithms: [PS256], header: X-Token");
    let shown = |alg: &str, name: &str, before: &str| {
        let token = token(&ring.rsa, &json!({"alg": alg, "kid": "rsa"}), &claims());
        post("{}").header(name, format!("{before}{token}")).verify(&narrow)
    };
    assert_eq!(shown("PS256", "x-token", ""), Ok(None));
    assert_eq!(shown("PS256", "x-token", "bearer "), Ok(None));
    assert_eq!(shown("RS256", "x-token", ""), Err(Refusal::Malformed));
    assert_eq!(shown("PS256", "authorization", "Bearer "), Err(Refusal::Missing));
    assert_eq!(narrow.credential_headers(), ["x-token"]);
    let mut own = ring.rsa.jwk("rsa");
    own["alg"] = json!("RS384");
    let by_set = held(&[own], "");
    let said = |alg: &str| super::issuer::shown(&token(&ring.rsa, &json!({"alg": alg}), &claims())).verify(&by_set);
    assert_eq!((said("RS384"), said("RS256")), (Ok(None), Err(Refusal::Mismatch)));
}

#[test]
fn a_set_is_asked_for_anew_where_it_lacks_the_key() {
    let ring = &*RING;
    let (verifier, host) = (verifier(FETCHED), Host::with(&[ring.ed.jwk("old")]));
    let with = |key: &Own, alg: &str, id: &str| {
        shown(&token(key, &json!({"alg": alg, "kid": id}), &claims())).verify_with(&verifier, NOW, &host)
    };
    assert_eq!(with(&ring.ed, "EdDSA", "old"), Ok(None));
    assert_eq!(host.asked(), 1);
    assert_eq!(with(&ring.p256, "ES256", "new"), Err(Refusal::Mismatch));
    assert_eq!(*host.asked.lock().unwrap(), [Duration::from_secs(3600), Duration::from_secs(30)]);
    host.asked();
    assert_eq!(with(&ring.p256, "ES256", "old"), Err(Refusal::Mismatch));
    assert_eq!(host.asked(), 1, "a wrong signature of a known key is no reason to ask");
    *host.set.lock().unwrap() = Ok(json!({"keys": [ring.p256.jwk("new")]}).to_string().into());
    assert_eq!(with(&ring.p256, "ES256", "new"), Ok(None));
    assert_eq!(with(&ring.ed, "EdDSA", "old"), Err(Refusal::Mismatch), "a withdrawn key is none");
}

#[test]
fn while_the_set_cannot_be_fetched_nothing_is_accepted() {
    let ring = &*RING;
    let (verifier, host) = (verifier(FETCHED), Host::with(&[]));
    let good = shown(&token(&ring.ed, &json!({"alg": "EdDSA", "kid": "ed"}), &claims()));
    for broken in [Err(Unfetched), Ok(Bytes::from_static(b"<html>")), Ok(Bytes::from_static(b"{}"))] {
        *host.set.lock().unwrap() = broken;
        assert_eq!(good.clone().verify_with(&verifier, NOW, &host), Err(Refusal::KeyUnavailable));
    }
    host.asked();
    // Nothing is fetched for what no key could make right.
    assert_eq!(shown("a.b").verify_with(&verifier, NOW, &host), Err(Refusal::Malformed));
    assert_eq!(post("{}").verify_with(&verifier, NOW, &host), Err(Refusal::Missing));
    assert_eq!(host.asked(), 0);
}

#[test]
fn nothing_is_fetched_for_whom_another_check_refuses() {
    let (list, host) = (
        verifier(&format!("[{{bearer: b}}, {}]", FETCHED.replace("audience: us", "audience: us, header: x-t"))),
        Host::with(&[]),
    );
    let token = token(&RING.ed, &json!({"alg": "EdDSA"}), &claims());
    assert_eq!(post("").header("x-t", &token).verify_with(&list, NOW, &host), Err(Refusal::Missing));
    assert_eq!(host.asked(), 0);
    let either = verifier(&format!(
        "{{any: [{}, {{bearer: b}}]}}",
        FETCHED.replace("audience: us", "audience: us, header: x-t")
    ));
    let both = post("").header("x-t", &token).header("authorization", "Bearer b");
    assert_eq!(both.verify_with(&either, NOW, &host), Ok(Some(0)));
    assert_eq!(host.asked(), 0, "the other alternative is enough");
    *host.set.lock().unwrap() = Err(Unfetched);
    let one = post("").header("x-t", &token).header("authorization", "Bearer wrong");
    assert_eq!(one.verify_with(&either, NOW, &host), Err(Refusal::KeyUnavailable));
}

#[test]
fn mistakes_are_told_where_they_are() {
    for (jwt, code, pointer) in [
        ("{jwks: 'http://issuer.example/jwks', issuer: i, audience: a}", "verify-jwks", "/verify/jwt/jwks"),
        ("{jwks: 'https://u:p@issuer.example/', issuer: i, audience: a}", "verify-jwks", "/verify/jwt/jwks"),
        ("{jwks: gone.json, issuer: i, audience: a}", "verify-jwks", "/verify/jwt/jwks"),
        ("{jwks: '{}', issuer: i, audience: a}", "verify-jwks", "/verify/jwt/jwks"),
        ("{jwks: 'https://i/', issuer: '', audience: a}", "verify-jwt", "/verify/jwt/issuer"),
        ("{jwks: 'https://i/', issuer: i, audience: []}", "verify-jwt", "/verify/jwt/audience"),
        ("{jwks: 'https://i/', issuer: i, audience: [a, '']}", "verify-jwt", "/verify/jwt/audience/1"),
        ("{jwks: 'https://i/', issuer: i, audience: a, algorithms: []}", "verify-jwt", "/verify/jwt/algorithms"),
        ("{jwks: 'https://i/', issuer: i, audience: a, header: 'x y'}", "verify-header", "/verify/jwt/header"),
    ] {
        let (verifier, findings) = compile_in(&format!("{{jwt: {jwt}}}"), Missing::Fails);
        assert!(verifier.is_none(), "{jwt}");
        assert_eq!((findings[0].code, findings[0].pointer.as_str()), (code, pointer), "{findings:?}");
    }
    let (local, findings) =
        compile_in("{jwt: {jwks: 'http://127.0.0.1:9/k', issuer: i, audience: a}, tolerance: 1m}", Missing::Fails);
    assert!(local.is_some() && findings.is_empty(), "{findings:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    /// Nothing that was not signed passes, and nothing panics.
    #[test]
    fn no_token_that_was_changed_passes(position in 0..400_usize, byte in 0x21_u8..0x7f, cut in any::<bool>()) {
        static GOOD: LazyLock<(String, Verifier)> = LazyLock::new(|| {
            (token(&RING.ed, &json!({"alg": "EdDSA", "kid": "ed"}), &claims()), held(&[RING.ed.jwk("ed")], ""))
        });
        let (good, verifier) = &*GOOD;
        let mut bytes = good.clone().into_bytes();
        let position = position % bytes.len();
        if cut { bytes.truncate(position) } else { bytes[position] = byte }
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(shown(&changed).verify(verifier).is_ok(), changed == *good);
    }
}
