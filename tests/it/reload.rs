//! Configuration that changes while the router runs.

use crate::harness::{Answer, Request, Router, Target};
use serde_json::{Value, json};

fn route(target: &Target, path: &str) -> String {
    format!("name: a\nmatch: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url(path))
}

fn config(router: &Router) -> Value {
    router.ask_admin(Request::new("GET", "/config")).json()
}

/// A load has ended, well or badly.
fn reloaded(router: &mut Router, outcome: &str) -> Value {
    router.wait_for(|line| {
        line["message"].as_str().is_some_and(|message| message.starts_with(&format!("configuration {outcome}")))
    })
}

#[test]
fn a_changed_file_is_live_without_a_restart() {
    let target = Target::ok();
    let mut router = Router::start(&[("routes.d/a.yaml", &route(&target, "/old"))]);
    router.send(Request::post("/a").json("{}"));
    assert_eq!(target.next().target, "/old");
    router.write("routes.d/a.yaml", &route(&target, "/new"));
    reloaded(&mut router, "applied");
    router.send(Request::post("/a").json("{}"));
    assert_eq!(target.next().target, "/new");
    assert_eq!(config(&router)["generation"], 2);
}

#[test]
fn warnings_are_not_counted_as_errors() {
    let target = Target::ok();
    let mut router = Router::start(&[("routes.d/a.yaml", &route(&target, "/old"))]);
    std::os::unix::fs::symlink("/dev/null", router.folder().join("routes.d/b.yaml")).unwrap();
    let line = reloaded(&mut router, "rejected");
    assert_eq!(line["errors"], 1, "{line}");
    let severities: Vec<Value> =
        config(&router)["diagnostics"].as_array().unwrap().iter().map(|one| one["severity"].clone()).collect();
    assert_eq!(severities, ["error", "warning"]);
}

#[test]
fn a_bad_file_keeps_the_old_configuration_and_config_says_why() {
    let target = Target::ok();
    let mut router = Router::start(&[("routes.d/a.yaml", &route(&target, "/old"))]);
    router.write(
        "routes.d/a.yaml",
        "name: a\nmatch: {path: /a}\nverify: none\ntarget: {url: 'http://x/', timeuot: 3s}\n",
    );
    reloaded(&mut router, "rejected");
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    assert_eq!(target.next().target, "/old");
    assert_eq!(router.ask_admin(Request::new("GET", "/readyz")).status, 200);
    let diagnostic = &config(&router)["diagnostics"][0];
    assert_eq!((&diagnostic["file"], &diagnostic["line"]), (&json!("routes.d/a.yaml"), &json!(4)), "{diagnostic}");
    assert!(diagnostic.to_string().contains("timeout"), "{diagnostic}");
    router.write("routes.d/a.yaml", &route(&target, "/new"));
    reloaded(&mut router, "applied");
    assert!(!config(&router)["diagnostics"].to_string().contains("\"error\""));
}

#[test]
fn sighup_rereads_files_and_secrets() {
    let target = Target::ok();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "example-old\n").unwrap();
    let route = format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\ntarget: {{url: '{}', auth: {{bearer: '${{file:{}}}'}}}}\n",
        target.url("/"),
        secret.display()
    );
    let mut router = Router::start_with(&[("routes.d/a.yaml", &route)], &["--no-watch"], &[]);
    router.send(Request::post("/a").json("{}"));
    assert_eq!(target.next().header("authorization"), Some("Bearer example-old"));
    std::fs::write(&secret, "example-new\n").unwrap();
    router.signal("HUP");
    reloaded(&mut router, "applied");
    router.send(Request::post("/a").json("{}"));
    assert_eq!(target.next().header("authorization"), Some("Bearer example-new"));
}

#[test]
fn a_secret_file_that_changes_is_noticed_by_itself() {
    let target = Target::ok();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "example-old").unwrap();
    let route = format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\ntarget: {{url: '{}', auth: {{bearer: '${{file:{}}}'}}}}\n",
        target.url("/"),
        secret.display()
    );
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    // Whole, by renaming: half of a secret is one as well.
    std::fs::write(secret.with_extension("new"), "example-new").unwrap();
    std::fs::rename(secret.with_extension("new"), &secret).unwrap();
    reloaded(&mut router, "applied");
    router.send(Request::post("/a").json("{}"));
    assert_eq!(target.next().header("authorization"), Some("Bearer example-new"));
}

