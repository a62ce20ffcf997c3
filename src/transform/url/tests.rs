use super::{Url, UrlTemplate};
use crate::expr::EvaluationError;
use crate::secret::Missing;
use crate::transform::fixture::{compile, compile_with, on};
use crate::transform::text::Rendered;
use proptest::prelude::*;

fn template(written: &str) -> UrlTemplate {
    compile(|environment, at| UrlTemplate::compile(written, environment, at)).expect(written)
}

fn build(written: &str, body: &str) -> Result<Url, EvaluationError> {
    on(body, |evaluation| template(written).build(&[], evaluation))
}

/// With `body.x` as the inserted value.
fn with(written: &str, value: &str) -> Result<String, EvaluationError> {
    let body = serde_json::json!({"x": value}).to_string();
    build(written, &body).map(|url| url.real)
}

fn refused(written: &str, value: &str) -> bool {
    matches!(with(written, value), Err(EvaluationError::Wrong(_)))
}

/// The message of the only mistake.
fn mistake(written: &str) -> String {
    let found = compile(|environment, at| UrlTemplate::compile(written, environment, at)).err().expect(written);
    let [finding] = &found[..] else { panic!("{written}: {found:?}") };
    finding.message.clone()
}

#[test]
fn constant_urls_are_ready() {
    for written in [
        "https://senler.ru/api/webhook",
        "http://127.0.0.1:8080/deliver",
        "http://[::1]:8080/a%20b?x=1&y=2",
        "https://api.example.com",
        "https://api.example.com?a=b",
        "https://api.example.com/a/./b/",
        "stdout://",
        "file:///var/log/мой файл.ndjson",
    ] {
        let template = template(written);
        assert_eq!(template.constant().map(Rendered::real), Some(written));
        let url = on("{}", |evaluation| template.build(&[], evaluation)).unwrap();
        assert_eq!((url.real.as_str(), url.shown.as_str(), url.dynamic_host), (written, written, false));
    }
}

#[test]
fn values_are_encoded_as_one_segment_or_one_query_value() {
    let value = "a/b?c#d%e&f=g h+ü~._-";
    let encoded = "a%2Fb%3Fc%23d%25e%26f%3Dg%20h%2B%C3%BC~._-";
    for (written, prefix, suffix) in [
        ("https://h.example/${body.x}", "https://h.example/", ""),
        ("https://h.example/p-${body.x}-s/t", "https://h.example/p-", "-s/t"),
        ("https://h.example/?q=${body.x}&r=1", "https://h.example/?q=", "&r=1"),
        ("https://h.example?q=${body.x}", "https://h.example?q=", ""),
        ("https://h.example/?${body.x}=1", "https://h.example/?", "=1"),
    ] {
        assert_eq!(with(written, value).unwrap(), format!("{prefix}{encoded}{suffix}"));
    }
}

