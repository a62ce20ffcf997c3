use super::*;
use crate::diagnostic::Findings;
use crate::secret::{Missing, References};
use std::path::Path;

/// The rules, or `code pointer` of every mistake.
fn compiled(yaml: &str, missing: Missing) -> Result<Egress, Vec<String>> {
    let spec: EgressSpec = serde_yaml::from_str(yaml).unwrap();
    let findings = Findings::default();
    let references = References::with_lookup(Path::new("."), missing, |_| None);
    let egress = Egress::compile(Some(&spec), &At::document(&findings, &references, 0).key("egress"));
    let found =
        findings.into_inner().into_iter().map(|finding| format!("{} {}", finding.code, finding.pointer)).collect();
    egress.ok_or(found)
}

fn rules(yaml: &str) -> Egress {
    compiled(yaml, Missing::Fails).unwrap()
}

fn address(egress: &Egress, address: &str, origin: Origin) -> Result<(), Denied> {
    egress.check_address("h.test", address.parse().unwrap(), origin)
}

#[test]
fn every_mistake_is_reported_at_its_place() {
    let found = compiled(
        "{allow: [10.0.0.0/33, ok.test], deny: ['http://h'], dynamic_hosts: ['${env:NONE}'], proxy: ftp}",
        Missing::Fails,
    );
    let expected = [
        "egress-host /egress/allow/0",
        "egress-host /egress/deny/0",
        "reference-missing /egress/dynamic_hosts/0",
        "egress-proxy /egress/proxy",
    ];
    assert_eq!(found.unwrap_err(), expected);
    let found = compiled("{proxy: {url: 'https://p', bypass: ['a b']}}", Missing::Fails).unwrap_err();
    assert_eq!(found, ["egress-host /egress/proxy/bypass/0", "egress-proxy /egress/proxy/url"]);
}

#[test]
fn offline_a_missing_reference_may_be_any_host() {
    let egress =
        compiled("{dynamic_hosts: ['${env:HOSTS}'], proxy: '${env:PROXY}'}", Missing::StandsForItself).unwrap();
    assert!(egress.permits_dynamic_hosts());
    assert_eq!(egress.check_host("anything.test", Origin::Computed), Ok(()));
}

#[test]
fn without_rules_only_metadata_is_denied_to_written_hosts() {
    let egress = Egress::default();
    for fine in ["127.0.0.1", "10.1.2.3", "::1", "fd12::1", "8.8.8.8", "2001:db8::1", "224.0.0.1"] {
        assert_eq!(address(&egress, fine, Origin::Written), Ok(()), "{fine}");
    }
    for denied in [
        "169.254.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
    ] {
        assert_eq!(address(&egress, denied, Origin::Written), Err(Denied::Metadata), "{denied}");
    }
    assert_eq!(egress.check_host("Metadata.Google.internal.", Origin::Written), Err(Denied::Metadata));
    assert_eq!(egress.check_host("api.example.com", Origin::Written), Ok(()));
    assert_eq!(egress.check_host("api.example.com", Origin::Computed), Err(Denied::UnknownHost));
}

#[test]
fn allow_names_what_is_permitted_and_nothing_beside_it() {
    let egress =
        rules("{allow: [169.254.169.254, 10.1.0.0/16, 'inside.test', metadata.google.internal], dynamic_hosts: ['*']}");
    for origin in [Origin::Written, Origin::Computed] {
        assert_eq!(address(&egress, "169.254.169.254", origin), Ok(()));
        assert_eq!(address(&egress, "::ffff:169.254.169.254", origin), Ok(()));
        assert_eq!(address(&egress, "169.254.169.253", origin), Err(Denied::Metadata));
        assert_eq!(egress.check_host("metadata.google.internal", origin), Ok(()));
    }
    assert_eq!(address(&egress, "10.1.2.3", Origin::Computed), Ok(()));
    assert_eq!(address(&egress, "10.2.2.3", Origin::Computed), Err(Denied::NotPublic));
    // An allowed address inside of one that is not.
    assert_eq!(address(&egress, "2002:a01:203::1", Origin::Computed), Err(Denied::NotPublic));
    assert_eq!(egress.check_address("INSIDE.test", "10.2.2.3".parse().unwrap(), Origin::Computed), Ok(()));
    // A network without IPv4 reaches all of IPv4 by such addresses.
    assert_eq!(address(&egress, "64:ff9b::808:808", Origin::Computed), Ok(()));
}

#[test]
fn deny_is_the_last_word() {
    let egress = rules("{allow: [10.0.0.0/8], deny: [10.0.0.1, 8.8.8.0/24, '*.evil.test'], dynamic_hosts: ['*']}");
    for origin in [Origin::Written, Origin::Computed] {
        for denied in ["10.0.0.1", "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert_eq!(address(&egress, denied, origin), Err(Denied::Listed), "{denied}");
        }
        assert_eq!(egress.check_host("a.EVIL.test.", origin), Err(Denied::Listed));
        assert_eq!(egress.check_host("10.0.0.1", origin), Err(Denied::Listed));
        assert_eq!(address(&egress, "10.0.0.2", origin), Ok(()));
    }
}

#[test]
fn a_computed_address_must_be_named_too() {
    let egress = rules("{allow: [10.0.0.0/8], dynamic_hosts: [10.1.0.0/16, api.test]}");
    assert_eq!(egress.check_host("10.1.0.1", Origin::Computed), Ok(()));
    assert_eq!(egress.check_host("10.2.0.1", Origin::Computed), Err(Denied::UnknownHost));
    assert_eq!(egress.check_host("api.test", Origin::Computed), Ok(()));
}
