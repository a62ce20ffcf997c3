use super::grammar::{Grammar, SIGNATURES_MAX};
use super::message::{Message, Syntax};
use super::timestamp::Unit;
use crate::verify::Refusal;
use proptest::prelude::*;

fn raw(prefix: &str, optional: bool) -> Grammar {
    Grammar::Raw { prefix: prefix.to_owned(), optional }
}

fn pairs(between: &str, several: bool) -> Grammar {
    Grammar::Pairs {
        between: between.to_owned(),
        inside: "=".to_owned(),
        time: Some("t".to_owned()),
        signature: "v1".to_owned(),
        named_by: None,
        several,
        others: Vec::new(),
    }
}

/// Without a time, as Braintree's.
fn named(between: &str, inside: &str) -> Grammar {
    Grammar::Pairs {
        between: between.to_owned(),
        inside: inside.to_owned(),
        time: None,
        signature: "v1".to_owned(),
        named_by: None,
        several: true,
        others: Vec::new(),
    }
}

fn list(between: &str, prefix: &str, several: bool) -> Grammar {
    Grammar::List { between: between.to_owned(), prefix: prefix.to_owned(), several }
}

fn signatures<'h>(grammar: &Grammar, header: &'h str) -> Result<Vec<&'h str>, Refusal> {
    grammar.read(header).map(|read| read.signatures)
}

#[test]
fn raw_is_the_whole_header() {
    assert_eq!(signatures(&raw("v0=", false), "v0=ab"), Ok(vec!["ab"]));
    assert_eq!(signatures(&raw("v0=", false), "ab"), Err(Refusal::Malformed));
    assert_eq!(signatures(&raw("v0=", true), "ab"), Ok(vec!["ab"]));
    assert_eq!(signatures(&raw("", false), ""), Err(Refusal::Malformed));
    assert_eq!(signatures(&raw("v0=", true), "v0="), Err(Refusal::Malformed));
}

#[test]
fn pairs_skip_what_they_do_not_know() {
    let read = pairs(",", true).read("t=1,v0=x,v1=a,v1=b").unwrap();
    assert_eq!((read.time, read.signatures), (Some("1"), vec!["a", "b"]));
    assert_eq!(pairs(",", true).read("v1=a,t=1").unwrap().signatures, ["a"]);
    assert_eq!(pairs(",", true).read("t=1,v1=a=b").unwrap().signatures, ["a=b"]);
}

#[test]
fn pairs_without_a_part_are_refused() {
    let grammar = pairs(",", true);
    assert_eq!(grammar.read("v1=a"), Err(Refusal::BadTimestamp));
    assert_eq!(grammar.read("t=1"), Err(Refusal::Malformed));
    assert_eq!(grammar.read("t=1,v1="), Err(Refusal::Malformed));
    assert_eq!(grammar.read("t=1,v1=a,"), Err(Refusal::Malformed));
    assert_eq!(grammar.read("t=1, v1=a"), Err(Refusal::Malformed));
    assert_eq!(grammar.read("t=1,V1=a"), Err(Refusal::Malformed));
    assert_eq!(grammar.read("t=1,t=2,v1=a"), Err(Refusal::Repeated));
    assert_eq!(pairs(",", false).read("t=1,v1=a,v1=b"), Err(Refusal::Repeated));
}

#[test]
fn lists_take_their_own_version_alone() {
    let grammar = list(" ", "v1,", true);
    assert_eq!(signatures(&grammar, "v1,a v1,b"), Ok(vec!["a", "b"]));
    assert_eq!(signatures(&grammar, "v1a,z v1,a v2,b"), Ok(vec!["a"]));
    assert_eq!(signatures(&grammar, "v2,a"), Err(Refusal::Malformed));
    assert_eq!(signatures(&grammar, "v1,"), Err(Refusal::Malformed));
    assert_eq!(signatures(&grammar, "v1,a v1,"), Err(Refusal::Malformed));
    assert_eq!(signatures(&grammar, "v1,a "), Err(Refusal::Malformed));
    assert_eq!(signatures(&grammar, "v1,a  v1,b"), Err(Refusal::Malformed));
    assert_eq!(signatures(&list(" ", "v1,", false), "v1,a v1,b"), Err(Refusal::Repeated));
}

#[test]
fn the_number_of_signatures_is_bounded() {
    let grammar = list(" ", "v1,", true);
    let many = |count: usize| vec!["v1,a"; count].join(" ");
    assert_eq!(signatures(&grammar, &many(SIGNATURES_MAX)).map(|all| all.len()), Ok(SIGNATURES_MAX));
    assert_eq!(signatures(&grammar, &many(SIGNATURES_MAX + 1)), Err(Refusal::Malformed));
}

