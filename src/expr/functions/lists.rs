//! Lists: the list extension, and `reverse`, which strings have too.
//! <https://github.com/google/cel-go/tree/master/ext#lists>

use super::{Function, Result, global, int, list, method, mismatch, position, view, wrong};
use crate::expr::meter::Meter;
use crate::expr::value::{Item, List, Value, View, compare, equal};
use std::cmp::Ordering;
use std::collections::HashSet;

pub(super) const FUNCTIONS: &[Function] = &[
    method("slice", (3, 3), slice),
    method("flatten", (1, 2), flatten),
    method("sort", (1, 1), sort),
    method("distinct", (1, 1), distinct),
    method("reverse", (1, 1), reverse),
    method("first", (1, 1), |_, arguments| end("first", arguments, |_| 0)),
    method("last", (1, 1), |_, arguments| end("last", arguments, |length| length.wrapping_sub(1))),
    global("lists.range", (1, 1), range),
];

fn slice(meter: &Meter, arguments: &[Value]) -> Result {
    let list = list("slice", arguments, 0)?;
    let start = position("slice", int("slice", arguments, 1)?, list.len())?;
    let end = position("slice", int("slice", arguments, 2)?, list.len())?;
    if end < start {
        return wrong("`slice`: the end lies before the start");
    }
    // Elements before the slice are passed over one by one.
    meter.steps(start)?;
    meter.elements(end - start)?;
    Ok(Value::list(list.iter().skip(start).take(end - start).map(Item::to_value).collect()))
}

fn flatten(meter: &Meter, arguments: &[Value]) -> Result {
    let list = list("flatten", arguments, 0)?;
    let depth = if arguments.len() == 2 { int("flatten", arguments, 1)? } else { 1 };
    if depth < 0 {
        return wrong("`flatten`: a negative depth");
    }
    let mut flat = Vec::new();
    flatten_into(&mut flat, list, depth, meter)?;
    Ok(Value::list(flat))
}

/// Lists nest at most as deep as a document does, so the recursion is bounded.
fn flatten_into(flat: &mut Vec<Value>, list: List<'_>, depth: i64, meter: &Meter) -> Result<()> {
    for item in list.iter() {
        match item.view() {
            View::List(inner) if depth > 0 => {
                meter.steps(1)?;
                flatten_into(flat, inner, depth - 1, meter)?;
            }
            _ => {
                meter.elements(1)?;
                flat.push(item.to_value());
            }
        }
    }
    Ok(())
}

fn sort(meter: &Meter, arguments: &[Value]) -> Result {
    let list = list("sort", arguments, 0)?;
    meter.elements(list.len())?;
    let elements: Vec<Value> = list.iter().map(Item::to_value).collect();
    let keyed = elements.into_iter().map(|element| (element.clone(), element)).collect();
    sort_by_keys("sort", keyed, meter)
}

/// Sorts (key, element) pairs by their keys, equal ones in their order. Keys are of one type, so that the order is total.
pub(in crate::expr) fn sort_by_keys(name: &str, mut keyed: Vec<(Value, Value)>, meter: &Meter) -> Result {
    if let Some((first, _)) = keyed.first() {
        for (key, _) in &keyed {
            // Reading both ends of the pair checks the type and that it has an order; NaN has none.
            if key.type_name() != first.type_name() || !matches!(compare(key.view(), key.view(), meter)?, Some(Some(_)))
            {
                let types = (first.type_name(), key.type_name());
                return wrong(format!("`{name}`: {} and {} have no order", types.0, types.1));
            }
        }
    }
    let rounds = keyed.len().checked_ilog2().unwrap_or_default() as usize + 1;
    let text = keyed.iter().map(|(key, _)| key.as_str().map_or(0, str::len)).sum::<usize>();
    meter.steps(keyed.len().saturating_mul(rounds))?;
    meter.scan(text.saturating_mul(rounds))?;
    let free = Meter::new(u64::MAX, u64::MAX);
    keyed.sort_by(|(left, _), (right, _)| {
        compare(left.view(), right.view(), &free).ok().flatten().flatten().unwrap_or(Ordering::Equal)
    });
    Ok(Value::list(keyed.into_iter().map(|(_, element)| element).collect()))
}

fn distinct(meter: &Meter, arguments: &[Value]) -> Result {
    let list = list("distinct", arguments, 0)?;
    let mut seen = HashSet::new();
    let mut kept: Vec<Value> = Vec::new();
    let mut compound: Vec<Value> = Vec::new();
    for item in list.iter() {
        meter.elements(1)?;
        match distinct_key(item.view()) {
            Some(key) => {
                meter.scan(key.len())?;
                if !seen.insert(key) {
                    continue;
                }
            }
            None => {
                if contains(&compound, item.view(), meter)? {
                    continue;
                }
                compound.push(item.to_value());
            }
        }
        kept.push(item.to_value());
    }
    Ok(Value::list(kept))
}

fn contains(among: &[Value], wanted: View<'_>, meter: &Meter) -> Result<bool> {
    for other in among {
        meter.steps(1)?;
        if equal(other.view(), wanted, meter)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A scalar as bytes that are equal where the values are; nothing for values that must be compared one by one.
fn distinct_key(view: View<'_>) -> Option<Vec<u8>> {
    match view {
        View::Null => Some(b"n".to_vec()),
        View::Bool(value) => Some(vec![b'b', u8::from(value)]),
        View::String(text) => Some([b"s", text.as_bytes()].concat()),
        View::Int(value) => Some([&b"i"[..], &i128::from(value).to_be_bytes()].concat()),
        View::Uint(value) => Some([&b"i"[..], &i128::from(value).to_be_bytes()].concat()),
        View::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
            Some([&b"i"[..], &(value as i128).to_be_bytes()].concat())
        }
        _ => None,
    }
}

fn reverse(meter: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::String(text) => {
            meter.bytes(text.len())?;
            Ok(Value::from(text.chars().rev().collect::<String>()))
        }
        View::List(list) => {
            meter.elements(list.len())?;
            let mut elements: Vec<Value> = list.iter().map(Item::to_value).collect();
            elements.reverse();
            Ok(Value::list(elements))
        }
        _ => Err(mismatch("reverse", arguments)),
    }
}

fn end(name: &str, arguments: &[Value], index: fn(usize) -> usize) -> Result {
    let list = list(name, arguments, 0)?;
    Ok(Value::optional(list.at(index(list.len())).map(Item::to_value)))
}

fn range(meter: &Meter, arguments: &[Value]) -> Result {
    let Ok(count) = usize::try_from(int("lists.range", arguments, 0)?) else {
        return wrong("`lists.range`: a negative length");
    };
    meter.elements(count)?;
    Ok(Value::list((0..count as i64).map(Value::Int).collect()))
}
