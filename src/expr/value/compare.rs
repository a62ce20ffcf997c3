//! Equality and order, across the numeric types too, as the CEL specification has them.
//! <https://github.com/google/cel-spec/blob/master/doc/langdef.md#equality>

use super::{List, Map, View};
use crate::expr::EvaluationError;
use crate::expr::meter::Meter;
use std::cmp::Ordering;

/// `==`: false, not an error, for values of different types.
pub(in crate::expr) fn equal(left: View<'_>, right: View<'_>, meter: &Meter) -> Result<bool, EvaluationError> {
    Ok(match (left, right) {
        (View::Null, View::Null) => true,
        (View::Bool(left), View::Bool(right)) => left == right,
        (View::String(left), View::String(right)) => {
            meter.scan(left.len())?;
            left == right
        }
        (View::Bytes(left), View::Bytes(right)) => {
            meter.scan(left.len())?;
            left == right
        }
        (View::List(left), View::List(right)) => lists_equal(left, right, meter)?,
        (View::Map(left), View::Map(right)) => maps_equal(left, right, meter)?,
        (View::Timestamp(left), View::Timestamp(right)) => left == right,
        (View::Duration(left), View::Duration(right)) => left == right,
        (View::Type(left), View::Type(right)) => left == right,
        (View::Optional(None), View::Optional(None)) => true,
        (View::Optional(Some(left)), View::Optional(Some(right))) => equal(left.view(), right.view(), meter)?,
        _ => numbers(left, right) == Some(Some(Ordering::Equal)),
    })
}

fn lists_equal(left: List<'_>, right: List<'_>, meter: &Meter) -> Result<bool, EvaluationError> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (left, right) in left.iter().zip(right.iter()) {
        meter.steps(1)?;
        if !equal(left.view(), right.view(), meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn maps_equal(left: Map<'_>, right: Map<'_>, meter: &Meter) -> Result<bool, EvaluationError> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (key, value) in left.iter() {
        // Looking a key up goes through the map.
        meter.steps(1 + right.len() / 8)?;
        let Some(other) = right.get(key.view()) else { return Ok(false) };
        if !equal(value.view(), other.view(), meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Keys are scalars: nothing to pay for.
pub(super) fn same_key(left: View<'_>, right: View<'_>) -> bool {
    match (left, right) {
        (View::Bool(left), View::Bool(right)) => left == right,
        (View::String(left), View::String(right)) => left == right,
        _ => numbers(left, right) == Some(Some(Ordering::Equal)),
    }
}

/// `<`: `None` where the types have no order; `Some(None)` where one is not a number.
pub(in crate::expr) fn compare(
    left: View<'_>,
    right: View<'_>,
    meter: &Meter,
) -> Result<Option<Option<Ordering>>, EvaluationError> {
    Ok(match (left, right) {
        (View::Bool(left), View::Bool(right)) => Some(Some(left.cmp(&right))),
        (View::String(left), View::String(right)) => {
            meter.scan(left.len().min(right.len()))?;
            Some(Some(left.cmp(right)))
        }
        (View::Bytes(left), View::Bytes(right)) => {
            meter.scan(left.len().min(right.len()))?;
            Some(Some(left.cmp(right)))
        }
        (View::Timestamp(left), View::Timestamp(right)) => Some(Some(left.cmp(&right))),
        (View::Duration(left), View::Duration(right)) => Some(Some(left.cmp(&right))),
        _ => numbers(left, right),
    })
}

/// `None` where one of them is no number; `Some(None)` where one is NaN.
fn numbers(left: View<'_>, right: View<'_>) -> Option<Option<Ordering>> {
    Some(match (left, right) {
        (View::Int(left), View::Int(right)) => Some(left.cmp(&right)),
        (View::Uint(left), View::Uint(right)) => Some(left.cmp(&right)),
        (View::Double(left), View::Double(right)) => left.partial_cmp(&right),
        (View::Int(left), View::Uint(right)) => Some(i128::from(left).cmp(&i128::from(right))),
        (View::Uint(left), View::Int(right)) => Some(i128::from(left).cmp(&i128::from(right))),
        (View::Int(left), View::Double(right)) => whole_and_double(left as f64, right),
        (View::Uint(left), View::Double(right)) => whole_and_double(left as f64, right),
        (View::Double(left), View::Int(right)) => whole_and_double(right as f64, left).map(Ordering::reverse),
        (View::Double(left), View::Uint(right)) => whole_and_double(right as f64, left).map(Ordering::reverse),
        _ => return None,
    })
}

/// As the reference implementation does it: beyond 2^53 the whole number is compared as the nearest double.
fn whole_and_double(whole: f64, double: f64) -> Option<Ordering> {
    whole.partial_cmp(&double)
}
