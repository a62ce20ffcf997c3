use super::fixture::{at, delivery, event};
use super::*;
use futures_util::FutureExt;

fn numbers<T>(entries: &[Remembered<T>]) -> Vec<u64> {
    entries.iter().map(|(number, _)| *number).collect()
}

#[test]
fn the_last_thousand_are_kept() {
    let history = History::new(at(0));
    (1..=1_234).for_each(|second| history.delivery(delivery(at(second), "success")));
    let kept = history.deliveries.newest_first();
    assert_eq!((kept.len(), kept[0].0, kept[999].0), (KEPT_MAX, 1_234, 235));
    assert_eq!((kept[0].1.time, kept[999].1.time), (at(1_234), at(235)));
}

#[test]
fn what_came_after_a_number_and_what_was_missed() {
    let ring: Ring<DeliveryEntry> = Ring::new(3, usize::MAX);
    assert_eq!((ring.after(0).entries.len(), ring.after(7).missed, ring.last()), (0, 0, 0));
    (1..=5).for_each(|second| ring.push(delivery(at(second), "success")));
    for (number, expected, missed) in
        [(0, vec![3, 4, 5], 2), (1, vec![3, 4, 5], 1), (2, vec![3, 4, 5], 0), (4, vec![5], 0), (5, vec![], 0)]
    {
        let since = ring.after(number);
        assert_eq!((numbers(&since.entries), since.missed), (expected, missed), "after {number}");
    }
    assert!(ring.after(99).entries.is_empty(), "a number that has not come yet");
    assert_eq!(ring.after(3).entries[0].1.time, at(4));
}

#[test]
fn entries_are_bounded_by_their_bytes_too() {
    let one = delivery(at(1), "success").bytes();
    let ring: Ring<DeliveryEntry> = Ring::new(1_000, one * 3 + one / 2);
    (1..=10).for_each(|second| ring.push(delivery(at(second), "success")));
    assert_eq!(numbers(&ring.newest_first()), [10, 9, 8]);
    let small: Ring<DeliveryEntry> = Ring::new(1_000, 1);
    (1..=3).for_each(|second| small.push(delivery(at(second), "success")));
    assert_eq!(numbers(&small.newest_first()), [3], "the newest is kept, however long it is");
}

#[test]
fn texts_and_lists_of_strangers_are_cut() {
    let long = "я".repeat(5_000);
    let label = |index: usize| (format!("label-{index}").into(), long.clone());
    let labels: Vec<Label> = (0..100).map(label).collect();
    let ring: Ring<DeliveryEntry> = Ring::new(10, usize::MAX);
    ring.push(DeliveryEntry {
        labels: labels.clone().into(),
        reason: long.clone().into(),
        ..delivery(at(1), "success")
    });
    let (_, kept) = ring.newest_first().remove(0);
    assert_eq!((kept.labels.len(), kept.labels[31].1.chars().count()), (32, 257));
    assert!(kept.reason.ends_with('…') && kept.bytes() < 32 * 1024, "{}", kept.bytes());

    let asked = |index: usize| Asked { route: format!("r{index}").into(), outcome: "ignored", reason: long.clone() };
    let events: Ring<EventEntry> = Ring::new(10, usize::MAX);
    events.push(EventEntry {
        path: long.clone().into(),
        error: long.clone().into(),
        asked: (0..100).map(asked).collect(),
        skipped: vec![SkippedTarget { route: "r".into(), target: "t".into(), reason: long.clone() }; 100],
        labels,
        ..event(at(1), "ignored")
    });
    let (_, kept) = events.newest_first().remove(0);
    assert_eq!((kept.asked.len(), kept.skipped.len(), kept.labels.len()), (32, 32, 32));
    assert!(kept.bytes() < 64 * 1024, "{}", kept.bytes());
}

