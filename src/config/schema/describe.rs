//! A schema in words: "a list of strings".

use serde_json::Value;

/// What our scalars accept besides their own type; see [`crate::config::spec::Scalar`].
pub(super) const REFERENCE_PATTERN: &str = r"^\$\{(env|file):";

/// What a value must be, in the singular.
pub(super) fn describe(schema: &Value, root: &Value) -> String {
    let schema = resolve(schema, root);
    if let Some(words) = words(schema, root) {
        return words.join(" or ");
    }
    if let Some(branches) = branches(schema) {
        if let [one, many] = branches.as_slice()
            && resolve(many, root).get("items") == Some(one)
        {
            return format!("{}, or a list of them", describe(one, root));
        }
        let mut kinds: Vec<String> = Vec::new();
        for branch in branches.iter().filter(|branch| !is_reference(branch)) {
            let kind = describe(branch, root);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        return kinds.join(" or ");
    }
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().map(|kind| name(kind.as_str())).collect::<Vec<_>>().join(" or "),
        Some(kind) if kind == "array" => match schema.get("items") {
            Some(items) => format!("a list of {}", plural(items, root)),
            None => "a list".to_owned(),
        },
        kind => name(kind.and_then(Value::as_str)).to_owned(),
    }
}

/// The JSON types that a schema takes at its top: what tells its branches apart.
pub(super) fn takes(schema: &Value, root: &Value, value: &Value) -> bool {
    let schema = resolve(schema, root);
    if let Some(branches) = branches(schema) {
        return branches.iter().any(|branch| takes(branch, root, value));
    }
    let is = |kind: &Value| match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer" | "number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => true,
    };
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(is),
        Some(kind) => is(kind),
        None => true,
    }
}

pub(super) fn is_reference(schema: &Value) -> bool {
    schema.get("pattern").is_some_and(|pattern| pattern == REFERENCE_PATTERN)
}

/// `$ref`s followed: schemas of ours refer to their own definitions only.
pub(super) fn resolve<'s>(mut schema: &'s Value, root: &'s Value) -> &'s Value {
    while let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#')) {
        match root.pointer(target) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

pub(super) fn branches(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
}

/// The words of an enum, however it is written: `enum`, `const`, or a union of such.
pub(super) fn words(schema: &Value, root: &Value) -> Option<Vec<String>> {
    let schema = resolve(schema, root);
    let text = |value: &Value| value.as_str().map(|word| format!("`{word}`"));
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(text).collect();
    }
    if let Some(word) = schema.get("const") {
        return text(word).map(|word| vec![word]);
    }
    let parts: Option<Vec<Vec<String>>> = branches(schema)?.iter().map(|branch| words(branch, root)).collect();
    parts.map(|parts| parts.concat())
}

fn plural(schema: &Value, root: &Value) -> String {
    let schema = resolve(schema, root);
    if words(schema, root).is_some() {
        return "words".to_owned();
    }
    if let Some(branches) = branches(schema) {
        return branches.iter().map(|branch| plural(branch, root)).collect::<Vec<_>>().join(" or ");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => "strings",
        Some("integer") => "whole numbers",
        Some("number") => "numbers",
        Some("object") => "mappings",
        Some("array") => "lists",
        _ => "values",
    }
    .to_owned()
}

fn name(kind: Option<&str>) -> &'static str {
    match kind {
        Some("string") => "a string",
        Some("integer") => "a whole number",
        Some("number") => "a number",
        Some("boolean") => "true or false",
        Some("array") => "a list",
        Some("object") => "a mapping",
        Some("null") => "nothing",
        _ => "a value",
    }
}
