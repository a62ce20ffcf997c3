//! Graphs as they are written, and events on their way through them.

use super::*;
use crate::config::spec::TargetSpec;
use crate::diagnostic::{At, Findings};
use crate::secret::{Missing, References};
use proptest::prelude::*;
use std::path::Path;

/// `on` is a switch to the YAML reader of tests, as it was in YAML 1.1.
fn specs(yaml: &str) -> Vec<TargetSpec> {
    serde_yaml::from_str(&yaml.replace(" on:", " \"on\":")).unwrap()
}

/// Of `targets:` in YAML; or `code pointer: message` of every mistake.
fn graph(yaml: &str) -> Result<Option<Graph>, Vec<String>> {
    let specs = specs(yaml);
    let (findings, references) = (Findings::default(), References::new(Path::new("."), Missing::Fails));
    let at = At::document(&findings, &references, 0);
    let placed = specs.iter().enumerate().map(|(index, spec)| Placed {
        spec,
        at: at.index(index),
        name: spec.name.as_deref().map(Into::into),
    });
    let arrangement = Arrangement::compile(&placed.collect::<Vec<_>>());
    let required = |position: usize| !format!("{:?}", specs[position].required).contains("false");
    let found = findings.into_inner().into_iter();
    let found: Vec<String> = found
        .map(|finding| {
            let help = finding.help.map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{} {}: {}{help}", finding.code, finding.pointer, finding.message)
        })
        .collect();
    match arrangement {
        Some(arrangement) if found.is_empty() => Ok(arrangement.map(|arrangement| arrangement.graph(required))),
        _ => Err(found),
    }
}

/// The order in which targets start and are skipped, when each ends as `ends` says.
fn walked(yaml: &str, ends: &[TargetEnd]) -> Vec<String> {
    let specs = specs(yaml);
    let name = |position: usize| specs[position].name.clone().unwrap();
    let graph = graph(yaml).unwrap().unwrap();
    let (mut walk, mut running, mut told) = (Walk::new(&graph), Vec::new(), Vec::new());
    loop {
        while let Some((position, step)) = walk.next(&graph) {
            match step {
                Step::Start if ends[position] == TargetEnd::Skipped => {
                    walk.ended(position, TargetEnd::Skipped, None, &graph);
                }
                Step::Start => {
                    told.push(name(position));
                    running.push(position);
                    walk.begun(position, &graph);
                }
                Step::Skip(Blocked { by, end, cause }) => {
                    let cause = cause.map(|cause| format!(" because of {}", name(cause))).unwrap_or_default();
                    told.push(format!("{} not: {} {end:?}{cause}", name(position), name(by)));
                    let cause = match end {
                        Some(_) => specs.iter().position(|spec| cause.ends_with(spec.name.as_deref().unwrap())),
                        None => None,
                    };
                    walk.ended(
                        position,
                        TargetEnd::Skipped,
                        cause.filter(|_| told.last().unwrap().contains("because")),
                        &graph,
                    );
                }
                Step::Leave => walk.left(position, &graph),
            }
        }
        let Some(position) = running.pop() else { return told };
        walk.ended(position, ends[position], None, &graph);
    }
}

const OK: TargetEnd = TargetEnd::Ok;
const FAILED: TargetEnd = TargetEnd::Failed;
const SKIPPED: TargetEnd = TargetEnd::Skipped;

#[test]
fn targets_side_by_side_have_no_graph() {
    assert!(graph("[{name: a}, {name: b, otherwise: false}]").unwrap().is_none());
}

#[test]
fn every_written_form_of_after_means_something() {
    for written in [
        "after: a, on: failed",
        "after: [a], on: [failed]",
        "after: {target: a, on: failed}",
        "after: [{target: a, on: [failed]}]",
        "after: [{target: a}], on: failed",
        "after: [{target: a, on: failed}], on: ok",
    ] {
        let yaml = format!("[{{name: a}}, {{name: b, {written}}}]");
        assert_eq!(walked(&yaml, &[FAILED, OK]), ["a", "b"], "{written}");
        assert_eq!(walked(&yaml, &[OK, OK]), ["a", "b not: a Some(Ok)"], "{written}");
    }
    let any = "[{name: a}, {name: b, after: a, on: [ok, failed, skipped]}]";
    for end in [OK, FAILED] {
        assert_eq!(walked(any, &[end, OK]), ["a", "b"]);
    }
    assert_eq!(walked(any, &[SKIPPED, OK]), ["b"]);
}

