use super::*;
use crate::history::fixture::{at, delivery, event};
use crate::history::{Asked, SkippedTarget};
use proptest::prelude::*;

fn parsed(query: &str) -> Filter {
    Filter::parse(query).unwrap()
}

#[test]
fn deliveries_are_found_by_each_filter() {
    let mut entry = delivery(at(1), "server_error");
    entry.labels = [("order".into(), "A:1 Ünï".to_owned())].into();
    entry.attempts[0].status = Some(502);
    (entry.chosen, entry.dead_letter) = (Some("pay".into()), Some("graveyard".into()));
    for (query, fits) in [
        ("", true),
        ("route=&target=", true),
        ("id=x-1&request_id=request&route=route&target=target&status=502&outcome=server_error", true),
        ("id=x-2", false),
        ("request_id=other", false),
        ("route=rout", false),
        ("target=targets", false),
        ("outcome=failed", true),
        ("outcome=dns,server_error", true),
        ("outcome=success", false),
        ("status=5xx", true),
        ("status=200,502", true),
        ("status=4xx", false),
        ("status=none", false),
        ("label=order", true),
        ("label=order:A:1+%C3%9Cn%C3%AF", true),
        ("label=order:A", false),
        ("label=order&label=shop", false),
        ("text=%C3%BCn%C3%8F", true),
        ("text=MSG", true),
        ("text=PAY", true),
        ("text=grave", true),
        ("text=nowhere", false),
    ] {
        assert_eq!(parsed(query).fits_delivery("x-1", &entry), fits, "{query}");
    }
    entry.attempts = Box::new([]);
    assert!(parsed("status=none").fits_delivery("x-1", &entry));
    assert!(!parsed("outcome=failed").fits_delivery("x-1", &delivery(at(1), "success")));
}

#[test]
fn events_are_found_by_each_filter() {
    let mut entry = event(at(1), "ignored");
    entry.asked =
        vec![Asked { route: "a".into(), outcome: "ignored", reason: "`when` is false: body.x is absent".into() }];
    entry.skipped = vec![SkippedTarget { route: "a".into(), target: "t".into(), reason: "not enabled".into() }];
    entry.labels = vec![("order".into(), "17".into())];
    for (query, fits) in [
        ("", true),
        ("route=a&outcome=ignored&status=2xx&label=order:17&request_id=request&id=x-1", true),
        ("route=b", false),
        ("outcome=taken", false),
        ("target=t", true),
        ("target=reached", true),
        ("target=other", false),
        ("text=body.X", true),
        ("text=192.0.2", true),
        ("text=/path", true),
        ("status=404", false),
    ] {
        assert_eq!(parsed(query).fits_event("x-1", &entry, |target| target == "reached"), fits, "{query}");
    }
    entry.asked[0].outcome = "taken";
    assert!(parsed("outcome=taken").fits_event("x-1", &entry, |_| false));
}

#[test]
fn what_is_not_understood_is_refused() {
    for (query, word) in [
        ("rout=a", "filters are"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("status=6xx", "status"),
        ("status=99", "status"),
        ("status=ok", "status"),
        ("status=200,", "status"),
    ] {
        assert!(Filter::parse(query).unwrap_err().contains(word), "{query}");
    }
    assert_eq!((parsed("").limit, parsed("limit=1000").limit), (100, 1_000));
}

proptest! {
    #[test]
    fn no_query_breaks_it(query in ".*", written in "(id|label|status|text|limit|outcome)=[^&]{0,20}") {
        for query in [query, written] {
            if let Ok(filter) = Filter::parse(&query) {
                filter.fits_delivery("x-1", &delivery(at(1), "success"));
                filter.fits_event("x-1", &event(at(1), "ignored"), |_| false);
            }
        }
    }
}
