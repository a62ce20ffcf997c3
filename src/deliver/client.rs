//! The outgoing side of the process: what every pool of connections is made with, and the sinks. Carried over reloads.
//!
//! The pools of connections belong to the [`Profile`](super::Profile)s of targets. Nothing here follows a redirect, asks a proxy of
//! the environment, decodes or repeats. Timeouts of whole attempts belong to [`super::attempt`]; only the opening of a
//! connection, in [`connect`](super::connect), has its own.
//!
//! What a client library adds on top of hyper (redirects, proxies, retries, decoding) is what is not wanted here, and its
//! layers took a sixth of the CPU of a request that passes through.

use super::connect::{Resolve, System};
use super::sink::Sinks;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use std::sync::Arc;

/// The outgoing side of the process. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    pub(super) sinks: Sinks,
}

struct Shared {
    tls: ConfigBuilder<ClientConfig, WantsVerifier>,
    roots: Arc<RootCertStore>,
    resolver: Arc<dyn Resolve>,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot set up outgoing connections: {0}")]
pub struct ClientError(pub String);

impl Client {
    /// Reads the system's root certificates; without any (an image made from scratch) the built-in ones of Mozilla hold.
    ///
    /// # Errors
    /// When TLS cannot be set up at all.
    pub fn new() -> Result<Client, ClientError> {
        Client::resolving(Arc::new(System))
    }

    /// With another resolver than the system's.
    pub(super) fn resolving(resolver: Arc<dyn Resolve>) -> Result<Client, ClientError> {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientError(error.to_string()))?;
        let shared = Shared { tls, roots: Arc::new(roots()), resolver };
        Ok(Client { shared: Arc::new(shared), sinks: Sinks::default() })
    }

    pub(super) fn tls(&self) -> ConfigBuilder<ClientConfig, WantsVerifier> {
        self.shared.tls.clone()
    }

    pub(super) fn roots(&self) -> &Arc<RootCertStore> {
        &self.shared.roots
    }

    pub(super) fn resolver(&self) -> &Arc<dyn Resolve> {
        &self.shared.resolver
    }
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Certificates that cannot be read or parsed are skipped: one bad file must not cost all the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
