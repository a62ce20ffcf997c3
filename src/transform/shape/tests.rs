use super::Shape;
use crate::diagnostic::Finding;
use crate::expr::{EvaluationError, Value};
use crate::transform::fixture::{compile, mistakes, on};
use proptest::prelude::*;
use serde_json::{Value as Written, json};

fn compiled(written: &Written) -> Result<Shape, Vec<Finding>> {
    compile(|environment, at| Shape::compile(written, environment, &at.key("body")))
}

fn shape(written: &Written) -> Shape {
    compiled(written).expect("compiles")
}

fn render(written: &Written, body: &str) -> Result<String, EvaluationError> {
    let shape = shape(written);
    let mut out = Vec::new();
    on(body, |evaluation| shape.write_json(evaluation, &mut out))?;
    Ok(String::from_utf8(out).expect("UTF-8"))
}

/// Rendered twice: as JSON, and as a value that is then written as JSON. Both must be the same.
fn json_of(written: &Written, body: &str) -> String {
    let direct = render(written, body).expect("renders");
    let shape = shape(written);
    let value = on(body, |evaluation| shape.value(evaluation)).expect("has a value").present().expect("is there");
    let mut out = Vec::new();
    value.write_json(&mut out).expect("is JSON");
    assert_eq!(String::from_utf8(out).expect("UTF-8"), direct, "as a value");
    serde_json::from_str::<Written>(&direct).expect("valid JSON");
    direct
}

fn shape_mistakes(written: Written) -> Vec<(&'static str, String)> {
    mistakes(compiled(&written))
}

