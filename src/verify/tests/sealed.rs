//! Bodies that are encrypted as a whole.

use super::super::{NoKeys, Refusal};
use super::{NOW, Sent, at, post, verifier};
use crate::document::Document;
use aws_lc_rs::cipher::{AES_256, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;

/// As Lark sends it: a member with base64 of the vector and the blocks.
fn sealed(secret: &str, plain: &str) -> String {
    let key = UnboundCipherKey::new(&AES_256, digest(&SHA256, secret.as_bytes()).as_ref()).unwrap();
    let mut blocks = plain.as_bytes().to_vec();
    let context = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap().encrypt(&mut blocks).unwrap();
    let vector: &[u8] = (&context).try_into().unwrap();
    format!(r#"{{"encrypt":"{}"}}"#, STANDARD.encode([vector, &blocks].concat()))
}

fn signed(secret: &str, body: &str) -> Sent {
    post(body).header("x-lark-request-nonce", "n").signed(&verifier(&format!("{{provider: lark, secret: {secret}}}")))
}

#[test]
fn the_event_is_what_is_inside() {
    let both = verifier("{provider: lark, secret: [new, old]}");
    let plain = r#"{"schema":"2.0","event":{"text":"héllo"}}"#;
    for body in [sealed("old", plain), plain.to_owned()] {
        let received = signed("old", &body).received();
        let passed = both.verify(received, at(NOW), &NoKeys).now_or_never().unwrap().ok().unwrap();
        assert_eq!((passed.verified.body().as_ref(), passed.matched), (plain.as_bytes(), vec![1]));
    }
}

#[test]
fn what_cannot_be_opened_or_is_not_signed_is_refused() {
    let lark = verifier("{provider: lark, secret: s}");
    let body = sealed("s", "{}");
    assert_eq!(post(&body).verify(&lark), Err(Refusal::Missing));
    assert_eq!(signed("other", &body).verify(&lark), Err(Refusal::Mismatch));
    let other = sealed("other", r#"{"a":1}"#);
    let none = sealed("s", "no event");
    for wrong in [other.as_str(), none.as_str(), r#"{"encrypt":"AAAA"}"#, r#"{"encrypt":"?"}"#] {
        assert_eq!(signed("s", wrong).verify(&lark), Err(Refusal::Malformed), "{wrong}");
    }
}

#[test]
fn a_handshake_may_be_sealed_and_comes_without_a_signature() {
    let lark = verifier("{provider: lark, secret: s}");
    let ask = |body: String| lark.greet(&post(&body).received()).map(|greeting| greeting.answer.into_body());
    let challenge = r#"{"type":"url_verification","challenge":"c1","token":"t"}"#;
    let answer = ask(sealed("s", challenge)).unwrap();
    assert_eq!(Document::parse(answer).unwrap().root().get("challenge").unwrap().as_str(), Some("c1"));
    assert!(ask(challenge.to_owned()).is_some());
    assert_eq!(ask(sealed("other", challenge)), None);
    assert_eq!(ask(sealed("s", r#"{"type":"event"}"#)), None, "nothing else is told what is inside");
}
