use super::super::Refusal;
use super::{compile_in, post, verifier};
use crate::diagnostic::Severity;
use crate::secret::Missing;

/// Code and pointer of each finding.
fn mistakes(yaml: &str) -> Vec<(&'static str, String)> {
    let (verifier, findings) = compile_in(yaml, Missing::Fails);
    let errors = findings.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(verifier.is_none(), errors, "{yaml}: {findings:?}");
    for finding in &findings {
        let text = format!("{} {:?}", finding.message, finding.help);
        assert!(!text.contains("planted"), "{text}");
    }
    findings.into_iter().map(|finding| (finding.code, finding.pointer)).collect()
}

#[track_caller]
fn one(yaml: &str, code: &str, pointer: &str) {
    let found = mistakes(yaml);
    assert_eq!(found, [(found.first().map_or("", |first| first.0), pointer.to_owned())], "{yaml}");
    assert_eq!(found[0].0, code, "{yaml}");
}

#[test]
fn a_check_is_of_exactly_one_kind() {
    one("{secret: s}", "verify-kind", "/verify");
    one("{bearer: b, shared: {header: x}, secret: s}", "verify-kind", "/verify/bearer");
    one("[{bearer: b}, {secret: s}]", "verify-kind", "/verify/1");
    one("[]", "verify-empty", "/verify");
}

#[test]
fn secrets_are_there_and_not_empty() {
    one("{shared: {header: x}}", "verify-secret-missing", "/verify");
    one("{provider: github}", "verify-secret-missing", "/verify");
    one("{hmac: {header: x}}", "verify-secret-missing", "/verify");
    one("{hmac: {header: x}, secret: []}", "verify-secret-missing", "/verify/secret");
    one("{hmac: {header: x}, secret: ''}", "secret-empty", "/verify/secret");
    one("{hmac: {header: x}, secret: '${env:EMPTY}'}", "secret-empty", "/verify/secret");
    one("{bearer: ''}", "secret-empty", "/verify/bearer");
    one("{basic: {username: u, password: ''}}", "secret-empty", "/verify/basic/password");
    let found = mistakes("{provider: github, secret: ['', ok, {value: '', until: never}]}");
    let pointers: Vec<&str> = found.iter().map(|(_, pointer)| pointer.as_str()).collect();
    assert_eq!(pointers, ["/verify/secret/0", "/verify/secret/2/until", "/verify/secret/2/value"]);
}

#[test]
fn a_missing_variable_is_a_mistake_unless_offline() {
    let yaml = "{provider: github, secret: '${env:NOT_THERE}'}";
    assert_eq!(mistakes(yaml).len(), 1);
    let (offline, findings) = compile_in(yaml, Missing::StandsForItself);
    assert_eq!(findings, []);
    let offline = offline.unwrap();
    let guess = verifier("{provider: github, secret: NOT_THERE}");
    assert_eq!(post("").signed(&guess).verify(&offline), Err(Refusal::Mismatch));
}

#[test]
fn two_plain_secrets_are_a_list() {
    let old = verifier("{provider: github, secret: old}");
    let both = verifier("{provider: github, secret: [new, old]}");
    assert_eq!(post("").signed(&old).verify(&both), Ok(Some(1)));
}

#[test]
fn parameters_that_mean_nothing_are_refused() {
    one("{bearer: b, secret: s}", "verify-parameter-unexpected", "/verify/secret");
    one("{basic: {username: u, password: p}, secret: s}", "verify-parameter-unexpected", "/verify/secret");
    one("{provider: github, secret: s, tolerance: 5m}", "verify-parameter-unexpected", "/verify/tolerance");
    one("{hmac: {header: x}, secret: s, tolerance: 5m}", "verify-parameter-unexpected", "/verify/tolerance");
    one(
        "{hmac: {header: x}, secret: s, public_url: 'https://a.example'}",
        "verify-parameter-unexpected",
        "/verify/public_url",
    );
    one("{provider: github, secret: s, serial: x}", "verify-parameter-unexpected", "/verify/serial");
}

#[test]
fn names_are_checked() {
    one("{shared: {header: 'a b'}, secret: s}", "verify-header", "/verify/shared/header");
    one("{shared: {header: ''}, secret: s}", "verify-header", "/verify/shared/header");
    one("{shared: {query: ''}, secret: s}", "verify-query", "/verify/shared/query");
    one("{hmac: {header: 'ä'}, secret: s}", "verify-header", "/verify/hmac/header");
    one("{hmac: {header: x, timestamp: {header: 'a:b'}}, secret: s}", "verify-header", "/verify/hmac/timestamp/header");
    one("{basic: {username: 'a:b', password: p}}", "verify-basic", "/verify/basic/username");
}

