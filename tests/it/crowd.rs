//! Many events at once against targets that cannot keep up.

use crate::harness::{Answer, PATIENCE, Request, Router, Target};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const EVENTS: usize = 10_000;
const SENDERS: usize = 600;
const IN_FLIGHT: usize = 400;
const AT_ONCE: usize = 8;

/// Six hundred senders that wait for nothing send ten thousand events; four hundred may be in flight, and the target takes
/// eight at once, 50 ms each.
#[test]
fn ten_thousand_events_at_once_are_delivered_or_refused_and_never_lost() {
    let got = Arc::new(Mutex::new(HashSet::new()));
    let (ledger, under_way, most) = (got.clone(), AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let at_once = most.clone();
    let target = Target::new(move |_, seen| {
        at_once.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::park_timeout(Duration::from_millis(50));
        ledger.lock().unwrap().insert(seen.json()["n"].as_u64().unwrap());
        under_way.fetch_sub(1, Ordering::SeqCst);
        Answer::status(200)
    });
    let route = format!(
        "match: {{path: /a}}\nverify: none\ndeadline: 60s\ntarget: {{url: '{}', limit: {{concurrency: {AT_ONCE}}}}}\n",
        target.url("/")
    );
    let settings = format!("limits: {{in_flight: {IN_FLIGHT}}}\n");
    let router = Router::start(&[("routes.d/a.yaml", &route), ("hookswitch.yaml", &settings)]);
    let answers = crowd(router.webhooks);
    assert_eq!(answers.len(), EVENTS);
    let with = |status: u16| answers.iter().filter(move |(_, answered)| *answered == status).map(|(n, _)| *n);
    let (delivered, refused) = (with(200).count(), with(503).count());
    assert_eq!(delivered + refused, EVENTS, "nothing but yes and come again");
    let got = got.lock().unwrap();
    assert!(with(200).all(|n| got.contains(&n)), "every yes is at the target");
    assert_eq!(got.len(), delivered, "and nothing else is");
    assert!(delivered >= IN_FLIGHT && refused > 0, "{delivered} delivered, {refused} refused");
    assert!(most.load(Ordering::SeqCst) <= AT_ONCE);
    let peak = router.peak_memory();
    println!("{delivered} delivered, {refused} refused, peak memory {:?} KiB", peak.map(|bytes| bytes >> 10));
    assert!(peak.is_none_or(|peak| peak < 200 << 20), "{peak:?}");
}

/// The number of each event, and the status it was answered with.
fn crowd(to: SocketAddr) -> Vec<(u64, u16)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let next = Arc::new(AtomicUsize::new(0));
    runtime.block_on(async {
        let senders: Vec<_> = (0..SENDERS).map(|_| tokio::spawn(send_all(to, next.clone()))).collect();
        let mut answers = Vec::with_capacity(EVENTS);
        for sender in senders {
            answers.extend(sender.await.unwrap());
        }
        answers
    })
}

async fn send_all(to: SocketAddr, next: Arc<AtomicUsize>) -> Vec<(u64, u16)> {
    let mut answers = Vec::new();
    let mut connection: Option<TcpStream> = None;
    loop {
        let n = next.fetch_add(1, Ordering::SeqCst);
        if n >= EVENTS {
            return answers;
        }
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => TcpStream::connect(to).await.unwrap(),
        };
        let (status, keeps) = exchange(&mut stream, &format!("{{\"n\":{n}}}")).await;
        answers.push((n as u64, status));
        connection = keeps.then_some(stream);
    }
}

/// One request on a connection that is kept; the status, and whether it is kept.
async fn exchange(stream: &mut TcpStream, body: &str) -> (u16, bool) {
    let head = "POST /a HTTP/1.1\r\nhost: hooks.test\r\ncontent-type: application/json\r\ncontent-length: ";
    stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "an answer, not a closed connection");
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length: usize = header("content-length: ").unwrap().parse().unwrap();
        if rest.len() >= length {
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            return (status, header("connection: ") != Some("close"));
        }
    }
}

/// A target that holds whatever it gets until it is let go.
#[test]
fn a_dead_target_slows_no_other() {
    let (go, wait) = channel::<()>();
    let (arrive, arrived) = channel();
    let (wait, arrive) = (Mutex::new(wait), Mutex::new(arrive));
    let dead = Target::new(move |_, _| {
        arrive.lock().unwrap().send(()).unwrap();
        let _ = wait.lock().unwrap().recv();
        Answer::status(200)
    });
    let quick = Target::ok();
    let route = |name: &str, url: &str| {
        format!("match: {{path: /{name}}}\nverify: none\ntarget: {{url: '{url}', limit: {{concurrency: 2}}}}\n")
    };
    let router = Router::start(&[
        ("routes.d/dead.yaml", &route("dead", &dead.url("/"))),
        ("routes.d/quick.yaml", &route("quick", &quick.url("/"))),
    ]);
    let to = router.webhooks;
    let send = move |path: &'static str| std::thread::spawn(move || Request::post(path).json("{}").send(to).status);
    let stuck: Vec<_> = (0..50).map(|_| send("/dead")).collect();
    (0..2).for_each(|_| arrived.recv_timeout(PATIENCE).unwrap());
    for _ in 0..50 {
        assert_eq!(router.send(Request::post("/quick").json("{}")).status, 200);
    }
    assert_eq!(quick.all().len(), 50);
    assert!(stuck.iter().all(|sender| !sender.is_finished()), "while all of the others wait");
    assert!(arrived.try_recv().is_err(), "no third one is under way");
    drop(go);
    assert!(stuck.into_iter().all(|sender| sender.join().unwrap() == 200));
}

/// Nobody hears the answer; the delivery goes on, with its retries.
#[test]
fn a_sender_that_hangs_up_does_not_stop_its_delivery() {
    let (go, wait) = channel::<()>();
    let (arrive, arrived) = channel();
    let (wait, arrive) = (Mutex::new(wait), Mutex::new(arrive));
    let target = Target::new(move |number, _| {
        let _ = arrive.lock().unwrap().send(());
        let _ = wait.lock().unwrap().recv();
        Answer::status(if number == 0 { 503 } else { 200 })
    });
    let route = format!(
        "match: {{path: /a}}\nverify: none\ntarget: {{name: t, url: '{}', retry: {{delay: 1ms}}}}\n",
        target.url("/")
    );
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    let mut sender = std::net::TcpStream::connect(router.webhooks).unwrap();
    std::io::Write::write_all(&mut sender, &Request::post("/a").json("{}").bytes()).unwrap();
    arrived.recv_timeout(PATIENCE).unwrap();
    drop(sender);
    drop(go);
    let line = router.wait_for(|line| line["target"] == "t");
    assert_eq!((line["outcome"].as_str(), line["attempts"].as_u64()), (Some("success"), Some(2)));
}
