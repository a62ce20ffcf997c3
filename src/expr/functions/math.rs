//! The math extension. <https://github.com/google/cel-go/tree/master/ext#math>

use super::{EvaluationError, Function, Gives, Result, Style, function, mismatch, view, wrong};
use crate::expr::meter::Meter;
use crate::expr::value::{Item, Value, View, compare};
use std::cmp::Ordering;

const fn math(name: &'static str, most: usize, run: fn(&Meter, &[Value]) -> Result) -> Function {
    function(name, Style::Global, (1, most), Gives::NotBool, run)
}

const fn two(name: &'static str, run: fn(&Meter, &[Value]) -> Result) -> Function {
    function(name, Style::Global, (2, 2), Gives::NotBool, run)
}

const fn is(name: &'static str, run: fn(&Meter, &[Value]) -> Result) -> Function {
    function(name, Style::Global, (1, 1), Gives::Bool, run)
}

pub(super) const FUNCTIONS: &[Function] = &[
    math("math.greatest", super::ANY, |meter, arguments| extreme("math.greatest", Ordering::Greater, meter, arguments)),
    math("math.least", super::ANY, |meter, arguments| extreme("math.least", Ordering::Less, meter, arguments)),
    math("math.ceil", 1, |_, arguments| rounded("math.ceil", f64::ceil, arguments)),
    math("math.floor", 1, |_, arguments| rounded("math.floor", f64::floor, arguments)),
    math("math.round", 1, |_, arguments| rounded("math.round", f64::round, arguments)),
    math("math.trunc", 1, |_, arguments| rounded("math.trunc", f64::trunc, arguments)),
    math("math.sqrt", 1, square_root),
    math("math.abs", 1, absolute),
    math("math.sign", 1, sign),
    is("math.isNaN", |_, arguments| tested("math.isNaN", f64::is_nan, arguments)),
    is("math.isInf", |_, arguments| tested("math.isInf", f64::is_infinite, arguments)),
    is("math.isFinite", |_, arguments| tested("math.isFinite", f64::is_finite, arguments)),
    two("math.bitAnd", |_, arguments| bits("math.bitAnd", |a, b| a & b, arguments)),
    two("math.bitOr", |_, arguments| bits("math.bitOr", |a, b| a | b, arguments)),
    two("math.bitXor", |_, arguments| bits("math.bitXor", |a, b| a ^ b, arguments)),
    math("math.bitNot", 1, bit_not),
    two("math.bitShiftLeft", |_, arguments| shifted("math.bitShiftLeft", true, arguments)),
    two("math.bitShiftRight", |_, arguments| shifted("math.bitShiftRight", false, arguments)),
];

/// Of several arguments, or of the one list.
fn extreme(name: &str, wanted: Ordering, meter: &Meter, arguments: &[Value]) -> Result {
    let items: Vec<Value> = match (arguments, view(arguments, 0)) {
        ([_], View::List(list)) => {
            meter.elements(list.len())?;
            list.iter().map(Item::to_value).collect()
        }
        _ => arguments.to_vec(),
    };
    let mut best: Option<Value> = None;
    for item in items {
        if !matches!(item.view(), View::Int(_) | View::Uint(_) | View::Double(_)) {
            return Err(mismatch(name, arguments));
        }
        let better = match &best {
            Some(best) => compare(item.view(), best.view(), meter)?.flatten() == Some(wanted),
            None => true,
        };
        if better {
            best = Some(item);
        }
    }
    best.map_or_else(|| wrong(format!("`{name}` of an empty list")), Ok)
}

fn rounded(name: &str, round: fn(f64) -> f64, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Double(value) => Ok(Value::Double(round(value))),
        _ => Err(mismatch(name, arguments)),
    }
}

fn tested(name: &str, test: fn(f64) -> bool, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Double(value) => Ok(Value::Bool(test(value))),
        _ => Err(mismatch(name, arguments)),
    }
}

fn square_root(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Double(value) => Ok(Value::Double(value.sqrt())),
        View::Int(value) => Ok(Value::Double((value as f64).sqrt())),
        View::Uint(value) => Ok(Value::Double((value as f64).sqrt())),
        _ => Err(mismatch("math.sqrt", arguments)),
    }
}

fn absolute(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Double(value) => Ok(Value::Double(value.abs())),
        View::Uint(value) => Ok(Value::Uint(value)),
        View::Int(value) => match value.checked_abs() {
            Some(value) => Ok(Value::Int(value)),
            None => Err(EvaluationError::Wrong("the result does not fit into int".to_owned())),
        },
        _ => Err(mismatch("math.abs", arguments)),
    }
}

fn sign(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Int(value) => Ok(Value::Int(value.signum())),
        View::Uint(value) => Ok(Value::Uint(value.min(1))),
        View::Double(value) if value == 0.0 || value.is_nan() => Ok(Value::Double(value)),
        View::Double(value) => Ok(Value::Double(value.signum())),
        _ => Err(mismatch("math.sign", arguments)),
    }
}

fn bits(name: &str, apply: fn(u64, u64) -> u64, arguments: &[Value]) -> Result {
    match (view(arguments, 0), view(arguments, 1)) {
        (View::Int(left), View::Int(right)) => {
            Ok(Value::Int(apply(left.cast_unsigned(), right.cast_unsigned()).cast_signed()))
        }
        (View::Uint(left), View::Uint(right)) => Ok(Value::Uint(apply(left, right))),
        _ => Err(mismatch(name, arguments)),
    }
}

fn bit_not(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Int(value) => Ok(Value::Int(!value)),
        View::Uint(value) => Ok(Value::Uint(!value)),
        _ => Err(mismatch("math.bitNot", arguments)),
    }
}

/// Shifts by 64 and more give 0; the right shift of an int is logical, as in the reference implementation.
fn shifted(name: &str, left: bool, arguments: &[Value]) -> Result {
    let View::Int(by) = view(arguments, 1) else { return Err(mismatch(name, arguments)) };
    let Ok(by) = u64::try_from(by) else { return wrong(format!("`{name}`: a negative offset")) };
    let by = u32::try_from(by).unwrap_or(u32::MAX);
    let shift = |value: u64| if left { value.checked_shl(by) } else { value.checked_shr(by) }.unwrap_or_default();
    match view(arguments, 0) {
        View::Int(value) => Ok(Value::Int(shift(value.cast_unsigned()).cast_signed())),
        View::Uint(value) => Ok(Value::Uint(shift(value))),
        _ => Err(mismatch(name, arguments)),
    }
}
