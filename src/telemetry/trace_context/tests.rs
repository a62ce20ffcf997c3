use super::*;
use proptest::prelude::*;

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "1234567890123456";

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn inbound(headers: &[(&str, &str)]) -> Option<Inbound> {
    parse(&map(headers))
}

fn parent(value: &str) -> Option<Inbound> {
    inbound(&[("traceparent", value)])
}

fn state(lines: &[&str]) -> Option<String> {
    let parent = format!("00-{TRACE}-{PARENT}-00");
    let mut headers = vec![("traceparent", parent.as_str())];
    headers.extend(lines.iter().map(|line| ("tracestate", *line)));
    inbound(&headers).expect("the trace goes on whatever the state is").state
}

#[test]
fn a_valid_parent_is_continued() {
    for (flags, sampled, random) in [("00", false, false), ("01", true, false), ("02", false, true), ("ff", true, true)]
    {
        let inbound = parent(&format!("00-{TRACE}-{PARENT}-{flags}")).unwrap();
        let (trace_id, parent_id) = (TraceId(0x1234_5678_9012_3456_7890_1234_5678_9012), SpanId(0x1234_5678_9012_3456));
        assert_eq!(inbound, Inbound { trace_id, parent_id, sampled, random, state: None }, "{flags}");
    }
}

#[test]
fn a_later_version_is_read_as_far_as_it_is_known() {
    for tail in ["", "-", "-what-the-future-will-be-like"] {
        assert!(parent(&format!("cc-{TRACE}-{PARENT}-01{tail}")).is_some(), "{tail}");
    }
    assert!(parent(&format!("cc-{TRACE}-{PARENT}-01.what-the-future-will-be-like")).is_none());
    assert!(parent(&format!("cc-{TRACE}-{PARENT}-011")).is_none());
}

#[test]
fn a_malformed_parent_begins_a_new_trace() {
    let zeros = "0".repeat(32);
    for value in [
        String::new(),
        "00".into(),
        format!("ff-{TRACE}-{PARENT}-01"),
        format!("00-{TRACE}-{PARENT}-01."),
        format!("00-{TRACE}-{PARENT}-01-"),
        format!("00-{TRACE}-{PARENT}-01-what-the-future-will-be-like"),
        format!(".0-{TRACE}-{PARENT}-01"),
        format!("0.-{TRACE}-{PARENT}-01"),
        format!("000-{TRACE}-{PARENT}-01"),
        format!("0-{TRACE}-{PARENT}-01"),
        format!("00-{zeros}-{PARENT}-01"),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-.2345678901234567890123456789012-{PARENT}-01"),
        format!("00-{TRACE}3-{PARENT}-01"),
        format!("00-1234567890123456789012345678901-{PARENT}-01"),
        format!("00-{TRACE}-.234567890123456-01"),
        format!("00-{TRACE}-{PARENT}7-01"),
        format!("00-{TRACE}-123456789012345-01"),
        format!("00-{TRACE}-{PARENT}-.0"),
        format!("00-{TRACE}-{PARENT}-0."),
        format!("00-{TRACE}-{PARENT}-001"),
        format!("00-{TRACE}-{PARENT}-1"),
        format!("00-{}-{PARENT}-01", "A".repeat(32)),
        format!("00-{TRACE}-{}-01", "A".repeat(16)),
        format!("CC-{TRACE}-{PARENT}-01"),
        format!("00-{TRACE}-{PARENT}-0A"),
        format!("00_{TRACE}_{PARENT}_01"),
        format!("00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01"),
        format!("00-é2345678901234567890123456789012-{PARENT}-01"),
    ] {
        assert_eq!(parent(&value), None, "{value}");
    }
}

#[test]
fn two_parents_begin_a_new_trace() {
    let value = format!("00-{TRACE}-{PARENT}-01");
    assert!(inbound(&[("traceparent", &value), ("traceparent", &value)]).is_none());
    assert!(inbound(&[("trace-parent", &value)]).is_none());
    assert!(inbound(&[("TraceParent", &value)]).is_some());
    assert!(inbound(&[("tracestate", "foo=1")]).is_none());
}

