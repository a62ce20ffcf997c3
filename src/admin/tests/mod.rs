mod asking;
mod streams;

use super::*;
use crate::diagnostic::Severity;
use crate::history::fixture::{delivery, event};
use crate::reload::Inputs;
use crate::server::listener::{self, Limits, Server};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct View {
    readiness: Arc<Mutex<Readiness>>,
    outcome: Option<ReloadOutcome>,
    metrics: Option<&'static str>,
    history: Arc<History>,
}

fn diagnostic(message: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "test",
        message: message.into(),
        file: "a.yaml".into(),
        line: 1,
        column: 2,
        pointer: String::new(),
        help: None,
        span: None,
        source: None,
        related: None,
    }
}

impl AdminView for View {
    fn readiness(&self) -> Readiness {
        *self.readiness.lock().unwrap()
    }
    fn status(&self) -> Status {
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        Status {
            generation: 3,
            digest: Inputs::default().digest(),
            loaded_at: time,
            warnings: vec![diagnostic("a warning")],
            last: self.outcome.clone().unwrap_or(ReloadOutcome::Applied { generation: 3 }),
            last_at: time,
        }
    }
    fn routes(&self) -> Value {
        json!({"version": 1, "routes": [{"name": "a", "targets": [{"name": "one"}, {"name": "two"}]}]})
    }
    fn history(&self) -> &Arc<History> {
        &self.history
    }
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
    fn handshakes(&self) -> Value {
        json!({"version": 1, "secrets": []})
    }
    fn metrics(&self, accept: &str) -> Option<Exposition> {
        let content_type = if accept.is_empty() { "text/plain" } else { "application/openmetrics-text" };
        self.metrics.map(|text| Exposition { content_type, text: text.to_owned() })
    }
    fn trace_url(&self) -> Option<Arc<str>> {
        Some("https://jaeger.example/trace/{trace_id}".into())
    }
    async fn explain(&self, asked: Asked) -> Result<Value, String> {
        asked.url.map(|url| json!({"path": url, "body": asked.body})).ok_or_else(|| "a path is missing".to_owned())
    }
    async fn test(&self, route: &str, target: &str, asked: Asked) -> Result<Value, String> {
        Ok(json!({"route": route, "target": target, "body": asked.body}))
    }
    async fn reload(&self) -> Option<ReloadOutcome> {
        self.outcome.clone()
    }
}

struct Running {
    address: SocketAddr,
    readiness: Arc<Mutex<Readiness>>,
    history: Arc<History>,
    server: Server,
}

/// The service on a real socket, as if it listened on `pretended`.
async fn start(pretended: &str, token: Option<&str>, outcome: Option<ReloadOutcome>) -> Running {
    start_within(Limits::default(), pretended, token, outcome).await
}

async fn start_within(limits: Limits, pretended: &str, token: Option<&str>, outcome: Option<ReloadOutcome>) -> Running {
    let bound = listener::bind("admin", "127.0.0.1:0").await.unwrap();
    let address = bound.listener.address;
    let readiness = Arc::new(Mutex::new(Readiness::Ready));
    let history = Arc::new(History::new(DateTime::UNIX_EPOCH));
    let view =
        View { readiness: Arc::clone(&readiness), outcome, metrics: Some("up 1\n"), history: Arc::clone(&history) };
    let admin = Admin::new(view, pretended.parse().unwrap(), token.map(Secret::new).as_ref()).unwrap();
    let server = listener::serve(vec![bound], limits, admin);
    Running { address, readiness, history, server }
}

