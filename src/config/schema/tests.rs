use super::generate::generate;
use super::*;
use crate::config::yaml;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;
use std::sync::LazyLock;

const KINDS: [(SchemaKind, &str); 3] =
    [(SchemaKind::Route, "route"), (SchemaKind::Hookswitch, "hookswitch"), (SchemaKind::Test, "test")];

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::default);

/// `HOOKSWITCH_WRITE_SCHEMAS=1 cargo test --lib committed_schemas` brings them in step.
#[test]
fn committed_schemas_are_those_of_the_types() {
    let writes = std::env::vars().any(|(name, _)| name == "HOOKSWITCH_WRITE_SCHEMAS");
    for (kind, name) in KINDS {
        let (file, generated) = (format!("schemas/{name}.schema.json"), generate(kind));
        if writes {
            std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file), &generated).unwrap();
        } else {
            let command = "HOOKSWITCH_WRITE_SCHEMAS=1 cargo test --lib committed_schemas";
            assert!(kind.text() == generated, "{file} is out of step; run: {command}");
        }
    }
}

#[test]
fn committed_schemas_are_valid_and_say_no_nonsense() {
    for (kind, name) in KINDS {
        let schema: Value = serde_json::from_str(kind.text()).unwrap();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        assert!(SCHEMAS.compiled(kind).validator.is_some(), "{name}");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(!kind.text().contains("\"default\": null"), "{name}");
        assert!(!kind.text().contains("\"format\": \"uint"), "{name}");
    }
}

/// Every schema below this one, itself included.
fn each_schema(schema: &Value, look: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    let Some(keywords) = schema.as_object() else { return };
    look(keywords);
    for (keyword, value) in keywords {
        match keyword.as_str() {
            "properties" | "$defs" => value.as_object().unwrap().values().for_each(|inner| each_schema(inner, look)),
            "anyOf" | "oneOf" | "allOf" => value.as_array().unwrap().iter().for_each(|inner| each_schema(inner, look)),
            "items" | "additionalProperties" => each_schema(value, look),
            _ => {}
        }
    }
}

#[test]
fn draft_7_reads_every_keyword_as_2020_12_does() {
    const SAME: [&str; 18] = [
        "type",
        "description",
        "$ref",
        "additionalProperties",
        "properties",
        "required",
        "items",
        "anyOf",
        "oneOf",
        "const",
        "enum",
        "pattern",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "default",
        "title",
    ];
    for (kind, name) in KINDS {
        each_schema(&serde_json::from_str(kind.text()).unwrap(), &mut |schema| {
            for keyword in schema.keys() {
                // Draft 7 knows no `$defs`, and finds what is there by its pointer.
                assert!(SAME.contains(&&**keyword) || ["$schema", "$defs"].contains(&&**keyword), "{name}: {keyword}");
                // It looks at nothing that stands beside a `$ref`.
                assert!(
                    !schema.contains_key("$ref") || ["$ref", "description"].contains(&&**keyword),
                    "{name}: {keyword}"
                );
            }
        });
    }
}

/// Mistakes as `code pointer message | help`.
fn mistakes<T: Spec>(text: &str) -> Vec<String> {
    let parsed = yaml::parse(text);
    assert_eq!(parsed.problems, [], "{text}");
    let findings = Findings::default();
    let spec: Option<T> = SCHEMAS.read(&parsed.documents[0], 0, &findings);
    let findings = findings.into_inner();
    assert_eq!(spec.is_none(), !findings.is_empty());
    let line = |finding: &Finding| {
        let help = finding.help.iter().map(|help| format!(" | {help}")).collect::<String>();
        format!("{} {} {}{help}", finding.code, finding.pointer, finding.message)
    };
    findings.iter().map(line).collect()
}

/// The mistakes of a route that is good but for one line.
fn route(line: &str) -> Vec<String> {
    mistakes::<RouteSpec>(&format!("match: {{path: /x}}\n{line}\n"))
}

fn target(line: &str) -> Vec<String> {
    route(&format!("target: {{{line}}}"))
}

#[test]
fn unknown_keys_are_named_where_they_are() {
    assert_eq!(route("targett: {}"), ["unknown-key /targett unknown key `targett` | did you mean `target`?"]);
    assert_eq!(route("path: /x"), ["unknown-key /path unknown key `path` | `path` belongs below `match`"]);
    assert_eq!(route("active: {xyz: 1}"), ["unknown-key /active/xyz unknown key `xyz` | known keys: from, until"]);
    assert_eq!(
        target("time-out: 5s"),
        ["unknown-key /target/time-out unknown key `time-out` | did you mean `timeout`?"]
    );
    assert_eq!(route("a/b: 1")[0].split(' ').nth(1), Some("/a~1b"));
}

#[test]
fn missing_keys_say_what_they_are_for() {
    let found = mistakes::<RouteSpec>("name: a\n");
    assert_eq!(found, ["missing-key  the key `match` is missing | `match`: Which requests the route takes."]);
    assert_eq!(
        target("auth: {basic: {username: u}}"),
        [
            "missing-key /target/auth/basic the key `password` is missing | `password`: The same for every event, or `by` and `values`: one for each key of the event."
        ]
    );
}

