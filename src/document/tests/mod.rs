//! What every document keeps, however it was made. The JSON grammar has its tests in `json`.

mod json;

use super::*;
use serde_json::json;

fn parse(text: &str) -> Document {
    Document::parse(Bytes::copy_from_slice(text.as_bytes())).expect(text)
}

fn written(document: &Document) -> String {
    let mut out = Vec::new();
    document.root().write_json(&mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

#[test]
fn values_are_read_without_loss() {
    let document = parse(r#" {"a": [1, -2.50, 1e3, true, false, null], "b": {"c": "d\n", "": ""}, "e": []} "#);
    let root = document.root();
    assert_eq!((root.kind(), root.len(), root.is_empty()), (Kind::Map, 3, false));
    let list = root.get("a").expect("a");
    assert_eq!(
        list.items().map(Node::kind).collect::<Vec<_>>()[..4],
        [Kind::Number, Kind::Number, Kind::Number, Kind::Bool]
    );
    assert_eq!(list.at(1).and_then(Node::number_text), Some("-2.50"));
    assert_eq!(list.at(3).and_then(Node::as_bool), Some(true));
    assert_eq!(list.at(4).and_then(Node::as_bool), Some(false));
    assert_eq!(list.at(5).map(Node::kind), Some(Kind::Null));
    assert!(list.at(6).is_none() && list.at(usize::MAX).is_none());
    assert_eq!(root.get("b").and_then(|b| b.get("c")).and_then(Node::as_str), Some("d\n"));
    assert_eq!(root.get("b").and_then(|b| b.get("")).and_then(Node::as_str), Some(""));
    assert!(root.get("e").is_some_and(Node::is_empty));
    assert_eq!(root.entries().map(|(key, _)| key).collect::<Vec<_>>(), ["a", "b", "e"]);
    assert_eq!(written(&document), r#"{"a":[1,-2.50,1e3,true,false,null],"b":{"c":"d\n","":""},"e":[]}"#);
}

#[test]
fn a_value_answers_only_to_its_own_kind() {
    let document = parse(r#"{"n": 1, "s": "x", "l": [1], "m": {"k": 1}}"#);
    let of = |key| document.root().get(key).expect(key);
    assert!(of("n").as_str().is_none() && of("n").as_bool().is_none() && of("n").get("k").is_none());
    assert!(of("s").number_text().is_none() && of("s").at(0).is_none() && of("s").is_empty());
    assert!(of("l").get("k").is_none() && of("l").get("0").is_none() && of("l").entries().next().is_none());
    assert!(of("m").at(0).is_none() && of("m").items().next().is_none() && of("m").get("K").is_none());
}

#[test]
fn handles_keep_their_document() {
    let handle = {
        let document = parse(r#"{"a": {"b": "c"}}"#);
        document.root().get("a").expect("a").handle()
    };
    assert_eq!(handle.clone().node().get("b").and_then(Node::as_str), Some("c"));
    assert_eq!(format!("{handle:?}"), r#"{"b":"c"}"#);
}

#[test]
fn the_last_of_duplicate_keys_wins_in_the_place_of_the_first() {
    assert_eq!(written(&parse(r#"{"a": 1, "b": 2, "a": 3, "c": 4, "a": 5}"#)), r#"{"a":5,"b":2,"c":4}"#);
    assert_eq!(written(&parse(r#"{"a": 1, "\u0061": 2}"#)), r#"{"a":2}"#, "keys are equal after unescaping");
    assert_eq!(written(&parse(r#"{"a": [1, {"x": 1}], "a": {"y": 2}}"#)), r#"{"a":{"y":2}}"#);
}

#[test]
fn duplicate_keys_of_large_maps_too() {
    let pairs = |range: std::ops::Range<u32>| range.map(|n| format!("\"key{}\": {n}", n % 40)).collect::<Vec<_>>();
    let document = parse(&format!("{{{}}}", pairs(0..100).join(",")));
    let root = document.root();
    assert_eq!(root.len(), 40);
    assert_eq!(root.entries().next().map(|(key, value)| (key, value.number_text())), Some(("key0", Some("80"))));
    assert_eq!(root.get("key19").and_then(Node::number_text), Some("99"));
    assert_eq!(root.get("key20").and_then(Node::number_text), Some("60"));

    let few = parse(&format!("{{{}}}", vec!["\"a\": 1, \"b\": 2"; 20].join(",")));
    assert_eq!(written(&few), r#"{"a":1,"b":2}"#);
    assert!(few.root().get("b").is_some() && few.root().get("c").is_none());
}

#[test]
fn keys_of_large_maps_are_found_in_any_order() {
    // Common prefixes, shorter and longer than what the index compares first, zero bytes, and not only ASCII.
    let mut keys: Vec<String> = (0..300).map(|n| format!("a_long_common_prefix_{n}")).collect();
    keys.extend(["", "a", "a\0", "a\0b", "abcdefgh", "abcdefghi", "ключ", "ключи"].map(str::to_owned));
    keys.reverse();
    let mut builder = Builder::new();
    builder.begin_map();
    for (position, key) in keys.iter().enumerate() {
        builder.key(key);
        builder.number(&position.to_string());
    }
    builder.end();
    let built = builder.finish();
    for document in [&built, &parse(&written(&built))] {
        assert_eq!(document.root().len(), keys.len());
        for (position, key) in keys.iter().enumerate() {
            let found = document.root().get(key).and_then(Node::number_text);
            assert_eq!(found, Some(position.to_string().as_str()), "{key:?}");
        }
        assert!(document.root().get("a_long_common_prefix_").is_none());
        assert_eq!(document.root().entries().map(|(key, _)| key).collect::<Vec<_>>(), keys);
    }
}

#[test]
fn maps_at_the_border_of_the_index() {
    for count in 14..20 {
        let pairs: Vec<String> = (0..count).map(|n| format!("\"k{n}\":{{\"v\":[{n}]}}")).collect();
        let text = format!("{{{}}}", pairs.join(","));
        let document = parse(&text);
        assert_eq!(written(&document), text);
        for n in 0..count {
            let value = document.root().get(&format!("k{n}")).and_then(|map| map.get("v")).and_then(|list| list.at(0));
            assert_eq!(value.and_then(Node::number_text), Some(n.to_string().as_str()));
        }
        assert!(document.root().get("k99").is_none());
    }
}

#[test]
fn strings_are_written_as_valid_json() {
    let mut out = Vec::new();
    write_string("plain", &mut out);
    write_string("\"\\/\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f} é 🦀 \u{2028}", &mut out);
    let expected = "\"plain\"\"\\\"\\\\/\\n\\r\\t\\b\\f\\u0000\\u001f\u{7f} é 🦀 \u{2028}\"";
    assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
}

#[test]
fn values_of_the_configuration_become_documents_and_come_back() {
    let value = json!({"a": [1, -2, 3.5, "x", true, null, {}], "b": {"c\n": []}, "big": 18446744073709551615_u64});
    let document = Document::from_value(&value);
    assert_eq!(document.root().to_value(), value);
    assert_eq!(written(&document), serde_json::to_string(&value).expect("serializes"));
    assert_eq!(Document::from_text("a\"b").root().as_str(), Some("a\"b"));
    assert_eq!(Document::null().root().kind(), Kind::Null);
    assert_eq!(written(&Document::null()), "null");
}

#[test]
fn numbers_beyond_serde_json_keep_their_text_or_their_magnitude() {
    let document = parse("[12345678901234567890123, 1e999, 100.00, -0]");
    assert_eq!(written(&document), "[12345678901234567890123,1e999,100.00,-0]");
    assert_eq!(document.root().to_value(), json!([1.2345678901234568e22, "1e999", 100.0, -0.0]));
}

#[test]
fn equality_is_that_of_json_values() {
    assert_eq!(parse(r#"{"a": 1, "b": [2]}"#), parse(r#"{"b":[2],"a":1}"#));
    assert_eq!(parse(r#""a\u0062""#), parse(r#""ab""#));
    for (one, other) in
        [("1", "1.0"), ("[1,2]", "[2,1]"), (r#"{"a":1}"#, r#"{"b":1}"#), ("null", "false"), ("[]", "{}")]
    {
        assert_ne!(parse(one), parse(other));
    }
}

#[test]
fn a_builder_closes_what_is_open() {
    let mut builder = Builder::new();
    builder.begin_map();
    builder.key("list");
    builder.begin_list();
    builder.bool(true);
    builder.null();
    builder.end();
    builder.key("open");
    builder.begin_map();
    builder.key("waiting");
    assert_eq!(written(&builder.finish()), r#"{"list":[true,null],"open":{"waiting":null}}"#);
    let mut unmatched = Builder::default();
    unmatched.end();
    unmatched.string("x");
    assert_eq!(written(&unmatched.finish()), "\"x\"");
}
