//! Which targets of a route are dead letters: those that others name, of this route or of hookswitch.yaml.

use crate::config::spec::{OtherwiseSpec, TargetSpec};
use crate::deliver::{Target, TargetContext};
use crate::diagnostic::At;
use crate::suggest;
use compact_str::CompactString;
use std::sync::Arc;

/// A target as it is written, and where.
pub(super) type Written<'a> = (&'a TargetSpec, At<'a>);

/// The dead letters of one route.
pub(super) struct DeadLetters<'a> {
    /// Of each target of the route, what it is called.
    names: Vec<Option<CompactString>>,
    named: Vec<Named<'a>>,
}

/// Somebody names it.
struct Named<'a> {
    name: &'a str,
    /// Where, for what is wrong with it.
    at: At<'a>,
    place: Place,
    /// `None` where it has mistakes, which are reported.
    target: Option<Arc<Target>>,
}

/// Where a dead letter is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Number so many of the route's targets.
    Route(usize),
    Shared,
}

impl<'a> DeadLetters<'a> {
    /// Finds every name; a name of nothing is reported where it is written.
    pub(super) fn find(listed: &[Written<'a>], context: &TargetContext<'a>) -> Option<DeadLetters<'a>> {
        let name_of = |(position, (spec, at)): (usize, &Written<'a>)| {
            Target::written_name(spec, number(position, listed.len()), context, at)
        };
        let names: Vec<Option<CompactString>> = listed.iter().enumerate().map(name_of).collect();
        let mut letters = DeadLetters { names, named: Vec::new() };
        let mut whole = Some(());
        for (spec, at) in listed {
            if let Some((name, at)) = Target::dead_letter_of(spec, context, at) {
                whole = letters.add(name, at, context).and(whole);
            }
            let of_choice = |name: &String| context.shared_targets.get(name)?.dead_letter.as_deref();
            if spec.choose.is_some() && spec.dead_letter.is_none() {
                for name in choices(spec).filter_map(of_choice) {
                    whole = letters.add(name, at.key("choose"), context).and(whole);
                }
            }
        }
        whole.map(|()| letters)
    }

    /// A name, where it is written.
    pub(super) fn add(&mut self, name: &'a str, at: At<'a>, context: &TargetContext<'a>) -> Option<()> {
        let known = self.named.iter().any(|named| named.name == name);
        let place = match self.names.iter().position(|target| target.as_deref() == Some(name)) {
            _ if known => return Some(()),
            Some(position) => Place::Route(position),
            None if context.shared_targets.contains_key(name) => Place::Shared,
            None => {
                let own = self.names.iter().flatten().map(|name| &**name);
                let help = suggest::or_known(name, own.chain(context.shared_targets.keys().map(String::as_str)));
                at.error("dead-letter-unknown", format!("there is no target {name:?}"), help);
                return None;
            }
        };
        self.named.push(Named { name, at, place, target: None });
        Some(())
    }

    /// Whether target number `position` of the route is one: it runs as one alone.
    pub(super) fn has(&self, position: usize) -> bool {
        self.named.iter().any(|named| named.place == Place::Route(position))
    }

    /// Those of hookswitch.yaml, as a route would write them: each uses the shared target and says nothing of its own.
    pub(super) fn shared(&self) -> Vec<(String, TargetSpec)> {
        let shared = self.named.iter().filter(|named| named.place == Place::Shared);
        let using = |name: &str| TargetSpec { shared: Some(name.to_owned()), ..TargetSpec::default() };
        shared.map(|named| (named.name.to_owned(), using(named.name))).collect()
    }

    /// Compiles each once. A dead letter that has one itself is reported: what cannot be kept must not go round in circles.
    pub(super) fn compile<'s>(
        &mut self,
        listed: &[Written<'s>],
        shared: &'s [(String, TargetSpec)],
        context: &TargetContext<'s>,
    ) -> Option<()>
    where
        'a: 's,
    {
        let context = TargetContext { is_dead_letter: true, ..context.clone() };
        let mut whole = Some(());
        for named in &mut self.named {
            let written = match named.place {
                Place::Route(position) => listed.get(position).map(|(spec, at)| (*spec, position, at.clone())),
                Place::Shared => {
                    let spec = shared.iter().find(|(name, _)| name == named.name).map(|(_, spec)| spec);
                    spec.map(|spec| (spec, 0, named.at.clone()))
                }
            };
            named.target = written.and_then(|(spec, position, at)| {
                if let Some((next, at)) = Target::dead_letter_of(spec, &context, &at) {
                    circle(named.name, next, &at);
                    return None;
                }
                Target::compile(spec, number(position, listed.len()), &context, &at).map(Arc::new)
            });
            whole = whole.filter(|()| named.target.is_some());
        }
        whole
    }

    /// The dead letter of this name.
    pub(super) fn target(&self, name: &str) -> Option<Arc<Target>> {
        self.named.iter().find(|named| named.name == name).and_then(|named| named.target.clone())
    }

    /// All of them.
    pub(super) fn targets(&self) -> impl Iterator<Item = Arc<Target>> {
        self.named.iter().filter_map(|named| named.target.clone())
    }
}

/// The shared targets that a target may turn out to be.
fn choices(spec: &TargetSpec) -> impl Iterator<Item = &String> {
    let otherwise = match &spec.otherwise {
        Some(OtherwiseSpec::Target(name)) => Some(name),
        _ => None,
    };
    spec.among.iter().flatten().chain(otherwise)
}

/// Counts from 1 where there are several, as default names do.
pub(super) fn number(position: usize, targets: usize) -> usize {
    if targets == 1 { 0 } else { position + 1 }
}

fn circle(name: &str, next: &str, at: &At<'_>) {
    let message = match name == next {
        true => format!("{name:?} cannot be its own dead letter"),
        false => format!("{name:?} is a dead letter, and cannot have one itself"),
    };
    at.error("dead-letter-circle", message, "remove it here: what a dead letter cannot keep is logged".to_owned());
}
