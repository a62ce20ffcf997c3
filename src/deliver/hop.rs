//! The headers that say through whose hands a delivery went: `forwarded` (RFC 7239) and `x-forwarded-for/-proto/-host`.
//!
//! Those that came in are believed only from a trusted proxy; anybody else could write what they like.

use crate::event::RequestInfo;
use http::header::{FORWARDED, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REQUESTED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Adds those that are not there yet: what a target's `headers` say stands.
pub(super) fn add(headers: &mut HeaderMap, request: &RequestInfo, trusted_proxy: Option<IpAddr>) {
    let host = host(request, trusted_proxy.is_some());
    let client = request.client_ip;
    let told = |name: &HeaderName| trusted_proxy.and_then(|_| request.header(name.as_str()));
    let mut text = String::with_capacity(96);
    match told(&FORWARDED) {
        Some(forwarded) => text.push_str(&forwarded),
        None => {
            text.push_str("for=");
            push_node(&mut text, client);
            for part in [";host=\"", host.as_ref().map_or("", |host| host.to_str().unwrap_or_default()), "\";proto="] {
                text.push_str(part);
            }
            text.push_str(request.scheme);
        }
    }
    if let Some(proxy) = trusted_proxy {
        text.push_str(", for=");
        push_node(&mut text, proxy);
    }
    insert_new(headers, FORWARDED, HeaderValue::from_str(&text).ok());
    text.clear();
    match told(&FOR) {
        Some(clients) => text.push_str(&clients),
        None => push_address(&mut text, client),
    }
    if let Some(proxy) = trusted_proxy {
        text.push_str(", ");
        push_address(&mut text, proxy);
    }
    insert_new(headers, FOR, HeaderValue::from_str(&text).ok());
    insert_new(headers, REQUESTED_HOST, host);
    insert_new(headers, PROTO, Some(HeaderValue::from_static(request.scheme)));
}

/// What cannot be a header value (a host from HTTP/2 may be odd) is left out rather than sent broken.
fn insert_new(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        headers.entry(name).or_insert(value);
    }
}

/// With its port, where the sender gave one; without what would end a quoted string.
fn host(request: &RequestInfo, trusted: bool) -> Option<HeaderValue> {
    let ends_quotes = |each: char| matches!(each, '"' | '\\');
    let came_in = request.headers.get(REQUESTED_HOST).filter(|_| trusted);
    let written = came_in.or_else(|| request.headers.get(HOST));
    match written.and_then(|value| Some((value, value.to_str().ok()?))) {
        Some((value, text)) if !text.contains(ends_quotes) => Some(value.clone()),
        Some((_, text)) => HeaderValue::from_str(&text.replace(ends_quotes, "")).ok(),
        None => HeaderValue::from_str(&request.host.replace(ends_quotes, "")).ok(),
    }
}

/// RFC 7239, section 6: an IPv6 address stands in brackets and quotes.
fn push_node(text: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(_) => push_address(text, address),
        IpAddr::V6(address) => text.extend(["\"[", &address.to_string(), "]\""]),
    }
}

/// As it is formatted, which takes ten times as long for an IPv4 address.
fn push_address(text: &mut String, address: IpAddr) {
    let IpAddr::V4(address) = address else { return text.push_str(&address.to_string()) };
    for (position, octet) in address.octets().into_iter().enumerate() {
        if position > 0 {
            text.push('.');
        }
        for (least, unit) in [(100, 100), (10, 10), (0, 1)] {
            if octet >= least {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::tests::support::request;

    fn added(pairs: &[(&'static str, &'static str)], client: &str, proxy: Option<&str>) -> HeaderMap {
        let mut request = request(pairs);
        request.client_ip = client.parse().unwrap();
        let mut headers = HeaderMap::new();
        add(&mut headers, &request, proxy.map(|proxy| proxy.parse().unwrap()));
        headers
    }

    #[test]
    fn a_stranger_does_not_choose_its_address() {
        let lies = [("x-forwarded-for", "10.0.0.1"), ("forwarded", "for=10.0.0.1"), ("x-forwarded-host", "admin")];
        let headers = added(&lies, "203.0.113.7", None);
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7");
        assert_eq!(headers["forwarded"], "for=203.0.113.7;host=\"hooks.example.com\";proto=https");
        assert_eq!(headers["x-forwarded-host"], "hooks.example.com");
        assert_eq!(headers["x-forwarded-proto"], "https");
    }

    #[test]
    fn a_trusted_proxy_is_continued() {
        let told = [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7"), ("x-forwarded-host", "pub")];
        let headers = added(&told, "203.0.113.7", Some("10.1.2.3"));
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7, 10.1.2.3");
        assert_eq!(headers["forwarded"], "for=203.0.113.7, for=10.1.2.3");
        assert_eq!(headers["x-forwarded-host"], "pub");
    }

    #[test]
    fn a_silent_trusted_proxy_is_named() {
        let headers = added(&[], "203.0.113.7", Some("2001:db8::1"));
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7, 2001:db8::1");
        let expected = "for=203.0.113.7;host=\"hooks.example.com\";proto=https, for=\"[2001:db8::1]\"";
        assert_eq!(headers["forwarded"], expected);
    }

    #[test]
    fn a_host_cannot_leave_its_quotes() {
        let headers = added(&[("host", "a\";for=10.0.0.1;x=\"")], "203.0.113.7", None);
        assert_eq!(headers["forwarded"], "for=203.0.113.7;host=\"a;for=10.0.0.1;x=\";proto=https");
    }

    #[test]
    fn what_the_target_says_stands() {
        let mut headers = HeaderMap::from_iter([(FOR, HeaderValue::from_static("hidden"))]);
        add(&mut headers, &request(&[]), None);
        assert_eq!(headers["x-forwarded-for"], "hidden");
    }

    #[test]
    fn every_octet_is_written_as_the_formatter_does() {
        for octet in 0..=255 {
            let address = IpAddr::from([octet, 255 - octet, octet / 3, 0]);
            let mut text = String::new();
            push_address(&mut text, address);
            assert_eq!(text, address.to_string());
        }
    }
}
