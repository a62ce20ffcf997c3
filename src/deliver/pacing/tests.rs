//! On paused time: it moves on when everybody waits.

use super::*;
use crate::config::units::parse_rate;
use futures_util::FutureExt;
use std::time::Duration;

fn pacer(rate: Option<(&str, u32)>, concurrency: u32, waiting_max: usize) -> Arc<Pacer> {
    let rate = rate.map(|(rate, burst)| (parse_rate(rate).unwrap(), NonZeroU32::new(burst).unwrap()));
    Arc::new(Pacer::with_places(Pace { rate, concurrency: NonZeroU32::new(concurrency) }, Places::bounded(waiting_max)))
}

fn after(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

/// As a delivery does it: holds its turn for `work`, and gives its number and when it began.
async fn attempt(pacer: Arc<Pacer>, number: usize, work: Duration) -> (usize, Instant) {
    let turn = match pacer.at_once() {
        Some(turn) => turn,
        None => pacer.wait(after(3600)).await.unwrap().0,
    };
    let began = Instant::now();
    tokio::time::sleep(work).await;
    drop(turn);
    (number, began)
}

async fn run(pacer: &Arc<Pacer>, count: usize, work: Duration) -> Vec<(usize, u64)> {
    let start = Instant::now();
    let attempts = (0..count).map(|number| attempt(pacer.clone(), number, work));
    let mut begun = futures_util::future::join_all(attempts).await;
    begun.sort_by_key(|(_, began)| *began);
    begun.into_iter().map(|(number, began)| (number, began.duration_since(start).as_secs())).collect()
}

#[tokio::test(start_paused = true)]
async fn attempts_begin_in_the_order_they_came_at_the_rate() {
    let begun = run(&pacer(Some(("1/s", 2)), 0, 100), 6, Duration::from_secs(9)).await;
    assert_eq!(begun, [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3), (5, 4)]);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_under_way_than_may_be() {
    let begun = run(&pacer(None, 2, 100), 6, Duration::from_secs(5)).await;
    assert_eq!(begun, [(0, 0), (1, 0), (2, 5), (3, 5), (4, 10), (5, 10)]);
}

#[tokio::test(start_paused = true)]
async fn both_limits_hold_together() {
    let begun = run(&pacer(Some(("1/s", 1)), 2, 100), 5, Duration::from_secs(3)).await;
    assert_eq!(begun, [(0, 0), (1, 1), (2, 3), (3, 4), (4, 6)]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_into_the_queue_fails_at_once() {
    let pacer = pacer(None, 1, 2);
    let turn = pacer.at_once().unwrap();
    let waiting: Vec<_> = (0..2).map(|number| tokio::spawn(attempt(pacer.clone(), number, Duration::ZERO))).collect();
    tokio::task::yield_now().await;
    assert_eq!((pacer.waiting(), pacer.wait(after(60)).await.err()), (2, Some(NoTurn::Full)));
    drop(turn);
    for each in waiting {
        each.await.unwrap();
    }
    assert_eq!(pacer.waiting(), 0);
    assert!(pacer.at_once().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_comes_after_the_deadline_is_not_waited_for() {
    let pacer = pacer(Some(("1/s", 1)), 0, 100);
    drop(pacer.at_once().unwrap());
    let start = Instant::now();
    let waiting: Vec<_> = (0..3).map(|number| tokio::spawn(attempt(pacer.clone(), number, Duration::ZERO))).collect();
    tokio::task::yield_now().await;
    // Three are before it: its own turn comes in four seconds.
    assert_eq!(pacer.wait(after(4)).await.err(), Some(NoTurn::TooLate));
    assert_eq!(start.elapsed(), Duration::ZERO);
    let (_, why) = pacer.wait(after(5)).await.unwrap();
    assert_eq!((start.elapsed().as_secs(), why), (4, WaitedFor::Rate));
    for each in waiting {
        each.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_under_way_is_waited_for_until_the_deadline() {
    let pacer = pacer(None, 1, 100);
    let _turn = pacer.at_once().unwrap();
    let start = Instant::now();
    assert_eq!(pacer.wait(after(7)).await.err(), Some(NoTurn::TooLate));
    assert_eq!((start.elapsed().as_secs(), pacer.waiting()), (7, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_gives_its_place_back() {
    let pacer = pacer(Some(("1/s", 1)), 1, 100);
    let first = pacer.at_once().unwrap();
    let start = Instant::now();
    let spawn = |number| tokio::spawn(attempt(pacer.clone(), number, Duration::ZERO));
    let (gone, stays) = ((0..5).map(spawn).collect::<Vec<_>>(), spawn(5));
    tokio::task::yield_now().await;
    assert_eq!(pacer.waiting(), 6);
    // The one in front, which looks at the clock, and those behind it.
    drop(first);
    tokio::task::yield_now().await;
    gone.iter().for_each(|each| each.abort());
    assert_eq!(stays.await.unwrap().1.duration_since(start).as_secs(), 1, "it is the next");
    assert_eq!(pacer.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes() {
    let pacer = pacer(Some(("1/s", 1)), 0, 100);
    drop(pacer.at_once().unwrap());
    let mut waiting = std::pin::pin!(pacer.wait(after(60)));
    assert!(waiting.as_mut().now_or_never().is_none());
    // Its turn has come, and it has not noticed yet.
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(pacer.at_once().is_none(), "somebody was there before");
    assert!(waiting.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_not_used_is_there_for_the_next() {
    let pacer = pacer(Some(("1/h", 1)), 0, 100);
    pacer.at_once().unwrap().unused();
    assert!(pacer.at_once().is_some());
    assert!(pacer.at_once().is_none());
}
