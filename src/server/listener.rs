//! Accepting connections, serving HTTP on them, and stopping in good order.
//!
//! The accept loop is ours because of what libraries leave open: a bound on connections, running out of file
//! descriptors without spinning or stopping, silent connections, and a stop that cuts nothing off that was begun.
//! What a request means is not known here: it is handed to a function.

mod accept;
mod activity;
mod answered;
mod connection;
mod proxy_protocol;
mod stream;

use super::client_address::TrustedProxies;
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bounds of all listeners of one [`Server`] together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more are answered 503 and closed.
    pub connections: usize,
    /// From the first byte of a request to the end of its headers; also how long a new connection may say nothing.
    pub header_timeout: Duration,
    /// How long a connection may rest between two requests. Longer than the 60 s that common proxies keep theirs, so
    /// that it is they who close, and no request meets a closing connection.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of what is written to it.
    pub write_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        let seconds = Duration::from_secs;
        Limits {
            connections: 10_000,
            header_timeout: seconds(10),
            idle_timeout: seconds(75),
            write_timeout: seconds(30),
        }
    }
}

/// One address that is listened on.
#[derive(Debug, Clone)]
pub struct Listener {
    /// `webhooks` or `admin`.
    pub name: &'static str,
    /// The real one, also where port 0 was asked for.
    pub address: SocketAddr,
    /// `scheme://host[:port][/prefix]` under which senders reach this listener.
    pub public_url: Option<Arc<str>>,
    /// Connections begin with TLS, after the PROXY header.
    pub tls: Option<LiveTls>,
    /// Connections begin with a PROXY header; only from these addresses it is believed, and no other may connect.
    pub proxy_protocol: Option<TrustedProxies>,
}

/// Certificates that may be exchanged while connections are open.
pub type LiveTls = Arc<ArcSwap<rustls::ServerConfig>>;

impl Listener {
    /// `http` or `https`, as clients speak to it.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    pub address: SocketAddr,
    pub listener: Arc<Listener>,
}

/// A listener that is bound, but not served yet: connections wait in its backlog.
#[derive(Debug)]
pub struct Bound {
    pub listener: Listener,
    socket: TcpListener,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    pub address: String,
    pub source: io::Error,
}

/// Connections that the kernel completes before we accept them; its own `somaxconn` bounds it further.
const BACKLOG: u32 = 4096;

/// When requests are given up at the end of a stop: how long they may take to keep what they could not deliver, and to say so.
pub const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Binds `address`, as `0.0.0.0:8080`, `[::]:8080` or `localhost:0`.
///
/// # Errors
/// The address is none, is taken, or may not be used.
pub async fn bind(name: &'static str, address: &str) -> Result<Bound, BindError> {
    let fail = |source| BindError { address: address.to_owned(), source };
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "no such address");
    for candidate in tokio::net::lookup_host(address).await.map_err(fail)? {
        match open(candidate) {
            Ok(socket) => {
                let address = socket.local_addr().map_err(fail)?;
                let listener = Listener { name, address, public_url: None, tls: None, proxy_protocol: None };
                return Ok(Bound { listener, socket });
            }
            Err(error) => last = error,
        }
    }
    Err(fail(last))
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() }?;
    // Without it a restart cannot bind while connections of the one before are in TIME_WAIT. Elsewhere than on Unix the
    // same option lets two processes share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// Whole, but where an answer is made while it is sent.
    type Body: http_body::Body<Data = Bytes, Error = Infallible> + From<Full<Bytes>> + Send + Unpin + 'static;

    /// Answers one request. The future is dropped when the client breaks the connection: what must go on belongs into
    /// a task of its own.
    fn call(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl<F, R> Service for F
where
    F: Fn(Request<Incoming>, Peer) -> R + Send + Sync + 'static,
    R: Future<Output = super::Answer> + Send,
{
    type Body = Full<Bytes>;

    fn call(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = super::Answer> + Send {
        self(request, peer)
    }
}

/// How far the stop has come; connections follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Open,
    /// Requests that have begun are finished, nothing new is begun.
    Closing,
    /// Everything ends now.
    Cut,
}

/// What accept loops and connections share.
struct Shared {
    limits: Limits,
    stage: watch::Sender<Stage>,
    /// Answers ask HTTP/1 clients to open another connection next time, which will be elsewhere.
    draining: AtomicBool,
    connections: AtomicUsize,
    requests: AtomicUsize,
    tracker: TaskTracker,
}

/// Running listeners.
pub struct Server {
    shared: Arc<Shared>,
    accepting: CancellationToken,
    loops: TaskTracker,
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Requests that had begun and were not answered.
    pub cut_off: usize,
}

/// Serves `bound` with `service` until stopped. Must be called inside a runtime.
pub fn serve(bound: Vec<Bound>, limits: Limits, service: impl Service) -> Server {
    let shared = Arc::new(Shared {
        limits,
        stage: watch::Sender::new(Stage::Open),
        draining: AtomicBool::new(false),
        connections: AtomicUsize::new(0),
        requests: AtomicUsize::new(0),
        tracker: TaskTracker::new(),
    });
    let server = Server { shared, accepting: CancellationToken::new(), loops: TaskTracker::new() };
    let service = Arc::new(service);
    for Bound { listener, socket } in bound {
        let (shared, service, listener) = (Arc::clone(&server.shared), Arc::clone(&service), Arc::new(listener));
        server.loops.spawn(accept::run(socket, listener, shared, service, server.accepting.clone()));
    }
    server.loops.close();
    server
}

impl Server {
    /// Open connections.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Requests that are being answered.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// From now on answers ask clients to go elsewhere for their next request. Listeners go on accepting.
    pub fn begin_drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Goes on accepting for `delay`, closes the listeners and every connection that rests, and waits up to `grace` for
    /// requests that have begun. Those that are left then are told by `give_up` to answer as they stand, and have a
    /// moment to do so. `at_once` cuts every wait short.
    pub async fn stop(
        self,
        delay: Duration,
        grace: Duration,
        at_once: &CancellationToken,
        give_up: impl FnOnce(),
    ) -> Stopped {
        self.begin_drain();
        unless(at_once, tokio::time::sleep(delay)).await;
        self.accepting.cancel();
        self.loops.wait().await;
        self.shared.stage.send_replace(Stage::Closing);
        self.shared.tracker.close();
        let finished = tokio::time::timeout(grace, self.shared.tracker.wait());
        let finished = matches!(unless(at_once, finished).await, Some(Ok(())));
        let cut_off = if finished { 0 } else { self.requests() };
        if !finished {
            give_up();
            unless(at_once, tokio::time::timeout(LAST_ANSWERS, self.shared.tracker.wait())).await;
        }
        self.shared.stage.send_replace(Stage::Cut);
        self.shared.tracker.wait().await;
        Stopped { cut_off }
    }
}

impl Drop for Server {
    /// A server that is not stopped ends with its handle: nothing of it goes on unseen.
    fn drop(&mut self) {
        self.accepting.cancel();
        self.shared.stage.send_replace(Stage::Cut);
    }
}

async fn unless<T>(at_once: &CancellationToken, wait: impl Future<Output = T>) -> Option<T> {
    at_once.run_until_cancelled(wait).await
}

#[cfg(test)]
mod tests;
