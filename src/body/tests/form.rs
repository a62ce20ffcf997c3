use super::*;
use crate::body::{parse_form, write_form};
use proptest::prelude::*;

fn form(text: impl AsRef<[u8]>) -> Value {
    parse_form(text.as_ref()).unwrap_or_else(|error| panic!("{error}")).root().to_value()
}

fn written(value: &Value) -> String {
    let mut out = Vec::new();
    write_form(Document::from_value(value).root(), &mut out);
    String::from_utf8(out).expect("a form is ASCII")
}

#[test]
fn fields_as_senders_write_them() {
    for (text, expected) in [
        ("", json!({})),
        ("&&", json!({})),
        ("a=1&b=", json!({"a": "1", "b": ""})),
        ("a", json!({"a": ""})),
        ("=x", json!({"": "x"})),
        ("a=b=c", json!({"a": "b=c"})),
        ("a+b=c+d%2B%26%3D", json!({"a b": "c d+&="})),
        ("a=%D0%BF%D1%80&b=пр", json!({"a": "пр", "b": "пр"})),
        ("a=%&b=%4&c=%zz", json!({"a": "%", "b": "%4", "c": "%zz"})),
        ("0=a&1=b", json!({"0": "a", "1": "b"})),
    ] {
        assert_eq!(form(text), expected, "{text}");
    }
}

#[test]
fn brackets_nest() {
    for (text, expected) in [
        (
            "order[items][0][sku]=A&order[items][1][sku]=B&order[id]=7",
            json!({"order": {"items": [{"sku": "A"}, {"sku": "B"}], "id": "7"}}),
        ),
        ("order%5Bitems%5D%5B0%5D%5Bsku%5D=A", json!({"order": {"items": [{"sku": "A"}]}})),
        ("a[]=1&a[]=2", json!({"a": ["1", "2"]})),
        ("a[]=1", json!({"a": ["1"]})),
        ("a[][x]=1&a[][x]=2", json!({"a": [{"x": "1"}, {"x": "2"}]})),
        ("a[1]=y&a[0]=x", json!({"a": ["x", "y"]})),
        ("a[1]=y&a[2]=z", json!({"a": {"1": "y", "2": "z"}})),
        ("a[0]=x&a[2]=z", json!({"a": {"0": "x", "2": "z"}})),
        ("a[5]=x&a[]=y", json!({"a": {"5": "x", "6": "y"}})),
        ("a[00]=x", json!({"a": {"00": "x"}})),
        ("a[-1]=x&a[+0]=y", json!({"a": {"-1": "x", " 0": "y"}})),
        ("a[0]=x&a[b]=y", json!({"a": {"0": "x", "b": "y"}})),
        ("a[4294967295]=x&a[]=y", json!({"a": {"4294967295": "x", "0": "y"}})),
    ] {
        assert_eq!(form(text), expected, "{text}");
    }
}

#[test]
fn whatever_repeats_is_a_list_and_nothing_is_lost() {
    for (text, expected) in [
        ("a=1&a=2&a=3", json!({"a": ["1", "2", "3"]})),
        ("a=1&a[]=2", json!({"a": ["1", "2"]})),
        ("a[]=1&a=2", json!({"a": ["1", "2"]})),
        ("a=1&a[b]=2", json!({"a": {"0": "1", "b": "2"}})),
        ("a[b]=2&a=1", json!({"a": {"b": "2", "0": "1"}})),
        ("a[b]=1&a[b]=2", json!({"a": {"b": ["1", "2"]}})),
        ("a[0]=1&a[0]=2", json!({"a": [["1", "2"]]})),
        ("a[b]=1&a[b][c]=2", json!({"a": {"b": {"0": "1", "c": "2"}}})),
    ] {
        assert_eq!(form(text), expected, "{text}");
    }
}

#[test]
fn brackets_that_do_not_fit_are_part_of_a_plain_key() {
    for name in ["a[b", "a]b", "[a]", "[]", "a[b]c", "a[b]c[d]", "a[b]]"] {
        assert_eq!(form(format!("{name}=1")), json!({ name: "1" }));
    }
    assert_eq!(form("a[b[c]=1"), json!({"a": {"b[c": "1"}}), "as PHP reads it");
}

