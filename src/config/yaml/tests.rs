use super::*;
use proptest::prelude::*;
use std::path::Path;

fn one(text: &str) -> Node {
    let parsed = parse(text);
    assert_eq!(parsed.problems, [], "{text}");
    parsed.documents.into_iter().next().unwrap()
}

fn place(node: &Node, pointer: &str) -> (u32, u32) {
    let span = node.find(pointer).unwrap().0.span;
    (span.line, span.column)
}

fn problem(text: &str) -> Problem {
    let mut problems = parse(text).problems;
    assert_eq!(problems.len(), 1, "{text}: {problems:?}");
    problems.remove(0)
}

#[test]
fn every_key_and_value_knows_its_place() {
    let node = one("é: {a: 1}\nlist:\n  - x\n  - 'y'\nfold: >-\n  one\n  two\n");
    assert_eq!(place(&node, "/é/a"), (1, 8));
    assert_eq!(place(&node, "/list/1"), (4, 5));
    assert_eq!(place(&node, "/fold"), (6, 3));
    let entry = node.find("/list").unwrap().1.unwrap();
    assert_eq!((entry.key_span.line, entry.key_span.column, entry.key_span.start), (2, 1, 11));
    assert!(node.find("/list/7").is_none());
    assert!(node.find("/fold/x").is_none());
}

#[test]
fn pointers_are_unescaped() {
    let node = one("a/b: {c~d: 1}\n");
    assert_eq!(place(&node, "/a~1b/c~0d"), (1, 12));
}

#[test]
fn aliases_and_merge_keys_keep_the_place_of_what_they_bring() {
    let node = one("base: &b {x: 1, y: 2}\nuse: *b\nmerged:\n  <<: *b\n  x: 3\n");
    assert_eq!(place(&node, "/use/y"), (1, 20));
    assert_eq!(place(&node, "/merged/y"), (1, 20));
    assert_eq!(node.find("/merged/y").unwrap().0.used.map(|span| span.line), Some(4));
    assert_eq!(node.to_value()["merged"], serde_json::json!({"x": 3, "y": 2}));
}

#[test]
fn booleans_and_numbers_are_those_of_yaml_1_2() {
    let node = one("[yes, no, on, off, y, n, 0755, 1_000, .inf, 1e999, true, False, 0x1f, 1e3, -5, ~, '7']\n");
    let expected = serde_json::json!([
        "yes", "no", "on", "off", "y", "n", "0755", "1_000", ".inf", ".inf", true, false, 31, 1000.0, -5, null, "7"
    ]);
    assert_eq!(node.to_value(), expected);
}

#[test]
fn numbers_keep_their_text() {
    let node = one("[100.00, 0x1F, 12345678901234567890]\n");
    let Kind::List(items) = &node.kind else { panic!() };
    let texts: Vec<_> =
        items.iter().map(|item| if let Kind::Number(_, text) = &item.kind { text } else { "" }).collect();
    assert_eq!(texts, ["100.00", "0x1F", "12345678901234567890"]);
}

#[test]
fn a_number_that_loses_digits_is_a_warning() {
    let problem = problem("id: 12345678901234567890123\n");
    assert_eq!((problem.code, problem.is_warning), ("yaml-number", true));
    assert_eq!(problem.help.as_deref(), Some("quote it: '12345678901234567890123'"));
    assert_eq!(parse("[18446744073709551615, 1e30, 0.1, -9223372036854775808]").problems, []);
}

#[test]
fn a_file_of_mistakes_alone_is_read_in_bounded_time() {
    let text: String = (0..20_000).map(|n| format!("b: {n}\n")).collect();
    assert_eq!(parse(&text).problems.len(), 100);
}

#[test]
fn documents_are_separated_and_empty_ones_left_out() {
    let parsed = parse("a: 1\n---\n# nothing\n---\nb: 2\n...\n");
    assert_eq!(parsed.documents.len(), 2);
    assert_eq!(place(&parsed.documents[1], "/b"), (5, 4));
    assert!(parse("").documents.is_empty());
    assert!(parse("# just a comment\n").documents.is_empty());
}

