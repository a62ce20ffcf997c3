use super::{Built, Transform};
use crate::config::spec::{Ordered, TransformSpec};
use crate::diagnostic::Finding;
use crate::expr::EvaluationError;
use crate::transform::fixture::{compile, mistakes, on};
use serde_json::json;

fn spec(written: serde_json::Value) -> TransformSpec {
    serde_json::from_value(written).expect("a transform")
}

fn compiled(written: serde_json::Value, shared: serde_json::Value) -> Result<Transform, Vec<Finding>> {
    let shared: Ordered<TransformSpec> = serde_json::from_value(shared).expect("transforms");
    compile(|environment, at| Transform::compile(&spec(written), &shared, environment, &at.key("transform")))
}

fn transform(written: serde_json::Value) -> Transform {
    compiled(written, json!({})).expect("compiles")
}

fn build(transform: &Transform, body: &str) -> Result<Built, EvaluationError> {
    on(body, |evaluation| transform.build(evaluation))
}

/// The body as text and its content type.
fn built(transform: &Transform, body: &str) -> (String, Option<String>) {
    let built = build(transform, body).expect("builds");
    (String::from_utf8(built.bytes.to_vec()).expect("UTF-8"), built.content_type)
}

#[test]
fn nothing_written_passes_the_bytes() {
    let transform = transform(json!({"headers": {"x-a": "1"}}));
    let built = build(&transform, "{ \"a\" : 1.0 }").unwrap();
    assert_eq!(&built.bytes[..], b"{ \"a\" : 1.0 }");
    assert!(built.unchanged && built.content_type.is_none());
    assert!(!transform.reads().body);
}

#[test]
fn a_content_type_goes_with_unchanged_bytes_too() {
    let transform = transform(json!({"content_type": "application/vnd.acme+json"}));
    let built = build(&transform, "{}").unwrap();
    assert!(built.unchanged);
    assert_eq!(built.content_type.as_deref(), Some("application/vnd.acme+json"));
}