#[test]
fn wrong_types_say_what_is_wanted_and_what_is_there() {
    for (found, expected) in [
        (route("labels: {a: 5}"), "expected a string, found a number | quote it: '5'"),
        (route("labels: {a: true}"), "expected a string, found true | quote it: 'true'"),
        (route("vars:"), "expected a mapping, found nothing | give it a value, or leave the key out"),
        (route("targets: {}"), "expected a list of mappings, found a mapping"),
        (
            route("enabled: yes"),
            "expected true or false, found the string `yes` | write true: in YAML 1.2, `yes` is a string",
        ),
        (
            route("enabled: Off"),
            "expected true or false, found the string `Off` | write false: in YAML 1.2, `Off` is a string",
        ),
        (
            route("enabled: 'true'"),
            "expected true or false, found the string `true` | write true or false, without quotes",
        ),
        (route("order: '5'"), "expected a whole number, found the string `5` | write 5 without quotes"),
        (route("order: 1.0"), "expected a whole number, found `1.0`"),
        (route("order: 1e3"), "expected a whole number, found `1e3`"),
        (route("order: [1]"), "expected a whole number, found a list"),
        (
            target("retry: {on: 5xx}"),
            "expected a list of whole numbers or strings, found the string `5xx` | write a list: [5xx]",
        ),
        (target("success: {}"), "expected a whole number or a string, or a list of them, found a mapping"),
        (target("headers: {x: 5}"), "expected a string or nothing, found a number | quote it: '5'"),
        (route("verify: 5"), "expected `none` or a mapping, or a list of them, found a number"),
    ] {
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("wrong-type /") && found[0].ends_with(expected), "{found:?} {expected}");
    }
}

#[test]
fn the_branch_that_was_meant_is_the_one_that_is_reported() {
    assert_eq!(route("verify: {secrt: x}"), ["unknown-key /verify/secrt unknown key `secrt` | did you mean `secret`?"]);
    assert_eq!(route("verify: [{secrt: x}]")[0].split(' ').nth(1), Some("/verify/0/secrt"));
    assert_eq!(
        route("verify: nonee"),
        ["not-one-of /verify `nonee` is not known here: it is `none` or a mapping | did you mean `none`?"]
    );
    assert_eq!(
        route("respond: [{on: delivred}]"),
        [
            "not-one-of /respond/0/on `delivred` is not one of `delivered`, `accepted`, `ignored`, `duplicate`, `failed` | did you mean `delivered`?"
        ]
    );
    assert_eq!(
        target("auth: {bearr: x}"),
        ["unknown-key /target/auth/bearr unknown key `bearr` | did you mean `bearer`?"]
    );
    assert_eq!(
        target("auth: {}"),
        [
            "missing-key /target/auth exactly one of `bearer`, `basic`, `headers`, `query`, `oauth2`, `sign`, `aws` is wanted here"
        ]
    );
    let two = target("auth: {bearer: x, query: {}}");
    assert!(two[0].starts_with("too-many-keys /target/auth ") && two[0].ends_with("not `bearer`, `query`"), "{two:?}");
    assert_eq!(target("auth: {query: {a: 1}}")[0].split(' ').nth(1), Some("/target/auth/query/a"));
}

#[test]
fn bounds_and_patterns() {
    assert_eq!(target("retry: {max: -1}"), ["out-of-range /target/retry/max expected at least 0, found -1"]);
    assert_eq!(target("retry: {max: 5000000000}")[0].split(' ').next(), Some("out-of-range"));
    assert_eq!(route("respond: {status: 70000}")[0].split(' ').next(), Some("out-of-range"));
    assert!(route("name: My_Route")[0].starts_with("pattern /name a name is 1 to 63"));
    assert_eq!(mistakes::<RouteSpec>("match: {path: x}"), ["pattern /match/path a path starts with `/`"]);
    assert!(route("order: ${env:ORDER:-5}").is_empty());
    assert!(route("order: ${body.x}")[0].starts_with("wrong-type"));
}

#[test]
fn test_files_and_settings_are_checked_too() {
    assert_eq!(
        mistakes::<TestFileSpec>("tests: [{name: a, request: {headers: [[a]]}, expect: {}}]")[0].split(' ').next(),
        Some("wrong-count")
    );
    assert_eq!(
        mistakes::<ProcessSpec>("listen: [{adress: x}]"),
        ["unknown-key /listen/0/adress unknown key `adress` | did you mean `address`?"]
    );
    assert!(mistakes::<ProcessSpec>("{}").is_empty());
}

/// Documents that use every key and every branch that there is.
fn seeds() -> Vec<(SchemaKind, Value)> {
    let seeds: Value = serde_json::from_str(include_str!("seeds.json")).unwrap();
    KINDS.iter().map(|(kind, name)| (*kind, seeds[name].clone())).collect()
}

fn is_valid(kind: SchemaKind, value: &Value) -> bool {
    SCHEMAS.compiled(kind).validator.as_ref().unwrap().is_valid(value)
}

