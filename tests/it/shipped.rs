//! The routes that are shipped, run as a new user would run them: the real folder, the variables of `.env.example`.

use crate::harness::{Answer, Request, Router, Target, hookswitch};
use serde_json::json;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A copy of what is shipped, so that nothing is written beside it.
fn shipped() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join("hookswitch.yaml"), folder.path().join("hookswitch.yaml")).unwrap();
    copy(&root().join("routes.d"), &folder.path().join("routes.d"));
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// The variables of `.env.example`, as a shell would read them.
fn example_environment() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join(".env.example")).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn start(more: &[(&str, String)]) -> Router {
    let example = example_environment();
    let mut environment: Vec<(&str, &str)> =
        example.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    environment.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
    Router::start_in(shipped(), &[], &environment)
}

#[test]
fn every_shipped_folder_is_valid_and_its_examples_pass() {
    for folder in [root(), root().join("examples/quickstart")] {
        for arguments in [["validate", "--offline"].as_slice(), ["test"].as_slice()] {
            let output = hookswitch(&folder, arguments);
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{arguments:?} in {}: {said}", folder.display());
        }
    }
}

#[test]
fn a_retailcrm_order_arrives_as_json_and_urlencoded_and_a_503_is_tried_again() {
    let orders = Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }));
    let router = start(&[("RETAILCRM_ORDERS_URL", orders.url("/orders"))]);
    let sender = || Request::post("/webhook/retailcrm/gh").header("x-webhook-token", "example-retailcrm-token");
    let as_json = sender().json(r#"{"order":{"id":7,"status":"approved","items":[{"sku":"TEA","quantity":2}]}}"#);
    let response = router.send(as_json);
    assert_eq!((response.status, response.json()), (200, json!({"success": true})));
    let (failed, retried) = (orders.next(), orders.next());
    assert_eq!(failed.body, retried.body);
    assert_eq!(retried.target, "/orders/approved");
    assert_eq!(retried.header("authorization"), Some("Bearer example-orders-token"));
    assert_eq!(retried.header("x-webhook-token"), None);
    let form = "order[id]=7&order[status]=approved&order[items][0][sku]=TEA&order[items][0][quantity]=2";
    assert_eq!(router.send(sender().form(form)).status, 200);
    assert_eq!(orders.next().json(), retried.json());
    assert_eq!(router.send(sender().form("order[id]=8&order[status]=new")).status, 200);
    assert!(orders.all().is_empty());
    assert_eq!(router.send(Request::post("/webhook/retailcrm/gh").form(form)).status, 401);
}

const IIKO: &str = r#"{"eventType":"DeliveryOrderUpdate","eventInfo":{"id":"o-1","externalId":"e-1","organizationId":"550e8400-e29b-41d4-a716-446655440000","status":"Delivered","previousStatus":"OnWay","sum":1520.50,"number":"515","orderType":"DELIVERY","createdAt":"2026-08-31T16:23:31Z"}}"#;

#[test]
fn an_iiko_order_reaches_three_systems_in_three_formats() {
    let (senler, crm, analytics) = (Target::ok(), Target::ok(), Target::ok());
    let router = start(&[
        ("SENLER_URL", senler.url("/senler")),
        ("CRM_URL", crm.url("/crm")),
        ("ANALYTICS_URL", analytics.url("/analytics")),
    ]);
    let request = Request::post("/hooks/iiko/main").header("authorization", "Bearer example-iiko-token").json(IIKO);
    assert_eq!(router.send(request).status, 200);
    let soi = senler.next();
    assert_eq!(soi.json()["iikoOrderDetails"]["orderStatus"], "Delivered");
    assert!(soi.text().contains("1520.50"), "the sum keeps its own text");
    assert_eq!(soi.header("authorization"), Some("Bearer example-senler-token"));
    let own = crm.next();
    assert_eq!(own.json()["order"]["total_amount"], 152_050);
    assert!(own.header("authorization").unwrap().starts_with("Basic "));
    let same = analytics.next();
    assert_eq!(same.text(), IIKO);
    assert_eq!((same.header("x-api-key"), same.header("authorization")), (Some("example-analytics-key"), None));
}

const PAYMENT: &str = r#"{"update_id":7,"message":{"successful_payment":{"currency":"XTR","total_amount":100,"invoice_payload":"{\"telegram_id\": 5, \"amount_ndn\": 500}","telegram_payment_charge_id":"stx-1"}}}"#;

fn payment() -> Request {
    Request::post("/webhook/telegram")
        .header("x-telegram-bot-api-secret-token", "example-telegram-secret")
        .json(PAYMENT)
}

#[test]
fn a_payment_update_sent_five_times_at_once_credits_once() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let billing = Target::new(move |_, _| {
        let _ = wait.lock().unwrap().recv();
        Answer::status(200).body(r#"{"balance":1750.50}"#)
    });
    let telegram = Target::ok();
    let mut router = start(&[("BILLING_URL", billing.url("/billing")), ("TELEGRAM_API_URL", telegram.url("/tg"))]);
    let to = router.webhooks;
    let sending: Vec<_> = (0..5).map(|_| std::thread::spawn(move || payment().send(to).status)).collect();
    drop(go);
    let answers: Vec<u16> = sending.into_iter().map(|sending| sending.join().unwrap()).collect();
    assert_eq!(answers, [200; 5]);
    assert_eq!(router.send(payment()).json(), json!({"status": "duplicate"}), "and a late one does not credit either");
    let credits = billing.all();
    assert_eq!((credits.len(), credits[0].json()["amount_ndn"].clone()), (1, json!(500)));
    let told = telegram.next();
    assert_eq!(told.target, "/tg/bot123456:example-bot-token/sendMessage");
    assert_eq!(told.json(), json!({"chat_id": 5, "text": "+500 NDN. Your balance: 1750.50 NDN."}));
    router.wait_for(|line| line["target"] == "notify" && line["outcome"] == "success");
    router.signal("TERM");
    let (_, lines) = router.wait();
    assert!(telegram.all().is_empty(), "the user is told once");
    assert!(lines.iter().all(|line| !line.contains("example-bot-token")), "the token is never logged: {lines:?}");
}

