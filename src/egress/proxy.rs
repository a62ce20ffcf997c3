//! The outbound HTTP proxy: where it is, how it knows us, and which hosts it is not asked for.

use super::hosts::{HostList, canonical};
use crate::config;
use crate::config::spec::{OutboundProxySpec, ProxySpec};
use crate::diagnostic::At;
use crate::secret::holds_stand_in;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use url::Url;
use zeroize::Zeroizing;

#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// `http://host:port`, without credentials.
    pub uri: Uri,
    /// `proxy-authorization` (RFC 9110, section 11.7.2).
    pub authorization: Option<HeaderValue>,
    bypass: HostList,
}

/// Not the credentials.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("uri", &self.uri).field("bypass", &self.bypass).finish_non_exhaustive()
    }
}

impl Proxy {
    pub(super) fn compile(spec: &ProxySpec, at: &At<'_>) -> Option<Proxy> {
        let (written, bypass, url_at) = match spec {
            ProxySpec::Url(written) => (written, Some(HostList::default()), at.clone()),
            ProxySpec::Whole(OutboundProxySpec { url, bypass }) => {
                (url, HostList::compile(bypass, &at.key("bypass")), at.key("url"))
            }
        };
        let text = Zeroizing::new(config::plain(written, &url_at)?);
        let parsed = if holds_stand_in(&text) { unknown() } else { parse(&text) };
        let Some((uri, authorization)) = parsed else {
            // Not the URL: it may hold a password.
            let help = "write http://host:port or http://user:password@host:port".to_owned();
            url_at.error("egress-proxy", "this is not the URL of an HTTP proxy", help);
            return None;
        };
        Some(Proxy { uri, authorization, bypass: bypass? })
    }

    /// Whether `host` is reached without it.
    pub fn is_bypassed_for(&self, host: &str) -> bool {
        self.bypass.names(&canonical(host))
    }
}

/// Offline, where nothing is sent.
fn unknown() -> Option<(Uri, Option<HeaderValue>)> {
    Some((Uri::from_static("http://proxy.invalid:3128"), None))
}

fn parse(text: &str) -> Option<(Uri, Option<HeaderValue>)> {
    let url = Url::parse(text).ok()?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if url.scheme() != "http" || !bare {
        return None;
    }
    let port = url.port_or_known_default()?;
    let uri = format!("http://{}:{port}", url.host_str()?).parse().ok()?;
    if url.username().is_empty() && url.password().is_none() {
        return Some((uri, None));
    }
    let (username, password) = (percent_decode_str(url.username()), percent_decode_str(url.password().unwrap_or("")));
    let mut pair: Zeroizing<Vec<u8>> = Zeroizing::new(username.collect());
    if pair.contains(&b':') {
        return None;
    }
    pair.push(b':');
    pair.extend(password);
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(&*pair))).ok()?;
    value.set_sensitive(true);
    Some((uri, Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_the_url() {
        let (uri, authorization) = parse("http://Aladdin:open%20sesame@proxy.example:3128").unwrap();
        assert_eq!(uri, "http://proxy.example:3128");
        let authorization = authorization.unwrap();
        // The example of RFC 7617, section 2.
        assert_eq!(authorization, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(authorization.is_sensitive());
        assert_eq!(parse("http://proxy.example").unwrap(), (Uri::from_static("http://proxy.example:80"), None));
        assert_eq!(parse("http://[::1]:3128/").unwrap().0, "http://[::1]:3128");
    }

    #[test]
    fn what_is_no_proxy() {
        for text in ["", "proxy:3128", "https://proxy", "socks5://proxy:1080", "http://proxy/path", "http://a%3Ab:c@p"]
        {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
