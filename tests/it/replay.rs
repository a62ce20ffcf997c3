//! Dead letters, delivered again by the real program.

use crate::dead_letters::Grave;
use crate::harness::{Answer, PATIENCE, Request, Router, Target, hookswitch, write};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn replay(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    said(&hookswitch(folder, &[&["replay"], arguments].concat()))
}

/// A record of the route `a`.
fn record(id: usize, route: &str) -> String {
    json!({
        "version": 1, "id": format!("msg_{id}"), "time": "2026-06-01T12:00:00Z", "route": route, "target": "t",
        "labels": {}, "event": {"method": "POST", "path": "/a", "query": null, "headers": {"content-type": "text/plain"},
        "body": format!("{id}")}, "attempts": [], "reason": "exhausted", "trace_id": "",
    })
    .to_string()
        + "\n"
}

/// A folder with the routes `a` and `b`, both to `target`.
fn folder(target: &Target, keys: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let route = |name: &str| {
        format!(
            "name: {name}\nmatch: {{path: '/{{x}}'}}\nbody: {{accept: [any]}}\nverify: {{shared: {{header: x-token}}, secret: example}}\ntarget: {{name: t, url: '{}', retry: {{max: 0}}{keys}}}\n",
            target.url("/")
        )
    };
    write(folder.path(), "routes.d/a.yaml", &format!("{}---\n{}", route("a"), route("b")));
    folder
}

#[test]
fn when_the_target_has_recovered_it_gets_what_it_missed_as_it_was() {
    let grave = Grave::new();
    let broken = std::sync::Arc::new(AtomicBool::new(true));
    let is_broken = broken.clone();
    let target = Target::new(move |_, _| Answer::status(if is_broken.load(Ordering::Relaxed) { 503 } else { 200 }));
    let route = format!(
        "name: a\nmatch: {{path: '/a/{{x}}'}}\nbody: {{accept: [any]}}\nverify: {{shared: {{header: x-token}}, secret: example}}\ntarget: {{url: '{}/${{params.x}}', retry: {{max: 0}}, dead_letter: graveyard}}\n",
        target.url("").trim_end_matches('/')
    );
    let router = Router::start(&[("hookswitch.yaml", &grave.settings()), ("routes.d/a.yaml", &route)]);
    let bodies: [&[u8]; 4] = [b"{\"n\": 1.50}", b"{\n}", b"\x00\xff", b""];
    for (number, body) in bodies.iter().enumerate() {
        let request = Request::post(&format!("/a/{number}%20x?q=1"))
            .header("x-token", "example")
            .header("content-type", "application/octet-stream")
            .header("x-kept", "1")
            .body(body);
        assert_eq!(router.send(request).status, 200);
    }
    let missed: Vec<_> = bodies.iter().map(|_| target.next()).collect();
    broken.store(false, Ordering::Relaxed);
    let file = grave.file();
    let file = file.to_str().unwrap();
    let (code, out, err) = replay(router.folder(), &[file]);
    assert_eq!((code, &*out, &*err), (Some(0), "4 delivered, 0 failed\n", ""));
    let mut got = target.all();
    got.sort_by(|one, other| one.target.cmp(&other.target));
    assert_eq!(got.len(), missed.len());
    for (got, missed) in got.iter().zip(&missed) {
        assert_eq!((&got.target, &got.body), (&missed.target, &missed.body));
        for name in ["webhook-id", "idempotency-key", "content-type", "x-kept"] {
            assert!(got.header(name).is_some());
            assert_eq!(got.header(name), missed.header(name), "{name}");
        }
        assert_eq!(got.header("x-token"), None);
    }
    // What is done is done; what is new is not.
    let (code, out, _) = replay(router.folder(), &[file]);
    assert_eq!((code, &*out), (Some(0), "4 lines were replayed before; --from 1 begins anew\n0 delivered, 0 failed\n"));
    broken.store(true, Ordering::Relaxed);
    assert_eq!(router.send(Request::post("/a/new").header("x-token", "example").json("{}")).status, 200);
    target.next();
    broken.store(false, Ordering::Relaxed);
    let (code, out, _) = replay(router.folder(), &[file]);
    assert!(code == Some(0) && out.ends_with("\n1 delivered, 0 failed\n"), "{out}");
    assert_eq!(target.next().target, "/new");
    let (code, out, _) = replay(router.folder(), &[file, "--from", "4"]);
    assert_eq!((code, &*out), (Some(0), "3 lines were replayed before; --from 1 begins anew\n2 delivered, 0 failed\n"));
}

