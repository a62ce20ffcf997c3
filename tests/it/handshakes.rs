//! Requests by which providers make sure that an address is ours, and the literal answers that they want.

use crate::harness::{Answer, Request, Router, Target};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::Path;

#[derive(Deserialize)]
struct Vector {
    id: String,
    provider: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body_base64: String,
    config: Map<String, Value>,
    reply: Reply,
}

#[derive(Deserialize)]
struct Reply {
    status: u16,
    headers: Map<String, Value>,
    body_text: Option<String>,
    body_json: Option<Value>,
}

/// From the collection beside the repository where it is there, and those of them that are committed where it is not.
fn vectors() -> Vec<Vector> {
    let shared = std::env::var_os("HOOKSWITCH_SHARED").unwrap_or_else(|| "../shared".into());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(shared).join("providers/handshakes.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_else(|_| include_str!("handshakes.jsonl").to_owned());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Vector {
    /// The check that a user would write. The signed moments of the vectors are in the past.
    fn check(&self) -> Value {
        let mut check = json!({"provider": self.provider});
        for (name, value) in &self.config {
            match name.as_str() {
                "url_note" | "public_key_base64" | "merchant_id" => {}
                "client_state" => check["secret"] = value.clone(),
                "public_key_hex" => check["public_key"] = value.clone(),
                name => check[name] = value.clone(),
            }
        }
        if check.get("secret").is_none() && check.get("public_key").is_none() {
            check["secret"] = json!("example-secret");
        }
        if self.headers.iter().any(|(name, _)| name.to_ascii_lowercase().ends_with("timestamp")) {
            check["tolerance"] = json!("1000000h");
        }
        check
    }

    fn request(&self, path: &str) -> Request {
        let query = self.url.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
        // The vector says nothing of how its events are verified; this provider shows a parameter of the URL.
        let query = if self.provider == "azure_event_grid" { "?code=example-secret".to_owned() } else { query };
        let request = Request::new(&self.method, &format!("{path}{query}"));
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(&STANDARD.decode(&self.body_base64).unwrap())
    }
}

#[test]
fn handshakes_are_answered_as_providers_want() {
    let target = Target::ok();
    let known =
        String::from_utf8(crate::harness::hookswitch(Path::new("."), &["routes", "--providers"]).stdout).unwrap();
    let known: Vec<&str> = known.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let (vectors, unknown): (Vec<_>, Vec<_>) =
        vectors().into_iter().partition(|vector| known.contains(&vector.provider.as_str()));
    println!("not in the table: {:?}", unknown.iter().map(|vector| vector.id.as_str()).collect::<Vec<_>>());
    assert!(vectors.len() >= 10);
    let route = |(position, vector): (usize, &Vector)| {
        let check = vector.check();
        let (path, url) = (format!("/{position}"), target.url("/"));
        json!({"name": format!("r-{position}"), "match": {"path": path}, "verify": check, "target": {"url": url}})
            .to_string()
    };
    let routes: Vec<String> = vectors.iter().enumerate().map(route).collect();
    let router = Router::start(&[("routes.d/all.yaml", &routes.join("\n---\n"))]);
    for (position, vector) in vectors.iter().enumerate() {
        let response = router.send(vector.request(&format!("/{position}")));
        assert_eq!(response.status, vector.reply.status, "{}: {}", vector.id, response.text());
        for (name, value) in &vector.reply.headers {
            let found = response.header(name).unwrap_or_default();
            assert!(found.contains(value.as_str().unwrap()), "{} {name}: {found}", vector.id);
        }
        if let Some(text) = &vector.reply.body_text {
            assert_eq!(response.text(), *text, "{}", vector.id);
        }
        if let Some(json) = &vector.reply.body_json {
            assert_eq!(response.json(), *json, "{}", vector.id);
        }
    }
    // An event with a literal answer is among them.
    let events = vectors.iter().filter(|vector| vector.provider == "robokassa").count();
    assert_eq!(target.all().len(), events, "a handshake goes nowhere");
}

fn route(verify: &str, target: &Target) -> String {
    format!("match: {{path: /a}}\nverify: {verify}\ntarget: {{url: '{}'}}\n", target.url("/"))
}

fn start(verify: &str, target: &Target) -> Router {
    Router::start(&[("routes.d/a.yaml", &route(verify, target))])
}

#[test]
fn a_method_of_a_handshake_passes_for_the_handshake_alone() {
    let target = Target::ok();
    let mut router = start("{provider: meta, secret: example-secret, verify_token: right}", &target);
    let get = |query: &str| router.send(Request::new("GET", &format!("/a?{query}")));
    let right = get("hub.mode=subscribe&hub.challenge=%3Cb%3E&hub.verify_token=right");
    assert_eq!((right.status, right.text().as_str()), (200, "<b>"));
    assert_eq!(right.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(right.header("x-content-type-options"), Some("nosniff"));
    for wrong in [
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=right",
        "hub.mode=subscribe&hub.challenge=1&hub.challenge=2&hub.verify_token=right",
        "",
    ] {
        let response = get(wrong);
        assert_eq!((response.status, response.header("allow")), (405, Some("POST")), "{wrong}");
    }
    let long = format!("hub.mode=subscribe&hub.verify_token=right&hub.challenge={}", "x".repeat(5000));
    assert_eq!(get(&long).status, 405);
    assert_eq!(router.send(Request::new("DELETE", "/a")).status, 405);
    let line = router.wait_for(|line| line["outcome"] == "handshake");
    assert_eq!((&line["status"], &line["route"]), (&json!(200), &Value::Null));
    let silent = start("{provider: meta, secret: example-secret}", &target);
    assert_eq!(silent.send(Request::new("GET", "/a?hub.mode=subscribe&hub.challenge=1&hub.verify_token=")).status, 405);
    assert!(target.all().is_empty());
}

#[test]
fn a_handshake_that_is_signed_is_verified_first() {
    let router = start("{provider: slack, secret: example-secret}", &Target::ok());
    let body = r#"{"type":"url_verification","challenge":"c"}"#;
    let forged =
        Request::post("/a").json(body).header("x-slack-signature", "v0=00").header("x-slack-request-timestamp", "1");
    assert_eq!(router.send(forged).status, 401);
    assert_eq!(router.send(Request::post("/a").json(body)).status, 401);
}

/// What X has hashed for its challenge is hashed with the key of its signatures.
#[test]
fn a_challenge_cannot_be_an_event_to_be_signed() {
    let router = start("{provider: twitter, secret: example-secret}", &Target::ok());
    let ask = |token: &str| router.send(Request::new("GET", &format!("/a?crc_token={token}"))).status;
    assert_eq!(ask("OWRlYjhkYWQtYTg1Nw=="), 200);
    for event in ["%7B%22a%22:1%7D", "[1]", "a=1", "%22text%22", "a%0Ab", "1.a", "", "=="] {
        assert_eq!(ask(event), 405, "{event}");
    }
}

#[test]
fn a_secret_that_the_sender_gives_is_echoed_and_not_logged() {
    let target = Target::ok();
    let process = ("hookswitch.yaml", "log: {level: debug, payloads: true}\n");
    let mut router = Router::start(&[process, ("routes.d/a.yaml", &route("{provider: asana}", &target))]);
    let given = "b537207f20cbfa02357cf448134da559";
    let response = router.send(Request::post("/a").header("x-hook-secret", given));
    assert_eq!((response.status, response.header("x-hook-secret")), (200, Some(given)));
    let line = router.wait_for(|line| line["message"] == "sender gave its secret");
    assert_eq!(line["level"], "warn");
    assert_eq!(line["fingerprint"], "6f0b4fc99f42");
    let listed = &router.ask_admin(Request::new("GET", "/handshakes")).json()["secrets"][0];
    assert_eq!((&listed["secret"], &listed["path"]), (&json!(given), &json!("/a")));
    assert_eq!((&listed["fingerprint"], &listed["request_id"]), (&line["fingerprint"], &line["request_id"]));
    router.wait_for(|line| line["outcome"] == "handshake");
    let event = Request::post("/a").json("{}");
    assert_eq!(
        router.send(event.clone().header("x-hook-signature", "00")).status,
        401,
        "nothing passes without a secret"
    );
    assert_eq!(router.send(event.header("x-hook-signature", "00").header("x-hook-secret", given)).status, 401);
    router.signal("TERM");
    let (_, lines) = router.wait();
    assert!(lines.iter().all(|line| !line.contains(given)), "{lines:?}");
    assert!(target.all().is_empty());
}

#[test]
fn the_ping_of_a_new_webhook_passes_whatever_bodies_the_route_accepts() {
    let target = Target::ok();
    let route =
        format!("{}body: {{accept: [json]}}\n", route("{provider: woocommerce, secret: example-secret}", &target));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!(router.send(Request::post("/a").form("webhook_id=7")).status, 200);
    assert_eq!(router.send(Request::post("/a").form("webhook_id=7").header("x-wc-webhook-signature", "x")).status, 415);
    assert!(target.all().is_empty());
}

#[test]
fn a_literal_reply_is_the_answer_unless_the_route_gives_one() {
    let target = Target::new(|_, seen| Answer::status(if seen.text().contains("bad") { 400 } else { 200 }));
    let when = |text: &str| text.replace("{path: /a}", "{path: /a, when: body.type != 'unwanted'}");
    let vk = when(&route("{provider: vk, secret: s, confirmation: c, group_id: 1}", &target));
    let own = format!("{}respond: {{on: delivered, body: {{fine: true}}}}\n", vk.replace("/a,", "/b,"));
    let router = Router::start(&[("routes.d/a.yaml", &vk), ("routes.d/b.yaml", &own)]);
    let send = |path: &str, kind: &str| {
        let response = router.send(Request::post(path).json(&format!(r#"{{"type":"{kind}","secret":"s"}}"#)));
        (response.status, response.text())
    };
    assert_eq!(send("/a", "message_new"), (200, "ok".to_owned()));
    assert_eq!(send("/a", "unwanted"), (200, "ok".to_owned()));
    assert_eq!(send("/a", "bad").0, 502, "only a yes has a literal form");
    assert_eq!(send("/b", "message_new"), (200, r#"{"fine":true}"#.to_owned()));
    assert_eq!(send("/b", "unwanted"), (200, "ok".to_owned()));
}

#[test]
fn a_literal_reply_may_repeat_a_field_of_the_event() {
    let target = Target::ok();
    let process = "providers:\n  acme: {verify: {header: X-Acme}, reply: {text: 'OK{form:InvId}'}}\n";
    let router = Router::start(&[
        ("hookswitch.yaml", process),
        ("routes.d/a.yaml", &route("{provider: acme, secret: example-secret}", &target)),
    ]);
    let send = |form: &str| router.send(Request::post("/a").form(form).header("x-acme", "example-secret")).text();
    assert_eq!(send("InvId=450009"), "OK450009");
    assert_eq!(send("Other=1"), r#"{"status":"delivered"}"#);
}

#[test]
fn a_given_secret_is_not_in_a_logged_payload_whatever_it_is_called() {
    let process = "log: {payloads: true}\nproviders:\n  acme:\n    verify: {signature: {header: X-Acme}}\n    handshake: {when: {'json:/offer': '*'}, gives: json:/offer, reply: {}}\n";
    let route = ("routes.d/a.yaml", &*route("{provider: acme}", &Target::ok()));
    let mut router = Router::start(&[("hookswitch.yaml", process), route]);
    assert_eq!(router.send(Request::post("/a").json(r#"{"offer":"b537207f20cb"}"#)).status, 200);
    let line = router.wait_for(|line| line["outcome"] == "handshake");
    assert!(!line.to_string().contains("b537207f20cb"), "{line}");
}
