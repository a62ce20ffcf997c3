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
    let element = || format!("for={};host=\"{host}\";proto={}", node(client), request.scheme);
    let (clients, forwarded) = match trusted_proxy {
        None => (client.to_string(), element()),
        Some(proxy) => {
            let clients = request.header(FOR.as_str()).unwrap_or_else(|| client.to_string());
            let forwarded = request.header(FORWARDED.as_str()).unwrap_or_else(element);
            (format!("{clients}, {proxy}"), format!("{forwarded}, for={}", node(proxy)))
        }
    };
    insert_new(headers, FORWARDED, HeaderValue::try_from(forwarded));
    insert_new(headers, FOR, HeaderValue::try_from(clients));
    insert_new(headers, REQUESTED_HOST, HeaderValue::try_from(host));
    headers.entry(PROTO).or_insert(HeaderValue::from_static(request.scheme));
}

/// What cannot be a header value (a host from HTTP/2 may be odd) is left out rather than sent broken.
fn insert_new(headers: &mut HeaderMap, name: HeaderName, value: Result<HeaderValue, http::header::InvalidHeaderValue>) {
    if let Ok(value) = value {
        headers.entry(name).or_insert(value);
    }
}

/// With its port, where the sender gave one; without what would end a quoted string.
fn host(request: &RequestInfo, trusted: bool) -> String {
    let came_in = request.headers.get(REQUESTED_HOST).filter(|_| trusted);
    let written = came_in.or_else(|| request.headers.get(HOST)).and_then(|value| value.to_str().ok());
    let host = written.unwrap_or(&request.host);
    host.chars().filter(|each| !matches!(each, '"' | '\\')).collect()
}

/// RFC 7239, section 6: an IPv6 address stands in brackets and quotes.
fn node(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
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
}
