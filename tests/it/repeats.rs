//! Events that come again: joined, answered without being delivered again, or finished.

use crate::harness::{Answer, Request, Response, Router, Target};
use serde_json::json;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

const DEDUPE: &str = "dedupe: {key: '${headers[\"x-event\"]}'}\n";

fn event(id: &str) -> Request {
    Request::post("/a").header("x-event", id).json("{}")
}

fn send(router: &Router, id: &str) -> (u16, serde_json::Value) {
    let response = router.send(event(id));
    (response.status, response.json())
}

fn route(keys: &str, targets: &[(&str, String)]) -> String {
    let targets: Vec<String> =
        targets.iter().map(|(name, url)| format!("{{name: {name}, url: '{url}', retry: {{max: 0}}}}")).collect();
    format!("name: a\nmatch: {{path: /a}}\nverify: none\n{DEDUPE}{keys}targets: [{}]\n", targets.join(", "))
}

/// A target that answers when it is told to.
fn held(status: u16) -> (Target, Sender<()>) {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let target = Target::new(move |_, _| {
        let _ = wait.lock().unwrap().recv();
        Answer::status(status).body(r#"{"balance":12.50}"#)
    });
    (target, go)
}

/// Fails first, then succeeds.
fn recovering() -> Target {
    Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }))
}

const DEBUG: (&str, &str) = ("hookswitch.yaml", "log: {level: debug}\n");

/// Waits until so many events wait for an equal one.
fn waiting(router: &mut Router, events: usize) {
    let seen = std::cell::Cell::new(0);
    router.wait_for(|line| {
        seen.set(seen.get() + usize::from(line["message"] == "waiting for an equal event"));
        seen.get() == events
    });
}

/// Sends one event five times at once, and lets the target go when four of them wait.
fn five_at_once(respond: &str, status: u16) -> (Target, Vec<Response>, Router) {
    let (target, go) = held(status);
    let mut router = Router::start(&[DEBUG, ("routes.d/a.yaml", &route(respond, &[("t", target.url("/"))]))]);
    let to = router.webhooks;
    let sending: Vec<_> = (0..5).map(|_| std::thread::spawn(move || event("pay-1").send(to))).collect();
    waiting(&mut router, 4);
    drop(go);
    let answers = sending.into_iter().map(|sending| sending.join().unwrap()).collect();
    (target, answers, router)
}

#[test]
fn five_equal_events_at_once_are_one_delivery_and_five_times_yes() {
    let (target, answers, mut router) = five_at_once("", 200);
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(target.all().len(), 1);
    router.wait_for(|line| line["reason"] == "a: joined" && line["outcome"] == "delivered");
    assert_eq!(send(&router, "pay-2").1, json!({"status": "delivered"}));
}

