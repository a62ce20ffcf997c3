//! What was written about the order of targets, to a graph without mistakes.

use super::{Edge, Ends, Graph, Node, TargetEnd};
use crate::config::spec::{AfterSpec, OneOrMany, OtherwiseSpec, TargetSpec};
use crate::diagnostic::At;
use crate::suggest;
use compact_str::CompactString;

/// A target as it was written, with its place and its name (`None`: there is a mistake in that).
pub struct Placed<'s, 'a> {
    pub spec: &'s TargetSpec,
    pub at: At<'a>,
    pub name: Option<CompactString>,
}

/// The targets of a route in the order they are to run: not yet known is which of them are required.
pub struct Arrangement {
    nodes: Vec<Node>,
}

impl Arrangement {
    /// `None` for a mistake, which is reported at its place. Targets that all run side by side have no arrangement.
    pub fn compile(targets: &[Placed<'_, '_>]) -> Option<Option<Arrangement>> {
        let edges: Vec<Option<Vec<Edge>>> = targets.iter().map(|target| after(target, targets)).collect();
        let last_resorts: Vec<Option<bool>> = targets.iter().map(|target| last_resort(target, targets)).collect();
        let edges: Vec<Vec<Edge>> = edges.into_iter().collect::<Option<_>>()?;
        let last_resorts: Vec<bool> = last_resorts.into_iter().collect::<Option<_>>()?;
        if edges.iter().all(Vec::is_empty) && !last_resorts.contains(&true) {
            return Some(None);
        }
        let sees = reach(&edges);
        report_circles(targets, &edges, &sees)?;
        let mut nodes = Vec::with_capacity(targets.len());
        for (position, (after, sees_these)) in edges.into_iter().zip(&sees).enumerate() {
            let is_last_resort = last_resorts.get(position) == Some(&true);
            let instead_of = is_last_resort.then(|| others(position, &last_resorts, &sees));
            if instead_of.as_ref().is_some_and(Vec::is_empty) {
                report_lonely(targets, position);
                return None;
            }
            nodes.push(Node { after, instead_of, sees: sees_these.clone(), ..Node::default() });
        }
        follow(&mut nodes);
        Some(Some(Arrangement { nodes }))
    }

    /// Whose answers the target at `position` may name.
    pub fn answered(&self, position: usize) -> Vec<bool> {
        let sees = self.nodes.get(position).map(|node| node.sees.clone()).unwrap_or_default();
        sees.into_iter().enumerate().map(|(other, seen)| seen && other != position).collect()
    }

    /// `required` says of each target whether the answer depends on it.
    pub fn graph(mut self, required: impl Fn(usize) -> bool) -> Graph {
        for position in 0..self.nodes.len() {
            if !required(position) {
                continue;
            }
            let sees = self.nodes.get(position).map(|node| node.sees.clone()).unwrap_or_default();
            for (node, _) in self.nodes.iter_mut().zip(sees).filter(|(_, seen)| *seen) {
                node.awaited = true;
            }
        }
        Graph { nodes: self.nodes }
    }
}

fn after(target: &Placed<'_, '_>, targets: &[Placed<'_, '_>]) -> Option<Vec<Edge>> {
    let Placed { spec, at, .. } = target;
    let Some(written) = &spec.after else {
        if spec.on.is_some() {
            let help = "add `after:` with the name of the target it is about".to_owned();
            at.key("on").error("after-missing", "`on` says how the targets of `after` must have ended", help);
        }
        return spec.on.is_none().then(Vec::new);
    };
    let place = at.key("after");
    if spec.otherwise == Some(OtherwiseSpec::LastResort(true)) {
        let help = "keep one of them: `otherwise: true` waits for all others by itself".to_owned();
        place.error("otherwise-after", "this target has both `after` and `otherwise: true`", help);
        return None;
    }
    let default = ends(spec.on.as_ref(), Ends::OK, &at.key("on"));
    let entries = written.as_slice().iter().enumerate().map(|(index, entry)| {
        let place = match written {
            OneOrMany::One(_) => place.clone(),
            OneOrMany::Many(_) => place.index(index),
        };
        let (name, on, place) = match entry {
            AfterSpec::Name(name) => (name, default, place),
            AfterSpec::Ended(ended) => {
                (&ended.target, ends(ended.on.as_ref(), default?, &place.key("on")), place.key("target"))
            }
        };
        Some(Edge { target: find(name, target, targets, &place)?, on: on? })
    });
    let entries: Vec<Option<Edge>> = entries.collect();
    let entries: Vec<Edge> = entries.into_iter().collect::<Option<_>>()?;
    let is_repeated = |(index, edge): (usize, &Edge)| entries.iter().take(index).any(|e| e.target == edge.target);
    if let Some(index) = entries.iter().enumerate().position(is_repeated) {
        let help = "name it once: `{target: NAME, on: [ok, failed]}`".to_owned();
        place.index(index).error("after-twice", "this target is named twice", help);
        return None;
    }
    Some(entries)
}

