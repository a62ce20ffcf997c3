//! What becomes of events when the process is told to stop.

use crate::dead_letters::Grave;
use crate::harness::{Answer, Held, Request, Router, Target};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

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

#[test]
fn while_listeners_are_open_new_connections_are_served() {
    let target = Target::ok();
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let mut router =
        Router::start(&[("routes.d/a.yaml", &route), ("hookswitch.yaml", "shutdown: {delay: 600s, grace: 600s}\n")]);
    router.signal("TERM");
    router.wait_for(|line| line["message"] == "draining");
    assert_eq!(router.ask_admin(Request::new("GET", "/readyz")).status, 503);
    for _ in 0..3 {
        let answer = router.send(Request::post("/a").json("{}"));
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    }
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(0), "{lines:?}");
}

/// A connection without a request, one between two requests, and one that has stopped in the middle of its headers.
#[test]
fn idle_and_silent_connections_hold_nothing_up() {
    let target = Target::ok();
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let settings = "shutdown: {grace: 600s}\nlimits: {header_timeout: 600s}\n";
    let router = Router::start(&[("routes.d/a.yaml", &route), ("hookswitch.yaml", settings)]);
    let silent = TcpStream::connect(router.webhooks).unwrap();
    let mut idle = TcpStream::connect(router.webhooks).unwrap();
    idle.write_all(b"POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}")
        .unwrap();
    assert!(idle.read(&mut [0; 4096]).unwrap() > 0);
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(0), "{lines:?}");
    drop((silent, idle));
}

/// A pipe that nobody reads, as a disk that hangs: the write never returns.
#[test]
fn a_write_that_hangs_does_not_keep_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let route = format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\ndeadline: 300ms\ntarget: {{url: 'file://{}'}}\n",
        pipe.display()
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 504);
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert!(status.success(), "{}", lines.join("\n"));
}

#[test]
fn a_second_signal_is_now() {
    let held = Held::new();
    let mut router =
        Router::start(&[("routes.d/a.yaml", &held.route("")), ("hookswitch.yaml", "shutdown: {grace: 600s}\n")]);
    let sender = post(router.webhooks);
    held.arrived();
    router.signal("TERM");
    router.wait_for(|line| line["message"] == "draining");
    router.signal("INT");
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(1));
    assert!(lines.iter().any(|line| line.contains(r#""lost":1"#)), "{lines:?}");
    drop(sender.join());
}

/// The body never comes: nothing of the event was promised, and its sender hears it.
#[test]
fn a_sender_that_is_slow_with_its_body_is_answered_at_the_end_of_the_grace() {
    let target = Target::ok();
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let settings = "shutdown: {grace: 100ms}\nlimits: {body_timeout: 600s}\n";
    let router = Router::start(&[("routes.d/a.yaml", &route), ("hookswitch.yaml", settings)]);
    let mut slow = TcpStream::connect(router.webhooks).unwrap();
    slow.write_all(b"POST /a HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n").unwrap();
    // The router has begun to read.
    assert!(slow.read(&mut [0; 25]).unwrap() > 0);
    router.signal("TERM");
    let (status, lines) = router.wait();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("HTTP/1.1 503 "), "{answer}");
    assert_eq!(status.code(), Some(0), "{lines:?}");
}

#[test]
fn what_was_accepted_is_delivered_before_the_process_ends() {
    let mut held = Held::new();
    let mut router = Router::start(&[("routes.d/a.yaml", &format!("ack: accepted\n{}", held.route("")))]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 202);
    held.arrived();
    router.signal("TERM");
    router.wait_for(|line| line["message"] == "draining");
    held.let_go();
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(0), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(r#""outcome":"success""#)), "{lines:?}");
}

#[test]
fn what_was_accepted_and_is_left_is_kept_or_lost() {
    let (held, grave) = (Held::new(), Grave::new());
    let stop = "shutdown: {grace: 100ms}\n";
    let kept = format!("ack: accepted\n{}", held.route(", dead_letter: graveyard"));
    let router = Router::start(&[("routes.d/a.yaml", &kept), ("hookswitch.yaml", &(grave.settings() + stop))]);
    assert_eq!(router.send(Request::post("/a").json(r#"{"n":1}"#)).status, 202);
    held.arrived();
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(0), "{lines:?}");
    let records = grave.records();
    assert_eq!((records.len(), &records[0]["reason"]), (1, &json!("draining")));
    assert_eq!(records[0]["event"]["body"], json!({"n": 1}));

    let held = Held::new();
    let router =
        Router::start(&[("routes.d/a.yaml", &format!("ack: accepted\n{}", held.route(""))), ("hookswitch.yaml", stop)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 202);
    held.arrived();
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(1), "{lines:?}");
    let lost = lines.iter().find(|line| line.contains("accepted delivery lost")).expect("a line");
    assert!(lost.contains(r#""level":"error""#) && lost.contains(r#""reason":"draining""#), "{lost}");
    assert!(lines.iter().any(|line| line.contains(r#""lost":1"#)), "{lines:?}");
}

/// Somebody has it: that is a yes, also at the last moment.
#[test]
fn what_is_awaited_and_left_is_kept_too() {
    let (held, grave) = (Held::new(), Grave::new());
    let settings = grave.settings() + "shutdown: {grace: 100ms}\n";
    let router =
        Router::start(&[("routes.d/a.yaml", &held.route(", dead_letter: graveyard")), ("hookswitch.yaml", &settings)]);
    let sender = post(router.webhooks);
    held.arrived();
    router.signal("TERM");
    assert_eq!(sender.join().unwrap().unwrap().status, 200);
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(0), "{lines:?}");
    assert_eq!(grave.records()[0]["reason"], "draining");
}
