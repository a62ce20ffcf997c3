//! Who may ask the admin listener.
//!
//! Off loopback, whoever has the token. On loopback every program of this machine may, but no web page that a browser on
//! it shows: a page can point its own name at 127.0.0.1 (DNS rebinding) or post there blindly, and both can be told by
//! the `Host`, `Origin` and `Sec-Fetch-Site` that the browser sends.

use super::page::Access;
use crate::secret::Secret;
use aws_lc_rs::digest::{SHA256, digest};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Uri};
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// The admin listener can be reached from elsewhere and has no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("admin.token is required where admin.listen is not a loopback address")]
pub struct TokenRequired;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    Token,
    Origin,
}

pub(super) struct Guard {
    /// SHA-256: values of one length compare in a time that says nothing.
    token: Option<Vec<u8>>,
    loopback: bool,
}

impl Guard {
    pub(super) fn new(address: IpAddr, token: Option<&Secret>) -> Result<Guard, TokenRequired> {
        let loopback = address.to_canonical().is_loopback();
        // An empty token is one that was not set.
        let token = token.filter(|token| !token.expose().is_empty()).map(|token| hashed(token.expose().as_bytes()));
        if !loopback && token.is_none() {
            return Err(TokenRequired);
        }
        Ok(Guard { token, loopback })
    }

    pub(super) fn check(&self, access: Access, uri: &Uri, headers: &HeaderMap) -> Result<(), Denied> {
        if access == Access::Open {
            return Ok(());
        }
        // Whoever follows a link to the console comes from somewhere.
        let visits = access == Access::Shown && is_visit(headers);
        if (comes_from_elsewhere(headers) && !visits) || (self.loopback && !comes_from_no_web_page(uri, headers)) {
            return Err(Denied::Origin);
        }
        if access == Access::Shown {
            return Ok(());
        }
        let Some(token) = &self.token else { return Ok(()) };
        let given = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        let matches = hashed(given.unwrap_or_default()).ct_eq(token);
        if bool::from(matches) { Ok(()) } else { Err(Denied::Token) }
    }
}

fn hashed(value: &[u8]) -> Vec<u8> {
    digest(&SHA256, value).as_ref().to_vec()
}

/// RFC 6750, section 2.1; the scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A browser says where a request comes from (<https://www.w3.org/TR/fetch-metadata/>): from our own page, from the person
/// at the keyboard (`none`), or from a page of somebody else.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let ours = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
    headers.get_all(SEC_FETCH_SITE).iter().any(|site| !ours(site))
}

/// A page of its own is opened, no piece of another one.
fn is_visit(headers: &HeaderMap) -> bool {
    let says = |name: &'static str, value: &str| headers.get(name).is_some_and(|said| said == value);
    says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document")
}

/// Tells browsers to do nothing with an answer but to show it. What is stricter or looser already stays.
pub(super) fn harden(headers: &mut HeaderMap) {
    let cross_origin = HeaderName::from_static("cross-origin-resource-policy");
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (cross_origin, "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

fn comes_from_no_web_page(uri: &Uri, headers: &HeaderMap) -> bool {
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let host = uri.authority().map(|authority| authority.as_str().to_owned());
    let host = host.or_else(|| headers.get(HOST).and_then(text));
    let host_is_ours = host.as_deref().is_some_and(is_local_name);
    // A page that this listener itself has served sends its own origin; every other page is a stranger.
    let origin_is_ours = headers.get(ORIGIN).is_none_or(|origin| {
        let origin = text(origin);
        let from = origin.as_deref().and_then(|origin| origin.strip_prefix("http://"));
        from.is_some() && from == host.as_deref()
    });
    host_is_ours && origin_is_ours
}

/// An address, or `localhost`, which browsers resolve by themselves: names that nobody else can point here.
fn is_local_name(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<http::uri::Authority>() else { return false };
    let host = authority.host();
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok()
}
