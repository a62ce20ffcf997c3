//! What may be written in a target, and what is said about what may not.

use super::support::{Surroundings, target};
use crate::deliver::retry::Backoff;
use std::time::Duration;

fn mistakes(yaml: &str) -> Vec<String> {
    Surroundings::default().compile(yaml).err().expect("this must not compile")
}

#[test]
fn the_least_target_has_the_documented_defaults() {
    let target = target("url: https://example.com/hook");
    assert_eq!(&*target.name, "target");
    assert!(target.enabled && target.required && target.when.is_none());
    assert_eq!((target.timeout, target.answer_max), (Duration::from_secs(30), 1 << 20));
    assert_eq!((target.retry.max, target.retry.delay), (3, Duration::from_millis(2500)));
    assert_eq!((target.retry.backoff, target.retry.jitter), (Backoff::Exponential, true));
    assert_eq!((target.success.by_status(299), target.success.by_status(300)), (Some(true), Some(false)));
}

#[test]
fn every_mistake_is_reported_at_its_place() {
    let found = mistakes(
        "{name: Senler, when: 'nope', url: 'ftp://example.com', timeout: 0s, answer_max: 1GiB, success: 2x,
          retry: {max: 11}, headers: {content-length: '1', 'a b': x}, forward_headers: ['x y'],
          auth: {basic: {username: 'a:b', password: p}}}",
    );
    for expected in [
        "target-name /name",
        "timeout /timeout",
        "answer-max /answer_max",
        "success /success",
        "retry-max /retry/max",
        "header-name /headers/content-length",
        "header-name /headers/a b",
        "forward-headers /forward_headers/0",
        "basic-auth /auth/basic",
    ] {
        assert!(found.iter().any(|found| found == expected), "{expected} in {found:#?}");
    }
    assert!(found.iter().any(|found| found.ends_with(" /when")), "{found:#?}");
    assert!(found.iter().any(|found| found.ends_with(" /url")), "{found:#?}");
}

#[test]
fn a_target_without_a_url_is_an_error() {
    assert_eq!(mistakes("{name: a}"), ["url-missing "]);
}

#[test]
fn timeouts_have_their_limits() {
    assert_eq!(target("{url: 'http://h', timeout: 300s}").timeout, Duration::from_secs(300));
    for timeout in ["0s", "301s"] {
        assert_eq!(mistakes(&format!("{{url: 'http://h', timeout: {timeout}}}")), ["timeout /timeout"]);
    }
}

#[test]
fn limits_and_breakers_have_their_bounds() {
    let found = |keys: &str| mistakes(&format!("{{url: 'http://h/', {keys}}}"));
    assert_eq!(found("limit: {}"), ["target-limit /limit"]);
    assert_eq!(found("limit: {burst: 3, concurrency: 2}"), ["target-limit /limit"]);
    assert_eq!(found("limit: {rate: 1/s, burst: 0}"), ["target-limit /limit/burst"]);
    assert_eq!(found("limit: {concurrency: 1000001}"), ["target-limit /limit/concurrency"]);
    assert_eq!(found("limit: {rate: often}"), ["unit /limit/rate"]);
    assert_eq!(found("breaker: {failures: 0}"), ["breaker /breaker/failures"]);
    assert_eq!(found("breaker: {failures: 1001, open: 61m}"), ["breaker /breaker/failures", "breaker /breaker/open"]);
    assert_eq!(found("breaker: {open: 0s}"), ["breaker /breaker/open"]);
    for good in ["limit: {rate: 10/s, burst: 10, concurrency: 8}", "limit: {concurrency: 1}", "breaker: {}"] {
        target(&format!("{{url: 'http://h/', {good}}}"));
    }
}

#[test]
fn an_event_cannot_choose_the_host() {
    assert_eq!(mistakes("url: 'https://${body.host}/x'"), ["url-dynamic-host /url"]);
}

#[test]
fn a_url_with_credentials_in_it_is_refused() {
    assert!(mistakes("url: https://user:pass@example.com/").iter().all(|found| found.ends_with(" /url")));
}

#[test]
fn an_empty_credential_is_an_error() {
    for auth in ["{bearer: '${env:EMPTY}'}", "{headers: {x-key: ''}}", "{query: {key: '${env:EMPTY}'}}"] {
        let found = mistakes(&format!("{{url: 'http://h', auth: {auth}}}"));
        assert!(found.iter().all(|found| found.starts_with("secret-empty /auth/")), "{auth}: {found:?}");
    }
}

