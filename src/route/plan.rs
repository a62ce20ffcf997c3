//! An event that a route has taken: vars and labels computed, each delivery built or skipped with its reason.

use super::{Choice, Route, TargetEnd};
use crate::deliver::{self, NotBuilt, Outbound, Target};
use crate::document::Document;
use crate::event::Event;
use crate::expr::{Answer, Evaluation, EvaluationError, Scope, Value, Verdict};
use compact_str::CompactString;
use std::borrow::Cow;
use std::sync::Arc;

/// What expressions need of the process, the same for every event of one generation.
#[derive(Clone)]
pub struct Engine {
    pub tables: Document,
    /// Makes `uuid()`: fixed in tests.
    pub uuid: fn() -> String,
}

impl Engine {
    pub fn scope<'e>(
        &'e self,
        event: &'e Event,
        route: &'e str,
        vars: &'e [Value],
        answers: &'e [Option<Answer>],
    ) -> Scope<'e> {
        Scope { event, route, vars, answers, answer: None, tables: &self.tables, uuid: self.uuid }
    }
}

/// An event in the hands of one route. Cheap to clone.
#[derive(Clone)]
pub struct Taken {
    pub route: Arc<Route>,
    pub event: Arc<Event>,
    pub vars: Arc<[Value]>,
    pub labels: Arc<[(CompactString, String)]>,
    /// What identifies the event over its sender's retries; `None` where nothing does.
    pub dedupe_key: Option<String>,
    /// The one target that is meant, whatever its conditions say; `None`: all of the route.
    pub only: Option<CompactString>,
}

/// What is to happen with one target.
pub enum Planned {
    Ready(Outbound),
    Skipped(Skip),
    /// The request could not be built.
    Failed(NotBuilt),
}

/// Why a target gets nothing of this event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    #[error("the target is not enabled")]
    Disabled,
    #[error("the target's `when` is false")]
    When,
    #[error("the target's `when` is false: {0} is absent")]
    Absent(String),
    #[error("the target has this event from an earlier try")]
    Delivered,
    #[error("another target was named")]
    NotMeant,
    #[error("it comes after `{target}`, which {}", ended_so(*.end))]
    After { target: CompactString, end: TargetEnd },
    #[error("it is for events that no other target gets, and `{target}` gets this one")]
    Otherwise { target: CompactString },
    #[error("it comes after a target that an earlier try looks after, and so does that try after this one")]
    Earlier,
}

fn ended_so(end: TargetEnd) -> &'static str {
    match end {
        TargetEnd::Ok => "succeeded",
        TargetEnd::Failed => "failed",
        TargetEnd::Skipped => "was skipped",
    }
}

/// One target and what is planned for it, in file order.
pub struct Plan {
    pub target: Arc<Target>,
    pub planned: Planned,
    /// Why it would have got nothing, had it not been named on purpose.
    pub overruled: Option<Skip>,
}

