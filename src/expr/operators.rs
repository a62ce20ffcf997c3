//! Arithmetic: standard CEL, without promotion, with an error where a result does not fit.

#![expect(clippy::indexing_slicing, reason = "the length is checked in the same condition")]

use super::meter::Meter;
use super::program::Arithmetic;
use super::value::{Item, List, Value, View};
use super::{EvaluationError, functions::time};

type Result = std::result::Result<Value, EvaluationError>;

impl Arithmetic {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Modulo => "%",
        }
    }

    pub(super) fn apply(self, left: &Value, right: &Value, meter: &Meter) -> Result {
        match (left.view(), right.view()) {
            (View::Int(left), View::Int(right)) => self.ints(left, right),
            (View::Uint(left), View::Uint(right)) => self.uints(left, right),
            (View::Double(left), View::Double(right)) if self != Arithmetic::Modulo => {
                Ok(Value::Double(self.doubles(left, right)))
            }
            (left_view, right_view) => match self {
                Arithmetic::Add => add(left_view, right_view, meter),
                Arithmetic::Subtract => subtract(left_view, right_view),
                _ => None,
            }
            .unwrap_or_else(|| Err(no_overload(self.symbol(), &[left, right]))),
        }
    }

    fn ints(self, left: i64, right: i64) -> Result {
        let value = match self {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Subtract => left.checked_sub(right),
            Arithmetic::Multiply => left.checked_mul(right),
            Arithmetic::Divide | Arithmetic::Modulo if right == 0 => return Err(by_zero(self)),
            Arithmetic::Divide => left.checked_div(right),
            Arithmetic::Modulo => left.checked_rem(right),
        };
        value.map(Value::Int).ok_or_else(|| overflow("int"))
    }

    fn uints(self, left: u64, right: u64) -> Result {
        let value = match self {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Subtract => left.checked_sub(right),
            Arithmetic::Multiply => left.checked_mul(right),
            Arithmetic::Divide | Arithmetic::Modulo if right == 0 => return Err(by_zero(self)),
            Arithmetic::Divide => left.checked_div(right),
            Arithmetic::Modulo => left.checked_rem(right),
        };
        value.map(Value::Uint).ok_or_else(|| overflow("uint"))
    }

    fn doubles(self, left: f64, right: f64) -> f64 {
        match self {
            Arithmetic::Add => left + right,
            Arithmetic::Subtract => left - right,
            Arithmetic::Multiply => left * right,
            Arithmetic::Divide => left / right,
            Arithmetic::Modulo => left % right,
        }
    }
}

pub(super) fn negate(value: &Value) -> Result {
    match value.view() {
        View::Int(value) => value.checked_neg().map(Value::Int).ok_or_else(|| overflow("int")),
        View::Double(value) => Ok(Value::Double(-value)),
        _ => Err(no_overload("-", &[value])),
    }
}

fn add(left: View<'_>, right: View<'_>, meter: &Meter) -> Option<Result> {
    Some(match (left, right) {
        (View::String(left), View::String(right)) => concatenate(left, right, meter),
        (View::Bytes(left), View::Bytes(right)) => {
            meter.bytes(left.len() + right.len()).map(|()| Value::Bytes([left, right].concat().into()))
        }
        (View::List(left), View::List(right)) => join(left, right, meter),
        (View::Timestamp(moment), View::Duration(duration)) | (View::Duration(duration), View::Timestamp(moment)) => {
            time::timestamp(moment.checked_add_signed(duration))
        }
        (View::Duration(left), View::Duration(right)) => time::duration(left.checked_add(&right)),
        _ => return None,
    })
}

fn subtract(left: View<'_>, right: View<'_>) -> Option<Result> {
    Some(match (left, right) {
        (View::Timestamp(moment), View::Duration(duration)) => time::timestamp(moment.checked_sub_signed(duration)),
        (View::Timestamp(left), View::Timestamp(right)) => time::duration(Some(left.signed_duration_since(right))),
        (View::Duration(left), View::Duration(right)) => time::duration(left.checked_sub(&right)),
        _ => return None,
    })
}

fn concatenate(left: &str, right: &str, meter: &Meter) -> Result {
    meter.bytes(left.len() + right.len())?;
    Ok(Value::from([left, right].concat()))
}

fn join(left: List<'_>, right: List<'_>, meter: &Meter) -> Result {
    meter.elements(left.len() + right.len())?;
    Ok(Value::list(left.iter().chain(right.iter()).map(Item::to_value).collect()))
}

/// Names the operator or function and the types, never a value.
pub(super) fn no_overload(name: &str, arguments: &[&Value]) -> EvaluationError {
    let types: Vec<&str> = arguments.iter().map(|value| value.type_name()).collect();
    let mut message = format!("no overload of `{name}` for ({})", types.join(", "));
    let numbers = types.iter().filter(|name| matches!(**name, "int" | "uint" | "double")).count();
    if numbers == 2 && types.len() == 2 && types[0] != types[1] {
        message.push_str(": CEL does not mix them, write double(…) or int(…)");
    } else if name == "+" && types.contains(&"string") {
        message.push_str(": write string(…)");
    }
    EvaluationError::Wrong(message)
}

fn by_zero(operator: Arithmetic) -> EvaluationError {
    EvaluationError::Wrong(format!("`{}` by zero", operator.symbol()))
}

fn overflow(name: &str) -> EvaluationError {
    EvaluationError::Wrong(format!("the result does not fit into {name}"))
}
