//! Does a route take an event? Clause by clause, with the clause that said no.

use super::compiled::{HeadClauses, Route, ValuePattern};
use super::plan::{Engine, named_params};
use crate::body::Violation;
use crate::event::{Event, RequestInfo};
use crate::expr::{Evaluation, EvaluationError, Verdict};
use crate::limit::{Limit, Standing};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a route says to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Taken,
    Ignored(Ignored),
    /// A condition was wrong (not merely about an absent key): the event fails with 422.
    Failed(EvaluationError),
    /// The body breaks the route's contract in these places: the event fails with 422.
    Broken(Vec<Violation>),
    /// It would have been taken, but the route is over its limit: there is room again after so long.
    RateLimited(Duration),
}

/// The elements of a batch, or the clause that did not hold.
pub type Split = Result<Result<Vec<Arc<Event>>, Ignored>, EvaluationError>;

/// The clause that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ignored {
    Disabled,
    NotYetActive,
    NoLongerActive,
    Header(String),
    Query(String),
    When,
    /// `when` is false because this key is not there.
    Absent(String),
    /// The list of `each` is empty.
    EmptyBatch,
    /// There is no list: this key is not there.
    NoBatch(String),
}

/// Places named in one line of a log.
const PLACES_SHOWN: usize = 3;

/// In a few words, for logs: where a body breaks its contract.
pub fn places(violations: &[Violation]) -> String {
    let places = violations.iter().take(PLACES_SHOWN).map(|violation| match violation.pointer.as_str() {
        "" => format!("the body {}", violation.detail),
        pointer => format!("{pointer} {}", violation.detail),
    });
    let more = if violations.len() > PLACES_SHOWN { ", …" } else { "" };
    format!("the body does not fit the schema: {}{more}", places.collect::<Vec<String>>().join(", "))
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ignored::Disabled => f.write_str("the route is not enabled"),
            Ignored::NotYetActive => f.write_str("the route is not active yet"),
            Ignored::NoLongerActive => f.write_str("the route is no longer active"),
            Ignored::Header(name) => write!(f, "the header {name} does not match"),
            Ignored::Query(name) => write!(f, "the query parameter {name} does not match"),
            Ignored::When => f.write_str("`when` is false"),
            Ignored::EmptyBatch => f.write_str("the batch is empty"),
            Ignored::NoBatch(path) => write!(f, "there is no batch: {path} is absent"),
            Ignored::Absent(path) => write!(f, "`when` is false: {path} is absent"),
        }
    }
}

impl Route {
    /// Every clause of the route in the order in which users read it.
    pub fn decide(&self, event: &Arc<Event>, engine: &Engine) -> Decision {
        let event = named_params(self, event);
        if let Some(misfit) = self.misfit(&event.request) {
            return Decision::Ignored(misfit);
        }
        let broken = self.broken(&event);
        match (self.condition(&event, engine), broken) {
            // A sender of many kinds of events breaks the contract of one with all others.
            (Ok(Some(ignored @ Ignored::When)), _) | (Ok(Some(ignored)), None) => Decision::Ignored(ignored),
            // What is absent, or of a type that the condition cannot use, is what a contract is there to say.
            (_, Some(violations)) => Decision::Broken(violations),
            (Ok(None), None) => Decision::Taken,
            (Err(error), None) => Decision::Failed(error),
        }
    }

    /// Where the body breaks the route's contract.
    fn broken(&self, event: &Event) -> Option<Vec<Violation>> {
        let (contract, parsed) = self.contract.as_ref().zip(event.parsed.as_ref())?;
        contract.check(&parsed.body).err()
    }

    /// Counts the event against the route's own limit; `None` where there is none, or where the route would not take the
    /// event whatever its body is.
    pub fn spend(&self, event: &Arc<Event>, engine: &Engine) -> Option<Result<Standing, EvaluationError>> {
        let limit = self.limit.as_ref()?;
        // The elements of a batch count one by one.
        if self.each.is_some() && event.element.is_none() {
            return None;
        }
        if self.misfit(&event.request).is_some() {
            return None;
        }
        let event = named_params(self, event);
        Some(limit.spend(&mut Evaluation::new(engine.scope(&event, &self.name, &[], &[]))))
    }

    /// The elements of a batch as events of their own; `None` where the route takes events as they come.
    pub fn split(&self, event: &Arc<Event>, engine: &Engine) -> Option<Split> {
        let each = self.each.as_ref()?;
        if let Some(misfit) = self.misfit(&event.request) {
            return Some(Ok(Err(misfit)));
        }
        let event = named_params(self, event);
        Some(each.split(&event, engine.scope(&event, &self.name, &[], &[])))
    }

    /// Whether the route's own limit can count only when the body is parsed.
    pub fn counts_by_body(&self) -> bool {
        self.limit.as_deref().is_some_and(Limit::reads_body)
    }

    /// The first clause that does not hold, of those that need no body.
    pub fn misfit(&self, request: &RequestInfo) -> Option<Ignored> {
        if !self.enabled {
            return Some(Ignored::Disabled);
        }
        self.head.as_ref()?.misfit(request)
    }

    /// `when`; `None` where it holds.
    fn condition(&self, event: &Event, engine: &Engine) -> Result<Option<Ignored>, EvaluationError> {
        let Some(when) = &self.when else { return Ok(None) };
        let scope = engine.scope(event, &self.name, &[], &[]);
        match when.evaluate(&mut Evaluation::new(scope))? {
            Verdict::True => Ok(None),
            Verdict::False => Ok(Some(Ignored::When)),
            Verdict::Absent(path) => Ok(Some(Ignored::Absent(path))),
        }
    }
}

impl HeadClauses {
    fn misfit(&self, request: &RequestInfo) -> Option<Ignored> {
        if self.active_from.is_some_and(|from| request.time < from) {
            return Some(Ignored::NotYetActive);
        }
        if self.active_until.is_some_and(|until| request.time >= until) {
            return Some(Ignored::NoLongerActive);
        }
        for (name, pattern) in &self.headers {
            let value = request.header(name.as_str());
            if !pattern.matches(value.iter().map(String::as_str)) {
                return Some(Ignored::Header(name.to_string()));
            }
        }
        self.query_mismatch(request).map(|name| Ignored::Query(name.to_owned()))
    }

    /// The first query pattern that does not hold. Of a repeated parameter any value may match.
    fn query_mismatch(&self, request: &RequestInfo) -> Option<&str> {
        if self.query.is_empty() {
            return None;
        }
        let written = request.query.as_deref().unwrap_or_default();
        let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(written.as_bytes()).collect();
        let mismatch = self.query.iter().find(|(name, pattern)| {
            let values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_ref());
            !pattern.matches(values)
        });
        mismatch.map(|(name, _)| name.as_str())
    }
}

impl ValuePattern {
    fn matches<'v>(&self, mut values: impl Iterator<Item = &'v str>) -> bool {
        match self {
            ValuePattern::Absent => values.next().is_none(),
            ValuePattern::AnyOf(globs) => values.any(|value| globs.iter().any(|glob| glob.matches(value))),
        }
    }
}
