use super::*;
use http::Request;
use proptest::prelude::*;

const PROXY: &str = "10.0.0.1";

fn parts(headers: &[(&str, &str)]) -> Parts {
    let mut builder = Request::post("/hooks/a");
    if !headers.iter().any(|(name, _)| *name == "host") {
        builder = builder.header("host", "Hooks.Example.com:8080");
    }
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, value.as_bytes()));
    builder.body(()).unwrap().into_parts().0
}

fn seen(peer: &str, headers: &[(&str, &str)]) -> Client {
    let trusted = TrustedProxies::parse(["10.0.0.0/8", "2001:db8:1::/48"]).unwrap();
    client(peer.parse().unwrap(), "http", &parts(headers), &trusted).unwrap()
}

fn ip(peer: &str, headers: &[(&str, &str)]) -> String {
    seen(peer, headers).ip.to_string()
}

#[test]
fn a_stranger_s_claims_are_not_believed() {
    let claims = [
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil"),
        ("forwarded", "for=1.2.3.4"),
    ];
    let client = seen("203.0.113.9", &claims);
    let expected = Client {
        ip: "203.0.113.9".parse().unwrap(),
        scheme: "http",
        host: "hooks.example.com".into(),
        behind_proxy: false,
    };
    assert_eq!(client, expected);
}

