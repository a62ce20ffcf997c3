use super::super::Refusal;
use super::{compile_in, post, verifier};
use crate::secret::Missing;
use std::time::Duration;

#[test]
fn github_signs_as_its_documentation_shows() {
    let github = verifier("{provider: github, secret: \"It's a Secret to Everybody\"}");
    let value = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(post("Hello, World!").header("x-hub-signature-256", value).verify(&github), Ok(Some(0)));
    assert_eq!(post("Hello, World?").header("x-hub-signature-256", value).verify(&github), Err(Refusal::Mismatch));
    let bare = value.trim_start_matches("sha256=");
    assert_eq!(post("Hello, World!").header("x-hub-signature-256", bare).verify(&github), Err(Refusal::Malformed));
    assert!(github.credential_headers().is_empty());
    assert_eq!(github.describe(), "github");
}

#[test]
fn the_older_signature_of_github_is_not_looked_at() {
    let github = verifier("{provider: github, secret: key}");
    let sha1 = verifier("{hmac: {header: X-Hub-Signature, prefix: 'sha1=', algorithm: sha1}, secret: key}");
    assert_eq!(post("body").signed(&sha1).verify(&github), Err(Refusal::Missing));
}

#[test]
fn the_table_says_how_a_sender_behaves() {
    let github = verifier("{provider: github, secret: s}");
    let provider = github.provider().unwrap();
    assert_eq!(provider.deadline(), Some(Duration::from_secs(8)));
    assert_eq!(provider.retries, Some(false));
    assert!(provider.delivery_id.is_some());
    assert!(verifier("{bearer: b}").provider().is_none());
}

#[test]
fn telegram_shows_its_token() {
    let telegram = verifier("{provider: telegram, secret: A1b2-C3d4_E5f6}");
    let header = "X-Telegram-Bot-Api-Secret-Token";
    assert_eq!(post("{}").header(header, "A1b2-C3d4_E5f6").verify(&telegram), Ok(Some(0)));
    assert_eq!(post("{}").header(header, "a1b2-C3d4_E5f6").verify(&telegram), Err(Refusal::Mismatch));
    assert_eq!(telegram.credential_headers(), ["x-telegram-bot-api-secret-token"]);
}

#[test]
fn the_prefix_of_getcourse_may_be_missing() {
    let (getcourse, _) = compile_in("{provider: getcourse, secret: Jefe}", Missing::Fails);
    let getcourse = getcourse.unwrap();
    let value = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    for shown in [value.to_owned(), format!("sha256={value}")] {
        let sent = post("what do ya want for nothing?").header("x-getcourse-signature", &shown);
        assert_eq!(sent.verify(&getcourse), Ok(Some(0)));
    }
    let wrong = post("what do ya want for nothing?").header("x-getcourse-signature", format!("sha1={value}"));
    assert_eq!(wrong.verify(&getcourse), Err(Refusal::Mismatch));
}
