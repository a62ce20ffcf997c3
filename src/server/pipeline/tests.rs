use super::*;
use crate::app::FolderLoader;
use crate::clock::Clock;
use crate::config::folder::Folder;
use crate::reload::Live;
use crate::server::admission::Admission;
use crate::server::arrival::Inbound;
use crate::server::client_address::TrustedProxies;
use crate::server::gateway::{Outgoing, Parts};
use crate::server::rate_limits::Counting;
use crate::telemetry::metrics::Metrics;
use crate::verify::{Fetching, KeySource, Unfetched};
use std::sync::Mutex;

/// Notes what it is asked to visit.
struct Host {
    answer: Result<Bytes, Unfetched>,
    visited: Arc<Mutex<Vec<String>>>,
}

impl KeySource for Host {
    fn fetch<'a>(&'a self, _url: &'a str, _max_age: Duration) -> Fetching<'a> {
        Box::pin(std::future::ready(Err(Unfetched)))
    }

    fn visit<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        self.visited.lock().unwrap().push(url.to_owned());
        Box::pin(std::future::ready(self.answer.clone()))
    }
}

const PROVIDER: &str = "providers: {acme: {verify: {header: x-key}, handshake: {signed: true, when: {'json:/type': confirm}, \
                        visits: {url: 'json:/url', matches: 'https://acme\\.example/[a-z]+'}, reply: {}}}}\n";
const ROUTE: &str = "match: {path: /a}\nverify: {provider: acme, secret: s}\ntarget: {url: 'http://127.0.0.1:9/'}\n";

/// Status of the answer, and what was visited.
async fn asked(answer: Result<Bytes, Unfetched>, key: &str, body: &str) -> (u16, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    std::fs::write(folder.path().join("hookswitch.yaml"), PROVIDER).unwrap();
    std::fs::write(folder.path().join("routes.d/a.yaml"), ROUTE).unwrap();
    let loader = FolderLoader::new(Folder::find(Some(folder.path())), false, Clock::System, Metrics::default());
    let live = Live::fixed(loader.load().value.ok().unwrap(), Clock::System);
    let visited = Arc::default();
    let parts = Parts {
        outgoing: Outgoing::Withheld,
        keys: Box::new(Host { answer, visited: Arc::clone(&visited) }),
        trust: Trust::Verify,
        counting: Counting::Off,
        admission: Admission::new(1, 1 << 20),
        accepted: Admission::new(1, 1 << 20),
        body_timeout: Duration::from_secs(30),
        clock: Clock::System,
        log: None,
        metrics: Metrics::default(),
    };
    let gateway = Arc::new(Gateway::new(live.clone(), parts));
    let request = http::Request::post("/a").header("host", "h").header("x-key", key).body(()).unwrap();
    let (head, ()) = request.into_parts();
    let inbound = Inbound::plain([192, 0, 2, 1].into(), None);
    let arrival = Arrival::new(head, inbound, &TrustedProxies::default(), Clock::System, None).ok().unwrap();
    let recorder = Recorder::keeping(&arrival);
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let answer = super::answer(&gateway, &live.load(), &recorder, arrival, body).await;
    let visited = visited.lock().unwrap().clone();
    (answer.status().as_u16(), visited)
}

#[tokio::test]
async fn a_confirmation_is_visited_before_it_is_answered() {
    let confirm = r#"{"type":"confirm","url":"https://acme.example/yes"}"#;
    let visited = vec!["https://acme.example/yes".to_owned()];
    assert_eq!(asked(Ok(Bytes::new()), "s", confirm).await, (200, visited.clone()));
    assert_eq!(asked(Err(Unfetched), "s", confirm).await, (502, visited));
    assert_eq!(asked(Ok(Bytes::new()), "wrong", confirm).await, (401, vec![]), "only for whom it is");
}

#[tokio::test]
async fn nothing_else_is_visited() {
    for url in [
        "https://acme.example.evil/yes",
        "http://acme.example/yes",
        "https://acme.example/yes?x",
        "https://evil/https://acme.example/yes",
    ] {
        let body = format!(r#"{{"type":"confirm","url":"{url}"}}"#);
        assert_eq!(asked(Ok(Bytes::new()), "s", &body).await, (200, vec![]), "{url}: an event like any other");
    }
}
