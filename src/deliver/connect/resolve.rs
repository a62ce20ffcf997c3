//! Names to addresses, all of which egress permits.

use super::BoxError;
use crate::egress::{Egress, Origin};
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// Asks a resolver. The ports of the addresses mean nothing.
pub(in crate::deliver) trait Resolve: Send + Sync {
    fn resolve(&self, name: Name) -> Resolving;
}

pub(in crate::deliver) type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The system's.
pub(in crate::deliver) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move { Ok(GaiResolver::new().call(name).await?.collect()) })
    }
}

/// A name that has no address, as far as can be found out.
#[derive(Debug, thiserror::Error)]
#[error("the name could not be resolved")]
pub(in crate::deliver) struct Unresolved(#[source] io::Error);

impl Unresolved {
    pub(super) fn nothing() -> Unresolved {
        Unresolved(io::ErrorKind::NotFound.into())
    }
}

/// Gives addresses that may be connected to. Where one is denied, the name gives none at all: whoever answers for it
/// would choose which of them is tried.
#[derive(Clone)]
pub(super) struct Checked {
    pub(super) egress: Arc<Egress>,
    pub(super) origin: Origin,
    pub(super) resolver: Arc<dyn Resolve>,
}

impl Checked {
    pub(super) async fn resolve(&self, host: &str) -> Result<Vec<SocketAddr>, BoxError> {
        let name = Name::from_str(host).map_err(|_| Unresolved::nothing())?;
        let addresses = self.resolver.resolve(name).await.map_err(Unresolved)?;
        for address in &addresses {
            self.egress.check_address(host, address.ip(), self.origin)?;
        }
        Ok(addresses)
    }
}

impl Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let checked = self.clone();
        Box::pin(async move { Ok(checked.resolve(name.as_str()).await?.into_iter()) })
    }
}