impl Running {
    /// Status, head and body of the answer.
    async fn ask(&self, request: &str, headers: &[&str]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let host = if headers.contains("host:") { String::new() } else { format!("host: {}\r\n", self.address) };
        let text = format!("{request} HTTP/1.1\r\n{host}{headers}connection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), head.to_owned(), body.to_owned())
    }

    async fn status(&self, request: &str, headers: &[&str]) -> u16 {
        self.ask(request, headers).await.0
    }

    async fn post(&self, path: &str, headers: &[&str], body: &str) -> (u16, Value) {
        let length = format!("content-length: {}", body.len());
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let headers: String = headers.iter().chain([&&*length]).map(|header| format!("{header}\r\n")).collect();
        let text =
            format!("POST {path} HTTP/1.1\r\nhost: {}\r\n{headers}connection: close\r\n\r\n{body}", self.address);
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    async fn json(&self, request: &str) -> (u16, Value) {
        let (status, _, body) = self.ask(request, &[]).await;
        (status, serde_json::from_str(&body).unwrap())
    }
}

#[tokio::test]
async fn health_follows_the_process() {
    let running = start("127.0.0.1", None, None).await;
    assert_eq!(running.json("GET /livez").await, (200, json!({"status": "alive"})));
    for (readiness, status, word) in [
        (Readiness::Ready, 200, "ready"),
        (Readiness::Starting, 503, "starting"),
        (Readiness::Draining, 503, "draining"),
    ] {
        *running.readiness.lock().unwrap() = readiness;
        assert_eq!(running.json("GET /readyz").await, (status, json!({"status": word})));
        assert_eq!(running.status("GET /livez", &[]).await, 200);
    }
}

#[tokio::test]
async fn what_runs_is_told() {
    let running = start("127.0.0.1", None, None).await;
    let (status, config) = running.json("GET /config").await;
    assert_eq!((status, &config["generation"], &config["last_outcome"]), (200, &json!(3), &json!("applied")));
    assert_eq!((&config["loaded_at"], &config["version"]), (&json!("2026-01-02T03:04:05.000Z"), &json!(1)));
    assert_eq!(config["digest"].as_str().unwrap().len(), 64);
    assert_eq!(config["diagnostics"][0]["message"], "a warning");
    let (status, routes) = running.json("GET /routes").await;
    assert_eq!((status, &routes["routes"][0]["name"]), (200, &json!("a")));
    assert_eq!(running.ask("GET /metrics", &[]).await.2, "up 1\n");

    let outcome = ReloadOutcome::Rejected { generation: 3, diagnostics: vec![diagnostic("an error")].into() };
    let running = start("127.0.0.1", None, Some(outcome)).await;
    let (_, config) = running.json("GET /config").await;
    assert_eq!(
        (&config["last_outcome"], &config["diagnostics"][0]["message"]),
        (&json!("rejected"), &json!("an error"))
    );
}

#[tokio::test]
async fn a_reload_answers_with_what_came_of_it() {
    let outcomes = [
        (Some(ReloadOutcome::Applied { generation: 4 }), 200, "applied"),
        (Some(ReloadOutcome::Unchanged { generation: 3 }), 200, "unchanged"),
        (Some(ReloadOutcome::Rejected { generation: 3, diagnostics: vec![].into() }), 422, "rejected"),
        (Some(ReloadOutcome::Unsettled { generation: 3 }), 503, "unsettled"),
        (Some(ReloadOutcome::Crashed { generation: 3 }), 500, "crashed"),
    ];
    for (outcome, expected, word) in outcomes {
        let running = start("127.0.0.1", None, outcome).await;
        let (status, body) = running.json("POST /reload").await;
        assert_eq!((status, body["outcome"].as_str()), (expected, Some(word)));
    }
    let running = start("127.0.0.1", None, None).await;
    assert_eq!(running.status("POST /reload", &[]).await, 503);
}

#[tokio::test]
async fn unknown_pages_and_methods_are_problems_with_an_id() {
    let running = start("127.0.0.1", None, None).await;
    let (status, head, body) = running.ask("GET /nothing", &["x-request-id: mine"]).await;
    assert!(
        status == 404 && head.contains("application/problem+json") && head.contains("x-request-id: mine"),
        "{head}"
    );
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["request_id"], "mine");
    for (request, allow) in [("POST /config", "GET, HEAD"), ("GET /reload", "POST"), ("DELETE /livez", "GET, HEAD")] {
        let (status, head, _) = running.ask(request, &[]).await;
        assert!(status == 405 && head.contains(&format!("allow: {allow}")), "{head}");
    }
    let (status, _, body) = running.ask("HEAD /config", &[]).await;
    assert_eq!((status, body.as_str()), (200, ""));
    assert!(running.ask("GET /livez", &[]).await.1.contains("x-request-id: "));
}

#[tokio::test]
async fn the_token_opens_all_but_what_is_open_anyway() {
    for pretended in ["10.0.0.1", "127.0.0.1"] {
        let running = start(pretended, Some("letmein"), None).await;
        for open in ["/livez", "/readyz", "/metrics"] {
            assert_eq!(running.status(&format!("GET {open}"), &["host: any.example"]).await, 200);
        }
        for page in [
            "GET /config",
            "GET /routes",
            "GET /events",
            "GET /deliveries/stream",
            "POST /reload",
            "POST /explain",
            "POST /targets/a/b/test",
            "GET /openapi.json",
            "GET /nothing",
        ] {
            let wrong = [
                "",
                "authorization: Bearer letmeinn",
                "authorization: Bearer letmei",
                "authorization: Basic letmein",
                "authorization: letmein",
            ];
            for header in wrong.map(|header| if header.is_empty() { "x: y" } else { header }) {
                let (status, head, _) = running.ask(page, &[header]).await;
                assert!(status == 401 && head.contains("www-authenticate: Bearer"), "{page} {header} {head}");
            }
        }
        assert_eq!(running.status("GET /config", &["authorization: bearer letmein"]).await, 200);
    }
}

#[test]
fn off_loopback_there_must_be_a_token() {
    let token = Secret::new("t");
    for (address, token, fine) in [
        ("127.0.0.1", None, true),
        ("::1", None, true),
        ("::ffff:127.0.0.1", None, true),
        ("0.0.0.0", None, false),
        ("::", None, false),
        ("10.0.0.1", None, false),
        ("10.0.0.1", Some(&Secret::new("")), false),
        ("10.0.0.1", Some(&token), true),
    ] {
        assert_eq!(Guard::new(address.parse().unwrap(), token).is_ok(), fine, "{address}");
    }
}

#[tokio::test]
async fn no_web_page_reaches_a_loopback_listener() {
    let running = start("127.0.0.1", None, Some(ReloadOutcome::Applied { generation: 4 })).await;
    let port = running.address.port();
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:9901", "10.0.0.1"] {
        assert_eq!(running.status("GET /config", &[&format!("host: {host}")]).await, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "x@127.0.0.1.evil"] {
        assert_eq!(running.status("GET /config", &[&format!("host: {host}")]).await, 403, "{host}");
    }
    for site in ["cross-site", "same-site", "Same-Origin", ""] {
        assert_eq!(running.status("GET /config", &[&format!("sec-fetch-site: {site}")]).await, 403, "{site}");
    }
    for site in ["same-origin", "none"] {
        assert_eq!(running.status("GET /config", &[&format!("sec-fetch-site: {site}")]).await, 200, "{site}");
    }
    for origin in ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"] {
        assert_eq!(running.status("POST /reload", &[&format!("origin: {origin}")]).await, 403, "{origin}");
    }
    assert_eq!(running.status("POST /reload", &[&format!("origin: http://127.0.0.1:{port}")]).await, 200);
}