#[test]
fn numbers_and_parameters_are_inserted_as_their_text() {
    let url =
        build("https://h.example/${params.account}/${body.id}?n=${body.n}", r#"{"id":12345678901234567890,"n":1.50}"#);
    assert_eq!(url.unwrap().real, "https://h.example/main/12345678901234567890?n=1.50");
}

#[test]
fn special_segments_are_refused() {
    for value in ["", ".", ".."] {
        assert!(refused("https://h.example/a/${body.x}/b", value), "{value:?}");
        assert!(refused("https://h.example/a/${body.x}", value), "{value:?}");
        assert!(refused("https://h.example/a/${body.x}?q=1", value), "{value:?}");
        assert!(refused("file:///var/${body.x}", value), "{value:?}");
    }
    assert!(refused("https://h.example/.${body.x}", ""));
    assert!(refused("https://h.example/.${body.x}", "."));
    assert!(refused("https://h.example/%2E${body.x}", "."));
    assert!(refused("https://h.example/%2e${body.x}/", ""));
    assert_eq!(with("https://h.example/...${body.x}", "").unwrap(), "https://h.example/...");
    assert_eq!(with("https://h.example/a${body.x}", "").unwrap(), "https://h.example/a");
    assert_eq!(with("https://h.example/?q=${body.x}", "").unwrap(), "https://h.example/?q=");
}

#[test]
fn an_absent_or_empty_optional_is_an_error() {
    let absent = |path: &str| Err(EvaluationError::Absent { path: path.to_owned() });
    assert_eq!(build("https://h.example/${body.x}", "{}"), absent("body.x"));
    assert_eq!(build("https://h.example/${body.?x}", "{}"), absent("body.?x"));
}

#[test]
fn hosts_may_be_computed_and_must_be_hosts() {
    let url = build("https://${body.x}/p", r#"{"x":"api.example.com"}"#).unwrap();
    assert_eq!((url.real.as_str(), url.dynamic_host), ("https://api.example.com/p", true));
    assert_eq!(with("https://${body.x}.example.com:8443/", "eu-1").unwrap(), "https://eu-1.example.com:8443/");
    assert_eq!(with("https://api.${body.x}", "example.com").unwrap(), "https://api.example.com");
    for value in
        ["", "a/b", "a@b", "a:80", "a?b", "a#b", "a\\b", "[::1]", "a b", ".", "a..b", "-a", "a-", "ü", "%61", "a."]
    {
        assert!(refused("https://${body.x}/p", value), "{value}");
    }
    assert!(refused("https://${body.x}.example.com/", "evil.com/"));
    assert!(refused("https://${body.x}.example.com/", &"a".repeat(64)));
    assert!(!template("https://h.example/${body.x}").dynamic_host());
}

#[test]
fn ports_may_be_computed_and_must_be_ports() {
    assert_eq!(with("https://h.example:${body.x}/p", "8443").unwrap(), "https://h.example:8443/p");
    assert_eq!(build("https://h.example:${body.x}", r#"{"x":80}"#).unwrap().real, "https://h.example:80");
    for value in ["", "0", "65536", "+80", "80/", "80@evil.example", "-1"] {
        assert!(refused("https://h.example:${body.x}/p", value), "{value}");
    }
}

#[test]
fn references_may_hold_any_part() {
    for (written, real, shown) in [
        ("${env:BASE}/x", "https://api.example.com/base/x", "${env:BASE}/x"),
        ("${env:BASE}", "https://api.example.com/base", "${env:BASE}"),
        ("https://${env:HOST}:${env:PORT}/x", "https://api.example.com:8443/x", "https://${env:HOST}:${env:PORT}/x"),
        ("${env:KEYED}&y=2", "https://api.example.com/x?key=k1&y=2", "${env:KEYED}&y=2"),
        ("https://h.example/a${env:EMPTY}/b", "https://h.example/a/b", "https://h.example/a${env:EMPTY}/b"),
    ] {
        let template = template(written);
        let constant = template.constant().unwrap();
        assert_eq!((constant.real(), constant.shown()), (real, shown));
    }
}

#[test]
fn references_and_values_stand_side_by_side() {
    let url = build("${env:BASE}${body.x}/bot${env:TOKEN}/${body.x}?k=${env:TOKEN}", r#"{"x":"a b"}"#).unwrap();
    assert_eq!(url.real, "https://api.example.com/basea%20b/bots3cret&%3Ctoken%3E/a%20b?k=s3cret&%3Ctoken%3E");
    assert_eq!(url.shown, "${env:BASE}a%20b/bot${env:TOKEN}/a%20b?k=${env:TOKEN}");
    assert!(!format!("{url:?}").contains("s3cret"));
}

#[test]
fn a_secret_of_an_expression_is_encoded_and_not_shown() {
    let url = build("https://h.example/?k=${env('TOKEN')}", "{}").unwrap();
    assert_eq!(url.real, "https://h.example/?k=s3cret%26%3Ctoken%3E");
    assert_eq!(url.shown, "https://h.example/?k=${env:TOKEN}");
    let url = build("https://h.example/${'a/' + env('TOKEN') + '${'}", "{}").unwrap();
    assert_eq!(url.shown, "https://h.example/a%2F${env:TOKEN}%24%7B");
    let url = build("https://${env('HOST')}/", "{}").unwrap();
    assert_eq!((url.real.as_str(), url.shown.as_str()), ("https://api.example.com/", "https://${env:HOST}/"));
}

#[test]
fn nothing_secret_is_seen_where_secrets_are_to_be_shown() {
    for (written, shown) in [
        ("${env:BASE}/x", "${env:BASE}/x?k=${env:TOKEN}"),
        (
            "https://${env('HOST')}:${env('PORT')}/${env('TOKEN')}?a=${body.x}",
            "https://${env:HOST}:${env:PORT}/${env:TOKEN}?a=1&k=${env:TOKEN}",
        ),
    ] {
        let secret = compile(|environment, at| super::super::Text::compile("${env:TOKEN}", environment, at)).unwrap();
        let query = [("k".to_owned(), secret.constant().cloned())];
        let url = on(r#"{"x":1}"#, |evaluation| {
            evaluation.shown = true;
            template(written).build_with(&query, evaluation)
        });
        let url = url.unwrap();
        assert_eq!((url.real.as_str(), url.shown.as_str()), (shown, shown));
    }
}

#[test]
fn parameters_are_appended() {
    let query = [("a b".to_owned(), "c&d".to_owned()), ("e".to_owned(), String::new())];
    for (written, expected) in [
        ("https://h.example/p", "https://h.example/p?a%20b=c%26d&e="),
        ("https://h.example", "https://h.example?a%20b=c%26d&e="),
        ("https://h.example/p?", "https://h.example/p?a%20b=c%26d&e="),
        ("https://h.example/p?x=1", "https://h.example/p?x=1&a%20b=c%26d&e="),
        ("https://h.example/p?x=${body.x}", "https://h.example/p?x=v&a%20b=c%26d&e="),
    ] {
        let url = on(r#"{"x":"v"}"#, |evaluation| template(written).build(&query, evaluation)).unwrap();
        assert_eq!((url.real.as_str(), url.shown.as_str()), (expected, expected));
    }
}

#[test]
fn parameters_may_be_secret_or_removed() {
    let written = "https://h.example/p?drop=1&keep=${body.x}&%64rop=2&drop";
    let secret = compile(|environment, at| super::super::Text::compile("${env:TOKEN}", environment, at)).unwrap();
    let query = [("drop".to_owned(), None), ("key".to_owned(), secret.constant().cloned())];
    let url = on(r#"{"x":"v"}"#, |evaluation| template(written).build_with(&query, evaluation)).unwrap();
    assert_eq!(url.real, "https://h.example/p?keep=v&key=s3cret%26%3Ctoken%3E");
    assert_eq!(url.shown, "https://h.example/p?keep=v&key=${env:TOKEN}");
}

#[test]
fn what_an_operator_wrote_is_made_a_valid_url() {
    for (written, expected) in [
        ("https://h.example/путь к?q=ü x", "https://h.example/%D0%BF%D1%83%D1%82%D1%8C%20%D0%BA?q=%C3%BC%20x"),
        ("https://h.example/a%2Fb", "https://h.example/a%2Fb"),
        ("https://h.example/$${x}", "https://h.example/$%7Bx%7D"),
        ("HTTPS://H.example/", "HTTPS://H.example/"),
    ] {
        assert_eq!(template(written).constant().map(Rendered::real), Some(expected));
    }
}

#[test]
fn bad_urls_are_told_at_load() {
    for (written, expected) in [
        ("", "no scheme"),
        ("senler.ru/api", "no scheme"),
        ("${env:EMPTY}", "no scheme"),
        ("ftp://h.example/", "scheme"),
        ("javascript://h", "scheme"),
        ("${body.url}", "cannot be computed"),
        ("${body.scheme}://h.example/", "cannot be computed"),
        ("http${body.s}://h.example/", "cannot be computed"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://:80/", "no host"),
        ("https://h.example:/", "port"),
        ("https://h.example:http/", "port"),
        ("https://h.example:99999/", "not valid"),
        ("https://user:hunter2@h.example/", "user name"),
        ("https://${body.x}@h.example/", "user name"),
        ("${env:LOGIN}", "user name"),
        ("https://h.example/#top", "fragment"),
        ("https://h.example/${env:FRAGMENT}", "fragment"),
        ("https://h example/", "host"),
        ("https://h\\example/", "host"),
        ("https://[${body.x}]/", "host"),
        ("https://[::1/", "not valid"),
        ("https://h.example/100%", "hexadecimal"),
        ("https://h.example/?q=%zz", "hexadecimal"),
        ("https://h.example/${env:LINE}", "control"),
        ("stdout://x", "stdout"),
        ("stdout://${body.x}", "stdout"),
        ("file://var/log", "absolute"),
        ("file://${body.x}/log", "no host"),
        ("file:///", "folder"),
        ("file:///var/", "folder"),
        ("file:///var/a?b", "`?`"),
    ] {
        let message = mistake(written);
        assert!(message.contains(expected), "{written}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_computed_scheme_is_told_at_its_place() {
    let written = "http${body.s}://h.example/";
    let found = compile(|environment, at| UrlTemplate::compile(written, environment, &at.key("url"))).err().unwrap();
    let (from, to) = found[0].inside.unwrap();
    assert_eq!((&written[from..to], found[0].pointer.as_str()), ("${body.s}", "/url"));
}

#[test]
fn files_are_single_names() {
    assert_eq!(with("file:///var/log/${body.x}.ndjson", "acme 1").unwrap(), "file:///var/log/acme%201.ndjson");
    for value in ["../etc", "a/b", "a\\b", "a\0b", "/"] {
        assert!(refused("file:///var/log/${body.x}.ndjson", value), "{value:?}");
    }
}

#[test]
fn without_the_environment_references_stand_in() {
    for (written, shown) in [
        ("${env:A}/x/${body.x}", "${env:A}/x/v"),
        ("${env:A}", "${env:A}"),
        ("${env:A}://${env:B}:${env:C}/${env:D}?${env:E}=1", "${env:A}://${env:B}:${env:C}/${env:D}?${env:E}=1"),
        ("https://${env:A}.example.com/", "https://${env:A}.example.com/"),
        ("file://${env:A}/x", "file://${env:A}/x"),
    ] {
        let template =
            compile_with(Missing::StandsForItself, |environment, at| UrlTemplate::compile(written, environment, at));
        let template = template.expect(written);
        let url = on(r#"{"x":"v"}"#, |evaluation| template.build(&[], evaluation)).unwrap();
        assert_eq!(url.shown, shown);
    }
}

#[test]
fn reads_are_those_of_all_expressions() {
    assert_eq!(template("https://h.example/").reads(), Default::default());
    assert!(template("https://h.example/${params.account}?a=${body.x}").reads().body);
}

proptest! {
    #[test]
    fn no_value_leaves_its_place(value in any::<String>(), other in "\\PC*") {
        let body = serde_json::json!({"x": value, "y": other}).to_string();
        let written = "https://h.example/a/${body.x}/b?q=${body.x}&${body.y}=2&r=${body.y}";
        match build(written, &body) {
            Ok(built) => {
                let parsed = url::Url::parse(&built.real).unwrap();
                prop_assert_eq!(parsed.as_str(), built.real.as_str());
                prop_assert_eq!((parsed.scheme(), parsed.host_str(), parsed.port()), ("https", Some("h.example"), None));
                prop_assert!(parsed.username().is_empty() && parsed.fragment().is_none());
                let segments: Vec<_> = parsed.path_segments().unwrap().collect();
                prop_assert_eq!(segments.len(), 3);
                let decoded = percent_encoding::percent_decode_str(segments[1]).decode_utf8().unwrap();
                prop_assert_eq!(decoded.as_ref(), &value);
                let pairs: Vec<_> = parsed.query_pairs().collect();
                prop_assert_eq!(pairs.len(), 3);
                prop_assert_eq!((pairs[0].1.as_ref(), pairs[1].0.as_ref()), (value.as_str(), other.as_str()));
                prop_assert_eq!(pairs[2].1.as_ref(), other.as_str());
            }
            Err(_) => prop_assert!(matches!(value.as_str(), "" | "." | "..")),
        }
    }

    #[test]
    fn no_value_changes_a_host_suffix(value in "\\PC{0,12}|[a-z0-9.:@/\\\\#?\\[\\]%-]{0,12}") {
        if let Ok(built) = with("https://${body.x}.example.com:8443/p", &value) {
            let parsed = url::Url::parse(&built).unwrap();
            prop_assert!(parsed.host_str().unwrap().ends_with(".example.com"));
            prop_assert_eq!((parsed.port(), parsed.path()), (Some(8443), "/p"));
            prop_assert!(parsed.username().is_empty());
        }
    }

    #[test]
    fn no_written_url_panics(written in "(https?://|file://|stdout://|)[a-z0-9:/?#@&=%\\[\\]. \\\\ü-]{0,30}") {
        let _ = compile(|environment, at| UrlTemplate::compile(&written, environment, at));
    }
}
