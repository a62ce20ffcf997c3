use super::*;
use crate::config::units::parse_rate;
use crate::limit::Quota;
use std::num::NonZeroU32;

fn standing_of(rate: &str, burst: u32, remaining: u32, next: Duration) -> Standing {
    let quota = Quota::new(parse_rate(rate).unwrap(), NonZeroU32::new(burst).unwrap());
    Standing { quota, remaining, next, is_over: remaining == 0 }
}

fn marked(limits: &RateLimits) -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    limits.mark(&mut headers);
    headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn fields_are_lists_of_strings_with_parameters() {
    let mut limits = RateLimits::new(Counting::On);
    assert_eq!(marked(&limits), [], "where nothing was counted nothing is said");
    assert_eq!(limits.admit("client".into(), standing_of("50/s", 100, 99, Duration::from_millis(20))), Ok(()));
    limits.hold(0, &"orders".into(), Ok(standing_of("1/h", 3, 2, Duration::from_secs(3600))));
    limits.hold(2, &"audit".into(), Ok(standing_of("600/m", 601, 0, Duration::from_millis(1001))));
    let expected = [
        pair("ratelimit-policy", r#""client";q=100;w=2, "route";q=3;w=10800, "route-2";q=601;w=61"#),
        pair("ratelimit", r#""client";r=99;t=1, "route";r=2;t=3600, "route-2";r=0;t=2"#),
    ];
    assert_eq!(marked(&limits), expected);
}

#[test]
fn a_full_limit_holds_its_route_and_no_other() {
    let mut limits = RateLimits::new(Counting::On);
    let wait = Duration::from_secs(9);
    limits.hold(0, &"a".into(), Ok(standing_of("1/h", 3, 1, wait)));
    limits.hold(1, &"b".into(), Ok(standing_of("1/h", 3, 0, wait)));
    limits.hold(2, &"c".into(), Err(EvaluationError::Wrong("no".to_owned())));
    assert_eq!(limits.held(0), None);
    assert_eq!(limits.held(1), Some(Decision::RateLimited(wait)));
    assert_eq!(limits.held(2), Some(Decision::Failed(EvaluationError::Wrong("no".to_owned()))));
    assert_eq!(limits.full(), "the route b");
}

#[test]
fn the_sender_is_told_to_wait_as_long_as_it_has_to() {
    let mut limits = RateLimits::new(Counting::On);
    let refused = limits.admit("client".into(), standing_of("1/h", 1, 0, Duration::from_millis(59_001)));
    let rejection = refused.unwrap_err();
    let mut answer = rejection.into_answer("id");
    limits.mark(answer.headers_mut());
    assert_eq!((answer.status().as_u16(), limits.full().as_str()), (429, "the client"));
    assert_eq!(answer.headers()["retry-after"], "60");
    assert_eq!(answer.headers()["ratelimit"], r#""client";r=0;t=60"#);
}