#[test]
fn every_duplicate_key_is_found() {
    let parsed = parse("a: 1\nb: {x: 1, x: 2}\na: 2\na: 3\n");
    let places: Vec<_> = parsed.problems.iter().map(|problem| (problem.span.line, problem.span.column)).collect();
    assert_eq!(places, [(2, 11), (3, 1), (4, 1)]);
    assert!(parsed.problems.iter().all(|problem| problem.code == "yaml-duplicate-key"));
    assert_eq!(parsed.problems[2].related.as_ref().map(|(span, _)| span.line), Some(1));
    assert_eq!(parsed.documents.len(), 1, "the rest of the document is checked all the same");
}

#[test]
fn a_bomb_is_refused_quickly() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..10 {
        let items = vec![format!("*a{}", level - 1); 9].join(",");
        text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    let problem = problem(&text);
    assert_eq!((problem.code, problem.is_warning), ("yaml-limit", false));
    assert!(problem.span.line > 1);
}

#[test]
fn a_file_of_ten_thousand_routes_is_no_bomb() {
    let route = "name: r\nmatch: {path: /x}\nverify: none\nbody: {accept: [any]}\ntargets: [{name: t, url: u}]\n---\n";
    let parsed = parse(&route.repeat(10_000));
    assert_eq!((parsed.documents.len(), parsed.problems.len()), (10_000, 0));
}

#[test]
fn depth_is_bounded() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000), "? ".repeat(100_000)] {
        assert!(!problem(&text).is_warning);
    }
    let deep = (0..300).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>();
    assert_eq!(problem(&deep).code, "yaml-limit");
}

#[test]
fn what_yaml_eats_gets_its_own_help() {
    for (text, help) in [
        ("id: {id: ${a}}", "quote it: '${a}'"),
        ("list: [x, Order ${a.b[0]}, y]", "quote it: 'Order ${a.b[0]}'"),
        ("- {a: 'x', b: ${f(x, y)}}", "quote it: '${f(x, y)}'"),
        ("when: \"x\" in y", "quote it: '\"x\" in y'"),
        ("- when: 'x' in y", "quote it: '''x'' in y'"),
        ("host: *.example.com", "quote it: '*.example.com'"),
        ("when: !body.paid", "quote it: '!body.paid'"),
        ("to: @team", "quote it: '@team'"),
        ("to: `x`", "quote it: '`x`'"),
        ("when: a ? b : c", "quote it: 'a ? b : c'; a `: ` starts a mapping otherwise"),
        ("x: ${ {\"a\": 1} }", "quote it: '${ {\"a\": 1} }'; a `: ` starts a mapping otherwise"),
        ("m: {when: a ? b : c, x: y}", "quote it: 'a ? b : c'"),
        ("m: {when: \"x\" in y, x: y}", "quote it: '\"x\" in y'"),
        ("m: {when: !body.paid, x: y}", "quote it: '!body.paid'"),
        ("é: {ü: [a, *.example.com, b]}", "quote it: '*.example.com'"),
        ("a: {{ x }}", "quote it: '{{ x }}'"),
        ("when: \"a\" == b &&\n  c", "write `>-` behind the key, and the whole value on the lines below it"),
        ("a: {x: b #${c}}\nd: e", "line 1: `#${c}}` is a comment there; quote the whole value"),
        ("a:\n\tb: 1", "indent with spaces: YAML allows no tabs there"),
    ] {
        let problem = problem(text);
        assert_eq!(problem.help.as_deref(), Some(help), "{text}: {problem:?}");
        assert!(!problem.is_warning);
    }
}

#[test]
fn a_value_that_a_comment_cut_short_is_a_warning() {
    for (text, help) in [
        ("t: Order #${id}", "quote it: 'Order #${id}'"),
        ("t: Order #5 is here", "quote it: 'Order #5 is here'"),
        ("when: f(a #b)", "quote it: 'f(a #b)'"),
        ("- 5 #{x}\n", "quote it: '5 #{x}'"),
    ] {
        let problem = problem(text);
        assert_eq!((problem.code, problem.is_warning, problem.help.as_deref()), ("yaml-comment", true, Some(help)));
    }
    for text in ["t: x # a comment", "t: x #comment", "t: '#${x}' # ${y}", "t: x # as ${env:Y}", "t: |\n  x #${y}\n"] {
        assert_eq!(parse(text).problems, [], "{text}");
    }
}

