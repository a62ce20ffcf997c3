//! Who may call.

use crate::harness::{Request, Router, Target};

/// HMAC-SHA256 of `body` with the key `example-secret`, made with `openssl dgst -sha256 -hmac example-secret`.
const BODY: &str = r#"{"action":"test"}"#;

fn mac() -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"example-secret");
    let tag = aws_lc_rs::hmac::sign(&key, BODY.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn route(verify: &str, target: &Target) -> String {
    format!("match: {{path: /a}}\nverify: {verify}\nbody: {{accept: [any]}}\ntarget: {{url: '{}'}}\n", target.url("/"))
}

fn start(verify: &str, target: &Target) -> Router {
    Router::start_with(&[("routes.d/a.yaml", &route(verify, target))], &[], &[("SECRET", "example-secret")])
}

#[test]
fn a_wrong_a_missing_and_a_repeated_signature_get_the_same_401() {
    let target = Target::ok();
    let router = start("{provider: github, secret: '${env:SECRET}'}", &target);
    let signed = format!("sha256={}", mac());
    let good = Request::post("/a").json(BODY).header("x-hub-signature-256", &signed);
    assert_eq!(router.send(good.clone()).status, 200);
    assert_eq!(target.next().header("x-hub-signature-256"), Some(signed.as_str()));
    let bad = [
        Request::post("/a").json(BODY),
        Request::post("/a").json(BODY).header("x-hub-signature-256", &signed.replace('a', "b")),
        Request::post("/a").json(BODY).header("x-hub-signature-256", "sha256="),
        Request::post("/a").json(BODY).header("x-hub-signature-256", &signed[..40]),
        Request::post("/a").json(&format!("{BODY} ")).header("x-hub-signature-256", &signed),
        good.clone().header("x-hub-signature-256", &signed),
    ];
    let answers: Vec<(u16, String)> = bad
        .into_iter()
        .map(|request| router.send(request.header("x-request-id", "fixed")))
        .map(|response| (response.status, response.text()))
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].0, 401);
    assert!(target.all().is_empty());
}

#[test]
fn a_shared_secret_is_checked_and_never_forwarded() {
    let target = Target::ok();
    let router = start(
        "[{shared: {header: X-Api-Key}, secret: '${env:SECRET}'}, {shared: {query: token}, secret: example-token}]",
        &target,
    );
    let request =
        |key: &str, token: &str| Request::post(&format!("/a?token={token}&keep=1")).header("x-api-key", key).json("{}");
    assert_eq!(router.send(request("example-secret", "example-token")).status, 200);
    let seen = target.next();
    assert_eq!(seen.header("x-api-key"), None);
    assert!(!format!("{seen:?}").contains("example-secret"));
    assert_eq!(router.send(request("example-secret", "wrong")).status, 401);
    assert_eq!(router.send(request("wrong", "example-token")).status, 401);
}

#[test]
fn basic_and_bearer_are_checked() {
    let target = Target::ok();
    let router = start("{basic: {username: anna, password: '${env:SECRET}'}}", &target);
    let authorized = |value: &str| Request::post("/a").header("authorization", value).json("{}");
    assert_eq!(router.send(authorized("Basic YW5uYTpleGFtcGxlLXNlY3JldA==")).status, 200);
    assert_eq!(target.next().header("authorization"), None);
    assert_eq!(router.send(authorized("Basic YW5uYTp3cm9uZw==")).status, 401);
    let router = start("{bearer: '${env:SECRET}'}", &target);
    assert_eq!(router.send(authorized("Bearer example-secret")).status, 200);
    assert_eq!(router.send(authorized("Bearer example-secret2")).status, 401);
}

