//! The outgoing side of the process: one HTTP client with its connection pools, and the sinks. Carried over reloads.
//!
//! The client does nothing by itself: it follows no redirect, asks no proxy of the environment, decodes nothing and
//! repeats nothing. (A request that a kept connection gave back unread, because it had just been closed, goes out on
//! another one; no byte of it was sent before.) Timeouts of whole attempts belong to [`super::attempt`]; only the opening of a connection has its
//! own, so that one dead address does not eat a whole attempt.

use super::sink::Sinks;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use std::sync::Arc;
use std::time::Duration;

/// Long enough for two lost SYNs, short enough to leave room for a retry in the usual deadline.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than what most servers and balancers keep idle connections for (60 s and more), so that it is we who close
/// them and few requests meet a connection that is closing.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// Idle connections to one host: enough for bursts, few enough to leave descriptors for the rest.
const POOL_IDLE_PER_HOST: usize = 256;
/// Finds HTTP/2 connections whose other end is gone without a word, while requests wait on them.
const HTTP2_PING: Duration = Duration::from_secs(15);
const HTTP2_HEADERS_MAX: u32 = 64 * 1024;

/// The outgoing side of the process: connection pools and sinks, carried over reloads. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) sinks: Sinks,
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
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(HTTP2_PING)
            .http2_keep_alive_timeout(HTTP2_PING)
            .http2_max_header_list_size(HTTP2_HEADERS_MAX)
            .build()
            .map_err(|error| ClientError(error.to_string()))?;
        Ok(Client { http, sinks: Sinks::default() })
    }
}

fn tls() -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    // Certificates that cannot be read or parsed are skipped: one bad file must not cost all the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
