//! Documents with senders' keys, fetched when a request first needs one and kept for a while.
//!
//! Strangers choose which of a sender's documents is asked for. So everything is bounded: how many are fetched at once,
//! how long and how large each may be, how many are kept; a document that cannot be fetched is not asked for again at
//! once, and never pushes out one that could.

use crate::deliver::{Client, FetchError};
use crate::verify::{Fetching, KeySource, Unfetched};
use bytes::Bytes;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// Senders change keys far less often, and announce them under a new address.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// A sender that failed is left in peace for as long.
const FAILURE_KEPT: Duration = Duration::from_secs(10);
/// Waiting for a turn included: the sender of the webhook waits as well, and many do so for no more than ten seconds.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A chain of certificates has some ten thousand bytes.
const DOCUMENT_MAX: usize = 64 * 1024;
const DOCUMENTS_MAX: usize = 64;
const AT_ONCE: usize = 4;

/// The outgoing side, as far as this needs it.
pub trait Fetch: Send + Sync {
    fn fetch<'a>(&'a self, url: &'a str, max_size: usize) -> Fetched<'a>;
}

pub type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Bytes, FetchError>> + Send + 'a>>;

impl Fetch for Client {
    fn fetch<'a>(&'a self, url: &'a str, max_size: usize) -> Fetched<'a> {
        Box::pin(Client::fetch(self, url, max_size))
    }
}

/// Fetches and keeps.
pub struct FetchedKeys<F> {
    outgoing: F,
    turns: Semaphore,
    documents: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    since: Instant,
    found: Result<Bytes, Unfetched>,
}

impl Kept {
    fn is_fresh(&self, now: Instant) -> bool {
        let lifetime = if self.found.is_ok() { KEPT } else { FAILURE_KEPT };
        now.duration_since(self.since) < lifetime
    }
}

impl<F: Fetch> FetchedKeys<F> {
    pub fn new(outgoing: F) -> FetchedKeys<F> {
        FetchedKeys { outgoing, turns: Semaphore::new(AT_ONCE), documents: Mutex::default() }
    }

    async fn find(&self, url: &str) -> Result<Bytes, Unfetched> {
        if let Some(found) = self.kept(url) {
            return found;
        }
        timeout(TIMEOUT, self.take_turn(url)).await.unwrap_or_else(|_| self.keep(url, Err(Unfetched)))
    }

    async fn take_turn(&self, url: &str) -> Result<Bytes, Unfetched> {
        let _turn = self.turns.acquire().await.map_err(|_| Unfetched)?;
        // Whoever had the turn before may have wanted the same.
        if let Some(found) = self.kept(url) {
            return found;
        }
        let fetched = self.outgoing.fetch(url, DOCUMENT_MAX).await.map_err(|error| {
            tracing::warn!(url, %error, "key not fetched");
            Unfetched
        });
        self.keep(url, fetched)
    }

    fn kept(&self, url: &str) -> Option<Result<Bytes, Unfetched>> {
        let documents = self.documents();
        documents.get(url).filter(|kept| kept.is_fresh(Instant::now())).map(|kept| kept.found.clone())
    }

    fn keep(&self, url: &str, found: Result<Bytes, Unfetched>) -> Result<Bytes, Unfetched> {
        let now = Instant::now();
        let mut documents = self.documents();
        documents.retain(|_, kept| kept.is_fresh(now));
        if let (Err(_), Some(Kept { found: Ok(document), .. })) = (&found, documents.get(url)) {
            return Ok(document.clone());
        }
        if documents.len() >= DOCUMENTS_MAX && !documents.contains_key(url) {
            // Failures go first, then the oldest; a failure never pushes out a document.
            let first = documents.iter().min_by_key(|(_, kept)| (kept.found.is_ok(), kept.since));
            let first = first.map(|(url, kept)| (url.clone(), kept.found.is_ok()));
            match first {
                Some((_, true)) if found.is_err() => return found,
                Some((first, _)) => drop(documents.remove(&first)),
                None => {}
            }
        }
        documents.insert(url.to_owned(), Kept { since: now, found: found.clone() });
        found
    }

    fn documents(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Fetch> KeySource for FetchedKeys<F> {
    fn fetch<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        Box::pin(self.find(url))
    }
}

#[cfg(test)]
mod tests;
