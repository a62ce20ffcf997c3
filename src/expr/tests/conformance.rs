//! The conformance cases of the CEL specification, where their files are at hand.
//! <https://github.com/google/cel-spec/tree/master/tests/simple/testdata>

use super::support::World;
use super::textproto::{Field, Message, parse};
use crate::expr::Value;
use crate::expr::meter::Meter;
use crate::expr::value::equal;
use std::path::Path;

/// What hookswitch has not, on purpose: a case whose expression or container has one of these words may fail.
const NOT_HERE: [&str; 2] = ["TestAllTypes", "google.protobuf."];

/// Cases that end otherwise, on purpose: the beginning of `file/section/test`, and why.
const DEVIATIONS: [(&str, &str); 7] = [
    ("basic/variables/unbound_is_runtime_error", "an unknown variable is refused at load"),
    ("basic/functions/unbound_is_runtime_error", "an unknown function is refused at load"),
    ("parse/receiver_function_names/", "an unknown function is refused at load"),
    ("fields/qualified_identifier_resolution/", "no variable has a dot in its name"),
    ("timestamps/duration_converters/get_milliseconds", "the expected value is a protobuf message"),
    ("timestamps/timestamp_range/sub_time_duration_over", "durations reach 10000 years, not 292"),
    ("timestamps/timestamp_range/sub_time_duration_under", "durations reach 10000 years, not 292"),
];

#[test]
fn cases_of_the_specification_end_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora/cel");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is not there", folder.display());
        return;
    };
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "textproto"));
    files.sort();
    let (mut passed, mut deviating, mut failures) = (0, 0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        for section in messages(&parse(&text), "section") {
            for case in messages(section, "test") {
                let name = format!(
                    "{stem}/{}/{}",
                    section.text("name").unwrap_or_default(),
                    case.text("name").unwrap_or_default()
                );
                match (run(case), deviates(&name, case)) {
                    (Ok(()), false) => passed += 1,
                    (Ok(()), true) | (Err(_), true) => deviating += 1,
                    (Err(reason), false) => failures.push(format!("{name}: {reason}")),
                }
            }
        }
    }
    println!("{passed} cases end as the specification says, {deviating} deviate on purpose");
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
    assert!(passed > 500, "only {passed} cases were understood");
}

fn messages<'m>(message: &'m Message, name: &'m str) -> impl Iterator<Item = &'m Message> {
    message.all(name).filter_map(|field| match field {
        Field::Message(message) => Some(message),
        _ => None,
    })
}

fn deviates(name: &str, case: &Message) -> bool {
    let expression = case.text("expr").unwrap_or_default();
    let container = case.text("container").unwrap_or_default();
    // A type's name by itself is known here; only a message of it is not.
    NOT_HERE.iter().any(|word| expression.contains(word) && expression.contains('{') || container.contains(word))
        || container.contains("conformance")
        || DEVIATIONS.iter().any(|(deviation, _)| name.starts_with(deviation))
}

fn run(case: &Message) -> Result<(), String> {
    let source = case.text("expr").ok_or("no expression")?;
    let mut world = World::with_body("null");
    for binding in messages(case, "bindings") {
        let name = binding.text("key").ok_or("a binding without a key")?;
        let content = binding.message("value").and_then(|value| value.message("value")).ok_or("an unusual binding")?;
        world.locals.push((name, value(content)?));
    }
    let found = match world.run(&source) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(error.to_string()),
        // What is refused at load would be an error of the evaluation elsewhere.
        Err(findings) => Err(findings.first().map(|finding| finding.message.clone()).unwrap_or_default()),
    };
    match (found, case.message("value")) {
        (Ok(found), Some(expected)) => {
            let expected = value(expected)?;
            if same(&found, &expected) { Ok(()) } else { Err(format!("{source} gives {found:?}, not {expected:?}")) }
        }
        (Ok(found), None) if case.message("eval_error").is_some() => {
            Err(format!("{source} gives {found:?}, not an error"))
        }
        (Err(error), Some(_)) => Err(format!("{source} fails: {error}")),
        // Without an expectation the case expects true.
        (Ok(found), None) if found.as_bool() == Some(true) => Ok(()),
        (Err(_), None) if case.message("eval_error").is_some() => Ok(()),
        _ => Err(format!("{source}: no expectation is understood")),
    }
}

/// Equal, of the same type, NaN being itself.
fn same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Double(found), Value::Double(expected)) => found == expected || found.is_nan() && expected.is_nan(),
        _ => {
            let meter = Meter::new(u64::MAX, u64::MAX);
            found.type_name() == expected.type_name() && equal(found.view(), expected.view(), &meter) == Ok(true)
        }
    }
}

fn value(message: &Message) -> Result<Value, String> {
    let (kind, field) = message.0.first().ok_or("an empty value")?;
    match (kind.as_str(), field) {
        ("null_value", _) => Ok(Value::Null),
        ("bool_value", Field::Word(word)) => Ok(Value::Bool(word == "true")),
        ("int64_value", Field::Word(word)) => word.parse().map(Value::Int).map_err(|error| error.to_string()),
        ("uint64_value", Field::Word(word)) => word.parse().map(Value::Uint).map_err(|error| error.to_string()),
        ("double_value", Field::Word(word)) => word.parse().map(Value::Double).map_err(|error| error.to_string()),
        ("string_value", Field::Text(text)) => {
            String::from_utf8(text.clone()).map(Value::from).map_err(|error| error.to_string())
        }
        ("bytes_value", Field::Text(bytes)) => Ok(Value::Bytes(bytes.as_slice().into())),
        ("type_value", Field::Text(name)) => {
            let names = [
                "bool",
                "int",
                "uint",
                "double",
                "string",
                "bytes",
                "list",
                "map",
                "null_type",
                "type",
                "google.protobuf.Timestamp",
                "google.protobuf.Duration",
            ];
            let known = names.iter().find(|known| known.as_bytes() == name.as_slice());
            known.map(|name| Value::Type(name)).ok_or_else(|| "a type that is not known here".to_owned())
        }
        ("list_value", Field::Message(list)) => {
            messages(list, "values").map(value).collect::<Result<_, _>>().map(Value::list)
        }
        ("map_value", Field::Message(map)) => {
            let entries = messages(map, "entries").map(|entry| {
                let key = entry.message("key").ok_or("an entry without a key")?;
                Ok((value(key)?, value(entry.message("value").ok_or("an entry without a value")?)?))
            });
            entries.collect::<Result<_, String>>().map(Value::map)
        }
        (kind, _) => Err(format!("a value of kind {kind}")),
    }
}
