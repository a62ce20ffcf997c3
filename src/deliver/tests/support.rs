//! Events, targets and servers for tests.

use crate::body::Parsed;
use crate::config::spec::{ProcessSpec, SignSpec, TargetSpec};
use crate::deliver::{Lasting, NotBuilt, Outbound, SignSecret, Signer, Signers, States, Target, TargetContext};
use crate::diagnostic::{At, Findings};
use crate::document::Document;
use crate::egress::Egress;
use crate::event::{Event, RequestInfo};
use crate::expr::{Environment, Scope};
use crate::secret::{Missing, References};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(in crate::deliver) fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

pub(in crate::deliver) fn request(pairs: &[(&'static str, &'static str)]) -> RequestInfo {
    RequestInfo {
        id: Arc::from("req-1"),
        method: http::Method::POST,
        path: "/hooks".to_owned(),
        query: None,
        host: "hooks.example.com".to_owned(),
        scheme: "https",
        headers: headers(pairs),
        time: chrono::DateTime::UNIX_EPOCH,
        client_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)),
        params: Vec::new(),
        public_url: None,
    }
}

/// An event with a JSON body and the headers a sender would give it.
pub(in crate::deliver) fn event(pairs: &[(&'static str, &'static str)], body: &str) -> Event {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let parsed = Document::parse(bytes.clone()).ok().map(|body| Parsed { text: bytes.clone(), body });
    Event { request: Arc::new(request(pairs)), bytes, parsed, element: None }
}

/// Knows no scheme: those are described where they are verified.
struct Unsigning;

impl Signers for Unsigning {
    fn compile(&self, _: &SignSpec, _: SignSecret<'_>, at: &At<'_>) -> Option<Arc<dyn Signer>> {
        at.error("sign-kind", "there are no schemes here", None);
        None
    }
}

/// What surrounds a target while it is compiled.
#[derive(Default)]
pub(in crate::deliver) struct Surroundings {
    /// hookswitch.yaml, for `targets`, `transforms` and `defaults`.
    pub(in crate::deliver) process: ProcessSpec,
    pub(in crate::deliver) states: States,
    pub(in crate::deliver) route_transform: Option<crate::config::spec::TransformSpec>,
    pub(in crate::deliver) credentials: Vec<HeaderName>,
    pub(in crate::deliver) credential_query: Vec<String>,
    pub(in crate::deliver) offline: bool,
    pub(in crate::deliver) is_dead_letter: bool,
    pub(in crate::deliver) egress: Arc<Egress>,
}

impl Surroundings {
    pub(in crate::deliver) fn process(yaml: &str) -> Surroundings {
        Surroundings { process: serde_yaml::from_str(yaml).unwrap(), ..Surroundings::default() }
    }

    /// The target, or `code pointer` of every mistake. hookswitch.yaml is document 1.
    pub(in crate::deliver) fn compile(&self, yaml: &str) -> Result<Target, Vec<String>> {
        let spec: TargetSpec = serde_yaml::from_str(yaml).unwrap();
        let findings = Findings::default();
        let missing = if self.offline { Missing::StandsForItself } else { Missing::Fails };
        let references = References::with_lookup(Path::new("."), missing, |name| match name {
            "TOKEN" => Some("example-token".into()),
            "BOT" => Some("42:example".into()),
            "BASE" => Some("http://base.example.com/v1".into()),
            "EMPTY" => Some("".into()),
            "LINES" => Some("one\ntwo".into()),
            _ => None,
        });
        let context = TargetContext {
            environment: Environment::default(),
            shared_targets: &self.process.targets,
            shared_transforms: &self.process.transforms,
            route_transform: self.route_transform.as_ref(),
            defaults: self.process.defaults.as_ref(),
            process_at: Some(At::document(&findings, &references, 1)),
            chosen: None,
            credential_headers: &self.credentials,
            credential_query: &self.credential_query,
            retry_delay: Duration::from_millis(2500),
            is_dead_letter: self.is_dead_letter,
            route: "orders",
            states: &self.states,
            egress: &self.egress,
            lasting: &Lasting::default(),
            signers: &Unsigning,
        };
        let target = Target::compile(&spec, 0, &context, &At::document(&findings, &references, 0));
        let found = findings.into_inner().into_iter();
        let found: Vec<String> = found
            .map(|finding| match finding.document {
                0 => format!("{} {}", finding.code, finding.pointer),
                document => format!("{} {document}:{}", finding.code, finding.pointer),
            })
            .collect();
        match target {
            Some(target) => {
                assert!(found.is_empty(), "{found:?}");
                Ok(target)
            }
            None => Err(found),
        }
    }
}

/// A target that must compile.
pub(in crate::deliver) fn target(yaml: &str) -> Target {
    Surroundings::default().compile(yaml).unwrap()
}

/// The request of a target of the route `orders`.
pub(in crate::deliver) fn prepare(target: &Target, event: &Event) -> Result<Outbound, NotBuilt> {
    let tables = Document::null();
    let scope = Scope {
        event,
        route: "orders",
        vars: &[],
        answers: &[],
        answer: None,
        tables: &tables,
        uuid: || "00000000-0000-4000-8000-000000000000".to_owned(),
    };
    target.prepare(scope, event, &event.request.id)
}

/// A server on loopback that does to each connection what a test says, and keeps what it was sent.
pub(in crate::deliver) struct Server {
    pub(in crate::deliver) address: std::net::SocketAddr,
    seen: Arc<Mutex<Seen>>,
    accepting: tokio::task::AbortHandle,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<Vec<u8>>,
}

/// One accepted connection.
pub(in crate::deliver) struct Connection {
    pub(in crate::deliver) stream: TcpStream,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub(in crate::deliver) async fn start<F>(handle: impl Fn(Connection) -> F + Send + 'static) -> Server
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(handle(Connection { stream, seen: Arc::clone(&shared) }));
            }
        });
        Server { address, seen, accepting: accepting.abort_handle() }
    }

    /// Answers request n with `answers[n]`, the last one for ever after; keeps connections alive.
    pub(in crate::deliver) async fn answering(answers: &'static [&'static str]) -> Server {
        let next = Arc::new(Mutex::new(0));
        Server::start(move |mut connection| {
            let next = Arc::clone(&next);
            async move {
                while connection.request().await.is_some() {
                    let answer = {
                        let mut next = next.lock().unwrap();
                        *next += 1;
                        answers[(*next - 1).min(answers.len() - 1)]
                    };
                    connection.write(answer.as_bytes()).await;
                }
            }
        })
        .await
    }

    pub(in crate::deliver) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(in crate::deliver) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// Every whole request, head and body, as text.
    pub(in crate::deliver) fn requests(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.requests.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Connection {
    /// Reads one request with a `content-length` body; `None` when the client has gone.
    pub(in crate::deliver) async fn request(&mut self) -> Option<()> {
        let mut bytes = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).await {
                Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
                _ => return None,
            }
            if whole(&bytes) {
                self.seen.lock().unwrap().requests.push(bytes);
                return Some(());
            }
        }
    }

    /// A client that has gone is not the server's concern.
    pub(in crate::deliver) async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }
}

fn whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    bytes.len() >= head.len() + 4 + length.unwrap_or(0)
}
