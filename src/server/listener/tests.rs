use super::*;
use crate::server::admission::Admission;
use crate::server::{Answer, body};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

const GRACE: Duration = Duration::from_secs(20);

fn answer(status: u16, text: &str) -> Answer {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes()));
    Response::builder().status(status).body(body).unwrap()
}

/// Echoes bodies; `/panic` panics, `/refuse` says 413 unread, `/wait` tells that it began and waits to be let go.
struct Echo {
    begun: mpsc::Sender<()>,
    go: Arc<Notify>,
}

impl Service for Echo {
    type Body = Full<Bytes>;

    async fn call(&self, request: Request<Incoming>, _peer: Peer) -> Answer {
        match request.uri().path() {
            "/panic" => panic!("as asked"),
            "/refuse" => answer(413, "too large"),
            "/wait" => {
                let _ = self.begun.send(()).await;
                self.go.notified().await;
                answer(200, "waited")
            }
            _ => {
                let admission = Admission::new(1, 1024);
                let bounds = body::Bounds { max_size: 1024, timeout: GRACE };
                let read = body::read(request.into_body(), bounds, &mut admission.enter().unwrap()).await;
                Response::new(Full::new(read.unwrap_or_default()))
            }
        }
    }
}

struct Running {
    server: Server,
    address: SocketAddr,
    begun: mpsc::Receiver<()>,
    go: Arc<Notify>,
}

