//! Documents with senders' keys, fetched when a request first needs one and kept for a while.
//!
//! Strangers choose which of a sender's documents is asked for. So everything is bounded: how many are fetched at once,
//! how long and how large each may be, how many are kept; a document that cannot be fetched is not asked for again at
//! once, and never pushes out one that could.

use super::gateway::Configuration;
use crate::deliver::{Client, FetchError};
use crate::reload::Live;
use crate::verify::{Fetching, KeySource, Unfetched};
use bytes::Bytes;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// Nobody is content with an older one.
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

/// The outgoing client, under the rules of the configuration that is live.
pub struct Outside {
    pub client: Client,
    pub live: Live<Configuration>,
}

impl Fetch for Outside {
    fn fetch<'a>(&'a self, url: &'a str, max_size: usize) -> Fetched<'a> {
        Box::pin(async move {
            let profile = self.live.load().value.table.documents.clone();
            self.client.fetch(&profile, url, max_size).await
        })
    }
}

/// Fetches and keeps.
pub struct FetchedKeys<F> {
    outgoing: F,
    turns: Semaphore,
    documents: Mutex<HashMap<String, Kept>>,
}

/// What is known of a URL.
#[derive(Default)]
struct Kept {
    document: Option<(Instant, Bytes)>,
    /// When it was last asked for in vain.
    failed: Option<Instant>,
}

impl Kept {
    /// `None`: it is to be asked for.
    fn found(&self, now: Instant, max_age: Duration) -> Option<Result<Bytes, Unfetched>> {
        match &self.document {
            Some((since, document)) if now.duration_since(*since) < max_age.min(KEPT) => Some(Ok(document.clone())),
            _ => self.failed.filter(|failed| now.duration_since(*failed) < FAILURE_KEPT).map(|_| Err(Unfetched)),
        }
    }

    fn is_worth_keeping(&self, now: Instant) -> bool {
        self.found(now, KEPT).is_some()
    }
}

impl<F: Fetch> FetchedKeys<F> {
    pub fn new(outgoing: F) -> FetchedKeys<F> {
        FetchedKeys { outgoing, turns: Semaphore::new(AT_ONCE), documents: Mutex::default() }
    }

    async fn find(&self, url: &str, max_age: Duration) -> Result<Bytes, Unfetched> {
        if let Some(found) = self.kept(url, max_age) {
            return found;
        }
        let taken = timeout(TIMEOUT, self.take_turn(url, max_age)).await;
        taken.unwrap_or_else(|_| self.keep(url, max_age, Err(Unfetched)))
    }

    async fn take_turn(&self, url: &str, max_age: Duration) -> Result<Bytes, Unfetched> {
        let _turn = self.turns.acquire().await.map_err(|_| Unfetched)?;
        // Whoever had the turn before may have wanted the same.
        if let Some(found) = self.kept(url, max_age) {
            return found;
        }
        let fetched = self.outgoing.fetch(url, DOCUMENT_MAX).await.map_err(|error| {
            tracing::warn!(url, %error, "key not fetched");
            Unfetched
        });
        self.keep(url, max_age, fetched)
    }

    fn kept(&self, url: &str, max_age: Duration) -> Option<Result<Bytes, Unfetched>> {
        self.documents().get(url).and_then(|kept| kept.found(Instant::now(), max_age))
    }

    /// A failure leaves what was fetched before as it is: it may still be young enough for others.
    fn keep(&self, url: &str, max_age: Duration, found: Result<Bytes, Unfetched>) -> Result<Bytes, Unfetched> {
        let now = Instant::now();
        let mut documents = self.documents();
        documents.retain(|_, kept| kept.is_worth_keeping(now));
        if let (Err(_), Some(Ok(document))) = (&found, documents.get(url).and_then(|kept| kept.found(now, max_age))) {
            return Ok(document);
        }
        if documents.len() >= DOCUMENTS_MAX && !documents.contains_key(url) {
            // Failures go first, then the oldest; a failure never pushes out a document.
            let age = |kept: &Kept| (kept.document.is_some(), kept.document.as_ref().map(|(since, _)| *since));
            let first = documents.iter().min_by_key(|(_, kept)| age(kept));
            let first = first.map(|(url, kept)| (url.clone(), kept.document.is_some()));
            match first {
                Some((_, true)) if found.is_err() => return found,
                Some((first, _)) => drop(documents.remove(&first)),
                None => {}
            }
        }
        let kept = documents.entry(url.to_owned()).or_default();
        match &found {
            Ok(document) => *kept = Kept { document: Some((now, document.clone())), failed: None },
            Err(Unfetched) => kept.failed = Some(now),
        }
        found
    }

    fn documents(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Fetch> KeySource for FetchedKeys<F> {
    fn fetch<'a>(&'a self, url: &'a str, max_age: Duration) -> Fetching<'a> {
        Box::pin(self.find(url, max_age))
    }

    /// The URL holds a token: it is not for the log.
    fn visit<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        Box::pin(async move {
            let visiting = async {
                let _turn = self.turns.acquire().await.map_err(|_| Unfetched)?;
                self.outgoing.fetch(url, DOCUMENT_MAX).await.map_err(|error| {
                    tracing::warn!(%error, "confirmation failed");
                    Unfetched
                })
            };
            timeout(TIMEOUT, visiting).await.unwrap_or(Err(Unfetched))
        })
    }
}

#[cfg(test)]
mod tests;
