//! A violation of a schema, in words and at its place.
//!
//! The validator knows where and which keyword; what was probably meant is worked out here. Of a union, the branch that
//! takes the value's JSON type is the one that was meant, and only that branch's mistakes are reported.

use super::describe::{self, describe, is_reference, resolve, words};
use crate::config::yaml::{Kind, Node};
use crate::diagnostic::{Finding, Findings, Severity};
use crate::suggest::nearest;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// Of one document, and of one mapping: nobody reads more, and a file of mistakes alone must not take forever.
pub(super) const MISTAKES_MAX: usize = 100;

pub(super) struct Context<'c> {
    pub(super) schema: &'c Value,
    pub(super) root: &'c Node,
    pub(super) document: usize,
    pub(super) findings: &'c Findings,
}

pub(super) fn report(error: &ValidationError<'_>, context: &Context<'_>) {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = context.parent(error).map(|schema| known_keys(schema, context.schema)).unwrap_or_default();
            unexpected.iter().take(MISTAKES_MAX).for_each(|key| unknown_key(pointer, key, &known, context));
        }
        ValidationErrorKind::Required { property } => missing_key(error, property, context),
        ValidationErrorKind::AnyOf { context: branches } | ValidationErrorKind::OneOfNotValid { context: branches } => {
            union(error, branches, context)
        }
        ValidationErrorKind::Enum { .. } | ValidationErrorKind::Constant { .. } => match context.parent(error) {
            Some(schema) => not_one_of(pointer, &words(schema, context.schema).unwrap_or_default(), context),
            None => context.push("value", pointer, error.to_string(), None),
        },
        ValidationErrorKind::Type { .. } => {
            let expected = context.parent(error).map(|schema| describe(schema, context.schema));
            wrong_type(pointer, &expected.unwrap_or_else(|| "another value".to_owned()), context);
        }
        ValidationErrorKind::Pattern { pattern } => wrong_pattern(pointer, pattern, context),
        ValidationErrorKind::Minimum { limit } => out_of_range(pointer, "at least", limit, context),
        ValidationErrorKind::Maximum { limit } => out_of_range(pointer, "at most", limit, context),
        ValidationErrorKind::MinItems { limit } => wrong_count(pointer, "at least", *limit, context),
        ValidationErrorKind::MaxItems { limit } => wrong_count(pointer, "at most", *limit, context),
        // No other keyword is generated from our types today; its own words will do, but never the value.
        _ => context.push("value", pointer, error.masked().to_string(), None),
    }
}

impl Context<'_> {
    fn push(&self, code: &'static str, pointer: &str, message: String, help: Option<String>) {
        self.push_at(code, pointer, false, message, help);
    }

    fn push_at(&self, code: &'static str, pointer: &str, on_key: bool, message: String, help: Option<String>) {
        self.findings.push(Finding {
            severity: Severity::Error,
            code,
            message,
            help,
            document: self.document,
            pointer: pointer.to_owned(),
            on_key,
            inside: None,
            related: None,
        });
    }

    fn node(&self, pointer: &str) -> Option<&Node> {
        self.root.find(pointer).map(|(node, _)| node)
    }

    /// The schema whose keyword is violated.
    fn parent(&self, error: &ValidationError<'_>) -> Option<&Value> {
        let (parent, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.schema.pointer(parent)
    }
}

/// Each known key, with the keys of the mapping that belongs there.
type KnownKeys = Vec<(String, Vec<String>)>;

fn known_keys(schema: &Value, root: &Value) -> KnownKeys {
    let keys = |schema: &Value| -> Vec<String> {
        let properties = resolve(schema, root).get("properties").and_then(Value::as_object);
        properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
    };
    let properties = resolve(schema, root).get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(key, schema)| (key.clone(), keys(schema))).collect()
}

fn unknown_key(pointer: &str, key: &str, known: &KnownKeys, context: &Context<'_>) {
    let names = || known.iter().map(|(name, _)| name.as_str());
    let below: Vec<&str> = known
        .iter()
        .filter(|(_, inner)| inner.iter().any(|inner| inner == key))
        .map(|(name, _)| name.as_str())
        .collect();
    let help = match (nearest(key, names()), below.as_slice()) {
        (Some(meant), _) => Some(format!("did you mean `{meant}`?")),
        (None, []) if known.is_empty() => None,
        (None, []) => Some(format!("known keys: {}", names().collect::<Vec<_>>().join(", "))),
        (None, places) => Some(format!("`{key}` belongs below {}", quoted(places))),
    };
    let at = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    context.push_at("unknown-key", &at, true, format!("unknown key `{key}`"), help);
}