#[test]
fn constants_stay_as_they_are() {
    for text in [
        "null",
        "true",
        "-12",
        "18446744073709551615",
        "1.5",
        "\"\"",
        r#""a\"b\\c\nd""#,
        "[]",
        "{}",
        r#"[[],{},[1,"a",null]]"#,
        r#"{"b":1,"a":{"c":[true,false]}}"#,
    ] {
        assert_eq!(json_of(&serde_json::from_str(text).unwrap(), "{}"), text);
    }
    assert_eq!(json_of(&json!({"a": "$${x}"}), "{}"), r#"{"a":"${x}"}"#);
}

#[test]
fn leaves_keep_their_type_and_their_own_text() {
    let body = r#"{"n":100.00,"big":12345678901234567890123,"s":"a\"b","t":true,"z":null,"l":[1,{"k":1e2}]}"#;
    let written = json!({"n": "${body.n}", "big": "${body.big}", "s": "${body.s}", "t": "${body.t}", "z": "${body.z}",
        "l": "${body.l}", "m": "${body.n}!", "sum": "${1 + 1}"});
    let expected = r#"{"n":100.00,"big":12345678901234567890123,"s":"a\"b","t":true,"z":null,"l":[1,{"k":1e2}],"m":"100.00!","sum":2}"#;
    assert_eq!(json_of(&written, body), expected);
}

#[test]
fn the_whole_may_be_one_expression() {
    assert_eq!(json_of(&json!("${body}"), r#"{"a":[1]}"#), r#"{"a":[1]}"#);
    assert_eq!(json_of(&json!("${body.a} and ${body.a}"), r#"{"a":1}"#), r#""1 and 1""#);
    let absent = Err(EvaluationError::Absent { path: "body.?x".to_owned() });
    assert_eq!(render(&json!("${body.?x}"), "{}"), absent);
    let empty = shape(&json!("${body.?x}"));
    assert!(matches!(on("{}", |evaluation| empty.value(evaluation)), Ok(Value::Optional(None))));
}

/// Every combination of present and absent, in a map and in a list: the commas are right, and the rest stays.
#[test]
fn empty_optionals_drop_their_key_or_element() {
    let names = ["a", "b", "c", "d"];
    for present in 0..16u8 {
        let is_present = |index: usize| present & (1 << index) != 0;
        let body: serde_json::Map<_, _> = names
            .iter()
            .enumerate()
            .filter(|(index, _)| is_present(*index))
            .map(|(_, name)| ((*name).into(), json!(1)))
            .collect();
        let body = Written::Object(body).to_string();
        for constants in 0..32u8 {
            let mut map = serde_json::Map::new();
            let mut list = Vec::new();
            let (mut expected_map, mut expected_list) = (serde_json::Map::new(), Vec::new());
            for place in 0..=names.len() {
                if constants & (1 << place) != 0 {
                    map.insert(format!("k{place}"), json!({"x": []}));
                    list.push(json!("k"));
                    expected_map.insert(format!("k{place}"), json!({"x": []}));
                    expected_list.push(json!("k"));
                }
                let Some(name) = names.get(place) else { continue };
                map.insert((*name).to_owned(), json!(format!("${{body.?{name}}}")));
                list.push(json!(format!("${{body.?{name}}}")));
                if is_present(place) {
                    expected_map.insert((*name).to_owned(), json!(1));
                    expected_list.push(json!(1));
                }
            }
            let written = json!({"m": map, "l": list});
            let expected = json!({"m": expected_map, "l": expected_list});
            assert_eq!(json_of(&written, &body), expected.to_string());
        }
    }
}

#[test]
fn a_mapping_whose_keys_are_all_dropped_stays() {
    let written = json!({"a": {"b": {"c": "${body.?x}"}}, "d": ["${body.?x}"], "e": "${body.?x}", "f": 1});
    assert_eq!(json_of(&written, "{}"), r#"{"a":{"b":{}},"d":[],"f":1}"#);
}

#[test]
fn an_absent_key_is_an_error() {
    let absent = EvaluationError::Absent { path: "body.x".to_owned() };
    assert_eq!(render(&json!({"a": "${body.x}"}), "{}"), Err(absent.clone()));
    let shape = shape(&json!({"a": "${body.x}"}));
    assert_eq!(on("{}", |evaluation| shape.value(evaluation)).err(), Some(absent));
}

#[test]
fn references_are_constants_that_are_not_shown() {
    let written = json!({"token": "${env:TOKEN}", "mixed": "a${env:TOKEN}${body.x}", "cel": "${env('TOKEN')}"});
    let rendered = render(&written, r#"{"x":1}"#).unwrap();
    assert_eq!(rendered, r#"{"token":"s3cret&<token>","mixed":"as3cret&<token>1","cel":"s3cret&<token>"}"#);
    let shape = shape(&written);
    let mut out = Vec::new();
    on(r#"{"x":1}"#, |evaluation| {
        evaluation.shown = true;
        shape.write_json(evaluation, &mut out)
    })
    .unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(shown.starts_with(r#"{"token":"${env:TOKEN}","mixed":"a${env:TOKEN}1","#), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
    let Ok(Value::Map(entries)) = on(r#"{"x":1}"#, |evaluation| shape.value(evaluation)) else { panic!("not a map") };
    assert!(entries.iter().all(|(_, value)| matches!(value, Value::Secret(..))));
}

#[test]
fn each_makes_a_list_from_a_list() {
    let body = r#"{"items":[{"sku":"A","qty":2},{"sku":"B","qty":0},{"sku":"C","qty":1}],"f":9}"#;
    let each = |rest: Written| {
        let mut each = json!({"$each": "${body.items}"});
        each.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json_of(&json!({"l": each, "end": 1}), body)
    };
    assert_eq!(each(json!({"$value": "${item.sku}"})), r#"{"l":["A","B","C"],"end":1}"#);
    assert_eq!(
        each(
            json!({"$as": "line", "$if": "line.qty > 0", "$value": {"p": "${line.sku}", "i": "${index}", "f": "${body.f}"}})
        ),
        r#"{"l":[{"p":"A","i":0,"f":9},{"p":"C","i":2,"f":9}],"end":1}"#
    );
    assert_eq!(each(json!({"$if": "${item.qty > 5}", "$value": 1})), r#"{"l":[],"end":1}"#);
    assert_eq!(each(json!({"$if": "item.gone > 0", "$value": 1})), r#"{"l":[],"end":1}"#);
    assert_eq!(each(json!({"$value": "${item.?gone}"})), r#"{"l":[],"end":1}"#);
    assert_eq!(
        each(json!({"$value": {"a": "${item.?gone}", "b": "x"}})),
        r#"{"l":[{"b":"x"},{"b":"x"},{"b":"x"}],"end":1}"#
    );
    assert_eq!(
        each(json!({"$value": "${item.qty > 0 ? optional.of(item.sku) : optional.none()}"})),
        r#"{"l":["A","C"],"end":1}"#
    );
}

#[test]
fn each_goes_over_any_list() {
    let written = |list: &str| json!({"$each": list, "$value": "${item}"});
    assert_eq!(json_of(&written("${[1, 2].map(x, x * 2)}"), "{}"), "[2,4]");
    assert_eq!(json_of(&written("${body.?items}"), r#"{"items":["a"]}"#), r#"["a"]"#);
    assert_eq!(json_of(&written("${body}"), r#"[1,[2]]"#), "[1,[2]]");
    assert_eq!(json_of(&written("${body}"), "[]"), "[]");
}

#[test]
fn each_over_an_empty_optional_drops_its_key() {
    let each = json!({"$each": "${body.?items}", "$value": "${item}"});
    assert_eq!(json_of(&json!({"a": 1, "l": each}), "{}"), r#"{"a":1}"#);
    let each = json!({"$each": "${body.?items.orValue([])}", "$value": "${item}"});
    assert_eq!(json_of(&json!({"a": 1, "l": each}), "{}"), r#"{"a":1,"l":[]}"#);
}

#[test]
fn each_over_anything_else_is_wrong() {
    let written = json!({"$each": "${body.x}", "$value": 1});
    for (body, kind) in
        [(r#"{"x":{}}"#, "map"), (r#"{"x":"abc"}"#, "string"), (r#"{"x":null}"#, "null"), (r#"{"x":1}"#, "")]
    {
        let Err(EvaluationError::Wrong(message)) = render(&written, body) else { panic!("{body}") };
        assert!(message.contains("body.x") && message.contains(kind), "{message}");
    }
    assert!(matches!(render(&written, "{}"), Err(EvaluationError::Absent { .. })));
}

#[test]
fn each_in_each_sees_both_and_the_inner_name_wins() {
    let body = r#"{"o":[{"n":"x","i":[1,2]},{"n":"y","i":[3]}]}"#;
    let written = json!({"$each": "${body.o}", "$as": "order", "$value": {
        "n": "${order.n}",
        "l": {"$each": "${order.i}", "$value": "${order.n}${item}/${index}"},
        "at": "${index}"}});
    let expected = r#"[{"n":"x","l":["x1/0","x2/1"],"at":0},{"n":"y","l":["y3/0"],"at":1}]"#;
    assert_eq!(json_of(&written, body), expected);
    let shadowed = json!({"$each": "${body.o}", "$value": {"$each": "${item.i}", "$value": "${item}"}});
    assert_eq!(json_of(&shadowed, body), "[[1,2],[3]]");
}

#[test]
fn names_are_gone_after_an_error_and_after_the_list() {
    let failing = shape(&json!({"$each": "${body}", "$value": "${item.x}"}));
    let good = shape(&json!({"$each": "${body}", "$value": "${item}${index}"}));
    on("[1]", |evaluation| {
        assert!(failing.write_json(evaluation, &mut Vec::new()).is_err());
        let mut out = Vec::new();
        good.write_json(evaluation, &mut out).unwrap();
        assert_eq!(out, br#"["10"]"#);
    });
    assert!(!shape_mistakes(json!({"a": {"$each": "${body}", "$value": 1}, "b": "${item}"})).is_empty());
}

#[test]
fn directives_are_checked_at_load() {
    let error = |written: Written, code: &'static str, pointer: &str| {
        assert_eq!(shape_mistakes(written.clone()), [(code, pointer.to_owned())], "{written}");
    };
    error(json!({"$each": "${body}", "$vlaue": 1, "$value": 1}), "shape-unknown-directive", "/body/$vlaue");
    error(json!({"$each": "${body}", "$value": 1, "x": 1}), "shape-each", "/body/x");
    error(json!({"$each": "${body}"}), "shape-each", "/body");
    error(json!({"a": {"$value": 1}}), "shape-each", "/body/a/$value");
    error(json!({"$ref": 1}), "shape-unknown-directive", "/body/$ref");
    error(json!({"$each": "body.items", "$value": 1}), "shape-each", "/body/$each");
    error(json!({"$each": "${body.a}${body.b}", "$value": 1}), "shape-each", "/body/$each");
    error(json!({"$each": [1], "$value": 1}), "shape-each", "/body/$each");
    error(json!({"$each": "${body}", "$value": 1, "$if": true}), "shape-if", "/body/$if");
    for name in ["", "1a", "a-b", "${x}", "body", "index", "in", "vars"] {
        error(json!({"$each": "${body}", "$value": 1, "$as": name}), "shape-as", "/body/$as");
    }
    error(json!({"$each": "${body}", "$value": 1, "$as": 1}), "shape-as", "/body/$as");
    error(json!({"a": {"${body.x}": 1}}), "shape-key", "/body/a/${body.x}");
    error(json!({"a": {"$${x}": 1}}), "shape-key", "/body/a/$${x}");
}

#[test]
fn a_slip_is_answered_with_what_was_meant() {
    let found = compiled(&json!({"$each": "${body}", "$iff": "true", "$value": 1})).err().unwrap();
    assert!(found[0].help.as_ref().unwrap().contains("`$if`") && found[0].on_key);
    let found = compiled(&json!({"$schema": "x"})).err().unwrap();
    assert!(found[0].help.as_ref().unwrap().contains(r#"${{"$schema": body.x}}"#));
}

#[test]
fn the_advice_for_computed_keys_works() {
    assert_eq!(json_of(&json!("${{body.name: body.value}}"), r#"{"name":"$set","value":1}"#), r#"{"$set":1}"#);
    assert_eq!(json_of(&json!({"a": "${{\"$set\": body.x}}"}), r#"{"x":1}"#), r#"{"a":{"$set":1}}"#);
}

#[test]
fn every_mistake_is_told() {
    let found =
        shape_mistakes(json!({"a": "${env:GONE}", "b": ["${env:GONE}", {"$x": 1}], "c": {"$each": 1, "$as": 2}}));
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn depth_is_bounded() {
    let nested = |depth| (0..depth).fold(json!("${body}"), |inner, _| json!([inner]));
    assert_eq!(shape_mistakes(nested(64)).first().map(|(code, _)| *code), Some("shape-too-deep"));
    assert_eq!(json_of(&nested(63), "1"), format!("{}1{}", "[".repeat(63), "]".repeat(63)));
}

#[test]
fn output_and_loops_are_bounded() {
    let body = format!("[{}0]", "0,".repeat(4999));
    let square = json!({"$each": "${body}", "$value": {"$each": "${body}", "$value": "nothing"}});
    assert!(matches!(render(&square, &body), Err(EvaluationError::Budget(_))));
    let silent = json!({"$each": "${body}", "$value": {"$each": "${body}", "$if": "false", "$value": 1}});
    assert!(matches!(render(&silent, &body), Err(EvaluationError::Budget(_))));
    let shape = shape(&square);
    assert!(matches!(on(&body, |evaluation| shape.value(evaluation)), Err(EvaluationError::Budget(_))));
    let large = format!("\"{}\"", "x".repeat(6 << 20));
    assert!(matches!(render(&json!(["${body}", "${body}", "${body}"]), &large), Err(EvaluationError::Budget(_))));
}

#[test]
fn reads_are_those_of_all_expressions() {
    assert_eq!(shape(&json!({"a": ["${env:TOKEN}", 1]})).reads(), Default::default());
    let reads = shape(&json!({"a": [{"$each": "${body}", "$if": "text != ''", "$value": ["${now()}"]}]})).reads();
    assert!(reads.body && reads.text && reads.volatile);
}

#[test]
fn the_benchmark_template_gives_what_is_expected() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/bench/bodies");
    let read = |name: &str| std::fs::read_to_string(folder.join(name));
    let (Ok(order), Ok(expected)) = (read("order.json"), read("expected.json")) else {
        println!("skipped: {} is not here", folder.display());
        return;
    };
    let written = json!({
        "organizationId": "${body.store.id}",
        "order": {
            "externalNumber": "${body.id}",
            "phone": "${body.customer.phone}",
            "customer": {"name": "${body.customer.first_name} ${body.customer.last_name}"},
            "deliveryPoint": {
                "address": {
                    "city": "${body.delivery.city}",
                    "street": "${body.delivery.street}",
                    "house": "${body.delivery.house}",
                    "flat": "${body.delivery.flat}",
                },
                "comment": "${body.delivery.comment}",
            },
            "items": {"$each": "${body.items}", "$value": {
                "type": "Product", "productId": "${item.sku}", "amount": "${item.qty}", "price": "${item.price}"}},
            "sum": "${body.total}",
        },
    });
    let expected: Written = serde_json::from_str(&expected).unwrap();
    assert_eq!(serde_json::from_str::<Written>(&json_of(&written, &order)).unwrap(), expected);
}

/// Any JSON, for what is written and for what arrives.
fn any_json() -> impl Strategy<Value = Written> {
    let leaf = prop_oneof![
        Just(Written::Null),
        any::<bool>().prop_map(Written::from),
        any::<i64>().prop_map(Written::from),
        "\\PC{0,6}".prop_map(Written::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Written::from),
            prop::collection::vec(("[a-z]{0,3}", inner), 0..4).prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

/// A shape over `body.a` (something) and `body.?b` (perhaps there).
fn any_shape() -> impl Strategy<Value = Written> {
    let leaf = prop_oneof![
        any_json().prop_filter("no template by chance", |json| !json.to_string().contains('$')),
        Just(json!("${body.a}")),
        Just(json!("${body.?b}")),
        Just(json!("x${body.a}\"y")),
        Just(json!("${env:TOKEN}")),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Written::from),
            prop::collection::vec(("[a-z]{0,3}", inner.clone()), 0..5)
                .prop_map(|entries| entries.into_iter().collect()),
            inner.prop_map(|value| json!({"$each": "${body.list}", "$if": "item > 1", "$value": value})),
        ]
    })
}

/// What a shape means, said in another way: on JSON values, without text.
fn meaning(written: &Written, body: &Written) -> Option<Written> {
    match written {
        Written::String(text) => match text.as_str() {
            "${body.a}" => Some(body["a"].clone()),
            "${body.?b}" => body.get("b").cloned(),
            "${env:TOKEN}" => Some(json!("s3cret&<token>")),
            "x${body.a}\"y" => {
                let text = body["a"].as_str().map_or_else(|| body["a"].to_string(), str::to_owned);
                Some(json!(format!("x{text}\"y")))
            }
            text => Some(json!(text)),
        },
        Written::Array(items) => Some(items.iter().filter_map(|item| meaning(item, body)).collect()),
        Written::Object(entries) => match entries.get("$value") {
            Some(value) => {
                let items = body["list"].as_array().expect("a list").iter();
                Some(items.filter(|item| item.as_i64() > Some(1)).filter_map(|_| meaning(value, body)).collect())
            }
            None => {
                Some(entries.iter().filter_map(|(key, value)| Some((key.clone(), meaning(value, body)?))).collect())
            }
        },
        other => Some(other.clone()),
    }
}

proptest! {
    #[test]
    fn output_is_json_and_what_was_meant(
        written in any_shape(),
        a in any_json(),
        b in prop::option::of(any_json()),
        list in prop::collection::vec(0..4i64, 0..4),
    ) {
        let mut body = json!({"a": a, "list": list});
        if let Some(b) = b {
            body["b"] = b;
        }
        match meaning(&written, &body) {
            Some(expected) => {
                let rendered = json_of(&written, &body.to_string());
                prop_assert_eq!(serde_json::from_str::<Written>(&rendered).unwrap(), expected);
            }
            None => prop_assert!(render(&written, &body.to_string()).is_err()),
        }
    }

    #[test]
    fn no_written_shape_panics(written in any_json()) {
        let _ = compiled(&written);
    }
}
