//! What an endpoint lets in and what expressions then see, by format.

mod form;
mod multipart;
mod rules;
mod xml;

use super::*;
use crate::config::spec::{BodySpec, DefaultsSpec};
use crate::diagnostic::{At, Finding, Findings};
use crate::secret::{Missing, References};
use http::HeaderMap;
use serde_json::{Value, json};
use std::io::Write;

fn compile(spec: Value, defaults: Value) -> (Option<BodyRules>, Vec<Finding>) {
    let spec: BodySpec = serde_json::from_value(spec).expect("a body spec");
    let defaults: DefaultsSpec = serde_json::from_value(defaults).expect("defaults");
    let findings = Findings::default();
    let references = References::with_lookup(std::path::Path::new("/nowhere"), Missing::Fails, |name| {
        (name == "SIZE").then(|| "2KiB".into())
    });
    let at = At::document(&findings, &references, 0).key("body");
    let rules = BodyRules::compile(Some(&spec), Some(&defaults), &at);
    (rules, findings.into_inner())
}

fn rules(spec: Value) -> BodyRules {
    compile(spec, json!({})).0.expect("it compiles")
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().expect("a header value"));
    }
    headers
}

/// Admits and parses in one go.
fn read(spec: Value, pairs: &[(&'static str, &str)], body: impl AsRef<[u8]>) -> Result<Parsed, BodyError> {
    let rules = rules(spec);
    let body = Bytes::copy_from_slice(body.as_ref());
    rules.admit(&headers(pairs), body.is_empty())?.parse(&body, Some("from=query"), &rules)
}

fn value(parsed: Result<Parsed, BodyError>) -> Value {
    parsed.unwrap_or_else(|error| panic!("{error}")).body.root().to_value()
}

fn refused(parsed: Result<Parsed, BodyError>) -> BodyError {
    match parsed {
        Ok(parsed) => panic!("read as {:?}", parsed.body),
        Err(error) => error,
    }
}

fn is_unsupported(parsed: Result<Parsed, BodyError>) -> bool {
    matches!(refused(parsed), BodyError::Unsupported(_))
}

fn is_malformed(parsed: Result<Parsed, BodyError>) -> bool {
    matches!(refused(parsed), BodyError::Malformed(_))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}