#[test]
fn whoever_waits_is_woken_by_the_next() {
    let history = History::new(at(0));
    let mut news = Box::pin(history.deliveries.news());
    news.as_mut().enable();
    assert!(news.as_mut().now_or_never().is_none());
    history.delivery(delivery(at(1), "success"));
    assert!(news.as_mut().now_or_never().is_some());
}

#[test]
fn an_id_is_of_one_process() {
    let (one, other) = (History::new(at(0)), History::new(at(1)));
    assert_eq!(one.number(&one.id(17)), Some(17));
    assert_eq!(other.number(&one.id(17)), Some(0), "all there is here came after it");
    for wrong in ["", "17", "0-", "0-x", "-1-1"] {
        assert_eq!(one.number(wrong), None, "{wrong}");
    }
}

#[test]
fn figures_count_by_target() {
    let history = History::new(at(0));
    assert_eq!(history.figures("route", "target", at(0)), None);
    for (second, outcome) in [(60, "success"), (61, "timeout"), (200, "success")] {
        history.delivery(delivery(at(second), outcome));
    }
    history.delivery(DeliveryEntry { attempts: Box::new([]), ..delivery(at(210), "expression") });
    history.delivery(DeliveryEntry { target: "other".into(), ..delivery(at(220), "success") });
    let figures = history.figures("route", "target", at(230)).unwrap();
    assert_eq!((figures.sent, figures.succeeded, figures.failed), (3, 2, 2));
    assert_eq!((figures.last_sent, figures.last_failure), (Some(at(200)), Some(at(210))));
    let counts = |index: usize| (figures.minutes[index].succeeded, figures.minutes[index].failed);
    assert_eq!([counts(59), counts(58), counts(57), counts(56)], [(1, 1), (0, 0), (1, 1), (0, 0)]);
}

#[test]
fn minutes_pass() {
    let history = History::new(at(0));
    let count = |now: i64| {
        let figures = history.figures("route", "target", at(now)).unwrap();
        figures.minutes.iter().map(|minute| minute.succeeded).sum::<u32>()
    };
    history.delivery(delivery(at(0), "success"));
    assert_eq!([count(0), count(59 * 60 + 59), count(60 * 60), count(1 << 40)], [1, 1, 0, 0]);
    history.delivery(delivery(at(30 * 60), "success"));
    assert_eq!([count(30 * 60), count(60 * 60), count(90 * 60)], [2, 1, 0]);
    // The place of minute 0 is that of minute 60, and was of minute 0 until now.
    history.delivery(delivery(at(60 * 60), "success"));
    assert_eq!(count(60 * 60), 2);
    history.delivery(delivery(at(1_000 * 60), "success"));
    assert_eq!(count(1_000 * 60), 1);
    // A clock that was set back by more than an hour counts in the sums alone; by less, in its minute.
    history.delivery(delivery(at(10 * 60), "success"));
    history.delivery(delivery(at(999 * 60), "success"));
    assert_eq!(count(1_000 * 60), 2);
    assert_eq!(history.figures("route", "target", at(0)).unwrap().sent, 6);
}

#[test]
fn figures_of_targets_that_are_gone_are_forgotten() {
    let history = History::new(at(0));
    history.delivery(delivery(at(0), "success"));
    history.delivery(DeliveryEntry { target: "other".into(), ..delivery(at(0), "success") });
    assert!(history.retain_figures(|route, target| (route, target) == ("route", "other")));
    assert_eq!(history.figures("route", "target", at(0)), None);
    assert!(history.figures("route", "other", at(0)).is_some());
    let held = history.tally("route", "other", at(0));
    assert!(!history.retain_figures(|_, _| false), "somebody counts on them");
    history.delivery_to(&held, DeliveryEntry { target: "other".into(), ..delivery(at(1), "success") });
    assert_eq!(history.figures("route", "other", at(1)).unwrap().sent, 2);
    drop(held);
    assert!(history.retain_figures(|_, _| false));
    assert_eq!(history.figures("route", "other", at(0)), None);
}
