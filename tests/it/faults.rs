//! What targets do to deliveries, and what senders hear of it. No target can hold anything up for longer than its time.

use crate::harness::{Answer, Hostile, Request, Router, Target, Then, nobody};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// One target at `url`, with more keys for it.
fn router(url: &str, more: &str) -> Router {
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{name: t, url: '{url}'{more}}}\n");
    Router::start(&[("routes.d/a.yaml", &route)])
}

/// The status that a sender hears, and the log line of the delivery.
fn delivery(router: &mut Router) -> (u16, Value) {
    router.forget();
    let status = router.send(Request::post("/a").json("{\"n\":1}")).status;
    (status, router.wait_for(|line| line["target"] == "t"))
}

const ONCE: &str = ", retry: {max: 0}";
const TWICE: &str = ", retry: {max: 1, delay: 1ms}";
/// For targets that never answer: what does answer must not be cut off because the machine is busy.
const HANGING: &str = ", timeout: 300ms, retry: {max: 1, delay: 1ms}";

#[test]
fn a_target_that_refuses_connections_is_tried_again_and_then_502() {
    let mut router = router(&format!("http://{}/", nobody()), ", retry: {max: 2, delay: 1ms}");
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["outcome"], &line["attempts"]), (502, &json!("connect"), &json!(3)));
    assert_eq!(line["reason"], "exhausted");
}

#[test]
fn an_answer_that_breaks_off_is_none() {
    let target = Hostile::new(|number, wire| match number {
        0 => {
            wire.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of");
            Then::Close
        }
        _ => wire.ok(),
    });
    let mut router = router(&target.url(), TWICE);
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["outcome"], &line["attempts"]), (200, &json!("success"), &json!(2)));
    let seen = target.all();
    assert_eq!(seen[0].header("idempotency-key"), seen[1].header("idempotency-key"));
}

#[test]
fn a_target_that_hangs_before_its_answer_ends_at_the_timeout() {
    let target = Hostile::new(|_, wire| {
        wire.wait_for_the_end();
        Then::Close
    });
    let mut router = router(&target.url(), HANGING);
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["outcome"], &line["attempts"]), (502, &json!("timeout"), &json!(2)));
}

#[test]
fn a_target_that_hangs_past_the_deadline_is_504() {
    let target = Hostile::new(|_, wire| {
        wire.wait_for_the_end();
        Then::Close
    });
    let route =
        format!("match: {{path: /a}}\nverify: none\ndeadline: 2s\ntarget: {{name: t, url: '{}'}}\n", target.url());
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["outcome"], &line["attempts"]), (504, &json!("deadline"), &json!(1)));
}

#[test]
fn a_target_that_hangs_in_its_answer_ends_at_the_timeout() {
    let target = Hostile::new(|_, wire| {
        wire.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of");
        wire.wait_for_the_end();
        Then::Close
    });
    let mut router = router(&target.url(), HANGING);
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["outcome"], &line["attempts"]), (502, &json!("timeout"), &json!(2)));
}

#[test]
fn a_target_that_answers_byte_by_byte_ends_at_the_timeout() {
    let target = Hostile::new(|_, wire| {
        wire.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while wire.write(b"1\r\nx\r\n") {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        Then::Close
    });
    let mut router = router(&target.url(), HANGING);
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["outcome"], &line["attempts"]), (502, &json!("timeout"), &json!(2)));
}

#[test]
fn an_endless_answer_is_read_up_to_its_cap() {
    let target = Hostile::new(|_, wire| {
        wire.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = [b"10000\r\n", &[b'x'; 0x10000][..], b"\r\n"].concat();
        while wire.write(&chunk) {}
        Then::Close
    });
    let mut router = router(&target.url(), ", answer_max: 1MiB");
    for _ in 0..20 {
        let (status, line) = delivery(&mut router);
        assert_eq!((status, &line["outcome"], &line["attempts"]), (502, &json!("answer_too_large"), &json!(1)));
    }
    if let Some(peak) = router.peak_memory() {
        assert!(peak < 200 << 20, "{} MiB", peak >> 20);
    }
}

#[test]
fn garbage_is_no_answer() {
    for garbage in
        [&b"\x16\x03\x01\x02\x00\x01\xff\xff\x00"[..], b"HTTP/9.9 yes\r\n\r\n", b"HTTP/1.1 200 OK\r\nx\r\n\r\n"]
    {
        let target = Hostile::new(move |_, wire| {
            wire.write(garbage);
            Then::Close
        });
        let mut router = router(&target.url(), ONCE);
        let (status, line) = delivery(&mut router);
        assert_eq!((status, &line["outcome"]), (502, &json!("reset")), "{garbage:?}");
    }
}

/// Every event that was acknowledged is at the target, and each came through in the end.
#[test]
fn a_target_that_flaps_gets_every_event() {
    let got = Arc::new(Mutex::new(HashSet::new()));
    let ledger = got.clone();
    let target = Target::new(move |number, seen| match number % 3 {
        0 => Answer::status(503),
        1 => Answer::status(429).header("retry-after", "0"),
        _ => {
            ledger.lock().unwrap().insert(seen.json()["n"].as_u64().unwrap());
            Answer::status(200)
        }
    });
    // Two of three attempts fail: one event at a time needs at most two retries, and ten of them fit any budget.
    let mut router = router(&target.url("/"), ", retry: {max: 2, delay: 1ms}");
    for n in 0..10 {
        assert_eq!(router.send(Request::post("/a").json(&format!("{{\"n\":{n}}}"))).status, 200);
    }
    assert_eq!(*got.lock().unwrap(), (0..10).collect());
    router.wait_for(|line| line["target"] == "t" && line["attempts"] == 3);
}

