//! One request of every provider that passes, and at least one that does not, each a change of the first (RFC 7386).
//!
//! Made with the providers' libraries where there is one, and otherwise by hand from the description of the scheme, not
//! with this program.

use super::{Sent, post};
use crate::config::spec::VerifySpec;
use crate::diagnostic::{At, Findings};
use crate::secret::{Missing, References};
use crate::verify::{Providers, Verifier};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const FACTS: &str = include_str!("facts.jsonl");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    provider: String,
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    body: String,
    at: i64,
    from: Option<String>,
    check: Map<String, Value>,
}

impl Fact {
    fn sent(&self) -> Sent {
        let (scheme, rest) = self.url.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let mut sent = post(&self.body).public_url(&format!("{scheme}://{host}"));
        sent.request.method = Method::from_bytes(self.method.as_bytes()).unwrap();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        sent.request.path = format!("/{path}");
        sent.request.query = query.map(str::to_owned);
        if let Some(address) = &self.from {
            sent.request.client_ip = address.parse().unwrap();
        }
        self.headers.iter().fold(sent, |sent, (name, value)| sent.header(name, value))
    }

    fn verifier(&self) -> Verifier {
        let mut check = json!({"provider": self.provider});
        check.as_object_mut().unwrap().extend(self.check.clone());
        let spec: VerifySpec = serde_json::from_value(check).unwrap();
        let findings = Findings::default();
        let references = References::new(Path::new(""), Missing::Fails);
        let verifier = Verifier::compile(&spec, &At::document(&findings, &references, 0));
        verifier.unwrap_or_else(|| panic!("{}: {:?}", self.provider, findings.into_inner()))
    }

    fn passes(&self) -> bool {
        self.sent().verify_at(&self.verifier(), self.at).is_ok()
    }
}

/// Each line: a request, and what is changed of it to be refused.
fn facts() -> Vec<(Value, Vec<Value>)> {
    let read = |line: &str| {
        let mut fact: Value = serde_json::from_str(line).unwrap();
        let refused = fact.as_object_mut().unwrap().remove("refused").unwrap();
        (fact, refused.as_array().unwrap().clone())
    };
    FACTS.lines().map(read).collect()
}

fn read(fact: Value) -> Fact {
    serde_json::from_value(fact).unwrap()
}

/// RFC 7386, 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().unwrap();
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.remove(name)),
            value => merge(target.entry(name.clone()).or_insert(Value::Null), value),
        }
    }
}

#[test]
fn every_provider_takes_its_own_request_and_refuses_the_altered_one() {
    let mut wrong = Vec::new();
    for (fact, refused) in facts() {
        if !read(fact.clone()).passes() {
            wrong.push(format!("{} is refused", fact["provider"]));
        }
        assert!(!refused.is_empty());
        for patch in refused {
            let mut altered = fact.clone();
            merge(&mut altered, &patch);
            if read(altered).passes() {
                wrong.push(format!("{} passes with {patch}", fact["provider"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_facts_of_every_provider() {
    let known: Vec<String> = Providers::built_in().list().into_iter().map(|listed| listed.name).collect();
    let facts: Vec<String> = facts().into_iter().map(|(fact, _)| read(fact).provider).collect();
    assert_eq!(facts, known);
}

/// Whatever stands in the headers that a scheme reads: an answer, and it is no.
#[test]
fn no_header_of_any_provider_panics_or_passes_by_chance() {
    use proptest::prelude::*;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(16));
    for (fact, _) in facts() {
        let fact = read(fact);
        let verifier = fact.verifier();
        let names: Vec<&String> = fact.headers.keys().filter(|name| *name != "content-type").collect();
        for name in names {
            let value = fact.headers[name].clone();
            let cut = (0..value.len()).prop_map(move |at| value.chars().take(at).collect::<String>());
            let noise = "[ -~]{0,60}".boxed();
            let result = runner.run(&prop_oneof![cut, noise], |text| {
                let mut sent = fact.sent();
                let header = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
                let Ok(text) = http::HeaderValue::from_str(&text) else { return Ok(()) };
                sent.request.headers.insert(header, text);
                let _ = sent.verify_at(&verifier, fact.at);
                Ok(())
            });
            result.unwrap_or_else(|error| panic!("{} {name}: {error}", fact.provider));
        }
    }
}