fn ends(written: Option<&OneOrMany<TargetEnd>>, default: Ends, at: &At<'_>) -> Option<Ends> {
    let Some(written) = written else { return Some(default) };
    if written.as_slice().is_empty() {
        let help = "write `ok`, `failed` or `skipped`, or several of them in a list".to_owned();
        at.error("on-empty", "no end would be the right one", help);
        return None;
    }
    Some(Ends::of(written.as_slice()))
}

fn find(name: &str, own: &Placed<'_, '_>, targets: &[Placed<'_, '_>], at: &At<'_>) -> Option<usize> {
    let is_named = |target: &Placed<'_, '_>| target.name.as_deref() == Some(name);
    let Some(position) = targets.iter().position(is_named) else {
        // What the nameless ones are called is not known: their mistake comes first.
        if targets.iter().all(|target| target.name.is_some()) {
            let others = targets.iter().filter(|target| !std::ptr::eq(*target, own));
            let known: Vec<&str> = others.filter_map(|target| target.name.as_deref()).collect();
            let help = suggest::or_known(name, known.iter().copied());
            at.error("target-unknown", format!("this route has no target `{name}`"), help);
        }
        return None;
    };
    if own.name.as_deref() == Some(name) {
        at.error("after-circle", format!("`{name}` would come after itself"), None);
        return None;
    }
    Some(position)
}

/// A name in `otherwise` goes with `choose`.
fn last_resort(target: &Placed<'_, '_>, targets: &[Placed<'_, '_>]) -> Option<bool> {
    match &target.spec.otherwise {
        None | Some(OtherwiseSpec::LastResort(false)) => Some(false),
        Some(OtherwiseSpec::LastResort(true)) if targets.len() > 1 => Some(true),
        Some(OtherwiseSpec::LastResort(true)) => {
            report_lonely(targets, 0);
            None
        }
        Some(OtherwiseSpec::Target(_)) if target.spec.choose.is_some() => Some(false),
        Some(OtherwiseSpec::Target(name)) => {
            let help = "write `otherwise: true` for a target that runs when no other does".to_owned();
            let message =
                format!("`otherwise: {name}` stands for what `choose` does not find, and there is no `choose`");
            target.at.key("otherwise").error("otherwise-name", message, help);
            None
        }
    }
}

fn report_lonely(targets: &[Placed<'_, '_>], position: usize) {
    if let Some(target) = targets.get(position) {
        let help = "leave `otherwise` out".to_owned();
        let message = "there is no other target that could run instead: this one always runs";
        target.at.key("otherwise").error("otherwise-alone", message, help);
    }
}

/// For each target: itself, and what it comes after however far.
fn reach(edges: &[Vec<Edge>]) -> Vec<Vec<bool>> {
    (0..edges.len())
        .map(|start| {
            let mut seen = vec![false; edges.len()];
            let mut open = vec![start];
            while let Some(position) = open.pop() {
                if let Some(seen) = seen.get_mut(position).filter(|seen| !**seen) {
                    *seen = true;
                    open.extend(edges.get(position).into_iter().flatten().map(|edge| edge.target));
                }
            }
            seen
        })
        .collect()
}

/// Each circle once, at its first target in file order.
fn report_circles(targets: &[Placed<'_, '_>], edges: &[Vec<Edge>], sees: &[Vec<bool>]) -> Option<()> {
    let sees = |one: usize, other: usize| sees.get(one).and_then(|sees| sees.get(other)) == Some(&true);
    let mut told = vec![false; targets.len()];
    let mut whole = Some(());
    for (position, (target, after)) in targets.iter().zip(edges).enumerate() {
        let closes = after.iter().any(|edge| sees(edge.target, position));
        if !closes || told.get(position) == Some(&true) {
            continue;
        }
        let mut names = Vec::new();
        for (other, told) in told.iter_mut().enumerate() {
            if sees(position, other) && sees(other, position) {
                *told = true;
                names.extend(targets.get(other).and_then(|target| target.name.as_deref()));
            }
        }
        let message = format!("these targets wait for one another: {}", names.join(", "));
        let help = "one of them must not name another of them in `after`".to_owned();
        target.at.key("after").error("after-circle", message, help);
        whole = None;
    }
    whole
}

/// Whom a last resort stands in for: all but other last resorts and what comes after one.
fn others(own: usize, last_resorts: &[bool], sees: &[Vec<bool>]) -> Vec<usize> {
    let hangs_behind_one = |sees: &Vec<bool>| sees.iter().zip(last_resorts).any(|(seen, last)| *seen && *last);
    let others = sees.iter().enumerate().filter(|(other, sees)| *other != own && !hangs_behind_one(sees));
    others.map(|(other, _)| other).collect()
}

fn follow(nodes: &mut [Node]) {
    for position in 0..nodes.len() {
        let Some(node) = nodes.get(position) else { continue };
        let before: Vec<usize> =
            node.after.iter().map(|edge| edge.target).chain(node.instead_of.iter().flatten().copied()).collect();
        for other in before {
            if let Some(other) = nodes.get_mut(other) {
                other.followers.push(position);
            }
        }
    }
}