fn missing_key(error: &ValidationError<'_>, property: &Value, context: &Context<'_>) {
    let key = property.as_str().unwrap_or_default();
    if is_misspelt(error, key, context) {
        return;
    }
    let schema = context.parent(error).and_then(|schema| schema.get("properties")?.get(key));
    let about = schema.map(|schema| (schema, resolve(schema, context.schema)));
    let description = about.and_then(|(own, target)| own.get("description").or_else(|| target.get("description")));
    let help = description.and_then(Value::as_str).map(|text| format!("`{key}`: {text}"));
    context.push_at("missing-key", error.instance_path().as_str(), true, format!("the key `{key}` is missing"), help);
}

/// The key is there under a wrong name, which is reported as such.
fn is_misspelt(error: &ValidationError<'_>, key: &str, context: &Context<'_>) -> bool {
    let known = context.parent(error).map(|schema| known_keys(schema, context.schema)).unwrap_or_default();
    let is_known = |written: &str| known.iter().any(|(name, _)| name == written);
    let names = || known.iter().map(|(name, _)| name.as_str());
    match context.node(error.instance_path().as_str()).map(|node| &node.kind) {
        Some(Kind::Map(entries)) => {
            entries.iter().any(|entry| !is_known(&entry.key) && nearest(&entry.key, names()) == Some(key))
        }
        _ => false,
    }
}

fn union(error: &ValidationError<'_>, branches: &[Vec<ValidationError<'static>>], context: &Context<'_>) {
    let pointer = error.instance_path().as_str();
    let Some(schema) = context.parent(error) else { return };
    let schemas = describe::branches(schema).map(Vec::as_slice).unwrap_or_default();
    let value = error.instance().as_ref();
    let meant: Vec<_> =
        schemas.iter().zip(branches).filter(|(schema, _)| describe::takes(schema, context.schema, value)).collect();
    let takes_switch = schemas.iter().any(|branch| describe::takes(branch, context.schema, &Value::Bool(true)));
    let switch_words: Vec<String> = match takes_switch && value.is_string() {
        true => schemas.iter().filter_map(|branch| words(branch, context.schema)).flatten().collect(),
        false => Vec::new(),
    };
    match meant.as_slice() {
        [] => wrong_type(pointer, &describe(schema, context.schema), context),
        _ if !switch_words.is_empty() => switch_or_word(pointer, &switch_words, value, context),
        // A string where a number, a switch or a reference belongs.
        [(branch, _)] if is_reference(branch) => wrong_type(pointer, &describe(schema, context.schema), context),
        [(_, errors)] => errors.iter().for_each(|error| report(error, context)),
        several => match several.iter().map(|(schema, _)| tag(schema, context.schema)).collect::<Option<Vec<_>>>() {
            Some(tags) => tagged(pointer, value, &tags, several, context),
            None => match words(schema, context.schema) {
                Some(words) => not_one_of(pointer, &words, context),
                None => several.iter().min_by_key(|(_, errors)| errors.len()).into_iter().for_each(|(_, errors)| {
                    errors.iter().for_each(|error| report(error, context));
                }),
            },
        },
    }
}

/// The one key of a branch that is a mapping with one key, as serde writes an enum.
fn tag<'s>(schema: &'s Value, root: &'s Value) -> Option<&'s str> {
    match resolve(schema, root).get("required")?.as_array()?.as_slice() {
        [key] => key.as_str(),
        _ => None,
    }
}

type Branch<'b> = (&'b Value, &'b Vec<ValidationError<'static>>);