impl Taken {
    /// Computes vars, labels and the dedupe key, in this order. A wrong expression fails the event.
    pub fn new(route: &Arc<Route>, event: &Arc<Event>, engine: &Engine) -> Result<Taken, EvaluationError> {
        let event = named_params(route, event);
        let mut vars: Vec<Value> = Vec::with_capacity(route.vars.len());
        for shape in &route.vars {
            let value = shape.value(&mut Evaluation::new(engine.scope(&event, &route.name, &vars, &[])))?;
            vars.push(value);
        }
        let mut labels = Vec::with_capacity(route.labels.len());
        for (name, text) in &route.labels {
            let scope = engine.scope(&event, &route.name, &vars, &[]);
            match text.text(&mut Evaluation::new(scope)) {
                Ok(Some(value)) => labels.push((name.clone(), value)),
                // A label is for people who search; that it has no value is no reason to refuse the event.
                Ok(None) | Err(EvaluationError::Absent { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let scope = engine.scope(&event, &route.name, &vars, &[]);
        let dedupe_key = route.dedupe.as_ref().map_or(Ok(None), |identity| identity.key(scope))?;
        // What is the same for all elements would make each a repeat of the first.
        let dedupe_key = match &event.element {
            Some(element) if !route.tells_elements_apart => dedupe_key.map(|key| format!("{key}#{}", element.index)),
            _ => dedupe_key,
        };
        Ok(Taken { route: route.clone(), event, vars: vars.into(), labels: labels.into(), dedupe_key, only: None })
    }

    /// Builds every delivery of a route whose targets run side by side. Pure: nothing is sent.
    pub fn plan(&self, engine: &Engine) -> Vec<Plan> {
        let targets = self.route.targets.iter();
        targets.enumerate().map(|(position, target)| self.plan_one(position, target, engine, &[])).collect()
    }

    /// Builds the delivery to the target at a position, which sees these answers. Pure.
    pub fn plan_after(&self, position: usize, engine: &Engine, answers: &[Option<Answer>]) -> Option<Plan> {
        Some(self.plan_one(position, self.route.targets.get(position)?, engine, answers))
    }

    /// What expressions of this route see.
    pub fn scope<'e>(&'e self, engine: &'e Engine, answers: &'e [Option<Answer>]) -> Scope<'e> {
        engine.scope(&self.event, &self.route.name, &self.vars, answers)
    }

    /// What the delivery to a target of the route is called: `webhook-id` and `idempotency-key`.
    pub fn delivery_id(&self, target: &Target) -> String {
        deliver::delivery_id(&self.route.name, &target.name, &self.key())
    }

    fn plan_one(&self, position: usize, target: &Arc<Target>, engine: &Engine, answers: &[Option<Answer>]) -> Plan {
        let chosen = match self.route.choice(position) {
            None => Ok(Ok(target)),
            Some(choice) => self.choose(choice, target, engine, answers),
        };
        let unplanned = |planned| Plan { target: target.clone(), planned, overruled: None };
        let target = match chosen {
            Ok(Ok(target)) => target,
            Ok(Err(skip)) => return unplanned(Planned::Skipped(skip)),
            Err(error) => return unplanned(Planned::Failed(error.into())),
        };
        let plan = |planned, overruled| Plan { target: target.clone(), planned, overruled };
        let is_meant = self.only.as_ref().map(|only| *only == target.name);
        if is_meant == Some(false) {
            return plan(Planned::Skipped(Skip::NotMeant), None);
        }
        let overruled = match self.hindrance(target, engine, answers) {
            Ok(Some(skip)) if is_meant.is_none() => return plan(Planned::Skipped(skip), None),
            Ok(skip) => skip,
            Err(error) => return plan(Planned::Failed(error.into()), None),
        };
        let key = self.key();
        match target.prepare(self.scope(engine, answers), &self.event, &key) {
            Ok(outbound) => plan(Planned::Ready(outbound), overruled),
            Err(error) => plan(Planned::Failed(error), overruled),
        }
    }

    /// What its deliveries are known by: over the sender's retries where it has a dedupe key.
    fn key(&self) -> Cow<'_, str> {
        let id = &self.event.request.id;
        match (&self.dedupe_key, &self.event.element) {
            (Some(key), _) => key.as_str().into(),
            (None, None) => (**id).into(),
            (None, Some(element)) => format!("{id}#{}", element.index).into(),
        }
    }

    /// What is written for all choices comes before the choice: it may be what keeps that from failing.
    fn choose<'t>(
        &'t self,
        choice: &'t Choice,
        target: &Target,
        engine: &Engine,
        answers: &[Option<Answer>],
    ) -> Result<Result<&'t Arc<Target>, Skip>, EvaluationError> {
        if self.only.as_ref().is_some_and(|only| *only != target.name) {
            return Ok(Err(Skip::NotMeant));
        }
        if self.only.is_none() && choice.is_disabled {
            return Ok(Err(Skip::Disabled));
        }
        if self.only.is_none()
            && choice.has_own_when
            && let Some(skip) = self.undesired(target, engine, answers)?
        {
            return Ok(Err(skip));
        }
        choice.pick(self.scope(engine, answers)).map(Ok)
    }

    /// Why the target is not to get this event.
    fn hindrance(
        &self,
        target: &Target,
        engine: &Engine,
        answers: &[Option<Answer>],
    ) -> Result<Option<Skip>, EvaluationError> {
        if !target.enabled {
            return Ok(Some(Skip::Disabled));
        }
        self.undesired(target, engine, answers)
    }

    /// What its `when` says against it.
    fn undesired(
        &self,
        target: &Target,
        engine: &Engine,
        answers: &[Option<Answer>],
    ) -> Result<Option<Skip>, EvaluationError> {
        let Some(when) = &target.when else { return Ok(None) };
        Ok(match when.evaluate(&mut Evaluation::new(self.scope(engine, answers)))? {
            Verdict::True => None,
            Verdict::False => Some(Skip::When),
            Verdict::Absent(path) => Some(Skip::Absent(path)),
        })
    }
}

/// Patterns that differ only in parameter names are one endpoint; each route sees its own names.
pub(super) fn named_params(route: &Route, event: &Arc<Event>) -> Arc<Event> {
    let params = &event.request.params;
    if params.iter().map(|(name, _)| name).eq(route.source.params.iter()) {
        return event.clone();
    }
    let mut request = event.request.as_ref().clone();
    for ((name, _), own) in request.params.iter_mut().zip(&route.source.params) {
        *name = own.clone();
    }
    Arc::new(Event { request: Arc::new(request), ..event.as_ref().clone() })
}