#[test]
fn bodies_are_json() {
    let transform = transform(json!({"body": {"a": "${body.x}", "b": [1]}}));
    assert_eq!(built(&transform, r#"{"x":1.0}"#), (r#"{"a":1.0,"b":[1]}"#.into(), Some("application/json".into())));
    assert!(!build(&transform, r#"{"x":1}"#).unwrap().unchanged);
    assert!(transform.reads().body);
}

#[test]
fn forms_have_brackets_and_no_nulls() {
    let form = json!({"form": {"a b": "${body.x}", "t": true, "n": "${body.n}", "o": {"items": [{"sku": "A"}, {"sku": "B"}]},
        "?": "${body.?gone}"}});
    let transform = transform(form);
    let (text, content_type) = built(&transform, r#"{"x":"1&2","n":null}"#);
    assert_eq!(content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let expected = [("a b", "1&2"), ("t", "true"), ("o[items][0][sku]", "A"), ("o[items][1][sku]", "B")];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn forms_are_mappings() {
    for form in [json!("a"), json!([1]), json!(1), json!("${body.x} y"), json!({"$each": "${body}", "$value": 1})] {
        assert_eq!(mistakes(compiled(json!({"form": form}), json!({}))), [("form", "/transform/form".to_owned())]);
    }
    let transform = transform(json!({"form": "${body}"}));
    assert_eq!(built(&transform, r#"{"a":1}"#).0, "a=1");
    assert!(matches!(build(&transform, "[1]"), Err(EvaluationError::Wrong(_))));
}

#[test]
fn texts_are_typed_by_their_escape() {
    for (escape, text, content_type) in [
        ("none", "<\">", "text/plain; charset=utf-8"),
        ("xml", "&lt;&quot;&gt;", "application/xml"),
        ("html", "&lt;&quot;&gt;", "text/html; charset=utf-8"),
        ("json", "<\\\">", "application/json"),
    ] {
        let transform = transform(json!({"text": "<a>${body.x}", "escape": escape}));
        assert_eq!(built(&transform, r#"{"x":"<\">"}"#), (format!("<a>{text}"), Some(content_type.to_owned())));
    }
    let transform = transform(json!({"text": "x", "escape": "xml", "content_type": "text/xml; v=${body.v}"}));
    assert_eq!(built(&transform, r#"{"v":2}"#).1.as_deref(), Some("text/xml; v=2"));
}

#[test]
fn a_body_that_is_not_there_is_an_error() {
    for written in [json!({"body": "${body.?x}"}), json!({"text": "${body.?x}"}), json!({"form": "${body.?x}"})] {
        let absent = Err(EvaluationError::Absent { path: "body.?x".to_owned() });
        assert_eq!(build(&transform(written), "{}"), absent);
    }
}

#[test]
fn two_bodies_are_one_too_many() {
    for (written, pointer) in [
        (json!({"body": 1, "form": {}}), "/transform/form"),
        (json!({"body": 1, "text": ""}), "/transform/text"),
        (json!({"form": {}, "text": ""}), "/transform/text"),
    ] {
        assert_eq!(mistakes(compiled(written, json!({}))), [("transform", pointer.to_owned())]);
    }
}

#[test]
fn escape_without_text_is_told() {
    let found = mistakes(compiled(json!({"body": 1, "escape": "xml"}), json!({})));
    assert_eq!(found, [("escape", "/transform/escape".to_owned())]);
}

#[test]
fn what_is_written_here_overrides_what_is_used() {
    let shared = json!({"base": {"body": {"a": 1}, "content_type": "application/vnd.a+json",
        "headers": {"X-A": "1", "x-b": "2"}, "query": {"k": "1", "l": "2"}}});
    let transform = compiled(
        json!({"use": "base", "body": {"b": 2}, "headers": {"x-a": "3", "x-c": null}, "query": {"l": null}}),
        shared.clone(),
    )
    .unwrap();
    assert_eq!(built(&transform, "{}"), (r#"{"b":2}"#.into(), Some("application/vnd.a+json".into())));
    let headers: Vec<_> = transform
        .headers()
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_ref().map(|text| text.constant().unwrap().real())))
        .collect();
    assert_eq!(headers, [("x-a", Some("3")), ("x-b", Some("2")), ("x-c", None)]);
    let query: Vec<_> = transform.query().iter().map(|(name, text)| (name.as_str(), text.is_some())).collect();
    assert_eq!(query, [("k", true), ("l", false)]);
    let transform = compiled(json!({"use": "base"}), shared).unwrap();
    assert_eq!(built(&transform, "{}").0, r#"{"a":1}"#);
}

#[test]
fn another_kind_of_body_drops_what_described_the_first() {
    let shared = json!({"soap": {"text": "<a>${body.x}</a>", "escape": "xml", "content_type": "application/soap+xml"}});
    let as_json = compiled(json!({"use": "soap", "body": {"b": 2}}), shared.clone()).unwrap();
    assert_eq!(built(&as_json, "{}").1.as_deref(), Some("application/json"));
    let as_text = compiled(json!({"use": "soap", "text": "<b>${body.x}</b>"}), shared).unwrap();
    let expected = ("<b>&amp;</b>".to_owned(), Some("application/soap+xml".to_owned()));
    assert_eq!(built(&as_text, r#"{"x":"&"}"#), expected);
}

#[test]
fn shared_transforms_may_use_others() {
    let shared = json!({"a": {"use": "b", "headers": {"x-a": "1"}}, "b": {"use": "c"}, "c": {"body": 1}});
    let transform = compiled(json!({"use": "a"}), shared).unwrap();
    assert_eq!((built(&transform, "{}").0.as_str(), transform.headers().len()), ("1", 1));
    let shared = json!({"a": {"use": "b"}, "b": {"use": "a"}});
    let found = mistakes(compiled(json!({"use": "a"}), shared));
    assert_eq!(found, [("transform-cycle", "/transform/use".to_owned())]);
}

#[test]
fn an_unknown_shared_transform_is_answered_with_what_was_meant() {
    let found = compiled(json!({"use": "iiko-sio"}), json!({"iiko-soi": {}})).err().unwrap();
    assert_eq!((found[0].code, found[0].pointer.as_str()), ("unknown-transform", "/transform/use"));
    assert_eq!(found[0].help.as_deref(), Some("did you mean `iiko-soi`?"));
}

#[test]
fn mistakes_of_a_shared_transform_are_told_where_it_is_used() {
    let shared = json!({"base": {"body": {"a": "${env:GONE}"}}});
    let found = compiled(json!({"use": "base", "headers": {"host": "x"}}), shared).err().unwrap();
    let found: Vec<_> =
        found.iter().map(|finding| (finding.code, finding.pointer.as_str(), finding.message.as_str())).collect();
    assert_eq!(found[0].0, "header-name");
    assert_eq!((found[1].0, found[1].1), ("reference-missing", "/transform/use"));
    assert!(found[1].2.contains("transforms/base/body/a"), "{}", found[1].2);
}

#[test]
fn secrets_are_sent_and_not_shown() {
    for written in [
        json!({"body": {"k": "${env:TOKEN}"}}),
        json!({"form": {"k": "${env:TOKEN}"}}),
        json!({"text": "k=${env:TOKEN}", "content_type": "text/x; ${env:TOKEN}"}),
    ] {
        let transform = transform(written);
        let shown = on("{}", |evaluation| transform.build_shown(evaluation)).unwrap();
        assert!(!format!("{shown:?}").contains("s3cret"), "{shown:?}");
        assert!(built(&transform, "{}").0.contains("s3cret"));
    }
}

#[test]
fn reads_include_headers_and_query() {
    assert!(transform(json!({"headers": {"x-a": "${body.x}"}})).reads().body);
    assert!(transform(json!({"query": {"a": "${text}"}})).reads().text);
    assert!(transform(json!({"text": "", "content_type": "${uuid()}"})).reads().volatile);
}
