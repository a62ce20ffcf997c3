//! The client's address as the credential: what is left where a sender signs nothing.

use super::Refusal;
use crate::diagnostic::At;
use ipnet::IpNet;
use std::net::IpAddr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Networks(Vec<IpNet>);

impl Networks {
    /// `written` with the place of each; a bare address is a network of one.
    pub fn compile<'a>(written: impl Iterator<Item = (String, At<'a>)>) -> Option<Networks> {
        let networks = written.map(|(text, at)| {
            let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            if network.is_none() {
                let help = "write an address or a network, as 203.0.113.0/24".to_owned();
                at.error("verify-network", format!("`{text}` is no network"), Some(help));
            }
            network
        });
        networks.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Networks)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An IPv4 address written as IPv6 counts as what it is.
    pub fn check(&self, client: IpAddr) -> Result<Option<usize>, Refusal> {
        let client = client.to_canonical();
        if self.0.iter().any(|network| network.contains(&client)) { Ok(None) } else { Err(Refusal::Address) }
    }
}
