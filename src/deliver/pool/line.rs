//! One HTTP/1.1 connection, worked by whoever uses it: hyper reads and writes in the task of the request, and in no task of
//! its own that would have to be woken for each of its steps.

use super::bell::Bell;
use super::place::Place;
use super::watched::Watched;
use crate::deliver::connect::Opened;
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::client::legacy::connect::Connection as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Times in a row that a connection and its user may give each other something to do before other tasks get their turn.
const ROUNDS_MAX: usize = 16;

/// For the last words of a connection that is closed: `close_notify` of TLS.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) struct Line {
    sender: SendRequest<Watched>,
    /// `None`: it has ended.
    connection: Option<Connection<Opened, Watched>>,
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
    /// Requests on it name the whole URL: a proxy sends them on.
    forwards: bool,
    /// How often the sweep has found it unused.
    pub(super) rested: u32,
}

impl Line {
    pub(super) async fn new(opened: Opened, http1: &Builder) -> Result<Line, hyper::Error> {
        let forwards = opened.connected().is_proxied();
        let (sender, connection) = http1.handshake(opened).await?;
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(bell.clone());
        Ok(Line { sender, connection: Some(connection), bell, waker, forwards, rested: 0 })
    }

    /// Hands a request to the connection, which sends it while it is [worked](Line::run) for the head of the answer, and then
    /// for its body. What comes back instead is the request itself, where not a byte of it was sent.
    pub(super) fn begin(
        &mut self,
        mut request: Request<Watched>,
        place: &Place,
        host: &HeaderValue,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Watched>>>> + use<> {
        let uri = if self.forwards { &place.uri } else { &place.relative };
        request.uri_mut().clone_from(uri);
        request.headers_mut().entry(header::HOST).or_insert_with(|| host.clone());
        self.sender.try_send_request(request)
    }

    /// Works the connection until `work`, which waits for it and for nothing else, is done.
    pub(super) async fn run<W: Future>(&mut self, mut work: Pin<&mut W>) -> W::Output {
        poll_fn(|task| self.poll_beside(work.as_mut(), task)).await
    }

    fn poll_beside<W: Future>(&mut self, mut work: Pin<&mut W>, task: &mut Context<'_>) -> Poll<W::Output> {
        let Line { connection, bell, waker, .. } = self;
        bell.belongs_to(task.waker());
        let mut here = Context::from_waker(waker);
        for _ in 0..ROUNDS_MAX {
            bell.listen();
            if let Poll::Ready(output) = work.as_mut().poll(&mut here) {
                return Poll::Ready(output);
            }
            let has_ended = connection.as_mut().is_some_and(|open| Pin::new(open).poll(&mut here).is_ready());
            if has_ended {
                // The work is told why, at its next turn.
                *connection = None;
            } else if bell.is_left_alone() {
                return Poll::Pending;
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }

    /// The answer has been read: whether another request may follow. If so, nobody is told of what happens on it from now on.
    pub(super) fn is_ready(&mut self) -> bool {
        // What the end of an answer means for the connection, hyper finds out when it is asked again.
        if !self.sender.is_ready() && self.connection.is_some() {
            self.poll_once();
        }
        let is_ready = self.sender.is_ready() && self.connection.is_some();
        if is_ready {
            self.bell.rest();
        }
        is_ready
    }

    /// Whether it can still be used, after a rest.
    pub(super) fn is_alive(&mut self) -> bool {
        if !self.bell.has_rung() {
            return true;
        }
        self.poll_once();
        self.is_ready()
    }

    #[cfg(test)]
    pub(super) fn has_rung(&self) -> bool {
        self.bell.has_rung()
    }

    fn poll_once(&mut self) {
        let Line { connection, waker, .. } = self;
        if let Some(open) = connection
            && Pin::new(open).poll(&mut Context::from_waker(waker)).is_ready()
        {
            *connection = None;
        }
    }

    /// Ends it in good order, in a task of its own. Must be called inside a runtime.
    pub(super) fn close(self) {
        let Line { sender, connection, .. } = self;
        drop(sender);
        if let Some(connection) = connection {
            tokio::spawn(tokio::time::timeout(FAREWELL, connection));
        }
    }
}