#[test]
fn those_that_wait_get_the_answer_of_the_target_too() {
    let respond = "respond: {on: [delivered, duplicate], body: {have: '${answers.t.body.balance}'}}\n";
    let (target, answers, router) = five_at_once(respond, 200);
    assert!(answers.iter().all(|answer| answer.text() == r#"{"have":12.50}"#), "{answers:?}");
    assert_eq!(router.send(event("pay-1")).text(), r#"{"have":12.50}"#, "what was answered is kept for later");
    assert_eq!(target.all().len(), 1);
}

#[test]
fn those_that_wait_get_a_failure_too_and_the_next_try_is_a_new_one() {
    let (target, answers, router) = five_at_once("", 503);
    assert!(answers.iter().all(|answer| answer.status == 502 && answer.header("retry-after").is_some()), "{answers:?}");
    let before = target.all().len();
    assert_eq!(send(&router, "pay-1").0, 502);
    assert_eq!((before, target.all().len()), (1, 1));
}

#[test]
fn who_waits_may_hang_up_and_so_may_the_first() {
    use std::io::Write;
    let (target, go) = held(200);
    let mut router = Router::start(&[DEBUG, ("routes.d/a.yaml", &route("", &[("t", target.url("/"))]))]);
    let to = router.webhooks;
    let mut hasty = [(); 2].map(|()| std::net::TcpStream::connect(to).unwrap());
    hasty.iter_mut().for_each(|sender| sender.write_all(&event("e").bytes()).unwrap());
    waiting(&mut router, 1);
    drop(hasty);
    let patient = std::thread::spawn(move || event("e").send(to));
    waiting(&mut router, 2);
    drop(go);
    assert_eq!(patient.join().unwrap().status, 200);
    router.wait_for(|line| line["target"] == "t" && line["outcome"] == "success");
    assert_eq!(target.all().len(), 1);
}

#[test]
fn a_repeat_of_what_was_delivered_is_a_duplicate() {
    let target = Target::ok();
    let mut router = Router::start(&[("routes.d/a.yaml", &route("", &[("t", target.url("/"))]))]);
    assert_eq!(send(&router, "e-1"), (200, json!({"status": "delivered"})));
    assert_eq!(send(&router, "e-1"), (200, json!({"status": "duplicate"})));
    router.wait_for(|line| line["outcome"] == "duplicate" && line["reason"] == "a: duplicate");
    assert_eq!(send(&router, "e-2"), (200, json!({"status": "delivered"})));
    assert_eq!(target.all().len(), 2);
}

#[test]
fn without_a_key_every_event_is_one_of_its_own_and_the_log_says_so() {
    let target = Target::ok();
    let mut router = Router::start(&[("routes.d/a.yaml", &route("", &[("t", target.url("/"))]))]);
    for _ in 0..2 {
        assert_eq!(router.send(Request::post("/a").json("{}")).json(), json!({"status": "delivered"}));
        assert_eq!(send(&router, "").1, json!({"status": "delivered"}));
    }
    assert_eq!(target.all().len(), 4);
    router.wait_for(|line| line["reason"] == "a: no key" && line["outcome"] == "delivered");
}

#[test]
fn what_failed_in_part_runs_again_for_the_rest_with_the_answers_of_the_others() {
    let billing = Target::new(|_, _| Answer::status(200).body(r#"{"balance":700}"#));
    let crm = recovering();
    let respond = "respond: {body: {balance: '${answers.billing.body.balance}', crm: '${answers.crm.status}'}}\n";
    let targets = [("billing", billing.url("/")), ("crm", crm.url("/"))];
    let mut router = Router::start(&[("routes.d/a.yaml", &route(respond, &targets))]);
    assert_eq!(send(&router, "e").0, 502);
    assert_eq!(send(&router, "e"), (200, json!({"balance": 700, "crm": 200})));
    assert_eq!(send(&router, "e"), (200, json!({"status": "duplicate"})));
    router.wait_for(|line| line["reason"] == "a: resumed" && line["outcome"] == "delivered");
    assert_eq!(billing.all().len(), 1, "what had succeeded is not repeated");
    let tries = crm.all();
    assert_eq!(tries.len(), 2);
    let ids = |name: &str| tries.iter().map(|seen| seen.header(name).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids("webhook-id")[0], ids("webhook-id")[1], "one id over the sender's tries");
    assert_eq!(ids("idempotency-key")[0], ids("idempotency-key")[1]);
}

#[test]
fn a_target_that_no_answer_waits_for_is_not_repeated_either() {
    let (notes, crm) = (Target::ok(), recovering());
    let route = format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\n{DEDUPE}targets:\n  - {{name: crm, url: '{}', retry: {{max: 0}}}}\n  - {{name: notes, url: '{}', required: false}}\n",
        crm.url("/"),
        notes.url("/")
    );
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!(send(&router, "e").0, 502);
    notes.next();
    assert_eq!(send(&router, "e").0, 200);
    router.signal("TERM");
    router.wait();
    assert_eq!(notes.all().len(), 0);
}

#[test]
fn every_route_remembers_for_itself_and_the_worst_outcome_answers() {
    let (first, second) = (Target::ok(), recovering());
    let one = |name: &str, order: u8, target: &Target, dedupe: &str| {
        format!(
            "name: {name}\norder: {order}\nmatch: {{path: /a}}\nverify: none\n{dedupe}target: {{url: '{}', retry: {{max: 0}}}}\n",
            target.url("/")
        )
    };
    let both = format!("{}---\n{}", one("one", 1, &first, DEDUPE), one("two", 2, &second, DEDUPE));
    let mut router = Router::start(&[("routes.d/a.yaml", &both)]);
    assert_eq!(send(&router, "e").0, 502);
    assert_eq!(send(&router, "e"), (200, json!({"status": "delivered"})), "delivered outranks duplicate");
    assert_eq!(send(&router, "e"), (200, json!({"status": "duplicate"})));
    router.wait_for(|line| line["reason"] == "one: duplicate; two: duplicate");
    assert_eq!((first.all().len(), second.all().len()), (1, 2));
}

#[test]
fn a_route_may_answer_duplicates_in_its_own_words() {
    let target = Target::ok();
    let respond = "respond: [{text: taken}, {on: duplicate, text: known}]\n";
    let router = Router::start(&[("routes.d/a.yaml", &route(respond, &[("t", target.url("/"))]))]);
    assert_eq!(router.send(event("e")).text(), "taken");
    assert_eq!(router.send(event("e")).text(), "known");
}

#[test]
fn a_source_says_it_for_all_its_routes_and_a_provider_knows_its_id() {
    let (one, two) = (Target::ok(), Target::ok());
    let settings = "sources:\n  bots:\n    path: /bots/{bot}\n    verify: {provider: telegram, secret: example}\n    dedupe: {key: auto, window: 1h}\n";
    let routes = format!(
        "name: one\nmatch: {{source: bots}}\ntarget: {{url: '{}'}}\n---\nname: two\nmatch: {{source: bots}}\ndedupe: {{key: '${{body.message.?id}}'}}\ntarget: {{url: '{}'}}\n",
        one.url("/"),
        two.url("/")
    );
    let router = Router::start(&[("hookswitch.yaml", settings), ("routes.d/a.yaml", &routes)]);
    let update = |bot: &str, body: &str| {
        let request =
            Request::post(&format!("/bots/{bot}")).header("x-telegram-bot-api-secret-token", "example").json(body);
        router.send(request).json()["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(update("a", r#"{"update_id":1,"message":{"id":1}}"#), "delivered");
    assert_eq!(update("a", r#"{"update_id":1,"message":{"id":1}}"#), "duplicate");
    assert_eq!((one.all().len(), two.all().len()), (1, 1));
    assert_eq!(update("a", r#"{"update_id":2,"message":{"id":1}}"#), "delivered");
    assert_eq!((one.all().len(), two.all().len()), (1, 0), "a route's own key counts for it");
    assert_eq!(update("b", r#"{"update_id":2,"message":{}}"#), "delivered");
    assert_eq!(one.all().len(), 1, "two bots may use one number");
    let listing = router.ask_admin(Request::new("GET", "/routes")).json();
    assert_eq!(listing["routes"][0]["dedupe"], json!({"key": "auto", "window_ms": 3_600_000}));
}

#[test]
fn a_reload_forgets_nothing() {
    let target = Target::ok();
    let targets = [("t", target.url("/"))];
    let mut router = Router::start(&[("routes.d/a.yaml", &route("", &targets))]);
    assert_eq!(send(&router, "e").1, json!({"status": "delivered"}));
    router.write("routes.d/a.yaml", &route("labels: {changed: 'yes'}\n", &targets));
    router.wait_for(|line| line["message"].as_str().is_some_and(|said| said.starts_with("configuration applied")));
    assert_eq!(send(&router, "e").1, json!({"status": "duplicate"}));
    assert_eq!(target.all().len(), 1);
}

#[test]
fn who_waits_waits_no_longer_than_the_deadline() {
    let (slow, go) = held(200);
    let targets = [("t", slow.url("/"))];
    let mut router = Router::start(&[DEBUG, ("routes.d/a.yaml", &route("", &targets))]);
    let to = router.webhooks;
    let sending = [(); 2].map(|()| std::thread::spawn(move || event("e").send(to).status));
    waiting(&mut router, 1);
    router.write("routes.d/a.yaml", &route("deadline: 300ms\n", &targets));
    router.wait_for(|line| line["message"].as_str().is_some_and(|said| said.starts_with("configuration applied")));
    let late = router.send(event("e"));
    assert_eq!((late.status, late.header("retry-after").is_some()), (504, true));
    drop(go);
    assert_eq!(sending.map(|sending| sending.join().unwrap()), [200; 2]);
    assert_eq!(slow.all().len(), 1);
}

#[test]
fn a_wrong_key_fails_the_event_instead_of_delivering_it_twice() {
    let target = Target::ok();
    let route = route("", &[("t", target.url("/"))]).replace("headers[\"x-event\"]", "body.n + 1");
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!(router.send(Request::post("/a").json(r#"{"n":"x"}"#)).status, 422);
    assert!(target.all().is_empty());
}

#[test]
fn without_dedupe_equal_events_are_two() {
    let target = Target::ok();
    let route = route("", &[("t", target.url("/"))]).replace(DEDUPE, "");
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!((send(&router, "e").0, send(&router, "e").0), (200, 200));
    let ids: Vec<String> = target.all().iter().map(|seen| seen.header("webhook-id").unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}
