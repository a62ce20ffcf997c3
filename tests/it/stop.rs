//! What becomes of events when the process is told to stop.

use crate::harness::{Answer, PATIENCE, Request, Router, Target};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// A target that says when a request has arrived, and answers it when it is let go.
struct Held {
    target: Target,
    arrived: Receiver<()>,
    go: Option<Sender<()>>,
}

impl Held {
    fn new() -> Held {
        let (go, wait) = channel::<()>();
        let (arrive, arrived) = channel();
        let (wait, arrive) = (Mutex::new(wait), Mutex::new(arrive));
        let target = Target::new(move |_, _| {
            arrive.lock().unwrap().send(()).unwrap();
            let _ = wait.lock().unwrap().recv();
            Answer::status(200)
        });
        Held { target, arrived, go: Some(go) }
    }

    fn route(&self, more: &str) -> String {
        format!("match: {{path: /a}}\nverify: none\ntarget: {{name: t, url: '{}'{more}}}\n", self.target.url("/"))
    }

    fn arrived(&self) {
        self.arrived.recv_timeout(PATIENCE).unwrap();
    }

    fn let_go(&mut self) {
        self.go = None;
    }
}

fn post(to: SocketAddr) -> std::thread::JoinHandle<std::io::Result<crate::harness::Response>> {
    std::thread::spawn(move || Request::post("/a").json("{}").try_send(to))
}

#[test]
fn what_is_left_when_the_grace_is_over_is_answered_503_and_logged() {
    let held = Held::new();
    let router =
        Router::start(&[("routes.d/a.yaml", &held.route("")), ("hookswitch.yaml", "shutdown: {grace: 100ms}\n")]);
    let sender = post(router.webhooks);
    held.arrived();
    router.signal("TERM");
    let answer = sender.join().unwrap().expect("an answer, not a closed connection");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(1));
    let delivery = lines.iter().find(|line| line.contains(r#""message":"delivery""#)).expect("a line");
    assert!(delivery.contains(r#""outcome":"draining""#), "{delivery}");
    assert!(lines.iter().any(|line| line.contains(r#""lost":1"#)), "{lines:?}");
}

#[test]
fn a_delivery_that_no_answer_waits_for_is_logged_when_it_is_cut_off() {
    let held = Held::new();
    let router = Router::start(&[
        ("routes.d/a.yaml", &held.route(", required: false")),
        ("hookswitch.yaml", "shutdown: {grace: 100ms}\n"),
    ]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    held.arrived();
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(1));
    assert!(lines.iter().any(|line| line.contains(r#""outcome":"draining""#)), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(r#""lost":1"#)), "{lines:?}");
}

/// The sender breaks its connection, so no request is being answered any more; the event is.
#[test]
fn the_event_of_a_sender_that_hung_up_is_finished_before_the_process_ends() {
    let mut held = Held::new();
    let mut router = Router::start(&[("routes.d/a.yaml", &held.route(""))]);
    let mut sender = TcpStream::connect(router.webhooks).unwrap();
    sender.write_all(&Request::post("/a").header("expect", "100-continue").json("{}").bytes()).unwrap();
    held.arrived();
    // What has come and was not read (`100 Continue`) makes the system reset the connection.
    assert!(sender.peek(&mut [0]).unwrap() > 0);
    drop(sender);
    router.signal("TERM");
    router.wait_for(|line| line["message"] == "draining");
    held.let_go();
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(0), "{lines:?}");
    let delivery = lines.iter().find(|line| line.contains(r#""message":"delivery""#)).expect("a line");
    assert!(delivery.contains(r#""outcome":"success""#), "{delivery}");
}

#[test]
fn while_it_drains_only_200_and_503_are_answered() {
    let mut held = Held::new();
    let refuse = Target::new(|_, _| Answer::status(400));
    let refusing = format!(
        "name: b\nmatch: {{path: /b}}\nverify: none\ntarget: {{url: '{}'}}\n---\nname: w\nmatch: {{path: /w, when: 'body.n + 1 > 1'}}\nverify: none\ntarget: {{url: 'http://127.0.0.1:9/'}}\n",
        refuse.url("/")
    );
    let mut router = Router::start(&[
        ("routes.d/a.yaml", &held.route("")),
        ("routes.d/b.yaml", &refusing),
        ("hookswitch.yaml", "shutdown: {delay: 60s}\n"),
    ]);
    let before = |path: &str| Request::post(path).json(r#"{"n":"x"}"#);
    assert_eq!([router.send(before("/b")).status, router.send(before("/w")).status], [502, 422]);
    let sender = post(router.webhooks);
    held.arrived();
    router.signal("TERM");
    router.wait_for(|line| line["message"] == "draining");
    for request in
        [before("/b"), before("/w"), before("/nowhere"), Request::new("PUT", "/b"), before("/b").header("host", "a b")]
    {
        assert_eq!(router.send(request.clone()).status, 503, "{request:?}");
    }
    held.let_go();
    assert_eq!(sender.join().unwrap().unwrap().status, 200);
}
