//! Documents with keys that a check needs and the configuration does not hold: where they are asked for.
//!
//! The server implements it with its outgoing client; offline there are none.

use bytes::Bytes;
use std::future::{Future, ready};
use std::pin::Pin;
use std::time::Duration;

/// Fetches documents that hold keys, and keeps them for a while. Bounded in time, size and number by the implementation.
pub trait KeySource: Send + Sync {
    /// What stands at `url`: one that the configuration names, or an `https` one that the provider's pattern has let through.
    /// What was fetched no longer than `max_age` ago will do.
    fn fetch<'a>(&'a self, url: &'a str, max_age: Duration) -> Fetching<'a>;

    /// Asks for what stands at `url`, which confirms something to the sender: nothing of it is kept.
    fn visit<'a>(&'a self, url: &'a str) -> Fetching<'a>;
}

pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Bytes, Unfetched>> + Send + 'a>>;

/// A document could not be fetched, just now or a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document cannot be fetched")]
pub struct Unfetched;

/// Fetches nothing: offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoKeys;

impl KeySource for NoKeys {
    fn fetch<'a>(&'a self, _url: &'a str, _max_age: Duration) -> Fetching<'a> {
        Box::pin(ready(Err(Unfetched)))
    }

    /// It counts as done: nothing is sent from here.
    fn visit<'a>(&'a self, _url: &'a str) -> Fetching<'a> {
        Box::pin(ready(Ok(Bytes::new())))
    }
}
