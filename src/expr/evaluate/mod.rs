//! Runs a compiled expression.
//!
//! Every step pays before it is made, so an evaluation ends whatever the body; a budget that is used up is never
//! absorbed by `&&`, `||` or a loop.

use super::EvaluationError;
use super::meter::{BYTES, Meter, STEPS};
use super::operators::{negate, no_overload};
use super::program::{Comparison, Entry, Op, OptionalMap, OrElse};
use super::scope::Scope;
use super::value::{Item, Map, Value, View, compare, equal};
use std::cmp::Ordering;
use std::sync::Arc;

mod fold;
mod path;
mod place;

type Result<T = Value> = std::result::Result<T, EvaluationError>;

/// One evaluation: the scope, the names bound so far, and what may still be spent.
pub struct Evaluation<'e> {
    pub scope: Scope<'e>,
    /// Secrets stand for themselves as their references (`${env:NAME}`): for logs, `explain` and `test`.
    pub shown: bool,
    pub(super) locals: Vec<Value>,
    pub(super) meter: Meter,
}

impl<'e> Evaluation<'e> {
    pub fn new(scope: Scope<'e>) -> Evaluation<'e> {
        Evaluation { scope, shown: false, locals: Vec::new(), meter: Meter::new(STEPS, BYTES) }
    }

    /// As [`Evaluation::new`], but every secret gives its reference instead of its value.
    pub fn shown(scope: Scope<'e>) -> Evaluation<'e> {
        Evaluation { shown: true, ..Evaluation::new(scope) }
    }

    /// Binds the next of `Environment::locals`.
    pub fn push(&mut self, value: Value) {
        self.locals.push(value);
    }

    pub fn pop(&mut self) {
        self.locals.pop();
    }

    /// Spends output bytes of a template against the budget.
    pub fn spend(&self, bytes: usize) -> Result<()> {
        self.meter.bytes(bytes)
    }
}

impl Op {
    pub(super) fn evaluate(&self, evaluation: &mut Evaluation<'_>) -> Result {
        evaluation.meter.steps(1)?;
        match self {
            Op::Constant(value) => Ok(value.clone()),
            Op::Secret(secret, reference) if !evaluation.shown => Ok(Value::Secret(secret.clone(), reference.clone())),
            Op::Secret(_, reference) => Ok(Value::String(reference.clone())),
            Op::Read(place) => place.read(evaluation)?.ok_or_else(|| absent(place.name())),
            Op::ReadOptional(place) => Ok(Value::optional(place.read(evaluation)?)),
            Op::IsThere(place) => Ok(Value::Bool(place.read(evaluation)?.is_some())),
            Op::Local(slot, name) => path::local(evaluation, *slot, name).cloned(),
            Op::Path(base, steps) => path::path(base, steps, evaluation),
            Op::Index(base, key) => path::index(self, base, key, evaluation),
            Op::OptionalIndex(base, key) => path::optional_index(base, key, evaluation),
            Op::Has(base, field) => path::has(base, field, evaluation),
            Op::And(left, right) => logic(left, right, false, evaluation),
            Op::Or(left, right) => logic(left, right, true, evaluation),
            Op::Not(operand) => Ok(Value::Bool(!operand.boolean("!", evaluation)?)),
            Op::Conditional(parts) => {
                let [condition, yes, no] = &**parts;
                let chosen = if condition.boolean("? :", evaluation)? { yes } else { no };
                chosen.evaluate(evaluation)
            }
            _ => self.operation(evaluation),
        }
    }

    /// Apart from [`Op::evaluate`] so that its frame stays small: expressions nest.
    fn operation(&self, evaluation: &mut Evaluation<'_>) -> Result {
        match self {
            Op::Negate(operand) => negate(&operand.evaluate(evaluation)?),
            Op::Arithmetic(operator, left, right) => {
                let (left, right) = (left.evaluate(evaluation)?, right.evaluate(evaluation)?);
                operator.apply(&left, &right, &evaluation.meter)
            }
            Op::Compare(comparison, left, right) => {
                let (left, right) = (left.evaluate(evaluation)?, right.evaluate(evaluation)?);
                compared(*comparison, &left, &right, &evaluation.meter)
            }
            Op::Equal(left, right) => Ok(Value::Bool(equals(left, right, evaluation)?)),
            Op::NotEqual(left, right) => Ok(Value::Bool(!equals(left, right, evaluation)?)),
            Op::In(element, container) => is_in(element, container, evaluation),
            Op::List(elements) => list(elements, evaluation),
            Op::Map(entries) => map(entries, evaluation),
            Op::Call(function, arguments) => {
                let arguments: Vec<Value> =
                    arguments.iter().map(|op| op.evaluate(evaluation)).collect::<Result<_>>()?;
                (function.run)(&evaluation.meter, &arguments)
            }
            Op::Matches(operand, pattern) => {
                let value = operand.evaluate(evaluation)?;
                let Some(text) = value.as_str() else { return Err(no_overload("matches", &[&value])) };
                evaluation.meter.scan(text.len())?;
                Ok(Value::Bool(pattern.is_match(text)))
            }
            Op::Now => Ok(Value::Timestamp(evaluation.scope.event.request.time.fixed_offset())),
            Op::Uuid => Ok(Value::from((evaluation.scope.uuid)())),
            Op::Fold(fold) => fold.evaluate(evaluation),
            Op::Bind(slot, value, body) => {
                let value = value.evaluate(evaluation)?;
                evaluation.with_local(*slot, value, |evaluation| body.evaluate(evaluation))
            }
            Op::OptionalMap(map) => optional_map(map, evaluation),
            Op::OrElse(left, right, kind) => or_else(left, right, *kind, evaluation),
            // All others are handled by `evaluate`.
            _ => Err(EvaluationError::Wrong("the expression is not compiled".to_owned())),
        }
    }

    fn boolean(&self, operator: &str, evaluation: &mut Evaluation<'_>) -> Result<bool> {
        let value = self.evaluate(evaluation)?;
        value.as_bool().ok_or_else(|| no_overload(operator, &[&value]))
    }
}

impl Evaluation<'_> {
    /// Runs `body` with a value in a slot, which is the next free one whenever the compiler and the callers of
    /// [`Evaluation::push`] agree.
    fn with_local<T>(&mut self, slot: usize, value: Value, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.locals.len() != slot {
            return Err(EvaluationError::Wrong("a name around the expression is not bound".to_owned()));
        }
        self.locals.push(value);
        let result = body(self);
        self.locals.truncate(slot);
        result
    }
}

fn absent(path: String) -> EvaluationError {
    EvaluationError::Absent { path }
}

/// `&&` (decided by false) and `||` (decided by true): the side that decides absorbs an error of the other.
///
/// Of two errors, one must be told. A condition takes an absent key for false, so in `&&` the left one is enough; in `||`
/// a wrong side could have been true and must not hide behind an absent one.
fn logic(left: &Op, right: &Op, decisive: bool, evaluation: &mut Evaluation<'_>) -> Result {
    let operator = if decisive { "||" } else { "&&" };
    let first = left.boolean(operator, evaluation);
    match first {
        Ok(value) if value == decisive => return Ok(Value::Bool(value)),
        Err(error @ EvaluationError::Budget(_)) => return Err(error),
        _ => {}
    }
    let second = right.boolean(operator, evaluation);
    match (first, second) {
        (_, Ok(value)) if value == decisive => Ok(Value::Bool(value)),
        (_, Err(error @ EvaluationError::Budget(_))) => Err(error),
        (Ok(_), Ok(value)) => Ok(Value::Bool(value)),
        (Err(EvaluationError::Absent { .. }), Err(wrong @ EvaluationError::Wrong(_))) if decisive => Err(wrong),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

fn equals(left: &Op, right: &Op, evaluation: &mut Evaluation<'_>) -> Result<bool> {
    let (left, right) = (left.evaluate(evaluation)?, right.evaluate(evaluation)?);
    equal(left.view(), right.view(), &evaluation.meter)
}

fn compared(comparison: Comparison, left: &Value, right: &Value, meter: &Meter) -> Result {
    let Some(ordering) = compare(left.view(), right.view(), meter)? else {
        return Err(no_overload(comparison.symbol(), &[left, right]));
    };
    Ok(Value::Bool(match (comparison, ordering) {
        (_, None) => false,
        (Comparison::Less, Some(ordering)) => ordering == Ordering::Less,
        (Comparison::LessOrEqual, Some(ordering)) => ordering != Ordering::Greater,
        (Comparison::Greater, Some(ordering)) => ordering == Ordering::Greater,
        (Comparison::GreaterOrEqual, Some(ordering)) => ordering != Ordering::Less,
    }))
}

impl Comparison {
    fn symbol(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

fn is_in(element: &Op, container: &Op, evaluation: &mut Evaluation<'_>) -> Result {
    let (element, container) = (element.evaluate(evaluation)?, container.evaluate(evaluation)?);
    let meter = &evaluation.meter;
    match container.view() {
        View::List(list) => {
            let wanted = element.view();
            for item in list.iter() {
                meter.steps(1)?;
                if equal(item.view(), wanted, meter)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        View::Map(map) => {
            meter.steps(map.len() / 8)?;
            Ok(Value::Bool(map.get(element.view()).is_some()))
        }
        _ => Err(no_overload("in", &[&element, &container])),
    }
}

fn list(elements: &[(Op, bool)], evaluation: &mut Evaluation<'_>) -> Result {
    evaluation.meter.elements(elements.len())?;
    let mut list = Vec::with_capacity(elements.len());
    for (op, optional) in elements {
        let value = op.evaluate(evaluation)?;
        if let Some(value) = if *optional { content(value, "[?")? } else { Some(value) } {
            list.push(value);
        }
    }
    Ok(Value::list(list))
}

fn map(entries: &[Entry], evaluation: &mut Evaluation<'_>) -> Result {
    evaluation.meter.elements(entries.len() * 2)?;
    let mut map: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let key = map_key(entry.key.evaluate(evaluation)?)?;
        let value = entry.value.evaluate(evaluation)?;
        let Some(value) = (if entry.optional { content(value, "{?")? } else { Some(value) }) else { continue };
        evaluation.meter.steps(map.len() / 8)?;
        insert(&mut map, key, value)?;
    }
    Ok(Value::map(map))
}

/// Keys are booleans, whole numbers and strings, as the specification has them.
pub(super) fn map_key(key: Value) -> Result {
    match key.view() {
        View::Bool(value) => Ok(Value::Bool(value)),
        View::Int(value) => Ok(Value::Int(value)),
        View::Uint(value) => Ok(Value::Uint(value)),
        View::String(_) => Ok(key),
        view => Err(EvaluationError::Wrong(format!("a map has no keys of type {}", view.type_name()))),
    }
}

pub(super) fn insert(map: &mut Vec<(Value, Value)>, key: Value, value: Value) -> Result<()> {
    if Map::Entries(map).get(key.view()).is_some() {
        return Err(EvaluationError::Wrong("a key is in the map twice".to_owned()));
    }
    map.push((key, value));
    Ok(())
}

/// What an optional element `?x` gives.
fn content(value: Value, place: &str) -> Result<Option<Value>> {
    match value {
        Value::Optional(content) => Ok(content.map(Arc::unwrap_or_clone)),
        value => Err(no_overload(place, &[&value])),
    }
}

fn optional_map(map: &OptionalMap, evaluation: &mut Evaluation<'_>) -> Result {
    let name = if map.flat { "optFlatMap" } else { "optMap" };
    match map.target.evaluate(evaluation)? {
        Value::Optional(None) => Ok(Value::Optional(None)),
        Value::Optional(Some(content)) => {
            let content = Arc::unwrap_or_clone(content);
            let result = evaluation.with_local(map.slot, content, |evaluation| map.body.evaluate(evaluation))?;
            match (map.flat, &result) {
                (false, _) => Ok(Value::some(result)),
                (true, Value::Optional(_)) => Ok(result),
                (true, _) => Err(no_overload(name, &[&result])),
            }
        }
        target => Err(no_overload(name, &[&target])),
    }
}

fn or_else(left: &Op, right: &Op, kind: OrElse, evaluation: &mut Evaluation<'_>) -> Result {
    match (left.evaluate(evaluation)?, kind) {
        (Value::Optional(Some(content)), OrElse::Value) => Ok(Arc::unwrap_or_clone(content)),
        (full @ Value::Optional(Some(_)), OrElse::Optional) => Ok(full),
        (Value::Optional(None), OrElse::Value) => right.evaluate(evaluation),
        (Value::Optional(None), OrElse::Optional) => match right.evaluate(evaluation)? {
            optional @ Value::Optional(_) => Ok(optional),
            other => Err(no_overload("or", &[&other])),
        },
        (other, OrElse::Value) => Err(no_overload("orValue", &[&other])),
        (other, OrElse::Optional) => Err(no_overload("or", &[&other])),
    }
}

/// The elements a loop goes over: a list's, or a map's keys.
fn elements(view: View<'_>) -> Option<Box<dyn Iterator<Item = (Item<'_>, Item<'_>)> + '_>> {
    match view {
        View::List(list) => Some(Box::new(list.iter().map(|item| (item, item)))),
        View::Map(map) => Some(map.iter()),
        _ => None,
    }
}