#[test]
fn a_target_starts_when_all_before_it_have_ended_well() {
    let yaml = "[{name: c, after: [a, b]}, {name: a}, {name: b}, {name: d, after: c}]";
    assert_eq!(walked(yaml, &[OK; 4]), ["a", "b", "c", "d"]);
    assert_eq!(
        walked(yaml, &[OK, FAILED, OK, OK]),
        ["a", "b", "c not: a Some(Failed) because of a", "d not: c Some(Skipped) because of a"]
    );
    assert_eq!(walked(yaml, &[OK, SKIPPED, OK, OK]), ["b", "c not: a Some(Skipped)", "d not: c Some(Skipped)"]);
}

#[test]
fn what_would_have_been_skipped_anyway_has_no_failure_to_blame() {
    let yaml = "[{name: a}, {name: b}, {name: c, after: [a, b]}]";
    assert_eq!(walked(yaml, &[FAILED, SKIPPED, OK]), ["a", "c not: b Some(Skipped)"]);
    let yaml = "[{name: a}, {name: c, after: a, on: skipped}]";
    assert_eq!(walked(yaml, &[FAILED, OK]), ["a", "c not: a Some(Failed)"]);
}

#[test]
fn a_last_resort_runs_when_no_other_does() {
    let yaml = "[{name: rest, otherwise: true}, {name: a}, {name: b, after: a}, {name: then, after: rest}]";
    assert_eq!(walked(yaml, &[OK, SKIPPED, OK, OK]), ["b not: a Some(Skipped)", "rest", "then"]);
    let told = walked(yaml, &[OK; 4]);
    assert_eq!(told, ["a", "rest not: a None", "then not: rest Some(Skipped)", "b"]);
    assert_eq!(walked(yaml, &[OK, FAILED, OK, OK])[1], "rest not: a None", "a failed one did run");
}

#[test]
fn what_a_required_target_comes_after_is_awaited() {
    let yaml = "[{name: a, required: false}, {name: b, required: false, after: a}, {name: c, after: a},
                 {name: d, required: false, after: c}, {name: e, required: false}]";
    let graph = graph(yaml).unwrap().unwrap();
    let awaited: Vec<bool> = (0..5).map(|position| graph.awaits(position)).collect();
    assert_eq!(awaited, [true, false, true, false, false]);
    assert!(graph.sees(3, 0) && graph.sees(3, 2) && !graph.sees(3, 3) && !graph.sees(0, 3));
}

#[test]
fn what_another_try_looks_after_is_left_to_it_with_all_behind_it() {
    let graph =
        graph("[{name: a, required: false}, {name: b, required: false, after: a}, {name: c}]").unwrap().unwrap();
    let mut walk = Walk::new(&graph);
    assert_eq!(walk.next(&graph), Some((0, Step::Start)));
    walk.left(0, &graph);
    let mut steps = Vec::new();
    while let Some((position, step)) = walk.next(&graph) {
        steps.push((position, step));
        match step {
            Step::Leave => walk.left(position, &graph),
            _ => walk.ended(position, OK, None, &graph),
        }
    }
    steps.sort_by_key(|(position, _)| *position);
    assert_eq!(steps, [(1, Step::Leave), (2, Step::Start)]);
    assert!(!walk.is_waiting() && !walk.is_awaited(&graph));
}

