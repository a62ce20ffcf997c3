//! The targets of a route: those that are written, in the order in which they are to run.

use super::compiled::RouteContext;
use super::graph::{Arrangement, Graph, Placed};
use super::source::Source;
use crate::config::spec::{RouteSpec, TargetSpec};
use crate::deliver::{Target, TargetContext};
use crate::diagnostic::At;
use crate::expr::Environment;
use std::sync::Arc;
use std::time::Duration;

/// In file order, with the graph of those that do not all run side by side.
pub(super) struct Targets {
    pub(super) targets: Vec<Arc<Target>>,
    pub(super) graph: Option<Graph>,
}

impl Targets {
    pub(super) fn compile(
        spec: &RouteSpec,
        source: &Source,
        context: &RouteContext<'_>,
        environment: &Environment<'_>,
        deadline: Duration,
        at: &At<'_>,
    ) -> Option<Targets> {
        let listed = listed(spec, at)?;
        let environment = |names, answered| Environment { answers: names, answered, ..environment.clone() };
        let target_context = |environment| TargetContext {
            environment,
            shared_targets: &context.process.targets,
            shared_transforms: &context.process.transforms,
            route_transform: spec.transform.as_ref(),
            defaults: context.process.defaults.as_ref(),
            process_at: Some(context.process_at.clone()),
            credential_headers: source.verifier.credential_headers(),
            credential_query: source.verifier.credential_query(),
            deadline,
            route: context.name,
            states: &context.carried.targets,
        };
        // A target that is alone needs no number in its default name.
        let number = |position: usize| if listed.len() == 1 { 0 } else { position + 1 };
        let nobody = target_context(environment(&[], None));
        let placed = listed.iter().enumerate().map(|(position, (spec, at))| Placed {
            spec,
            at: at.clone(),
            name: Target::written_name(spec, number(position), &nobody, at),
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
        let compiled =
            placed.iter().zip(&answered).enumerate().map(|(position, (Placed { spec, at, .. }, answered))| {
                let context = target_context(environment(&names, answered.as_deref()));
                Target::compile(spec, number(position), &context, at).map(Arc::new)
            });
        let compiled: Vec<Option<Arc<Target>>> = compiled.collect();
        let targets: Vec<Arc<Target>> = compiled.into_iter().collect::<Option<_>>()?;
        report_equal_names(&targets, &placed)?;
        let required = |position: usize| targets.get(position).is_some_and(|target| target.required);
        let graph = arrangement?.map(|arrangement| arrangement.graph(required));
        Some(Targets { targets, graph })
    }

    /// As `answers` name them.
    pub(super) fn names(&self) -> Vec<String> {
        self.targets.iter().map(|target| target.name.to_string()).collect()
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
