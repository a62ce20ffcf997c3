//! Secrets that are chosen by a key of the request.

use super::super::{NoKeys, Refusal, SignError};
use super::{NOW, Sent, compile_in, post, verifier};
use crate::secret::Missing;

const TENANTS: &str = "secret: {by: '${params.account}', values: {gh: [gh-new, {value: gh-old, until: 2025-01-01T00:00:00Z}], slim: slim-one}}";

fn github(secret: &str) -> Sent {
    post("x").signed(&verifier(&format!("{{provider: github, secret: {secret}}}")))
}

#[test]
fn each_tenant_has_its_own_secrets_and_their_positions_count_on() {
    let keyed = verifier(&format!("{{provider: github, {TENANTS}}}"));
    assert_eq!(github("gh-new").account("gh").matched(&keyed, NOW, &NoKeys), Ok(vec![0]));
    assert_eq!(github("slim-one").account("slim").matched(&keyed, NOW, &NoKeys), Ok(vec![2]));
    assert_eq!(github("gh-old").account("gh").verify(&keyed), Err(Refusal::Mismatch), "its time is over");
    assert_eq!(github("slim-one").account("gh").verify(&keyed), Err(Refusal::Mismatch));
    assert_eq!(keyed.expiries().into_iter().map(|(position, _)| position).collect::<Vec<_>>(), [1]);
}

#[test]
fn an_unknown_key_is_refused_as_a_wrong_secret_is() {
    let keyed = verifier(&format!("{{provider: github, {TENANTS}}}"));
    for sent in [github("gh-new").account("other"), github("gh-new").account(""), github("gh-new")] {
        assert_eq!(sent.verify(&keyed), Err(Refusal::Mismatch));
    }
    assert_eq!(
        post("x").account("other").verify(&keyed),
        Err(Refusal::Missing),
        "without a signature as with a known key"
    );
    assert_eq!(post("x").account("gh").verify(&keyed), Err(Refusal::Missing));
}

/// Every kind of check does the same work for an unknown key and for each known one.
#[test]
fn every_key_costs_the_same_number_of_comparisons() {
    let keyed = verifier(&format!("{{provider: github, {TENANTS}}}"));
    let signatures = keyed.signatures();
    let count = |account: &str| signatures[0].keys.chosen(&post("").account(account).request).len();
    assert_eq!([count("gh"), count("slim"), count("other")], [2, 2, 2]);
}

#[test]
fn every_kind_that_has_a_secret_may_have_it_keyed() {
    let by = "{by: '${query.t}', values: {a: secret-a, b: [secret-b]}}";
    for yaml in [
        format!("{{shared: {{header: x-key}}, secret: {by}}}"),
        format!("{{bearer: {by}}}"),
        format!("{{basic: {{username: u, password: {by}}}}}"),
        format!("{{hmac: {{header: x-s}}, secret: {by}}}"),
        format!("{{provider: telegram, secret: {by}}}"),
        format!("{{provider: twitter, secret: {by}}}"),
    ] {
        let keyed = verifier(&yaml);
        for (tenant, other) in [("a", "b"), ("b", "a")] {
            let signed = post("x").query(&format!("t={tenant}")).signed(&keyed);
            assert!(signed.clone().verify(&keyed).is_ok(), "{yaml}");
            assert_eq!(signed.clone().query(&format!("t={other}")).verify(&keyed), Err(Refusal::Mismatch), "{yaml}");
            assert_eq!(signed.query("t=unknown").verify(&keyed), Err(Refusal::Mismatch), "{yaml}");
        }
        let mut nobody = post("x").query("t=unknown");
        let signed = keyed.sign(&mut nobody.request, &mut nobody.body, super::at(NOW), "id");
        assert_eq!(signed, Err(SignError::UnknownKey), "{yaml}");
    }
}

#[test]
fn secrets_of_every_encoding_may_be_keyed() {
    for (provider, secret) in
        [("standardwebhooks", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="), ("adyen_platform", "00ff00ff00ff")]
    {
        let keyed = verifier(&format!(
            "{{provider: {provider}, secret: {{by: '${{headers[\"x-tenant\"]}}', values: {{a: '{secret}', b: ['{secret}', '{secret}']}}}}}}"
        ));
        let signed = post("{}").header("x-tenant", "a").signed(&keyed);
        assert!(signed.verify(&keyed).is_ok(), "{provider}");
    }
}

#[test]
fn a_handshake_answers_with_the_secret_of_its_tenant() {
    let keyed = verifier("{provider: twitter, secret: {by: '${params.account}', values: {a: secret-a, b: secret-b}}}");
    let ask = |account: &str| {
        let mut sent = post("").query("crc_token=challenge").account(account);
        sent.request.method = http::Method::GET;
        keyed.greet(&sent.received()).map(|greeting| greeting.answer.into_body())
    };
    assert!(ask("a").is_some() && ask("a") != ask("b"));
    assert_eq!(ask("other"), None);
}

#[test]
fn mistakes_are_told_where_they_are() {
    for (secret, code, pointer) in [
        ("{by: '${body.account}', values: {a: s}}", "keyed-by", "/verify/secret/by"),
        ("{by: '${request.client_ip}', values: {a: s}}", "keyed-by", "/verify/secret/by"),
        ("{by: account, values: {a: s}}", "keyed-by", "/verify/secret/by"),
        ("{by: '${params.acount}', values: {a: s}}", "expr-unknown-name", "/verify/secret/by"),
        ("{by: '${params.account', values: {a: s}}", "expr-syntax", "/verify/secret/by"),
        ("{by: '${params.account}', values: {}}", "keyed-empty", "/verify/secret/values"),
        ("{by: '${params.account}', values: {a: ''}}", "secret-empty", "/verify/secret/values/a"),
        ("{by: '${params.account}', values: {a: [s, '']}}", "secret-empty", "/verify/secret/values/a/1"),
        ("{by: '${params.account}', values: {a: []}}", "verify-secret-missing", "/verify/secret/values/a"),
    ] {
        let (verifier, findings) = compile_in(&format!("{{provider: github, secret: {secret}}}"), Missing::Fails);
        assert!(verifier.is_none(), "{secret}");
        let found: Vec<_> = findings.iter().map(|one| (one.code, one.pointer.as_str())).collect();
        assert_eq!(found, [(code, pointer)], "{secret}: {findings:?}");
    }
}
