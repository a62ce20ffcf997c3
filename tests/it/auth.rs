//! How targets know us: tokens of OAuth 2.0, signatures, AWS, client certificates.

use crate::harness::{Answer, Request, Router, Target, hookswitch, write};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Gives `token-1`, `token-2`, … for an hour.
fn token_endpoint() -> Target {
    Target::new(|number, _| {
        let number = number + 1;
        let body = json!({"access_token": format!("token-{number}"), "expires_in": 3600, "refresh_token": format!("refresh-{number}")});
        Answer::status(200).body(&body.to_string())
    })
}

fn route(target: &Target, auth: &str) -> String {
    format!(
        "match: {{path: /a}}\nverify: none\ntarget:\n  url: {}\n  retry: {{max: 0}}\n  auth: {auth}\n",
        target.url("/in")
    )
}

fn oauth2(tokens: &Target, more: &str) -> String {
    format!(
        "{{oauth2: {{token_url: '{}', client_id: me, client_secret: 'example secret'{more}}}}}",
        tokens.url("/token")
    )
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn one_token_serves_many_events_and_outlives_a_reload() {
    let (tokens, target) = (token_endpoint(), Target::ok());
    let auth = oauth2(&tokens, ", scopes: [read, write], params: {audience: orders}");
    let route = route(&target, &auth);
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let to = router.webhooks;
            scope.spawn(move || assert_eq!(Request::post("/a").json("{}").send(to).status, 200));
        }
    });
    router.write("routes.d/a.yaml", &format!("description: changed\n{route}"));
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    let seen = target.all();
    assert_eq!(seen.len(), 9);
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some("Bearer token-1")));
    let asked = tokens.all();
    assert_eq!(asked.len(), 1);
    // `me:example+secret`: both parts are form-encoded first.
    assert_eq!(asked[0].header("authorization"), Some("Basic bWU6ZXhhbXBsZStzZWNyZXQ="));
    assert_eq!(asked[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    let expected = [("grant_type", "client_credentials"), ("scope", "read write"), ("audience", "orders")];
    assert_eq!(form(&asked[0].body), pairs(&expected));
}

#[test]
fn a_401_renews_the_token_once() {
    let tokens = token_endpoint();
    let target = Target::new(|_, seen| {
        Answer::status(if seen.header("authorization") == Some("Bearer token-2") { 200 } else { 401 })
    });
    let router = Router::start(&[("routes.d/a.yaml", &route(&target, &oauth2(&tokens, ", client_auth: post")))]);
    assert_eq!(router.send(Request::post("/a").json("{\"n\":1}")).status, 200);
    let seen = target.all();
    let shown: Vec<_> = seen.iter().map(|seen| (seen.header("authorization"), seen.text())).collect();
    let body = "{\"n\":1}".to_owned();
    assert_eq!(shown, [(Some("Bearer token-1"), body.clone()), (Some("Bearer token-2"), body)]);
    let asked = tokens.next();
    let expected = [("grant_type", "client_credentials"), ("client_id", "me"), ("client_secret", "example secret")];
    assert_eq!((form(&asked.body), asked.header("authorization")), (pairs(&expected), None));
}

#[test]
fn a_target_that_refuses_every_token_fails_and_tokens_are_not_made_without_end() {
    let (tokens, target) = (token_endpoint(), Target::new(|_, _| Answer::status(401)));
    let mut router = Router::start(&[("routes.d/a.yaml", &route(&target, &oauth2(&tokens, "")))]);
    for _ in 0..5 {
        assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    }
    let line = router.wait_for(|line| line["message"] == "delivery");
    assert_eq!((&line["outcome"], &line["status"]), (&json!("refused"), &json!(401)));
    assert_eq!((tokens.all().len(), target.all().len()), (2, 6));
}

#[test]
fn a_refresh_token_is_shown_and_the_rotated_one_after_it() {
    let tokens = token_endpoint();
    let refused = Arc::new(AtomicUsize::new(0));
    let count = refused.clone();
    let target = Target::new(move |_, seen| match seen.header("authorization") {
        Some("Bearer token-1") => {
            count.fetch_add(1, Ordering::Relaxed);
            Answer::status(401)
        }
        _ => Answer::status(200),
    });
    let auth = oauth2(&tokens, ", grant: refresh_token, refresh_token: first");
    let router = Router::start(&[("routes.d/a.yaml", &route(&target, &auth))]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    assert_eq!(refused.load(Ordering::Relaxed), 1);
    let asked = tokens.all();
    assert_eq!(form(&asked[0].body), pairs(&[("grant_type", "refresh_token"), ("refresh_token", "first")]));
    assert_eq!(form(&asked[1].body), pairs(&[("grant_type", "refresh_token"), ("refresh_token", "refresh-1")]));
}

#[test]
fn a_token_endpoint_that_says_no_ends_the_delivery_and_nothing_secret_is_told() {
    let body = r#"{"error":"invalid_client","error_description":"example secret is wrong"}"#;
    let (tokens, target) = (Target::new(move |_, _| Answer::status(401).body(body)), Target::ok());
    let route = route(&target, &oauth2(&tokens, "")).replace("max: 0", "max: 3");
    let mut router = Router::start(&[("routes.d/a.yaml", &route)]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    let told = router.wait_for(|line| line["message"] == "token not granted");
    assert_eq!((&told["level"], &told["answer"]), (&json!("warn"), &json!("401 invalid_client")));
    let line = router.wait_for(|line| line["message"] == "delivery");
    assert_eq!((&line["outcome"], &line["attempts"]), (&json!("credentials"), &json!(1)));
    assert_eq!((tokens.all().len(), target.connections()), (1, 0));
    router.signal("TERM");
    let (_, lines) = router.wait();
    assert!(lines.iter().all(|line| !line.contains("example secret")), "{lines:?}");
}

#[test]
fn the_rules_of_egress_hold_for_token_endpoints() {
    let target = Target::ok();
    let auth = "{oauth2: {token_url: 'http://169.254.169.254/token', client_id: a, client_secret: b}}";
    let mut router = Router::start(&[("routes.d/a.yaml", &route(&target, auth))]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 502);
    router.wait_for(|line| line["message"] == "delivery" && line["outcome"] == "egress");
    assert_eq!(target.connections(), 0);
}

/// What the target got, as a request that is sent to a route which verifies it.
fn passed_on(seen: &crate::harness::Target, path: &str) -> Request {
    let seen = seen.next();
    let mut request = Request::post(path).body(&seen.body);
    for (name, value) in &seen.headers {
        if !matches!(name.as_str(), "host" | "content-length" | "connection") {
            request = request.header(name, value);
        }
    }
    request
}

#[test]
fn what_we_sign_we_verify() {
    let target = Target::ok();
    let standard = "{sign: {scheme: standard-webhooks, secret: ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']}}";
    let hmac = "{sign: {hmac: {header: X-Sign, prefix: 'v0=', message: '${timestamp}.${url}.${text}', timestamp: {header: X-Time}}, secret: example}}";
    let sending = [("/s", standard), ("/h", hmac)].map(|(path, auth)| {
        format!("name: send{}\nmatch: {{path: {path}}}\nverify: none\ntarget: {{url: '{}', auth: {auth}, retry: {{delay: 1ms}}}}\n", &path[1..], target.url("/in?x=1"))
    });
    let verify_standard = |secret: &str| format!("verify: {{provider: standardwebhooks, secret: {secret}}}");
    let public = format!("http://{}", target.address);
    let receiving = [
        ("new", verify_standard("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")),
        ("old", verify_standard("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
        ("other", verify_standard("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("in", format!("verify: {{hmac: {{header: X-Sign, prefix: 'v0=', message: '${{timestamp}}.${{url}}.${{text}}', timestamp: {{header: X-Time}}}}, secret: example, public_url: '{public}'}}")),
    ]
    .map(|(name, verify)| format!("name: {name}\nmatch: {{path: /{name}}}\n{verify}\ntargets: []\nrespond: {{text: ok}}\n"));
    let all = sending.iter().chain(&receiving).cloned().collect::<Vec<_>>().join("---\n");
    let router = Router::start(&[("routes.d/a.yaml", &all)]);
    assert_eq!(router.send(Request::post("/s").json("{\"n\": 1}")).status, 200);
    let request = passed_on(&target, "/new");
    let again = |path: &str| {
        let text = String::from_utf8(request.bytes()).unwrap().replacen("/new", path, 1);
        let mut stream = std::net::TcpStream::connect(router.webhooks).unwrap();
        std::io::Write::write_all(&mut stream, text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        std::io::Read::read_to_end(&mut stream, &mut answer).unwrap();
        crate::harness::Response::parse(&answer).unwrap().status
    };
    assert_eq!([again("/new"), again("/old"), again("/other")], [200, 200, 401]);
    assert_eq!(router.send(Request::post("/h").json("{\"n\": 2}")).status, 200);
    assert_eq!(router.send(passed_on(&target, "/in?x=1")).status, 200);
}

#[test]
fn each_attempt_is_signed_and_keeps_its_id() {
    let target = Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }));
    let auth = "{sign: {scheme: standard-webhooks, secret: whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD}}";
    let route = route(&target, auth).replace("max: 0", "delay: 1100ms, jitter: false");
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let request =
        Request::post("/a").json("{}").header("webhook-id", "theirs").header("webhook-signature", "v1,theirs");
    assert_eq!(router.send(request).status, 200);
    let (first, second) = (target.next(), target.next());
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.header("webhook-id"), first.header("idempotency-key"), "not the sender's");
    assert_ne!(first.header("webhook-timestamp"), second.header("webhook-timestamp"));
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"));
    assert!(!first.header("webhook-signature").unwrap().contains("theirs"));
}

#[test]
fn a_request_to_aws_is_signed() {
    let target = Target::ok();
    let auth = "{aws: {region: eu-central-1, service: execute-api, access_key_id: AKIDEXAMPLE, secret_access_key: example, session_token: '${env:SESSION}'}}";
    let router =
        Router::start_with(&[("routes.d/a.yaml", &route(&target, auth))], &[], &[("SESSION", "example-session")]);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    let seen = target.next();
    let authorization = seen.header("authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{authorization}");
    assert!(
        authorization.contains(
            "/eu-central-1/execute-api/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
        ),
        "{authorization}"
    );
    assert_eq!(seen.header("host"), Some(&*target.address.to_string()));
    assert_eq!(seen.header("x-amz-security-token"), Some("example-session"));
}

#[test]
fn explain_shows_what_stands_for_a_credential() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::ok();
    let auths = [
        (
            "oauth",
            "{oauth2: {token_url: 'https://${env:ISSUER:-planted.example}/token', client_id: me, client_secret: '${env:SECRET}'}}",
        ),
        ("sign", "{sign: {scheme: standard-webhooks, secret: '${env:SECRET}'}}"),
        ("aws", "{aws: {region: a, service: b, access_key_id: '${env:KEY_ID}', secret_access_key: '${env:SECRET}'}}"),
    ];
    for (name, auth) in auths {
        write(
            folder.path(),
            &format!("routes.d/{name}.yaml"),
            &route(&target, auth).replace("/a}", &format!("/{name}}}")),
        );
    }
    let headers = |name: &str| -> Value {
        let output =
            hookswitch(folder.path(), &["explain", "POST", &format!("/{name}"), "-d", "{}", "--format", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        report["deliveries"][0]["headers"].clone()
    };
    assert_eq!(headers("oauth")["authorization"], "Bearer ${oauth2:https://${env:ISSUER}/token}");
    let sign = headers("sign");
    assert_eq!(sign["webhook-signature"], "${sign:webhook-signature}");
    assert_eq!(sign["webhook-id"], sign["idempotency-key"]);
    let expected = "AWS4-HMAC-SHA256 Credential=${env:KEY_ID}/${aws:date}/a/b/aws4_request, Signature=${aws:signature}";
    assert_eq!(headers("aws")["authorization"], expected);
    assert_eq!(target.connections(), 0);
}
