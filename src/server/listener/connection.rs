//! One connection: HTTP/1.1, or HTTP/2 with prior knowledge, until it closes, rests for too long or is told to end.

use super::accept::Open;
use super::activity::Activity;
use super::answered::Answered;
use super::stream::Stream;
use super::{Limits, LiveTls, Peer, Service, Shared, Stage, proxy_protocol};
use crate::server::caught::{Panicked, poll_caught};
use crate::server::rejection::Rejection;
use crate::server::request_id;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Request line and headers of one request, in bytes; more is 431.
const MAX_HEAD: usize = 64 * 1024;

/// HTTP/2 requests of one connection at a time.
const MAX_STREAMS: u32 = 256;

/// Streams that may be reset by our own errors before the connection ends: what a rapid-reset client would cause.
const MAX_RESETS: usize = 64;

/// An HTTP/2 peer is asked whether it is still there this often, so that a dead one does not hold streams for ever.
const PING_EVERY: Duration = Duration::from_secs(30);

/// When a connection is to end: how long a request whose headers are half here may still take to become one.
const LAST_HEAD: Duration = Duration::from_secs(1);

/// When a connection is to end: how long the client may take to read its answer, or to confirm the end (HTTP/2).
const FAREWELL: Duration = Duration::from_secs(3);

fn http() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        // `Activity` does it, and why is told there.
        .header_read_timeout(None)
        .keep_alive(true)
        // A client that ends its side after the request still wants its answer.
        .half_close(true)
        // Also the largest piece in which a body is read.
        .max_buf_size(MAX_HEAD)
        .writev(true);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD as u32)
        .max_local_error_reset_streams(MAX_RESETS)
        .keep_alive_interval(PING_EVERY);
    http
}

pub(super) async fn serve<S: Service>(mut stream: Stream, peer: Peer, open: Open, service: Arc<S>) {
    let shared = Arc::clone(&open.0);
    let Some(peer) = introduced(&mut stream, peer, &shared).await else { return };
    let activity = stream.activity();
    match &peer.listener.tls {
        None => converse(stream, activity, peer, open, service).await,
        Some(tls) => {
            let Some(stream) = secured(stream, tls, peer.address, &shared).await else { return };
            converse(stream, activity, peer, open, service).await;
        }
    }
}

/// HTTP, over whatever carries it.
async fn converse<S: Service>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    activity: Arc<Activity>,
    peer: Peer,
    open: Open,
    service: Arc<S>,
) {
    let shared = Arc::clone(&open.0);
    let mut stage = shared.stage.subscribe();
    let answer = service_fn({
        let (shared, activity) = (Arc::clone(&shared), Arc::clone(&activity));
        move |request| {
            let (service, peer) = (Arc::clone(&service), peer.clone());
            let busy = Busy::new(Arc::clone(&shared), Arc::clone(&activity), request.version());
            async move { Ok::<_, Infallible>(busy.answer(&*service, request, peer).await) }
        }
    });
    let http = http();
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), answer));
    let mut timer = Timer::new(&activity, shared.limits);
    loop {
        let stopping = *stage.borrow_and_update() >= Stage::Closing;
        if stopping {
            connection.as_mut().graceful_shutdown();
            timer.hurry();
        }
        let work = std::future::poll_fn(|cx| match connection.as_mut().poll(cx) {
            // How a connection ends is the client's business; what matters of it is told by its requests.
            Poll::Ready(_ended) => Poll::Ready(Event::Ended),
            Poll::Pending => timer.poll(cx).map(|()| Event::Silent),
        });
        let event = tokio::select! {
            biased;
            event = work => event,
            _ = stage.wait_for(|stage| *stage == Stage::Cut || (!stopping && *stage == Stage::Closing)) => Event::Stage,
        };
        match event {
            Event::Ended => break,
            Event::Stage if *stage.borrow() == Stage::Cut => break,
            Event::Stage => {}
            // HTTP/2 hears that it is over (GOAWAY); what has not closed by then is dropped.
            Event::Silent if timer.ending.is_some() => break,
            Event::Silent => {
                connection.as_mut().graceful_shutdown();
                timer.hurry();
            }
        }
    }
    drop(open);
}