#[test]
fn what_fails_again_is_said_and_kept_to_be_replayed() {
    let target = Target::new(|_, seen| Answer::status(if seen.text() == "2" { 500 } else { 200 }));
    let folder = folder(&target, "");
    let lines = [&record(1, "a"), "{broken\n", &record(2, "a"), "\n", &record(3, "gone"), &record(4, "a")].concat();
    write(folder.path(), "dead.ndjson", &lines);
    let (code, out, err) = replay(folder.path(), &["dead.ndjson"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        out,
        "2 delivered, 2 failed, 1 no records, 1 passed over\nwhat failed is in dead.ndjson.failed, to be replayed again\n"
    );
    let err: Vec<&str> = err.lines().collect();
    assert!(err[0].starts_with("line 2: not a record of a dead letter: "), "{err:?}");
    assert_eq!(err[1], "line 3: a/t msg_2: server_error (status 500, 1 attempt, exhausted)");
    assert_eq!(err[2], "line 5: gone/t msg_3: there is no such route");
    assert_eq!(err.len(), 3);
    let failed = std::fs::read_to_string(folder.path().join("dead.ndjson.failed")).unwrap();
    assert_eq!(failed, record(2, "a") + &record(3, "gone"));
    let (code, out, _) = replay(folder.path(), &["dead.ndjson.failed", "--route", "a"]);
    assert_eq!((code, out.lines().next()), (Some(1), Some("0 delivered, 1 failed, 1 passed over")));
}

#[test]
fn a_route_and_a_rate_can_be_chosen() {
    let target = Target::ok();
    let folder = folder(&target, "");
    write(folder.path(), "dead.ndjson", &[record(1, "a"), record(2, "b"), record(3, "a")].concat());
    let (code, out, _) = replay(folder.path(), &["dead.ndjson", "--route", "b", "--rate", "1000/s"]);
    assert_eq!((code, &*out), (Some(0), "1 delivered, 0 failed, 2 passed over\n"));
    assert_eq!(target.next().header("webhook-id"), Some("msg_2"));
    let (code, _, err) = replay(folder.path(), &["dead.ndjson"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("is of a replay with --route b; say the same, or begin with --from 1"), "{err}");
    let (code, _, err) = replay(folder.path(), &["dead.ndjson", "--route", "c"]);
    assert_eq!((code, &*err), (Some(1), "error: there is no route `c`\n"));
    let (code, _, err) = replay(folder.path(), &["dead.ndjson", "--rate", "10"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("write 10/s, 600/m or 1000/h"), "{err}");
    let (code, _, err) = replay(folder.path(), &["nothing.ndjson"]);
    assert_eq!(code, Some(1));
    assert!(err.starts_with("error: cannot read nothing.ndjson: "), "{err}");
}

/// The third record hangs at its target; what is behind it waits in the order of the file.
#[test]
fn after_ctrl_c_the_same_command_goes_on() {
    let (arrive, arrived) = channel();
    let (hanging, arrive) = (AtomicBool::new(true), Mutex::new(arrive));
    let hanging = std::sync::Arc::new(hanging);
    let hangs = hanging.clone();
    let target = Target::new(move |_, seen| {
        if seen.text() == "3" && hangs.load(Ordering::Relaxed) {
            arrive.lock().unwrap().send(()).unwrap();
            loop {
                std::thread::park();
            }
        }
        Answer::status(200)
    });
    let folder = folder(&target, "");
    let lines: Vec<String> = (1..=40).map(|number| record(number, "a")).collect();
    write(folder.path(), "dead.ndjson", &lines.concat());
    let child = Command::new(env!("CARGO_BIN_EXE_hookswitch"))
        .args(["replay", "dead.ndjson"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    arrived.recv_timeout(PATIENCE).unwrap();
    assert!(Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
    let (code, out, _) = said(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(1));
    // The third may arrive before the answers to those ahead of it have been read.
    let before: usize = out.split(' ').next().unwrap().parse().unwrap();
    assert!(before <= 2, "{out}");
    let stopped = format!("stopped after line {before}; the same command goes on from there\n");
    assert_eq!(out, format!("{before} delivered, 0 failed\n{stopped}"));
    hanging.store(false, Ordering::Relaxed);
    let (code, out, _) = replay(folder.path(), &["dead.ndjson"]);
    let skipped = match before {
        0 => String::new(),
        _ => format!("{before} lines were replayed before; --from 1 begins anew\n"),
    };
    assert_eq!((code, out), (Some(0), format!("{skipped}{} delivered, 0 failed\n", 40 - before)));
    let mut ids: Vec<usize> = target.all().iter().map(|seen| seen.text().parse().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, (1..=40).collect::<Vec<_>>());
}
