//! Every notation that forged requests are written in, judged as a host that was computed from an event. Nothing is
//! connected to, and no resolver is asked.

use super::rules;
use crate::deliver::destination::Destination;
use crate::egress::{Egress, Origin, literal};
use std::net::IpAddr;
use std::path::Path;

/// What resolvers say of names that lead inside.
const INSIDE: [(&str, &str); 22] = [
    ("localhost", "127.0.0.1"),
    ("foo.localhost", "::1"),
    ("ip6-localhost", "::1"),
    ("localhost.localdomain", "127.0.0.1"),
    ("metadata", "169.254.169.254"),
    ("metadata.google.internal", "169.254.169.254"),
    ("instance-data", "169.254.169.254"),
    ("rancher-metadata", "169.254.169.250"),
    ("kubernetes.default.svc", "10.96.0.1"),
    ("kubernetes.default.svc.cluster.local", "10.96.0.1"),
    ("host.docker.internal", "192.168.65.2"),
    ("consul.service.consul", "127.0.0.1"),
    ("127.0.0.1.nip.io", "127.0.0.1"),
    ("169.254.169.254.nip.io", "169.254.169.254"),
    ("localtest.me", "127.0.0.1"),
    ("mixed.test", "203.0.113.10 127.0.0.1"),
    ("aaaa.test", "::ffff:127.0.0.1"),
    ("cname.test", "127.0.0.1"),
    ("ttl0.test", "127.0.0.1"),
    // What it says the second time; the first is checked by a test of its own.
    ("rebind.test", "127.0.0.1"),
    ("example.com", "23.192.228.80"),
    ("www.example.com", "23.192.228.80"),
];

/// Everything that could be judged before a connection is opened.
fn is_denied(url: &str, egress: &Egress) -> bool {
    let Ok(Destination::Http(place)) = Destination::parse(url) else { return true };
    let host = place.uri.host().unwrap();
    if egress.check_host(host, Origin::Computed).is_err() {
        return true;
    }
    let addresses: Vec<IpAddr> = match literal(host) {
        Some(address) => vec![address],
        None => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            let known = INSIDE.iter().find(|(known, _)| *known == name);
            known.map_or(Vec::new(), |(_, all)| all.split(' ').map(|address| address.parse().unwrap()).collect())
        }
    };
    // A name that nobody knows leads nowhere.
    addresses.is_empty()
        || addresses.iter().any(|address| egress.check_address(host, *address, Origin::Computed).is_err())
}

#[test]
fn every_notation_is_seen_through() {
    let egress = rules("{dynamic_hosts: ['*']}");
    let mut counts = [0, 0];
    for line in include_str!("ssrf.txt").lines().filter(|line| !line.starts_with('#')) {
        let (expected, url) = line.split_once(' ').unwrap();
        let is_expected = expected == "denied";
        assert_eq!(is_denied(url, &egress), is_expected, "{url}");
        counts[usize::from(is_expected)] += 1;
    }
    assert!(counts[0] > 40 && counts[1] > 250, "{counts:?}");
}

#[test]
fn what_dynamic_hosts_does_not_name_is_denied_wherever_it_leads() {
    let egress = rules("{dynamic_hosts: ['*.partner.test']}");
    for line in include_str!("ssrf.txt").lines().filter(|line| !line.starts_with('#')) {
        let (_, url) = line.split_once(' ').unwrap();
        assert!(is_denied(url, &egress), "{url}");
    }
}

/// The larger collection, where it lies beside the repository. Some of its URLs are pages of public hosts: those are only
/// denied where `dynamic_hosts` does not name them.
#[test]
fn the_collection_is_denied() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora/ssrf/targets.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: no ../shared/corpora/ssrf");
        return;
    };
    let collection: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (open, narrow) = (rules("{dynamic_hosts: ['*']}"), rules("{dynamic_hosts: ['*.partner.test']}"));
    for case in collection["cases"].as_array().unwrap() {
        let url = case["url"].as_str().unwrap().replace("{PORT}", "9");
        // Redirects are never followed, which is tested with the client.
        if case["cat"] == "redirect" {
            continue;
        }
        assert!(is_denied(&url, &narrow), "{url}");
        if case["expect"] == "blocked" {
            assert!(is_denied(&url, &open), "{url}");
        }
    }
}
