use super::limiter::Limiter;
use super::*;
use crate::config::units::parse_rate;
use crate::diagnostic::Findings;
use crate::matcher::HostPattern;
use crate::secret::{Missing, References};
use governor::clock::FakeRelativeClock;
use std::path::Path;
use std::time::Duration;

fn quota(rate: &str, burst: u32) -> Quota {
    Quota::new(parse_rate(rate).unwrap(), NonZeroU32::new(burst).unwrap())
}

/// Spends `times` and gives how many were within the limit.
fn within(times: usize, mut spend: impl FnMut() -> Standing) -> usize {
    (0..times).filter(|_| !spend().is_over).count()
}

#[test]
fn a_burst_passes_at_once_and_then_one_in_every_interval() {
    let clock = FakeRelativeClock::default();
    let limiter = Limiter::whole_by(quota("2/s", 3), clock.clone());
    let remaining: Vec<u32> = (0..3).map(|_| limiter.spend().remaining).collect();
    assert_eq!(remaining, [2, 1, 0]);
    let over = limiter.spend();
    assert_eq!((over.is_over, over.remaining, over.next), (true, 0, Duration::from_millis(500)));
    clock.advance(Duration::from_millis(200));
    assert_eq!(limiter.spend().next, Duration::from_millis(300), "what is refused costs nothing");
    clock.advance(Duration::from_millis(300));
    assert_eq!(within(2, || limiter.spend()), 1);
    clock.advance(Duration::from_secs(60));
    assert_eq!(within(10, || limiter.spend()), 3, "no more than the burst, however long it was quiet");
}

#[test]
fn the_window_is_the_time_of_a_whole_burst() {
    assert_eq!(quota("50/s", 100).window(), Duration::from_secs(2));
    assert_eq!(quota("1000/h", 1000).window(), Duration::from_secs(3600));
    assert_eq!(quota("1/h", 1_000_000).window(), Duration::from_secs(3_600_000_000));
}

/// Governor multiplies nanoseconds in 64 bits.
#[test]
fn the_largest_quota_does_not_overflow() {
    let clock = FakeRelativeClock::default();
    for rate in ["1/h", "1000000/s"] {
        let limiter = Limiter::whole_by(quota(rate, u32::MAX), clock.clone());
        clock.advance(Duration::from_secs(10 * 365 * 24 * 3600));
        assert_eq!(limiter.spend().remaining, 999_999, "{rate}");
    }
}

#[test]
fn keys_are_counted_apart() {
    let limiter = Limiter::keyed_by(quota("1/h", 2), KEYS_MAX, FakeRelativeClock::default());
    assert_eq!(within(5, || limiter.spend_of("a")), 2);
    assert_eq!(within(5, || limiter.spend_of("b")), 2);
    assert_eq!(within(5, || limiter.spend_of("")), 2);
    assert_eq!(within(5, || limiter.spend_of(&"long".repeat(1 << 20))), 2);
}

#[test]
fn an_ipv6_client_is_its_64_and_a_mapped_address_is_ipv4() {
    let limiter = Limiter::keyed_by(quota("1/h", 1), KEYS_MAX, FakeRelativeClock::default());
    let is_over = |ip: &str| limiter.spend_of_client(ip.parse().unwrap()).is_over;
    assert!(!is_over("2001:db8:0:1::1"));
    assert!(is_over("2001:db8:0:1:ffff:ffff:ffff:ffff"), "the same /64");
    assert!(!is_over("2001:db8:0:2::1"), "another /64");
    assert!(!is_over("192.0.2.1"));
    assert!(!is_over("192.0.2.2"));
    assert!(is_over("::ffff:192.0.2.1"));
    assert!(!is_over("::"));
    assert!(!is_over("0.0.0.0"));
}

#[test]
fn keys_beyond_the_cap_share_one_count_and_known_ones_keep_theirs() {
    let clock = FakeRelativeClock::default();
    let limiter = Limiter::keyed_by(quota("1/s", 2), 3, clock.clone());
    for key in ["a", "b", "c"] {
        assert!(!limiter.spend_of(key).is_over, "{key}");
    }
    let strangers = (0..100).filter(|number| !limiter.spend_of(&format!("stranger {number}")).is_over).count();
    assert_eq!(strangers, 2, "all strangers together have what one has");
    assert!(!limiter.spend_of("a").is_over, "who is known is not touched by them");
    assert_eq!(limiter.keys(), 3);
    clock.advance(Duration::from_secs(2));
    limiter.sweep();
    assert_eq!(limiter.keys(), 1, "a was counted twice and is kept for one more interval");
    clock.advance(Duration::from_secs(1));
    limiter.sweep();
    assert_eq!(limiter.keys(), 0);
    assert_eq!(within(5, || limiter.spend_of("stranger 7")), 2, "there is a place again");
}

