//! What the tests of this module compile in and run on.

use crate::body::Parsed;
use crate::diagnostic::{At, Finding, Findings};
use crate::document::Document;
use crate::event::{Event, Received, RequestInfo, Verified};
use crate::expr::{Environment, Evaluation, Scope};
use crate::secret::{Missing, References};
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

fn variable(name: &str) -> Option<OsString> {
    let value = match name {
        "TOKEN" => "s3cret&<token>",
        "BASE" => "https://api.example.com/base",
        "HOST" => "api.example.com",
        "PORT" => "8443",
        "TRICK" => "${body.secret}",
        "NUMBERS" => "[7]",
        "EMPTY" => "",
        "LINE" => "a\nb",
        "KEYED" => "https://api.example.com/x?key=k1",
        "LOGIN" => "https://user:hunter2@api.example.com/",
        "FRAGMENT" => "a#b",
        _ => return None,
    };
    Some(value.into())
}

/// Compiles in an environment with `params.account`; `Err` holds what was reported.
pub(super) fn compile<T>(build: impl FnOnce(&Environment<'_>, &At<'_>) -> Option<T>) -> Result<T, Vec<Finding>> {
    compile_with(Missing::Fails, build)
}

pub(super) fn compile_with<T>(
    missing: Missing,
    build: impl FnOnce(&Environment<'_>, &At<'_>) -> Option<T>,
) -> Result<T, Vec<Finding>> {
    let findings = Findings::default();
    let references = References::with_lookup(Path::new("."), missing, variable);
    let params = [Arc::from("account")];
    let environment = Environment { params: &params, ..Environment::default() };
    let built = build(&environment, &At::document(&findings, &references, 0));
    let found = findings.into_inner();
    match built {
        Some(built) => {
            assert!(found.is_empty(), "compiled, and yet reported {found:?}");
            Ok(built)
        }
        None => {
            assert!(!found.is_empty(), "not compiled, and nothing reported");
            Err(found)
        }
    }
}

/// The codes, pointers and places of what was reported.
pub(super) fn mistakes<T>(compiled: Result<T, Vec<Finding>>) -> Vec<(&'static str, String)> {
    let found = compiled.err().expect("this must not compile");
    found.into_iter().map(|finding| (finding.code, finding.pointer)).collect()
}

/// Runs on an event with this JSON body and `params.account` = `main`.
pub(super) fn on<T>(body: &str, run: impl FnOnce(&mut Evaluation<'_>) -> T) -> T {
    let event = event(body);
    let tables = Document::null();
    let scope = Scope {
        event: &event,
        route: "test",
        vars: &[],
        answers: &[],
        answer: None,
        tables: &tables,
        uuid: || "00000000-0000-4000-8000-000000000000".to_owned(),
    };
    run(&mut Evaluation::new(scope))
}

fn event(body: &str) -> Event {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let request = RequestInfo {
        id: "test".into(),
        method: Method::POST,
        path: "/hooks/main".to_owned(),
        query: None,
        host: "hooks.example.com".to_owned(),
        scheme: "https",
        headers: HeaderMap::new(),
        time: chrono::DateTime::UNIX_EPOCH,
        client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        params: vec![("account".into(), "main".to_owned())],
        public_url: None,
    };
    let parsed = Parsed { text: bytes.clone(), body: Document::parse(bytes.clone()).expect("a test's body is JSON") };
    Verified::trust(Received { request: Arc::new(request), body: bytes }).into_event(Some(parsed))
}