#[test]
fn every_mistake_is_found_at_its_place() {
    for (yaml, expected) in [
        (
            "[{name: billing}, {name: notify, after: biling}]",
            "target-unknown /1/after: this route has no target `biling` (did you mean `billing`?)",
        ),
        (
            "[{name: billing}, {name: notify, after: [billing, {target: crm}]}]",
            "target-unknown /1/after/1/target: this route has no target `crm` (known here: billing)",
        ),
        ("[{name: a, after: a}]", "after-circle /0/after: `a` would come after itself"),
        (
            "[{name: a, after: c}, {name: b, after: a}, {name: c, after: b}, {name: d, after: a}]",
            "after-circle /0/after: these targets wait for one another: a, b, c (one of them must not name another of them in `after`)",
        ),
        (
            "[{name: a}, {name: b, on: failed}]",
            "after-missing /1/on: `on` says how the targets of `after` must have ended (add `after:` with the name of the target it is about)",
        ),
        (
            "[{name: a}, {name: b, after: a, on: []}]",
            "on-empty /1/on: no end would be the right one (write `ok`, `failed` or `skipped`, or several of them in a list)",
        ),
        (
            "[{name: a}, {name: b, after: [a, {target: a, on: failed}]}]",
            "after-twice /1/after/1: this target is named twice (name it once: `{target: NAME, on: [ok, failed]}`)",
        ),
        (
            "[{name: a}, {name: b, after: a, otherwise: true}]",
            "otherwise-after /1/after: this target has both `after` and `otherwise: true` (keep one of them: `otherwise: true` waits for all others by itself)",
        ),
        (
            "[{name: a, otherwise: true}]",
            "otherwise-alone /0/otherwise: there is no other target that could run instead: this one always runs (leave `otherwise` out)",
        ),
        (
            "[{name: a, otherwise: true}, {name: b, after: a}]",
            "otherwise-alone /0/otherwise: there is no other target that could run instead: this one always runs (leave `otherwise` out)",
        ),
        (
            "[{name: a}, {name: b, otherwise: a}]",
            "otherwise-name /1/otherwise: `otherwise: a` stands for what `choose` does not find, and there is no `choose` (write `otherwise: true` for a target that runs when no other does)",
        ),
    ] {
        assert_eq!(graph(yaml).map(|_| ()).unwrap_err(), [expected], "{yaml}");
    }
    let two = "[{name: a, after: b}, {name: b, after: a}, {name: c, after: d}, {name: d, after: c}]";
    assert_eq!(graph(two).map(|_| ()).unwrap_err().len(), 2, "each circle once");
}

/// By target: whom it comes after and on which ends, how it ends, and whether it is a last resort.
type AnyGraph = (Vec<Vec<(usize, u8)>>, Vec<u8>, Vec<bool>);

/// Targets that come after some of those before them, which is every acyclic graph in some order of its targets.
fn any_graph() -> impl Strategy<Value = AnyGraph> {
    (1..9usize).prop_flat_map(|size| {
        let edges = (0..size).map(|own| prop::collection::vec((0..own.max(1), 1..8u8), 0..=own.min(3)));
        (edges.collect::<Vec<_>>(), prop::collection::vec(0..3u8, size), prop::collection::vec(any::<bool>(), size))
    })
}

proptest! {
    #[test]
    fn every_target_is_decided_once_and_never_before_those_it_comes_after(
        (edges, ends, last_resorts) in any_graph(), order in any::<u64>()
    ) {
        let end = |position: usize| [OK, FAILED, SKIPPED][ends[position] as usize];
        let written: Vec<String> = edges.iter().enumerate().map(|(own, after)| {
            let mut named = Vec::new();
            let after: Vec<String> = after.iter().filter(|(other, _)| *other < own && {
                let fresh = !named.contains(other);
                named.push(*other);
                fresh
            }).map(|(other, on)| {
                let on: Vec<&str> = ["ok", "failed", "skipped"].into_iter().enumerate()
                    .filter(|(bit, _)| on & (1 << bit) != 0).map(|(_, word)| word).collect();
                format!("{{target: t{other}, on: [{}]}}", on.join(", "))
            }).collect();
            let last = after.is_empty() && last_resorts[own];
            match last {
                true => format!("{{name: t{own}, otherwise: true}}"),
                false if after.is_empty() => format!("{{name: t{own}}}"),
                false => format!("{{name: t{own}, after: [{}]}}", after.join(", ")),
            }
        }).collect();
        let yaml = format!("[{}]", written.join(", "));
        let Ok(Some(graph)) = graph(&yaml) else { return Ok(()) };
        let mut rng = fastrand::Rng::with_seed(order);
        let (mut walk, mut running, mut decided, mut ended) = (Walk::new(&graph), Vec::new(), Vec::new(), Vec::new());
        loop {
            while let Some((position, step)) = walk.next(&graph) {
                prop_assert!(!decided.contains(&position), "{yaml}: t{position} twice");
                for edge in &graph.nodes[position].after {
                    prop_assert!(ended.contains(&edge.target), "{yaml}: t{position} before t{}", edge.target);
                }
                decided.push(position);
                match step {
                    Step::Start if end(position) != SKIPPED => {
                        running.push(position);
                        walk.begun(position, &graph);
                    }
                    _ => {
                        ended.push(position);
                        walk.ended(position, SKIPPED, None, &graph);
                    }
                }
            }
            if running.is_empty() {
                break;
            }
            let position = running.swap_remove(rng.usize(..running.len()));
            ended.push(position);
            walk.ended(position, end(position), None, &graph);
        }
        prop_assert_eq!(decided.len(), edges.len(), "{}: some target was never decided", yaml);
        prop_assert!(!walk.is_waiting() && !walk.is_awaited(&graph));
    }
}
