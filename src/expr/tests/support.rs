//! An event to try expressions on, and the shortest way from a source to what it gives.

use crate::body::Parsed;
use crate::diagnostic::{At, Finding, Findings};
use crate::document::Document;
use crate::event::{Event, RequestInfo};
use crate::expr::{Answer, Environment, Evaluation, EvaluationError, Expression, Scope, Value};
use crate::secret::{Missing, References};
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;

/// Everything an expression may see.
pub(in crate::expr) struct World {
    pub(in crate::expr) event: Event,
    pub(in crate::expr) params: Vec<Arc<str>>,
    pub(in crate::expr) vars: Vec<(String, Value)>,
    pub(in crate::expr) answers: Vec<(String, Option<Answer>)>,
    pub(in crate::expr) answer: Option<Answer>,
    pub(in crate::expr) tables: Document,
    pub(in crate::expr) locals: Vec<(String, Value)>,
    pub(in crate::expr) shown: bool,
}

pub(in crate::expr) fn document(json: &str) -> Document {
    Document::parse(Bytes::copy_from_slice(json.as_bytes())).expect(json)
}

pub(in crate::expr) fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    Answer { status, headers: Arc::new(header_map(headers)), body: document(body) }
}

fn header_map(headers: &[(&'static str, &str)]) -> http::HeaderMap {
    let mut map = http::HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().expect("a header's value"));
    }
    map
}

impl World {
    /// `POST /hooks/a%2Fb?v=2&tag=x&tag=y%20z` with that JSON body.
    pub(in crate::expr) fn with_body(json: &str) -> World {
        let headers =
            [("content-type", "application/json"), ("x-request-id", "r-1"), ("x-many", "one"), ("x-many", "two")];
        let request = RequestInfo {
            id: Arc::from("0190-id"),
            method: http::Method::POST,
            path: "/hooks/a%2Fb".to_owned(),
            query: Some("v=2&tag=x&tag=y%20z".to_owned()),
            host: "hooks.example.com".to_owned(),
            scheme: "https",
            headers: header_map(&headers),
            time: "2026-06-01T12:00:00.5Z".parse().expect("a time"),
            client_ip: "203.0.113.7".parse().expect("an address"),
            params: vec![(Arc::from("account"), "a/b".to_owned())],
            public_url: None,
        };
        let bytes = Bytes::copy_from_slice(json.as_bytes());
        let parsed = Some(Parsed { text: bytes.clone(), body: document(json) });
        World {
            event: Event { request: Arc::new(request), bytes, parsed, element: None },
            params: vec![Arc::from("account")],
            vars: vec![("order".to_owned(), Value::from(&document(r#"{"id": 7, "sum": 10.50}"#)))],
            answers: vec![
                ("senler".to_owned(), Some(answer(201, &[("x-trace", "t1")], r#"{"state": "ok"}"#))),
                ("not-yet".to_owned(), None),
            ],
            answer: None,
            tables: document(r#"{"jira": {"PAY": "pay", "WEB": "web"}}"#),
            locals: Vec::new(),
            shown: false,
        }
    }

    /// The mistakes, or what the expression gives.
    pub(in crate::expr) fn run(&self, source: &str) -> Result<Result<Value, EvaluationError>, Vec<Finding>> {
        self.compile(source).map(|expression| self.evaluate(&expression))
    }

    pub(in crate::expr) fn compile(&self, source: &str) -> Result<Expression, Vec<Finding>> {
        let findings = Findings::default();
        let references = references();
        let vars: Vec<String> = self.vars.iter().map(|(name, _)| name.clone()).collect();
        let answers: Vec<String> = self.answers.iter().map(|(name, _)| name.clone()).collect();
        let locals: Vec<String> = self.locals.iter().map(|(name, _)| name.clone()).collect();
        let environment = Environment {
            params: &self.params,
            vars: &vars,
            answers: &answers,
            answered: None,
            tables: Some(&self.tables),
            locals: &locals,
            answer: self.answer.is_some(),
            tables_read: None,
        };
        let compiled = Expression::compile(source, 0, &environment, &At::document(&findings, &references, 0));
        compiled.ok_or_else(|| findings.into_inner())
    }

    pub(in crate::expr) fn evaluate(&self, expression: &Expression) -> Result<Value, EvaluationError> {
        let vars: Vec<Value> = self.vars.iter().map(|(_, value)| value.clone()).collect();
        let answers: Vec<Option<Answer>> = self.answers.iter().map(|(_, answer)| answer.clone()).collect();
        let mut evaluation = Evaluation::new(Scope {
            event: &self.event,
            route: "orders",
            vars: &vars,
            answers: &answers,
            answer: self.answer.as_ref(),
            tables: &self.tables,
            uuid: || "00000000-0000-4000-8000-000000000001".to_owned(),
        });
        evaluation.shown = self.shown;
        for (_, value) in &self.locals {
            evaluation.push(value.clone());
        }
        expression.evaluate(&mut evaluation)
    }
}

pub(in crate::expr) fn references() -> References {
    References::with_lookup(Path::new("/nowhere"), Missing::Fails, |name| (name == "TOKEN").then(|| "s3cret".into()))
}

/// What an expression gives, as JSON; errors as their text after `!`; mistakes after `!!`.
pub(in crate::expr) fn show(world: &World, source: &str) -> String {
    match world.run(source) {
        Ok(Ok(Value::Optional(None))) => "none".to_owned(),
        Ok(Ok(value)) => {
            let mut json = Vec::new();
            match value.write_json(&mut json) {
                Ok(()) => String::from_utf8(json).expect("JSON is UTF-8"),
                Err(error) => format!("!{error}"),
            }
        }
        Ok(Err(error)) => format!("!{error}"),
        Err(findings) => {
            let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
            format!("!!{}", messages.join("; "))
        }
    }
}

/// Checks `source` → result pairs, all of them, and lists those that differ.
#[track_caller]
pub(in crate::expr) fn check(world: &World, cases: &[(&str, &str)]) {
    let differ: Vec<String> = cases
        .iter()
        .map(|(source, expected)| (source, expected, show(world, source)))
        .filter(|(_, expected, found)| *expected != found)
        .map(|(source, expected, found)| format!("{source}\n  expected {expected}\n  found    {found}"))
        .collect();
    assert!(differ.is_empty(), "\n{}", differ.join("\n"));
}
