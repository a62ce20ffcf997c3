//! Opening a connection: the rules of egress asked, the name resolved, TCP (through a proxy or not), and TLS for `https`,
//! all within one bound of time.
//!
//! The addresses that the rules have let through are the very ones that are connected to: nothing is resolved a second
//! time in between.

mod resolve;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod tunnel;

#[cfg(test)]
pub(super) use resolve::Resolving;
pub(super) use resolve::{Resolve, System, Unresolved};
pub(super) use tls::Tls;

use crate::egress::{Egress, Origin, Proxy, literal};
use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use resolve::Checked;
use rustls::ClientConfig;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use stream::Stream;
use tokio::net::TcpStream;
use tower_service::Service;

/// Long enough for two lost SYNs, short enough to leave room for a retry in the usual deadline: one dead address must
/// not eat a whole attempt.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A kept connection whose other end has vanished is found out after a minute instead of hours.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const KEEP_ALIVE_PROBES: u32 = 3;
/// As long may what was sent go unacknowledged (RFC 5482), where the system can tell.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// A connection, ready for HTTP.
pub(super) type Opened = MaybeHttpsStream<Stream>;

/// Opens connections by one set of rules.
pub(super) struct Connector {
    https: HttpsConnector<Opener>,
    egress: Arc<Egress>,
    origin: Origin,
}

impl Connector {
    /// HTTP/2 where the other end chooses it (ALPN), else HTTP/1.1; `tls` says everything but that.
    pub(super) fn new(
        egress: &Arc<Egress>,
        origin: Origin,
        resolver: &Arc<dyn Resolve>,
        tls: ClientConfig,
    ) -> Connector {
        let checked = |origin| Checked { egress: egress.clone(), origin, resolver: resolver.clone() };
        let opener =
            Opener { target: tcp(checked(origin)), proxy: tcp(checked(Origin::Written)), rules: checked(origin) };
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_all_versions();
        Connector { https: https.wrap_connector(opener), egress: egress.clone(), origin }
    }

    /// To the scheme, host and port of a URL.
    ///
    /// # Errors
    /// Among the causes are [`Denied`](crate::egress::Denied), [`Unresolved`] and [`rustls::Error`].
    pub(super) async fn open(&self, origin: Uri) -> Result<Opened, BoxError> {
        tokio::time::timeout(TIMEOUT, self.https.clone().call(origin)).await?
    }

    /// A proxy that forwards is told who asks with every request; for a tunnel it has been told already.
    pub(super) fn proxy_authorization(&self, uri: &Uri) -> Option<&HeaderValue> {
        self.egress.proxy.as_ref()?;
        let proxy = proxy_for(&self.egress, uri.host().unwrap_or_default()).filter(|_| forwards(uri, self.origin))?;
        proxy.authorization.as_ref()
    }
}

fn tcp(resolver: Checked) -> HttpConnector<Checked> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEP_ALIVE));
    tcp.set_keepalive_interval(Some(KEEP_ALIVE));
    tcp.set_keepalive_retries(Some(KEEP_ALIVE_PROBES));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    tcp
}

pub(super) type BoxError = Box<dyn Error + Send + Sync>;
type Opening<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Everything but TLS.
#[derive(Clone)]
struct Opener {
    target: HttpConnector<Checked>,
    /// The proxy's own name is the operator's choice, whoever chose the target.
    proxy: HttpConnector<Checked>,
    rules: Checked,
}

impl Service<Uri> for Opener {
    type Response = Stream;
    type Error = BoxError;
    type Future = Opening<Stream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().open(uri))
    }
}

impl Opener {
    async fn open(mut self, uri: Uri) -> Result<Stream, BoxError> {
        let rules = self.rules.clone();
        let host = uri.host().unwrap_or_default();
        rules.egress.check_host(host, rules.origin)?;
        match proxy_for(&rules.egress, host) {
            None => Ok(Stream::direct(connect(&mut self.target, uri).await?)),
            Some(proxy) => self.through(proxy, &uri).await,
        }
    }

    /// A written host is named to the proxy, which may resolve what we cannot; what we can is checked first. A computed one
    /// is named by its checked address, so that the proxy has nothing left to resolve.
    async fn through(mut self, proxy: &Proxy, uri: &Uri) -> Result<Stream, BoxError> {
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 });
        let addresses = match literal(host) {
            Some(address) => Ok(vec![SocketAddr::new(address, port)]),
            None => self.rules.resolve(host).await,
        };
        let authority = match (self.rules.origin, addresses) {
            (Origin::Written, Err(error)) if error.is::<Unresolved>() => format!("{host}:{port}"),
            (_, Err(error)) => return Err(error),
            (Origin::Written, Ok(_)) => format!("{host}:{port}"),
            (Origin::Computed, Ok(addresses)) => {
                let address = addresses.first().ok_or_else(Unresolved::nothing)?;
                SocketAddr::new(address.ip(), port).to_string()
            }
        };
        let mut stream = connect(&mut self.proxy, proxy.uri.clone()).await?;
        if forwards(uri, self.rules.origin) {
            return Ok(Stream::forwarding(stream));
        }
        tunnel::open(stream.inner_mut(), &authority, proxy.authorization.as_ref()).await?;
        Ok(Stream::direct(stream))
    }
}

/// The proxy that a host is reached through.
fn proxy_for<'e>(egress: &'e Egress, host: &str) -> Option<&'e Proxy> {
    egress.proxy.as_ref().filter(|proxy| !proxy.is_bypassed_for(host))
}

/// Whether a proxy is asked for the whole URL (RFC 9112, section 3.2.2) instead of for a tunnel.
fn forwards(uri: &Uri, origin: Origin) -> bool {
    origin == Origin::Written && uri.scheme() != Some(&Scheme::HTTPS)
}

async fn connect(connector: &mut HttpConnector<Checked>, uri: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
    Ok(connector.call(uri).await?)
}
