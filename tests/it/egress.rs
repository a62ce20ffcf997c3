//! What the process connects to, and what it does not.

use crate::harness::{Answer, Request, Router, Target, hookswitch, write};
use serde_json::{Value, json};

/// A route whose event says the host, with the port of `target`.
fn computed(target: &Target) -> String {
    let port = target.address.port();
    format!("match: {{path: '/to/{{host}}'}}\nverify: none\ntarget: {{url: 'http://${{params.host}}:{port}/'}}\n")
}

#[test]
fn a_computed_host_must_be_named_and_public() {
    let target = Target::ok();
    let egress = "egress: {dynamic_hosts: ['127.0.0.0/8', localhost, '*.test'], allow: [127.0.0.1]}\n";
    let mut router = Router::start(&[("hookswitch.yaml", egress), ("routes.d/a.yaml", &computed(&target))]);
    let to = |host: &str| router.send(Request::post(&format!("/to/{host}")).json("{}")).status;
    assert_eq!(to("127.0.0.1"), 200);
    // The same machine, but not what `allow` names; another name that `dynamic_hosts` does not.
    for host in ["127.0.0.2", "2130706434", "0x7f.2", "127.2", "10.0.0.1", "example.com"] {
        assert_eq!(to(host), 502, "{host}");
    }
    assert_eq!(target.all().len(), 1);
    let line = router.wait_for(|line| line["message"] == "delivery" && line["outcome"] == "egress");
    assert_eq!(
        (&line["attempts"], &line["error"], &line["reason"]),
        (&json!(1), &json!("egress"), &json!("not retryable"))
    );
}

