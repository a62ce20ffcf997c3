//! What a connection is doing, so that one that does nothing can be told from one that works.
//!
//! hyper's own `header_read_timeout` is not used: it also ends connections that rest between two requests, does not
//! cover the bytes by which HTTP/1 and HTTP/2 are told apart, and makes a timer for every request. Here a request costs
//! two stores and two readings of the clock; the timer looks at them when it is due.

use super::Limits;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Written by the stream and by the requests of one connection, read by its timer.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    requests: AtomicUsize,
    /// Since when it rests, or since when it reads a head, in nanoseconds since `opened`.
    since: AtomicU64,
    /// Bytes have come and no request yet.
    reading_head: AtomicBool,
    /// No request has been made yet.
    fresh: AtomicBool,
    /// HTTP/2 clients send bytes that are no request (PING, WINDOW_UPDATE) while they rest.
    multiplexed: AtomicBool,
    /// The last answer was a refusal, so that there may be an unread body on its way.
    refused: AtomicBool,
    /// Since when the client takes nothing of what is written, in nanoseconds since `opened`; 0: it takes it.
    stalled: AtomicU64,
}

impl Activity {
    pub(super) fn new(now: Instant) -> Activity {
        Activity {
            opened: now,
            requests: AtomicUsize::new(0),
            since: AtomicU64::new(0),
            reading_head: AtomicBool::new(false),
            fresh: AtomicBool::new(true),
            multiplexed: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            stalled: AtomicU64::new(0),
        }
    }

    /// Bytes came in.
    pub(super) fn bytes_read(&self) {
        let resting = self.requests.load(Ordering::Relaxed) == 0 && !self.reading_head.load(Ordering::Relaxed);
        if resting && !self.multiplexed.load(Ordering::Relaxed) {
            self.reading_head.store(true, Ordering::Relaxed);
            self.mark();
        }
    }

    pub(super) fn request_begins(&self, multiplexed: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.reading_head.store(false, Ordering::Relaxed);
        if self.fresh.load(Ordering::Relaxed) {
            self.fresh.store(false, Ordering::Relaxed);
            self.multiplexed.store(multiplexed, Ordering::Relaxed);
        }
    }

    pub(super) fn request_ended(&self) {
        self.mark();
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, refused: bool) {
        self.refused.store(refused, Ordering::Relaxed);
    }

    pub(super) fn may_have_unread_body(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }

    /// Something was to be written, and the client had room for it or had not.
    pub(super) fn written(&self, some: bool) {
        let stalled = self.stalled.load(Ordering::Relaxed) != 0;
        if some == stalled {
            self.stalled.store(if some { 0 } else { self.now().max(1) }, Ordering::Relaxed);
        }
    }

    /// When this connection has been silent for too long, as things are; `None` while it works, and what it
    /// writes is read.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        if self.is_busy() {
            let stalled = self.stalled.load(Ordering::Relaxed);
            return (stalled != 0).then(|| self.opened + Duration::from_nanos(stalled) + limits.write_timeout);
        }
        let head = self.fresh.load(Ordering::Relaxed) || self.reading_head.load(Ordering::Relaxed);
        let allowed = if head { limits.header_timeout } else { limits.idle_timeout };
        Some(self.opened + Duration::from_nanos(self.since.load(Ordering::Relaxed)) + allowed)
    }

    fn mark(&self) {
        self.since.store(self.now(), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
