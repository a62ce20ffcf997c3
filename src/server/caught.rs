//! A panic as a value: it costs its own request, not the process, nor the others on the same HTTP/2 connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The work panicked. What it said is for the panic hook, not for whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panicked;

/// Polls `work`. After a panic it must not be polled again, so that nobody sees what it left half done.
pub fn poll_caught<F>(work: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Panicked>>
where
    F: Future + ?Sized,
{
    match catch_unwind(AssertUnwindSafe(|| work.poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_panic) => Poll::Ready(Err(Panicked)),
    }
}