/// A connection that was kept and is closed at the moment of its next use: the request may have arrived.
fn closes_on_reuse() -> Hostile {
    Hostile::new(|number, wire| if number == 1 { Then::Close } else { wire.ok() })
}

#[test]
fn a_request_lost_on_a_kept_connection_is_tried_again_by_the_policy() {
    let target = closes_on_reuse();
    let mut router = router(&target.url(), TWICE);
    assert_eq!(delivery(&mut router).1["attempts"], 1);
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["attempts"]), (200, &json!(2)));
    let (ids, attempts): (Vec<_>, Vec<_>) = target
        .all()
        .iter()
        .map(|seen| {
            let header = |name: &str| seen.header(name).unwrap_or_default().to_owned();
            (header("idempotency-key"), header("x-hookswitch-attempt"))
        })
        .unzip();
    assert_eq!(attempts, ["1", "1", "2"]);
    assert_eq!((ids[1] == ids[2], ids[0] == ids[1]), (true, false));
}

#[test]
fn a_request_lost_on_a_kept_connection_is_never_sent_again_by_itself() {
    let target = closes_on_reuse();
    let mut router = router(&target.url(), ", retry: {max: 3, delay: 1ms, on: [connect, 5xx]}");
    delivery(&mut router);
    // Where the connection was not kept after all, the request that is lost is not on one that was.
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["outcome"], &line["attempts"]), (502, &json!("reset"), &json!(1)));
    assert_eq!((target.all().len(), line["reason"].as_str()), (2, Some("not retryable")));
}

/// Idle connections that are closed between two events cost nothing: nothing was sent on them.
#[test]
fn connections_closed_while_idle_lose_and_repeat_nothing() {
    let target = Hostile::new(|_, wire| {
        wire.ok();
        Then::Close
    });
    let router = router(&target.url(), ", retry: {max: 3, delay: 1ms}");
    for n in 0..50 {
        assert_eq!(router.send(Request::post("/a").json(&format!("{{\"n\":{n}}}"))).status, 200);
    }
    let seen: Vec<u64> = target.all().iter().map(|seen| seen.json()["n"].as_u64().unwrap()).collect();
    let distinct: HashSet<u64> = seen.iter().copied().collect();
    assert_eq!(distinct, (0..50).collect());
    assert!(target.connections() >= 50);
}

#[test]
fn a_name_that_cannot_be_resolved_is_tried_again_and_hurts_nobody_else() {
    let other = Target::ok();
    let files = [
        ("routes.d/a.yaml", "match: {path: /a}\nverify: none\ntarget: {name: t, url: 'http://nowhere.invalid/', retry: {max: 1, delay: 1ms}}\n".to_owned()),
        ("routes.d/b.yaml", format!("match: {{path: /b}}\nverify: none\ntarget: {{url: '{}'}}\n", other.url("/"))),
    ];
    let mut router = Router::start(&files.each_ref().map(|(path, text)| (*path, text.as_str())));
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["outcome"], &line["attempts"]), (502, &json!("dns"), &json!(2)));
    assert_eq!(router.send(Request::post("/b").json("{}")).status, 200);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_there_again_is_delivered_to() {
    let target = Target::ok();
    let route = format!(
        "match: {{path: /a}}\nverify: none\ntarget: {{name: t, url: 'http://shop.test:{}/', retry: {{max: 1, delay: 1ms}}}}\n",
        target.address.port()
    );
    let Some(mut router) = Router::start_with_hosts(&[("routes.d/a.yaml", &route)]) else { return };
    assert_eq!(delivery(&mut router).1["outcome"], "dns");
    // In its place: the file is bound into the namespace of the process.
    std::fs::write(router.folder().join("hosts"), "127.0.0.1 localhost shop.test\n").unwrap();
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["outcome"], &line["attempts"]), (200, &json!("success"), &json!(1)));
    std::fs::write(router.folder().join("hosts"), "127.0.0.1 localhost\n").unwrap();
    assert_eq!(delivery(&mut router).0, 200, "the connection is kept, and needs no name");
}

#[test]
fn a_breaker_leaves_a_dead_target_alone_and_outlives_a_reload() {
    let target = Target::new(|_, _| Answer::status(500));
    let route = format!(
        "match: {{path: /a}}\nverify: none\ntarget: {{name: t, url: '{}', retry: {{max: 0}}, breaker: {{failures: 2, open: 5m}}}}\n",
        target.url("/")
    );
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    for _ in 0..2 {
        assert_eq!(delivery(&mut router).1["outcome"], "server_error");
    }
    let (status, line) = delivery(&mut router);
    assert_eq!((status, &line["outcome"], &line["attempts"]), (502, &json!("breaker_open"), &json!(0)));
    assert_eq!(line["reason"], "breaker");
    router.write("routes.d/b.yaml", "match: {path: /b}\nverify: none\ntarget: {url: 'stdout://'}\n");
    router.wait_for(|line| line["message"] == "configuration applied");
    router.forget();
    let answer = router.send(Request::post("/a").json("{}"));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(answer.status == 502 && (200..=300).contains(&wait), "{answer:?}");
    assert_eq!(target.all().len(), 2);
}

#[test]
fn retries_over_the_budget_are_not_made() {
    let target = Target::new(|_, _| Answer::status(503));
    let mut router = router(&target.url("/"), ", retry: {max: 10, delay: 1ms, max_delay: 1ms}");
    let reasons: Vec<Value> = (0..4).map(|_| delivery(&mut router).1["reason"].clone()).collect();
    assert_eq!(reasons, ["exhausted", "exhausted", "exhausted", "budget"]);
    assert_eq!(target.all().len(), 34);
}
