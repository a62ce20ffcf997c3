//! Subcommands, as a user types them.

use crate::harness::{Answer, Request, Router, Target, hookswitch};
use serde_json::{Value, json};
use std::process::Command;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let place = folder.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }
    folder
}

const ROUTE: &str = "name: a\nmatch: {path: '/a/{x}', when: 'body.n > 1'}\nverify: none\ntarget: {name: t, url: 'http://127.0.0.1:9/${params.x}?k=${env:HOOKSWITCH_TEST_NOT_SET}', transform: {body: {twice: '${body.n * 2}'}}}\n";
const EXAMPLES: &str = "tests:
  - name: twice as much
    request: {path: /a/1, body: {n: 21}}
    expect:
      routes: [a]
      deliveries: [{target: t, url: 'http://127.0.0.1:9/1?k=${env:HOOKSWITCH_TEST_NOT_SET}', body: {twice: 42}}]
      response: {status: 200, body: {status: delivered}}
  - name: too little is ignored
    request: {path: /a/1, body: {n: 1}}
    expect: {routes: [], deliveries: [], response: {status: 200, body: {status: ignored}}}
";

#[test]
fn test_passes_and_fails_with_exit_codes_and_machine_formats() {
    let good = folder(&[("routes.d/a.yaml", ROUTE), ("routes.d/a.test.yaml", EXAMPLES)]);
    let output = hookswitch(good.path(), &["test", "--format", "json"]);
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["version"], &report["passed"], &report["failed"]), (&json!(1), &json!(2), &json!(0)));
    assert_eq!(report["tests"][0]["file"], "routes.d/a.test.yaml");
    assert_eq!(report["tests"][0]["line"], 2);
    let bad =
        folder(&[("routes.d/a.yaml", ROUTE), ("routes.d/a.test.yaml", &EXAMPLES.replace("twice: 42", "twice: 43"))]);
    let output = hookswitch(bad.path(), &["test"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("twice as much") && text.contains("42") && text.contains("43"), "{text}");
    let junit = hookswitch(bad.path(), &["test", "--format", "junit"]);
    let xml = String::from_utf8_lossy(&junit.stdout).into_owned();
    assert!(xml.contains("<testsuite") && xml.contains("<failure"), "{xml}");
    let none = hookswitch(bad.path(), &["test", "nothing-like-it"]);
    assert!(String::from_utf8_lossy(&none.stdout).contains("contains `nothing-like-it`"), "{none:?}");
    let filtered = hookswitch(bad.path(), &["test", "ignored"]);
    assert_eq!(filtered.status.code(), Some(0));
}

#[test]
fn a_test_that_expects_nothing_of_a_route_that_sends_fails() {
    let wrong = EXAMPLES.replace("n: 1}}\n    expect: {routes: []", "n: 5}}\n    expect: {routes: []");
    assert_ne!(wrong, EXAMPLES);
    let bad = folder(&[("routes.d/a.yaml", ROUTE), ("routes.d/a.test.yaml", &wrong)]);
    assert_eq!(hookswitch(bad.path(), &["test"]).status.code(), Some(1));
}

