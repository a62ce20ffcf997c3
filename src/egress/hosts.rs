//! Hosts as an operator lists them: networks, addresses and globs of names.

use crate::config;
use crate::diagnostic::At;
use crate::matcher::Glob;
use crate::secret::holds_stand_in;
use ipnet::IpNet;
use std::net::IpAddr;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostList {
    networks: Vec<IpNet>,
    names: Vec<Glob>,
}

impl HostList {
    /// Every mistake is reported, each at its place.
    pub(super) fn compile(written: &[String], at: &At<'_>) -> Option<HostList> {
        let (mut list, mut whole) = (HostList::default(), Some(()));
        for (index, written) in written.iter().enumerate() {
            let at = at.index(index);
            let added = config::plain(written, &at).and_then(|text| list.add(&text, &at));
            whole = whole.and(added);
        }
        whole.map(|()| list)
    }

    fn add(&mut self, text: &str, at: &At<'_>) -> Option<()> {
        // Offline, a reference may stand for anything.
        if holds_stand_in(text) {
            self.names.push(Glob::new("*"));
            return Some(());
        }
        if let Some(network) = network(text) {
            self.networks.push(network);
        } else if let Some(glob) = name(text) {
            self.names.push(glob);
        } else {
            let help =
                "write a name as api.example.com or *.example.com, or a network as 10.0.0.0/8, without scheme or port";
            at.error("egress-host", format!("`{text}` is neither a host nor a network"), help.to_owned());
            return None;
        }
        Some(())
    }

    pub(super) fn everything() -> HostList {
        HostList { networks: Vec::new(), names: vec![Glob::new("*")] }
    }

    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.names.is_empty()
    }

    /// `host`: as [`canonical`] gives it; an address counts by the networks.
    pub(super) fn names(&self, host: &str) -> bool {
        self.names.iter().any(|glob| glob.matches(host))
            || literal(host).is_some_and(|address| self.contains(address.to_canonical()))
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// As names are compared: lower case, without the dot of the root, and IPv6 without brackets.
pub(super) fn canonical(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// A host that no resolver is asked for.
pub fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| literal(text).map(IpNet::from))?;
    // `::ffff:10.0.0.0/104` is 10.0.0.0/8: addresses are compared as what they are.
    match network {
        IpNet::V6(mapped) => match (mapped.addr().to_ipv4_mapped(), mapped.prefix_len().checked_sub(96)) {
            (Some(address), Some(prefix)) => ipnet::Ipv4Net::new(address, prefix).ok().map(IpNet::V4),
            _ => Some(network),
        },
        IpNet::V4(_) => Some(network),
    }
}

/// A glob in which a host's letters stand, and at least one that is no digit: half an address is a mistake.
fn name(text: &str) -> Option<Glob> {
    let text = canonical(text);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*' | b'?');
    let telling = |byte: u8| byte.is_ascii_alphabetic() || byte == b'*';
    let fits = text.len() <= 253 && text.bytes().all(allowed) && text.bytes().any(telling);
    (fits && !text.contains("..") && !text.starts_with('.')).then(|| Glob::new(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_network_and_what_a_name() {
        assert_eq!(network("10.0.0.0/8"), "10.0.0.0/8".parse().ok());
        assert_eq!(network("10.1.2.3"), "10.1.2.3/32".parse().ok());
        assert_eq!(network("[fd00::1]"), "fd00::1/128".parse().ok());
        assert_eq!(network("::ffff:10.0.0.0/104"), "10.0.0.0/8".parse().ok());
        for text in ["api.example.com", "*.example.com", "localhost", "a-b_c", "API.Example.com.", "*"] {
            assert!(network(text).is_none() && name(text).is_some(), "{text}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0", "http://h", "h:80", "a b", "h/p", ".example.com", "a..b", "ü.de"] {
            assert!(network(text).is_none() && name(text).is_none(), "{text}");
        }
    }

    #[test]
    fn names_are_compared_without_case_and_root() {
        assert_eq!(canonical("API.Example.COM."), "api.example.com");
        assert_eq!(canonical("[FD00::1]"), "fd00::1");
    }
}