#[test]
fn any_of_several_secrets_may_match_while_they_rotate() {
    let target = Target::ok();
    let router = start(
        "{provider: getcourse, secret: [new-example-secret, {value: '${env:SECRET}', until: 2999-01-01T00:00:00Z}]}",
        &target,
    );
    let send = |value: &str| router.send(Request::post("/a").json(BODY).header("x-getcourse-signature", value)).status;
    assert_eq!(send(&format!("sha256={}", mac())), 200);
    assert_eq!(send(&mac()), 200);
    assert_eq!(send("sha256=00"), 401);
    let router = start(
        "{provider: getcourse, secret: [new-example-secret, {value: '${env:SECRET}', until: 2020-01-01T00:00:00Z}]}",
        &target,
    );
    let late = router.send(Request::post("/a").json(BODY).header("x-getcourse-signature", &mac()));
    assert_eq!(late.status, 401);
}

#[test]
fn no_secret_is_in_any_output_of_the_process() {
    let target = Target::ok();
    let process = "log: {level: debug, payloads: true}\n";
    let url = format!("http://{}/bot${{env:SECRET}}/send?key=${{env:SECRET}}", target.address);
    let route = format!(
        "match: {{path: /a}}\nverify: [{{shared: {{header: X-Api-Key}}, secret: '${{env:SECRET}}'}}]\ntarget: {{url: '{url}', auth: {{bearer: '${{env:SECRET}}'}}, headers: {{x-more: '${{env:SECRET}}'}}}}\n"
    );
    let router = Router::start_with(
        &[("hookswitch.yaml", process), ("routes.d/a.yaml", &route)],
        &[],
        &[("SECRET", "example-secret")],
    );
    let body = r#"{"token":"example-secret","nested":["has example-secret inside"]}"#;
    assert_eq!(router.send(Request::post("/a").header("x-api-key", "example-secret").json(body)).status, 200);
    assert_eq!(router.send(Request::post("/a").header("x-api-key", "wrong").json(body)).status, 401);
    assert!(target.next().target.contains("example-secret"));
    let admin: String =
        ["/config", "/routes"].iter().map(|path| router.ask_admin(Request::new("GET", path)).text()).collect();
    router.signal("TERM");
    let (_, lines) = router.wait();
    let output = format!("{admin}\n{}", lines.join("\n"));
    assert!(output.contains("${env:SECRET}"), "{output}");
    assert!(!output.contains("example-secret"), "{output}");
}

/// Nobody listens on port 1.
#[test]
fn a_certificate_that_cannot_be_fetched_refuses_for_now() {
    let target = Target::ok();
    let settings = r"
providers:
  acme:
    verify:
      algorithm: rsa-pkcs1-sha256
      certificate: {url: 'header:x-certificate', matches: 'https://127\.0\.0\.1:1/[a-z]+\.pem'}
      signature: {header: x-signature, encoding: base64}
";
    let files = [("hookswitch.yaml", settings), ("routes.d/a.yaml", &route("{provider: acme}", &target))];
    let router = Router::start_with(&files, &[], &[]);
    let send = |url: &str| {
        router.send(Request::post("/a").json("{}").header("x-signature", "AAAA").header("x-certificate", url))
    };
    let unavailable = send("https://127.0.0.1:1/a.pem");
    assert_eq!(unavailable.status, 503, "{}", unavailable.text());
    assert!(unavailable.header("retry-after").is_some());
    assert_eq!(send("https://127.0.0.1:2/a.pem").status, 401);
    assert_eq!(send("https://127.0.0.1:1/A.pem").status, 401);
    assert!(target.all().is_empty());
}

