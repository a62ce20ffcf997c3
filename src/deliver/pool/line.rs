//! One HTTP/1.1 connection.
//!
//! It has a task of its own. Worked by the task of its request it would take fewer instructions, and was slower where the target is on
//! the same machine: requests that were read together go out together, and wake the target once.

use super::place::Place;
use super::watched::Watched;
use crate::deliver::connect::Opened;
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::client::legacy::connect::Connection as _;

pub(super) struct Line {
    sender: SendRequest<Watched>,
    /// Requests on it name the whole URL: a proxy sends them on.
    forwards: bool,
    /// How often the sweep has found it unused.
    pub(super) rested: u32,
}

impl Line {
    /// It ends in good order when it is dropped. Must be called inside a runtime.
    pub(super) async fn new(opened: Opened, http1: &Builder) -> Result<Line, hyper::Error> {
        let forwards = opened.connected().is_proxied();
        let (sender, connection) = http1.handshake(opened).await?;
        // How it ends, the request on it is told.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Line { sender, forwards, rested: 0 })
    }

    /// Sends a request, up to the head of its answer. What comes back instead is the request itself, where not a byte of it was
    /// sent.
    pub(super) fn send(
        &mut self,
        mut request: Request<Watched>,
        place: &Place,
        host: &HeaderValue,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Watched>>>> + use<> {
        *request.uri_mut() = if self.forwards { place.uri.as_ref().clone() } else { place.relative() };
        request.headers_mut().entry(header::HOST).or_insert_with(|| host.clone());
        self.sender.try_send_request(request)
    }

    /// The answer has been read, and another request may follow.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Waits until another request may follow; `false`: none may.
    pub(super) async fn becomes_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// No request may follow.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}
