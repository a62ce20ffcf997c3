//! The body of a request that goes out.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::task::{Context, Poll};

/// How far an exchange has come: seen by whoever gives it up.
#[derive(Clone, Default)]
pub(in crate::deliver) struct Progress(Arc<Seen>);

#[derive(Default)]
struct Seen {
    written: AtomicBool,
    /// 0: there is no answer yet.
    status: AtomicU16,
}

impl Progress {
    /// A connection has asked for the body of the request.
    pub(in crate::deliver) fn is_written(&self) -> bool {
        self.0.written.load(Ordering::Relaxed)
    }

    /// The head of an answer has come.
    pub(in crate::deliver) fn answered(&self, status: u16) {
        self.0.status.store(status, Ordering::Relaxed);
    }

    pub(in crate::deliver) fn status(&self) -> Option<u16> {
        Some(self.0.status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }
}

/// A body in one piece that notes when it is taken.
///
/// It also cannot be cloned, which keeps every layer below from sending it a second time.
#[derive(Default)]
pub(in crate::deliver) struct Watched {
    bytes: Option<Bytes>,
    progress: Progress,
}

impl Watched {
    pub(in crate::deliver) fn new(bytes: Bytes, progress: Progress) -> Watched {
        Watched { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()), progress }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let watched = self.get_mut();
        watched.progress.0.written.store(true, Ordering::Relaxed);
        Poll::Ready(watched.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
