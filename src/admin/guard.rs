//! Who may ask the admin listener.
//!
//! Off loopback, whoever has the token. On loopback every program of this machine may, but no web page that a browser on
//! it shows: a page can point its own name at 127.0.0.1 (DNS rebinding) or post there blindly, and both can be told by
//! the `Host` and `Origin` that the browser sends.

use crate::secret::Secret;
use aws_lc_rs::digest::{SHA256, digest};
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, Uri};
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

    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Denied> {
        if self.loopback && !comes_from_no_web_page(uri, headers) {
            return Err(Denied::Origin);
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