async fn start(limits: Limits) -> Running {
    let bound = bind("webhooks", "127.0.0.1:0").await.unwrap();
    let address = bound.listener.address;
    let (sender, begun) = mpsc::channel(8);
    let go = Arc::new(Notify::new());
    let server = serve(vec![bound], limits, Echo { begun: sender, go: Arc::clone(&go) });
    Running { server, address, begun, go }
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Head and body of one answer with a content length.
async fn receive(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.contains("\r\n\r\n") {
        let byte = stream.read_u8().await.unwrap();
        text.push(char::from(byte));
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    text + std::str::from_utf8(&body).unwrap()
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text).await;
    text
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

async fn stop(server: Server, grace: Duration) -> Stopped {
    server.stop(Duration::ZERO, grace, &CancellationToken::new(), || ()).await
}

#[tokio::test]
async fn requests_share_a_connection() {
    let running = start(Limits::default()).await;
    let mut stream = connect(running.address).await;
    for body in ["one", "two", ""] {
        send(&mut stream, &post("/", body)).await;
        let text = receive(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with(&format!("\r\n\r\n{body}")), "{text}");
        assert!(!text.contains("connection:"), "{text}");
    }
    assert_eq!((running.server.connections(), running.server.requests()), (1, 0));
    drop(stream);
    until(|| running.server.connections() == 0).await;
}

#[tokio::test]
async fn http_2_is_spoken_with_prior_knowledge() {
    let running = start(Limits::default()).await;
    let io = TokioIo::new(connect(running.address).await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    for path in ["/panic", "/"] {
        let request = Request::post(format!("http://a{path}")).body(Full::new(Bytes::from_static(b"hi"))).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let expected = if path == "/" { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
        assert_eq!(answer.status(), expected);
    }
    // An idle HTTP/2 connection does not hold a stop up.
    assert_eq!(stop(running.server, GRACE).await, Stopped { cut_off: 0 });
    let _ = connection.await.unwrap();
}

#[tokio::test]
async fn a_panic_answers_500_with_an_id() {
    let running = start(Limits::default()).await;
    let mut stream = connect(running.address).await;
    send(&mut stream, &post("/panic", "")).await;
    let text = receive(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 500") && text.contains("x-request-id: "), "{text}");
    assert!(text.contains("urn:hookswitch:problem:internal") && !text.contains("as asked"), "{text}");
    send(&mut stream, &post("/", "still here")).await;
    assert!(receive(&mut stream).await.ends_with("still here"));
    assert_eq!(running.server.requests(), 0);
}

#[tokio::test]
async fn connections_over_the_bound_hear_503_until_there_is_room() {
    let running = start(Limits { connections: 2, ..Limits::default() }).await;
    let first = connect(running.address).await;
    let second = connect(running.address).await;
    until(|| running.server.connections() == 2).await;
    let mut third = connect(running.address).await;
    // The request that is on its way must not turn the answer into a reset.
    send(&mut third, &post("/", "hello")).await;
    let text = rest(&mut third).await;
    assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("retry-after: 1"), "{text}");
    drop((first, third));
    until(|| running.server.connections() == 1).await;
    let mut fourth = connect(running.address).await;
    send(&mut fourth, &post("/", "hello")).await;
    assert!(receive(&mut fourth).await.ends_with("hello"));
    drop(second);
}

#[tokio::test]
async fn silent_slow_and_resting_connections_end_in_time() {
    let limits = Limits {
        header_timeout: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(80),
        ..Limits::default()
    };
    let running = start(limits).await;
    for opening in ["", "PRI * HT", "P", "POST / HTTP/1.1\r\nhost: a\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = connect(running.address).await;
        send(&mut stream, opening).await;
        let _ = tokio::time::timeout(GRACE, rest(&mut stream)).await.expect(opening);
    }
    let mut stream = connect(running.address).await;
    send(&mut stream, &post("/", "hello")).await;
    assert!(receive(&mut stream).await.ends_with("hello"));
    assert_eq!(tokio::time::timeout(GRACE, rest(&mut stream)).await.unwrap(), "");
    // The second request's head is as bounded as the first's, although its connection may rest for longer.
    let limits = Limits { idle_timeout: Duration::from_secs(3600), ..limits };
    let running = start(limits).await;
    let mut stream = connect(running.address).await;
    send(&mut stream, &post("/", "hello")).await;
    assert!(receive(&mut stream).await.ends_with("hello"));
    send(&mut stream, "POST / HT").await;
    assert_eq!(tokio::time::timeout(GRACE, rest(&mut stream)).await.unwrap(), "");
}

#[tokio::test]
async fn a_request_that_takes_long_is_not_silence() {
    let moment = Duration::from_millis(20);
    let mut running = start(Limits { header_timeout: moment, idle_timeout: moment, ..Limits::default() }).await;
    let mut stream = connect(running.address).await;
    send(&mut stream, &post("/wait", "")).await;
    running.begun.recv().await.unwrap();
    tokio::time::sleep(10 * moment).await;
    running.go.notify_one();
    assert!(receive(&mut stream).await.ends_with("waited"));
}

#[tokio::test]
async fn a_refused_sender_gets_its_answer_although_it_goes_on_sending() {
    let running = start(Limits::default()).await;
    let mut stream = connect(running.address).await;
    let length = 2 * 1024 * 1024;
    send(&mut stream, &format!("POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n")).await;
    let (mut read, mut write) = stream.into_split();
    let sending = tokio::spawn(async move { write.write_all(&vec![b'x'; length]).await });
    let mut text = String::new();
    read.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_head_beyond_the_bound_is_refused() {
    let running = start(Limits::default()).await;
    let mut stream = connect(running.address).await;
    let long = "a".repeat(80 * 1024);
    let _ = stream.write_all(format!("POST / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n").as_bytes()).await;
    let text = rest(&mut stream).await;
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 431 "), "{text}");
    until(|| running.server.connections() == 0).await;
}

#[tokio::test]
async fn a_client_that_closes_its_side_still_gets_the_answer() {
    let mut running = start(Limits::default()).await;
    let mut stream = connect(running.address).await;
    send(&mut stream, &post("/wait", "")).await;
    running.begun.recv().await.unwrap();
    stream.shutdown().await.unwrap();
    running.go.notify_one();
    assert!(receive(&mut stream).await.ends_with("waited"));
}

#[tokio::test]
async fn a_stop_finishes_what_has_begun_and_closes_what_rests() {
    let mut running = start(Limits::default()).await;
    let mut silent = connect(running.address).await;
    let mut resting = connect(running.address).await;
    send(&mut resting, &post("/", "hello")).await;
    assert!(receive(&mut resting).await.ends_with("hello"));
    let mut half = connect(running.address).await;
    send(&mut half, "POST / HTTP/1.1\r\nhost").await;
    let mut working = connect(running.address).await;
    send(&mut working, &post("/wait", "")).await;
    running.begun.recv().await.unwrap();
    until(|| running.server.connections() == 4).await;

    let stopping = tokio::spawn(stop(running.server, GRACE));
    assert_eq!((rest(&mut silent).await, rest(&mut resting).await), (String::new(), String::new()));
    assert_eq!(rest(&mut half).await, "");
    assert!(TcpStream::connect(running.address).await.is_err());
    running.go.notify_one();
    let text = rest(&mut working).await;
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("connection: close"), "{text}");
    assert_eq!(stopping.await.unwrap(), Stopped { cut_off: 0 });
}

#[tokio::test]
async fn what_outlives_the_grace_is_cut_off_and_counted() {
    let mut running = start(Limits::default()).await;
    let mut working = connect(running.address).await;
    send(&mut working, &post("/wait", "")).await;
    running.begun.recv().await.unwrap();
    assert_eq!(stop(running.server, Duration::from_millis(20)).await, Stopped { cut_off: 1 });
    assert_eq!(rest(&mut working).await, "");
}

#[tokio::test]
async fn a_second_signal_ends_every_wait() {
    let mut running = start(Limits::default()).await;
    let mut working = connect(running.address).await;
    send(&mut working, &post("/wait", "")).await;
    running.begun.recv().await.unwrap();
    let at_once = CancellationToken::new();
    at_once.cancel();
    let hour = Duration::from_secs(3600);
    assert_eq!(running.server.stop(hour, hour, &at_once, || ()).await, Stopped { cut_off: 1 });
}

#[tokio::test]
async fn while_draining_new_connections_are_served_and_asked_to_go_elsewhere() {
    let running = start(Limits::default()).await;
    let mut early = connect(running.address).await;
    send(&mut early, &post("/", "one")).await;
    assert!(!receive(&mut early).await.contains("connection: close"));
    running.server.begin_drain();
    for stream in [&mut early, &mut connect(running.address).await] {
        send(stream, &post("/", "two")).await;
        let text = rest(stream).await;
        assert!(text.contains("connection: close") && text.ends_with("two"), "{text}");
    }
}

#[tokio::test]
async fn connections_that_wait_in_the_backlog_are_served_before_the_socket_closes() {
    let running = start(Limits::default()).await;
    // Nothing of the server runs between these lines: this runtime has one thread.
    let mut waiting = std::net::TcpStream::connect(running.address).unwrap();
    std::io::Write::write_all(&mut waiting, post("/", "hello").as_bytes()).unwrap();
    waiting.set_nonblocking(true).unwrap();
    let mut waiting = TcpStream::from_std(waiting).unwrap();
    running.server.accepting.cancel();
    assert!(receive(&mut waiting).await.ends_with("hello"));
    assert_eq!(stop(running.server, GRACE).await, Stopped { cut_off: 0 });
}

#[tokio::test]
async fn an_address_that_is_taken_is_said() {
    let bound = bind("webhooks", "127.0.0.1:0").await.unwrap();
    let address = bound.listener.address.to_string();
    let error = bind("admin", &address).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
    assert!(bind("admin", "nonsense").await.is_err());
}

/// Runs in a process of its own with few descriptors, see below.
#[tokio::test]
#[ignore = "started by running_out_of_descriptors_sheds_and_recovers"]
async fn with_few_descriptors() {
    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let _logging = tracing::subscriber::set_default(Recorder(Arc::clone(&lines)));
    let running = start(Limits::default()).await;
    let mut client = connect(running.address).await;
    send(&mut client, &post("/", "started")).await;
    assert!(receive(&mut client).await.ends_with("started"));
    let mut held = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        held.push(file);
    }
    // Room for the clients' own ends; the server finds none.
    held.truncate(held.len() - 2);
    let clients = [(); 2].map(|()| std::net::TcpStream::connect(running.address).unwrap());
    for client in clients {
        client.set_nonblocking(true).unwrap();
        let mut client = TcpStream::from_std(client).unwrap();
        assert_eq!(tokio::time::timeout(GRACE, rest(&mut client)).await.unwrap(), "", "shed");
    }
    held.clear();
    let mut client = connect(running.address).await;
    send(&mut client, &post("/", "recovered")).await;
    assert!(tokio::time::timeout(GRACE, receive(&mut client)).await.unwrap().ends_with("recovered"));
    let lines = lines.lock().unwrap();
    assert_eq!(lines.iter().filter(|line| line.contains("cannot accept connections")).count(), 1, "{lines:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn running_out_of_descriptors_sheds_and_recovers() {
    let this = std::env::current_exe().unwrap();
    let test = "server::listener::tests::with_few_descriptors";
    let child = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --exact \"$1\" --ignored --test-threads 1"])
        .arg(this)
        .arg(test)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&child.stderr));
}

/// Keeps what is logged.
struct Recorder(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Recorder {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{field}={value:?} "));
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
