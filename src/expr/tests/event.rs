//! What of an event an expression sees.

use super::support::{World, answer, check, show};
use crate::expr::Value;

#[test]
fn body_values_are_of_cel_types() {
    let world = World::with_body(
        r#"{"int": 3, "big": 18446744073709551615, "huge": 123456789012345678901234567890, "fraction": 3.0,
            "exponent": 1e2, "text": "ж", "none": null, "yes": true, "list": [1, {"sku": "A"}], "minus": -0}"#,
    );
    let cases = [
        ("type(body.int) == int && type(body.big) == uint && type(body.huge) == double", "true"),
        ("type(body.fraction) == double && type(body.exponent) == double && type(body.minus) == int", "true"),
        ("body.int * 2 + body.int", "9"),
        (
            "body.int + body.fraction",
            "!no overload of `+` for (int, double): CEL does not mix them, write double(…) or int(…)",
        ),
        ("body.int == body.fraction && body.int < body.big && body.text == 'ж' && body.yes", "true"),
        ("body.list[1].sku + body['text']", r#""Aж""#),
        ("body.list == [1, {'sku': 'A'}] && size(body.list) == 2 && body.list[body.int - 2].sku == 'A'", "true"),
        ("body.none == null", "true"),
        ("has(body.int) && !has(body.nothing) && 'int' in body", "true"),
        ("body.list[1].map(k, k)", r#"["sku"]"#),
        ("{'a': body.list}.a[1]", r#"{"sku":"A"}"#),
        ("batch.int", "3"),
        ("body.`int`", "3"),
    ];
    check(&world, &cases);
}

#[test]
fn a_leaf_that_is_only_a_path_keeps_its_number() {
    let world = World::with_body(r#"{"sum": 100.00, "id": 123456789012345678901234567890}"#);
    check(
        &world,
        &[("body.sum", "100.00"), ("[body.id]", "[123456789012345678901234567890]"), ("body.sum * 1.0", "100.0")],
    );
    let mut text = String::new();
    let value = world.run("body.sum").expect("compiles").expect("evaluates");
    value.write_text(&mut text).expect("text");
    assert_eq!(text, "100.00");
}

#[test]
fn the_request_is_seen() {
    let world = World::with_body("{}");
    let cases = [
        ("request.id + request.method + request.path + request.host", r#""0190-idPOST/hooks/a%2Fbhooks.example.com""#),
        ("request.client_ip + request.content_type + string(request.size)", r#""203.0.113.7application/json2""#),
        ("request.time == now() && request.time.getFullYear() == 2026", "true"),
        ("uuid()", r#""00000000-0000-4000-8000-000000000001""#),
        ("headers['x-request-id'] + headers.host", "!no such key: headers.host"),
        ("headers['x-request-id'] + headers['x-many']", r#""r-1one, two""#),
        ("headers.map(k, k)", r#"["content-type","x-request-id","x-many"]"#),
        ("has(headers.host) || 'x-many' in headers && headers[?'nope'].orValue('-') == '-'", "true"),
        ("headers['x-' + 'many']", r#""one, two""#),
        ("query.v + query.tag[1]", r#""2y z""#),
        ("query", r#"{"v":"2","tag":["x","y z"]}"#),
        ("query.?nope", "none"),
        ("query.nope", "!no such key: query.nope"),
        ("params.account + params['account']", r#""a/ba/b""#),
        ("params", r#"{"account":"a/b"}"#),
        ("route.name", r#""orders""#),
        ("route", r#"{"name":"orders"}"#),
        ("request.map(k, k)", r#"["id","method","path","host","time","client_ip","content_type","size"]"#),
        ("text", r#""{}""#),
    ];
    check(&world, &cases);
}

#[test]
fn vars_tables_and_answers_are_seen() {
    let mut world = World::with_body(r#"{"project": "PAY"}"#);
    let cases = [
        ("vars.order.sum", "10.50"),
        ("vars", r#"{"order":{"id": 7, "sum": 10.50}}"#),
        ("tables.jira[body.project]", r#""pay""#),
        ("tables.jira.NOPE", "!no such key: tables.jira.NOPE"),
        ("answers.senler.status", "201"),
        ("answers.senler.body.state + answers.senler.headers['x-trace']", r#""okt1""#),
        ("answers['not-yet'].status", "!no such key: answers[\"not-yet\"].status"),
        ("has(answers.senler) && !has(answers['senler'].body.nope)", "true"),
        ("answers[?'not-yet']", "none"),
        ("answers.map(k, k)", r#"["senler"]"#),
    ];
    let cases: Vec<(&str, String)> = cases
        .iter()
        .map(|(source, expected)| (*source, expected.replace(": 7", ":7").replace(", \"sum\": ", ",\"sum\":")))
        .collect();
    let cases: Vec<(&str, &str)> = cases.iter().map(|(source, expected)| (*source, expected.as_str())).collect();
    check(&world, &cases);
    world.answer = Some(answer(200, &[], r#"{"ok": true}"#));
    check(&world, &[("answer.status == 200 && answer.body.ok", "true"), ("answer.headers", "{}")]);
}

#[test]
fn names_bound_around_hide_the_event() {
    let mut world = World::with_body(r#"{"a": 1}"#);
    world.locals = vec![("item".to_owned(), Value::Int(5)), ("body".to_owned(), Value::from("hidden"))];
    let cases =
        [("item + 1", "6"), ("body", r#""hidden""#), (".body.a", "1"), ("[1].map(item, item + 1)[0] + item", "7")];
    check(&world, &cases);
}

#[test]
fn secrets_are_strings_that_show_as_their_reference() {
    let mut world = World::with_body("{}");
    check(&world, &[("'Bearer ' + env('TOKEN')", r#""Bearer s3cret""#), ("env('TOKEN').size()", "6")]);
    let secret = world.run("env('TOKEN')").expect("compiles").expect("evaluates");
    assert_eq!(format!("{secret:?}"), "Value(string)");
    assert_eq!(secret.as_str(), Some("s3cret"));
    world.shown = true;
    check(
        &world,
        &[("'Bearer ' + env('TOKEN')", r#""Bearer ${env:TOKEN}""#), ("[env('TOKEN')]", r#"["${env:TOKEN}"]"#)],
    );
}

#[test]
fn what_an_expression_reads_is_known() {
    let world = World::with_body("{}");
    let reads = |source: &str| {
        let reads = world.compile(source).unwrap_or_else(|findings| panic!("{findings:?}")).reads();
        (reads.body, reads.text, reads.volatile)
    };
    assert_eq!(reads("headers['x-many'] == params.account"), (false, false, false));
    assert_eq!(reads("has(body.x) && text == ''"), (true, true, false));
    assert_eq!(reads("[1].map(x, batch)"), (true, false, false));
    assert_eq!(reads("request.path"), (false, false, false));
    for source in ["now()", "uuid()", "request.time", "request", "request[request.id]"] {
        assert_eq!(reads(source), (false, false, true), "{source}");
    }
}

#[test]
fn a_body_that_nobody_parsed_is_null() {
    let mut world = World::with_body("{}");
    world.event.parsed = None;
    assert_eq!(show(&world, "body"), "null");
    assert_eq!(show(&world, "body.a"), "!no such key: body.a");
    assert_eq!(show(&world, "text"), "\"{}\"");
}
