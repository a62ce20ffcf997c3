//! Who is calling: the client's address, and the scheme and host it used, past the proxies that are trusted.
//!
//! Forwarding headers are claims. They are believed only from a peer in `trusted_proxies`, and only as far back as the
//! chain of trusted addresses reaches, read from the right, where our own proxy wrote.

mod forwarded;

use http::header::{FORWARDED, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whose forwarding headers are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// IPv4-mapped IPv6 is written as the IPv4 it is.
    pub ip: IpAddr,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Lower case, without port; an IPv6 literal keeps its brackets. Empty where HTTP/1.0 sent none.
    pub host: String,
    /// Whether the peer is a trusted proxy, so that its forwarding headers may be passed on.
    pub behind_proxy: bool,
}

/// The request names no usable host: RFC 9112, section 3.2 wants a 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    #[error("the Host header is missing")]
    Missing,
    #[error("there is more than one Host header")]
    Repeated,
    #[error("the Host header is not a host")]
    Malformed,
}

/// An entry of `trusted_proxies` that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is neither an IP address nor a network such as 10.0.0.0/8")]
pub struct NotANetwork(pub String);

impl TrustedProxies {
    /// # Errors
    /// The first entry that is neither an address nor a CIDR block.
    pub fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<TrustedProxies, NotANetwork> {
        let parse = |entry: S| {
            let text = entry.as_ref().trim();
            let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            network.map(canonical_network).ok_or_else(|| NotANetwork(text.to_owned()))
        };
        entries.into_iter().map(parse).collect::<Result<_, _>>().map(TrustedProxies)
    }

    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|network| network.contains(&ip))
    }
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`: addresses are compared in their IPv4 form.
fn canonical_network(network: IpNet) -> IpNet {
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (ip @ IpAddr::V4(_), Some(prefix)) if network.addr().is_ipv6() => IpNet::new(ip, prefix).unwrap_or(network),
        _ => network,
    }
}

/// Who sent `request` over a connection from `peer`.
///
/// # Errors
/// The request names no host, several, or something that is none.
pub fn client(
    peer: IpAddr,
    scheme: &'static str,
    request: &Parts,
    trusted: &TrustedProxies,
) -> Result<Client, HostError> {
    let host = written_host(request)?;
    let direct = Client { ip: peer.to_canonical(), scheme, host, behind_proxy: false };
    if trusted.0.is_empty() || !trusted.contains(direct.ip) {
        return Ok(direct);
    }
    let direct = Client { behind_proxy: true, ..direct };
    let headers = &request.headers;
    let by_x = headers.contains_key(X_FORWARDED_FOR).then(|| past_x_forwarded(headers, &direct, trusted));
    let by_forwarded = headers.contains_key(FORWARDED).then(|| past_forwarded(headers, &direct, trusted));
    Ok(match (by_x, by_forwarded) {
        (None, None) => with_x_proto_and_host(headers, direct),
        (Some(client), None) | (None, Some(client)) => client,
        // The proxy writes one of the two and hands on the other as the client sent it: which one is ours we cannot
        // know. Where they disagree neither is believed.
        (Some(x), Some(forwarded)) if x.ip == forwarded.ip => x,
        (Some(_), Some(_)) => direct,
    })
}

/// Walks `X-Forwarded-For` from the right while the addresses are trusted proxies themselves.
fn past_x_forwarded(headers: &HeaderMap, direct: &Client, trusted: &TrustedProxies) -> Client {
    let lines = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
    let entries = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    let mut ip = direct.ip;
    for entry in entries {
        // What cannot be read ends the chain: the last address that somebody trusted reported is the client.
        let Some(hop) = address(entry) else { break };
        ip = hop;
        if !trusted.contains(hop) {
            break;
        }
    }
    with_x_proto_and_host(headers, Client { ip, ..direct.clone() })
}

/// The rightmost value is the one that our own proxy wrote.
fn with_x_proto_and_host(headers: &HeaderMap, client: Client) -> Client {
    let last = |name: HeaderName| headers.get_all(name).into_iter().next_back()?.to_str().ok()?.rsplit(',').next();
    let scheme = last(X_FORWARDED_PROTO).and_then(known_scheme).unwrap_or(client.scheme);
    let host = last(X_FORWARDED_HOST).and_then(|host| host_without_port(host.trim())).unwrap_or(client.host);
    Client { scheme, host, ..client }
}

/// As [`past_x_forwarded`], by the `Forwarded` header (RFC 7239); scheme and host are those the client's own hop names.
fn past_forwarded(headers: &HeaderMap, direct: &Client, trusted: &TrustedProxies) -> Client {
    let mut client = direct.clone();
    for line in headers.get_all(FORWARDED).into_iter().rev() {
        let Some(hops) = line.to_str().ok().and_then(forwarded::parse) else { return client };
        for hop in hops.iter().rev() {
            let Some(ip) = hop.node.as_deref().and_then(address) else { return client };
            client = Client {
                ip,
                scheme: hop.proto.as_deref().and_then(known_scheme).unwrap_or(client.scheme),
                host: hop.host.as_deref().and_then(host_without_port).unwrap_or(client.host),
                ..client
            };
            if !trusted.contains(ip) {
                return client;
            }
        }
    }
    client
}

fn known_scheme(written: &str) -> Option<&'static str> {
    ["http", "https"].into_iter().find(|scheme| written.trim().eq_ignore_ascii_case(scheme))
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn address(written: &str) -> Option<IpAddr> {
    let text = written.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    ip.map(|ip| ip.to_canonical())
}

/// The host of the request line or `:authority`, which outranks the Host header (RFC 9112, section 3.2.2).
fn written_host(request: &Parts) -> Result<String, HostError> {
    let mut lines = request.headers.get_all(HOST).into_iter();
    let line = lines.next();
    if lines.next().is_some() {
        return Err(HostError::Repeated);
    }
    let line = line.map(|line| line.to_str().map_err(|_| HostError::Malformed)).transpose()?;
    let authority = request.uri.authority().map(|authority| authority.as_str());
    match authority.or(line) {
        Some("") => Ok(String::new()),
        Some(written) => host_without_port(written).ok_or(HostError::Malformed),
        None if request.version < http::Version::HTTP_11 => Ok(String::new()),
        None => Err(HostError::Missing),
    }
}

/// Lower case, without port and without the root's dot. `None` for what cannot be a host (RFC 3986, section 3.2.2).
fn host_without_port(written: &str) -> Option<String> {
    let end =
        if written.starts_with('[') { written.find(']')? + 1 } else { written.find(':').unwrap_or(written.len()) };
    let (host, port) = written.split_at_checked(end)?;
    let port_is_one =
        port.strip_prefix(':').map_or(port.is_empty(), |port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_one = match host.strip_prefix('[') {
        Some(literal) => literal.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte))
        }
    };
    (is_one && port_is_one).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
