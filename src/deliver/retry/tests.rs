use super::*;
use crate::config::spec::RetrySpec;
use crate::diagnostic::{At, Findings};
use crate::secret::{Missing, References};
use http::HeaderValue;
use proptest::prelude::*;
use std::path::Path;

const FAR: Duration = Duration::from_secs(3600);

fn policy(jitter: bool) -> RetryPolicy {
    RetryPolicy {
        max: 3,
        delay: Duration::from_secs(2),
        max_delay: Duration::from_secs(5),
        backoff: Backoff::Exponential,
        jitter,
        on: RetryOn::default(),
    }
}

fn failed(number: u32, outcome: Outcome) -> Ended {
    Ended { number, outcome, status: None, retry_after: None }
}

fn status(number: u32, status: u16, retry_after: Option<u64>) -> Ended {
    let retry_after = retry_after.map(Duration::from_secs);
    Ended { number, outcome: Outcome::of_failed_status(status), status: Some(status), retry_after }
}

fn decide(policy: &RetryPolicy, ended: Ended, left: Duration) -> Decision {
    policy.decide(&ended, left, &mut fastrand::Rng::with_seed(7))
}

#[test]
fn delays_double_up_to_the_most() {
    let waits = [1, 2, 3].map(|number| decide(&policy(false), failed(number, Outcome::Connect), FAR));
    assert_eq!(waits, [2, 4, 5].map(|seconds| Decision::After(Duration::from_secs(seconds))));
    let constant = RetryPolicy { backoff: Backoff::Constant, ..policy(false) };
    assert_eq!(decide(&constant, failed(3, Outcome::Reset), FAR), Decision::After(Duration::from_secs(2)));
}

#[test]
fn ten_retries_of_a_long_delay_do_not_overflow() {
    let long = RetryPolicy { max: u32::MAX, delay: Duration::MAX, max_delay: Duration::from_secs(9), ..policy(false) };
    assert_eq!(decide(&long, failed(200, Outcome::Connect), FAR), Decision::After(Duration::from_secs(9)));
}

#[test]
fn retries_end_after_max() {
    assert!(matches!(decide(&policy(true), failed(3, Outcome::Connect), FAR), Decision::After(_)));
    assert_eq!(decide(&policy(true), failed(4, Outcome::Connect), FAR), Decision::GiveUp(GiveUp::Exhausted));
    let none = RetryPolicy { max: 0, ..policy(true) };
    assert_eq!(decide(&none, failed(1, Outcome::Connect), FAR), Decision::GiveUp(GiveUp::Exhausted));
}

#[test]
fn only_what_on_names_is_repeated() {
    let default = policy(false);
    for code in [408, 425, 429, 500, 599] {
        assert!(matches!(decide(&default, status(1, code, None), FAR), Decision::After(_)), "{code}");
    }
    for code in [301, 400, 401, 404, 410, 422] {
        assert_eq!(decide(&default, status(1, code, None), FAR), Decision::GiveUp(GiveUp::NotRetryable), "{code}");
    }
    for outcome in [Outcome::Dns, Outcome::Connect, Outcome::Tls, Outcome::Reset, Outcome::Timeout] {
        assert!(matches!(decide(&default, failed(1, outcome), FAR), Decision::After(_)), "{outcome}");
    }
    for outcome in [
        Outcome::Expression,
        Outcome::Deadline,
        Outcome::Write,
        Outcome::Draining,
        Outcome::Egress,
        Outcome::Credentials,
    ] {
        assert_eq!(decide(&default, failed(1, outcome), FAR), Decision::GiveUp(GiveUp::NotRetryable), "{outcome}");
    }
}

#[test]
fn a_route_that_must_not_repeat_leaves_out_reset_and_timeout() {
    let careful = RetryPolicy { on: RetryOn { reset: false, timeout: false, ..RetryOn::default() }, ..policy(false) };
    for outcome in [Outcome::Reset, Outcome::Timeout] {
        assert_eq!(decide(&careful, failed(1, outcome), FAR), Decision::GiveUp(GiveUp::NotRetryable));
    }
    assert!(matches!(decide(&careful, failed(1, Outcome::Connect), FAR), Decision::After(_)));
}

#[test]
fn a_wait_that_cannot_end_before_the_deadline_is_not_begun() {
    let wait = Duration::from_secs(2);
    assert_eq!(decide(&policy(false), failed(1, Outcome::Connect), wait), Decision::GiveUp(GiveUp::Deadline));
    let more = wait + Duration::from_nanos(1);
    assert_eq!(decide(&policy(false), failed(1, Outcome::Connect), more), Decision::After(wait));
}

#[test]
fn a_longer_retry_after_is_honoured_and_a_shorter_one_is_not() {
    let asked = |seconds| decide(&policy(false), status(1, 503, Some(seconds)), FAR);
    assert_eq!(asked(1), Decision::After(Duration::from_secs(2)));
    assert_eq!(asked(60), Decision::After(Duration::from_secs(60)));
    let huge = decide(&policy(true), status(1, 429, Some(u64::MAX)), FAR);
    assert_eq!(huge, Decision::GiveUp(GiveUp::Deadline));
}

