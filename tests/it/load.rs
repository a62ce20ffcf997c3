//! Routes are edited while webhooks arrive: not one is lost.

use crate::harness::{Answer, Request, Router, Target};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Every event that was acknowledged is at the target, while good and bad files come and go.
#[test]
fn no_request_is_lost_while_routes_are_edited_under_load() {
    let got = Arc::new(Mutex::new(HashSet::new()));
    let ledger = got.clone();
    let target = Target::new(move |number, seen| {
        if number % 50 == 7 {
            return Answer::status(503);
        }
        ledger.lock().unwrap().insert(seen.json()["id"].as_str().unwrap().to_owned());
        Answer::status(200)
    });
    let route = |version: usize| {
        format!(
            "name: a\nmatch: {{path: /a}}\nverify: none\ntarget: {{url: '{}', retry: {{delay: 5ms}}, transform: {{body: {{id: '${{body.id}}', version: {version}}}}}}}\n",
            target.url("/")
        )
    };
    let mut router = Router::start(&[("routes.d/a.yaml", &route(0))]);
    let (to, done) = (router.webhooks, Arc::new(AtomicBool::new(false)));
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let done = done.clone();
            std::thread::spawn(move || {
                let mut acknowledged = Vec::new();
                let mut number = 0;
                while !done.load(Ordering::Relaxed) && number < 20_000 {
                    let id = format!("{sender}-{number}");
                    number += 1;
                    let response = Request::post("/a").json(&format!("{{\"id\":\"{id}\"}}")).send(to);
                    assert_eq!(response.status, 200, "{}", response.text());
                    acknowledged.push(id);
                }
                acknowledged
            })
        })
        .collect();
    for version in 1..=10 {
        router.forget();
        router.write("routes.d/a.yaml", "name: a\nmatch: {path: /a, wehn: x}\n");
        router.wait_for(|line| {
            line["message"].as_str().is_some_and(|message| message.starts_with("configuration rejected"))
        });
        router.write("routes.d/a.yaml", &route(version));
        let generation = version + 1;
        router.wait_for(|line| line["message"] == "configuration applied" && line["generation"] == generation);
    }
    done.store(true, Ordering::Relaxed);
    let acknowledged: Vec<String> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
    let got = got.lock().unwrap();
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !got.contains(*id)).collect();
    assert!(lost.is_empty(), "lost {} of {}", lost.len(), acknowledged.len());
    assert!(!acknowledged.is_empty());
}