#[test]
fn bytes_inside_a_scalar_are_found_in_the_file() {
    for text in [
        "v: abc ${x} def",
        "v: 'it''s ${x} def'",
        "v: \"tab\\t\\u00e9 ${x} def\"",
        "é: é ${x} def",
        "v: >-\n  abc\n  ${x}\n  def",
        "v: |\n    abc\n      ${x}\n    def\n",
        "v: >\n  abc\n\n  ${x} def\n",
        "v: abc\n  ${x}\n  def",
        "v: \"abc \\\n   ${x}\n\n\n   def\"",
        "v: 'abc\n\n   ${x}'",
        "l:\n- a: |-\n    one\n    two ${x}\n",
        "v: abc\r\n  ${x}\r\n",
    ] {
        let node = one(text);
        let mut found = 0;
        node.walk(&mut |node| {
            let Kind::String(value) = &node.kind else { return };
            let at = value.find("${x}").unwrap();
            let range = source_range(text, node.span, value, (at, at + 4));
            assert_eq!(range, text.find("${x}").map(|start| (start, start + 4)), "{text:?}");
            found += 1;
        });
        assert_eq!(found, 1);
    }
}

#[test]
fn a_range_past_the_end_or_of_nothing_is_no_panic() {
    let node = one("v: abc");
    let span = node.find("/v").unwrap().0.span;
    assert_eq!(source_range("v: abc", span, "abc", (3, 3)), Some((6, 6)));
    assert_eq!(source_range("v: abc", span, "abc", (1, 99)), Some((4, 6)));
    assert_eq!(source_range("v: abc", span, "xyz", (1, 2)), None);
}

/// Texts of the suite that are refused or taken against its verdict, each with the reason.
const DEVIATIONS: &[(&str, &str)] = &[(
    "9C9N#0",
    "lines of `[…]` and `{…}` may be indented no deeper than their key: people close brackets there, and parsers agree",
)];

#[test]
fn the_yaml_test_suite_never_panics_and_its_invalid_texts_are_refused() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora/yaml/yaml-test-suite.json");
    let Ok(suite) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let suite: serde_json::Value = serde_json::from_str(&suite).unwrap();
    let mut wrong = Vec::new();
    for case in suite["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        // The suite writes a tab as dashes and a tab, so that it can be seen.
        let text = case["yaml"].as_str().unwrap().replace('—', "");
        let parsed = parse(&text);
        let refused = !parsed.problems.iter().all(|problem| problem.is_warning);
        let expected = DEVIATIONS.iter().any(|(deviation, _)| *deviation == id);
        if case["fail"] == true && refused == expected {
            wrong.push(format!("{id}: refused {refused}: {}", case["yaml"]));
        }
        if case["fail"] == false
            && !refused
            && values_of(case).is_some_and(|values| values != shown(&parsed)) != expected
        {
            wrong.push(format!("{id}: {:?} is not {}", shown(&parsed), case["json"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn values_of(case: &serde_json::Value) -> Option<Vec<serde_json::Value>> {
    let values = serde_json::Deserializer::from_str(case["json"].as_str()?).into_iter();
    // Empty documents are left out by us.
    Some(
        values
            .collect::<Result<Vec<serde_json::Value>, _>>()
            .ok()?
            .into_iter()
            .filter(|value| !value.is_null())
            .collect(),
    )
}

fn shown(parsed: &Parsed) -> Vec<serde_json::Value> {
    parsed.documents.iter().map(Node::to_value).collect()
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        parse(&text);
    }

    #[test]
    fn no_yaml_like_text_makes_it_panic(text in "([a-c]: |- |\\{|\\}|\\[|\\]|\n|  |\"|'|#|&a |\\*a|<<: |\\$\\{|!|\\||>|,|\t|é|---\n|[0-9]){0,40}") {
        let parsed = parse(&text);
        for document in &parsed.documents {
            document.walk(&mut |node| {
                prop_assert_in_text(node, &text);
                if let Kind::String(value) = &node.kind {
                    source_range(&text, node.span, value, (0, value.len()));
                }
            });
        }
    }
}

fn prop_assert_in_text(node: &Node, text: &str) {
    assert!(text.get(node.span.start..node.span.end).is_some(), "{node:?} in {text:?}");
}
