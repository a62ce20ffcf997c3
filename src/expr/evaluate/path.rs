//! Fields and elements: `a.b`, `a[0]`, `a[k]`, `a.?b`, `has(a.b)`.
//!
//! What is not there (a key, an element past the end, anything below null) is absent; selecting in what can have no
//! members is wrong.

#![expect(clippy::indexing_slicing, reason = "`at` counts steps already taken")]

use super::{Evaluation, Result, absent};
use crate::expr::EvaluationError;
use crate::expr::operators::no_overload;
use crate::expr::program::{Op, Place, Step};
use crate::expr::value::{Item, List, Value, View};

pub(super) fn local<'v>(evaluation: &'v Evaluation<'_>, slot: usize, name: &str) -> Result<&'v Value> {
    let bound = evaluation.locals.get(slot);
    bound.ok_or_else(|| EvaluationError::Wrong(format!("`{name}` is not bound")))
}

/// Goes down from a base without cloning anything on the way.
pub(super) fn path(base: &Op, steps: &[Step], evaluation: &mut Evaluation<'_>) -> Result {
    evaluation.meter.steps(steps.len())?;
    let scope = evaluation.scope;
    let walked = match base {
        Op::Read(place @ (Place::Body | Place::Batch)) => {
            let parsed = if matches!(place, Place::Body) { scope.event.parsed.as_ref() } else { scope.event.batch() };
            match parsed {
                Some(parsed) => walk(Item::Node(parsed.body.root()), steps),
                None => Ok(Err(0)),
            }
        }
        Op::Read(Place::Tables) => walk(Item::Node(scope.tables.root()), steps),
        Op::Read(Place::Var(index, name)) => match scope.vars.get(*index) {
            Some(value) => walk(Item::Value(value), steps),
            None => return Err(EvaluationError::Wrong(format!("vars.{name} is not computed"))),
        },
        Op::Local(slot, name) => walk(Item::Value(local(evaluation, *slot, name)?), steps),
        base => walk(Item::Value(&base.evaluate(evaluation)?), steps),
    };
    match walked {
        Ok(Ok(value)) => Ok(value),
        // Names are put together only where something is missing.
        Ok(Err(at)) => Err(absent(steps.iter().take(at + 1).fold(base.name(), |name, step| step.name(&name)))),
        Err((at, type_name)) => {
            let name = steps.iter().take(at).fold(base.name(), |name, step| step.name(&name));
            Err(no_members(&name, type_name))
        }
    }
}

/// The value at the end; `Ok(Err(n))` where step `n` leads nowhere; `Err` where it cannot lead anywhere.
fn walk(
    start: Item<'_>,
    steps: &[Step],
) -> std::result::Result<std::result::Result<Value, usize>, (usize, &'static str)> {
    let mut item = start;
    for (at, step) in steps.iter().enumerate() {
        let next = match (item.view(), step) {
            (View::Null, _) => None,
            (View::Map(map), Step::Field(name)) => map.field(name),
            (View::Map(map), Step::At(index)) => map.get(View::Int(*index as i64)),
            (View::List(list), Step::At(index)) => list.at(*index),
            (View::Optional(content), _) => return within_optional(content, at, &steps[at..]),
            (view, _) => return Err((at, view.type_name())),
        };
        match next {
            Some(next) => item = next,
            None => return Ok(Err(at)),
        }
    }
    Ok(Ok(item.to_value()))
}

/// Members of an optional are optionals: empty where anything is missing.
fn within_optional(
    content: Option<&Value>,
    at: usize,
    steps: &[Step],
) -> std::result::Result<std::result::Result<Value, usize>, (usize, &'static str)> {
    let Some(content) = content else { return Ok(Ok(Value::Optional(None))) };
    match walk(Item::Value(content), steps) {
        Ok(Ok(value)) => Ok(Ok(Value::some(value))),
        Ok(Err(_)) => Ok(Ok(Value::Optional(None))),
        Err((inner, type_name)) => Err((at + inner, type_name)),
    }
}

fn no_members(name: &str, type_name: &str) -> EvaluationError {
    match name {
        "…" => EvaluationError::Wrong(format!("{type_name} has no members")),
        name => EvaluationError::Wrong(format!("`{name}` is {type_name}, which has no such members")),
    }
}

pub(super) fn index(whole: &Op, base: &Op, key: &Op, evaluation: &mut Evaluation<'_>) -> Result {
    let (container, key) = (base.evaluate(evaluation)?, key.evaluate(evaluation)?);
    if let Value::Optional(content) = &container {
        return match content {
            Some(content) => Ok(Value::optional(member(content, &key, evaluation)?)),
            None => Ok(Value::Optional(None)),
        };
    }
    member(&container, &key, evaluation)?.ok_or_else(|| absent(whole.name()))
}

/// `None` where it is absent.
fn member(container: &Value, key: &Value, evaluation: &Evaluation<'_>) -> Result<Option<Value>> {
    Ok(match (container.view(), key.view()) {
        (View::Null, _) => None,
        (View::Map(map), View::Bool(_) | View::Int(_) | View::Uint(_) | View::Double(_) | View::String(_)) => {
            evaluation.meter.steps(map.len() / 8)?;
            map.get(key.view()).map(Item::to_value)
        }
        (View::List(list), key_view) => match list_index(key_view) {
            Some(index) => at(list, index),
            None => return Err(no_overload("[]", &[container, key])),
        },
        _ => return Err(no_overload("[]", &[container, key])),
    })
}

fn at(list: List<'_>, index: i128) -> Option<Value> {
    list.at(usize::try_from(index).ok()?).map(Item::to_value)
}

/// Any number without a fraction.
fn list_index(key: View<'_>) -> Option<i128> {
    match key {
        View::Int(index) => Some(index.into()),
        View::Uint(index) => Some(index.into()),
        View::Double(index) if index.fract() == 0.0 && index.abs() < 1e15 => Some(index as i128),
        _ => None,
    }
}

/// `a.?b`, `a[?b]`: an absent base that is itself a selection is an error, as in the standard.
pub(super) fn optional_index(base: &Op, key: &Op, evaluation: &mut Evaluation<'_>) -> Result {
    let (container, key) = (base.evaluate(evaluation)?, key.evaluate(evaluation)?);
    let Some(container) = unwrapped(&container) else { return Ok(Value::Optional(None)) };
    Ok(Value::optional(member(container, &key, evaluation)?))
}

pub(super) fn has(base: &Op, field: &str, evaluation: &mut Evaluation<'_>) -> Result {
    let container = base.evaluate(evaluation)?;
    let Some(container) = unwrapped(&container) else { return Ok(Value::Bool(false)) };
    match container.view() {
        View::Null => Ok(Value::Bool(false)),
        View::Map(map) => {
            evaluation.meter.steps(map.len() / 8)?;
            Ok(Value::Bool(map.field(field).is_some()))
        }
        view => Err(no_members(&base.name(), view.type_name())),
    }
}

fn unwrapped(value: &Value) -> Option<&Value> {
    match value {
        Value::Optional(content) => content.as_deref(),
        value => Some(value),
    }
}
