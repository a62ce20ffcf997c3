//! Absent is not wrong: which is which, and how what is absent is named.

use super::support::{World, check};

#[test]
fn absent_keys_are_named() {
    let world = World::with_body(r#"{"order": {"id": 1, "items": [{"sku": "A"}], "none": null, "text": "x"}}"#);
    let cases = [
        ("body.ordr.id", "!no such key: body.ordr"),
        ("body.order.nope", "!no such key: body.order.nope"),
        ("body.order.none.deep", "!no such key: body.order.none.deep"),
        ("body.order.items[3].sku", "!no such key: body.order.items[3]"),
        ("body.order.items[0 - 1]", "!no such key: body.order.items[-1]"),
        ("body.order['some key']", "!no such key: body.order[\"some key\"]"),
        ("body.order[body.order.text]", "!no such key: body.order[body.order.text]"),
        ("body.order.items.map(item, item.qty)", "!no such key: item.qty"),
        ("vars.order.nope", "!no such key: vars.order.nope"),
        ("body.order.items.filter(i, true)[0].nope", "!no such key: …[0].nope"),
        ("body.order.none[0]", "!no such key: body.order.none[0]"),
    ];
    check(&world, &cases);
}

#[test]
fn members_of_scalars_are_wrong() {
    let world = World::with_body(r#"{"text": "x", "n": 1, "list": [1]}"#);
    let cases = [
        ("body.text.deep", "!`body.text` is string, which has no such members"),
        ("body.n[0]", "!`body.n` is int, which has no such members"),
        ("body.list.sku", "!`body.list` is list, which has no such members"),
        ("body.list[body.text]", "!no overload of `[]` for (list, string)"),
        ("has(body.text.deep)", "!`body.text` is string, which has no such members"),
        ("body[body.n].x", "!no such key: body[body.n]"),
    ];
    check(&world, &cases);
}

#[test]
fn has_and_optionals_test_for_absence() {
    let world = World::with_body(r#"{"order": {"none": null}}"#);
    let cases = [
        ("has(body.order.none)", "true"),
        ("has(body.order.none.deep)", "false"),
        ("has(body.nope)", "false"),
        ("has(body.nope.deep)", "!no such key: body.nope"),
        ("body.?nope.deep.deeper", "none"),
        ("body.?order.?nope.orValue('-')", r#""-""#),
        ("body.order.?none", "null"),
        ("body.nope.?deep", "!no such key: body.nope"),
        ("body.order.none.?deep", "none"),
        ("{'a': 1, ?'b': body.?nope}", r#"{"a":1}"#),
    ];
    check(&world, &cases);
}

#[test]
fn a_side_that_decides_absorbs_the_other() {
    let world = World::with_body(r#"{"a": 1, "text": "x"}"#);
    let cases = [
        ("body.nope == 1 || body.a == 1", "true"),
        ("body.a == 1 || body.nope == 1", "true"),
        ("body.nope == 1 && body.a == 2", "false"),
        ("body.text > 1 && false", "false"),
        ("body.nope == 1 || body.a == 2", "!no such key: body.nope"),
        ("body.nope == 1 && body.a == 1", "!no such key: body.nope"),
        // What is wrong is not hidden by what is absent, unless that alone makes a condition false.
        ("body.nope == 1 || body.text > 1", "!no overload of `>` for (string, int)"),
        ("body.nope == 1 && body.text > 1", "!no such key: body.nope"),
        ("body.text && true", "!no overload of `&&` for (string)"),
        ("body.text ? 1 : 2", "!no overload of `? :` for (string)"),
        ("!body.text", "!no overload of `!` for (string)"),
        ("true ? 1 : body.nope", "1"),
        ("[{'a': 1}, {}].exists(e, e.a == 1)", "true"),
        ("[{}, {'a': 'x'}].exists(e, e.a > 1)", "!no overload of `>` for (string, int)"),
    ];
    check(&world, &cases);
}

#[test]
fn errors_name_no_values() {
    let world = World::with_body(r#"{"secret": "hunter2", "list": ["hunter2"]}"#);
    for source in [
        "body.secret + 1",
        "int(body.secret)",
        "timestamp(body.secret)",
        "parseTime(body.secret)",
        "json(body.secret)",
        "base64.decode(body.secret + '!')",
        "{body.secret: 1}[body.secret + 'x']",
        "body[body.secret]",
        "body.list.sort() < 1",
        "duration(body.secret)",
        "now().getHours(body.secret)",
        "body.secret.format([])  + '%'.format(body.list)",
    ] {
        let error = world.run(source).expect(source).expect_err(source).to_string();
        assert!(!error.contains("hunter2"), "{source}: {error}");
    }
}
