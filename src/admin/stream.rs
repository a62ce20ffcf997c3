//! Events and deliveries as they end, as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! A reader follows the ring by number: nothing is queued for it. One that is overtaken by the ring is told how much it
//! has missed; one that is overtaken because it does not read is told so and dropped.

use super::body::AdminBody;
use crate::history::{Bounded, History, Ring};
use bytes::Bytes;
use serde_json::Value;
use std::fmt::Write;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// What is followed.
pub(super) struct Feed<T> {
    pub(super) history: Arc<History>,
    pub(super) ring: fn(&History) -> &Ring<T>,
    /// The name of its server-sent events.
    pub(super) name: &'static str,
    /// An entry, where it is wanted.
    pub(super) show: Show<T>,
    /// The number after which it begins.
    pub(super) after: u64,
    /// One of the readers there may be.
    #[expect(dead_code, reason = "held so that it is given back when the stream ends")]
    pub(super) permit: OwnedSemaphorePermit,
}

/// An entry, by its number, as it is told; `None`: it is not wanted.
type Show<T> = Box<dyn Fn(u64, &T) -> Option<Value> + Send>;

/// Readers of all streams together.
pub(super) const READERS_MAX: usize = 64;

/// How often something is written where nothing happens, so that a reader and what is between us see that we live.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Entries that come within this time go out in one piece.
const TOGETHER: Duration = Duration::from_millis(50);

/// A reader that has not taken the last piece for so long is the reason why it was overtaken.
const SLOW: Duration = Duration::from_secs(1);

/// Bytes of one piece, about.
const PIECE: usize = 64 * 1024;

struct Follower<T> {
    feed: Feed<T>,
    handed_out: Instant,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Following,
    Dropped,
}

/// Follows until the reader leaves or is dropped.
pub(super) fn follow<T: Bounded + Send + Sync + 'static>(feed: Feed<T>) -> AdminBody {
    let follower = Follower { feed, handed_out: Instant::now(), state: State::New };
    AdminBody::Lasting(Box::pin(futures_util::stream::unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        follower.handed_out = Instant::now();
        Some((Bytes::from(piece), follower))
    })))
}

impl<T: Bounded> Follower<T> {
    async fn next(&mut self) -> Option<String> {
        match self.state {
            State::Dropped => return None,
            // The answer's head goes out with the first piece.
            State::New => {
                self.state = State::Following;
                return Some("retry: 2000\n\n".to_owned());
            }
            State::Following => {}
        }
        let slow = self.handed_out.elapsed() > SLOW;
        let mut heartbeat = pin!(tokio::time::sleep(HEARTBEAT));
        let history = self.feed.history.clone();
        let ring = (self.feed.ring)(&history);
        loop {
            let mut news = pin!(ring.news());
            // Before the look, or what comes right after it would be seen only with the next.
            news.as_mut().enable();
            if let Some(piece) = self.piece(ring, slow) {
                return Some(piece);
            }
            tokio::select! {
                () = news => tokio::time::sleep(TOGETHER).await,
                () = &mut heartbeat => return Some(": still here\n\n".to_owned()),
            }
        }
    }

    /// What there is to tell now.
    fn piece(&mut self, ring: &Ring<T>, slow: bool) -> Option<String> {
        let since = ring.after(self.feed.after);
        let mut piece = String::new();
        // Writing into a String does not fail.
        if since.missed > 0 {
            let name = if slow { "dropped" } else { "missed" };
            let _ = write!(piece, "event: {name}\ndata: {{\"missed\":{}}}\n\n", since.missed);
            if slow {
                self.state = State::Dropped;
                return Some(piece);
            }
        }
        for (number, entry) in since.entries {
            self.feed.after = number;
            if let Some(shown) = (self.feed.show)(number, &entry) {
                let (name, id) = (self.feed.name, self.feed.history.id(number));
                let _ = write!(piece, "event: {name}\nid: {id}\ndata: {shown}\n\n");
            }
            if piece.len() >= PIECE {
                break;
            }
        }
        (!piece.is_empty()).then_some(piece)
    }
}

#[cfg(test)]
mod tests;