/// The stream inside TLS. The handshake has the time of a request's head. `None`: the connection is not served.
async fn secured(stream: Stream, tls: &LiveTls, address: SocketAddr, shared: &Shared) -> Option<TlsStream<Stream>> {
    let mut stage = shared.stage.subscribe();
    let handshake = TlsAcceptor::from(tls.load_full()).accept(stream);
    let handshake = tokio::time::timeout(shared.limits.header_timeout, handshake);
    let handshake = tokio::select! {
        handshake = handshake => handshake.ok()?,
        _ = stage.wait_for(|stage| *stage >= Stage::Closing) => return None,
    };
    // Strangers who look for open ports cause most of these.
    handshake.inspect_err(|error| tracing::debug!(%address, %error, "tls handshake failed")).ok()
}

/// Who is really there, where a balancer says it (PROXY protocol). `None`: the connection is not served.
async fn introduced(stream: &mut Stream, peer: Peer, shared: &Shared) -> Option<Peer> {
    let Some(trusted) = &peer.listener.proxy_protocol else { return Some(peer) };
    if !trusted.contains(peer.address.ip()) {
        tracing::info!(address = %peer.address, "connection refused: not one of trusted_proxies");
        return None;
    }
    let mut stage = shared.stage.subscribe();
    let header = tokio::time::timeout(shared.limits.header_timeout, proxy_protocol::read(stream));
    let header = tokio::select! {
        header = header => header.ok()?,
        _ = stage.wait_for(|stage| *stage >= Stage::Closing) => return None,
    };
    match header {
        Ok(client) => Some(Peer { address: client.unwrap_or(peer.address), ..peer }),
        Err(error) => {
            tracing::info!(address = %peer.address, %error, "connection refused");
            None
        }
    }
}

enum Event {
    Ended,
    /// Silent for too long.
    Silent,
    /// The server is stopping.
    Stage,
}

/// Due when the connection has been silent for too long. Set again only when it must be due earlier than it is: a busy
/// connection touches it about once in a `header_timeout`.
struct Timer<'a> {
    activity: &'a Activity,
    limits: Limits,
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// Since when the connection is to end; it is looked at less patiently then.
    ending: Option<Instant>,
}

impl Timer<'_> {
    fn new(activity: &Activity, limits: Limits) -> Timer<'_> {
        Timer { activity, limits, sleep: Box::pin(tokio::time::sleep(limits.header_timeout)), ending: None }
    }

    fn hurry(&mut self) {
        self.ending.get_or_insert_with(Instant::now);
        self.limits.header_timeout = self.limits.header_timeout.min(LAST_HEAD);
        self.limits.idle_timeout = self.limits.idle_timeout.min(FAREWELL);
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<()> {
        while let Some(due) = self.activity.deadline(&self.limits) {
            // What was silent for long already has a moment to close, like the others.
            let due = self.ending.map_or(due, |since| due.max(since + LAST_HEAD));
            if due < self.sleep.deadline() {
                self.sleep.as_mut().reset(due);
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(due);
        }
        Poll::Pending
    }
}

/// A request that is being answered.
pub(super) struct Busy {
    shared: Arc<Shared>,
    activity: Arc<Activity>,
    multiplexed: bool,
}

impl Busy {
    fn new(shared: Arc<Shared>, activity: Arc<Activity>, version: Version) -> Busy {
        let multiplexed = version == Version::HTTP_2;
        activity.request_begins(multiplexed);
        shared.requests.fetch_add(1, Ordering::Relaxed);
        Busy { shared, activity, multiplexed }
    }

    async fn answer<S: Service>(
        self,
        service: &S,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Response<Answered<S::Body>> {
        let mut work = pin!(service.call(request, peer));
        let mut answer = match std::future::poll_fn(|cx| poll_caught(work.as_mut(), cx)).await {
            Ok(answer) => answer,
            Err(Panicked) => {
                let id = request_id::fresh(chrono::Utc::now(), fastrand::u128(..));
                tracing::error!(request_id = &*id, "request panicked");
                Rejection::Internal.into_answer(&id).map(Into::into)
            }
        };
        if !self.multiplexed && self.shared.draining.load(Ordering::Relaxed) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.activity.answered(!answer.status().is_success());
        answer.map(|body| Answered::new(body, self))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.shared.requests.fetch_sub(1, Ordering::Relaxed);
        self.activity.request_ended();
    }
}
