//! The outgoing side of the process: what every pool of connections is made with, and the sinks. Carried over reloads.
//!
//! The pools themselves belong to the [`Profile`](super::Profile)s of targets. A client does nothing by itself: it
//! follows no redirect, asks no proxy of the environment, decodes nothing and repeats nothing. (A request that a kept connection gave back unread, because it had just been closed, goes out on
//! another one; no byte of it was sent before.) Timeouts of whole attempts belong to [`super::attempt`]; only the opening
//! of a connection, in [`connect`](super::connect), has its own.
//!
//! It is hyper's own pooled client. What a client library adds on top (redirects, proxies, retries, decoding) is what is
//! not wanted here, and its layers took a sixth of the CPU of a request that passes through.

use super::connect::{Connector, Pool, Resolve, System};
use super::sink::Sinks;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use std::sync::Arc;
use std::time::Duration;

/// Shorter than what most servers and balancers keep idle connections for (60 s and more), so that it is we who close
/// them and few requests meet a connection that is closing.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// Idle connections to one host: enough for bursts, few enough to leave descriptors for the rest.
const POOL_IDLE_PER_HOST: usize = 256;
/// Finds HTTP/2 connections whose other end is gone without a word, while requests wait on them.
const HTTP2_PING: Duration = Duration::from_secs(15);
const HTTP2_HEADERS_MAX: u32 = 64 * 1024;

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

    pub(super) fn pool(&self, connector: Connector) -> Pool {
        legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST)
            .http2_keep_alive_interval(HTTP2_PING)
            .http2_keep_alive_timeout(HTTP2_PING)
            .http2_max_header_list_size(HTTP2_HEADERS_MAX)
            .build(connector)
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
