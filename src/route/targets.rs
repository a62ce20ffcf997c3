//! The targets of a route: those that are written, in the order in which they are to run.

use super::choice::Choice;
use super::compiled::RouteContext;
use super::dead_letter::{DeadLetters, number};
use super::graph::{Arrangement, Graph, Placed};
use super::signer::ByVerifying;
use super::source::Source;
use crate::config::spec::{Ordered, RouteSpec, TargetSpec};
use crate::deliver::{Chosen, Target, TargetContext};
use crate::diagnostic::At;
use crate::expr::Environment;
use std::sync::Arc;
use std::time::Duration;

/// In file order, with the graph of those that do not all run side by side.
pub(super) struct Targets {
    pub(super) targets: Vec<Arc<Target>>,
    pub(super) graph: Option<Graph>,
    /// By position.
    pub(super) choices: Vec<(usize, Choice)>,
    /// What they name as dead letters, each once; none of them is among the others.
    pub(super) dead_letters: Vec<Arc<Target>>,
}

impl Targets {
    pub(super) fn compile(
        spec: &RouteSpec,
        source: &Source,
        context: &RouteContext<'_>,
        environment: &Environment<'_>,
        retry_delay: Duration,
        at: &At<'_>,
    ) -> Option<Targets> {
        let listed = listed(spec, at)?;
        let environment = |names, answered| Environment { answers: names, answered, ..environment.clone() };
        let signers = ByVerifying(context.providers);
        let target_context = |environment| TargetContext {
            environment,
            shared_targets: &context.process.targets,
            shared_transforms: &context.process.transforms,
            route_transform: spec.transform.as_ref(),
            defaults: context.process.defaults.as_ref(),
            process_at: Some(context.process_at.clone()),
            credential_headers: source.verifier.credential_headers(),
            credential_query: source.verifier.credential_query(),
            chosen: None,
            retry_delay,
            is_dead_letter: false,
            route: context.name,
            states: &context.carried.targets,
            egress: context.egress,
            lasting: &context.carried.outgoing,
            signers: &signers,
        };
        let nobody = target_context(environment(&[], None));
        let mut letters = DeadLetters::find(&listed, &nobody);
        let shared = letters.as_ref().map(DeadLetters::shared).unwrap_or_default();
        let sound = letters.as_mut().and_then(|letters| letters.compile(&listed, &shared, &nobody));
        let runs = |position: &usize| letters.as_ref().is_none_or(|letters| !letters.has(*position));
        let positions: Vec<usize> = (0..listed.len()).filter(runs).collect();
        let placed = positions.iter().filter_map(|position| {
            let (spec, at) = listed.get(*position)?;
            let name = Target::written_name(spec, number(*position, listed.len()), &nobody, at);
            Some(Placed { spec, at: at.clone(), name })
        });
        let placed: Vec<Placed<'_, '_>> = placed.collect();
        let names: Vec<String> =
            placed.iter().map(|target| target.name.as_deref().unwrap_or_default().to_owned()).collect();
        let arrangement = Arrangement::compile(&placed);
        // After a mistake in the order every answer may be named: one mistake is told once.
        let answered = (0..placed.len()).map(|position| match &arrangement {
            None => None,
            Some(None) => Some(vec![false; names.len()]),
            Some(Some(arrangement)) => Some(arrangement.answered(position)),
        });
        let answered: Vec<Option<Vec<bool>>> = answered.collect();
        let mut choices = Vec::new();
        let mut compiled: Vec<Option<Arc<Target>>> = Vec::with_capacity(placed.len());
        for (place, ((target, answered), position)) in placed.iter().zip(&answered).zip(&positions).enumerate() {
            let Placed { spec, at, .. } = target;
            let environment = environment(&names, answered.as_deref());
            let compile = |chosen: Option<&Chosen<'_>>| {
                let context = TargetContext { chosen, ..target_context(environment.clone()) };
                let mut target = Target::compile(spec, number(*position, listed.len()), &context, at)?;
                let named = Target::dead_letter_of(spec, &context, at).map(|(name, _)| name);
                target.dead_letter = named.and_then(|name| letters.as_ref()?.target(name));
                target.position = *position;
                Some(target)
            };
            if spec.choose.is_none() {
                report_among(target);
                compiled.push(compile(None).map(Arc::new));
                continue;
            }
            let choice = Choice::compile(target, &environment, &|chosen| compile(Some(chosen)));
            compiled.push(choice.as_ref().and_then(|choice| choice.targets().next().cloned()));
            choices.extend(choice.map(|choice| (place, choice)));
        }
        let targets: Vec<Arc<Target>> = compiled.into_iter().collect::<Option<_>>()?;
        report_equal_names(&targets, &placed)?;
        let required = |position: usize| is_required(&targets, &choices, position);
        let graph = arrangement?.map(|arrangement| arrangement.graph(required));
        sound?;
        let dead_letters = letters.iter().flat_map(DeadLetters::targets).collect();
        Some(Targets { targets, graph, choices, dead_letters })
    }

    /// As `answers` name them.
    pub(super) fn names(&self) -> Vec<String> {
        self.targets.iter().map(|target| target.name.to_string()).collect()
    }
}

