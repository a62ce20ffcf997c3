//! The accept loop of one listener.
//!
//! It ends only when told to. An error of one connection costs that connection; an error of the process (no file
//! descriptors, no memory) sheds what waits, so that clients hear at once, and backs off, so that nothing spins.

use super::stream::Stream;
use super::{Listener, Peer, Service, Shared, connection};
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// First pause after an error of the process; it doubles up to [`MAX_PAUSE`] while errors go on.
const MIN_PAUSE: Duration = Duration::from_millis(5);
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// At most one log line in this time for all errors and refusals of a listener together.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// Connections over the bound that are answered at the same time; more are closed without a word.
const MAX_REFUSALS: usize = 64;

/// How long a refused client may take to read its answer and go.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Told to a client that is one too many. There is no request yet, so no id, and no document that needs one.
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

pub(super) async fn run<S: Service>(
    socket: TcpListener,
    listener: Arc<Listener>,
    shared: Arc<Shared>,
    service: Arc<S>,
    stop: CancellationToken,
) {
    let mut accept = Accept { listener, shared, service, refusals: Arc::new(()), troubles: Troubles::new() };
    let mut spare = Spare::new();
    let mut pause = MIN_PAUSE;
    loop {
        let Some(accepted) = stop.run_until_cancelled(socket.accept()).await else { break };
        match accepted {
            Ok((stream, address)) => {
                pause = MIN_PAUSE;
                accept.admit(stream, address);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                let shed = spare.shed(&socket);
                accept.troubles.report(&accept.listener, &format!("cannot accept connections: {error}"), shed);
                if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                    break;
                }
                pause = (pause * 2).min(MAX_PAUSE);
            }
        }
    }
    accept.empty_backlog(socket);
}

/// These say that the client has gone before we got to it.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | WouldBlock)
}

struct Accept<S> {
    listener: Arc<Listener>,
    shared: Arc<Shared>,
    service: Arc<S>,
    /// Each refusal under way holds a clone.
    refusals: Arc<()>,
    troubles: Troubles,
}

impl<S: Service> Accept<S> {
    fn admit(&mut self, stream: TcpStream, address: SocketAddr) {
        let open = self.shared.connections.fetch_add(1, Ordering::Relaxed);
        if open >= self.shared.limits.connections {
            self.shared.connections.fetch_sub(1, Ordering::Relaxed);
            self.troubles.report(&self.listener, "too many connections, new ones are refused", 1);
            return self.refuse(stream);
        }
        // An answer is written in one piece: waiting for more to send (Nagle) would only delay it. A connection on
        // which this fails is already broken, which serving it will find out.
        let _ = stream.set_nodelay(true);
        let peer = Peer { address, listener: Arc::clone(&self.listener) };
        let open = Open(Arc::clone(&self.shared));
        let task = connection::serve(Stream::new(stream), peer, open, Arc::clone(&self.service));
        self.shared.tracker.spawn(task);
    }

    /// Says 503 without reading, and waits a moment for the client to close: an answer followed by a reset, because of
    /// an unread request, may never be seen.
    ///
    /// Where TLS is spoken nothing can be said without a handshake, which is what there is no room for.
    fn refuse(&self, mut stream: TcpStream) {
        if self.listener.tls.is_some() {
            return;
        }
        let turn = Arc::clone(&self.refusals);
        if Arc::strong_count(&turn) > MAX_REFUSALS {
            return;
        }
        tokio::spawn(async move {
            let _turn = turn;
            let farewell = async {
                stream.write_all(REFUSAL).await?;
                stream.shutdown().await?;
                let mut ignored = [0; 4096];
                while stream.read(&mut ignored).await? > 0 {}
                io::Result::Ok(())
            };
            let _ = tokio::time::timeout(REFUSAL_TIME, farewell).await;
        });
    }

    /// Connections that the kernel has already completed would be reset with the socket: they are served. Asked of the
    /// socket itself, because the runtime knows of a connection only after its next look at the kernel's events.
    fn empty_backlog(mut self, socket: TcpListener) {
        let Ok(socket) = socket.into_std() else { return };
        while let Ok((stream, address)) = socket.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.admit(stream, address);
            }
        }
    }
}

/// Counts a connection for as long as it is open.
pub(super) struct Open(pub(super) Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A file descriptor kept back, so that connections can be taken and closed when no other is left. Otherwise they stay
/// in the backlog, and their clients hang until the process finds air.
struct Spare(Option<File>);

/// Connections shed at one time: the pause between two times must come.
const MAX_SHED: u32 = 256;

impl Spare {
    fn new() -> Spare {
        Spare(File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok())
    }

    /// Takes and closes what waits; says how many. The failed attempt has left the socket marked as ready.
    fn shed(&mut self, socket: &TcpListener) -> u32 {
        self.0 = None;
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut count = 0;
        while count < MAX_SHED {
            let std::task::Poll::Ready(Ok(_closed_by_dropping)) = socket.poll_accept(&mut context) else { break };
            count += 1;
        }
        *self = Spare::new();
        count
    }
}

/// Keeps trouble that comes thousands of times a second from filling the log.
struct Troubles {
    quiet_until: Option<Instant>,
    refused: u64,
}

impl Troubles {
    fn new() -> Troubles {
        Troubles { quiet_until: None, refused: 0 }
    }

    fn report(&mut self, listener: &Listener, message: &str, refused: u32) {
        self.refused += u64::from(refused);
        let now = Instant::now();
        if self.quiet_until.is_none_or(|until| now >= until) {
            let refused = std::mem::take(&mut self.refused);
            tracing::warn!(listener = listener.name, refused, "{message}");
            self.quiet_until = Some(now + LOG_EVERY);
        }
    }
}
