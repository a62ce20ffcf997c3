//! The JSON Schemas of what a user may write: generated from the spec types, committed under `schemas/`, and what every
//! document is checked against, so that an editor and `validate` never disagree.

mod check;
mod describe;
#[cfg(test)]
mod generate;

use super::spec::{ProcessSpec, RouteSpec, TestFileSpec};
use super::yaml::{Kind, Node};
use crate::diagnostic::{Finding, Findings, Severity};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::OnceLock;

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SchemaKind {
    /// A route of routes.d
    Route,
    /// hookswitch.yaml
    Hookswitch,
    /// Examples beside the routes, *.test.yaml
    Test,
}

/// A spec that a document may be read as.
pub trait Spec: DeserializeOwned {
    const KIND: SchemaKind;
}

impl Spec for RouteSpec {
    const KIND: SchemaKind = SchemaKind::Route;
}

impl Spec for ProcessSpec {
    const KIND: SchemaKind = SchemaKind::Hookswitch;
}

impl Spec for TestFileSpec {
    const KIND: SchemaKind = SchemaKind::Test;
}

impl SchemaKind {
    /// The committed schema, as text.
    pub fn text(self) -> &'static str {
        match self {
            SchemaKind::Route => include_str!("../../../schemas/route.schema.json"),
            SchemaKind::Hookswitch => include_str!("../../../schemas/hookswitch.schema.json"),
            SchemaKind::Test => include_str!("../../../schemas/test.schema.json"),
        }
    }
}

/// The compiled schemas, each made when the first document of its kind is read. They take a megabyte, so a load makes its own
/// and drops them with the rest of what only loading needs.
#[derive(Default)]
pub struct Schemas {
    route: OnceLock<Compiled>,
    hookswitch: OnceLock<Compiled>,
    test: OnceLock<Compiled>,
}

struct Compiled {
    schema: Value,
    /// `None` only if a committed schema is no schema, which a test rules out.
    validator: Option<jsonschema::Validator>,
}

impl Compiled {
    fn new(kind: SchemaKind) -> Compiled {
        let schema = serde_json::from_str(kind.text()).unwrap_or_default();
        // As draft 7, which says the same with the keywords that ours use (a test checks it): compiling a schema compiles
        // what schemas of its draft must look like, which stays, and that of 2020-12 takes half a megabyte.
        let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft7).build(&schema).ok();
        Compiled { schema, validator }
    }
}

impl Schemas {
    fn compiled(&self, kind: SchemaKind) -> &Compiled {
        let compiled = match kind {
            SchemaKind::Route => &self.route,
            SchemaKind::Hookswitch => &self.hookswitch,
            SchemaKind::Test => &self.test,
        };
        compiled.get_or_init(|| Compiled::new(kind))
    }

    /// Reads a document as a spec. Everything the schema has against it is reported; then there is no spec.
    pub fn read<T: Spec>(&self, root: &Node, document: usize, findings: &Findings) -> Option<T> {
        let compiled = self.compiled(T::KIND);
        let instance = checked_value(root);
        let mut is_valid = true;
        let errors = compiled.validator.iter().flat_map(|validator| validator.iter_errors(&instance));
        for error in errors.take(check::MISTAKES_MAX) {
            is_valid = false;
            check::report(&error, &check::Context { schema: &compiled.schema, root, document, findings });
        }
        if !is_valid {
            return None;
        }
        // The schema and the types say the same (a test checks it); should they ever not, the document is refused.
        serde_json::from_value(root.to_value()).map_err(|error| findings.push(refused(document, &error))).ok()
    }
}

/// As [`Node::to_value`], but `1.0` is not whole: JSON Schema calls it an integer, the types do not. It is moved by the
/// smallest step towards zero, so that a bound on it holds as before.
fn checked_value(node: &Node) -> Value {
    match &node.kind {
        Kind::Number(number, _) if number.is_f64() => match number.as_f64().unwrap_or_default() {
            // Every double from here on is whole.
            large if large.abs() >= 9.0e15 => Value::from(0.5_f64.copysign(large)),
            whole if whole.fract() != 0.0 => Value::from(whole),
            whole if whole > 0.0 => Value::from(whole.next_down()),
            whole => Value::from(whole.next_up()),
        },
        Kind::List(items) => items.iter().map(checked_value).collect(),
        Kind::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), checked_value(&entry.value))).collect(),
        _ => node.to_value(),
    }
}

fn refused(document: usize, error: &serde_json::Error) -> Finding {
    Finding {
        severity: Severity::Error,
        code: "document",
        message: format!("the document cannot be read: {error}"),
        help: None,
        document,
        pointer: String::new(),
        on_key: false,
        inside: None,
        related: None,
    }
}

#[cfg(test)]
mod tests;
