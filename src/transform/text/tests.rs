use super::Text;
use crate::expr::{EvaluationError, Value};
use crate::secret::Missing;
use crate::transform::escape::Escape;
use crate::transform::fixture::{compile, compile_with, mistakes, on};

fn text(written: &str) -> Text {
    compile(|environment, at| Text::compile(written, environment, at)).expect(written)
}

/// What is sent and what is shown.
fn both(written: &str, body: &str) -> Result<Option<(String, String)>, EvaluationError> {
    let text = text(written);
    on(body, |evaluation| {
        let rendered = text.rendered(evaluation)?;
        Ok(rendered.map(|rendered| (rendered.real().to_owned(), rendered.shown().to_owned())))
    })
}

fn real(written: &str, body: &str) -> String {
    both(written, body).expect(written).expect("present").0
}

#[test]
fn literals_stay_as_they_are() {
    assert_eq!(real("", "{}"), "");
    assert_eq!(real("plain $ {text}", "{}"), "plain $ {text}");
    assert_eq!(real("$${body.x}", "{}"), "${body.x}");
}

#[test]
fn expressions_are_joined_with_the_text_around_them() {
    let body = r#"{"first":"Алия","last":"Сафина","sum":100.00,"id":12345678901234567890123}"#;
    assert_eq!(real("${body.first} ${body.last}", body), "Алия Сафина");
    assert_eq!(real("№${body.id}: ${body.sum}!", body), "№12345678901234567890123: 100.00!");
    assert_eq!(real("${body.sum}", body), "100.00");
    assert_eq!(real("[${{'a': 1}}]", body), r#"[{"a":1}]"#);
}

#[test]
fn a_whole_expression_keeps_its_type() {
    let text = text("${body.n > 1}");
    on(r#"{"n":2}"#, |evaluation| {
        assert!(matches!(text.value(evaluation), Ok(Value::Bool(true))));
    });
}

#[test]
fn mixed_text_is_a_string() {
    let text = text("n=${body.n}");
    on(r#"{"n":2}"#, |evaluation| {
        let Ok(Value::String(value)) = text.value(evaluation) else { panic!("not a string") };
        assert_eq!(&*value, "n=2");
    });
}

#[test]
fn an_empty_optional_is_nothing_alone_and_an_error_in_text() {
    assert_eq!(both("${body.?x}", "{}"), Ok(None));
    assert_eq!(both("a${body.?x}", "{}"), Err(EvaluationError::Absent { path: "body.?x".to_owned() }));
    assert_eq!(real("a${body.?x.orValue('-')}", "{}"), "a-");
}

#[test]
fn an_absent_key_is_an_error() {
    let absent = EvaluationError::Absent { path: "body.x".to_owned() };
    assert_eq!(both("${body.x}", "{}"), Err(absent.clone()));
    assert_eq!(both("a${body.x}", "{}"), Err(absent));
}

