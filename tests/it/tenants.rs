//! Credentials of targets by tenant: each event is sent with those of its own, and with nobody else's.

use crate::dead_letters::Grave;
use crate::harness::{Answer, Request, Router, Target, hookswitch, write};
use serde_json::json;

const BY: &str = "by: '${params.account}'";

fn route(target: &Target, auth: &str, more: &str) -> String {
    format!(
        "name: a\nmatch: {{path: '/a/{{account}}'}}\nverify: none\ntarget:\n  name: crm\n  url: {}\n  retry: {{max: 3, delay: 1ms}}\n  auth: {auth}\n{more}",
        target.url("/in")
    )
}

fn bearer() -> String {
    format!("{{bearer: {{{BY}, values: {{gh: '${{env:GH}}', slim: '${{file:slim}}'}}}}}}")
}

const GH: &[(&str, &str)] = &[("GH", "example-of-gh")];

#[test]
fn an_unknown_tenant_is_sent_to_nobody_and_everybody_is_told_why() {
    let target = Target::ok();
    let route = route(&target, &bearer(), "");
    let mut router = Router::start_with(&[("routes.d/a.yaml", &route), ("slim", "example-of-slim")], &[], GH);
    for account in ["planted", "GH", "gh%20", "%C3%A9", "gh%2Fslim"] {
        let answer = router.send(Request::post(&format!("/a/{account}")).json("{}"));
        assert_eq!((answer.status, answer.header("retry-after")), (502, None), "{account}");
        assert!(!answer.text().contains("crm") && !answer.text().contains("planted"), "{}", answer.text());
    }
    let line = router.wait_for(|line| line["message"] == "delivery could not be built");
    assert_eq!((&line["level"], &line["outcome"]), (&json!("error"), &json!("credentials")));
    assert_eq!((&line["route"], &line["target"]), (&json!("a"), &json!("crm")));
    assert_eq!(line["error"], "`auth` chooses credentials by params.account, and has none for what that gives");
    let kept = router.ask_admin(Request::new("GET", "/deliveries")).text();
    assert!(kept.contains(r#""outcome":"credentials""#) && kept.contains("params.account"), "{kept}");
    let metrics = router.ask_admin(Request::new("GET", "/metrics")).text();
    let counted =
        |line: &str| line.contains("deliveries") && line.contains("outcome=\"credentials\"") && line.ends_with(" 5");
    assert!(metrics.lines().any(counted), "{metrics}");
    assert!(!metrics.lines().any(|line| line.contains("expression_errors") && line.ends_with(" 5")), "{metrics}");
    assert_eq!(target.connections(), 0);
    assert_eq!(router.send(Request::post("/a/gh").json("{}")).status, 200);
    assert_eq!(router.send(Request::post("/a/slim").json("{}")).status, 200);
    let seen = target.all();
    let sent: Vec<_> = seen.iter().map(|seen| seen.header("authorization")).collect();
    assert_eq!(sent, [Some("Bearer example-of-gh"), Some("Bearer example-of-slim")]);
    router.signal("TERM");
    let (_, lines) = router.wait();
    assert!(lines.iter().all(|line| !line.contains("example-of")), "{lines:?}");
}

#[test]
fn a_rotated_file_of_one_tenant_is_taken_over() {
    let target = Target::ok();
    let route = route(&target, &bearer(), "");
    let router = Router::start_with(&[("routes.d/a.yaml", &route), ("slim", "example-old\n")], &[], GH);
    assert_eq!(router.send(Request::post("/a/slim").json("{}")).status, 200);
    router.write("slim", "example-new\n");
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(router.send(Request::post("/a/slim").json("{}")).status, 200);
    let seen = target.all();
    let sent: Vec<_> = seen.iter().map(|seen| seen.header("authorization")).collect();
    assert_eq!(sent, [Some("Bearer example-old"), Some("Bearer example-new")]);
}

#[test]
fn each_tenant_has_its_own_token_and_keeps_it() {
    // Gives each client tokens with its own name.
    let tokens = Target::new(|number, seen| {
        let form: Vec<(String, String)> = form_urlencoded::parse(&seen.body).into_owned().collect();
        let of = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap();
        let token = format!("{}-{}-{number}", of("client_id"), of("client_secret"));
        Answer::status(200).body(&json!({"access_token": token, "expires_in": 3600}).to_string())
    });
    // Refuses the first token of one of them.
    let target = Target::new(|_, seen| {
        Answer::status(if seen.header("authorization") == Some("Bearer gh-s1-0") { 401 } else { 200 })
    });
    let auth = format!(
        "{{oauth2: {{token_url: '{}', client_auth: post, client_id: {{{BY}, values: {{gh: gh, slim: slim}}}}, client_secret: {{{BY}, values: {{gh: s1, slim: s2}}}}}}}}",
        tokens.url("/token")
    );
    let route = route(&target, &auth, "");
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let send = |account: &str| assert_eq!(router.send(Request::post(&format!("/a/{account}")).json("{}")).status, 200);
    ["gh", "slim", "gh", "slim"].into_iter().for_each(send);
    assert_eq!(router.send(Request::post("/a/other").json("{}")).status, 502);
    router.write("routes.d/a.yaml", &format!("description: changed\n{route}"));
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    send("slim");
    let seen = target.all();
    let sent: Vec<_> = seen.iter().map(|seen| seen.header("authorization").unwrap()).collect();
    let expected = ["gh-s1-0", "gh-s1-1", "slim-s2-2", "gh-s1-1", "slim-s2-2", "slim-s2-2"];
    assert_eq!(sent, expected.map(|token| format!("Bearer {token}")));
    assert_eq!(tokens.all().len(), 3);
}

#[test]
fn each_tenant_signs_with_its_own_secret() {
    let target = Target::ok();
    let verifying = |name: &str, secret: &str| {
        format!(
            "---\nname: {name}\nmatch: {{path: /{name}}}\nverify: {{provider: standardwebhooks, secret: {secret}}}\ntargets: []\nrespond: {{text: ok}}\n"
        )
    };
    let (gh, slim) = ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let auth =
        format!("{{sign: {{scheme: standard-webhooks, secret: {{{BY}, values: {{gh: {gh}, slim: [{slim}]}}}}}}}}");
    let all = route(&target, &auth, "") + &verifying("gh", gh) + &verifying("slim", slim);
    let router = Router::start(&[("routes.d/a.yaml", &all)]);
    for (account, accepted) in [("gh", [200, 401]), ("slim", [401, 200])] {
        assert_eq!(router.send(Request::post(&format!("/a/{account}")).json("{}")).status, 200);
        let seen = target.next();
        let status = ["/gh", "/slim"].map(|path| {
            let mut request = Request::post(path).body(&seen.body);
            for (name, value) in &seen.headers {
                if name == "content-type" || name.starts_with("webhook-") {
                    request = request.header(name, value);
                }
            }
            router.send(request).status
        });
        assert_eq!(status, accepted, "{account}");
    }
    assert_eq!(router.send(Request::post("/a/other").json("{}")).status, 502);
    assert_eq!(target.connections(), 1);
}

#[test]
fn what_nobody_could_be_sent_is_kept_and_goes_out_when_the_tenant_is_there() {
    let (grave, target) = (Grave::new(), Target::ok());
    let written = route(&target, &bearer(), "  dead_letter: graveyard\n");
    let files = [("hookswitch.yaml", grave.settings()), ("routes.d/a.yaml", written.clone()), ("slim", "s".to_owned())];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    let router = Router::start_with(&files, &[], GH);
    assert_eq!(router.send(Request::post("/a/late").json("{\"n\":1}")).status, 200);
    let records = grave.records();
    assert_eq!((&records[0]["reason"], &records[0]["attempts"]), (&json!("credentials"), &json!([])));
    assert_eq!(target.connections(), 0);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "hookswitch.yaml", &grave.settings());
    let plain = |values: &str| written.replace("gh: '${env:GH}', slim: '${file:slim}'", values);
    write(folder.path(), "routes.d/a.yaml", &plain("gh: example-gh"));
    let dead = grave.file().display().to_string();
    let output = hookswitch(folder.path(), &["replay", &dead]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`auth` chooses credentials by params.account"), "{said}");
    assert_eq!(target.connections(), 0);
    write(folder.path(), "routes.d/a.yaml", &plain("late: example-late"));
    let output = hookswitch(folder.path(), &["replay", &format!("{dead}.failed")]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let seen = target.next();
    assert_eq!((seen.header("authorization"), seen.text()), (Some("Bearer example-late"), "{\"n\":1}".to_owned()));
}

#[test]
fn a_trial_goes_out_with_the_credentials_of_the_tenant_it_names() {
    let target = Target::ok();
    let folder = tempfile::tempdir().unwrap();
    let route = route(&target, &format!("{{query: {{key: {{{BY}, values: {{gh: '${{file:gh}}'}}}}}}}}"), "");
    write(folder.path(), "routes.d/a.yaml", &route);
    write(folder.path(), "gh", "example-of-gh");
    let run = |arguments: &[&str]| {
        let output = hookswitch(folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("example-of-gh"), "{said}");
        (output.status.code(), said)
    };
    let (code, said) = run(&["send", "a", "--url", "/a/gh", "-d", "{}"]);
    assert!(code == Some(0) && said.contains("/in?key=${file:gh}"), "{said}");
    assert_eq!(target.next().target, "/in?key=example-of-gh");
    let (code, said) = run(&["send", "a", "--url", "/a/other", "-d", "{}"]);
    assert!(
        code == Some(1) && said.contains("target crm failed: `auth` chooses credentials by params.account"),
        "{said}"
    );
    let (_, said) = run(&["explain", "POST", "/a/gh", "-d", "{}"]);
    assert!(said.contains("/in?key=${file:gh}"), "{said}");
    let (_, said) = run(&["explain", "POST", "/a/other", "-d", "{}"]);
    assert!(said.contains("`auth` chooses credentials by params.account, and has none"), "{said}");
    assert_eq!(target.connections(), 1);
}

#[test]
fn the_console_tries_a_target_as_the_tenant_that_the_path_names() {
    let target = Target::ok();
    let route = route(&target, &bearer(), "");
    let router = Router::start_with(&[("routes.d/a.yaml", &route), ("slim", "example-of-slim")], &[], GH);
    let ask = |url: &str| {
        let body = json!({"path": url, "body": {}}).to_string();
        router.ask_admin(Request::post("/targets/a/crm/test").json(&body)).text()
    };
    let said = ask("/a/gh");
    assert!(said.contains(r#""ok":true"#) && !said.contains("example-of"), "{said}");
    assert_eq!(target.next().header("authorization"), Some("Bearer example-of-gh"));
    let said = ask("/a/other");
    assert!(said.contains(r#""ok":false"#) && said.contains("params.account"), "{said}");
    assert_eq!(target.connections(), 1);
}

/// A test says which credentials an event gets, and that an unknown tenant gets none.
#[test]
fn examples_see_references_and_that_nobody_is_sent_anything() {
    let folder = tempfile::tempdir().unwrap();
    let values = "values: {gh: '${env:NOT_SET_GH}', slim: '${file:not-there}'}";
    let route = format!(
        "name: a\nmatch: {{path: '/a/{{account}}'}}\nverify: none\ntarget: {{url: 'https://crm.example.com/', auth: {{bearer: {{{BY}, {values}}}}}}}\n"
    );
    write(folder.path(), "routes.d/a.yaml", &route);
    let tests = "tests:
  - name: each tenant has its own
    request: {path: /a/slim, body: {}}
    expect: {deliveries: [{target: target, headers: {authorization: 'Bearer ${file:not-there}'}}], response: {status: 200}}
  - name: a stranger has none
    request: {path: /a/other, body: {}}
    expect: {deliveries: [], response: {status: 502}}
";
    write(folder.path(), "routes.d/a.test.yaml", tests);
    let output = hookswitch(folder.path(), &["test"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let output = hookswitch(folder.path(), &["validate", "--offline"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let output = hookswitch(folder.path(), &["validate"]);
    assert_eq!(output.status.code(), Some(1), "a missing reference of one tenant is a load error");
}
