//! Standard conversions and `size`.
//! <https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions>

use super::time::{parse_duration, parse_rfc3339};
use super::{EvaluationError, Function, Gives, Result, Style, function, global, mismatch, view, wrong};
use crate::expr::meter::Meter;
use crate::expr::value::{Value, View};

pub(super) const FUNCTIONS: &[Function] = &[
    function("size", Style::Both, (1, 1), Gives::NotBool, size),
    global("string", (1, 1), string),
    global("int", (1, 1), int),
    global("uint", (1, 1), uint),
    global("double", (1, 1), double),
    function("bool", Style::Global, (1, 1), Gives::Bool, boolean),
    global("bytes", (1, 1), bytes),
    global("type", (1, 1), |_, arguments| Ok(Value::Type(view(arguments, 0).type_name()))),
    function("dyn", Style::Global, (1, 1), Gives::Anything, |_, arguments| {
        Ok(arguments.first().cloned().unwrap_or(Value::Null))
    }),
    global("timestamp", (1, 1), timestamp),
    global("duration", (1, 1), duration),
];

fn size(meter: &Meter, arguments: &[Value]) -> Result {
    let size = match view(arguments, 0) {
        View::String(text) => {
            meter.scan(text.len())?;
            text.chars().count()
        }
        View::Bytes(bytes) => bytes.len(),
        View::List(list) => list.len(),
        View::Map(map) => map.len(),
        _ => return Err(mismatch("size", arguments)),
    };
    Ok(Value::Int(size as i64))
}

fn string(meter: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::List(_) | View::Map(_) | View::Null | View::Optional(_) => Err(mismatch("string", arguments)),
        View::String(_) => Ok(arguments.first().cloned().unwrap_or(Value::Null)),
        View::Bytes(bytes) => {
            meter.bytes(bytes.len())?;
            match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Value::from(text)),
                Err(_) => wrong("`string`: the bytes are not UTF-8"),
            }
        }
        View::Int(value) => Ok(Value::from(value.to_string())),
        _ => {
            let mut text = String::new();
            if let Some(value) = arguments.first() {
                value.write_text(&mut text)?;
            }
            meter.bytes(text.len())?;
            Ok(Value::from(text))
        }
    }
}

fn int(_: &Meter, arguments: &[Value]) -> Result {
    let value = match view(arguments, 0) {
        View::Int(value) => Some(value),
        View::Uint(value) => i64::try_from(value).ok(),
        // Both ends of the range are excluded by the specification: they are not exact as doubles.
        View::Double(value) => {
            (value > -9_223_372_036_854_775_808.0 && value < 9_223_372_036_854_775_808.0).then(|| value.trunc() as i64)
        }
        View::String(text) => return text.parse().map(Value::Int).or_else(|_| not_a("int")),
        View::Timestamp(time) => Some(time.timestamp()),
        _ => return Err(mismatch("int", arguments)),
    };
    value.map_or_else(|| wrong("the number does not fit into int"), |value| Ok(Value::Int(value)))
}

fn uint(_: &Meter, arguments: &[Value]) -> Result {
    let value = match view(arguments, 0) {
        View::Uint(value) => Some(value),
        View::Int(value) => u64::try_from(value).ok(),
        View::Double(value) => (value > -1.0 && value < 18_446_744_073_709_551_616.0).then(|| value.trunc() as u64),
        View::String(text) => return text.parse().map(Value::Uint).or_else(|_| not_a("uint")),
        _ => return Err(mismatch("uint", arguments)),
    };
    value.map_or_else(|| wrong("the number does not fit into uint"), |value| Ok(Value::Uint(value)))
}

fn double(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Double(value) => Ok(Value::Double(value)),
        View::Int(value) => Ok(Value::Double(value as f64)),
        View::Uint(value) => Ok(Value::Double(value as f64)),
        View::String(text) => text.parse().map(Value::Double).or_else(|_| not_a("double")),
        _ => Err(mismatch("double", arguments)),
    }
}

fn boolean(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Bool(value) => Ok(Value::Bool(value)),
        View::String("true" | "True" | "TRUE" | "t" | "1") => Ok(Value::Bool(true)),
        View::String("false" | "False" | "FALSE" | "f" | "0") => Ok(Value::Bool(false)),
        View::String(_) => not_a("bool"),
        _ => Err(mismatch("bool", arguments)),
    }
}

fn bytes(meter: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Bytes(bytes) => Ok(Value::Bytes(bytes.into())),
        View::String(text) => {
            meter.bytes(text.len())?;
            Ok(Value::Bytes(text.as_bytes().into()))
        }
        _ => Err(mismatch("bytes", arguments)),
    }
}

fn timestamp(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Timestamp(time) => Ok(Value::Timestamp(time)),
        View::Int(seconds) => {
            super::time::timestamp(chrono::DateTime::from_timestamp(seconds, 0).map(|time| time.fixed_offset()))
        }
        View::String(text) => match parse_rfc3339(text) {
            Some(time) => super::time::timestamp(Some(time)),
            None => wrong("the string is not a timestamp of RFC 3339: for other forms use parseTime(…)"),
        },
        _ => Err(mismatch("timestamp", arguments)),
    }
}

fn duration(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Duration(duration) => Ok(Value::Duration(duration)),
        View::Int(seconds) => super::time::duration(chrono::TimeDelta::try_seconds(seconds)),
        View::String(text) => match parse_duration(text) {
            Some(duration) => super::time::duration(Some(duration)),
            None => wrong("the string is not a duration such as 90s, 1h30m or 1.5s"),
        },
        _ => Err(mismatch("duration", arguments)),
    }
}

fn not_a<T>(name: &str) -> Result<T> {
    Err(EvaluationError::Wrong(format!("the string is not {} {name}", if name == "int" { "an" } else { "a" })))
}