fn is_read(kind: SchemaKind, value: &Value) -> Result<(), String> {
    fn read<T: Spec>(value: &Value) -> Result<(), String> {
        serde_json::from_value::<T>(value.clone()).map(|_| ()).map_err(|error| error.to_string())
    }
    match kind {
        SchemaKind::Route => read::<RouteSpec>(value),
        SchemaKind::Hookswitch => read::<ProcessSpec>(value),
        SchemaKind::Test => read::<TestFileSpec>(value),
    }
}

#[test]
fn the_seeds_are_valid_and_leave_no_key_out() {
    for (kind, seed) in seeds() {
        assert!(is_valid(kind, &seed), "{kind:?}");
        is_read(kind, &seed).unwrap();
        let schema: Value = serde_json::from_str(kind.text()).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        for key in properties.keys() {
            assert!(seed.get(key).is_some(), "{kind:?} has a key {key} that the property test does not know");
        }
    }
}

fn pointers(value: &Value, here: String, all: &mut Vec<String>) {
    all.push(here.clone());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| pointers(item, format!("{here}/{index}"), all));
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| pointers(item, format!("{here}/{key}"), all)),
        _ => {}
    }
}

fn mutation() -> impl Strategy<Value = Option<Value>> {
    let values = prop::sample::select(vec![
        Some(json!(true)),
        Some(json!(0)),
        Some(json!(-1)),
        Some(json!(65536)),
        Some(json!(1.5)),
        Some(json!(u64::MAX)),
        Some(json!("text")),
        Some(json!("none")),
        Some(json!("json")),
        Some(json!("${env:X}")),
        Some(json!([])),
        Some(json!(["text"])),
        Some(json!([200, "5xx"])),
        Some(json!({})),
        Some(json!({"unknown": 1})),
        Some(json!({"header": "x"})),
        Some(json!({"bearer": "x", "basic": {}})),
        None,
    ]);
    values.boxed()
}

/// Takes the value out, or puts another in its place.
fn mutate(value: &mut Value, pointer: &str, replacement: Option<Value>) {
    // The document itself cannot be taken out.
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    match (replacement, value.pointer_mut(parent)) {
        (Some(replacement), _) => *value.pointer_mut(pointer).unwrap() = replacement,
        (None, Some(Value::Object(map))) => drop(map.shift_remove(key)),
        (None, Some(Value::Array(items))) => drop(items.remove(key.parse().unwrap())),
        (None, _) => {}
    }
}

/// Where the schema says more than the types do: patterns, and that a mapping cannot be written as a list of its values.
fn only_the_schema_knows(error: &jsonschema::ValidationError<'_>) -> bool {
    use jsonschema::error::ValidationErrorKind::{AnyOf, OneOfNotValid, Pattern, Type};
    match error.kind() {
        Pattern { .. } => true,
        Type { .. } => error.instance().is_array(),
        AnyOf { context } | OneOfNotValid { context } => {
            context.iter().any(|errors| errors.iter().all(only_the_schema_knows))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_schema_accepts_if_and_only_if_the_types_do(
        seed in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), mutation()), 1..3),
    ) {
        let (kind, mut value) = seeds().swap_remove(seed);
        for (index, replacement) in changes {
            let mut all = Vec::new();
            pointers(&value, String::new(), &mut all);
            mutate(&mut value, &all[index.index(all.len())], replacement);
        }
        match (is_valid(kind, &value), is_read(kind, &value)) {
            (true, Ok(())) | (false, Err(_)) => {}
            (true, Err(error)) => prop_assert!(false, "the schema accepts, the types do not: {error}\n{value:#}"),
            (false, Ok(())) => {
                let validator = SCHEMAS.compiled(kind).validator.as_ref().unwrap();
                let is_known = validator.iter_errors(&value).all(|error| only_the_schema_knows(&error));
                prop_assert!(is_known, "the types accept, the schema does not:\n{value:#}");
            }
        }
    }

    #[test]
    fn every_violation_has_a_place_in_the_document(
        seed in 0..3_usize,
        index in any::<prop::sample::Index>(),
        replacement in mutation(),
    ) {
        let (kind, mut value) = seeds().swap_remove(seed);
        let mut all = Vec::new();
        pointers(&value, String::new(), &mut all);
        mutate(&mut value, &all[index.index(all.len())], replacement);
        let text = format!("{value:#}");
        let parsed = yaml::parse(&text);
        prop_assert_eq!(&parsed.problems, &[]);
        let (root, findings) = (&parsed.documents[0], Findings::default());
        let is_some = match kind {
            SchemaKind::Route => SCHEMAS.read::<RouteSpec>(root, 0, &findings).is_some(),
            SchemaKind::Hookswitch => SCHEMAS.read::<ProcessSpec>(root, 0, &findings).is_some(),
            SchemaKind::Test => SCHEMAS.read::<TestFileSpec>(root, 0, &findings).is_some(),
        };
        let findings = findings.into_inner();
        prop_assert_eq!(is_some, findings.is_empty());
        for finding in findings {
            prop_assert!(root.find(&finding.pointer).is_some(), "{finding:?}");
            prop_assert_ne!(finding.code, "document");
        }
    }
}
