//! Where the process may connect to: `egress` of hookswitch.yaml. Pure rules over names and addresses; opening
//! connections, and asking these rules about the very addresses that are connected to, is [`crate::deliver`]'s.
//!
//! A host that is written in the configuration is the operator's choice; one that was computed from an event is a
//! stranger's, who may name a machine that only we can reach.

mod address;
mod hosts;
mod proxy;

#[cfg(test)]
mod tests;

pub use hosts::{HostList, literal};
pub use proxy::Proxy;

use crate::config::spec::EgressSpec;
use crate::diagnostic::At;
use address::{Kind, faces, kind};
use hosts::canonical;
use std::net::IpAddr;

/// The rules. Two that are equal permit the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Egress {
    allow: HostList,
    deny: HostList,
    dynamic_hosts: HostList,
    pub proxy: Option<Proxy>,
}

/// Whose choice a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// It stands in the configuration, or in what the configuration names.
    Written,
    /// It was computed from an event.
    Computed,
}

/// Why nothing is sent there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("the host was computed from the event and is not one of `egress.dynamic_hosts`")]
    UnknownHost,
    #[error("`egress.deny` names the host or its address")]
    Listed,
    #[error("it is a link-local address or the metadata service of a cloud")]
    Metadata,
    #[error("the host was computed from the event and its address is not public")]
    NotPublic,
}

/// Names of metadata services. Here their addresses would do, but a proxy may resolve what we cannot.
const METADATA: [&str; 4] =
    ["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal", "metadata.tencentyun.com"];

impl Egress {
    pub fn compile(spec: Option<&EgressSpec>, at: &At<'_>) -> Option<Egress> {
        let Some(spec) = spec else { return Some(Egress::default()) };
        let list = |written: &[String], key: &str| HostList::compile(written, &at.key(key));
        let allow = list(&spec.allow, "allow");
        let deny = list(&spec.deny, "deny");
        let dynamic_hosts = list(&spec.dynamic_hosts, "dynamic_hosts");
        let proxy = match &spec.proxy {
            Some(proxy) => Proxy::compile(proxy, &at.key("proxy")).map(Some),
            None => Some(None),
        };
        Some(Egress { allow: allow?, deny: deny?, dynamic_hosts: dynamic_hosts?, proxy: proxy? })
    }

    /// Stands for rules that have a mistake: nothing runs with them.
    pub fn unknown() -> Egress {
        Egress { dynamic_hosts: HostList::everything(), ..Egress::default() }
    }

    /// Some computed host may be sent to.
    pub fn permits_dynamic_hosts(&self) -> bool {
        !self.dynamic_hosts.is_empty()
    }

    /// What can be said of a host before its name is resolved.
    ///
    /// # Errors
    /// Nothing may be sent there, whatever its addresses are.
    pub fn check_host(&self, host: &str, origin: Origin) -> Result<(), Denied> {
        let name = canonical(host);
        if self.deny.names(&name) {
            return Err(Denied::Listed);
        }
        if origin == Origin::Computed && !self.dynamic_hosts.names(&name) {
            return Err(Denied::UnknownHost);
        }
        if METADATA.contains(&name.as_str()) && !self.allow.names(&name) {
            return Err(Denied::Metadata);
        }
        match literal(host) {
            Some(address) => self.check_address(host, address, origin),
            None => Ok(()),
        }
    }

    /// An address that `host` has, or that it is. Where it carries another one, both must pass.
    ///
    /// # Errors
    /// Nothing may be sent there; where any address of a host is denied, the host is.
    pub fn check_address(&self, host: &str, address: IpAddr, origin: Origin) -> Result<(), Denied> {
        let is_allowed_by_name = self.allow.names(&canonical(host));
        for face in faces(address) {
            if self.deny.contains(face) {
                return Err(Denied::Listed);
            }
            if is_allowed_by_name || self.allow.contains(face) {
                continue;
            }
            match (kind(face), origin) {
                (Kind::Metadata, _) => return Err(Denied::Metadata),
                (Kind::Special, Origin::Computed) => return Err(Denied::NotPublic),
                (Kind::Special, Origin::Written) | (Kind::Public, _) => {}
            }
        }
        Ok(())
    }
}