/// A token of an issuer whose keys the target of the test serves, and the set with that key.
fn issued() -> (String, String) {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use base64::Engine;
    let encoded = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let pair = Ed25519KeyPair::generate().unwrap();
    let set = format!(
        r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"k1","x":"{}"}}]}}"#,
        encoded(pair.public_key().as_ref())
    );
    let claims = r#"{"iss":"https://issuer.example","aud":"us","exp":4102444800}"#;
    let signed = format!("{}.{}", encoded(br#"{"alg":"EdDSA","kid":"k1"}"#), encoded(claims.as_bytes()));
    let signature = encoded(pair.sign(signed.as_bytes()).as_ref());
    (format!("Bearer {signed}.{signature}"), set)
}

#[test]
fn tokens_are_checked_with_fetched_keys_and_nothing_passes_without_them() {
    let target = Target::ok();
    let (token, set) = issued();
    let issuer = Target::new(move |before, _| match before {
        0 => crate::harness::Answer::status(500),
        _ => crate::harness::Answer::status(200).body(&set),
    });
    let verify = |path: &str| {
        format!("{{jwt: {{jwks: '{}', issuer: 'https://issuer.example', audience: us}}}}", issuer.url(path))
    };
    let router = start(&verify("/down"), &target);
    let request = |token: &str| Request::post("/a").header("authorization", token).json("{}");
    let refused = router.send(request(&token));
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("10")));
    assert!(target.all().is_empty());
    let router = start(&verify("/up"), &target);
    assert_eq!(router.send(request(&token)).status, 200);
    assert_eq!(target.next().header("authorization"), None, "the token is not for the target");
    let signature = token.rfind('.').unwrap() + 1;
    let other = if token[signature..].starts_with('A') { "B" } else { "A" };
    let forged = [&token[..signature], other, &token[signature + 1..]].concat();
    assert_eq!(router.send(request(&forged)).status, 401);
    assert_eq!(router.send(request("Bearer e30.e30.")).status, 401);
    assert_eq!(issuer.all().len(), 2, "kept after the first time");
}

#[test]
fn keys_of_a_file_are_read_again_when_it_changes() {
    let target = Target::ok();
    let ((token, set), (_, other)) = (issued(), issued());
    let verify = "{jwt: {jwks: ../keys.json, issuer: 'https://issuer.example', audience: [them, us]}}";
    let mut router = Router::start(&[("routes.d/a.yaml", &route(verify, &target)), ("keys.json", &other)]);
    let request = || Request::post("/a").header("authorization", &token).json("{}");
    assert_eq!(router.send(request()).status, 401);
    router.write("keys.json", &set);
    router
        .wait_for(|line| line["message"].as_str().is_some_and(|message| message.starts_with("configuration applied")));
    assert_eq!(router.send(request()).status, 200);
}

#[test]
fn tenants_have_secrets_of_their_own_and_an_unknown_one_is_refused_like_a_wrong_secret() {
    let target = Target::ok();
    let route = format!(
        "match: {{path: '/a/{{account}}'}}\nverify: {{provider: github, secret: {{by: '${{params.account}}', values: {{one: '${{env:SECRET}}', two: other}}}}}}\ntarget: {{url: '{}'}}\n",
        target.url("/")
    );
    let files = [("routes.d/a.yaml", route.as_str()), ("hookswitch.yaml", "log: {level: debug}\n")];
    let mut router = Router::start_with(&files, &[], &[("SECRET", "example-secret")]);
    let signed = format!("sha256={}", mac());
    let request = |account: &str| {
        Request::post(&format!("/a/{account}"))
            .json(BODY)
            .header("x-hub-signature-256", &signed)
            .header("x-request-id", "fixed")
    };
    assert_eq!(router.send(request("one")).status, 200);
    let line = router.wait_for(|line| line["message"] == "verified");
    assert_eq!((line["matched"].as_str(), line["path"].as_str()), (Some("[0]"), Some("/a/{account}")));
    let (wrong, unknown) = (router.send(request("two")), router.send(request("three")));
    assert_eq!((wrong.status, wrong.text()), (401, unknown.text()));
    assert_eq!(unknown.status, 401);
}

#[test]
fn one_of_several_alternatives_is_enough() {
    let target = Target::ok();
    let router =
        start("{any: [{bearer: '${env:SECRET}'}, [{ip: 127.0.0.0/8}, {shared: {query: token}, secret: t}]]}", &target);
    let send = |target: &str, token: &str| router.send(Request::post(target).header("authorization", token).json("{}"));
    assert_eq!(send("/a", "Bearer example-secret").status, 200);
    assert_eq!(send("/a?token=t", "Bearer wrong").status, 200);
    assert!(!format!("{:?}", target.all()).contains("Bearer"), "a credential of any alternative stays here");
    assert_eq!(send("/a?token=x", "Bearer wrong").status, 401);
    assert_eq!(send("/a", "Basic x").status, 401);
}
