use super::*;
use crate::diagnostic::{Finding, Findings};
use crate::secret::{Missing, References};
use bytes::Bytes;
use proptest::prelude::*;
use std::path::Path;

/// A contract in a file beside a route, and what was said of it.
fn compiled(schema: &str) -> (Option<Contract>, Vec<Finding>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("schemas")).unwrap();
    std::fs::write(folder.path().join("schemas/a.json"), schema).unwrap();
    let (findings, references) = (Findings::default(), References::new(folder.path(), Missing::Fails));
    let contract = Contract::compile("../schemas/a.json", "routes.d/a.yaml", &At::document(&findings, &references, 0));
    (contract, findings.into_inner())
}

fn contract(schema: &str) -> Contract {
    let (contract, findings) = compiled(schema);
    contract.unwrap_or_else(|| panic!("{schema}: {findings:?}"))
}

fn document(body: &str) -> Document {
    Document::parse(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

/// `pointer: detail` of each violation.
fn broken(schema: &str, body: &str) -> Vec<String> {
    match contract(schema).check(&document(body)) {
        Ok(()) => Vec::new(),
        Err(violations) => violations.iter().map(|one| format!("{}: {}", one.pointer, one.detail)).collect(),
    }
}

#[test]
fn every_failing_place_is_told_and_no_value() {
    let schema = r#"{
        "type": "object", "required": ["id", "sum"], "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "minLength": 3, "pattern": "^[a-z]+$"},
            "sum": {"type": "number", "minimum": 0, "multipleOf": 0.5},
            "kind": {"enum": ["A", "B"]}, "one": {"const": {"a": [1]}},
            "items": {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"type": ["integer", "null"]}},
            "mail": {"format": "email"}
        }
    }"#;
    assert_eq!(
        broken(schema, r#"{"id": "abc", "sum": 1.50, "kind": "B", "one": {"a": [1.0]}, "items": [1, 2.0, null]}"#),
        [""; 0]
    );
    let body = r#"{"id": "SECRET-VALUE", "kind": "SECRET-VALUE", "one": {"a": [2]}, "items": ["SECRET-VALUE", 1, 1.0],
                   "mail": "SECRET-VALUE", "a/b~c": 1}"#;
    let found = broken(schema, body);
    for expected in [
        "/id: must match the pattern of the schema",
        "/sum: is missing",
        "/kind: must be one of the values of the schema",
        "/one: must be the value of the schema",
        "/items/0: must be of type integer or null",
        "/items: must have no two equal items",
        "/mail: must be of the format email",
        "/a~1b~0c: may not be there",
    ] {
        assert!(found.iter().any(|one| one == expected), "{expected} in {found:?}");
    }
    assert!(!found.iter().any(|one| one.contains("SECRET")), "{found:?}");
    assert_eq!(broken(schema, "[]"), [": must be of type object"]);
    assert_eq!(broken(schema, r#"{"id": "abc", "sum": -1}"#), ["/sum: must be at least 0"]);
}

#[test]
fn numbers_beyond_all_types_are_still_numbers() {
    let schema = r#"{"type": "integer", "minimum": 1, "maximum": 100}"#;
    for (body, expected) in [
        ("7", ""),
        ("7.0", ""),
        ("7.5", ": must be of type integer"),
        ("123456789012345678901234567890", ": must be at most 100"),
        ("-1e999", ": must be at least 1"),
    ] {
        assert_eq!(broken(schema, body).join(", "), expected, "{body}");
    }
}

#[test]
fn a_list_of_events_is_a_body_like_any_other() {
    let schema = r#"{"type": "array", "items": {"required": ["type"]}}"#;
    assert_eq!(broken(schema, r#"[{"type": 1}, {}, 5, {}]"#), ["/1/type: is missing", "/3/type: is missing"]);
}

#[test]
fn a_body_that_is_wrong_everywhere_ends_the_search_early() {
    let schema = r#"{"items": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["a"]}]}}"#;
    let body = format!("[{}0]", "0,".repeat(400_000));
    let (contract, document) = (contract(schema), document(&body));
    let effort = view::Effort::default();
    let errors = contract.validator.as_ref().unwrap().iter_errors(View::of(&document, &effort)).count();
    assert!(errors <= 1000, "{errors}");
    assert_eq!(contract.check(&document).unwrap_err().len(), VIOLATIONS_MAX);
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let schema = r##"{"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"},
                     "propertyNames": {"$ref": "#/$defs/name"}}, "name": {"maxLength": 2, "allOf": [{"$ref": "#/$defs/loop"}]},
                     "loop": {"$ref": "#/$defs/loop"}}}"##;
    let (contract, findings) = compiled(schema);
    let Some(contract) = contract else { panic!("{findings:?}") };
    assert!(contract.check(&document(r#"{"a": {"b": {}}}"#)).is_ok());
    let violations = contract.check(&document(r#"{"a": {"bcd": {}}}"#)).unwrap_err();
    assert_eq!(violations[0].pointer, "/a");
}

#[test]
fn mistakes_of_a_schema_are_told() {
    for (schema, code, words) in [
        ("{", "schema-malformed", "line 1 column 1"),
        (r#"{"type": "text"}"#, "schema-invalid", "/type"),
        (r#"{"properties": {"a": {"pattern": "(?=x)"}}}"#, "schema-invalid", "/properties/a/pattern"),
        (r#"{"$ref": "https://example.com/other.json"}"#, "schema-reference", "example.com"),
        (r#"{"$ref": "other.json"}"#, "schema-reference", "other.json"),
        (r##"{"$ref": "#/$defs/gone"}"##, "schema-reference", "gone"),
        ("5", "schema-invalid", ""),
    ] {
        let (contract, findings) = compiled(schema);
        assert!(contract.is_none(), "{schema}");
        assert_eq!(findings.len(), 1, "{schema}: {findings:?}");
        assert_eq!(findings[0].code, code, "{schema}: {findings:?}");
        assert!(findings[0].message.contains(words), "{schema}: {findings:?}");
        assert!(code == "schema-malformed" || findings[0].help.is_some());
    }
}

#[test]
fn a_path_starts_beside_its_file_or_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("routes.d/team")).unwrap();
    std::fs::write(folder.path().join("routes.d/team/near.json"), "{}").unwrap();
    std::fs::write(folder.path().join("far.json"), "{}").unwrap();
    let (findings, references) = (Findings::default(), References::new(folder.path(), Missing::Fails));
    let at = At::document(&findings, &references, 0);
    let compile = |written: &str| Contract::compile(written, "routes.d/team/a.yaml", &at).is_some();
    assert!(compile("near.json") && compile("../../far.json") && compile("far.json"));
    assert!(!compile("../far.json"));
    let files = references.files();
    for watched in ["routes.d/team/near.json", "far.json", "routes.d/team/far.json", "routes.d/far.json"] {
        assert!(files.contains(&folder.path().join(watched)), "{watched} in {files:?}");
    }
    let found = findings.into_inner();
    assert_eq!((found.len(), found[0].code), (1, "schema-unreadable"));
    assert!(found[0].message.contains("../far.json"), "{found:?}");
}

#[test]
fn offline_a_path_that_is_not_known_asks_for_nothing() {
    let references = References::with_lookup(Path::new(""), Missing::StandsForItself, |_| None);
    let findings = Findings::default();
    let contract = Contract::compile("${env:SCHEMA}", "a.yaml", &At::document(&findings, &references, 0)).unwrap();
    assert!(contract.check(&document("5")).is_ok());
    assert_eq!(findings.into_inner(), []);
}

proptest! {
    /// Whatever is a JSON value, both views agree on whether it fits.
    #[test]
    fn it_judges_as_the_library_judges_its_own_values(body in json(), schema in 0..SCHEMAS.len()) {
        let text = body.to_string();
        let schema = SCHEMAS[schema];
        let ours = contract(schema).check(&document(&text)).is_ok();
        let theirs = jsonschema::options().should_validate_formats(true).build(&serde_json::from_str(schema).unwrap()).unwrap();
        prop_assert_eq!(ours, theirs.is_valid(&body), "{} against {}", text, schema);
    }
}

const SCHEMAS: [&str; 5] = [
    r#"{"type": "array", "uniqueItems": true, "contains": {"type": "number"}}"#,
    r#"{"oneOf": [{"type": "string", "maxLength": 2}, {"type": "object", "maxProperties": 1}, {"type": "integer", "minimum": 0}]}"#,
    r#"{"enum": [1, "a", null, [1], {"a": 1}]}"#,
    r#"{"additionalProperties": {"type": ["number", "boolean"]}, "propertyNames": {"maxLength": 1}, "minProperties": 1}"#,
    r#"{"items": {"not": {"const": 1.0}}, "unevaluatedItems": false, "if": {"minItems": 2}, "then": {"maxItems": 3}}"#,
];

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        (-2.0..3.0_f64).prop_map(Value::from),
        Just(Value::from(1.0)),
        "[ab]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[ab]{1,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