#[test]
fn a_valid_state_is_kept_whole_and_in_order() {
    assert_eq!(state(&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"]).as_deref(), Some("foo=1,bar=2,rojo=1,congo=2,baz=3"));
    assert_eq!(state(&["foo=1 \t , \t bar=2, \t baz=3"]).as_deref(), Some("foo=1,bar=2,baz=3"));
    assert_eq!(state(&["", "foo=1", ",,"]).as_deref(), Some("foo=1"));
    assert_eq!(state(&["foo= 1"]).as_deref(), Some("foo= 1"));
    let characters: String = (' '..='~').filter(|character| !",=".contains(*character)).collect();
    for key in ["abcdefghijklmnopqrstuvwxyz0123456789_-*/", "0tenant*/@a-z0-9_-*/", "1begins-with-a-digit"] {
        let member = format!("{key}={characters}");
        assert_eq!(state(&[&member]), Some(member.clone()), "{key}");
    }
    let long = format!("{}@{}={}", "t".repeat(241), "v".repeat(14), "x".repeat(256));
    assert_eq!(state(&[&long, &format!("{}=1", "z".repeat(256))]).unwrap().len(), long.len() + 259);
    let members: Vec<String> = (0..32).map(|n| format!("k{n}=1")).collect();
    assert_eq!(state(&[&members.join(",")]), Some(members.join(",")));
}

#[test]
fn a_state_with_anything_wrong_is_dropped_whole() {
    let members: Vec<String> = (0..33).map(|n| format!("k{n}=1")).collect();
    for line in [
        "",
        " , ",
        "foo",
        "foo=",
        "=1",
        "foo=1,foo=1",
        "foo=1,foo=2",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "foo@=1,bar=2",
        "@foo=1,bar=2",
        "foo@@bar=1,bar=2",
        "foo@bar@baz=1,bar=2",
        "foo@1bar=1",
        "foo=1=2",
        "foo=\u{e9}",
        &format!("{}=1", "z".repeat(257)),
        &format!("{}@v=1", "t".repeat(242)),
        &format!("t@{}=1", "v".repeat(15)),
        &format!("foo={}", "x".repeat(257)),
        &members.join(","),
    ] {
        assert_eq!(state(&[line]), None, "{line}");
    }
    assert_eq!(state(&["foo=1", "foo=2"]), None);
    assert_eq!(state(&["foo=1", "\u{ff}"]), None);
}

fn told(span: &Span) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = HeaderMap::new();
    span.tell(&mut headers);
    headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[test]
fn our_span_continues_the_trace_under_a_new_id() {
    let inbound = map(&[("traceparent", &format!("cc-{TRACE}-{PARENT}-f3-x")), ("tracestate", "a=1")]);
    let span = Span::of_request(&inbound, &Sampler::parent_based(0.0), || 7);
    assert_eq!(span.parent_id.unwrap().to_string(), PARENT);
    let headers = told(&span);
    assert_eq!(headers[0], (TRACEPARENT, HeaderValue::from_str(&format!("00-{TRACE}-0000000000000007-03")).unwrap()));
    assert_eq!(headers[1], (TRACESTATE, HeaderValue::from_static("a=1")));
    let child = span.child(|| 8);
    assert_eq!(child.parent_id, Some(SpanId(7)));
    assert_eq!(child.traceparent(), format!("00-{TRACE}-0000000000000008-03"));
}

#[test]
fn a_new_trace_is_valid_whatever_chance_gives() {
    for value in [0, 1, u64::MAX] {
        let span = Span::of_request(&HeaderMap::new(), &Sampler::default(), || value);
        let [(_, traceparent)] = &told(&span)[..] else { panic!("no state of our own") };
        let read = parent(traceparent.to_str().unwrap()).unwrap();
        assert!(read.random && read.sampled);
        assert_eq!((read.trace_id, read.parent_id), (span.trace_id, span.span_id));
    }
    let unsampled = Span::of_request(&HeaderMap::new(), &Sampler::parent_based(0.0), || 1);
    assert!(unsampled.traceparent().to_str().unwrap().ends_with("-02"));
}

#[test]
fn a_sampler_follows_the_sender_and_decides_on_the_trace_id() {
    let sampled = |name: &str, argument: Option<&str>, flags: Option<&str>, low: u64| {
        let parent = flags.map(|flags| format!("00-{low:032x}-{PARENT}-{flags}"));
        let headers = parent.as_ref().map(|parent| map(&[("traceparent", parent)])).unwrap_or_default();
        Span::of_request(&headers, &Sampler::named(name, argument).unwrap(), || low).sampled
    };
    for low in [1, u64::MAX] {
        for (flags, yes) in [("01", true), ("00", false)] {
            assert_eq!(sampled("parentbased_always_on", None, Some(flags), low), yes);
            assert_eq!(sampled("parentbased_always_off", None, Some(flags), low), yes);
            assert!(sampled("always_on", None, Some(flags), low));
            assert!(!sampled("always_off", None, Some(flags), low));
        }
        assert!(sampled("parentbased_always_on", None, None, low));
        assert!(!sampled("parentbased_always_off", None, None, low));
        assert!(sampled("traceidratio", None, None, low));
    }
    assert!(sampled("parentbased_traceidratio", Some("0.25"), None, u64::MAX / 4));
    assert!(!sampled("parentbased_traceidratio", Some("0.25"), None, u64::MAX / 4 + 2));
    for (name, argument) in [("sometimes", None), ("traceidratio", Some("2")), ("traceidratio", Some("x"))] {
        assert!(Sampler::named(name, argument).unwrap_err().to_string().contains(name));
    }
}

#[test]
fn baggage_is_handed_on_as_it_came_or_not_at_all() {
    let carried = |lines: &[&str]| {
        let headers = lines.iter().map(|line| ("baggage", *line)).collect::<Vec<_>>();
        let headers = Span::of_request(&map(&headers), &Sampler::default(), || 7);
        let headers = told(&headers);
        headers.into_iter().find(|(name, _)| *name == BAGGAGE).map(|(_, value)| value.to_str().unwrap().to_owned())
    };
    let whole = "user=a%20b;secret=1 , tenant = gh";
    assert_eq!(carried(&[whole]).as_deref(), Some(whole));
    assert_eq!(carried(&["a=1", "b=2"]).as_deref(), Some("a=1,b=2"));
    assert_eq!(carried(&[]), None);
    let many = vec!["a=1"; 65].join(",");
    let long = format!("a={}", "x".repeat(8192));
    for wrong in ["", "a", "=1", "a b=1", "a=\"b\"", "a=b c", &many, &long] {
        assert_eq!(carried(&[wrong]), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_it_never_panics(parent in proptest::collection::vec(any::<u8>(), 0..70), state in "[ -~]{0,80}") {
        let mut map = HeaderMap::new();
        if let (Ok(parent), Ok(state)) = (HeaderValue::from_bytes(&parent), HeaderValue::from_str(&state)) {
            map.insert(TRACEPARENT, parent);
            map.insert(TRACESTATE, state);
        }
        let _ = parse(&map);
    }

    #[test]
    fn what_is_read_reads_the_same_again(lines in proptest::collection::vec("[a-c0@=, \t]{0,12}", 0..4)) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        if let Some(once) = state(&lines) {
            prop_assert_eq!(state(&[&once]), Some(once.clone()));
        }
    }
}
