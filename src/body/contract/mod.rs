//! Payload contracts (`body.schema`): the JSON Schema that a parsed body must meet, and where it does not.
//!
//! The body is looked at where it lies ([`view`]). What is found may be shown to the sender, so it says where and what is
//! expected there, and never what was found.

mod view;

#[cfg(test)]
mod tests;

use crate::config;
use crate::diagnostic::At;
use crate::document::Document;
use crate::secret::holds_stand_in;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde::Serialize;
use serde_json::Value;
use view::{Documents, View};

/// A compiled schema.
pub struct Contract {
    /// `None`: offline, the path is not known.
    validator: Option<Validator<Documents>>,
}

/// One place of a payload that breaks its contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What is expected there; never the value itself.
    pub detail: String,
}

/// Places told of one body.
pub const VIOLATIONS_MAX: usize = 20;

/// A pointer is made of the sender's own keys, which may be long, in bytes.
const POINTER_MAX: usize = 1024;

/// Of a message about a schema, in characters: it may repeat a large part of it.
const MESSAGE_MAX: usize = 300;

impl Contract {
    /// `written` is the path as it stands in `file`, at `at`. Every mistake is reported there.
    pub fn compile(written: &str, file: &str, at: &At<'_>) -> Option<Contract> {
        let path = config::plain(written, at)?;
        if holds_stand_in(&path) {
            return Some(Contract { validator: None });
        }
        let text = match at.references.read_named(file, &path) {
            Ok(text) => text,
            Err(error) => {
                let help = "a path starts at the file that names it, or at the configuration folder".to_owned();
                at.error("schema-unreadable", format!("the schema cannot be used: {error}"), help);
                return None;
            }
        };
        let schema: Value = match serde_json::from_str(&text) {
            Ok(schema) => schema,
            Err(error) => {
                at.error("schema-malformed", format!("the schema {path} is not JSON: {error}"), None);
                return None;
            }
        };
        // Matching in linear time, so that no payload can make a pattern run long: no look-around, no back-references.
        let options = jsonschema::options_for::<Documents>().offline().with_pattern_options(PatternOptions::regex());
        match options.should_validate_formats(true).build(&schema) {
            Ok(validator) => Some(Contract { validator: Some(validator) }),
            Err(error) => {
                report(&error, &path, at);
                None
            }
        }
    }

    /// # Errors
    /// The first [`VIOLATIONS_MAX`] places where the body is not what it should be; at least one.
    pub fn check(&self, body: &Document) -> Result<(), Vec<Violation>> {
        let Some(validator) = &self.validator else { return Ok(()) };
        let effort = view::Effort::default();
        let view = View::of(body, &effort);
        if validator.is_valid(view) {
            return Ok(());
        }
        let mut found = Vec::new();
        for error in validator.iter_errors(view) {
            add(&error, &mut found);
            if found.len() >= VIOLATIONS_MAX {
                break;
            }
        }
        if found.is_empty() {
            // Where the search was cut short, a union may have looked as if it fitted.
            found.push(Violation { pointer: String::new(), detail: "does not fit the schema".to_owned() });
        }
        found.truncate(VIOLATIONS_MAX);
        Err(found)
    }
}

/// What is wrong with a schema, at its place in there.
fn report(error: &ValidationError<'_>, path: &str, at: &At<'_>) {
    let place = match error.instance_path().as_str() {
        "" => String::new(),
        pointer => format!(" at {pointer}"),
    };
    let words: String = error.to_string().chars().take(MESSAGE_MAX).collect();
    let message = format!("the schema {path} is no valid schema{place}: {words}");
    match error.kind() {
        Kind::Referencing(_) => {
            let help = "a schema refers only to itself: put what it names under `$defs`".to_owned();
            at.error("schema-reference", message, help);
        }
        Kind::Format { format } if format == "regex" => {
            let help = "patterns have neither look-around nor back-references".to_owned();
            at.error("schema-invalid", message, help);
        }
        _ => {
            let help = "write JSON Schema, of the draft that its `$schema` names or of 2020-12".to_owned();
            at.error("schema-invalid", message, help);
        }
    }
}

fn add(error: &ValidationError<'_>, found: &mut Vec<Violation>) {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for key in unexpected.iter().take(VIOLATIONS_MAX) {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                push(&pointer, "may not be there".to_owned(), found);
            }
        }
        Kind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            push(&pointer, "is missing".to_owned(), found);
        }
        kind => push(pointer, expectation(kind), found),
    }
}

fn push(pointer: &str, detail: String, found: &mut Vec<Violation>) {
    let pointer = if pointer.len() > POINTER_MAX { "" } else { pointer };
    let violation = Violation { pointer: pointer.to_owned(), detail };
    if !found.contains(&violation) {
        found.push(violation);
    }
}

/// In words that the schema gives, never the payload.
fn expectation(kind: &Kind) -> String {
    match kind {
        Kind::Type { kind: TypeKind::Single(expected) } => format!("must be of type {expected}"),
        Kind::Type { kind: TypeKind::Multiple(expected) } => {
            let mut names: Vec<String> = expected.iter().map(|one| one.to_string()).collect();
            names.sort();
            format!("must be of type {}", names.join(" or "))
        }
        Kind::AdditionalItems { limit } => format!("must have at most {limit} items"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::MinProperties { limit } => format!("must have at least {limit} members"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} members"),
        Kind::UniqueItems => "must have no two equal items".to_owned(),
        Kind::Format { format } => format!("must be of the format {format}"),
        Kind::Pattern { .. } => "must match the pattern of the schema".to_owned(),
        Kind::Enum { .. } => "must be one of the values of the schema".to_owned(),
        Kind::Constant { .. } => "must be the value of the schema".to_owned(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => "fits none of the alternatives of the schema".to_owned(),
        Kind::OneOfMultipleValid { .. } => "fits more than one of the alternatives of the schema".to_owned(),
        Kind::Contains => "must contain an item that the schema asks for".to_owned(),
        Kind::FalseSchema | Kind::UnevaluatedItems { .. } => "may not be there".to_owned(),
        Kind::PropertyNames { .. } => "has a member whose name does not fit the schema".to_owned(),
        _ => "does not fit the schema".to_owned(),
    }
}