/// Whether the answer may depend on the target at a position.
pub(super) fn is_required(targets: &[Arc<Target>], choices: &[(usize, Choice)], position: usize) -> bool {
    match choices.iter().find(|(place, _)| *place == position) {
        Some((_, choice)) => choice.targets().any(|target| target.required),
        None => targets.get(position).is_some_and(|target| target.required),
    }
}

fn report_among(target: &Placed<'_, '_>) {
    if target.spec.among.is_some() {
        let help = "add `choose:` with the expression that names one of them".to_owned();
        target.at.key("among").error("choose-missing", "`among` says what `choose` chooses from", help);
    }
}

/// What a shared target cannot say, because it is about other targets of a route.
pub(super) fn report_keys_of_shared(shared: &Ordered<TargetSpec>, at: &At<'_>) {
    for (name, spec) in shared {
        let keys = [
            ("after", spec.after.is_some()),
            ("on", spec.on.is_some()),
            ("otherwise", spec.otherwise.is_some()),
            ("choose", spec.choose.is_some()),
            ("among", spec.among.is_some()),
        ];
        for (key, _) in keys.iter().filter(|(_, is_written)| *is_written) {
            let message = format!("`{key}` is about the targets of a route, and this one is shared");
            let help = "write it in the route, beside `use`".to_owned();
            at.key(name).key(key).error_on_key("shared-target-key", message, help);
        }
    }
}

/// `targets`, or the one of `target`.
fn listed<'s, 'a>(spec: &'s RouteSpec, at: &At<'a>) -> Option<Vec<(&'s TargetSpec, At<'a>)>> {
    let listed = match (&spec.targets, &spec.target) {
        (Some(_), Some(_)) => {
            let help = "keep one of them".to_owned();
            at.key("target").error("targets-twice", "the route has both `target` and `targets`", help);
            return None;
        }
        (None, None) => {
            let help =
                "add `target:` or `targets:`, or `targets: []` with a `respond:` that answers by itself".to_owned();
            at.error("targets-missing", "the route has no `targets`", help);
            return None;
        }
        (Some(targets), None) => {
            let at = at.key("targets");
            targets.iter().enumerate().map(|(index, target)| (target, at.index(index))).collect()
        }
        (None, Some(target)) => vec![(target, at.key("target"))],
    };
    if listed.is_empty() && spec.respond.is_none() {
        let help = "add a target, or a `respond:` that answers by itself".to_owned();
        at.key("targets").error("targets-missing", "the route sends nothing and answers nothing", help);
        return None;
    }
    Some(listed)
}

fn report_equal_names(targets: &[Arc<Target>], placed: &[Placed<'_, '_>]) -> Option<()> {
    for (position, (target, placed)) in targets.iter().zip(placed).enumerate() {
        if targets.iter().take(position).any(|earlier| earlier.name == target.name) {
            let message = format!("two targets of this route are named `{}`", target.name);
            placed.at.error("name-duplicate", message, "give one a `name` of its own".to_owned());
            return None;
        }
    }
    Some(())
}