#[test]
fn a_sweep_forgets_nothing_that_still_counts() {
    let clock = FakeRelativeClock::default();
    let limiter = Limiter::keyed_by(quota("1/h", 1), 10, clock.clone());
    assert!(!limiter.spend_of("a").is_over);
    clock.advance(Duration::from_secs(3599));
    limiter.sweep();
    assert!(limiter.spend_of("a").is_over);
}

#[test]
fn threads_never_pass_the_quota() {
    let limiter = Limiter::keyed_by(quota("1/h", 100), 4, FakeRelativeClock::default());
    let passed = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mine = within(200, || limiter.spend_of("a"));
        passed.fetch_add(mine, std::sync::atomic::Ordering::Relaxed);
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
    assert_eq!(passed.into_inner(), 100);
}

#[test]
fn a_limiter_is_handed_on_while_its_limit_is_the_same() {
    let registry = Registry::default();
    let host = HostPattern::parse("hooks.example.com").unwrap();
    let limiter = |owner: Owner, quota: Quota, by: &str| {
        registry.limiter(Identity { owner, quota, by: by.to_owned() }, || Limiter::whole(quota))
    };
    let first = limiter(Owner::route("a"), quota("1/h", 1), "route");
    assert!(Arc::ptr_eq(&first, &limiter(Owner::route("a"), quota("1/h", 1), "route")));
    for other in [
        limiter(Owner::route("b"), quota("1/h", 1), "route"),
        limiter(Owner::place(&[], "/a"), quota("1/h", 1), "route"),
        limiter(Owner::place(&[host], "/a"), quota("1/h", 1), "route"),
        limiter(Owner::route("a"), quota("1/m", 1), "route"),
        limiter(Owner::route("a"), quota("1/h", 2), "route"),
        limiter(Owner::route("a"), quota("1/h", 1), "${params.x}"),
    ] {
        assert!(!Arc::ptr_eq(&first, &other));
    }
    assert!(first.spend().remaining == 0 && first.spend().is_over);
    drop(first);
    assert!(!limiter(Owner::route("a"), quota("1/h", 1), "route").spend().is_over, "what nobody uses is forgotten");
    assert_eq!(registry.len(), 1, "and so are the others");
}

fn compile(spec: serde_json::Value) -> Result<String, Vec<String>> {
    let (findings, references) =
        (Findings::default(), References::new(Path::new("/nowhere"), Missing::StandsForItself));
    let at = At::document(&findings, &references, 0);
    let params = [Arc::from("account")];
    let environment = Environment { params: &params, ..Environment::default() };
    let spec: LimitSpec = serde_json::from_value(spec).unwrap();
    let limit = Limit::compile(&spec, Owner::route("a"), &Registry::default(), &environment, &at);
    let limit = limit.map(|limit| limit.to_string());
    let findings = findings.into_inner();
    limit.ok_or(
        findings.iter().map(|finding| format!("{} {}: {}", finding.code, finding.pointer, finding.message)).collect(),
    )
}

#[test]
fn a_limit_is_shown_as_it_is_understood() {
    use serde_json::json;
    for (spec, shown) in [
        (json!({"rate": "600/m"}), "600/m, burst 600, by route"),
        (json!({"rate": "50/s", "burst": 100, "by": "client_ip"}), "50/s, burst 100, by client_ip"),
        (json!({"rate": "1/h", "by": "${params.account}"}), "1/h, burst 1, by ${params.account}"),
        (json!({"rate": "${env:RATE}", "burst": "${env:BURST}"}), "1/s, burst 1, by route"),
    ] {
        assert_eq!(compile(spec), Ok(shown.to_owned()));
    }
}

#[test]
fn mistakes_are_reported_where_they_are_and_all_at_once() {
    use serde_json::json;
    let mistakes = compile(json!({"rate": "5/d", "burst": 0, "by": "${params.acount}"})).unwrap_err();
    let places: Vec<&str> = mistakes.iter().filter_map(|mistake| mistake.split(':').next()).collect();
    assert_eq!(places, ["unit /rate", "expr-unknown-name /by", "limit-burst /burst"], "{mistakes:?}");
    for by in ["client", "${env:BY}", "${params.account}-${query.x}", ""] {
        let mistakes = compile(json!({"rate": "5/s", "by": by})).unwrap_err();
        assert_eq!(mistakes, ["limit-by /by: this names nothing to count by"], "{by}");
    }
    assert!(compile(json!({"rate": "5/s", "burst": 1_000_001})).is_err());
    assert!(compile(json!({"rate": "5/s", "by": "${vars.x}"})).is_err(), "vars come later");
}
