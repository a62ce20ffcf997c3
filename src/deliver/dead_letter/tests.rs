use super::*;
use crate::deliver::tests::support::{Surroundings, event, request, target};
use crate::deliver::{Outcome, destination::Destination};
use crate::event::RequestInfo;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use std::time::Duration;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn attempt(status: Option<u16>, outcome: Outcome) -> Attempt {
    let started = DateTime::UNIX_EPOCH;
    Attempt { number: 1, status, outcome, ambiguous: false, started, duration: Duration::from_micros(12_900) }
}

fn letter(event: &Event, target: &Target, attempts: &[Attempt]) -> Letter {
    let labels: [(compact_str::CompactString, String); 1] = [("order".into(), "7 \"x\"".into())];
    let time = DateTime::UNIX_EPOCH;
    let (route, trace_id, reason) = ("orders", TRACE, "exhausted");
    Letter::new(&DeadLetter { time, id: "msg_1", route, target, labels: &labels, event, attempts, reason, trace_id })
}

fn of_bytes(bytes: &[u8], headers: HeaderMap, query: Option<&str>) -> Letter {
    let request = RequestInfo { headers, query: query.map(str::to_owned), ..request(&[]) };
    let event = Event { bytes: Bytes::copy_from_slice(bytes), request: Arc::new(request), ..event(&[], "") };
    letter(&event, &target("url: http://h/"), &[])
}

fn text(letter: &Letter) -> &str {
    std::str::from_utf8(letter.line()).unwrap()
}