#[test]
fn an_unknown_provider_is_named_with_the_nearest_one() {
    let (_, findings) = compile_in("{provider: githbu, secret: s}", Missing::Fails);
    assert_eq!(findings[0].code, "verify-provider-unknown");
    assert_eq!(findings[0].pointer, "/verify/provider");
    assert_eq!(findings[0].help.as_deref(), Some("did you mean `github`?"));
    let (_, findings) = compile_in("{provider: something-else-entirely, secret: s}", Missing::Fails);
    assert!(findings[0].help.as_deref().unwrap().contains("--providers"));
}

#[test]
fn messages_are_checked() {
    let message = |message: &str| format!("{{hmac: {{header: x, message: '{message}'}}, secret: s}}");
    one(&message("${timestamp}.${text}"), "verify-message", "/verify/hmac/message");
    one(&message("${body}"), "verify-message", "/verify/hmac/message");
    one(&message("${env:SECRET}${text}"), "verify-message", "/verify/hmac/message");
    one(&message("${header:a b}"), "verify-message", "/verify/hmac/message");
    one(&message("${text"), "verify-message", "/verify/hmac/message");
    one(&message("constant"), "verify-message", "/verify/hmac/message");
    one(&message(""), "verify-message", "/verify/hmac/message");
    assert_eq!(mistakes(&message("${url}${text}")), []);
    let (_, findings) = compile_in(&message("a${oops}b"), Missing::Fails);
    assert_eq!(findings[0].inside, Some((1, 8)));
}

#[test]
fn tolerances_are_checked() {
    let timed = |tolerance: &str| {
        format!(
            "{{hmac: {{header: x, message: '${{timestamp}}${{text}}', timestamp: {{header: t, {tolerance}}}}}, secret: s}}"
        )
    };
    one(&timed("tolerance: soon"), "unit", "/verify/hmac/timestamp/tolerance");
    one(&timed("tolerance: 0s"), "verify-tolerance", "/verify/hmac/timestamp/tolerance");
    let twice = timed("tolerance: 1m").replace("secret:", "tolerance: 1m, secret:");
    one(&twice, "verify-tolerance", "/verify/tolerance");
    let unsigned = "{hmac: {header: x, timestamp: {header: t}}, secret: s}";
    one(unsigned, "verify-timestamp-unsigned", "/verify/hmac/timestamp");
}

#[test]
fn public_urls_are_checked() {
    for wrong in ["hooks.example.com", "ftp://a", "https://", "https://a/?x=1"] {
        let yaml = format!("{{hmac: {{header: x, message: '${{url}}'}}, secret: s, public_url: '{wrong}'}}");
        one(&yaml, "verify-public-url", "/verify/public_url");
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let yaml = "[{provider: gitub, secret: planted}, {hmac: {header: 'a b', message: '${x}', timestamp: {header: 'c d'}}, \
                secret: ''}, {bearer: '${env:GONE}'}]";
    let pointers: Vec<String> = mistakes(yaml).into_iter().map(|(_, pointer)| pointer).collect();
    assert_eq!(pointers.len(), 6, "{pointers:?}");
}

#[test]
fn doubtful_providers_are_warned_about() {
    let (verifier, findings) = compile_in("{provider: getcourse, secret: s}", Missing::Fails);
    assert!(verifier.is_some());
    assert_eq!(findings[0].severity, Severity::Warning);
    assert_eq!(findings[0].code, "verify-provider-doubtful");
}

#[test]
fn networks_are_checked() {
    one("{ip: []}", "verify-network", "/verify/ip");
    one("{ip: [192.0.2.0/24, 192.0.2.0/33]}", "verify-network", "/verify/ip/1");
    one("{ip: example.com}", "verify-network", "/verify/ip");
    one("{ip: 192.0.2.1, secret: s}", "verify-parameter-unexpected", "/verify/secret");
}

#[test]
fn keys_that_are_none_are_refused_without_showing_them() {
    one("{provider: svix, secret: 'whsec_*planted*'}", "verify-secret-malformed", "/verify/secret");
    one("{provider: svix, secret: 'whsec_'}", "verify-secret-malformed", "/verify/secret");
    one("{provider: adyen_platform, secret: [aa, planted]}", "verify-secret-malformed", "/verify/secret/1");
    one("{provider: discord}", "verify-public-key", "/verify");
    one("{provider: discord, public_key: []}", "verify-public-key", "/verify/public_key");
    one("{provider: discord, public_key: [planted]}", "verify-public-key", "/verify/public_key/0");
    one("{provider: sendgrid, public_key: '00'}", "verify-public-key", "/verify/public_key");
    let found = mistakes("{provider: discord, secret: s}");
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn parameters_that_a_provider_needs_are_asked_for() {
    one("{provider: pusher, secret: s}", "verify-parameter-missing", "/verify");
    one("{provider: livekit, secret: s}", "verify-parameter-missing", "/verify");
    assert_eq!(mistakes("{provider: meta, secret: s, verify_token: t}"), []);
    one("{provider: github, secret: s, verify_token: t}", "verify-parameter-unexpected", "/verify/verify_token");
}