#[test]
fn a_credential_with_a_line_break_is_an_error_at_load() {
    assert_eq!(mistakes("{url: 'http://h', auth: {bearer: '${env:LINES}'}}"), ["header-value /auth/bearer"]);
}

#[test]
fn success_is_statuses_or_one_condition() {
    let by_status = |yaml: &str, status| target(yaml).success.by_status(status);
    assert_eq!(by_status("{url: 'http://h', success: [200, 3xx, 410-412]}", 411), Some(true));
    assert_eq!(by_status("{url: 'http://h', success: [200, 3xx, 410-412]}", 204), Some(false));
    assert_eq!(by_status("{url: 'http://h', success: 'answer.status == 200 && answer.body.ok'}", 200), None);
    let both = mistakes("{url: 'http://h', success: [2xx, 'answer.body.ok']}");
    assert_eq!(both, ["success /success/1"]);
    assert_eq!(mistakes("{url: 'http://h', success: [99, 6xx]}"), ["success /success/0", "success /success/1"]);
}

const SHARED: &str = "
targets:
  crm:
    url: https://crm.example.com/in
    headers: {x-team: sales, x-env: prod}
    query: {v: '1'}
    retry: {max: 1, delay: 7s}
    timeout: 5s
  nested: {use: crm}
  broken: {url: 'https://crm.example.com/', timeout: 0s}
defaults: {timeout: 9s, retry: {max: 2, jitter: false}}
";

#[test]
fn use_takes_a_shared_target_key_by_key() {
    let shared = Surroundings::process(SHARED);
    let target = shared.compile("{use: crm, timeout: 6s, retry: {max: 4}}").unwrap();
    assert_eq!((&*target.name, target.timeout), ("crm", Duration::from_secs(6)));
    assert_eq!((target.retry.max, target.retry.delay, target.retry.jitter), (4, Duration::from_secs(7), false));
    assert_eq!(target.written_url, "https://crm.example.com/in");
}

#[test]
fn defaults_lie_below_shared_targets() {
    let shared = Surroundings::process(SHARED);
    assert_eq!(shared.compile("{use: crm}").unwrap().timeout, Duration::from_secs(5));
    let own = shared.compile("{url: 'http://h'}").unwrap();
    assert_eq!((own.timeout, own.retry.max), (Duration::from_secs(9), 2));
}

#[test]
fn mistakes_in_a_shared_target_are_reported_there() {
    let shared = Surroundings::process(SHARED);
    let found = |yaml: &str| shared.compile(yaml).err().unwrap();
    assert_eq!(found("{use: broken}"), ["timeout 1:/targets/broken/timeout"]);
    assert_eq!(found("{use: nested}"), ["nested-use /use"]);
    assert_eq!(found("{use: cmr}"), ["unknown-target /use"]);
}

#[test]
fn the_written_url_shows_neither_values_nor_defaults() {
    let target = target("url: '${env:HOST_URL:-https://internal.example.com}/x/${body.id}'");
    assert_eq!(target.written_url, "${env:HOST_URL}/x/${body.id}");
}

#[test]
fn offline_a_reference_without_a_value_is_no_mistake() {
    let offline = Surroundings { offline: true, ..Surroundings::default() };
    let target = offline.compile("{url: '${env:NOWHERE}/x', auth: {bearer: '${env:NOTHING}'}}").unwrap();
    let event = super::support::event(&[], "{}");
    let outbound = super::support::prepare(&target, &event).unwrap();
    assert_eq!(outbound.shown_url(), "${env:NOWHERE}/x");
    let missing = mistakes("{url: '${env:NOWHERE}/x'}");
    assert_eq!(missing.len(), 1, "{missing:?}");
}

#[test]
fn what_a_target_reads_is_the_union_of_its_parts() {
    let reads = |yaml: &str| target(yaml).reads();
    assert_eq!(reads("url: http://h/x"), crate::expr::Reads::default());
    assert!(reads("url: 'http://h/${body.id}'").body);
    assert!(reads("{url: 'http://h/', headers: {x: '${text}'}}").text);
    assert!(reads("{url: 'http://h/', when: 'body.x == 1'}").body);
    assert!(reads("{url: 'http://h/', transform: {body: {a: '${body.x}'}}}").body);
    assert!(reads("{url: 'http://h/', auth: {query: {k: '${body.x}'}}}").body);
}