#[test]
fn units_do_not_guess() {
    let seconds = Unit::Seconds.parse("1767225600");
    assert!(seconds.is_some());
    assert_eq!(Unit::Milliseconds.parse("1767225600000"), seconds);
    assert_eq!(Unit::Rfc3339.parse("2026-01-01T00:00:00Z"), seconds);
    assert_eq!(Unit::Seconds.parse("2026-01-01T00:00:00Z"), None);
    assert_eq!(Unit::Rfc3339.parse("1767225600"), None);
    assert_eq!(Unit::Any.parse("1767225600"), seconds);
    assert_eq!(Unit::Any.parse("1767225600000"), seconds);
    for text in ["", " 1767225600", "1767225600 ", "1_000", "0x10", "٠١٢", "99999999999999999"] {
        assert_eq!(Unit::Seconds.parse(text), None, "{text}");
        assert_eq!(Unit::Any.parse(text), None, "{text}");
    }
}

#[test]
fn payloads_say_what_is_wrong_with_them() {
    for wrong in ["{bdy}", "{body", "{id}", "{header:a b}", "{json:a}", "{query:}", "[{body}"] {
        assert!(Message::parse(wrong, Syntax::Provider, None).is_err(), "{wrong}");
    }
    for right in ["{ts}.{body}", "v0:{ts}:{body}", "[id:{query:data.id};]ts:{ts};", "{json:/a/b}{form:x[y]}", "a]b"] {
        assert!(Message::parse(right, Syntax::Provider, None).is_ok(), "{right}");
    }
}

/// Text in the alphabet of signature headers, so that the interesting cases are met.
fn headers() -> impl Strategy<Value = String> {
    prop_oneof![
        "[tv012=,;&| a-f]{0,40}",
        "(v1|[a-f]|\\||&){0,12}",
        "(t=[0-9]{0,3}|v[01]=[a-f]{0,4}|v1,[a-f]{0,4}|[ ,;]){0,8}",
        any::<String>()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_header_panics_and_nothing_is_made_up(header in headers(), between in "[,; ]|, ", several: bool) {
        for grammar in [
            raw("v1=", false),
            raw("v1=", true),
            pairs(&between, several),
            named("&", "|"),
            named(", ", "="),
            list(&between, "v1=", several),
            list(&between, "", several),
        ] {
            let several = several || matches!(grammar, Grammar::Pairs { time: None, .. });
            if let Ok(read) = grammar.read(&header) {
                prop_assert!((1..=SIGNATURES_MAX).contains(&read.signatures.len()));
                prop_assert!(several || read.signatures.len() == 1);
                prop_assert!(read.signatures.iter().all(|one| !one.is_empty() && header.contains(one)));
                prop_assert_eq!(read.time.is_some(), matches!(grammar, Grammar::Pairs { time: Some(_), .. }));
                prop_assert!(read.others.iter().all(|(key, value)| header.contains(key) && header.contains(value)));
            }
        }
    }

    #[test]
    fn what_is_written_is_read(signature in "[A-Za-z0-9+/]{1,88}", time in "[0-9]{10,13}", between in "[,;]|, ") {
        for grammar in [raw("v1=", false), pairs(&between, false), list(&between, "v1=", false)] {
            let header = grammar.write(&signature, &time);
            let read = grammar.read(&header).unwrap();
            prop_assert_eq!(read.signatures, vec![signature.as_str()]);
            prop_assert!(read.time.is_none_or(|read| read == time));
        }
    }

    #[test]
    fn a_changed_version_is_never_a_signature(version in "[a-z0-9]{0,4}", signature in "[a-f0-9]{64}") {
        prop_assume!(version != "v1");
        let in_list = format!("{version},{signature}");
        let in_pairs = format!("t=1,{version}={signature}");
        let alone = format!("{version}={signature}");
        prop_assert!(list(" ", "v1,", true).read(&in_list).is_err());
        prop_assert!(pairs(",", true).read(&in_pairs).is_err());
        prop_assert!(raw("v1=", false).read(&alone).is_err());
    }

    #[test]
    fn no_message_panics(text in "[${}\\[\\]a-z:/ .]{0,40}") {
        let _ = Message::parse(&text, Syntax::Route, None);
        let _ = Message::parse(&text, Syntax::Provider, None);
    }

    #[test]
    fn no_timestamp_panics(text in any::<String>()) {
        for unit in [Unit::Seconds, Unit::Milliseconds, Unit::Rfc3339, Unit::Any] {
            let _ = unit.parse(&text);
        }
    }
}
