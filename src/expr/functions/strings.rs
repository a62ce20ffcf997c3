//! Strings: the standard tests and the string extension. Positions count characters.
//! <https://github.com/google/cel-go/tree/master/ext#strings>
//!
//! Whatever can make more than it was given pays for the result before it is made.

use super::{Function, Result, global, int, list, method, mismatch, position, test, text, view, wrong};
use crate::expr::meter::Meter;
use crate::expr::value::{Value, View};

pub(super) const FUNCTIONS: &[Function] = &[
    test("startsWith", (2, 2), |meter, a| tested("startsWith", |text, part| text.starts_with(part), meter, a)),
    test("endsWith", (2, 2), |meter, a| tested("endsWith", |text, part| text.ends_with(part), meter, a)),
    test("contains", (2, 2), |meter, a| tested("contains", |text, part| text.contains(part), meter, a)),
    method("charAt", (2, 2), char_at),
    method("indexOf", (2, 3), index_of),
    method("lastIndexOf", (2, 3), last_index_of),
    method("join", (1, 2), join),
    method("lowerAscii", (1, 1), |meter, a| mapped("lowerAscii", |text| text.to_ascii_lowercase(), meter, a)),
    method("upperAscii", (1, 1), |meter, a| mapped("upperAscii", |text| text.to_ascii_uppercase(), meter, a)),
    method("trim", (1, 1), |meter, a| mapped("trim", |text| text.trim().to_owned(), meter, a)),
    method("replace", (3, 4), replace),
    method("split", (2, 3), split),
    method("substring", (2, 3), substring),
    global("strings.quote", (1, 1), quote),
];

fn tested(name: &str, test: fn(&str, &str) -> bool, meter: &Meter, arguments: &[Value]) -> Result {
    let (whole, part) = (text(name, arguments, 0)?, text(name, arguments, 1)?);
    meter.scan(whole.len())?;
    Ok(Value::Bool(test(whole, part)))
}

fn mapped(name: &str, map: fn(&str) -> String, meter: &Meter, arguments: &[Value]) -> Result {
    let whole = text(name, arguments, 0)?;
    meter.bytes(whole.len())?;
    Ok(Value::from(map(whole)))
}

/// Byte offset of a character; the end counts.
fn offset(name: &str, text: &str, index: i64) -> Result<usize> {
    let length = text.chars().count();
    let index = position(name, index, length)?;
    Ok(text.char_indices().nth(index).map_or(text.len(), |(at, _)| at))
}

fn char_at(meter: &Meter, arguments: &[Value]) -> Result {
    let whole = text("charAt", arguments, 0)?;
    meter.scan(whole.len())?;
    let at = offset("charAt", whole, int("charAt", arguments, 1)?)?;
    Ok(Value::from(whole[at..].chars().take(1).collect::<String>()))
}

fn index_of(meter: &Meter, arguments: &[Value]) -> Result {
    let (whole, part) = (text("indexOf", arguments, 0)?, text("indexOf", arguments, 1)?);
    meter.scan(whole.len())?;
    let from = match arguments.len() {
        3 => offset("indexOf", whole, int("indexOf", arguments, 2)?)?,
        _ => 0,
    };
    let found = whole[from..].find(part).map(|at| whole[..from + at].chars().count() as i64);
    Ok(Value::Int(found.unwrap_or(-1)))
}

fn last_index_of(meter: &Meter, arguments: &[Value]) -> Result {
    let (whole, part) = (text("lastIndexOf", arguments, 0)?, text("lastIndexOf", arguments, 1)?);
    meter.scan(whole.len())?;
    // The last position where it may begin.
    let until = match arguments.len() {
        3 => offset("lastIndexOf", whole, int("lastIndexOf", arguments, 2)?)?,
        _ => whole.len(),
    };
    let mut end = (until + part.len()).min(whole.len());
    while !whole.is_char_boundary(end) {
        end += 1;
    }
    let found = whole[..end].rfind(part).filter(|at| *at <= until);
    Ok(Value::Int(found.map_or(-1, |at| whole[..at].chars().count() as i64)))
}

fn join(meter: &Meter, arguments: &[Value]) -> Result {
    let list = list("join", arguments, 0)?;
    let separator = if arguments.len() == 2 { text("join", arguments, 1)? } else { "" };
    let mut joined = String::new();
    for (index, item) in list.iter().enumerate() {
        let Some(part) = item.text() else { return wrong("`join`: the list has an element that is not a string") };
        meter.bytes(part.len() + separator.len())?;
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(part);
    }
    Ok(Value::from(joined))
}

/// A limit on how often, as `replace` and `split` take it: none and negative mean all.
fn limit(name: &str, arguments: &[Value], index: usize) -> Result<usize> {
    match arguments.get(index) {
        None => Ok(usize::MAX),
        Some(_) => Ok(usize::try_from(int(name, arguments, index)?).unwrap_or(usize::MAX)),
    }
}

fn replace(meter: &Meter, arguments: &[Value]) -> Result {
    let whole = text("replace", arguments, 0)?;
    let (old, new) = (text("replace", arguments, 1)?, text("replace", arguments, 2)?);
    let limit = limit("replace", arguments, 3)?;
    meter.scan(whole.len())?;
    let count = whole.match_indices(old).take(limit).count();
    let length = whole.len().saturating_sub(count * old.len()).saturating_add(count.saturating_mul(new.len()));
    meter.bytes(length)?;
    Ok(Value::from(whole.replacen(old, new, limit)))
}

fn split(meter: &Meter, arguments: &[Value]) -> Result {
    let (whole, separator) = (text("split", arguments, 0)?, text("split", arguments, 1)?);
    let limit = limit("split", arguments, 2)?;
    meter.bytes(whole.len())?;
    let mut parts = Vec::new();
    let mut add = |part: &str| -> Result<()> {
        meter.elements(1)?;
        parts.push(Value::from(part));
        Ok(())
    };
    match (limit, separator) {
        (0, _) => {}
        // An empty separator cuts at every character, without the empty ends that Rust's split has.
        (limit, "") => {
            let mut rest = whole;
            for _ in 1..limit {
                let Some(first) = rest.chars().next() else { break };
                let (head, tail) = rest.split_at(first.len_utf8());
                if tail.is_empty() {
                    break;
                }
                add(head)?;
                rest = tail;
            }
            if !rest.is_empty() {
                add(rest)?;
            }
        }
        (limit, separator) => {
            for part in whole.splitn(limit, separator) {
                add(part)?;
            }
        }
    }
    Ok(Value::list(parts))
}

fn substring(meter: &Meter, arguments: &[Value]) -> Result {
    let whole = text("substring", arguments, 0)?;
    meter.bytes(whole.len())?;
    let start = offset("substring", whole, int("substring", arguments, 1)?)?;
    let end = match arguments.len() {
        3 => offset("substring", whole, int("substring", arguments, 2)?)?,
        _ => whole.len(),
    };
    match whole.get(start..end) {
        Some(part) => Ok(Value::from(part)),
        None => wrong("`substring`: the end lies before the start"),
    }
}

fn quote(meter: &Meter, arguments: &[Value]) -> Result {
    let View::String(whole) = view(arguments, 0) else { return Err(mismatch("strings.quote", arguments)) };
    meter.bytes(whole.len() * 2)?;
    let mut quoted = String::with_capacity(whole.len() + 2);
    quoted.push('"');
    for letter in whole.chars() {
        match letter {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    Ok(Value::from(quoted))
}
