//! Explaining and testing, the console's files, and what the OpenAPI document says of all answers.

use super::*;

#[tokio::test]
async fn what_is_asked_is_read_and_bounded() {
    let running = start("127.0.0.1", None, None).await;
    let asked = r#"{"request": "POST /hooks\n\nx"}"#;
    assert_eq!(running.post("/explain", &[], asked).await, (200, json!({"path": "/hooks", "body": "x"})));
    let (status, told) = running.post("/targets/a%20b/c%2Fd/test", &["content-type: application/json"], "").await;
    assert_eq!((status, told), (200, json!({"route": "a b", "target": "c/d", "body": null})));
    for (path, headers, body, expected, word) in [
        ("/explain", "x: y", "{}", 422, "a path is missing"),
        ("/explain", "x: y", "{", 400, "not the JSON expected"),
        ("/explain", "content-type: text/plain", asked, 415, "application/json"),
        ("/explain", "content-type: application/x-www-form-urlencoded", asked, 415, "application/json"),
        ("/targets/a//test", "x: y", "", 404, ""),
        ("/targets/a/%ff/test", "x: y", "", 404, ""),
    ] {
        let (status, problem) = running.post(path, &[headers], body).await;
        assert!(status == expected && problem["detail"].as_str().unwrap().contains(word), "{path} {headers} {problem}");
    }
    let (status, problem) = running.post("/explain", &[], &format!("\"{}\"", "x".repeat(1 << 20))).await;
    assert_eq!((status, &problem["title"]), (413, &json!("Content too large")));
    for path in ["GET /explain", "GET /targets/a/b/test", "HEAD /reload"] {
        assert_eq!(running.status(path, &[]).await, 405, "no state is changed by {path}");
    }
}

#[tokio::test]
async fn no_foreign_page_makes_it_do_anything() {
    let running = start("127.0.0.1", None, Some(ReloadOutcome::Applied { generation: 4 })).await;
    for path in ["/reload", "/explain", "/targets/a/b/test"] {
        for header in ["origin: http://evil.example", "sec-fetch-site: cross-site", "sec-fetch-site: same-site"] {
            assert_eq!(running.post(path, &[header], "").await.0, 403, "{path} {header}");
        }
    }
}

#[tokio::test]
async fn the_console_is_shown_to_whoever_opens_it() {
    for (pretended, token) in [("127.0.0.1", None), ("10.0.0.1", Some("letmein"))] {
        let running = start(pretended, token, None).await;
        let (status, head, body) = running.ask("GET /", &[]).await;
        assert!(status == 200 && head.contains("content-type: text/html; charset=utf-8"), "{head}");
        assert!(head.contains("script-src 'self'") && head.contains("require-trusted-types-for 'script'"), "{head}");
        assert!(head.contains("x-content-type-options: nosniff") && body.starts_with("<!doctype html>"));
        let (status, head, _) = running.ask("GET /console/main.js", &["sec-fetch-site: same-origin"]).await;
        assert!(status == 200 && head.contains("content-type: text/javascript; charset=utf-8"), "{head}");
        assert_eq!(running.status("POST /", &[]).await, 405);
        let link = ["sec-fetch-site: cross-site", "sec-fetch-mode: navigate", "sec-fetch-dest: document"];
        assert_eq!(running.status("GET /", &link).await, 200, "a link from elsewhere leads here");
        for piece in [
            ["sec-fetch-mode: no-cors", "sec-fetch-dest: script"],
            ["sec-fetch-mode: navigate", "sec-fetch-dest: iframe"],
        ] {
            let headers = ["sec-fetch-site: cross-site", piece[0], piece[1]];
            assert_eq!(running.status("GET /console/main.js", &headers).await, 403, "{piece:?}");
        }
        assert_eq!(running.status("GET /config", &link).await, 403, "data is nobody's link");
    }
    let running = start("127.0.0.1", None, None).await;
    assert_eq!(running.status("GET /", &["host: evil.example"]).await, 403);
}

/// Holds an answer against the schema that the OpenAPI document has for it.
fn fits(schema: &str, answer: &Value) {
    let errors: Vec<String> = openapi::tests::schema(schema)
        .iter_errors(answer)
        .map(|error| format!("{} {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{schema}: {errors:?} in {answer}");
}

#[tokio::test]
async fn answers_are_as_the_openapi_document_says() {
    let source = crate::diagnostic::SourceLine { text: "a: b".into(), start: 0, end: 1 };
    let told = Diagnostic { source: Some(source), help: Some("do".into()), ..diagnostic("an error") };
    let rejected = ReloadOutcome::Rejected { generation: 3, diagnostics: vec![told].into() };
    let running = start("127.0.0.1", None, Some(rejected)).await;
    running.history.delivery(delivery(DateTime::UNIX_EPOCH, "success"));
    running.history.delivery(crate::history::DeliveryEntry {
        attempts: Box::new([]),
        chosen: Some("pay".into()),
        element: Some(0),
        dead_letter: Some("graveyard".into()),
        waits: Box::new(["rate", "concurrency", "breaker"].map(|reason| {
            let duration = std::time::Duration::from_millis(1);
            crate::history::WaitEntry { time: DateTime::UNIX_EPOCH, reason, duration }
        })),
        ..delivery(DateTime::UNIX_EPOCH, "expression")
    });
    let asked = crate::history::Asked { route: "a".into(), outcome: "ignored", reason: "no".into() };
    let skipped = crate::history::SkippedTarget { route: "a".into(), target: "t".into(), reason: "no".into() };
    let labels = vec![("order".into(), "1".to_owned())];
    running.history.event(crate::history::EventEntry {
        asked: vec![asked],
        skipped: vec![skipped],
        labels,
        ..event(DateTime::UNIX_EPOCH, "ignored")
    });
    for (page, schema) in [
        ("/livez", "Health"),
        ("/readyz", "Health"),
        ("/config", "Config"),
        ("/handshakes", "Handshakes"),
        ("/events", "Events"),
        ("/deliveries", "Deliveries"),
        ("/nothing", "Problem"),
        ("/events?limit=0", "Problem"),
    ] {
        fits(schema, &running.json(&format!("GET {page}")).await.1);
    }
    fits("Reload", &running.json("POST /reload").await.1);
    fits("Problem", &running.post("/explain", &[], "{}").await.1);
    let (_, head, document) = running.ask("GET /openapi.json", &[]).await;
    assert!(head.contains("application/json") && document == openapi::DOCUMENT);
    let (_, config) = running.json("GET /config").await;
    assert_eq!(config["diagnostics"][0]["source"], json!({"text": "a: b", "start": 0, "end": 1}));
}
