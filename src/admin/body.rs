//! The body of an admin answer: whole, or made while it is sent.

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

pub enum AdminBody {
    Whole(Full<Bytes>),
    /// Goes on until the client leaves.
    Lasting(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
}

impl From<Full<Bytes>> for AdminBody {
    fn from(whole: Full<Bytes>) -> AdminBody {
        AdminBody::Whole(whole)
    }
}

impl Body for AdminBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            AdminBody::Whole(whole) => Pin::new(whole).poll_frame(cx),
            AdminBody::Lasting(lasting) => {
                lasting.as_mut().poll_next(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AdminBody::Whole(whole) => whole.is_end_stream(),
            AdminBody::Lasting(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AdminBody::Whole(whole) => whole.size_hint(),
            AdminBody::Lasting(_) => SizeHint::default(),
        }
    }
}
