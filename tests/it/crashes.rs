//! Crashes and stops in the middle of work, with a ledger: what was acknowledged is where it should be.

use crate::dead_letters::Grave;
use crate::harness::{Answer, PATIENCE, Request, Router, Target};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};

/// What a target has got.
type Ledger = Arc<Mutex<HashSet<usize>>>;

/// A target with a ledger, which says when it has got so many.
fn counting(enough: usize) -> (Target, Ledger, Receiver<()>) {
    let ledger = Ledger::default();
    let (say, enough_came) = channel();
    let (writing, say) = (ledger.clone(), Mutex::new(say));
    let target = Target::new(move |_, seen| {
        let mut ledger = writing.lock().unwrap();
        ledger.insert(seen.json()["n"].as_u64().unwrap() as usize);
        if ledger.len() == enough {
            say.lock().unwrap().send(()).unwrap();
        }
        Answer::status(200)
    });
    (target, ledger, enough_came)
}

fn event(number: usize) -> Request {
    Request::post("/a").json(&format!("{{\"n\":{number}}}"))
}

/// Where the router is, as it comes and goes.
#[derive(Default)]
struct Whereabouts {
    /// How often it has started, and where it is.
    now: Mutex<(usize, Option<SocketAddr>)>,
    changed: Condvar,
}

impl Whereabouts {
    fn is_at(&self, address: SocketAddr) {
        let mut now = self.now.lock().unwrap();
        *now = (now.0 + 1, Some(address));
        self.changed.notify_all();
    }

    /// The address of a start after `seen`.
    fn after(&self, seen: usize) -> (usize, SocketAddr) {
        let now = self.now.lock().unwrap();
        let (now, late) = self.changed.wait_timeout_while(now, PATIENCE, |(starts, _)| *starts <= seen).unwrap();
        assert!(!late.timed_out(), "the router did not start again");
        (now.0, now.1.unwrap())
    }
}

/// As providers do: what is not acknowledged is sent again. Says of each acknowledged event whether the target had it then.
fn send_until_acknowledged(next: &AtomicUsize, events: usize, whereabouts: &Whereabouts, ledger: &Ledger) {
    let (mut starts, mut address) = whereabouts.after(0);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= events {
            return;
        }
        while !event(number).try_send(address).is_ok_and(|answer| answer.status == 200) {
            (starts, address) = whereabouts.after(starts);
        }
        assert!(ledger.lock().unwrap().contains(&number), "{number} was acknowledged and not delivered");
    }
}

#[test]
fn a_crash_in_the_middle_of_a_thousand_events_loses_none_that_was_acknowledged() {
    const EVENTS: usize = 1000;
    let (target, ledger, half_came) = counting(EVENTS / 2);
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let (whereabouts, next) = (Arc::new(Whereabouts::default()), Arc::new(AtomicUsize::new(0)));
    whereabouts.is_at(router.webhooks);
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let (next, whereabouts, ledger) = (next.clone(), whereabouts.clone(), ledger.clone());
            std::thread::spawn(move || send_until_acknowledged(&next, EVENTS, &whereabouts, &ledger))
        })
        .collect();
    half_came.recv_timeout(PATIENCE).unwrap();
    let router = Router::start_in(router.kill(), &[], &[]);
    whereabouts.is_at(router.webhooks);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!(ledger.lock().unwrap().len(), EVENTS, "every event arrived");
}

/// Sends until the router is gone; what was acknowledged with `status`.
fn send_until_gone(sender: usize, to: SocketAddr, status: u16) -> Vec<usize> {
    let numbers = (0..100_000).map(|number| sender * 1_000_000 + number);
    let mut acknowledged = Vec::new();
    for number in numbers {
        match event(number).try_send(to) {
            Ok(answer) if answer.status == status => acknowledged.push(number),
            // While it stops, it says so, and nothing else.
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_) => break,
        }
    }
    acknowledged
}

fn senders(to: SocketAddr, status: u16) -> Vec<std::thread::JoinHandle<Vec<usize>>> {
    (0..4).map(|sender| std::thread::spawn(move || send_until_gone(sender, to, status))).collect()
}

#[test]
fn a_stop_under_load_loses_nothing_that_was_acknowledged() {
    let (target, ledger, some_came) = counting(200);
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let sending = senders(router.webhooks, 200);
    some_came.recv_timeout(PATIENCE).unwrap();
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(0), "{:?}", lines.last());
    let acknowledged: Vec<usize> = sending.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
    let got = ledger.lock().unwrap();
    assert!(!acknowledged.is_empty());
    assert!(acknowledged.iter().all(|number| got.contains(number)));
}

/// The target stops answering: what it has not got is in the dead letters when the process has ended.
#[test]
fn a_stop_under_load_keeps_everything_that_was_accepted() {
    let (grave, ledger) = (Grave::new(), Ledger::default());
    let (say, stuck) = channel();
    let (writing, say) = (ledger.clone(), Mutex::new(say));
    let target = Target::new(move |number, seen| {
        if number >= 100 {
            say.lock().unwrap().send(()).unwrap();
            loop {
                std::thread::park();
            }
        }
        writing.lock().unwrap().insert(seen.json()["n"].as_u64().unwrap() as usize);
        Answer::status(200)
    });
    let route = format!(
        "match: {{path: /a}}\nverify: none\nack: accepted\ntarget: {{url: '{}', dead_letter: graveyard}}\n",
        target.url("/")
    );
    let settings = grave.settings() + "limits: {accepted: 150}\nshutdown: {grace: 200ms}\n";
    let router = Router::start(&[("routes.d/a.yaml", &route), ("hookswitch.yaml", &settings)]);
    let sending = senders(router.webhooks, 202);
    stuck.recv_timeout(PATIENCE).unwrap();
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert_eq!(status.code(), Some(0), "{:?}", lines.last());
    let mut somewhere = ledger.lock().unwrap().clone();
    let kept = grave.records();
    assert!(!kept.is_empty());
    somewhere.extend(kept.iter().map(|record| record["event"]["body"]["n"].as_u64().unwrap() as usize));
    let acknowledged: Vec<usize> = sending.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
    let lost: Vec<&usize> = acknowledged.iter().filter(|number| !somewhere.contains(number)).collect();
    assert!(lost.is_empty(), "lost {lost:?} of {}", acknowledged.len());
}