/// A mapping with exactly one of several keys.
fn tagged(pointer: &str, value: &Value, tags: &[&str], branches: &[Branch<'_>], context: &Context<'_>) {
    let written: Vec<&str> = value.as_object().into_iter().flat_map(|map| map.keys()).map(String::as_str).collect();
    let (known, unknown): (Vec<&str>, Vec<&str>) = written.iter().partition(|key| tags.contains(key));
    let one_of = format!("exactly one of {} is wanted here", quoted(tags));
    let all: KnownKeys = tags.iter().map(|tag| ((*tag).to_owned(), Vec::new())).collect();
    match (known.as_slice(), unknown.as_slice()) {
        ([], []) => context.push_at("missing-key", pointer, true, one_of, None),
        ([one], []) => {
            let errors = tags.iter().position(|tag| tag == one).and_then(|at| branches.get(at));
            errors.iter().flat_map(|(_, errors)| errors.iter()).for_each(|error| report(error, context));
        }
        (_, []) => context.push_at("too-many-keys", pointer, true, format!("{one_of}, not {}", quoted(&known)), None),
        (_, unknown) => unknown.iter().for_each(|key| unknown_key(pointer, key, &all, context)),
    }
}

fn not_one_of(pointer: &str, words: &[String], context: &Context<'_>) {
    let found = match context.node(pointer) {
        Some(Node { kind: Kind::String(found), .. }) => found.as_str(),
        Some(_) => return wrong_type(pointer, &format!("one of {}", words.join(", ")), context),
        None => "",
    };
    let plain = words.iter().map(|word| word.trim_matches('`'));
    let help = nearest(found, plain).map(|meant| format!("did you mean `{meant}`?"));
    let message = match words {
        // Where one word may stand for a mapping, the mapping is what was meant.
        [word] => format!("`{found}` is not known here: it is {word} or a mapping"),
        _ => format!("`{found}` is not one of {}", words.join(", ")),
    };
    context.push("not-one-of", pointer, message, help);
}

/// A string where `true`, `false` or one of a few words belongs.
fn switch_or_word(pointer: &str, words: &[String], value: &Value, context: &Context<'_>) {
    let expected = format!("true or false or {}", words.join(" or "));
    let plain = words.iter().map(|word| word.trim_matches('`'));
    match nearest(value.as_str().unwrap_or_default(), plain) {
        Some(meant) => {
            let message = format!("expected {expected}");
            context.push("wrong-type", pointer, message, Some(format!("did you mean `{meant}`?")));
        }
        None => wrong_type(pointer, &expected, context),
    }
}

fn wrong_type(pointer: &str, expected: &str, context: &Context<'_>) {
    let Some(node) = context.node(pointer) else { return };
    let found = match &node.kind {
        // Short words are shown: they are no secrets, and `yes` says more than "a string".
        Kind::String(text) if is_word(text) => format!("the string `{text}`"),
        Kind::Number(number, text) if number.is_f64() && expected.contains("whole number") => format!("`{text}`"),
        _ => node.describe().to_owned(),
    };
    let message = format!("expected {expected}, found {found}");
    context.push("wrong-type", pointer, message, type_help(node, expected));
}

fn type_help(node: &Node, expected: &str) -> Option<String> {
    match &node.kind {
        Kind::Null => Some("give it a value, or leave the key out".to_owned()),
        Kind::String(text) if text.starts_with("${") && !expected.contains("string") => {
            Some("it is read at load: only ${env:NAME} and ${file:PATH} may stand here".to_owned())
        }
        Kind::String(text) if expected.contains("true or false") => {
            let meant = match text.to_lowercase().as_str() {
                "yes" | "on" | "y" => "true",
                "no" | "off" | "n" => "false",
                _ => return Some("write true or false, without quotes".to_owned()),
            };
            Some(format!("write {meant}: in YAML 1.2, `{text}` is a string"))
        }
        Kind::String(text) if expected.contains("number") && text.parse::<f64>().is_ok() => {
            Some(format!("write {text} without quotes"))
        }
        Kind::Bool(_) | Kind::Number(..) if expected.starts_with("a string") => {
            let text = match &node.kind {
                Kind::Number(_, text) => text.clone(),
                _ => node.describe().to_owned(),
            };
            Some(format!("quote it: '{text}'"))
        }
        Kind::String(text) if expected.starts_with("a list") && is_word(text) => {
            Some(format!("write a list: [{text}]"))
        }
        Kind::Map(_) if expected.starts_with("a string") => {
            Some("a `{` or a `: ` makes a mapping: quote a string that has them".to_owned())
        }
        _ => None,
    }
}

/// Words that may be shown: a boolean or a number in quotes, or a word of the language. A secret is longer or odder.
fn is_word(text: &str) -> bool {
    text.len() <= 8 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn wrong_pattern(pointer: &str, pattern: &str, context: &Context<'_>) {
    let (message, help) = match pattern {
        r"^(/|\$\{)" => ("a path starts with `/`", None),
        pattern if pattern.contains("{0,61}") => (
            "a name is 1 to 63 lower-case letters, digits and dashes, and starts and ends with a letter or digit",
            Some("rename it, as `my-route`"),
        ),
        pattern if pattern.contains("client_ip") => {
            ("a limit counts by `route`, by `client_ip`, or by an expression", Some("write it as `${params.account}`"))
        }
        describe::REFERENCE_PATTERN => ("only ${env:NAME} or ${file:PATH} may stand here as a string", None),
        _ => ("the value does not have the form that is wanted here", None),
    };
    context.push("pattern", pointer, message.to_owned(), help.map(str::to_owned));
}

fn out_of_range(pointer: &str, side: &str, limit: &Value, context: &Context<'_>) {
    let found = match context.node(pointer).map(|node| &node.kind) {
        Some(Kind::Number(_, text)) => format!(", found {text}"),
        _ => String::new(),
    };
    context.push("out-of-range", pointer, format!("expected {side} {limit}{found}"), None);
}

fn wrong_count(pointer: &str, side: &str, limit: u64, context: &Context<'_>) {
    let found = match context.node(pointer).map(|node| &node.kind) {
        Some(Kind::List(items)) => format!(", found {}", items.len()),
        _ => String::new(),
    };
    context.push("wrong-count", pointer, format!("expected {side} {limit} elements{found}"), None);
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