#[tokio::test]
async fn a_token_is_no_use_to_a_foreign_page_either() {
    let running = start("10.0.0.1", Some("letmein"), None).await;
    let token = "authorization: Bearer letmein";
    assert_eq!(running.status("GET /config", &[token, "sec-fetch-site: cross-site"]).await, 403);
    assert_eq!(running.status("GET /config", &[token, "sec-fetch-site: same-origin"]).await, 200);
}

#[tokio::test]
async fn browsers_are_told_to_do_nothing_with_an_answer() {
    let running = start("127.0.0.1", None, None).await;
    for page in ["GET /config", "GET /nothing", "POST /config", "GET /livez"] {
        let (_, head, _) = running.ask(page, &[]).await;
        for header in [
            "content-security-policy: default-src 'none'; frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
            "referrer-policy: no-referrer",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{page} has no {header}: {head}");
        }
        assert!(!head.contains("access-control"), "{head}");
    }
}

#[tokio::test]
async fn events_and_deliveries_are_listed_and_filtered() {
    let running = start("127.0.0.1", None, None).await;
    let time = DateTime::UNIX_EPOCH;
    running.history.delivery(delivery(time, "success"));
    running.history.delivery(delivery(time, "timeout"));
    running.history.event(event(time, "ignored"));
    let (status, listed) = running.json("GET /deliveries").await;
    assert_eq!(
        (status, listed["version"].as_u64(), &listed["last_id"]),
        (200, Some(1), &listed["deliveries"][0]["id"])
    );
    let first = &listed["deliveries"][0];
    assert_eq!(
        (&first["outcome"], &first["error"], &first["route"]),
        (&json!("timeout"), &json!("timeout"), &json!("route"))
    );
    assert_eq!(first["attempts"][0]["time"], "1970-01-01T00:00:00.000Z");
    let (_, listed) = running.json("GET /deliveries?outcome=success&limit=1").await;
    assert_eq!((listed["deliveries"].as_array().unwrap().len(), &listed["deliveries"][0]["error"]), (1, &json!("")));
    let (_, listed) = running.json("GET /events?text=path").await;
    assert_eq!(
        (&listed["events"][0]["outcome"], &listed["events"][0]["duration_ms"]),
        (&json!("ignored"), &json!(1.5))
    );
    let (status, problem) = running.json("GET /events?nonsense=1").await;
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("filters are"), "{problem}");
}

#[tokio::test]
async fn routes_carry_figures_of_their_targets() {
    let running = start("127.0.0.1", None, None).await;
    for outcome in ["success", "success", "success", "dns"] {
        let entry = delivery(DateTime::UNIX_EPOCH, outcome);
        running.history.delivery(crate::history::DeliveryEntry { route: "a".into(), target: "one".into(), ..entry });
    }
    let (_, routes) = running.json("GET /routes").await;
    let [one, two] = [0, 1].map(|target| routes["routes"][0]["targets"][target]["statistics"].clone());
    assert_eq!(two, Value::Null);
    assert_eq!((&one["sent"], &one["failed"], &one["success_share"]), (&json!(4), &json!(1), &json!(0.75)));
    assert_eq!(one["last_failure"], "1970-01-01T00:00:00.000Z");
    assert_eq!(
        (one["minutes"]["succeeded"].as_array().unwrap().len(), &one["minutes"]["succeeded"][59]),
        (60, &json!(3))
    );
}
