//! What bodies are let in, and how they are read.

use crate::harness::{Request, Router, Target};
use serde_json::json;

fn echo(body: &str, target: &Target) -> String {
    format!(
        "match: {{path: /a, methods: [GET, POST]}}\nverify: none\nbody: {body}\ntarget: {{url: '{}', method: POST, transform: {{body: {{got: '${{body}}'}}}}}}\n",
        target.url("/")
    )
}

fn start(body: &str, target: &Target) -> Router {
    Router::start(&[("routes.d/a.yaml", &echo(body, target))])
}

#[test]
fn the_same_order_arrives_as_json_as_a_form_and_as_query_parameters() {
    let target = Target::ok();
    let router = start("{accept: [json, form]}", &target);
    let expected = json!({"got": {"order": {"status": "approved", "items": [{"sku": "A"}, {"sku": "B"}]}}});
    router.send(Request::post("/a").json(r#"{"order":{"status":"approved","items":[{"sku":"A"},{"sku":"B"}]}}"#));
    assert_eq!(target.next().json(), expected);
    let form = "order%5Bstatus%5D=approved&order[items][0][sku]=A&order[items][1][sku]=B";
    router.send(Request::post("/a").form(form));
    assert_eq!(target.next().json(), expected);
    router.send(Request::new("GET", &format!("/a?{form}")));
    assert_eq!(target.next().json(), expected);
    router.send(Request::post("/a?status=approved&tag=1&tag=2"));
    assert_eq!(target.next().json(), json!({"got": {"status": "approved", "tag": ["1", "2"]}}));
}

#[test]
fn numbers_keep_their_own_text() {
    let target = Target::ok();
    let router = start("{}", &target);
    let body = r#"{"sum":100.00,"id":12345678901234567890,"tiny":1E-7}"#;
    router.send(Request::post("/a").json(body));
    assert_eq!(target.next().text(), format!(r#"{{"got":{body}}}"#));
}

#[test]
fn xml_text_and_multipart_are_read_where_they_are_accepted() {
    let target = Target::ok();
    let router = start("{accept: [xml, text, multipart]}", &target);
    let xml = r#"<order id="7"><item>a</item><item>b</item><note kind="x">hi</note></order>"#;
    router.send(Request::post("/a").header("content-type", "text/xml").body(xml.as_bytes()));
    let expected = json!({"got": {"order": {"@id": "7", "item": [{"#text": "a"}, {"#text": "b"}], "note": {"@kind": "x", "#text": "hi"}}}});
    assert_eq!(target.next().json(), expected);
    router.send(Request::post("/a").header("content-type", "text/plain").body("привет".as_bytes()));
    assert_eq!(target.next().json(), json!({"got": "привет"}));
    let multipart = "--b\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nAnna\r\n--b--\r\n";
    router
        .send(Request::post("/a").header("content-type", "multipart/form-data; boundary=b").body(multipart.as_bytes()));
    assert_eq!(target.next().json(), json!({"got": {"name": "Anna"}}));
    let refused = router.send(Request::post("/a").json("{}"));
    let expected =
        "the content type application/json is not accepted; accepted: application/xml, text/plain, multipart/form-data";
    assert_eq!((refused.status, &refused.json()["detail"]), (415, &json!(expected)));
}

#[test]
fn what_cannot_be_read_is_refused_with_its_status() {
    let target = Target::ok();
    let router = start("{max_size: 1KiB}", &target);
    let status = |request: Request| {
        let response = router.send(request);
        let problem = response.json();
        assert_eq!(response.header("content-type"), Some("application/problem+json"), "{problem}");
        assert_eq!(problem["status"], response.status);
        assert_eq!(problem["request_id"], response.header("x-request-id").unwrap());
        response.status
    };
    assert_eq!(status(Request::post("/a").json("{")), 400);
    assert_eq!(status(Request::post("/a").json("{\"a\":\"\u{0}\"}")), 400);
    assert_eq!(status(Request::post("/a").header("content-type", "application/json").body(b"{\"a\":\"\xff\"}")), 400);
    assert_eq!(status(Request::post("/a").form("a=%ff")), 400);
    assert_eq!(status(Request::post("/a").header("content-type", "text/csv").body(b"a,b")), 415);
    assert_eq!(
        status(Request::post("/a").header("content-type", "application/json; charset=windows-1251").body(b"{}")),
        415
    );
    assert_eq!(status(Request::post("/a").json("{}").header("content-encoding", "gzip")), 415);
    assert_eq!(status(Request::post("/a").json(&format!("\"{}\"", "x".repeat(2000)))), 413);
    let chunked = Request::post("/a").header("content-type", "application/json").header("transfer-encoding", "chunked");
    let chunks = format!("7d0\r\n{}\r\n0\r\n\r\n", "x".repeat(2000));
    assert_eq!(status(chunked.body(chunks.as_bytes())), 413);
    let coded = Request::post("/a").header("content-type", "application/json");
    let coded = coded.header("transfer-encoding", "gzip, chunked");
    assert_eq!(status(coded.body(b"2\r\n{}\r\n0\r\n\r\n")), 501);
    assert!(target.all().is_empty());
}

#[test]
fn a_body_is_not_parsed_where_nothing_reads_it() {
    let target = Target::ok();
    let route =
        format!("match: {{path: /a}}\nverify: none\nbody: {{accept: [any]}}\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let bytes = b"\x00\xff not json at all";
    assert_eq!(router.send(Request::post("/a").header("content-type", "application/json").body(bytes)).status, 200);
    let seen = target.next();
    assert_eq!((seen.body.as_slice(), seen.header("content-type")), (bytes.as_slice(), Some("application/json")));
}

const SCHEMA: &str = r#"{"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}"#;

fn with_schema(name: &str, when: &str, target: &Target) -> String {
    format!(
        "name: {name}\nmatch: {{path: /a, when: '{when}'}}\nverify: none\nbody: {{schema: ../schemas/{name}.json}}\ntarget: {{url: '{}'}}\n",
        target.url(&format!("/{name}"))
    )
}

#[test]
fn a_body_that_breaks_its_contract_is_refused_with_the_places_and_no_values() {
    let target = Target::ok();
    let mut router = Router::start(&[
        ("routes.d/a.yaml", &with_schema("a", "body.kind == \"a\"", &target)),
        ("routes.d/b.yaml", &with_schema("b", "body.kind == \"b\"", &target)),
        ("schemas/a.json", SCHEMA),
        ("schemas/b.json", r#"{"maxProperties": 1}"#),
    ]);
    assert_eq!(router.send(Request::post("/a").json(r#"{"kind":"a","id":1}"#)).status, 200);
    assert_eq!(target.next().target, "/a", "the contract of the other route does not matter to this event");
    let refused = router.send(Request::post("/a").json(r#"{"kind":"a","id":"SECRET-VALUE"}"#));
    assert_eq!((refused.status, refused.header("content-type")), (422, Some("application/problem+json")));
    assert_eq!(refused.json()["errors"], json!([{"pointer": "/id", "detail": "must be of type integer"}]));
    let line = router.wait_for(|line| line["status"] == 422);
    assert!(line["reason"].as_str().unwrap().contains("a: the body does not fit the schema: /id must be"), "{line}");
    assert!(!refused.text().contains("SECRET") && !line.to_string().contains("SECRET"));
    let absent = router.send(Request::post("/a").json(r#"{"id":1.5}"#));
    assert_eq!(absent.json()["errors"], json!([{"pointer": "/id", "detail": "must be of type integer"}]));
    assert_eq!(router.send(Request::post("/a").json(r#"{"kind":"c","id":"x"}"#)).json()["status"], "ignored");
    assert!(target.all().is_empty());
    // The schema is one of the files that are watched.
    router.write("schemas/a.json", r#"{"maxProperties": 0}"#);
    router
        .wait_for(|line| line["message"].as_str().is_some_and(|message| message.starts_with("configuration applied")));
    let refused = router.send(Request::post("/a").json(r#"{"kind":"a","id":1}"#));
    assert_eq!(refused.json()["errors"], json!([{"pointer": "", "detail": "must have at most 0 members"}]));
}

#[test]
fn the_contract_of_a_source_holds_before_any_route_is_asked() {
    let target = Target::ok();
    let route = format!(
        "match: {{source: s, when: 'body.id == 1'}}\nbody: {{schema: ../b.json}}\ntarget: {{url: '{}'}}\n",
        target.url("/")
    );
    let router = Router::start(&[
        ("hookswitch.yaml", "sources: {s: {path: /a, verify: none, body: {schema: a.json, accept: [form, json]}}}\n"),
        ("routes.d/a.yaml", &route),
        ("a.json", r#"{"required": ["id"]}"#),
        ("b.json", r#"{"required": ["name"]}"#),
    ]);
    let places = |body: &str| router.send(Request::post("/a").json(body)).json()["errors"].clone();
    assert_eq!(places(r#"{"other":1}"#), json!([{"pointer": "/id", "detail": "is missing"}]));
    assert_eq!(places(r#"{"id":1}"#), json!([{"pointer": "/name", "detail": "is missing"}]));
    assert_eq!(router.send(Request::post("/a").json(r#"{"id":1,"name":"x"}"#)).status, 200);
    assert_eq!(router.send(Request::post("/a").form("id=2")).json()["status"], "ignored");
}
