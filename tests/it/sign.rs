//! `hookswitch sign`: what it makes is what the router lets in.

use crate::harness::{Request, Router, Target, hookswitch};
use serde_json::{Value, json};
use std::process::Command;

/// Checks of every kind that can be signed, each with a body that it is for.
const SIGNED: &[(&str, &str)] = &[
    ("{provider: github, secret: '${env:SECRET}'}", "{}"),
    ("{provider: slack, secret: s}", "{}"),
    ("{provider: stripe, secret: [s, t]}", "{}"),
    ("{provider: standardwebhooks, secret: whsec_c2VjcmV0}", "{}"),
    ("{provider: adyen_platform, secret: 00ff}", "{}"),
    ("{provider: lark, secret: s}", "{}"),
    ("{provider: vk, secret: s}", r#"{"type":"message_new"}"#),
    ("{provider: ms_graph, secret: s}", r#"{"value":[{"clientState":"old"},{}]}"#),
    ("{provider: tbank, secret: s}", r#"{"Amount":100,"Success":true}"#),
    ("{provider: mailgun, secret: s}", r#"{"signature":{"timestamp":"1","token":"t"},"event-data":{}}"#),
    ("{provider: linear, secret: s}", r#"{"webhookTimestamp":1}"#),
    ("{provider: twilio, secret: s, public_url: 'https://hooks.example.com/in'}", "a=1&b=%20"),
    ("{provider: twilio_json, secret: s, public_url: 'https://hooks.example.com'}", "{}"),
    ("{provider: robokassa, secret: s}", "OutSum=1.00&InvId=7&Shp_a=b"),
    ("{provider: braintree, private_key: s, public_key: k}", "bt_payload=PGE%2BPC9hPg%3D%3D"),
    ("{provider: unisender_go, secret: s}", r#"{"auth":"to-be-replaced","events_by_user":[]}"#),
    ("{provider: pusher, secret: s, app_key: k}", r#"{"time_ms":1}"#),
    ("{provider: postmark, secret: 'user:password'}", "{}"),
    ("{provider: wazzup, secret: s}", "{}"),
    ("{hmac: {header: X-S, message: '${timestamp}.${text}', timestamp: {header: X-T}}, secret: s}", "[1]"),
    ("{shared: {query: token}, secret: 'a&b'}", "{}"),
    ("{basic: {username: u, password: p}}", "{}"),
    ("{bearer: '${env:SECRET}'}", "{}"),
    ("{provider: github, secret: {by: '${params.x}', values: {z: other, y: ['${env:SECRET}', s]}}}", "{}"),
    (
        "{any: [{ip: 198.51.100.0/24}, [{bearer: b}, {provider: github, secret: s}], {shared: {query: t}, secret: s}]}",
        "{}",
    ),
    (
        "[{ip: 127.0.0.0/8}, {provider: vk, secret: s}, {provider: github, secret: s}, {shared: {query: t}, secret: s}]",
        "{}",
    ),
];

fn sign(router: &Router, arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_hookswitch"))
        .arg("sign")
        .args(arguments)
        .current_dir(router.folder())
        .env("SECRET", "example-secret")
        .output()
        .unwrap()
}

fn sent(router: &Router, signed: &Value) -> u16 {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let url = text(&signed["url"]);
    let target = url.strip_prefix(&format!("http://{}", router.webhooks)).unwrap();
    let headers = signed["headers"].as_array().unwrap();
    let request = Request::new(&text(&signed["method"]), target).body(text(&signed["body"]).as_bytes());
    let request = headers.iter().fold(request, |request, pair| request.header(&text(&pair[0]), &text(&pair[1])));
    router.send(request).status
}

#[test]
fn what_is_signed_is_let_in() {
    let target = Target::ok();
    let route = |(position, (verify, _)): (usize, &(&str, &str))| {
        let url = target.url("/");
        format!(
            "name: r-{position}\nmatch: {{path: '/{position}/{{x}}'}}\nverify: {verify}\ntarget: {{url: '{url}'}}\n"
        )
    };
    let routes: Vec<String> = SIGNED.iter().enumerate().map(route).collect();
    let files = [("routes.d/all.yaml", routes.join("---\n"))];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let router = Router::start_with(&files, &[], &[("SECRET", "example-secret")]);
    for (position, (verify, body)) in SIGNED.iter().enumerate() {
        let url = format!("http://{}/{position}/y?q=%20", router.webhooks);
        let kind = if body.starts_with(['{', '[']) { "application/json" } else { "application/x-www-form-urlencoded" };
        let kind = format!("content-type: {kind}");
        let name = format!("r-{position}");
        let output = sign(&router, &[&name, "-d", body, "--url", &url, "--format", "json", "-H", &kind]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{verify}: {said}");
        let mut signed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&signed["version"], &signed["route"]), (&json!(1), &json!(name)));
        assert_eq!(sent(&router, &signed), 200, "{verify}: {signed}");
        // Something of it was needed.
        signed["headers"] = json!([["content-type", "text/plain"]]);
        signed["url"] = json!(url);
        signed["body"] = json!("");
        assert!(matches!(sent(&router, &signed), 401 | 403), "{verify}");
    }
}

#[test]
fn the_command_that_is_printed_sends_just_that() {
    let route = "name: a\nmatch: {path: /a, hosts: [hooks.test]}\nverify: {provider: github, secret: s}\ntargets: []\nrespond: {text: ok}\n";
    let router = Router::start(&[("routes.d/a.yaml", route)]);
    let body = r#"@{"it's":"$(echo no) `x` \ %s"}"#;
    std::fs::write(router.folder().join("body.json"), body).unwrap();
    let url = format!("http://{}/a", router.webhooks);
    let output = sign(&router, &["a", "-d", "@body.json", "--url", &url]);
    let command = String::from_utf8(output.stdout).unwrap();
    // The shell splits it, a function of that name takes the words.
    let script = format!("curl() {{ for word in \"$@\"; do printf '%s\\0' \"$word\"; done; }}\n{command}");
    let words = Command::new("sh").args(["-c", &script]).output().unwrap().stdout;
    let words: Vec<String> =
        words.split(|byte| *byte == 0).map(|word| String::from_utf8(word.to_vec()).unwrap()).collect();
    let after = |option: &str| -> Vec<&str> {
        let pairs = words.iter().zip(words.iter().skip(1));
        pairs.filter(|(word, _)| *word == option).map(|(_, next)| next.as_str()).collect()
    };
    assert_eq!(after("--data-raw"), [body]);
    assert_eq!(after("-X"), ["POST"]);
    assert!(words.contains(&url));
    let request = after("-H").into_iter().fold(Request::post("/a").body(body.as_bytes()), |request, header| {
        let (name, value) = header.split_once(": ").unwrap();
        request.header(name, value)
    });
    assert_eq!(router.send(request).text(), "ok");
}

#[test]
fn what_cannot_be_signed_is_said_plainly() {
    let key = "3474aaf9b0cfdc4852f4ecb1719a05d445835ac75802a6a32f3f0d82e04ab03d";
    let routes = [
        ("public", format!("{{provider: discord, public_key: {key}}}"), "private key"),
        ("token", "{provider: livekit, secret: s, api_key: k}".to_owned(), "issued by the sender"),
        ("pending", "{provider: asana}".to_owned(), "no secret yet"),
        ("list", "{provider: vk, secret: s}".to_owned(), "no place for it"),
        ("url", "{provider: square, secret: s}".to_owned(), "public_url"),
    ];
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    let write = |name: &str, verify: &str| {
        let text = format!("match: {{path: /{name}}}\nverify: {verify}\ntarget: {{url: 'http://127.0.0.1:9/'}}\n");
        std::fs::write(folder.path().join(format!("routes.d/{name}.yaml")), text).unwrap();
    };
    routes.iter().for_each(|(name, verify, _)| write(name, verify));
    for (name, _, expected) in &routes {
        let output = hookswitch(folder.path(), &["sign", name, "-d", "[]"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{name}: {said}");
        assert!(said.contains(expected), "{name}: {said}");
    }
    assert_eq!(hookswitch(folder.path(), &["sign", "pubic", "-d", "{}"]).status.code(), Some(2));
}

#[test]
fn a_missing_secret_is_an_error_and_parameters_need_a_url() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    let route = |secret: &str| {
        format!("match: {{path: '/a/{{x}}'}}\nverify: {{bearer: '{secret}'}}\ntarget: {{url: 'http://127.0.0.1:9/'}}\n")
    };
    let place = folder.path().join("routes.d/a.yaml");
    std::fs::write(&place, route("${env:HOOKSWITCH_TEST_NOT_SET}")).unwrap();
    let output = hookswitch(folder.path(), &["sign", "a", "--url", "/a/1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("HOOKSWITCH_TEST_NOT_SET"));
    std::fs::write(&place, route("example-token")).unwrap();
    assert_eq!(hookswitch(folder.path(), &["sign", "a"]).status.code(), Some(2));
    let output = hookswitch(folder.path(), &["sign", "a", "--url", "/a/1", "--format", "json"]);
    let signed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(signed["url"], "http://127.0.0.1:8080/a/1");
    assert_eq!(signed["headers"], json!([["authorization", "Bearer example-token"]]));
}
