//! Optionals: `optional.of(x)`, `.hasValue()`, … `or` and `orValue` are forms of the compiler, because their argument is
//! evaluated only where it is needed.

use super::{Function, Gives, Result, Style, function, global, list, method, mismatch, test, view, wrong};
use crate::expr::EvaluationError;
use crate::expr::meter::Meter;
use crate::expr::value::{Item, Value, View};

pub(super) const FUNCTIONS: &[Function] = &[
    global("optional.of", (1, 1), |_, arguments| Ok(Value::optional(arguments.first().cloned()))),
    global("optional.none", (0, 0), |_, _| Ok(Value::Optional(None))),
    global("optional.ofNonZeroValue", (1, 1), of_non_zero),
    global("optional.unwrap", (1, 1), unwrap),
    method("unwrapOpt", (1, 1), unwrap),
    test("hasValue", (1, 1), has_value),
    function("value", Style::Method, (1, 1), Gives::Anything, value),
];

fn of_non_zero(_: &Meter, arguments: &[Value]) -> Result {
    let zero = match view(arguments, 0) {
        View::Null | View::Bool(false) | View::Int(0) | View::Uint(0) | View::String("") => true,
        View::Double(value) => value == 0.0,
        View::Bytes(bytes) => bytes.is_empty(),
        View::List(list) => list.len() == 0,
        View::Map(map) => map.len() == 0,
        View::Duration(duration) => duration.is_zero(),
        View::Timestamp(time) => time.timestamp() == 0 && time.timestamp_subsec_nanos() == 0,
        View::Optional(content) => content.is_none(),
        _ => false,
    };
    Ok(Value::optional(arguments.first().filter(|_| !zero).cloned()))
}

fn unwrap(meter: &Meter, arguments: &[Value]) -> Result {
    let list = list("optional.unwrap", arguments, 0)?;
    meter.elements(list.len())?;
    let full = list.iter().filter_map(|item| match item {
        Item::Value(Value::Optional(content)) => content.as_deref().cloned(),
        item => Some(item.to_value()),
    });
    Ok(Value::list(full.collect()))
}

fn has_value(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Optional(content) => Ok(Value::Bool(content.is_some())),
        _ => Err(mismatch("hasValue", arguments)),
    }
}

fn value(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Optional(Some(content)) => Ok(content.clone()),
        View::Optional(None) => wrong("`value()` of an empty optional: use .orValue(…)"),
        _ => Err::<Value, EvaluationError>(mismatch("value", arguments)),
    }
}
