//! Sources and bodies made to hang or exhaust the process.

use super::support::World;
use crate::expr::EvaluationError;
use proptest::prelude::*;

/// The code of the first mistake.
fn refused(source: &str) -> &'static str {
    match World::with_body("{}").compile(source) {
        Ok(_) => "compiles",
        Err(findings) => findings.first().map_or("says nothing", |finding| finding.code),
    }
}

#[test]
fn sources_out_of_bounds_are_refused() {
    assert_eq!(refused(&"(".repeat(20_000)), "expr-too-large");
    assert_eq!(refused(&"(".repeat(8_000)), "expr-too-large");
    assert_eq!(refused(&format!("{}1{}", "(".repeat(33), ")".repeat(33))), "expr-too-large");
    assert_eq!(refused(&format!("1{}", "+1".repeat(20_000))), "expr-too-large");
    assert_eq!(refused(&format!("1{}", "+1".repeat(700))), "expr-too-large");
    assert_eq!(refused(&format!("body{}", ".a()".repeat(370))), "expr-unknown-function");
    assert_eq!(refused(&"body?1:".repeat(65)), "expr-too-large");
    assert_eq!(refused(&"!-".repeat(700)), "expr-syntax");
    assert_eq!(refused(&format!("{}body.a", "!-".repeat(700))), "expr-too-large");
    assert_eq!(refused(&format!("body{}", "[0]".repeat(490))), "expr-too-large");
    assert_eq!(refused("[1].map(a, [1].map(b, [1].map(c, c)))"), "expr-too-large");
    assert_eq!(refused(&"[".repeat(32)), "expr-syntax");
}

#[test]
fn sources_within_bounds_compile() {
    let chain = format!("1{}", " + 1".repeat(249));
    assert_eq!(refused(&chain), "compiles");
    let nested = format!("{}body.a{}", "(".repeat(32), ")".repeat(32));
    assert_eq!(refused(&nested), "compiles");
    let alternatives = format!("body.a == 1{}", " || body.a == 1".repeat(90));
    assert_eq!(refused(&alternatives), "compiles");
    let choices = format!("{}0", "body.a == 1 ? 1 : ".repeat(60));
    assert_eq!(refused(&choices), "compiles");
}

fn budget(world: &World, source: &str) {
    let outcome = world.run(source).unwrap_or_else(|findings| panic!("{source}: {findings:?}"));
    assert!(matches!(outcome, Err(EvaluationError::Budget(_))), "{source}: {outcome:?}");
}

#[test]
fn evaluations_end_when_their_budget_is_used_up() {
    let text = "a".repeat(64 * 1024);
    let list = vec!["1"; 5_000].join(",");
    let world = World::with_body(&format!(r#"{{"text": "{text}", "list": [{list}]}}"#));
    for source in [
        "body.list.map(x, body.list.map(y, x + y))",
        "body.list.all(x, body.list.all(y, x == y))",
        "body.list.map(x, body.list)  == body.list.map(x, body.list)",
        "body.text.replace('a', body.text)",
        "body.text.replace('', body.text)",
        "body.list.map(x, body.text).join(body.text)",
        "body.list.map(x, body.text + body.text)",
        "body.list.map(x, body.text.replace('a', 'b'))",
        "body.list.all(x, body.text.matches('(a|b)*c|^') == true)",
        "body.list.all(x, body.text.contains('ab') == false)",
        "body.list.map(x, body.text.split('a'))",
        "body.list.map(x, '%s%s%s%s'.format([body.text, body.text, body.text, body.text]))",
        "body.list.map(x, sha256(body.text)).map(x, body.list.map(y, hex(x)))",
        "body.list.map(x, toJson(body))",
        "body.list.map(x, json(toJson(body.text)))",
        "lists.range(100000000)",
        "lists.range(100000).map(x, lists.range(1000 + x))",
        "lists.range(30000).transformMapEntry(i, v, {v: i})",
        "lists.range(20000).map(x, [x]).distinct()",
        "body.list.map(x, size(body.text)).map(x, body.list.exists(y, body.text == ''))",
        "body.list.map(x, escapeXml(body.text))",
        // A budget is not an error that another side absorbs.
        "body.list.all(x, body.list.all(y, x == y)) || true",
        "body.list.exists(x, body.list.exists(y, x != y)) && false",
    ] {
        budget(&world, source);
    }
}

#[test]
fn everyday_work_stays_within_the_budget() {
    let item = r#"{"sku": "A-1", "qty": 2, "price": 10.5, "name": "something to eat"}"#;
    let world = World::with_body(&format!(r#"{{"items": [{}]}}"#, vec![item; 2_000].join(",")));
    for source in [
        "body.items.filter(i, i.qty > 1).map(i, {'sku': i.sku, 'sum': i.price * double(i.qty)})",
        "body.items.map(i, i.name + ' x ' + string(i.qty)).join(', ')",
        "body.items.map(i, i.sku).distinct()",
        "body.items.sortBy(i, i.price).map(i, i.sku)",
        "toJson(body).replace('A-1', 'B-2')",
    ] {
        let outcome = world.run(source).unwrap_or_else(|findings| panic!("{source}: {findings:?}"));
        assert!(outcome.is_ok(), "{source}: {outcome:?}");
    }
}

const WORDS: &str = "(body|text|headers|vars\\.order|answers|item|1|2u|1\\.5|'a'|\"b\"|b'c'|r'\\\\'|\\[|\\]|\\(|\\)|\\{|\\}|\\.|\\?|:|,|\\+|-|\\*|/|%|==|!=|<|in|&&|\\|\\||!|map|filter|all|has|x|optMap|matches|format|split|env|null|true|`a b`|//c\n| |\\$|é)";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_text_compiles_or_is_refused(source in "\\PC{0,80}") {
        let _ = World::with_body("{}").run(&source);
    }

    #[test]
    fn any_words_compile_or_are_refused(words in proptest::collection::vec(WORDS, 0..40)) {
        let source = words.concat();
        let world = World::with_body(r#"{"a": [1, {"b": null}]}"#);
        if let Err(findings) = world.run(&source) {
            prop_assert!(!findings.is_empty());
            for finding in findings {
                let (start, end) = finding.inside.unwrap_or_default();
                prop_assert!(source.get(start..end).is_some(), "{:?}", finding);
            }
        }
    }
}