#[test]
fn forms_are_bounded() {
    let malformed = |text: String| matches!(parse_form(text.as_bytes()), Err(BodyError::Malformed(_)));
    assert_eq!(form("a&".repeat(10_000))["a"].as_array().map(Vec::len), Some(10_000));
    assert!(malformed("a&".repeat(10_001)));
    assert!(!malformed(format!("a{}=1", "[b]".repeat(32))));
    assert!(malformed(format!("a{}=1", "[b]".repeat(33))));
    assert!(!malformed(format!("a{}=1", "[".repeat(100_000))), "no bracket fits: it is a plain key");
    assert!(malformed(format!("a{}=1&", "[]".repeat(32)).repeat(1000)), "a small text, and 32,000 lists");
}

#[test]
fn invalid_text_is_malformed() {
    for text in [&b"a=%ff"[..], b"%ff=a", b"a=\xff", b"\xc3=\xa9", b"a=+%ff"] {
        assert!(matches!(parse_form(text), Err(BodyError::Malformed(_))), "{text:?}");
    }
}

#[test]
fn maps_are_written_as_php_does() {
    let value = json!({
        "order": {"items": [{"sku": "A b", "qty": 2}, {"sku": "é&="}], "paid": true, "sum": 100.5},
        "nothing": null, "none": [], "empty": {}, "": "x", "list": [["1"], false],
    });
    let expected = "order%5Bitems%5D%5B0%5D%5Bsku%5D=A+b&order%5Bitems%5D%5B0%5D%5Bqty%5D=2\
                    &order%5Bitems%5D%5B1%5D%5Bsku%5D=%C3%A9%26%3D&order%5Bpaid%5D=true&order%5Bsum%5D=100.5\
                    &=x&list%5B0%5D%5B0%5D=1&list%5B1%5D=false";
    assert_eq!(written(&value), expected);
    assert_eq!(written(&json!(["a", {"b": "c"}])), "0=a&1%5Bb%5D=c");
    assert_eq!(written(&json!("scalar")), "");
    assert_eq!(
        written(&json!({"": {"a": "1"}, "a": "2"})),
        "%5Ba%5D=1&a=2",
        "what has no name does not take another's"
    );
    let long: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    assert_eq!(form(written(&json!({ "a": long }))), json!({ "a": long }), "in order of number, not of text");
    let mut after = b"x".to_vec();
    write_form(Document::from_value(&json!({"a": 1})).root(), &mut after);
    assert_eq!(after, b"xa=1", "appends");
}

#[test]
fn numbers_keep_their_text() {
    let document =
        Document::parse(Bytes::from_static(b"{\"sum\":100.00,\"id\":12345678901234567890123}")).expect("JSON");
    let mut out = Vec::new();
    write_form(document.root(), &mut out);
    assert_eq!(out, b"sum=100.00&id=12345678901234567890123");
}

/// What a form can carry: strings in non-empty lists and maps, no brackets in keys, no map that looks like a list.
fn carried() -> impl Strategy<Value = Value> {
    let leaf = any::<String>().prop_map(Value::from);
    let tree = leaf.prop_recursive(4, 60, 6, |inner| {
        prop_oneof![proptest::collection::vec(inner.clone(), 1..6).prop_map(Value::from), map(inner, 1),]
    });
    map(tree, 0)
}

fn map(inner: impl Strategy<Value = Value>, least: usize) -> impl Strategy<Value = Value> {
    let key = "[a-zé&=+% ][a-z0-9&=+% \"]{0,6}";
    proptest::collection::vec((key, inner), least..6).prop_map(|entries| Value::Object(entries.into_iter().collect()))
}

proptest! {
    #[test]
    fn any_bytes_are_survived(text in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = parse_form(&text);
    }

    #[test]
    fn any_brackets_are_survived_and_every_field_is_kept(text in "([ab01]?(\\[[ab01]?\\]){0,3}[\\[\\]]?=v&){0,12}") {
        let read = form(&text);
        let sent = text.matches("=v").count();
        prop_assert_eq!(read.to_string().matches("\"v\"").count(), sent, "{}", read);
    }

    #[test]
    fn what_is_written_is_read_back(value in carried()) {
        prop_assert_eq!(form(written(&value)), value);
    }
}
