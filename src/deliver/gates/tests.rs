use super::*;
use crate::deliver::Target;
use crate::deliver::tests::support::Surroundings;

const SHARED: &str = "
targets:
  crm: {url: 'https://crm.example.com/in', limit: {rate: 5/s}, breaker: {failures: 2}}
";

fn same<T>(one: &Option<Arc<T>>, other: &Option<Arc<T>>) -> bool {
    one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| Arc::ptr_eq(one, other))
}

/// Pacer, breaker, budget.
fn shares(one: &Target, other: &Target) -> (bool, bool, bool) {
    let (one, other) = (&one.gates, &other.gates);
    let budget = Arc::ptr_eq(&one.budget, &other.budget);
    (same(&one.pacer, &other.pacer), same(&one.breaker, &other.breaker), budget)
}

#[test]
fn a_shared_target_has_one_pace_and_one_breaker_for_all_routes() {
    let shared = Surroundings::process(SHARED);
    let used = |yaml: &str| shared.compile(yaml).unwrap();
    let first = used("{use: crm}");
    assert_eq!(shares(&first, &used("{use: crm, name: other, timeout: 6s}")), (true, true, true));
    assert_eq!(shares(&first, &used("{use: crm, limit: {rate: 5/s}}")), (false, true, true), "a limit of its own");
    assert_eq!(shares(&first, &used("{use: crm, url: 'https://crm.example.com/out'}")), (true, true, true));
    assert_eq!(shares(&first, &used("{use: crm, url: 'https://other.example.com'}")), (false, false, false));
}

#[test]
fn other_targets_of_one_place_share_their_budget_alone() {
    let routes = Surroundings::default();
    let target = |name: &str, url: &str| {
        routes.compile(&format!("{{name: {name}, url: '{url}', limit: {{rate: 5/s}}, breaker: {{}}}}")).unwrap()
    };
    let first = target("a", "https://example.com/a");
    assert_eq!(shares(&first, &target("b", "https://example.com/b?x=1")), (false, false, true));
    assert_eq!(shares(&first, &target("b", "https://example.com:444/b")), (false, false, false));
}

#[test]
fn a_reload_keeps_what_has_not_changed() {
    let routes = Surroundings::default();
    let target = |limit: &str, breaker: &str| {
        routes.compile(&format!("{{url: 'https://h/', limit: {{{limit}}}, breaker: {{{breaker}}}}}")).unwrap()
    };
    let before = target("rate: 5/s", "failures: 3");
    assert_eq!(shares(&before, &target("rate: 5/s, burst: 5", "failures: 3, open: 30s")), (true, true, true));
    assert_eq!(shares(&before, &target("rate: 6/s", "failures: 3")), (false, true, true));
    assert_eq!(shares(&before, &target("rate: 5/s", "failures: 4")), (true, false, true));
    let [one, other] = ["rate: 5/s", "rate: 5/s, concurrency: 3"].map(|limit| target(limit, ""));
    assert!(!shares(&one, &other).0);
}