#[test]
fn x_forwarded_for_is_read_from_the_right_past_trusted_proxies() {
    for (value, expected) in [
        ("198.51.100.7", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7, 10.1.1.1,10.2.2.2", "198.51.100.7"),
        ("10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:4711, 2001:db8:1::2", "2001:db8::7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("6.6.6.6, ::ffff:10.2.2.2", "6.6.6.6"),
        ("6.6.6.6, garbage, 10.2.2.2", "10.2.2.2"),
        ("6.6.6.6, ", PROXY),
        ("", PROXY),
        ("unknown", PROXY),
        ("1.2.3", PROXY),
    ] {
        assert_eq!(ip(PROXY, &[("x-forwarded-for", value)]), expected, "{value}");
    }
    assert_eq!(ip(PROXY, &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.7")]), "198.51.100.7");
    assert_eq!(ip(PROXY, &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "10.2.2.2")]), "6.6.6.6");
    assert_eq!(ip(PROXY, &[("x-forwarded-for", "6.6.6.6, \u{44f}")]), PROXY);
}

#[test]
fn forwarded_is_read_the_same_way() {
    for (value, expected) in [
        ("for=198.51.100.7", "198.51.100.7"),
        ("FOR=\"198.51.100.7:80\";proto=https;by=10.0.0.1", "198.51.100.7"),
        ("for=6.6.6.6, for=198.51.100.7;proto=http , for=10.2.2.2", "198.51.100.7"),
        ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=\"[2001:db8:cafe::17]\"", "2001:db8:cafe::17"),
        ("for=[2001:db8:cafe::17]:4711", "2001:db8:cafe::17"),
        ("for=\"1\\98.51.100.7\"", "198.51.100.7"),
        ("for=6.6.6.6, for=unknown", PROXY),
        ("for=6.6.6.6, for=_hidden", PROXY),
        ("for=6.6.6.6, proto=https", PROXY),
        ("for=6.6.6.6;for=7.7.7.7", PROXY),
        ("for=6.6.6.6, for=\"7.7.7.7", PROXY),
        ("for=\"6.6.6.6, for=7.7.7.7\"", PROXY),
        ("for = 6.6.6.6", PROXY),
    ] {
        assert_eq!(ip(PROXY, &[("forwarded", value)]), expected, "{value}");
    }
    assert_eq!(ip(PROXY, &[("forwarded", "for=6.6.6.6"), ("forwarded", "for=10.2.2.2")]), "6.6.6.6");
}

#[test]
fn scheme_and_host_come_from_the_trusted_proxy() {
    let client = seen(
        PROXY,
        &[
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-proto", "http, HTTPS"),
            ("x-forwarded-host", "evil, Real.Example:443"),
        ],
    );
    assert_eq!((client.scheme, client.host.as_str(), client.behind_proxy), ("https", "real.example", true));
    let client = seen(PROXY, &[("x-forwarded-proto", "https")]);
    assert_eq!((client.ip.to_string().as_str(), client.scheme), (PROXY, "https"));
    let client = seen(
        PROXY,
        &[("forwarded", "for=6.6.6.6;proto=http;host=evil, for=1.1.1.1;proto=https;host=\"real.example:443\"")],
    );
    assert_eq!((client.scheme, client.host.as_str()), ("https", "real.example"));
    let client = seen(PROXY, &[("x-forwarded-proto", "gopher"), ("x-forwarded-host", "a/b")]);
    assert_eq!((client.scheme, client.host.as_str()), ("http", "hooks.example.com"));
}

#[test]
fn headers_that_contradict_each_other_are_both_dropped() {
    assert_eq!(ip(PROXY, &[("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=2.2.2.2")]), PROXY);
    assert_eq!(ip(PROXY, &[("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=1.1.1.1")]), "1.1.1.1");
}

#[test]
fn an_ipv4_peer_on_an_ipv6_socket_is_ipv4() {
    assert_eq!(ip("::ffff:203.0.113.9", &[]), "203.0.113.9");
    assert_eq!(ip("::ffff:10.0.0.1", &[("x-forwarded-for", "1.1.1.1")]), "1.1.1.1");
    let mapped = TrustedProxies::parse(["::ffff:10.0.0.0/104", "192.0.2.1"]).unwrap();
    assert!(mapped.contains("10.9.9.9".parse().unwrap()) && mapped.contains("192.0.2.1".parse().unwrap()));
    assert!(!mapped.contains("11.0.0.1".parse().unwrap()) && !mapped.contains("192.0.2.2".parse().unwrap()));
}

#[test]
fn networks_that_are_none_are_named() {
    for entry in ["10.0.0.0/33", "localhost", "10.0.0", ""] {
        assert_eq!(TrustedProxies::parse([entry]).unwrap_err(), NotANetwork(entry.to_owned()));
    }
}

#[test]
fn the_host_is_lower_case_and_has_no_port() {
    for (written, expected) in [
        ("A.example", Some("a.example")),
        ("a.example:80", Some("a.example")),
        ("a.example.", Some("a.example")),
        ("a.example.:80", Some("a.example")),
        ("[2001:DB8::1]:80", Some("[2001:db8::1]")),
        ("127.0.0.1", Some("127.0.0.1")),
        ("a:b", None),
        ("a b", None),
        ("a/b", None),
        ("user@a", None),
        ("[::1", None),
        ("[::1]x", None),
        ("[nonsense]", None),
        (":80", None),
    ] {
        assert_eq!(host_without_port(written).as_deref(), expected, "{written}");
    }
}

#[test]
fn a_request_without_one_host_is_refused() {
    let trusted = TrustedProxies::default();
    let of = |parts: &Parts| client(PROXY.parse().unwrap(), "http", parts, &trusted).map(|client| client.host);
    let mut bare = Request::post("/").body(()).unwrap().into_parts().0;
    assert_eq!(of(&bare), Err(HostError::Missing));
    bare.version = http::Version::HTTP_10;
    assert_eq!(of(&bare).as_deref(), Ok(""));
    assert_eq!(of(&parts(&[("host", "a"), ("host", "a")])), Err(HostError::Repeated));
    assert_eq!(of(&parts(&[("host", "a b")])), Err(HostError::Malformed));
    let absolute = Request::post("http://Real.example:80/x").header("host", "other").body(()).unwrap().into_parts().0;
    assert_eq!(of(&absolute).as_deref(), Ok("real.example"));
}

proptest! {
    #[test]
    fn whatever_the_headers_say_it_never_panics(name in "x-forwarded-for|forwarded|x-forwarded-host|host", value in "[ -~]{0,60}|[a-z0-9:.\\[\\]\",;=\\\\]{0,60}") {
        let trusted = TrustedProxies::parse(["10.0.0.0/8"]).unwrap();
        let _ = client(PROXY.parse().unwrap(), "http", &parts(&[(&name, &value)]), &trusted);
        let _ = forwarded::parse(&value);
    }

    #[test]
    fn what_a_stranger_prepends_changes_nothing(prefix in "[0-9a-z.:, ]{0,40}") {
        let value = format!("{prefix}, 198.51.100.7, 10.2.2.2");
        prop_assert_eq!(ip(PROXY, &[("x-forwarded-for", &value)]), "198.51.100.7");
    }
}
