//! The parser against its specification, the public test suite, and `serde_json`.

use super::{parse, written};
use crate::document::*;
use base64::Engine;
use proptest::prelude::*;
use std::path::Path;

fn refused(text: impl AsRef<[u8]>) -> JsonError {
    let text = text.as_ref();
    match Document::parse(Bytes::copy_from_slice(text)) {
        Ok(document) => panic!("{:?} was read as {document:?}", String::from_utf8_lossy(text)),
        Err(error) => error,
    }
}

#[test]
fn mistakes_say_what_and_where() {
    for (text, message, offset) in [
        ("", "the text ends where a value should be", 0),
        ("  ", "the text ends where a value should be", 2),
        ("[1,]", "expected a value", 3),
        ("[1 2]", "expected a comma or the end of the list", 3),
        ("[1", "the text ends inside a list or object", 2),
        ("[1}", "expected a comma or the end of the list", 2),
        ("{\"a\":1]", "expected a comma or the end of the object", 6),
        ("{a:1}", "expected a key in double quotes", 1),
        ("{\"a\":1,}", "expected a key in double quotes", 7),
        ("{\"a\" 1}", "expected a colon after the key", 5),
        ("{\"a\":}", "expected a value", 5),
        ("1 2", "unexpected text after the value", 2),
        ("01", "unexpected text after the value", 1),
        ("-", "expected a digit", 1),
        ("1.", "expected a digit", 2),
        ("1e+", "expected a digit", 3),
        ("nul", "expected a value", 0),
        ("truE", "expected a value", 0),
        ("\"abc", "the text ends inside a string", 4),
        ("\"a\nb\"", "a control character in a string must be escaped", 2),
        ("\"a long enough string\n\"", "a control character in a string must be escaped", 21),
        ("\"a\\x\"", "an unknown escape in a string", 2),
        ("\"\\u12g4\"", "\\u takes four hexadecimal digits", 1),
        ("\"\\u+123\"", "\\u takes four hexadecimal digits", 1),
        ("\"\\ud800\"", "an escaped surrogate without its other half", 1),
        ("\"\\ud800\\ue000\"", "an escaped surrogate without its other half", 1),
        ("\"\\udc00\\ud800\"", "an escaped surrogate without its other half", 1),
        ("\u{feff}[1,]", "expected a value", 6),
    ] {
        assert_eq!(refused(text), JsonError { message, offset }, "{text:?}");
    }
    assert_eq!(refused(b"[\"\xff\"]"), JsonError { message: "invalid UTF-8", offset: 2 });
    assert_eq!(refused("[1,]").to_string(), "expected a value at byte 3");
}

#[test]
fn escapes_are_decoded() {
    let document = parse(r#"["\"\\\/\b\f\n\r\t", "\u0041\u00e9\u20AC", "\ud83e\udd80 and more", "é\n日本"]"#);
    let texts: Vec<_> = document.root().items().filter_map(Node::as_str).collect();
    assert_eq!(texts, ["\"\\/\u{8}\u{c}\n\r\t", "Aé€", "🦀 and more", "é\n日本"]);
}

#[test]
fn a_byte_order_mark_is_dropped_once() {
    assert_eq!(written(&parse("\u{feff}{}")), "{}");
    assert_eq!(refused("\u{feff}\u{feff}{}").offset, 3);
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(written(&parse(&nested(DEPTH_MAX))), nested(DEPTH_MAX));
    assert_eq!(refused(nested(DEPTH_MAX + 1)), JsonError { message: "nesting is deeper than 128", offset: DEPTH_MAX });
    assert_eq!(refused("{\"a\":".repeat(1_000_000)).message, "nesting is deeper than 128");
    let wide = format!("[{}1]", "[],{},".repeat(1000));
    assert_eq!(parse(&wide).root().len(), 2001, "what is closed does not count");
}

/// What is decided where RFC 8259 leaves a choice.
fn accepts_where_free(name: &str) -> bool {
    name.contains("number") || name == "i_structure_UTF-8_BOM_empty_object.json"
}

#[test]
fn the_public_test_suite_agrees() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora/json/jsontestsuite.json");
    let Ok(text) = std::fs::read(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let suite: serde_json::Value = serde_json::from_slice(&text).expect("the suite is JSON");
    let cases = suite["cases"].as_array().expect("cases");
    assert!(cases.len() > 300);
    for case in cases {
        let name = case["name"].as_str().expect("a name");
        let bytes = match (&case["b64"], &case["repeat"]) {
            (serde_json::Value::String(base64), _) => {
                base64::engine::general_purpose::STANDARD.decode(base64).expect("base64")
            }
            (_, repeat) => {
                let count = repeat[1].as_u64().expect("a count");
                repeat[0].as_str().expect("a text").repeat(count as usize).into_bytes()
            }
        };
        let expected = match case["expect"].as_str() {
            Some("accept") => true,
            Some("reject") => false,
            _ => accepts_where_free(name),
        };
        let parsed = Document::parse(Bytes::from(bytes));
        assert_eq!(parsed.is_ok(), expected, "{name}: {parsed:?}");
    }
}

/// Texts that are nearly JSON: pieces of the grammar in any order.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\"a\""),
        Just("\"\\u00e9\\n\""),
        Just("\"\\ud83e\\udd80\""),
        Just("\"\\ud83e\""),
        Just("0"),
        Just("-1.5e3"),
        Just("01"),
        Just("1."),
        Just("true"),
        Just("null"),
        Just(" "),
        Just("\n"),
        Just("\""),
        Just("\\"),
        Just("é"),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn any_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 200, 30, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..30).prop_map(serde_json::Value::from),
            proptest::collection::vec((any::<String>(), inner), 0..30)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn agrees_with_serde_json(text: &str) -> Result<(), TestCaseError> {
    let ours = Document::parse(Bytes::copy_from_slice(text.as_bytes()));
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => prop_assert_eq!(ours.map(|document| document.root().to_value()), Ok(value)),
        Err(error) if error.to_string().starts_with("number out of range") => {}
        Err(error) => prop_assert!(ours.is_err(), "{:?} was accepted against {}", text, error),
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::parse(Bytes::from(bytes));
    }

    #[test]
    fn near_misses_are_judged_as_by_serde_json(text in nearly_json()) {
        agrees_with_serde_json(&text)?;
    }

    #[test]
    fn damaged_values_are_judged_as_by_serde_json(
        value in any_value(), position in any::<prop::sample::Index>(), to in "[\\[\\]{},:\"\\\\0-9eu. \u{1}]?",
    ) {
        let text = value.to_string();
        let at = (0..=position.index(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let rest = text[at..].chars().next().map_or(at, |character| at + character.len_utf8());
        agrees_with_serde_json(&format!("{}{to}{}", &text[..at], &text[rest..]))?;
    }

    #[test]
    fn values_are_the_same_as_serde_jsons(value in any_value(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.expect("serializes");
        agrees_with_serde_json(&text)?;
        let document = parse(&text);
        prop_assert_eq!(written(&document), serde_json::to_string(&value).expect("serializes"));
        prop_assert_eq!(&Document::from_value(&value), &document);
        prop_assert_eq!(&parse(&written(&document)), &document);
    }

    #[test]
    fn written_strings_are_read_back(text: String) {
        let mut json = Vec::new();
        write_string(&text, &mut json);
        let read = serde_json::from_slice::<String>(&json).ok();
        prop_assert_eq!(read.as_deref(), Some(text.as_str()));
        let document = Document::parse(Bytes::from(json)).expect("valid JSON");
        prop_assert_eq!(document.root().as_str(), Some(text.as_str()));
    }
}
