use super::{compile_headers, compile_query, header_value};
use crate::config::spec::Ordered;
use crate::expr::EvaluationError;
use crate::transform::fixture::{compile, mistakes, on};
use proptest::prelude::*;

fn written(entries: &[(&str, Option<&str>)]) -> Ordered<Option<String>> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect()
}

fn header_mistakes(entries: &[(&str, Option<&str>)]) -> Vec<(&'static str, String)> {
    mistakes(compile(|environment, at| compile_headers(&written(entries), environment, &at.key("headers"))))
}

#[test]
fn headers_keep_their_order_and_null_removes() {
    let entries = written(&[("X-Order", Some("${body.id}")), ("x-a", None), ("x-b", Some("b"))]);
    let headers = compile(|environment, at| compile_headers(&entries, environment, at)).unwrap();
    let names: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.is_some())).collect();
    assert_eq!(names, [("x-order", true), ("x-a", false), ("x-b", true)]);
    let value = on(r#"{"id":7}"#, |evaluation| headers[0].1.as_ref().unwrap().text(evaluation));
    assert_eq!(value.unwrap().as_deref(), Some("7"));
}

#[test]
fn names_that_are_not_the_configurations_are_refused() {
    for name in ["Host", "content-length", "Transfer-Encoding", "connection", "keep-alive", "te", "trailer", "upgrade"]
    {
        assert_eq!(header_mistakes(&[(name, Some("x"))]), [("header-name", format!("/headers/{name}"))]);
        assert_eq!(header_mistakes(&[(name, None)]).len(), 1, "{name}");
    }
    for name in ["", "a b", "ü", "a:b", "${body.x}"] {
        assert_eq!(header_mistakes(&[(name, Some("x"))]).len(), 1, "{name}");
    }
    assert_eq!(
        header_mistakes(&[("X-A", Some("1")), ("x-a", Some("2"))]),
        [("header-name", "/headers/x-a".to_owned())]
    );
}

#[test]
fn every_mistake_is_told() {
    let found = header_mistakes(&[("host", Some("x")), ("x-a", Some("${env:GONE}")), ("x-b", Some("${env:LINE}"))]);
    let codes: Vec<_> = found.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, ["header-name", "reference-missing", "header-value"]);
}

#[test]
fn values_hold_no_line_break() {
    for value in ["a\rb", "a\nb", "a\0b", "a\u{7f}b", "\n"] {
        assert!(matches!(header_value(value), Err(EvaluationError::Wrong(_))), "{value:?}");
    }
    for value in ["", "a\tb", "plain", "Алия"] {
        assert_eq!(header_value(value).unwrap().as_bytes(), value.as_bytes());
    }
}

#[test]
fn parameters_have_literal_names() {
    let entries = written(&[("account", Some("${params.account}")), ("drop", None)]);
    let query = compile(|environment, at| compile_query(&entries, environment, at)).unwrap();
    assert_eq!(query[0].0, "account");
    assert!(query[1].1.is_none());
    let entries = written(&[("${body.x}", Some("1"))]);
    assert_eq!(mistakes(compile(|environment, at| compile_query(&entries, environment, at))).len(), 1);
}

proptest! {
    #[test]
    fn no_value_leaves_its_header(value in any::<String>()) {
        match header_value(&value) {
            Ok(header) => prop_assert!(!header.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))),
            Err(_) => prop_assert!(value.chars().any(|char| char.is_ascii_control())),
        }
    }
}