#[test]
fn references_are_sent_and_not_shown() {
    let rendered = both("Bearer ${env:TOKEN}", "{}").unwrap().unwrap();
    assert_eq!(rendered, ("Bearer s3cret&<token>".to_owned(), "Bearer ${env:TOKEN}".to_owned()));
    let rendered = both("${body.x}-${env:TOKEN}-${body.x}", r#"{"x":1}"#).unwrap().unwrap();
    assert_eq!(rendered, ("1-s3cret&<token>-1".to_owned(), "1-${env:TOKEN}-1".to_owned()));
    let rendered = both("${env:GONE:-fallback}", "{}").unwrap().unwrap();
    assert_eq!(rendered, ("fallback".to_owned(), "${env:GONE}".to_owned()));
}

#[test]
fn a_resolved_value_is_never_scanned_again() {
    assert_eq!(real("${env:TRICK}!", r#"{"secret":1}"#), "${body.secret}!");
}

#[test]
fn a_secret_of_an_expression_is_not_shown() {
    let rendered = both("key ${env('TOKEN')}", "{}").unwrap().unwrap();
    assert_eq!(rendered, ("key s3cret&<token>".to_owned(), "key ${env:TOKEN}".to_owned()));
    let rendered = both("${'Bearer ' + env('TOKEN')}", "{}").unwrap().unwrap();
    assert_eq!(rendered, ("Bearer s3cret&<token>".to_owned(), "Bearer ${env:TOKEN}".to_owned()));
    let rendered = both("${json(env('NUMBERS'))[0]}", "{}").unwrap().unwrap();
    assert_eq!(rendered, ("7".to_owned(), "${json(env('NUMBERS'))[0]}".to_owned()));
}

#[test]
fn nothing_secret_is_seen_where_secrets_are_to_be_shown() {
    for (written, shown) in [
        ("Bearer ${env:TOKEN}", "Bearer ${env:TOKEN}"),
        ("${body.x} ${env:TOKEN}", "1 ${env:TOKEN}"),
        ("${'Bearer ' + env('TOKEN')}", "Bearer ${env:TOKEN}"),
    ] {
        let text = text(written);
        on(r#"{"x":1}"#, |evaluation| {
            assert_eq!(text.shown(evaluation).unwrap().as_deref(), Some(shown));
            assert!(!evaluation.shown);
            evaluation.shown = true;
            assert_eq!(text.text(evaluation).unwrap().as_deref(), Some(shown));
            let Ok(Value::String(value)) = text.value(evaluation) else { panic!("not a string") };
            assert_eq!(&*value, shown);
        });
    }
}

#[test]
fn text_with_a_secret_is_a_secret_value() {
    let text = text("Bearer ${env:TOKEN}${body.x}");
    on(r#"{"x":1}"#, |evaluation| {
        let Ok(Value::Secret(secret, shown)) = text.value(evaluation) else { panic!("not a secret") };
        assert_eq!((secret.expose(), &*shown), ("Bearer s3cret&<token>1", "Bearer ${env:TOKEN}1"));
    });
}

#[test]
fn debug_shows_no_secret() {
    let text = text("Bearer ${env:TOKEN}");
    assert_eq!(format!("{:?}", text.constant().unwrap()), "Rendered(\"Bearer ${env:TOKEN}\")");
}

#[test]
fn a_missing_reference_is_told_with_its_place() {
    let written = "$${a} ${env:TOKEN} ${env:GONE}";
    let found = compile(|environment, at| Text::compile(written, environment, &at.key("x"))).err().unwrap();
    let [finding] = &found[..] else { panic!("{found:?}") };
    assert_eq!((finding.code, finding.pointer.as_str()), ("reference-missing", "/x"));
    let (from, to) = finding.inside.unwrap();
    assert_eq!(&written[from..to], "${env:GONE}");
    assert!(finding.help.as_ref().unwrap().contains("set GONE"));
}

#[test]
fn every_mistake_of_a_text_is_told() {
    let found = mistakes(compile(|environment, at| Text::compile("${env:A} ${env:B} ${file:/gone}", environment, at)));
    assert_eq!(found.len(), 3);
}

#[test]
fn without_the_environment_references_stand_for_themselves() {
    let text =
        compile_with(Missing::StandsForItself, |environment, at| Text::compile("a ${env:GONE}", environment, at));
    assert_eq!(text.unwrap().constant().unwrap().real(), "a ${env:GONE}");
}

#[test]
fn escape_is_for_what_is_inserted() {
    let compiled = |written: &str, escape| {
        compile(|environment, at| Text::compile_escaped(written, escape, environment, at)).unwrap()
    };
    let body = r#"{"x":"<&\">"}"#;
    let xml = compiled("<a b=\"${body.x}\">${env:TOKEN}</a>", Escape::Xml);
    let rendered = on(body, |evaluation| xml.rendered(evaluation)).unwrap().unwrap();
    assert_eq!(rendered.real(), "<a b=\"&lt;&amp;&quot;&gt;\">s3cret&amp;&lt;token&gt;</a>");
    assert_eq!(rendered.shown(), "<a b=\"&lt;&amp;&quot;&gt;\">${env:TOKEN}</a>");
    let whole = compiled("${body.x}", Escape::Json);
    assert_eq!(on(body, |evaluation| whole.text(evaluation)).unwrap().unwrap(), "<&\\\">");
}

#[test]
fn reads_are_those_of_all_expressions() {
    assert_eq!(text("a ${env:TOKEN}").reads(), Default::default());
    let reads = text("${body.x} ${now()}").reads();
    assert!(reads.body && reads.volatile && !reads.text);
    assert!(text("${text}").reads().text);
}

#[test]
fn output_is_bounded() {
    let text = text("${body.x}${body.x}${body.x}${body.x}${body.x}");
    let body = format!("{{\"x\":\"{}\"}}", "y".repeat(4 << 20));
    assert!(matches!(on(&body, |evaluation| text.text(evaluation)), Err(EvaluationError::Budget(_))));
}
