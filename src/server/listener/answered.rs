//! The body of an answer; one that is made while it is sent keeps its request, and so its connection, busy until it ends.

use super::connection::Busy;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub(super) struct Answered<B> {
    body: B,
    busy: Option<Busy>,
}

impl<B: Body> Answered<B> {
    /// What is whole already is no more work.
    pub(super) fn new(body: B, busy: Busy) -> Answered<B> {
        let is_whole = body.size_hint().exact().is_some();
        Answered { body, busy: (!is_whole).then_some(busy) }
    }
}

impl<B: Body<Data = Bytes, Error = Infallible> + Unpin> Body for Answered<B> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() {
            self.busy = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