#[test]
fn success_is_done() {
    assert_eq!(decide(&policy(true), failed(1, Outcome::Success), Duration::ZERO), Decision::Done);
}

fn header(value: &str) -> HeaderMap {
    let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
    HeaderMap::from_iter([(RETRY_AFTER, value)])
}

#[test]
fn retry_after_is_seconds_or_a_date_and_nothing_else() {
    let now: DateTime<Utc> = "2026-06-01T12:00:00Z".parse().unwrap();
    let read = |value: &str| retry_after(&header(value), now);
    assert_eq!(read("120"), Some(Duration::from_secs(120)));
    assert_eq!(read("0"), Some(Duration::ZERO));
    assert_eq!(read("Mon, 01 Jun 2026 12:00:30 GMT"), Some(Duration::from_secs(30)));
    assert_eq!(read("Mon, 01 Jun 2026 11:59:59 GMT"), None);
    for nonsense in ["", "-5", "+5", "1.5", "soon", "99999999999999999999999", "12s", "\u{ff11}"] {
        assert_eq!(read(nonsense), None, "{nonsense:?}");
    }
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}

fn compile(yaml: &str) -> (Option<RetryPolicy>, Vec<String>) {
    let spec: RetrySpec = serde_yaml::from_str(yaml).unwrap();
    let references = References::with_lookup(Path::new("."), Missing::Fails, |_| None);
    let findings = Findings::default();
    let at = At::document(&findings, &references, 0);
    let policy = RetryPolicy::compile(&[Some((&spec, at))], Duration::from_millis(2500));
    let pointers = findings.into_inner().into_iter().map(|finding| format!("{} {}", finding.code, finding.pointer));
    (policy, pointers.collect())
}

#[test]
fn a_delay_that_is_not_written_is_the_usual_one() {
    let (policy, findings) = compile("{max: 10}");
    assert_eq!(findings, Vec::<String>::new());
    let policy = policy.unwrap();
    assert_eq!((policy.max, policy.delay), (10, Duration::from_millis(2500)));
    assert_eq!((policy.max_delay, policy.jitter, policy.on), (MAX_DELAY, true, RetryOn::default()));
}

const MAX_DELAY: Duration = Duration::from_secs(300);

#[test]
fn every_mistake_is_reported_at_its_place() {
    let (policy, findings) = compile("{max: 11, delay: 2d, max_delay: 25h, on: [connect, sometimes, 700, 5xx]}");
    assert_eq!(policy, None);
    assert_eq!(
        findings,
        ["retry-max /max", "unit /delay", "retry-delay /max_delay", "retry-on /on/1", "retry-on /on/2"]
    );
}

#[test]
fn an_empty_on_repeats_nothing() {
    let policy = compile("{on: []}").0.unwrap();
    assert_eq!(decide(&policy, failed(1, Outcome::Connect), FAR), Decision::GiveUp(GiveUp::NotRetryable));
    assert_eq!(decide(&policy, status(1, 503, None), FAR), Decision::GiveUp(GiveUp::NotRetryable));
}

#[test]
fn defaults_fill_in_what_the_target_does_not_say() {
    let references = References::with_lookup(Path::new("."), Missing::Fails, |_| None);
    let findings = Findings::default();
    let at = At::document(&findings, &references, 0);
    let (mine, theirs): (RetrySpec, RetrySpec) =
        (serde_yaml::from_str("{delay: 1s}").unwrap(), serde_yaml::from_str("{delay: 9s, max: 1}").unwrap());
    let written = [Some((&mine, at.clone())), None, Some((&theirs, at))];
    let policy = RetryPolicy::compile(&written, Duration::from_secs(25)).unwrap();
    assert_eq!((policy.delay, policy.max), (Duration::from_secs(1), 1));
}

proptest! {
    #[test]
    fn full_jitter_stays_between_nothing_and_the_nominal_delay(seed in any::<u64>(), number in 1u32..4) {
        let policy = policy(true);
        let decision = policy.decide(&failed(number, Outcome::Connect), FAR, &mut fastrand::Rng::with_seed(seed));
        let Decision::After(wait) = decision else { panic!("{decision:?}") };
        prop_assert!(wait <= policy.nominal(number));
    }

    #[test]
    fn jitter_only_adds_to_retry_after(seed in any::<u64>(), asked in 6u64..1000) {
        let decision = policy(true).decide(&status(1, 503, Some(asked)), FAR, &mut fastrand::Rng::with_seed(seed));
        let Decision::After(wait) = decision else { panic!("{decision:?}") };
        let asked = Duration::from_secs(asked);
        prop_assert!(asked <= wait && wait <= asked + Duration::from_secs(2));
    }

    #[test]
    fn reading_retry_after_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let _ = retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]), DateTime::UNIX_EPOCH);
        }
    }
}
