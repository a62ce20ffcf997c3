//! Targets that are reached over http although the way there is public.

use super::RouteSubject;
use crate::deliver::Target;
use crate::secret::holds_stand_in;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) fn lint_route(subject: &RouteSubject<'_>) {
    for target in subject.targets() {
        let is_far = |letter: &Target| crosses_public_networks(letter.origin());
        if target.target.dead_letter.as_deref().is_some_and(is_far)
            && let Some(at) = target.place("dead_letter", |spec| spec.dead_letter.is_some())
        {
            let message = "dead letters go to a public host in plain text";
            at.warning("url-plain-http", message, "write https:// there".to_owned());
        }
        if !crosses_public_networks(target.target.origin()) {
            continue;
        }
        // The host may come from a reference, so it is not named.
        if let Some(at) = target.place("url", |spec| spec.url.is_some()) {
            let message = "events and credentials go to a public host in plain text";
            at.warning("url-plain-http", message, "write https://".to_owned());
        }
    }
}

/// `origin`: scheme, host and perhaps port.
fn crosses_public_networks(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    if !scheme.eq_ignore_ascii_case("http") || holds_stand_in(authority) {
        return false;
    }
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    match host.parse::<IpAddr>() {
        Ok(address) => is_public_address(address.to_canonical()),
        Err(_) => is_public_name(host),
    }
}

/// Not loopback, private (RFC 1918, RFC 4193), link-local, shared (RFC 6598) or unspecified.
fn is_public_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_loopback() || address.is_private() || address.is_link_local() || is_shared)
                && address != Ipv4Addr::UNSPECIFIED
        }
        IpAddr::V6(address) => {
            !(address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local())
                && address != Ipv6Addr::UNSPECIFIED
        }
    }
}

/// Names that no public resolver answers: RFC 6761 (`localhost`, `test`, `invalid`), RFC 6762 (`local`), RFC 8375
/// (`home.arpa`), ICANN's reservation of `internal`, and what clusters and home routers use: `svc`, `consul`, `lan`.
const PRIVATE: [&str; 9] = ["localhost", "test", "invalid", "local", "home.arpa", "internal", "svc", "consul", "lan"];

fn is_public_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_below = |suffix: &str| host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    // A single label is found in the search domains of the host's own network.
    host.contains('.') && !PRIVATE.iter().any(|suffix| is_below(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_to_public_hosts_is_spoken_of() {
        for origin in [
            "http://example.com",
            "HTTP://api.example.com:8080",
            "http://8.8.8.8",
            "http://[2001:4860:4860::8888]:80",
            "http://100.128.0.1",
            "http://notlocal.example",
            "http://mylocal.com",
        ] {
            assert!(crosses_public_networks(origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "stdout://",
            "file:///var/log/a",
            "",
            "http://localhost:9000",
            "http://app.localhost",
            "http://127.0.0.1:9000",
            "http://10.1.2.3",
            "http://192.168.0.1",
            "http://172.16.0.1",
            "http://169.254.1.1",
            "http://100.64.0.1",
            "http://[::1]:9000",
            "http://[fd00::1]",
            "http://[::ffff:10.0.0.1]",
            "http://orders",
            "http://orders:8080",
            "http://printer.local",
            "http://orders.shop.svc",
            "http://orders.shop.svc.cluster.local:80",
            "http://host.docker.internal",
            "http://nas.home.arpa.",
            "http://${env:HOST}",
        ] {
            assert!(!crosses_public_networks(origin), "{origin}");
        }
    }
}
