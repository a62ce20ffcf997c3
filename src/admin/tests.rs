use super::*;
use crate::diagnostic::Severity;
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
        json!([{"name": "a"}])
    }
    fn handshakes(&self) -> Value {
        json!({"secrets": []})
    }
    fn metrics(&self, accept: &str) -> Option<Exposition> {
        let content_type = if accept.is_empty() { "text/plain" } else { "application/openmetrics-text" };
        self.metrics.map(|text| Exposition { content_type, text: text.to_owned() })
    }
    async fn reload(&self) -> Option<ReloadOutcome> {
        self.outcome.clone()
    }
}

struct Running {
    address: SocketAddr,
    readiness: Arc<Mutex<Readiness>>,
    _server: Server,
}

/// The service on a real socket, as if it listened on `pretended`.
async fn start(pretended: &str, token: Option<&str>, outcome: Option<ReloadOutcome>) -> Running {
    let bound = listener::bind("admin", "127.0.0.1:0").await.unwrap();
    let address = bound.listener.address;
    let readiness = Arc::new(Mutex::new(Readiness::Ready));
    let view = View { readiness: Arc::clone(&readiness), outcome, metrics: Some("up 1\n") };
    let admin = Admin::new(view, pretended.parse().unwrap(), token.map(Secret::new).as_ref()).unwrap();
    let server = listener::serve(vec![bound], Limits::default(), admin);
    Running { address, readiness, _server: server }
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
    assert_eq!(running.json("GET /routes").await, (200, json!([{"name": "a"}])));
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
        for page in ["GET /config", "GET /routes", "POST /reload", "GET /nothing"] {
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
    for origin in ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"] {
        assert_eq!(running.status("POST /reload", &[&format!("origin: {origin}")]).await, 403, "{origin}");
    }
    assert_eq!(running.status("POST /reload", &[&format!("origin: http://127.0.0.1:{port}")]).await, 200);
}
