//! Where the process may connect to.

use schemars::JsonSchema;
use serde::Deserialize;

/// Rules for outgoing connections. Link-local and cloud metadata addresses are denied unless `allow` names them; for a
/// host computed from an event every address that is not public is.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressSpec {
    /// Networks (CIDR) and hosts that may be sent to although their addresses are not public.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Networks (CIDR) and hosts that nothing is sent to, whoever named them.
    #[serde(default)]
    pub deny: Vec<String>,
    /// Which hosts a URL may compute from an event: `api.example.com`, `*.example.com`, or networks.
    #[serde(default)]
    pub dynamic_hosts: Vec<String>,
    /// Through which HTTP proxy: `http://user:password@host:port`. Proxy variables of the environment are not read.
    #[schemars(with = "ProxySpec")]
    #[serde(default)]
    pub proxy: Option<ProxySpec>,
}

/// An HTTP proxy as its URL, or with the hosts that it is not asked for.
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ProxySpec {
    Url(String),
    Whole(OutboundProxySpec),
}

#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutboundProxySpec {
    pub url: String,
    /// Hosts and networks that are reached without the proxy.
    #[serde(default)]
    pub bypass: Vec<String>,
}

/// The URL may hold a password.
impl std::fmt::Debug for ProxySpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProxySpec(…)")
    }
}

impl std::fmt::Debug for OutboundProxySpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OutboundProxySpec(…)")
    }
}