#[test]
fn a_record_is_written_as_documented() {
    let attempts = [attempt(Some(503), Outcome::ServerError), attempt(None, Outcome::Connect)];
    let event = event(&[("content-type", "application/json"), ("x-tag", "a"), ("x-tag", "b")], r#"{"price": 100.00}"#);
    let line = letter(&event, &target("{name: crm, url: 'http://h/'}"), &attempts);
    let expected = concat!(
        r#"{"version":1,"id":"msg_1","time":"1970-01-01T00:00:00.000Z","route":"orders","target":"crm","#,
        r#""labels":{"order":"7 \"x\""},"event":{"method":"POST","path":"/hooks","query":null,"#,
        r#""headers":{"content-type":"application/json","x-tag":["a","b"]},"body":{"price": 100.00}},"#,
        r#""attempts":[{"n":1,"time":"1970-01-01T00:00:00.000Z","status":503,"error":"server_error","duration_ms":12},"#,
        r#"{"n":1,"time":"1970-01-01T00:00:00.000Z","status":null,"error":"connect","duration_ms":12}],"#,
        r#""reason":"exhausted","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
    );
    assert_eq!(text(&line), expected);
}

/// The headers are those of the whole, so that they do not say what the body is.
#[test]
fn an_element_of_a_batch_says_that_it_is_one() {
    let whole = event(&[("content-type", "application/x-www-form-urlencoded")], "");
    let element = Some(crate::event::Element { index: 3, batch: None });
    let line =
        letter(&Event { bytes: Bytes::from_static(b"{\"n\":1}"), element, ..whole }, &target("url: http://h/"), &[]);
    assert!(text(&line).contains(r#""},"element":3,"body":{"n":1}},"#), "{}", text(&line));
    let read = Record::parse(line.line()).unwrap();
    assert_eq!((read.element, &read.body[..]), (Some(3), &b"{\"n\":1}"[..]));
}

#[test]
fn a_body_stands_in_the_first_form_that_keeps_its_bytes() {
    for (body, expected) in [
        (r#"{"a": 1}"#, r#""body":{"a": 1}}"#),
        ("[1,2]", r#""body":[1,2]}"#),
        // A string, a number or a line break would not come back as it was.
        (r#""text""#, r#""body":"\"text\""}"#),
        ("7", r#""body":"7"}"#),
        ("{\"a\":\n1}", r#""body":"{\"a\":\n1}"}"#),
        (" {}", r#""body":" {}"}"#),
        ("{} ", r#""body":"{} "}"#),
        ("a=1&b=2", r#""body":"a=1&b=2"}"#),
        ("{broken}", r#""body":"{broken}"}"#),
        // More than one value, which would otherwise say more than the body does.
        (r#"{},"x":{}"#, r#""body":"{},\"x\":{}"}"#),
        (r#"{"half":"\ud800"}"#, r#""body":"{\"half\":\"\\ud800\"}"}"#),
    ] {
        let line = of_bytes(body.as_bytes(), HeaderMap::new(), None);
        assert!(text(&line).contains(expected), "{body}: {}", text(&line));
        assert!(!text(&line).contains('\n'));
        assert_eq!(Record::parse(line.line()).unwrap().body, body);
    }
    assert!(text(&of_bytes(b"", HeaderMap::new(), None)).contains(r#""headers":{}},"#));
    assert!(text(&of_bytes(&[0xff, 0], HeaderMap::new(), None)).contains(r#""body_base64":"/wA="}"#));
}

/// Deeper than what is parsed, it still is what was sent.
#[test]
fn a_body_that_is_too_deep_to_be_read_is_kept_as_text() {
    let body = "[".repeat(127) + &"]".repeat(127);
    let line = of_bytes(body.as_bytes(), HeaderMap::new(), None);
    assert!(text(&line).contains(r#""body":"["#));
    assert_eq!(Record::parse(line.line()).unwrap().body, body);
}

#[test]
fn credentials_are_left_out() {
    let surroundings = Surroundings {
        credentials: vec![HeaderName::from_static("x-token")],
        credential_query: vec!["token".to_owned()],
        ..Surroundings::default()
    };
    let target = surroundings.compile("url: http://h/").unwrap();
    let secret = [("x-token", "s3"), ("authorization", "Bearer s3"), ("cookie", "c=s3"), ("x-signature", "kept")];
    let request = RequestInfo { query: Some("a=1&token=s3&b=%20&%74oken=s3&c".into()), ..request(&secret) };
    let event = Event { request: Arc::new(request), ..event(&[], "") };
    let line = letter(&event, &target, &[]);
    assert!(!text(&line).contains("s3"), "{}", text(&line));
    assert!(text(&line).contains(r#""query":"a=1&b=%20&c","headers":{"x-signature":"kept"}"#), "{}", text(&line));
}

#[test]
fn over_http_the_record_is_the_body_and_expressions_see_it() {
    let surroundings = Surroundings { is_dead_letter: true, ..Surroundings::default() };
    let prepared = |yaml: &str| {
        let dead_letter = surroundings.compile(yaml).unwrap();
        let letter = letter(&event(&[("x-in", "1")], r#"{"n":7}"#), &target("url: http://h/"), &[]);
        let tables = Document::null();
        let event = letter.event().clone();
        let scope = Scope {
            event: &event,
            route: "orders",
            vars: &[],
            answers: &[],
            answer: None,
            tables: &tables,
            uuid: String::new,
        };
        (dead_letter.prepare_letter(scope, &letter).unwrap(), letter)
    };
    let (plain, letter) = prepared("url: http://h/dead");
    assert_eq!(plain.body, letter.line());
    assert_eq!(plain.headers.get("content-type").unwrap(), "application/json");
    assert!(plain.headers.get("x-in").is_none(), "headers of the event are in the record");
    assert_eq!(plain.id, id::delivery_id("orders", "target", "msg_1"));
    let (shaped, _) = prepared(
        "{url: 'http://h/${body.route}', transform: {body: {why: '${body.reason}', n: '${body.event.body.n}'}}}",
    );
    assert_eq!(shaped.body, r#"{"why":"exhausted","n":7}"#);
    assert!(matches!(&shaped.address.destination, Destination::Http(place) if place.uri.path() == "/orders"));
}

#[test]
fn what_is_no_record_says_why() {
    let error = |line: &str| Record::parse(line.as_bytes()).unwrap_err().to_string();
    let good = text(&of_bytes(b"{}", HeaderMap::new(), None)).to_owned();
    assert!(Record::parse(good.as_bytes()).is_ok());
    assert!(error("").starts_with("not a record of a dead letter: "));
    assert!(error("{}").contains("missing field `version`"));
    assert!(error(r#"{"version":1}"#).contains("missing field `id`"));
    assert_eq!(
        error(&good.replace("\"version\":1", "\"version\":2")),
        "a record of version 2; this program reads version 1"
    );
    assert_eq!(error(&good.replace("1970-01-01T", "1970-13-01T")), "`time` is not what it should be");
    assert_eq!(error(&good.replace("/hooks", "hooks")), "`event.path` is not what it should be");
    assert_eq!(error(&good.replace("msg_1", "a b")), "`id` is not what it should be");
    assert_eq!(error(&good.replace("POST", "P T")), "`event.method` is not what it should be");
    let both = good.replace(r#""body":{}"#, r#""body":{},"body_base64":"""#);
    assert_eq!(error(&both), "`event.body_base64` is not what it should be");
}

fn header_value() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(9u8), 32u8..127, 128u8..], 0..20)
}

/// JSON, nearly JSON, text and bytes.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let json = "[{}\\[\\]\":,0-9a-z \\\\\n]{0,40}".prop_map(String::into_bytes);
    let value =
        (any::<i64>(), "\\PC{0,8}").prop_map(|(n, s)| serde_json::json!({"n": n, "s": [s]}).to_string().into_bytes());
    prop_oneof![json, value, "\\PC{0,40}".prop_map(String::into_bytes), proptest::collection::vec(any::<u8>(), 0..60)]
}

proptest! {
    #[test]
    fn what_was_written_is_read_again(
        body in body(),
        headers in proptest::collection::vec(("x-[a-c]", header_value()), 0..5),
        query in proptest::option::of("[!-~]{0,20}"),
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in &headers {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap());
        }
        let letter = of_bytes(&body, map.clone(), query.as_deref());
        prop_assert!(!letter.line().contains(&b'\n'));
        let read = Record::parse(letter.line()).unwrap();
        prop_assert_eq!(read.body, body);
        prop_assert_eq!(&read.headers, &map);
        prop_assert_eq!(read.query, query);
        prop_assert_eq!((&*read.id, &*read.route, &*read.target, &*read.path), ("msg_1", "orders", "target", "/hooks"));
        prop_assert_eq!(read.time, DateTime::UNIX_EPOCH);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Record::parse(&bytes);
    }

    #[test]
    fn a_damaged_record_is_an_error_or_another_record(at in 0usize..500, byte in any::<u8>(), cut in 0usize..500) {
        let mut line = of_bytes(br#"{"a":[1,"x"]}"#, HeaderMap::new(), Some("q=1")).line().to_vec();
        let length = line.len();
        line[at % length] = byte;
        let _ = Record::parse(&line);
        line.truncate(cut.min(length - 1));
        prop_assert!(Record::parse(&line).is_err());
    }
}
