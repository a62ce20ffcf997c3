//! The console in a real browser: tests/browser/console.mjs, on routers that are started here.
//!
//! Needs Chromium, Node and playwright-core, which tests/browser/setup brings. Where one is missing it says so and passes,
//! unless HOOKSWITCH_BROWSER_TESTS=required.

use crate::harness::{Answer, Router, Target};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Of the targets that a batch is for, one refuses, and the other keeps what it refused.
fn settings(shop: &Target) -> String {
    format!(
        "telemetry: {{trace_url: 'https://jaeger.example/trace/{{trace_id}}'}}\n\
         targets:\n  pay: {{url: '{}', limit: {{concurrency: 1}}}}\n  graveyard: {{url: '{}'}}\n",
        shop.url("/ledger"),
        shop.url("/graveyard")
    )
}

const BATCH: &str = "name: batch\nmatch: {path: /batch}\nverify: none\neach: {in: '${body}'}\nlabels: {n: '${body.n}'}\n\
                     target: {name: team, choose: '${body.team}', among: [pay], dead_letter: graveyard}\n";

fn orders(target: &Target) -> String {
    format!(
        "name: orders\ndescription: Orders of the shop\nmatch:\n  path: /orders\n  when: body.state == \"new\"\nverify: none\n\
         labels: {{order: '${{body.id}}'}}\n\
         transform: {{body: {{order: '${{body.id}}'}}}}\n\
         targets:\n  - name: shop\n    url: {}\n    auth: {{bearer: '${{env:SHOP_TOKEN}}'}}\n  \
         - name: ledger\n    url: {}\n    when: body.refuse\n    required: false\n    retry: {{max: 0}}\n",
        target.url("/shop"),
        target.url("/ledger")
    )
}

fn flaky(target: &Target) -> String {
    format!(
        "name: flaky\nmatch: {{path: /flaky}}\nverify: none\ntarget:\n  name: once\n  url: {}\n  retry: {{max: 1, delay: 20ms, jitter: false}}\n",
        target.url("/")
    )
}

/// What the tests need, or what is missing.
fn browser() -> Result<(PathBuf, PathBuf), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if !folder.join("node_modules/playwright-core").exists() {
        return Err("playwright-core is not installed".to_owned());
    }
    if Command::new("node").arg("--version").output().is_err() {
        return Err("node is not installed".to_owned());
    }
    let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let chromium = chromium.iter().map(PathBuf::from).find(|path| path.exists());
    Ok((folder, chromium.ok_or_else(|| "chromium is not installed".to_owned())?))
}

#[test]
fn every_view_works_in_a_browser() {
    let (folder, chromium) = match browser() {
        Ok(found) => found,
        Err(missing) => {
            assert_ne!(option("HOOKSWITCH_BROWSER_TESTS").as_deref(), Some("required"), "{missing}");
            // Not `eprintln!`: what a test prints is shown only where it fails.
            let line = format!("SKIPPED the console in a browser: {missing}; tests/browser/setup brings it\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return;
        }
    };
    let shop = Target::new(|_, seen| Answer::status(if seen.target == "/ledger" { 403 } else { 200 }));
    let once = Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }));
    let token = [("SHOP_TOKEN", "hidden-token-value")];
    let files = [
        ("hookswitch.yaml", &*settings(&shop)),
        ("routes.d/orders.yaml", &orders(&shop)),
        ("routes.d/flaky.yaml", &flaky(&once)),
        ("routes.d/batch.yaml", BATCH),
    ];
    let router = Router::start_with(&files, &["--no-watch"], &token);
    let settings = "admin: {token: console-test-token}\n";
    let locked = Router::start_with(&[("hookswitch.yaml", settings), files[2]], &[], &token);
    let output = Command::new("node")
        .arg(folder.join("console.mjs"))
        .arg(chromium)
        .arg(format!("http://{}", router.admin))
        .arg(format!("http://{}", router.webhooks))
        .arg(router.folder())
        .arg(format!("http://{}", locked.admin))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!told.contains("FAIL") && told.matches("ok   ").count() > 10, "{told}");
}

fn option(name: &str) -> Option<String> {
    std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value)
}
