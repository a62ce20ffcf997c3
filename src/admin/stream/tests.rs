use super::*;
use crate::history::fixture::{at, delivery};
use crate::history::{DeliveryEntry, KEPT_MAX};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use std::pin::Pin;
use tokio::sync::Semaphore;

type Pieces = Pin<Box<dyn futures_util::Stream<Item = Bytes> + Send>>;

fn history() -> Arc<History> {
    Arc::new(History::new(at(0)))
}

/// The pieces of a stream of deliveries after `after`, its opening taken.
async fn pieces(history: &Arc<History>, after: u64) -> Pieces {
    let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let show =
        Box::new(|number, entry: &DeliveryEntry| (entry.outcome == "success").then(|| json!({"number": number})));
    let feed = Feed { history: history.clone(), ring: |all| &all.deliveries, name: "delivery", show, after, permit };
    let AdminBody::Lasting(mut pieces) = follow(feed) else { panic!("it is whole") };
    assert_eq!(text(pieces.next().await), "retry: 2000\n\n");
    pieces
}

fn text(piece: Option<Bytes>) -> String {
    String::from_utf8(piece.unwrap().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_fits_is_told_as_it_ends() {
    let history = history();
    history.delivery(delivery(at(1), "success"));
    let mut pieces = pieces(&history, 1).await;
    assert!(pieces.next().now_or_never().is_none(), "nothing is new");
    history.delivery(delivery(at(2), "timeout"));
    history.delivery(delivery(at(3), "success"));
    let id = history.id(3);
    assert_eq!(text(pieces.next().await), format!("event: delivery\nid: {id}\ndata: {{\"number\":3}}\n\n"));
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_misses_nothing_that_is_still_there() {
    let history = history();
    (1..=3).for_each(|second| history.delivery(delivery(at(second), "success")));
    let told = text(pieces(&history, 1).await.next().await);
    assert_eq!(told.matches("event: delivery").count(), 2, "{told}");
    (0..KEPT_MAX).for_each(|second| history.delivery(delivery(at(second as i64), "success")));
    let told = text(pieces(&history, 1).await.next().await);
    assert!(told.starts_with("event: missed\ndata: {\"missed\":2}\n\nevent: delivery\n"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_heartbeats() {
    let history = history();
    let mut pieces = pieces(&history, 0).await;
    let began = Instant::now();
    assert_eq!(text(pieces.next().await), ": still here\n\n");
    assert_eq!(began.elapsed(), HEARTBEAT);
    assert_eq!(text(pieces.next().await), ": still here\n\n");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_told_and_dropped() {
    let history = history();
    let mut pieces = pieces(&history, 0).await;
    history.delivery(delivery(at(1), "success"));
    text(pieces.next().await);
    (0..=KEPT_MAX).for_each(|second| history.delivery(delivery(at(second as i64), "success")));
    tokio::time::advance(SLOW + Duration::from_millis(1)).await;
    assert_eq!(text(pieces.next().await), "event: dropped\ndata: {\"missed\":1}\n\n");
    assert!(pieces.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_keeps_up_but_for_a_burst_stays() {
    let history = history();
    let mut pieces = pieces(&history, 0).await;
    (0..KEPT_MAX + 10).for_each(|second| history.delivery(delivery(at(second as i64), "success")));
    let told = text(pieces.next().await);
    assert!(told.starts_with("event: missed\ndata: {\"missed\":10}\n\nevent: delivery\n"), "{told}");
    assert!(pieces.next().now_or_never().is_none_or(|piece| piece.is_some()));
}

#[tokio::test(start_paused = true)]
async fn pieces_are_bounded() {
    let history = history();
    let mut pieces = pieces(&history, 0).await;
    (0..KEPT_MAX).for_each(|second| history.delivery(delivery(at(second as i64), "success")));
    let mut told = 0;
    while told < KEPT_MAX {
        let piece = text(pieces.next().await);
        assert!(piece.len() < PIECE + 1024);
        told += piece.matches("event: delivery").count();
    }
    assert_eq!(told, KEPT_MAX);
}
