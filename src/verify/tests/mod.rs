//! What may call and what may not, through the public surface of the module.

mod any;
mod certificate;
mod compile;
mod coverage;
mod facts;
mod hmac;
mod issuer;
mod jwt;
mod keyed;
mod own;
mod sealed;
mod table;
mod token;
mod vectors;

use super::{KeySource, NoKeys, Passed, Providers, Refusal, Verifier, VerifyContext};
use crate::config::spec::VerifySpec;
use crate::diagnostic::{At, Finding, Findings};
use crate::event::{Received, RequestInfo};
use crate::secret::{Missing, References};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::path::Path;
use std::sync::Arc;

/// Compiles YAML on a path with `{account}`; the environment has `SECRET=from-env` and an empty `EMPTY`.
fn compile_in(yaml: &str, missing: Missing) -> (Option<Verifier>, Vec<Finding>) {
    let spec: VerifySpec = serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"));
    let findings = Findings::default();
    let references = References::with_lookup(Path::new(""), missing, |name| match name {
        "SECRET" => Some("from-env".into()),
        "EMPTY" => Some("".into()),
        _ => None,
    });
    let providers = Providers::built_in();
    let context = VerifyContext { providers: &providers, params: &["account".into()], file: "routes.d/a.yaml" };
    let at = At::document(&findings, &references, 0).key("verify");
    let verifier = Verifier::compile_with(&spec, context, &at);
    (verifier, findings.into_inner())
}

/// What must compile without a word.
fn verifier(yaml: &str) -> Verifier {
    let (verifier, findings) = compile_in(yaml, Missing::Fails);
    assert_eq!(findings, [], "{yaml}");
    verifier.unwrap()
}

/// A request in the making.
#[derive(Clone)]
struct Sent {
    request: RequestInfo,
    body: Bytes,
}

/// The moment of every request of these tests: 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn post(body: &str) -> Sent {
    let request = RequestInfo {
        id: "test".into(),
        method: Method::POST,
        path: "/hook".to_owned(),
        query: None,
        host: "attacker.example".to_owned(),
        scheme: "http",
        headers: HeaderMap::new(),
        time: at(NOW),
        client_ip: [192, 0, 2, 1].into(),
        params: Vec::new(),
        public_url: None,
    };
    Sent { request, body: Bytes::copy_from_slice(body.as_bytes()) }
}

impl Sent {
    fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Sent {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.request.headers.append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    fn query(mut self, query: &str) -> Sent {
        self.request.query = Some(query.to_owned());
        self
    }

    fn public_url(mut self, url: &str) -> Sent {
        self.request.public_url = Some(url.into());
        self
    }

    fn account(mut self, account: &str) -> Sent {
        self.request.params = vec![("account".into(), account.to_owned())];
        self
    }

    fn received(self) -> Received {
        Received { request: Arc::new(self.request), body: self.body }
    }

    fn verify(self, verifier: &Verifier) -> Result<Option<usize>, Refusal> {
        self.verify_at(verifier, NOW)
    }

    fn verify_at(self, verifier: &Verifier, now: i64) -> Result<Option<usize>, Refusal> {
        self.verify_with(verifier, now, &NoKeys)
    }

    /// Nothing is waited for: keys are there at once, or not at all.
    fn verify_with(self, verifier: &Verifier, now: i64, keys: &dyn KeySource) -> Result<Option<usize>, Refusal> {
        self.matched(verifier, now, keys).map(|matched| matched.first().copied())
    }

    fn matched(self, verifier: &Verifier, now: i64, keys: &dyn KeySource) -> Result<Vec<usize>, Refusal> {
        let verified = verifier.verify(self.received(), at(now), keys).now_or_never().unwrap();
        verified.map(|Passed { matched, .. }| matched)
    }

    /// Signed by the verifier itself.
    fn signed(mut self, verifier: &Verifier) -> Sent {
        verifier.sign(&mut self.request, &mut self.body, at(NOW), "msg_1").unwrap();
        self
    }
}
