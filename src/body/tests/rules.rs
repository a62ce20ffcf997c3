use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn json_and_forms_are_accepted_by_default() {
    assert_eq!(value(read(json!({}), &[JSON], "{\"a\":1}")), json!({"a": 1}));
    assert_eq!(value(read(json!({}), &[("content-type", "application/vnd.api+json")], "[1]")), json!([1]));
    assert_eq!(value(read(json!({}), &[("content-type", "TEXT/JSON; charset=\"UTF-8\"")], "1")), json!(1));
    assert_eq!(
        value(read(json!({}), &[("content-type", "application/x-www-form-urlencoded")], "a=1")),
        json!({"a": "1"})
    );
    for other in ["text/plain", "application/xml", "multipart/form-data; boundary=x", "image/png", "json", "a/b, c/d"] {
        assert!(is_unsupported(read(json!({}), &[("content-type", other)], "x")), "{other}");
    }
    let error = refused(read(json!({}), &[("content-type", "Text/Plain")], "x"));
    let expected = "the content type text/plain is not accepted; \
                    accepted: application/json, application/x-www-form-urlencoded";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn accept_may_come_from_the_defaults() {
    let admits = |spec: Value, defaults: Value, content_type: &str| {
        let rules = compile(spec, defaults).0.expect("it compiles");
        rules.admit(&headers(&[("content-type", content_type)]), false).is_ok()
    };
    assert!(admits(json!({}), json!({"accept": ["xml"]}), "text/xml"));
    assert!(!admits(json!({}), json!({"accept": ["xml"]}), "application/json"));
    assert!(admits(json!({"accept": ["json"]}), json!({"accept": ["xml"]}), "application/json"));
    assert!(!admits(json!({"accept": ["json"]}), json!({"accept": ["xml"]}), "text/xml"));
}

#[test]
fn without_a_content_type_the_first_kind_of_accept_holds() {
    assert_eq!(value(read(json!({}), &[], "{}")), json!({}));
    assert_eq!(value(read(json!({"accept": ["form", "json"]}), &[], "a=1")), json!({"a": "1"}));
    assert_eq!(value(read(json!({"accept": ["form", "json"]}), &[("content-type", " ")], "a=1")), json!({"a": "1"}));
    assert_eq!(value(read(json!({"accept": ["any", "json"]}), &[], "{}")), json!("{}"));
    assert_eq!(value(read(json!({"accept": ["text"]}), &[], "{}")), json!("{}"));
}

#[test]
fn as_overrides_the_content_type() {
    assert_eq!(value(read(json!({"as": "json"}), &[("content-type", "text/plain")], "{}")), json!({}));
    assert_eq!(value(read(json!({"as": "text"}), &[JSON], "{}")), json!("{}"));
    assert_eq!(value(read(json!({"as": "form"}), &[("content-type", "?")], "a=1")), json!({"a": "1"}));
    assert!(is_malformed(read(json!({"as": "multipart"}), &[JSON], "{}")), "without a boundary");
    let latin = [("content-type", "text/plain; charset=iso-8859-1")];
    assert!(is_unsupported(read(json!({"as": "json"}), &latin, "{}")), "but not the charset");
}

#[test]
fn an_empty_body_passes_and_gives_the_query() {
    let rules = rules(json!({"accept": ["json"]}));
    let pairs = [("content-type", "image/png; charset=x"), ("content-encoding", "br")];
    let reading = rules.admit(&headers(&pairs), true).expect("an empty body passes");
    let of = |query: Option<&str>| value(reading.parse(&Bytes::new(), query, &rules));
    assert_eq!(of(Some("a=1&a=2&o[id]=3&plus=a+b")), json!({"a": ["1", "2"], "o": {"id": "3"}, "plus": "a b"}));
    assert_eq!(of(Some("a=%ff")), json!({"a": "\u{fffd}"}), "an empty body is never malformed");
    assert_eq!(of(Some("")), json!({}));
    assert_eq!(of(None), json!({}));
    assert_eq!(value(read(json!({}), &[JSON], "\u{feff}")), json!({"from": "query"}), "a lone BOM is nothing");
}

#[test]
fn text_is_the_body_without_its_byte_order_mark() {
    let parsed = read(json!({}), &[JSON], "\u{feff}{ }").expect("JSON");
    assert_eq!((parsed.text.as_ref(), parsed.body.root().len()), (b"{ }".as_ref(), 0));
    let parsed = read(json!({"accept": ["form"]}), &[], "\u{feff}a=1").expect("a form");
    assert_eq!(parsed.body.root().to_value(), json!({"a": "1"}));
}

#[test]
fn what_is_malformed_says_where() {
    let error = refused(read(json!({}), &[JSON], "{\"a\":}"));
    assert_eq!(error, BodyError::Malformed("the body is not valid JSON: expected a value at byte 5".into()));
    for kind in ["json", "form", "text", "xml"] {
        assert!(is_malformed(read(json!({"as": kind}), &[], b"\"a=\xff\"")), "{kind} must be UTF-8");
    }
    assert!(is_malformed(read(json!({}), &[JSON], " ")));
    assert!(is_malformed(read(json!({"accept": ["any"]}), &[JSON], "{")), "`any` does not excuse bad JSON");
}

#[test]
fn text_is_every_text_type_that_is_nothing_else() {
    let spec = json!({"accept": ["text"]});
    assert_eq!(value(read(spec.clone(), &[("content-type", "text/html; charset=us-ascii")], "<p>")), json!("<p>"));
    assert!(is_unsupported(read(spec.clone(), &[("content-type", "text/xml")], "<p/>")));
    assert!(is_unsupported(read(spec, &[("content-type", "text/json")], "1")));
}

#[test]
fn any_takes_what_it_does_not_know() {
    let spec = json!({"accept": ["any"]});
    assert_eq!(value(read(spec.clone(), &[JSON], "{\"a\":1}")), json!({"a": 1}));
    assert_eq!(value(read(spec.clone(), &[("content-type", "text/xml")], "<a/>")), json!({"a": {}}));
    assert_eq!(value(read(spec.clone(), &[("content-type", "application/x-unknown")], "é")), json!("é"));
    assert_eq!(value(read(spec.clone(), &[("content-type", "nonsense")], "é")), json!("é"));
    let parsed = read(spec, &[("content-type", "image/png")], b"\x89PNG\xff").expect("any");
    assert_eq!((parsed.body.root().to_value(), parsed.text.as_ref()), (Value::Null, b"\x89PNG\xff".as_ref()));
}

#[test]
fn two_content_types_are_none() {
    let pairs = [JSON, ("content-type", "text/plain")];
    assert!(is_unsupported(read(json!({"accept": ["json", "text"]}), &pairs, "{}")));
    assert_eq!(value(read(json!({"accept": ["any"]}), &pairs, "{}")), json!("{}"));
}

#[test]
fn another_charset_needs_any() {
    let pairs = [("content-type", "application/json; charset=windows-1251")];
    assert!(is_unsupported(read(json!({}), &pairs, "{}")));
    let any = json!({"accept": ["any"]});
    let parsed = read(any.clone(), &pairs, b"\"\xcf\xf0\xe8\"").expect("windows-1251");
    assert_eq!((parsed.body.root().as_str(), parsed.text.as_ref()), (Some("При"), "\"При\"".as_bytes()));
    let pairs = [("content-type", "application/x-www-form-urlencoded; charset=windows-1251")];
    assert_eq!(value(read(any.clone(), &pairs, "a=%CF%F0%E8")), json!({"a": "При"}));
    let pairs = [("content-type", "application/json; charset=utf-16le")];
    assert_eq!(value(read(any.clone(), &pairs, b"\xff\xfe{\0}\0")), json!({}));
    assert!(is_malformed(read(any.clone(), &pairs, b"{\0}")), "half a character");
    let pairs = [("content-type", "application/json; charset=made-up")];
    assert_eq!(value(read(any.clone(), &pairs, "{}")), Value::Null);
    assert!(is_unsupported(read(json!({}), &pairs, "{}")));
    let large = json!({"accept": ["any"], "max_size": "20B"});
    let pairs = [("content-type", "text/plain; charset=windows-1251")];
    assert_eq!(refused(read(large, &pairs, b"\xcf".repeat(20))), BodyError::TooLarge(20), "counted in UTF-8");
}

#[test]
fn a_content_encoding_needs_any() {
    let any = json!({"accept": ["any"]});
    let body = gzip(b"{\"a\":1}");
    for encoding in ["gzip", "X-GZip", "identity, gzip"] {
        let pairs = [JSON, ("content-encoding", encoding)];
        assert!(is_unsupported(read(json!({}), &pairs, &body)), "{encoding}");
        let parsed = read(any.clone(), &pairs, &body).expect(encoding);
        assert_eq!((parsed.text.as_ref(), parsed.body.root().len()), (b"{\"a\":1}".as_ref(), 1));
    }
    assert_eq!(value(read(json!({}), &[JSON, ("content-encoding", "identity")], "{}")), json!({}));
    for pairs in [[JSON, ("content-encoding", "br")], [JSON, ("content-encoding", "gzip, gzip")]] {
        assert!(is_unsupported(read(json!({}), &pairs, "{}")));
        let parsed = read(any.clone(), &pairs, "{}").expect("passed on unread");
        assert_eq!((parsed.text.as_ref(), parsed.body.root().to_value()), (b"{}".as_ref(), Value::Null));
    }
    let gzipped = [JSON, ("content-encoding", "gzip")];
    assert_eq!(value(read(any.clone(), &gzipped, gzip(b""))), json!({"from": "query"}));
    assert!(is_malformed(read(any.clone(), &gzipped, "{}")));
    assert!(is_malformed(read(any.clone(), &gzipped, &body[..body.len() - 3])), "cut short");
    let two = [gzip(b"[1,"), gzip(b"2]")].concat();
    assert_eq!(value(read(any, &gzipped, two)), json!([1, 2]), "members are joined");
}

#[test]
fn decoding_is_bounded() {
    let spec = |size: &str| json!({"accept": ["any"], "max_size": size});
    let pairs = [("content-type", "text/plain"), ("content-encoding", "gzip")];
    let mut bomb = gzip(&vec![b'a'; 50_000_000]);
    assert!(bomb.len() < 60_000);
    // The end is damaged, which nobody notices who stops in time.
    bomb.truncate(bomb.len() - 20);
    assert_eq!(refused(read(spec("64KiB"), &pairs, &bomb)), BodyError::TooLarge(65_536));
    assert!(is_malformed(read(spec("64MiB"), &pairs, &bomb)));
    assert!(read(spec("10B"), &pairs, gzip(b"0123456789")).is_ok());
    assert_eq!(refused(read(spec("9B"), &pairs, gzip(b"0123456789"))), BodyError::TooLarge(9));
}

#[test]
fn sizes() {
    assert_eq!(rules(json!({})).max_size, 1_048_576);
    assert_eq!(rules(json!({"max_size": "64KiB"})).max_size, 65_536);
    assert_eq!(rules(json!({"max_size": "${env:SIZE}"})).max_size, 2048);
    let of = |spec, defaults| compile(spec, defaults).0.map(|rules| rules.max_size);
    assert_eq!(of(json!({}), json!({"max_size": "3KiB"})), Some(3072));
    assert_eq!(of(json!({"max_size": "4KiB"}), json!({"max_size": "3KiB"})), Some(4096));
}

#[test]
fn mistakes_are_reported_where_they_are() {
    let mistake = |spec, defaults| {
        let (rules, findings) = compile(spec, defaults);
        assert!(rules.is_none());
        assert_eq!(findings.len(), 1, "{findings:?}");
        (findings[0].code, findings[0].pointer.clone())
    };
    assert_eq!(mistake(json!({"max_size": "1 MiB"}), json!({})), ("unit", "/body/max_size".into()));
    assert_eq!(mistake(json!({"max_size": "2GiB"}), json!({})), ("size-limit", "/body/max_size".into()));
    assert_eq!(mistake(json!({"accept": []}), json!({})), ("accept-empty", "/body/accept".into()));
    assert!(compile(json!({}), json!({"max_size": "big"})).1.is_empty(), "told where it stands");
    assert_eq!(compile(json!({"accept": [], "max_size": "x"}), json!({})).1.len(), 2, "all at once");
}
