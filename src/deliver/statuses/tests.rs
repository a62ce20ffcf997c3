use super::*;
use proptest::prelude::*;

fn set(entries: &[&str]) -> StatusSet {
    entries.iter().fold(StatusSet::default(), |set, entry| set.with(parse_text(entry).unwrap()))
}

#[test]
fn a_class_holds_its_hundred_and_no_more() {
    let set = set(&["2xx"]);
    assert!(set.contains(200) && set.contains(299));
    assert!(!set.contains(199) && !set.contains(300));
}

#[test]
fn the_ends_of_http_belong_to_it() {
    let set = set(&["1xx", "5xx"]);
    assert!(set.contains(100) && set.contains(599));
    assert!(!set.contains(0) && !set.contains(99) && !set.contains(600) && !set.contains(u16::MAX));
}

#[test]
fn a_range_includes_both_ends() {
    let set = set(&["500-503", "408"]);
    assert!(set.contains(500) && set.contains(503) && set.contains(408));
    assert!(!set.contains(504) && !set.contains(499));
}

#[test]
fn each_mistake_has_its_name() {
    assert_eq!(parse_text("99"), Err(StatusError::OutOfRange(99)));
    assert_eq!(parse_text("6xx"), Err(StatusError::OutOfRange(600)));
    assert_eq!(parse_text("503-500"), Err(StatusError::Empty(503, 500)));
    for text in ["", "ok", "+200", "2x", "20x", "200-", "-200", "xx", "22xx", "2xx-3xx", "99999"] {
        assert_eq!(parse_text(text), Err(StatusError::Malformed(text.to_owned())), "{text:?}");
    }
}

#[test]
fn a_condition_is_not_taken_for_a_status() {
    assert!(looks_like_status("2x") && looks_like_status("200-") && looks_like_status(" 200, 201"));
    assert!(!looks_like_status("answer.status == 200") && !looks_like_status("200 == answer.status"));
    assert!(!looks_like_status(""));
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "\\PC*") {
        let _ = parse_text(&text);
    }

    #[test]
    fn a_set_holds_exactly_what_was_put_in(first in 100u16..=599, length in 0u16..500, probe in any::<u16>()) {
        let last = (first + length).min(599);
        let set = StatusSet::default().with(parse_text(&format!("{first}-{last}")).unwrap());
        prop_assert_eq!(set.contains(probe), (first..=last).contains(&probe));
    }
}
