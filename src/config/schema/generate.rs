//! Types to schemas: JSON Schema 2020-12 as editors understand it. For the test that keeps `schemas/` in step.

use super::SchemaKind;
use crate::config::spec::{ProcessSpec, RouteSpec, TestFileSpec};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The schema of a kind of document, as it belongs into `schemas/`: indented JSON with a line feed at its end.
pub(super) fn generate(kind: SchemaKind) -> String {
    let schema = match kind {
        SchemaKind::Route => of::<RouteSpec>(),
        SchemaKind::Hookswitch => of::<ProcessSpec>(),
        SchemaKind::Test => of::<TestFileSpec>(),
    };
    // Serializing puts `$schema`, `title` and `type` first. Alternate formatting of a JSON value is indented.
    format!("{:#}\n", serde_json::to_value(&schema).unwrap_or_default())
}

fn of<T: JsonSchema>() -> Schema {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    RecursiveTransform(tidy as fn(&mut Schema)).transform(&mut schema);
    schema
}

/// Drops defaults that say nothing, and turns number formats, which are no standard, into bounds, which are. A pair of two
/// of a kind is a list of two.
fn tidy(schema: &mut Schema) {
    let Some(schema) = schema.as_object_mut() else { return };
    let says_nothing = |value: &Value| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    if schema.get("default").is_some_and(says_nothing) {
        schema.shift_remove("default");
    }
    let pair = schema.get("prefixItems").and_then(Value::as_array).and_then(|items| match items.as_slice() {
        [first, second] if first == second => Some(first.clone()),
        _ => None,
    });
    if let Some(item) = pair {
        schema.shift_remove("prefixItems");
        schema.insert("items".to_owned(), item);
    }
    let bounds = match schema.get("format").and_then(Value::as_str) {
        Some("uint8" | "uint16" | "int8" | "int16" | "int32" | "uint" | "int" | "float" | "double") => (None, None),
        Some("uint32") => (None, Some(Value::from(u32::MAX))),
        Some("uint64") => (None, Some(Value::from(u64::MAX))),
        Some("int64") => (Some(Value::from(i64::MIN)), Some(Value::from(i64::MAX))),
        _ => return,
    };
    schema.shift_remove("format");
    for (keyword, bound) in [("minimum", bounds.0), ("maximum", bounds.1)] {
        if let (Some(bound), None) = (bound, schema.get(keyword)) {
            schema.insert(keyword.to_owned(), bound);
        }
    }
}
