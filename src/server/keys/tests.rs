use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Answers what the URL says: `…/ok…`, `…/slow…` (after a minute), anything else fails.
#[derive(Default, Clone)]
struct Host {
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
    at_once: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
}

impl Fetch for Host {
    fn fetch<'a>(&'a self, url: &'a str, _max_size: usize) -> Fetched<'a> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let now = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
            self.most_at_once.fetch_max(now, Ordering::Relaxed);
            let wait = if url.contains("slow") { 60_000 } else { 100 };
            tokio::time::sleep(Duration::from_millis(wait)).await;
            self.at_once.fetch_sub(1, Ordering::Relaxed);
            if url.contains("ok") && !self.down.load(Ordering::Relaxed) {
                Ok(Bytes::copy_from_slice(url.as_bytes()))
            } else {
                Err(FetchError::Status(404))
            }
        })
    }
}

fn keys() -> (Host, FetchedKeys<Host>) {
    let host = Host::default();
    (host.clone(), FetchedKeys::new(host))
}

fn asked(host: &Host) -> usize {
    host.asked.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_document_is_fetched_once_a_day() {
    let (host, keys) = keys();
    for _ in 0..3 {
        assert_eq!(keys.fetch("https://a/ok", KEPT).await, Ok(Bytes::from_static(b"https://a/ok")));
    }
    assert_eq!(asked(&host), 1);
    tokio::time::advance(KEPT).await;
    assert!(keys.fetch("https://a/ok", KEPT).await.is_ok());
    assert_eq!(asked(&host), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_repeated_at_once() {
    let (host, keys) = keys();
    assert_eq!(keys.fetch("https://a/bad", KEPT).await, Err(Unfetched));
    assert_eq!(keys.fetch("https://a/bad", KEPT).await, Err(Unfetched));
    assert_eq!(asked(&host), 1);
    tokio::time::advance(FAILURE_KEPT).await;
    assert_eq!(keys.fetch("https://a/bad", KEPT).await, Err(Unfetched));
    assert_eq!(asked(&host), 2);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_silent_ends_the_wait() {
    let (_, keys) = keys();
    let begun = Instant::now();
    assert_eq!(keys.fetch("https://a/slow-ok", KEPT).await, Err(Unfetched));
    assert_eq!(begun.elapsed(), TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn those_who_want_the_same_share_it_and_few_are_fetched_at_once() {
    let (host, keys) = keys();
    let urls: Vec<String> = (0..20).map(|number| format!("https://a/ok{number}")).collect();
    let found = futures_util::future::join_all(urls.iter().map(|url| keys.fetch(url, KEPT))).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(host.most_at_once.load(Ordering::Relaxed), AT_ONCE);
    let before = asked(&host);
    let same = futures_util::future::join_all((0..20).map(|_| keys.fetch("https://b/ok", KEPT))).await;
    assert!(same.iter().all(Result::is_ok));
    assert!(asked(&host) - before <= AT_ONCE);
}

#[tokio::test(start_paused = true)]
async fn failures_never_push_out_documents() {
    let (host, keys) = keys();
    for number in 0..DOCUMENTS_MAX {
        keys.fetch(&format!("https://a/ok{number}"), KEPT).await.unwrap();
    }
    for number in 0..3 {
        assert!(keys.fetch(&format!("https://a/bad{number}"), KEPT).await.is_err());
    }
    let before = asked(&host);
    keys.fetch("https://a/ok0", KEPT).await.unwrap();
    assert_eq!(asked(&host), before);
    // A new one takes the place of the oldest.
    keys.fetch("https://a/ok-new", KEPT).await.unwrap();
    assert_eq!(keys.documents().len(), DOCUMENTS_MAX);
    assert!(!keys.documents().contains_key("https://a/ok0"));
}

#[tokio::test(start_paused = true)]
async fn a_younger_one_is_asked_for_and_a_failure_leaves_the_older_one() {
    let (host, keys) = keys();
    let (url, soon) = ("https://a/ok-once", Duration::from_secs(30));
    assert!(keys.fetch(url, KEPT).await.is_ok());
    tokio::time::advance(soon / 2).await;
    assert!(keys.fetch(url, soon).await.is_ok());
    assert_eq!(asked(&host), 1, "it is young enough");
    tokio::time::advance(soon).await;
    host.down.store(true, Ordering::Relaxed);
    assert_eq!(keys.fetch(url, soon).await, Err(Unfetched));
    assert_eq!(keys.fetch(url, soon).await, Err(Unfetched));
    assert_eq!(asked(&host), 2, "a host that failed is left in peace for a while");
    assert!(keys.fetch(url, KEPT).await.is_ok(), "others are content with the older one");
    host.down.store(false, Ordering::Relaxed);
    tokio::time::advance(FAILURE_KEPT).await;
    assert!(keys.fetch(url, soon).await.is_ok());
    assert_eq!(asked(&host), 3);
}

#[tokio::test(start_paused = true)]
async fn a_visit_is_made_each_time_and_ends() {
    let (host, keys) = keys();
    assert!(keys.visit("https://a/ok").await.is_ok() && keys.visit("https://a/ok").await.is_ok());
    assert_eq!((asked(&host), keys.documents().len()), (2, 0));
    assert_eq!(keys.visit("https://a/bad").await, Err(Unfetched));
    let begun = Instant::now();
    assert_eq!(keys.visit("https://a/slow-ok").await, Err(Unfetched));
    assert_eq!(begun.elapsed(), TIMEOUT);
}
