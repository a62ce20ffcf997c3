//! Requests judged by the providers' own libraries, where the collection of them lies beside the repository.
//!
//! Tiers `core` and `edge` must be judged alike. Where libraries are lax or disagree, the recommended answer holds.

use super::super::{Refusal, Verifier};
use super::{Sent, at, post};
use crate::config::spec::VerifySpec;
use crate::diagnostic::{At, Findings};
use crate::secret::{Missing, References};
use crate::verify::Providers;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::Path;

#[derive(Deserialize)]
struct Vector {
    id: String,
    provider: String,
    variant: String,
    expect: String,
    recommended: Option<String>,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body_base64: String,
    config: Map<String, Value>,
    now: i64,
    remote_addr: Option<String>,
}

impl Vector {
    fn passes(&self) -> bool {
        self.recommended.as_deref().unwrap_or(&self.expect) == "valid"
    }

    fn sent(&self) -> Sent {
        let (scheme, rest) = self.url.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let mut sent = post("").public_url(&format!("{scheme}://{host}"));
        sent.body = STANDARD.decode(&self.body_base64).unwrap().into();
        sent.request.method = Method::from_bytes(self.method.as_bytes()).unwrap();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        sent.request.path = format!("/{path}");
        sent.request.query = query.map(str::to_owned);
        if let Some(address) = &self.remote_addr {
            sent.request.client_ip = address.parse().unwrap();
        }
        self.headers.iter().fold(sent, |sent, (name, value)| sent.header(name, value))
    }

    /// The check that a user would write. A `secrets` list includes `secret`.
    fn check(&self) -> Value {
        let mut check = json!({"provider": self.provider});
        let keys = ["public_key_pem", "public_key_spki_base64", "public_key_base64", "public_key_hex"];
        for (name, value) in &self.config {
            match name.as_str() {
                "secret" if self.config.contains_key("secrets") => {}
                "secrets" => check["secret"] = value.clone(),
                "url_note" | "url" | "kid" | "jwk" | "merchant_id" => {}
                name if keys.contains(&name) => check["public_key"] = value.clone(),
                name => check[name] = value.clone(),
            }
        }
        check
    }

    /// How it is judged; `None` where the table has no such provider.
    fn judged(&self) -> Option<Result<Option<usize>, Refusal>> {
        Providers::built_in().find(&self.provider)?;
        Some(self.sent().verify_at(&self.verifier(), self.now))
    }

    fn verifier(&self) -> Verifier {
        compiled(self.check(), &self.id)
    }
}

fn compiled(check: Value, id: &str) -> Verifier {
    let spec: VerifySpec = serde_json::from_value(check).unwrap_or_else(|error| panic!("{id}: {error}"));
    let findings = Findings::default();
    let references = References::new(Path::new(""), Missing::Fails);
    let verifier = Verifier::compile(&spec, &At::document(&findings, &references, 0));
    verifier.unwrap_or_else(|| panic!("{id}: {:?}", findings.into_inner()))
}

fn read(line: &str) -> Vector {
    serde_json::from_str(line).unwrap()
}

/// Nothing, said plainly, where the collection is not there.
fn vectors() -> Vec<Vector> {
    let shared = std::env::var_os("HOOKSWITCH_SHARED").unwrap_or_else(|| "../shared".into());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(shared).join("providers/vectors.jsonl");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.lines().map(read).collect(),
        Err(_) => {
            println!("skipped: {} is not there", path.display());
            Vec::new()
        }
    }
}

/// Examples that providers publish, and the same with the body altered.
const PUBLISHED: &str = include_str!("published.jsonl");

#[test]
fn published_examples_are_judged_as_published() {
    for vector in PUBLISHED.lines().map(read) {
        let judged = vector.judged().unwrap();
        assert_eq!(judged.is_ok(), vector.passes(), "{}: {judged:?}", vector.id);
    }
}

#[test]
fn requests_are_judged_as_the_providers_libraries_do() {
    let mut wrong = Vec::new();
    let mut unknown = BTreeSet::new();
    let vectors = vectors();
    for vector in &vectors {
        match vector.judged() {
            Some(judged) if judged.is_ok() != vector.passes() => wrong.push(format!("{}: {judged:?}", vector.id)),
            Some(_) => {}
            None => drop(unknown.insert(vector.provider.as_str())),
        }
    }
    println!("{} requests, providers not in the table: {unknown:?}", vectors.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

#[test]
fn a_public_key_may_be_written_in_every_way_that_is_shown() {
    for vector in vectors() {
        if vector.variant != "valid" && vector.variant != "valid_utf8_body" {
            continue;
        }
        let shown = vector.config.iter().filter(|(name, _)| name.starts_with("public_key_") || *name == "jwk");
        for (name, value) in shown {
            let key = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let mut check = vector.check();
            check["public_key"] = json!(key);
            assert!(vector.sent().verify_at(&compiled(check, &vector.id), vector.now).is_ok(), "{} {name}", vector.id);
        }
    }
}

#[test]
fn signing_gives_what_the_providers_send() {
    let mut signed = 0;
    for vector in vectors() {
        if !vector.variant.starts_with("valid")
            || !vector.passes()
            || Providers::built_in().find(&vector.provider).is_none()
        {
            continue;
        }
        let verifier = vector.verifier();
        let Some(signature) = verifier.signatures().into_iter().next() else { continue };
        let holders: Vec<_> = signature.scheme.places.iter().map(|holder| holder.place.clone()).collect();
        let [super::super::Place::Header(header), ..] = holders.as_slice() else { continue };
        if signature.scheme.algorithm.is_public() {
            continue;
        }
        let mut sent = vector.sent();
        let expected = sent.request.headers.remove(header).unwrap();
        verifier.sign(&mut sent.request, &mut sent.body, at(vector.now), "unused").unwrap();
        assert_eq!(sent.request.headers[header], expected, "{}", vector.id);
        signed += 1;
    }
    println!("{signed} requests signed");
}
