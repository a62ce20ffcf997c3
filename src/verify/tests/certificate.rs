//! Senders whose key stands in a certificate that their requests name.

use super::super::{Fetching, KeySource, Refusal, Unfetched};
use super::{Sent, post, verifier};
use bytes::Bytes;
use serde_json::Value;
use std::sync::Mutex;
use std::time::Duration;

/// Holds one document, and notes what it is asked for.
struct Host {
    document: Result<Bytes, Unfetched>,
    asked: Mutex<Vec<String>>,
}

impl Host {
    fn with(document: &str) -> Host {
        Host { document: Ok(Bytes::copy_from_slice(document.as_bytes())), asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl KeySource for Host {
    fn fetch<'a>(&'a self, url: &'a str, _max_age: Duration) -> Fetching<'a> {
        self.asked.lock().unwrap().push(url.to_owned());
        Box::pin(std::future::ready(self.document.clone()))
    }

    fn visit<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        self.fetch(url, Duration::ZERO)
    }
}

fn fact(provider: &str) -> Value {
    let lines = include_str!("facts.jsonl").lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.into_iter().find(|fact| fact["provider"] == provider).unwrap()
}

fn sent(fact: &Value, body: &str) -> Sent {
    let headers = fact["headers"].as_object().unwrap().iter();
    headers.fold(post(body), |sent, (name, value)| sent.header(name, value.as_str().unwrap()))
}

fn body(fact: &Value) -> &str {
    fact["body"].as_str().unwrap()
}

#[test]
fn the_certificate_is_asked_for_where_the_request_says() {
    let fact = fact("aws_sns");
    let (sns, now) = (verifier("{provider: aws_sns}"), fact["at"].as_i64().unwrap());
    let host = Host::with(fact["check"]["cert_pem"].as_str().unwrap());
    assert_eq!(sent(&fact, body(&fact)).verify_with(&sns, now, &host), Ok(Some(0)));
    assert_eq!(host.asked(), [fact["check"]["cert_url"].as_str().unwrap()]);
}

#[test]
fn without_the_certificate_nothing_is_accepted() {
    let fact = fact("aws_sns");
    let (sns, now) = (verifier("{provider: aws_sns}"), fact["at"].as_i64().unwrap());
    let gone = Host { document: Err(Unfetched), asked: Mutex::default() };
    assert_eq!(sent(&fact, body(&fact)).verify_with(&sns, now, &gone), Err(Refusal::KeyUnavailable));
    let other = Host::with("<html>try later</html>");
    assert_eq!(sent(&fact, body(&fact)).verify_with(&sns, now, &other), Err(Refusal::KeyUnavailable));
}

#[test]
fn a_certificate_out_of_its_time_does_not_count() {
    let fact = fact("aws_sns");
    let sns = verifier("{provider: aws_sns, tolerance: 200000h}");
    let host = Host::with(fact["check"]["cert_pem"].as_str().unwrap());
    // It is one of 2025 to 2035.
    for (now, judged) in [
        (2_051_222_399, Ok(Some(0))),
        (2_051_222_401, Err(Refusal::Certificate)),
        (1_735_689_599, Err(Refusal::Certificate)),
    ] {
        assert_eq!(sent(&fact, body(&fact)).verify_with(&sns, now, &host), judged, "{now}");
    }
}

#[test]
fn other_hosts_are_never_asked() {
    let fact = fact("aws_sns");
    let (sns, now) = (verifier("{provider: aws_sns}"), fact["at"].as_i64().unwrap());
    let host = Host::with(fact["check"]["cert_pem"].as_str().unwrap());
    let right = fact["check"]["cert_url"].as_str().unwrap();
    for wrong in [
        "http://sns.us-west-2.amazonaws.com/a.pem",
        "https://sns.us-west-2.amazonaws.com.evil.example/a.pem",
        "https://sns.s3-us-west-2.amazonaws.com/a.pem",
        "https://evil.example/sns.us-west-2.amazonaws.com/a.pem",
        "https://sns.us-west-2.amazonaws.com@evil.example/a.pem",
        "https://sns.us-west-2.amazonaws.com:8443/a.pem",
        "https://sns.us-west-2.amazonaws.com/a.pem?x=.pem",
        "https://sns.us-west-2.amazonaws.com/../a.pem",
        "https://sns.us-west-2.amazonaws.com/a.pem\\n",
        "https://sns.us-west-2.amazonaws.com/a.crt",
        "",
    ] {
        let body = body(&fact).replace(right, wrong);
        assert_eq!(sent(&fact, &body).verify_with(&sns, now, &host), Err(Refusal::Malformed), "{wrong}");
    }
    let paypal_fact = self::fact("paypal");
    let paypal = verifier("{provider: paypal, webhook_id: W1}");
    for wrong in [
        "https://api.paypal.com.evil.example/v1/notifications/certs/A",
        "https://www.paypal.com/v1/notifications/certs/A",
    ] {
        let mut sent = sent(&paypal_fact, body(&paypal_fact));
        sent.request.headers.insert("paypal-cert-url", wrong.parse().unwrap());
        assert_eq!(sent.verify_with(&paypal, now, &host), Err(Refusal::Malformed), "{wrong}");
    }
    assert!(host.asked().is_empty());
}

#[test]
fn a_pinned_certificate_is_not_fetched() {
    let fact = fact("paypal");
    let check = fact["check"].as_object().unwrap().iter().map(|(name, value)| format!("{name}: {value}"));
    let paypal = verifier(&format!("{{provider: paypal, {}}}", check.collect::<Vec<_>>().join(", ")));
    let host = Host { document: Err(Unfetched), asked: Mutex::default() };
    let now = fact["at"].as_i64().unwrap();
    assert_eq!(sent(&fact, body(&fact)).verify_with(&paypal, now, &host), Ok(Some(0)));
    assert!(host.asked().is_empty());
}

/// What is not in the list of a type of message is not signed, and must not slip in where the list has room for it.
#[test]
fn nothing_can_be_added_to_what_is_signed() {
    let fact = fact("aws_sns");
    let (sns, now) = (verifier("{provider: aws_sns}"), fact["at"].as_i64().unwrap());
    let host = Host::with(fact["check"]["cert_pem"].as_str().unwrap());
    assert!(body(&fact).contains("\"Notification\""));
    for (from, to) in [
        ("{", r#"{"Subject":"new","#),
        ("{", r#"{"SubscribeURL":"u","Token":"t","Subject":"new","#),
        ("\"Notification\"", "\"SubscriptionConfirmation\""),
    ] {
        let mut altered = body(&fact).replacen(from, to, 1);
        if let Some(at) = altered.find("\"Subject\":\"hi\",") {
            altered.replace_range(at..at + "\"Subject\":\"hi\",".len(), "");
        }
        assert_eq!(sent(&fact, &altered).verify_with(&sns, now, &host), Err(Refusal::Mismatch), "{altered}");
    }
}

/// Of a key of our own: a message of the type by which a subscription is to be confirmed, and the certificate.
fn subscription(topic: &str, url: &str) -> (String, String) {
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["sns.amazonaws.com".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let time = super::at(super::NOW).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let signed = format!(
        "Message\nm\nMessageId\n1\nSubscribeURL\n{url}\nTimestamp\n{time}\nToken\nt0\nTopicArn\n{topic}\nType\nSubscriptionConfirmation\n"
    );
    let pair = RsaKeyPair::from_pkcs8(&key.serialize_der()).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = aws_lc_rs::rand::SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
    let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature);
    let body = serde_json::json!({
        "Type": "SubscriptionConfirmation", "MessageId": "1", "Token": "t0", "TopicArn": topic, "Message": "m",
        "SubscribeURL": url, "Timestamp": time, "SignatureVersion": "2", "Signature": signature,
        "SigningCertURL": "https://sns.us-west-2.amazonaws.com/a.pem",
    });
    (body.to_string(), certificate.pem())
}

#[test]
fn the_subscription_of_the_topic_that_is_named_is_confirmed_and_no_other() {
    const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:MyTopic";
    const URL: &str = "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-west-2:123456789012:MyTopic&Token=2336";
    let greeted = |check: &str, topic: &str, url: &str| {
        let (body, pem) = subscription(topic, url);
        let (sns, host) = (verifier(&format!("{{provider: aws_sns{check}}}")), Host::with(&pem));
        let received = post(&body).received();
        assert!(sns.greet(&received).is_none(), "it is signed");
        let passed = futures_util::FutureExt::now_or_never(sns.verify(received, super::at(super::NOW), &host)).unwrap();
        passed.map(|passed| sns.greet_verified(&passed.verified).map(|greeting| greeting.visit))
    };
    let named = format!(", topic_arn: '{TOPIC}'");
    assert_eq!(greeted(&named, TOPIC, URL).ok(), Some(Some(Some(URL.to_owned()))));
    assert_eq!(greeted("", TOPIC, URL).ok(), Some(None), "whose topic it is was not said");
    assert_eq!(greeted(&named, "arn:aws:sns:us-west-2:666666666666:Theirs", URL).err(), Some(Refusal::Mismatch));
    for url in [
        "https://sns.us-west-2.amazonaws.com.evil.example/?Action=ConfirmSubscription&Token=1",
        "https://sns.us-west-2.amazonaws.com/?Action=DeleteTopic&Token=1",
        "http://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=1",
        "https://sns.us-west-2.amazonaws.com@evil.example/?Action=ConfirmSubscription&Token=1",
    ] {
        assert_eq!(greeted(&named, TOPIC, url).ok(), Some(None), "{url}");
    }
}
