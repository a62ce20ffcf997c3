//! Warnings: told by `validate`, kept at `/config`, never in the way of anything.

use crate::harness::{Request, Router, hookswitch, write};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const OPEN: &str = "match: {path: /open}\nverify: none\ntargets: []\nrespond: {text: ok}\n";
const CLOSED: &str = "match: {path: /closed}\nverify: {ip: 127.0.0.1}\ntargets: []\nrespond: {text: ok}\n";
const TRUSTED: &str = "trusted_proxies: [10.0.0.0/8]\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(path, text)| write(folder.path(), path, text));
    folder
}

fn codes(diagnostics: &Value) -> Vec<&str> {
    diagnostics.as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect()
}

/// Exit code, and what it said.
fn validate(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = hookswitch(folder, &[&["validate"], arguments].concat());
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn what_is_right_is_said_in_one_line() {
    let folder = folder(&[
        ("hookswitch.yaml", TRUSTED),
        ("routes.d/a.yaml", CLOSED),
        (
            "routes.d/b.yaml",
            "name: b\nmatch: {path: /b}\nverify: {ip: 127.0.0.1}\ntarget: {url: 'stdout://'}\n---\nname: c\nmatch: {path: /c}\nverify: {ip: 127.0.0.1}\ntarget: {url: 'stdout://'}\n",
        ),
    ]);
    assert_eq!(validate(folder.path(), &[]), (Some(0), "3 routes in 2 files: no mistakes\n".to_owned()));
    assert_eq!(validate(folder.path(), &["routes.d/a.yaml"]), (Some(0), "1 route in 1 file: no mistakes\n".to_owned()));
}

#[test]
fn warnings_alone_are_no_failure() {
    let folder = folder(&[("routes.d/a.yaml", OPEN)]);
    let (code, said) = validate(folder.path(), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("warning[verify-none] routes.d/a.yaml:2:9: "), "{said}");
    assert!(said.ends_with("\n1 route in 1 file: 1 warning\n"), "{said}");
    let report: Value = serde_json::from_str(&validate(folder.path(), &["--format", "json"]).1).unwrap();
    let found = &report["diagnostics"][0];
    assert_eq!((&found["severity"], &found["path"]), (&json!("warning"), &json!("/verify")), "{found}");
}

#[test]
fn of_some_files_it_is_not_known_what_the_others_use() {
    let settings = format!("{TRUSTED}tables: {{t: {{a: b}}}}\n");
    let folder = folder(&[("hookswitch.yaml", &settings), ("routes.d/a.yaml", CLOSED)]);
    assert!(validate(folder.path(), &[]).1.contains("warning[unused] hookswitch.yaml:2:10: "));
    assert_eq!(validate(folder.path(), &["routes.d"]).1, "1 route in 1 file: no mistakes\n");
}

#[test]
fn a_running_router_keeps_its_warnings_at_config() {
    let mut router = Router::start(&[("routes.d/a.yaml", OPEN)]);
    let line = router.wait_for(|line| line["message"] == "configuration warning");
    assert_eq!((&line["code"], &line["place"]), (&json!("verify-none"), &json!("routes.d/a.yaml:2:9")));
    let config = |router: &Router| router.ask_admin(Request::new("GET", "/config")).json();
    assert_eq!(codes(&config(&router)["diagnostics"]), ["verify-none"]);
    assert_eq!(router.send(Request::post("/open").json("{}")).status, 200);
    router.write("routes.d/a.yaml", CLOSED);
    router.wait_for(|line| line["message"] == "configuration applied");
    assert_eq!(codes(&config(&router)["diagnostics"]), ["verify-ip-direct"]);
    router.forget();
    router.write("hookswitch.yaml", TRUSTED);
    router.wait_for(|line| line["message"] == "configuration applied");
    assert_eq!(config(&router)["diagnostics"], json!([]));
}

#[test]
fn a_log_is_not_flooded_with_warnings() {
    let route = |number: usize| {
        format!("name: r{number}\nmatch: {{path: /{number}}}\nverify: none\ntargets: []\nrespond: {{text: ok}}\n")
    };
    let routes: Vec<String> = (0..25).map(route).collect();
    let mut router = Router::start(&[("routes.d/a.yaml", &routes.join("---\n"))]);
    let line = router.wait_for(|line| line["others"].is_number());
    assert_eq!(line["others"], 5);
    let config = router.ask_admin(Request::new("GET", "/config")).json();
    assert_eq!(codes(&config["diagnostics"]).len(), 25);
}

#[test]
fn the_senders_patience_is_the_default_deadline() {
    let route = |name: &str, provider: &str, deadline: &str| {
        format!(
            "name: {name}\nmatch: {{path: /{name}}}\nverify: {{provider: {provider}, secret: '${{env:S}}'}}\n{deadline}target: {{url: 'stdout://'}}\n"
        )
    };
    let routes = [
        route("github", "github", ""),
        route("slack", "slack", ""),
        route("unknown", "telegram", ""),
        route("written", "github", "deadline: 7s\n"),
    ];
    let deadlines = |folder: &Path| {
        let output = hookswitch(folder, &["routes", "--format", "json"]);
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let routes = listed["routes"].as_array().unwrap().iter();
        routes.map(|route| route["deadline_ms"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let folder = folder(&[("routes.d/a.yaml", &routes.join("---\n"))]);
    // 80 % of 10 s and of 3 s; 25 s where nobody knows.
    assert_eq!(deadlines(folder.path()), [8_000, 2_400, 25_000, 7_000]);
    write(folder.path(), "hookswitch.yaml", "defaults: {deadline: 9s}\n");
    assert_eq!(deadlines(folder.path()), [9_000, 9_000, 9_000, 7_000]);
    let report = validate(folder.path(), &["--offline", "--format", "json"]).1;
    let report: Value = serde_json::from_str(&report).unwrap();
    let found: Vec<String> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| format!("{} {}:{}", found["code"].as_str().unwrap(), found["line"], found["path"]))
        .collect();
    let slack = r#"deadline-beyond-patience 8:"/verify/provider""#;
    assert!(found.iter().any(|found| found == slack), "{found:?}");
    assert_eq!(found.iter().filter(|found| found.starts_with("deadline")).count(), 1, "{found:?}");
}

/// What is shipped shows how it is done. GetCourse's scheme is documented nowhere, and the route says so.
#[test]
fn shipped_routes_give_no_warning_but_the_deliberate_one() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = |folder: &Path| {
        let report = validate(folder, &["--offline", "--format", "json"]).1;
        let report: Value = serde_json::from_str(&report).unwrap();
        codes(&report["diagnostics"]).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found(&root), ["verify-provider-doubtful"]);
    assert_eq!(found(&root.join("examples/quickstart")), ["verify-none"]);
}