#[test]
fn a_configmap_swap_is_seen() {
    use std::os::unix::fs::symlink;
    let target = Target::ok();
    let folder = tempfile::tempdir().unwrap();
    let version = |name: &str, path: &str| {
        let place = folder.path().join("routes.d").join(name);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("a.yaml"), route(&target, path)).unwrap();
    };
    version("..2026_01", "/old");
    let routes = folder.path().join("routes.d");
    symlink("..2026_01", routes.join("..data")).unwrap();
    symlink("..data/a.yaml", routes.join("a.yaml")).unwrap();
    version("..2026_02", "/new");
    let mut router = Router::start_in(folder, &[], &[]);
    let routes = router.folder().join("routes.d");
    symlink("..2026_02", routes.join("..data_tmp")).unwrap();
    std::fs::rename(routes.join("..data_tmp"), routes.join("..data")).unwrap();
    std::fs::remove_dir_all(routes.join("..2026_01")).unwrap();
    reloaded(&mut router, "applied");
    router.send(Request::post("/a").json("{}"));
    assert_eq!(target.next().target, "/new");
}

#[test]
fn a_request_sees_one_generation() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let (arrived, begun) = std::sync::mpsc::channel::<()>();
    let arrived = std::sync::Mutex::new(arrived);
    let slow = Target::new(move |_, _| {
        arrived.lock().unwrap().send(()).unwrap();
        let _ = wait.lock().unwrap().recv();
        Answer::status(200)
    });
    let old = format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\ntarget: {{name: t, url: '{}'}}\nrespond: {{text: old}}\n",
        slow.url("/")
    );
    let mut router = Router::start(&[("routes.d/a.yaml", &old)]);
    let to = router.webhooks;
    let held = std::thread::spawn(move || Request::post("/a").json("{}").send(to));
    begun.recv_timeout(crate::harness::PATIENCE).unwrap();
    router.write("routes.d/a.yaml", "name: a\nmatch: {path: /a}\nverify: none\ntargets: []\nrespond: {text: new}\n");
    reloaded(&mut router, "applied");
    assert_eq!(router.send(Request::post("/a").json("{}")).text(), "new");
    drop(go);
    assert_eq!(held.join().unwrap().text(), "old");
}

#[test]
fn connections_to_unchanged_targets_outlive_a_reload() {
    let target = Target::ok();
    let mut router = Router::start(&[("routes.d/a.yaml", &route(&target, "/old"))]);
    router.send(Request::post("/a").json("{}"));
    router.write("routes.d/b.yaml", "name: b\nmatch: {path: /b}\nverify: none\ntargets: []\nrespond: {text: b}\n");
    reloaded(&mut router, "applied");
    router.send(Request::post("/a").json("{}"));
    assert_eq!((target.all().len(), target.connections()), (2, 1));
}

#[test]
fn a_folder_that_lost_its_routes_is_an_error_and_not_an_empty_configuration() {
    let target = Target::ok();
    let mut router = Router::start(&[("routes.d/a.yaml", &route(&target, "/old"))]);
    std::fs::remove_dir_all(router.folder().join("routes.d")).unwrap();
    reloaded(&mut router, "rejected");
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
}

#[test]
fn notes_and_backups_beside_the_routes_are_no_change() {
    let target = Target::ok();
    let router = Router::start(&[("routes.d/a.yaml", &route(&target, "/old"))]);
    router.write("routes.d/README.md", "notes");
    router.write("routes.d/a.yaml~", "half a rou");
    let outcome = router.ask_admin(Request::post("/reload")).json();
    assert_eq!((&outcome["outcome"], &outcome["generation"]), (&"unchanged".into(), &1.into()), "{outcome}");
}

/// Opening a pipe for reading waits until somebody writes.
#[test]
fn a_pipe_in_the_folder_holds_nothing_up() {
    let target = Target::ok();
    let folder = tempfile::tempdir().unwrap();
    crate::harness::write(folder.path(), "routes.d/a.yaml", &route(&target, "/old"));
    let pipe = |name: &str| {
        let made = std::process::Command::new("mkfifo").arg(folder.path().join(name)).status().unwrap();
        assert!(made.success());
    };
    pipe("routes.d/pipe");
    pipe("secret");
    crate::harness::write(
        folder.path(),
        "routes.d/b.yaml",
        "match: {path: /b}\nverify: {bearer: '${file:secret}'}\ntargets: []\nrespond: {text: b}\n",
    );
    let output = crate::harness::hookswitch(folder.path(), &["validate"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("regular file"), "{output:?}");
    std::fs::remove_file(folder.path().join("routes.d/b.yaml")).unwrap();
    let router = Router::start_in(folder, &[], &[]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
}

#[test]
fn trusted_proxies_follow_a_reload() {
    let target = Target::ok();
    let mut router = Router::start(&[("routes.d/a.yaml", &route(&target, "/old"))]);
    let forwarded = |router: &Router| {
        router.send(Request::post("/a").header("x-forwarded-for", "192.0.2.7").json("{}"));
        target.next().header("x-forwarded-for").map(str::to_owned)
    };
    assert_eq!(forwarded(&router).as_deref(), Some("127.0.0.1"));
    router.write("hookswitch.yaml", "trusted_proxies: [127.0.0.1]\n");
    reloaded(&mut router, "applied");
    assert_eq!(forwarded(&router).as_deref(), Some("192.0.2.7, 127.0.0.1"));
}