#[test]
fn metadata_services_are_denied_to_written_hosts_as_well() {
    let route =
        "match: {path: /a}\nverify: none\ntarget: {url: 'http://169.254.169.254/latest/meta-data/', timeout: 20s}\n";
    let mut router = Router::start(&[("routes.d/a.yaml", route)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    router.wait_for(|line| line["outcome"] == "egress" && line["attempts"] == 1);
}

#[test]
fn a_reload_changes_the_rules_for_connections_that_are_open() {
    let target = Target::ok();
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let status = || router.send(Request::post("/a").json("{}")).status;
    assert_eq!(status(), 200);
    router.write("hookswitch.yaml", "egress: {deny: [127.0.0.1]}\n");
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(status(), 502);
    router.write("hookswitch.yaml", "egress: {deny: [127.0.0.2]}\n");
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(status(), 200);
    assert_eq!(target.all().len(), 2);
}

#[test]
fn a_reload_of_something_else_keeps_the_connections() {
    let target = Target::ok();
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    for turn in 0..5 {
        assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
        router.write("routes.d/a.yaml", &format!("description: '{turn}'\n{route}"));
        assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    }
    assert_eq!((target.all().len(), target.connections()), (5, 1));
}

#[test]
fn a_proxy_is_asked_and_those_of_the_environment_are_not() {
    let (proxy, other) = (Target::ok(), Target::ok());
    let settings = format!("egress: {{proxy: 'http://me:${{env:PROXY_PASSWORD}}@{}'}}\n", proxy.address);
    let route = "match: {path: /a}\nverify: none\ntarget: {url: 'http://orders.test/in?x=1'}\n";
    let other_url = other.url("");
    let environment = [("PROXY_PASSWORD", "example"), ("HTTP_PROXY", &*other_url), ("http_proxy", &*other_url)];
    let files = [("hookswitch.yaml", &*settings), ("routes.d/a.yaml", route)];
    let router = Router::start_with(&files, &[], &environment);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    let seen = proxy.next();
    assert_eq!(seen.target, "http://orders.test/in?x=1");
    assert_eq!(seen.header("host"), Some("orders.test"));
    assert_eq!(seen.header("proxy-authorization"), Some("Basic bWU6ZXhhbXBsZQ=="));
    assert_eq!(other.connections(), 0);
    // A tunnel that is refused is a connection that failed.
    router.write(
        "routes.d/a.yaml",
        "match: {path: /a}\nverify: none\ntarget: {url: 'https://orders.test/', retry: {max: 0}}\n",
    );
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    assert_eq!((proxy.next().method.as_str(), other.connections()), ("CONNECT", 0));
}

#[test]
fn explain_and_test_say_what_would_be_refused() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::new(|_, _| Answer::status(200));
    write(folder.path(), "hookswitch.yaml", "egress: {dynamic_hosts: ['*.partner.test']}\n");
    write(folder.path(), "routes.d/a.yaml", &computed(&target));
    let test = "tests:\n  - request: {path: /to/evil.test}\n    expect: {deliveries: []}\n";
    write(folder.path(), "routes.d/a.test.yaml", &format!("{test}    name: refused\n"));
    let explain = |host: &str| -> Value {
        let path = format!("/to/{host}");
        let output = hookswitch(folder.path(), &["explain", "POST", &path, "--format", "json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(explain("a.partner.test")["deliveries"][0]["outcome"], "sent");
    let refused = explain("evil.test");
    assert_eq!(refused["deliveries"][0]["outcome"], "refused");
    assert_eq!(refused["response"]["status"], 502);
    assert_eq!(hookswitch(folder.path(), &["test"]).status.code(), Some(0));
    assert_eq!(target.connections(), 0);
}

/// A route whose only target refuses, with a dead letter at the host that the path names.
fn buried(target: &Target, grave: &Target, ack: &str) -> String {
    format!(
        "match: {{path: '/{ack}/{{host}}'}}\nname: {ack}\nverify: none\nack: {ack}\ntargets:\n  - {{name: crm, url: '{}', retry: {{max: 0}}, dead_letter: grave}}\n  - {{name: grave, url: 'http://${{params.host}}:{}/', retry: {{max: 0}}}}\n",
        target.url("/"),
        grave.address.port()
    )
}

const BURIED: &str = "egress: {dynamic_hosts: ['127.0.0.0/8'], allow: [127.0.0.1]}\n";

/// Nobody has the event then: its sender hears of the failure, and comes again.
#[test]
fn a_dead_letter_is_written_nowhere_that_is_refused() {
    let (target, grave) = (Target::new(|_, _| Answer::status(400)), Target::ok());
    let routes = ["delivered", "accepted"].map(|ack| buried(&target, &grave, ack));
    let metadata = format!(
        "match: {{path: /metadata}}\nverify: none\ntarget: {{name: crm, url: '{}', retry: {{max: 0}}, dead_letter: metadata}}\n",
        target.url("/")
    );
    let settings = format!("{BURIED}targets: {{metadata: {{url: 'http://169.254.169.254/'}}}}\n");
    let files = [
        ("hookswitch.yaml", &*settings),
        ("routes.d/a.yaml", &routes[0]),
        ("routes.d/b.yaml", &routes[1]),
        ("routes.d/metadata.yaml", &metadata),
    ];
    let mut router = Router::start(&files);
    let post = |path: &str| Request::post(path).json("{}");
    assert_eq!(router.send(post("/delivered/127.0.0.1")).status, 200);
    assert_eq!(grave.next().json()["reason"], "not retryable");
    for (path, grave) in
        [("/delivered/127.0.0.2", "grave"), ("/delivered/10.0.0.1", "grave"), ("/metadata", "metadata")]
    {
        router.forget();
        assert_eq!(router.send(post(path)).status, 502, "{path}");
        router.wait_for(|line| line["message"] == "delivery" && line["target"] == grave && line["outcome"] == "egress");
        let line = router.wait_for(|line| line["message"] == "dead letter not written");
        assert_eq!((&line["target"], &line["dead_letter"]), (&json!("crm"), &json!(grave)));
        router.wait_for(|line| line["message"] == "event" && line["outcome"] == "failed");
    }
    assert_eq!(router.send(post("/accepted/127.0.0.2")).status, 202);
    router.wait_for(|line| line["message"] == "accepted delivery lost" && line["route"] == "accepted");
    assert!(grave.all().is_empty());
}

#[test]
fn explain_and_test_say_that_a_dead_letter_would_be_refused() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = Target::ok();
    write(folder.path(), "hookswitch.yaml", BURIED);
    write(folder.path(), "routes.d/a.yaml", &buried(&nobody, &nobody, "delivered"));
    let example = |host: &str, expect: &str| {
        let text = format!(
            "tests:\n  - name: buried\n    request: {{path: /delivered/{host}, body: {{}}}}\n    answers: {{crm: {{status: 400}}}}\n    expect: {expect}\n"
        );
        write(folder.path(), "routes.d/a.test.yaml", &text);
        let output = hookswitch(folder.path(), &["test"]);
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let kept = "{deliveries: [{target: crm}, {target: grave}], response: {status: 200}}";
    let lost = "{deliveries: [{target: crm}], response: {status: 502}}";
    for (host, expect, passes) in [("127.0.0.1", kept, true), ("10.0.0.1", lost, true), ("10.0.0.1", kept, false)] {
        let (passed, said) = example(host, expect);
        assert!(passed == passes && said.contains("grave refused by egress") != passes, "{host} {expect}: {said}");
    }
    assert_eq!(nobody.connections(), 0);
}
