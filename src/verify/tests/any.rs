//! Alternatives, and lists in them.

use super::super::{NoKeys, Refusal, SignError};
use super::{NOW, compile_in, post, verifier};
use crate::expr::Input;
use crate::secret::Missing;
use http::HeaderName;

const EITHER: &str =
    "{any: [[{ip: 198.51.100.0/24}, {shared: {query: token}, secret: [new, old]}], {provider: github, secret: hub}]}";

#[test]
fn one_alternative_is_enough_and_a_list_in_it_must_pass_whole() {
    let either = verifier(EITHER);
    assert_eq!(either.describe(), "((ip + shared) or github)");
    let github = verifier("{provider: github, secret: hub}");
    assert_eq!(post("x").signed(&github).matched(&either, NOW, &NoKeys), Ok(vec![2]));
    let mut near = post("x").query("token=old");
    assert_eq!(near.clone().verify(&either), Err(Refusal::Missing), "the address is another");
    near.request.client_ip = [198, 51, 100, 7].into();
    assert_eq!(near.clone().matched(&either, NOW, &NoKeys), Ok(vec![1]));
    assert_eq!(near.query("token=wrong").verify(&either), Err(Refusal::Mismatch));
}

#[test]
fn an_address_is_told_only_where_nothing_else_would_have_done() {
    let addresses = verifier("{any: [{ip: 198.51.100.0/24}, {ip: 203.0.113.0/24}]}");
    assert_eq!(post("x").verify(&addresses), Err(Refusal::Address));
    let mixed = verifier("{any: [{bearer: b}, {ip: 203.0.113.0/24}]}");
    assert_eq!(post("x").verify(&mixed), Err(Refusal::Missing));
    let nested =
        verifier("[{any: [{any: [{bearer: b}, {bearer: c}]}, {ip: 203.0.113.0/24}]}, {shared: {query: t}, secret: s}]");
    assert_eq!(
        post("x").header("authorization", "Bearer c").query("t=s").matched(&nested, NOW, &NoKeys),
        Ok(vec![1, 2])
    );
}

#[test]
fn credentials_of_every_alternative_stay_here() {
    let either =
        verifier("{any: [{bearer: b}, {shared: {header: X-Key}, secret: s}, {shared: {query: token}, secret: s}]}");
    let names: Vec<&str> = either.credential_headers().iter().map(HeaderName::as_str).collect();
    assert_eq!(names, ["authorization", "x-key"]);
    assert_eq!(either.credential_query(), ["token"]);
}

#[test]
fn handshakes_and_the_provider_are_found_in_alternatives() {
    let either = verifier("{any: [{bearer: b}, {provider: slack, secret: s}]}");
    assert_eq!(either.provider().map(|provider| &*provider.name), Some("slack"));
    assert!(either.handshakes_by(&http::Method::POST).next().is_some());
}

#[test]
fn what_one_alternative_leaves_unsigned_is_unsigned() {
    let input = Input::Headers;
    let leaves = |yaml: &str| verifier(yaml).leaves_unsigned(&input);
    assert!(leaves("{any: [{bearer: b}, {provider: github, secret: s}]}"));
    assert!(!leaves("{any: [{bearer: b}, {shared: {query: t}, secret: s}]}"));
    assert!(!leaves("[{any: [{provider: github, secret: s}, {ip: 192.0.2.0/24}]}, {bearer: b}]"));
    assert!(leaves("[{any: [{bearer: b}, {ip: 192.0.2.0/24}]}, {provider: github, secret: s}]"));
    assert!(!leaves("{any: [{ip: 192.0.2.0/24}, {ip: 198.51.100.0/24}]}"));
}

#[test]
fn signing_takes_the_first_alternative_that_can_be_signed() {
    let key = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
    let either = verifier(&format!(
        "{{any: [{{ip: 192.0.2.0/24}}, {{provider: discord, public_key: '{key}'}}, {{bearer: b}}, {{provider: github, secret: s}}]}}"
    ));
    let signed = post("x").signed(&either);
    assert_eq!(signed.request.headers.get("authorization").unwrap(), "Bearer b");
    assert_eq!(signed.request.headers.len(), 1);
    assert_eq!(signed.verify(&either), Ok(None), "the address would have been enough");
    let public = verifier(&format!("{{any: [{{provider: discord, public_key: '{key}'}}]}}"));
    let mut sent = post("x");
    assert_eq!(public.sign(&mut sent.request, &mut sent.body, super::at(NOW), "id"), Err(SignError::PublicKey));
}

#[test]
fn mistakes_are_told_where_they_are() {
    for (yaml, code, pointer) in [
        ("{any: []}", "verify-empty", "/verify/any"),
        ("{any: [[]]}", "verify-empty", "/verify/any/0"),
        ("{any: [{bearer: b}, [{bearer: ''}, {secret: s}]]}", "secret-empty", "/verify/any/1/0/bearer"),
        ("{any: [{bearer: b}], secret: s}", "verify-parameter-unexpected", "/verify/secret"),
        ("{any: [{bearer: b}], bearer: s}", "verify-kind", "/verify/any"),
        ("[{any: [{provider: gihtub, secret: s}]}]", "verify-provider-unknown", "/verify/0/any/0/provider"),
    ] {
        let (verifier, findings) = compile_in(yaml, Missing::Fails);
        assert!(verifier.is_none(), "{yaml}");
        assert_eq!((findings[0].code, findings[0].pointer.as_str()), (code, pointer), "{yaml}");
    }
    let (_, findings) = compile_in("{any: [{bearer: b}, [{bearer: ''}, {secret: s}]]}", Missing::Fails);
    assert_eq!(findings.len(), 2, "{findings:?}");
}

#[test]
fn an_open_alternative_opens_the_door() {
    assert!(!verifier("{any: [{bearer: b}]}").is_none());
    let (open, _) = compile_in("{any: [{bearer: b}, {provider: docker_hub}]}", Missing::Fails);
    assert!(open.unwrap().is_none());
}