#[test]
fn explain_names_the_clause_and_shows_what_would_be_sent() {
    let folder = folder(&[("routes.d/a.yaml", ROUTE)]);
    let run = |body: &str| {
        let output = hookswitch(folder.path(), &["explain", "POST", "/a/x%20y", "-d", body, "--format", "json"]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        })
    };
    let taken = run(r#"{"n":3}"#);
    assert_eq!(taken["routes"][0]["outcome"], "taken", "{taken}");
    let delivery = &taken["deliveries"][0];
    assert_eq!(delivery["url"], "http://127.0.0.1:9/x%20y?k=${env:HOOKSWITCH_TEST_NOT_SET}");
    assert_eq!(delivery["body"], json!({"twice": 6}));
    let ignored = run("{}");
    assert_eq!(ignored["routes"][0]["outcome"], "ignored");
    assert!(ignored["routes"][0]["reason"].as_str().unwrap().contains("body.n"), "{ignored}");
    let human = hookswitch(folder.path(), &["explain", "POST", "/a/1", "-d", r#"{"n":3}"#]);
    let text = String::from_utf8_lossy(&human.stdout).into_owned();
    assert!(text.contains("twice") && text.contains('a'), "{text}");
    let nowhere = hookswitch(folder.path(), &["explain", "POST", "/nowhere"]);
    assert!(String::from_utf8_lossy(&nowhere.stdout).contains("404"));
}

/// A body with `env("NAME")` is made of the value, and so is what a target repeats of it.
#[test]
fn explain_test_and_send_show_no_secret_in_a_body() {
    let target = Target::new(|_, _| Answer::status(200).body(r#"{"you_sent":"example-secret"}"#));
    let route = format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\ntarget: {{url: '{}', retry: {{max: 0}}, transform: {{body: {{key: '${{env(\"HOOKSWITCH_TEST_KEY\")}}', plain: '${{env:HOOKSWITCH_TEST_KEY}}'}}}}}}\nrespond: {{from: target}}\n",
        target.url("/in")
    );
    let example =
        "tests:\n  - {name: x, request: {path: /a, body: {}}, expect: {deliveries: [{body: {key: other}}]}}\n";
    let folder = folder(&[("routes.d/a.yaml", &route), ("routes.d/a.test.yaml", example)]);
    for arguments in [
        &["explain", "POST", "/a", "-d", "{}"][..],
        &["explain", "POST", "/a", "-d", "{}", "--format", "json"],
        &["test"],
        &["test", "--format", "json"],
        &["send", "a", "-d", "{}"],
        &["send", "a", "-d", "{}", "--format", "json"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_hookswitch"))
            .args(arguments)
            .current_dir(folder.path())
            .env("HOOKSWITCH_TEST_KEY", "example-secret")
            .output()
            .unwrap();
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(printed.contains("***"), "{arguments:?} {printed}");
        assert!(!printed.contains("example-secret"), "{arguments:?} {printed}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn half_a_report_on_a_full_disk_is_a_failure() {
    let folder = folder(&[("routes.d/a.yaml", ROUTE), ("routes.d/a.test.yaml", EXAMPLES)]);
    for arguments in [&["test", "--format", "junit"][..], &["routes"], &["schema", "route"], &["completions", "bash"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookswitch"));
        let output = command.args(arguments).current_dir(folder.path()).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"), "{output:?}");
    }
}

#[test]
fn routes_are_listed_without_secrets() {
    let folder = folder(&[("routes.d/a.yaml", ROUTE)]);
    let output = hookswitch(folder.path(), &["routes", "--format", "json"]);
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&listed["version"], &listed["routes"][0]["name"]), (&json!(1), &json!("a")));
    let human = String::from_utf8_lossy(&hookswitch(folder.path(), &["routes"]).stdout).into_owned();
    assert!(human.contains("/a/{x}") && human.contains("${env:HOOKSWITCH_TEST_NOT_SET}"), "{human}");
}

#[test]
fn a_bad_configuration_at_start_says_everything_and_exits_1() {
    let bad = folder(&[
        ("routes.d/a.yaml", "match: {path: a}\nverify: none\ntarget: {url: 'http://x/${body.}'}\n"),
        ("routes.d/b.yaml", "match: {path: /b, when: 'bdy.n > 1'}\ntarget: {url: 'http://x/', timeuot: 3s}\n"),
        ("hookswitch.yaml", "listen: nowhere\n"),
    ]);
    let output = hookswitch(bad.path(), &["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for expected in ["routes.d/a.yaml:1:", "routes.d/b.yaml:2:", "hookswitch.yaml:1:9", "timeout"] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    assert_eq!(hookswitch(bad.path(), &["validate"]).status.code(), Some(1));
    assert_eq!(hookswitch(bad.path(), &["validate", "--nonsense"]).status.code(), Some(2));
}

#[test]
fn a_missing_variable_is_an_error_unless_offline() {
    let folder = folder(&[("routes.d/a.yaml", ROUTE)]);
    let output = hookswitch(folder.path(), &["validate", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["diagnostics"].to_string().contains("HOOKSWITCH_TEST_NOT_SET"), "{report}");
    assert_eq!(hookswitch(folder.path(), &["validate", "--offline"]).status.code(), Some(0));
}

#[test]
fn health_asks_a_running_router() {
    let router =
        Router::start(&[("routes.d/a.yaml", "match: {path: /a}\nverify: none\ntargets: []\nrespond: {text: ok}\n")]);
    let admin = router.admin.to_string();
    assert_eq!(hookswitch(router.folder(), &["health", "--admin", &admin]).status.code(), Some(0));
    drop(router);
    assert_eq!(hookswitch(std::path::Path::new("."), &["health", "--admin", &admin]).status.code(), Some(1));
}

#[test]
fn completions_secrets_and_schemas_are_printed() {
    let here = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = hookswitch(here.path(), &["completions", shell]);
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("hookswitch"), "{shell}");
    }
    let one = hookswitch(here.path(), &["secret"]).stdout;
    assert!(String::from_utf8_lossy(&one).contains("whsec_"));
    assert_ne!(one, hookswitch(here.path(), &["secret"]).stdout);
    for schema in ["route", "hookswitch", "test"] {
        let printed: Value = serde_json::from_slice(&hookswitch(here.path(), &["schema", schema]).stdout).unwrap();
        assert_eq!(printed["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
}

#[test]
fn a_sink_shows_and_records_what_arrives() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_hookswitch"))
        .args(["sink", "--listen", "127.0.0.1:0", "--status", "201", "--record", "got"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let address = first["address"].as_str().unwrap().parse().unwrap();
    assert_eq!(Request::post("/x?y=1").json(r#"{"n":1}"#).send(address).status, 201);
    let shown = lines.next().unwrap().unwrap();
    let recorded = std::fs::read_dir(folder.path().join("got")).unwrap().count();
    let _ = child.kill();
    let _ = child.wait();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["path"], &shown["query"], &shown["body"]), (&json!("/x"), &json!("y=1"), &json!({"n": 1})));
    assert!(recorded >= 1);
}

#[test]
fn a_request_in_flight_ends_before_the_process_does() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let (arrived, begun) = std::sync::mpsc::channel::<()>();
    let arrived = std::sync::Mutex::new(arrived);
    let slow = Target::new(move |_, _| {
        arrived.lock().unwrap().send(()).unwrap();
        let _ = wait.lock().unwrap().recv();
        crate::harness::Answer::status(200)
    });
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", slow.url("/"));
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    let to = router.webhooks;
    let silent = std::net::TcpStream::connect(to).unwrap();
    let held = std::thread::spawn(move || Request::post("/a").json("{}").send(to));
    begun.recv_timeout(crate::harness::PATIENCE).unwrap();
    router.signal("TERM");
    router.wait_for(|line| line["message"] == "draining");
    drop(go);
    assert_eq!(held.join().unwrap().status, 200);
    let (status, _) = router.wait();
    assert_eq!(status.code(), Some(0));
    drop(silent);
}

#[test]
fn a_folder_that_cannot_be_read_fails_every_check() {
    let good = folder(&[("routes.d/a.yaml", ROUTE), ("routes.d/a.test.yaml", EXAMPLES)]);
    std::fs::write(good.path().join("routes.d/b.yaml"), b"name: \xff").unwrap();
    for folder in [std::path::Path::new("/nowhere/at/all"), good.path()] {
        let folder = folder.to_str().unwrap();
        for command in [&["test"][..], &["routes"], &["explain", "POST", "/a/1"], &["validate", "--offline"]] {
            let arguments: Vec<&str> = command.iter().copied().chain(["-c", folder]).collect();
            assert_eq!(hookswitch(std::path::Path::new("."), &arguments).status.code(), Some(1), "{arguments:?}");
        }
    }
}