#[test]
fn a_loyalty_registration_is_a_chain_whose_answers_reach_the_platform() {
    let check = Target::new(|number, _| {
        let answer = Answer::status(200);
        answer.body(if number == 0 {
            r#"{"allowed":true,"segment":"gold"}"#
        } else {
            r#"{"allowed":false,"reason":"known"}"#
        })
    });
    let (profile, crm) = (Target::new(|_, _| Answer::status(200).body(r#"{"card":"77-1"}"#)), Target::ok());
    let router = start(&[
        ("LOYALTY_CHECK_URL", check.url("/check")),
        ("LOYALTY_PROFILE_URL", profile.url("/profile")),
        ("CRM_URL", crm.url("/crm")),
    ]);
    let hook = || {
        Request::post("/hooks/loyalty/before_registration")
            .header("authorization", "Basic bG95YWx0eTpleGFtcGxlLWxveWFsdHktcGFzc3dvcmQ=")
            .json(r#"{"user":{"name":"Anna","phone":"+79991234567"}}"#)
    };
    assert_eq!(router.send(hook()).json(), json!({"allowed": true, "segment": "gold", "card": "77-1"}));
    assert_eq!(profile.next().json()["segment"], "gold");
    assert_eq!(crm.next().json()["card"], "77-1");
    let refused = router.send(hook());
    assert_eq!((refused.status, refused.json()), (502, json!({"allowed": false, "reason": "known"})));
    assert!(profile.all().is_empty() && crm.all().is_empty());
}

#[test]
fn a_list_of_iiko_events_is_finished_by_the_next_try() {
    let analytics = Target::new(|number, _| Answer::status(if number == 0 { 400 } else { 200 }));
    let (senler, crm) = (Target::ok(), Target::ok());
    let router = start(&[
        ("SENLER_URL", senler.url("/senler")),
        ("CRM_URL", crm.url("/crm")),
        ("ANALYTICS_URL", analytics.url("/analytics")),
    ]);
    let list = format!(
        "[{IIKO},{}]",
        IIKO.replace("\"Delivered\"", "\"OnWay\"").replace("\"OnWay\",\"sum\"", "\"CookingStarted\",\"sum\"")
    );
    let send = || {
        let request = Request::post("/hooks/iiko/main").header("authorization", "example-iiko-token").json(&list);
        router.send(request).status
    };
    assert_eq!((send(), send()), (502, 200));
    assert_eq!((senler.all().len(), crm.all().len(), analytics.all().len()), (2, 2, 2));
}

#[test]
fn a_payment_that_billing_did_not_take_is_credited_by_the_next_update() {
    let billing = Target::new(|number, _| Answer::status(if number == 0 { 400 } else { 200 }));
    let router = start(&[("BILLING_URL", billing.url("/billing"))]);
    assert_eq!(router.send(payment()).status, 502);
    assert_eq!(router.send(payment()).json(), json!({"status": "delivered"}));
    let tries = billing.all();
    assert_eq!(tries.len(), 2);
    assert_eq!(tries[0].header("idempotency-key"), tries[1].header("idempotency-key"));
    assert_eq!(tries[0].header("webhook-id"), tries[1].header("webhook-id"));
}

#[test]
fn an_iiko_event_that_one_of_three_did_not_take_comes_again_for_that_one_alone() {
    let (crm, analytics) = (Target::ok(), Target::ok());
    let senler = Target::new(|number, _| Answer::status(if number == 0 { 400 } else { 200 }));
    let router = start(&[
        ("SENLER_URL", senler.url("/senler")),
        ("CRM_URL", crm.url("/crm")),
        ("ANALYTICS_URL", analytics.url("/analytics")),
    ]);
    let send = |status: &str| {
        let body = IIKO.replace("Delivered", status);
        let request = Request::post("/hooks/iiko/main").header("authorization", "example-iiko-token").json(&body);
        router.send(request).status
    };
    assert_eq!((send("Delivered"), send("Delivered")), (502, 200));
    assert_eq!((senler.all().len(), crm.all().len(), analytics.all().len()), (2, 1, 1));
    assert_eq!(send("Closed"), 200);
    assert_eq!((senler.all().len(), crm.all().len(), analytics.all().len()), (1, 1, 1), "another event is another");
}

#[test]
fn a_telegram_checkout_is_answered_in_the_webhooks_own_response() {
    let router = start(&[]);
    let body = r#"{"update_id":1,"pre_checkout_query":{"id":"q-1","from":{"id":5},"currency":"XTR","total_amount":100,"invoice_payload":"ndn:5:250"}}"#;
    let request =
        Request::post("/webhook/telegram").header("x-telegram-bot-api-secret-token", "example-telegram-secret");
    let response = router.send(request.json(body));
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.json()["method"], "answerPreCheckoutQuery");
    assert_eq!(router.send(Request::post("/webhook/telegram").json(body)).status, 401);
}
