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

impl Fact {
    /// With this in place of a header's values.
    fn with(&self, name: &str, values: &[Vec<u8>]) -> Option<Sent> {
        let mut sent = self.sent();
        sent.request.headers.remove(name);
        let values: Option<Vec<_>> = values.iter().map(|value| http::HeaderValue::from_bytes(value).ok()).collect();
        Some(values?.into_iter().fold(sent, |sent, value| sent.header(name, value.as_bytes())))
    }
}

/// Whatever stands in the headers that a scheme reads: an answer, and where the header is needed at all, it is no. Some ten
/// thousand cases over all providers.
#[test]
fn no_header_of_any_provider_panics_or_passes_by_chance() {
    use proptest::prelude::*;
    let (mut runner, mut cases) = (proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(48)), 0);
    for (fact, _) in facts() {
        let fact = read(fact);
        let verifier = fact.verifier();
        let passes = |sent: Sent| sent.verify_at(&verifier, fact.at).is_ok();
        for (name, right) in fact.headers.iter().filter(|(name, _)| *name != "content-type") {
            let is_needed = !passes(fact.with(name, &[]).unwrap());
            let right = right.clone().into_bytes();
            let wrong: [Vec<Vec<u8>>; 7] = [
                vec![Vec::new()],
                vec![right.clone(), right.clone()],
                vec![b"x".to_vec(), right.clone()],
                vec![[&right[..], &[b'a'; 9000][..]].concat()],
                vec![[&[b' '; 9000][..], &right[..]].concat()],
                vec![[&right[..], "\u{e9}".as_bytes()].concat()],
                vec![vec![0xff; right.len()]],
            ];
            for values in wrong {
                let sent = fact.with(name, &values).unwrap();
                assert!(!passes(sent) || !is_needed, "{} {name}: {values:?}", fact.provider);
            }
            let (whole, altered) = (right.clone(), right.clone());
            let cut = (0..right.len()).prop_map(move |at| (false, whole[..at].to_vec()));
            let changed = (0..right.len(), any::<u8>()).prop_map(move |(at, byte)| {
                let mut value = altered.clone();
                value[at] = byte;
                (false, value)
            });
            let noise = prop::collection::vec(any::<u8>(), 0..60).prop_map(|value| (true, value));
            let result = runner.run(&prop_oneof![cut, changed, noise], |(is_noise, value)| {
                let Some(sent) = fact.with(name, &[value]) else { return Ok(()) };
                let passes = passes(sent);
                // A list with one signature fewer may still be right.
                prop_assert!(!passes || !is_noise || !is_needed);
                Ok(())
            });
            result.unwrap_or_else(|error| panic!("{} {name}: {error}", fact.provider));
            cases += 48;
        }
    }
    assert!(cases >= 10_000, "{cases}");
}

/// A moment that is far in the future is refused like one that is long past, wherever a moment is looked at.
#[test]
fn the_future_is_refused_like_the_past() {
    let mut timed = 0;
    for (fact, _) in facts() {
        let fact = read(fact);
        let verifier = fact.verifier();
        let century = 100 * 365 * 24 * 60 * 60;
        let [past, future] =
            [fact.at + century, fact.at - century].map(|now| fact.sent().verify_at(&verifier, now).is_ok());
        assert_eq!(past, future, "{}", fact.provider);
        timed += usize::from(!past);
    }
    assert!(timed > 50, "{timed}");
}
