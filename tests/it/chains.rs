//! Targets that wait for other targets of their route, and read their answers.

use crate::harness::{Answer, Request, Response, Router, Target, hookswitch, write};
use serde_json::json;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

fn route(keys: &str, targets: &[String]) -> String {
    format!("name: a\nmatch: {{path: /a}}\nverify: none\n{keys}targets:\n{}", targets.concat())
}

/// One attempt at a target, and what else is said about it.
fn target(name: &str, to: &Target, keys: &str) -> String {
    format!("  - {{name: {name}, url: '{}', retry: {{max: 0}}, {keys}}}\n", to.url("/"))
}

fn send(router: &Router) -> Response {
    router.send(Request::post("/a").header("x-event", "e-1").json(r#"{"user":5}"#))
}

fn answering(body: &'static str) -> Target {
    Target::new(move |_, _| Answer::status(200).body(body))
}

fn failing() -> Target {
    Target::new(|_, _| Answer::status(400).body(r#"{"why":"no"}"#))
}

/// A target that answers when it is told to.
fn held() -> (Target, Sender<()>) {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let target = Target::new(move |_, _| {
        let _ = wait.lock().unwrap().recv();
        Answer::status(200)
    });
    (target, go)
}

/// Everything is delivered when the process has ended.
fn ended(router: Router) {
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert!(status.success(), "{}", lines.join("\n"));
}

const TELL: &str = "transform: {body: {text: '${body.user} has ${answers.billing.body.balance}'}}";

#[test]
fn a_target_starts_when_the_one_before_has_succeeded_and_sees_its_answer() {
    let billing = Target::new(|number, _| match number {
        0 => Answer::status(503),
        _ => Answer::status(200).body(r#"{"balance":12.50}"#),
    });
    let notify = Target::ok();
    let billing_target = format!("  - {{name: billing, url: '{}', retry: {{delay: 10ms}}}}\n", billing.url("/"));
    let targets = [target("notify", &notify, &format!("after: billing, {TELL}")), billing_target];
    let respond = "respond: {body: {balance: '${answers.billing.body.balance}', told: '${answers.notify.status}'}}\n";
    let router = Router::start(&[("routes.d/a.yaml", &route(respond, &targets))]);
    assert_eq!(send(&router).text(), r#"{"balance":12.50,"told":200}"#);
    assert_eq!(billing.all().len(), 2);
    assert_eq!(notify.next().json(), json!({"text": "5 has 12.50"}));
    assert!(notify.all().is_empty());
}

#[test]
fn what_comes_after_a_failure_is_skipped_and_the_sender_hears_of_the_failure() {
    let (billing, notify, last) = (failing(), Target::ok(), Target::ok());
    let targets = [
        target("billing", &billing, ""),
        target("notify", &notify, "after: [billing]"),
        target("last", &last, "after: notify"),
    ];
    let router = Router::start(&[("routes.d/a.yaml", &route("", &targets))]);
    assert_eq!(send(&router).status, 502);
    ended(router);
    assert_eq!((billing.all().len(), notify.all().len(), last.all().len()), (1, 0, 0));
}

#[test]
fn nobody_waits_for_an_optional_target_or_for_what_hangs_behind_it() {
    let (billing, (notify, go), log) = (answering(r#"{"balance":1}"#), held(), Target::ok());
    let targets = [
        target("billing", &billing, ""),
        target("notify", &notify, &format!("required: false, after: billing, {TELL}")),
        target(
            "log",
            &log,
            "required: false, after: notify, transform: {body: {told: '${answers.notify.status}', of: '${answers.billing.body}'}}",
        ),
    ];
    let router = Router::start(&[("routes.d/a.yaml", &route("", &targets))]);
    assert_eq!(send(&router).json(), json!({"status": "delivered"}), "while the notifier has not answered");
    drop(go);
    assert_eq!(notify.next().json(), json!({"text": "5 has 1"}));
    assert_eq!(log.next().json(), json!({"told": 200, "of": {"balance": 1}}));
    ended(router);
}

#[test]
fn a_stop_waits_for_what_hangs_behind_an_optional_target() {
    let ((notify, go), log) = (held(), Target::ok());
    let targets = [target("notify", &notify, "required: false"), target("log", &log, "required: false, after: notify")];
    let router = Router::start(&[("routes.d/a.yaml", &route("", &targets))]);
    assert_eq!(send(&router).status, 200);
    router.signal("TERM");
    drop(go);
    let (status, lines) = router.wait();
    assert!(status.success(), "{}", lines.join("\n"));
    assert_eq!(log.all().len(), 1);
}

#[test]
fn an_optional_notifier_may_fail() {
    let (billing, notify) = (answering("{}"), failing());
    let targets = [target("billing", &billing, ""), target("notify", &notify, "required: false, after: billing")];
    let mut router = Router::start(&[("routes.d/a.yaml", &route("", &targets))]);
    assert_eq!(send(&router).status, 200);
    router.wait_for(|line| line["target"] == "notify" && line["status"] == 400);
}

#[test]
fn a_substitute_runs_where_the_first_choice_fails() {
    for (fails, expected) in [(true, (1, 1)), (false, (1, 0))] {
        let first = if fails { failing() } else { Target::ok() };
        let second = Target::ok();
        let why = "transform: {body: {why: '${answers.first.body.why}'}}";
        let targets = [
            target("first", &first, "required: false"),
            target("second", &second, &format!("after: first, on: failed, {why}")),
        ];
        let router = Router::start(&[("routes.d/a.yaml", &route("", &targets))]);
        assert_eq!(send(&router).status, 200);
        ended(router);
        let substituted = second.all();
        assert_eq!((first.all().len(), substituted.len()), expected);
        assert!(substituted.iter().all(|seen| seen.json() == json!({"why": "no"})), "a failed target has answered too");
    }
}

#[test]
fn a_required_target_that_a_failure_kept_from_running_is_not_delivered() {
    let (first, second) = (failing(), Target::ok());
    let targets = [target("first", &first, "required: false"), target("second", &second, "after: first")];
    let router = Router::start(&[("routes.d/a.yaml", &route("", &targets))]);
    assert_eq!(send(&router).status, 502);
    let targets = [target("first", &first, "when: 'false'"), target("second", &second, "after: first")];
    router.write("routes.d/a.yaml", &route("", &targets));
    let mut router = router;
    router.wait_for(|line| line["message"].as_str().is_some_and(|said| said.starts_with("configuration applied")));
    assert_eq!(send(&router).status, 200, "what was to be skipped is no failure");
    assert!(second.all().is_empty());
}

/// The dead letter holds the event for the target that failed. For the one that was skipped nobody has it.
#[test]
fn a_dead_letter_of_the_one_before_is_no_delivery_of_the_one_behind() {
    let (first, second) = (failing(), Target::ok());
    let dead_letter = tempfile::tempdir().unwrap();
    let file = dead_letter.path().join("dead.ndjson");
    let graveyard = format!("  - {{name: graveyard, url: 'file://{}'}}\n", file.display());
    let targets =
        |required| [target("a", &first, "dead_letter: graveyard"), target("b", &second, required), graveyard.clone()];
    let router = Router::start(&[("routes.d/a.yaml", &route("", &targets("after: a")))]);
    assert_eq!(send(&router).status, 502);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
    let router = Router::start(&[("routes.d/a.yaml", &route("", &targets("after: a, required: false")))]);
    assert_eq!(send(&router).status, 200);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
    ended(router);
    assert!(second.all().is_empty());
}

#[test]
fn an_accepted_event_that_a_failure_kept_from_a_target_is_told_as_lost() {
    let (first, second) = (failing(), Target::ok());
    let targets = [target("a", &first, ""), target("b", &second, "after: a")];
    let mut router = Router::start(&[("routes.d/a.yaml", &route("ack: accepted\n", &targets))]);
    assert_eq!(send(&router).status, 202);
    let line = router.wait_for(|line| line["message"] == "accepted delivery lost" && line["target"] == "b");
    assert_eq!((&line["level"], &line["reason"]), (&json!("error"), &json!("skipped")));
}

#[test]
fn a_last_resort_gets_what_no_other_target_gets() {
    let (adults, rest) = (Target::ok(), Target::ok());
    let targets = [target("rest", &rest, "otherwise: true"), target("adults", &adults, "when: body.user > 17")];
    let router = Router::start(&[("routes.d/a.yaml", &route("", &targets))]);
    assert_eq!(send(&router).status, 200);
    assert_eq!((rest.all().len(), adults.all().len()), (1, 0));
    assert_eq!(router.send(Request::post("/a").json(r#"{"user":18}"#)).status, 200);
    assert_eq!((rest.all().len(), adults.all().len()), (0, 1));
}

const DEDUPE: &str = "dedupe: {key: '${headers[\"x-event\"]}'}\n";

#[test]
fn a_later_try_goes_on_where_the_first_stopped_with_the_answers_of_the_first() {
    let billing = answering(r#"{"balance":700}"#);
    let crm = Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }));
    let notify = Target::ok();
    let targets = [
        target("billing", &billing, ""),
        target("crm", &crm, "after: billing, transform: {body: {balance: '${answers.billing.body.balance}'}}"),
        target("notify", &notify, &format!("required: false, after: [billing, crm], {TELL}")),
    ];
    let router = Router::start(&[("routes.d/a.yaml", &route(DEDUPE, &targets))]);
    assert_eq!(send(&router).status, 502);
    assert!(notify.all().is_empty());
    assert_eq!(send(&router).json(), json!({"status": "delivered"}));
    assert_eq!(send(&router).json(), json!({"status": "duplicate"}));
    assert_eq!(notify.next().json(), json!({"text": "5 has 700"}));
    ended(router);
    assert_eq!((billing.all().len(), notify.all().len()), (1, 0));
    let tries = crm.all();
    assert_eq!(tries.iter().map(|seen| seen.json()["balance"].clone()).collect::<Vec<_>>(), [700, 700]);
    assert_eq!(tries[0].header("idempotency-key"), tries[1].header("idempotency-key"));
}

#[test]
fn what_hangs_behind_an_optional_target_is_not_repeated_by_a_later_try() {
    let (crm, note, log) =
        (Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 })), Target::ok(), Target::ok());
    let targets = [
        target("crm", &crm, ""),
        target("note", &note, "required: false"),
        target("log", &log, "required: false, after: note, transform: {body: {noted: '${answers.note.status}'}}"),
    ];
    let router = Router::start(&[("routes.d/a.yaml", &route(DEDUPE, &targets))]);
    assert_eq!(send(&router).status, 502);
    log.next();
    assert_eq!(send(&router).status, 200);
    ended(router);
    assert_eq!((note.all().len(), log.all().len(), crm.all().len()), (1, 0, 2));
}

#[test]
fn the_deadline_is_of_the_whole_chain() {
    let ((slow, go), next) = (held(), Target::ok());
    let targets = [target("slow", &slow, ""), target("next", &next, "after: slow")];
    let router = Router::start(&[("routes.d/a.yaml", &route("deadline: 300ms\n", &targets))]);
    assert_eq!(send(&router).status, 504);
    drop(go);
    ended(router);
    assert!(next.all().is_empty());
}

#[test]
fn success_may_depend_on_an_earlier_answer() {
    let (quote, order) = (answering(r#"{"price":10}"#), answering(r#"{"price":11}"#));
    let keys = "after: quote, success: 'answer.body.price == answers.quote.body.price'";
    let targets = [target("quote", &quote, ""), target("order", &order, keys)];
    let router = Router::start(&[("routes.d/a.yaml", &route("", &targets))]);
    assert_eq!(send(&router).status, 502);
}

#[test]
fn explain_and_test_show_why_a_target_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Target::ok();
    let targets = [
        target("billing", &nowhere, "success: answer.body.ok == true"),
        target("notify", &nowhere, &format!("required: false, after: billing, {TELL}")),
        target("alarm", &nowhere, "required: false, after: billing, on: failed"),
    ];
    write(folder.path(), "routes.d/a.yaml", &route("", &targets));
    let explain = |data: &str| {
        let output = hookswitch(folder.path(), &["explain", "POST", "/a", "-d", data]);
        String::from_utf8(output.stdout).unwrap()
    };
    let told = explain(r#"{"user":5}"#);
    assert!(told.contains("it comes after `billing`, which succeeded"), "{told}");
    let tests = r#"
tests:
  - name: billing says yes
    request: {path: /a, body: {user: 5}}
    answers: {billing: {body: {ok: true, balance: 3}}}
    expect: {deliveries: [{target: billing}, {target: notify, body: {text: 5 has 3}}], response: {status: 200}}
  - name: billing says no
    request: {path: /a, body: {user: 5}}
    answers: {billing: {body: {ok: false}}}
    expect: {deliveries: [{target: billing}, {target: alarm}], response: {status: 502}}
"#;
    write(folder.path(), "routes.d/a.test.yaml", tests);
    let output = hookswitch(folder.path(), &["test"]);
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    write(
        folder.path(),
        "routes.d/a.test.yaml",
        &tests.replace("{target: alarm}", "{target: alarm}, {target: notify}"),
    );
    let output = hookswitch(folder.path(), &["test"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("a/notify skipped: it comes after `billing`, which failed"), "{said}");
}

fn shared(targets: &[(&str, &Target, &str)]) -> String {
    let targets: Vec<String> = targets
        .iter()
        .map(|(name, target, keys)| format!("  {name}: {{url: '{}', retry: {{max: 0}}, {keys}}}\n", target.url("/")))
        .collect();
    format!("tables: {{teams: {{PAY: pay, WEB: web}}}}\ntargets:\n{}", targets.concat())
}

const CHOOSE: &str =
    "  - {name: team, choose: '${tables.teams[body.project]}', among: [pay, web], headers: {x-by: hookswitch}, ";

#[test]
fn data_chooses_among_configured_targets() {
    let (pay, web, triage) = (Target::ok(), Target::ok(), Target::ok());
    let settings = shared(&[("pay", &pay, "auth: {bearer: example-pay}"), ("web", &web, ""), ("triage", &triage, "")]);
    let targets = [format!("{CHOOSE}otherwise: triage}}\n")];
    let files = [("hookswitch.yaml", settings.as_str()), ("routes.d/a.yaml", &route("", &targets))];
    let mut router = Router::start(&files);
    for (project, target) in [("PAY", &pay), ("WEB", &web), ("???", &triage)] {
        assert_eq!(router.send(Request::post("/a").json(&json!({"project": project}).to_string())).status, 200);
        assert_eq!(target.next().header("x-by"), Some("hookswitch"), "what the route says holds for all");
    }
    assert_eq!(send(&router).status, 200, "an absent key is otherwise too");
    triage.next();
    assert_eq!(router.send(Request::post("/a").json(r#"{"project":5}"#)).status, 200);
    triage.next();
    assert!(pay.all().is_empty() && web.all().is_empty());
    let line = router.wait_for(|line| line["chosen"] == "pay");
    assert_eq!(line["target"], "team");
    let listing = router.ask_admin(Request::new("GET", "/routes")).json();
    assert_eq!(listing["routes"][0]["targets"][0]["among"].as_array().unwrap().len(), 3);
}

#[test]
fn a_choice_of_nothing_fails_the_event_unless_its_when_is_false() {
    let (pay, web) = (Target::ok(), Target::ok());
    let settings = shared(&[("pay", &pay, "auth: {bearer: example-pay}"), ("web", &web, "required: false")]);
    let targets = [format!("{CHOOSE}when: has(body.project)}}\n")];
    let router = Router::start(&[("hookswitch.yaml", settings.as_str()), ("routes.d/a.yaml", &route("", &targets))]);
    assert_eq!(router.send(Request::post("/a").json(r#"{"project":"???"}"#)).status, 422);
    assert_eq!(send(&router).status, 200);
    assert!(pay.all().is_empty() && web.all().is_empty());
}

#[test]
fn a_choice_is_a_link_of_a_chain_like_any_other() {
    let (pay, web, notify) = (failing(), answering(r#"{"ticket":"W-1"}"#), Target::ok());
    let settings = shared(&[("pay", &pay, "required: false"), ("web", &web, "")]);
    let tell = "required: false, after: team, transform: {body: {ticket: '${answers.team.body.ticket}'}}";
    let targets = [format!("{CHOOSE}}}\n"), target("notify", &notify, tell)];
    let router = Router::start(&[("hookswitch.yaml", settings.as_str()), ("routes.d/a.yaml", &route("", &targets))]);
    assert_eq!(router.send(Request::post("/a").json(r#"{"project":"WEB"}"#)).status, 200);
    assert_eq!(notify.next().json(), json!({"ticket": "W-1"}));
    assert_eq!(router.send(Request::post("/a").json(r#"{"project":"PAY"}"#)).status, 200, "the chosen one is optional");
    ended(router);
    assert!(notify.all().is_empty());
}

#[test]
fn a_route_may_say_no_in_its_own_words() {
    let check = Target::new(|number, _| match number {
        0 => Answer::status(200).body(r#"{"allowed":false,"reason":"blocked"}"#),
        _ => Answer::status(409).body(r#"{"reason":"later"}"#).header("retry-after", "7"),
    });
    let (success, relay) =
        ("success: answer.body.allowed == true", "respond: {on: [delivered, failed], from: check}\n");
    let router = Router::start(&[("routes.d/a.yaml", &route(relay, &[target("check", &check, success)]))]);
    let said = send(&router);
    assert_eq!((said.status, said.json()), (502, json!({"allowed": false, "reason": "blocked"})), "a 200 is not a yes");
    let said = send(&router);
    assert_eq!((said.status, said.json()), (409, json!({"reason": "later"})));
    let own = "respond: [{on: failed, body: {no: '${answers.?check.?body.?reason.orValue(\"?\")}'}, status: 418}]\n";
    router.write("routes.d/a.yaml", &route(own, &[target("check", &check, success)]));
    let mut router = router;
    router.wait_for(|line| line["message"].as_str().is_some_and(|said| said.starts_with("configuration applied")));
    let said = send(&router);
    assert_eq!((said.status, said.json()), (418, json!({"no": "later"})));
    router.wait_for(|line| line["status"] == 418 && line["outcome"] == "failed" && line["error"] == "not-delivered");
}
