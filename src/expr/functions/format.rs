//! `"%s has %d".format([…])`: the formatting of the string extension.
//!
//! `%s` writes any value as mixed text does (lists and maps as compact JSON).

use super::{Function, Result, list, method, text, wrong};
use crate::expr::meter::Meter;
use crate::expr::value::{Value, View};
use std::fmt::Write;

pub(super) const FUNCTIONS: &[Function] = &[method("format", (2, 2), format)];

/// More digits than this after the point carry nothing.
const PRECISION_MAX: usize = 100;

fn format(meter: &Meter, arguments: &[Value]) -> Result {
    let pattern = text("format", arguments, 0)?;
    let values = list("format", arguments, 1)?;
    let mut out = String::new();
    let mut next = 0;
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        meter.bytes(at)?;
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (precision, verb, after) = clause(rest)?;
        let Some(value) = values.at(next) else { return wrong("`format`: fewer values than % clauses") };
        next += 1;
        rest = after;
        let before = out.len();
        write_clause(verb, precision, &value.to_value(), &mut out)?;
        meter.bytes(out.len() - before)?;
    }
    meter.bytes(rest.len())?;
    out.push_str(rest);
    Ok(Value::from(out))
}

/// `[.digits]verb` after a `%`.
fn clause(text: &str) -> Result<(Option<usize>, char, &str)> {
    let (precision, rest) = match text.strip_prefix('.') {
        None => (None, text),
        Some(text) => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            match text[..digits].parse() {
                Ok(precision) if precision <= PRECISION_MAX => (Some(precision), &text[digits..]),
                _ => return wrong("`format`: the precision is not a number up to 100"),
            }
        }
    };
    let mut letters = rest.chars();
    match letters.next() {
        Some(verb) => Ok((precision, verb, letters.as_str())),
        None => wrong("`format`: the pattern ends in an unfinished % clause"),
    }
}

fn write_clause(verb: char, precision: Option<usize>, value: &Value, out: &mut String) -> Result<()> {
    let digits = precision.unwrap_or(6);
    let written = match (verb, value.view()) {
        ('s', _) => return value.write_text(out),
        ('d', View::Int(value)) => write!(out, "{value}"),
        ('d', View::Uint(value)) => write!(out, "{value}"),
        ('d', View::Double(value)) if value.is_nan() || value.is_infinite() => return special(value, out),
        ('d', View::Double(value)) if value.fract() == 0.0 => write!(out, "{value:.0}"),
        ('f' | 'e', View::Double(value)) if !value.is_finite() => return special(value, out),
        ('f', View::Double(value)) => write!(out, "{value:.digits$}"),
        ('f', View::Int(value)) => write!(out, "{:.digits$}", value as f64),
        ('f', View::Uint(value)) => write!(out, "{:.digits$}", value as f64),
        ('e', View::Double(value)) => return exponent(value, digits, out),
        ('e', View::Int(value)) => return exponent(value as f64, digits, out),
        ('e', View::Uint(value)) => return exponent(value as f64, digits, out),
        ('b', View::Bool(value)) => write!(out, "{}", u8::from(value)),
        ('b', View::Int(value)) => write!(out, "{}{:b}", sign(value), value.unsigned_abs()),
        ('b', View::Uint(value)) => write!(out, "{value:b}"),
        ('o', View::Int(value)) => write!(out, "{}{:o}", sign(value), value.unsigned_abs()),
        ('o', View::Uint(value)) => write!(out, "{value:o}"),
        ('x', View::Int(value)) => write!(out, "{}{:x}", sign(value), value.unsigned_abs()),
        ('x', View::Uint(value)) => write!(out, "{value:x}"),
        ('X', View::Int(value)) => write!(out, "{}{:X}", sign(value), value.unsigned_abs()),
        ('X', View::Uint(value)) => write!(out, "{value:X}"),
        ('x' | 'X', View::String(value)) => return hex(value.as_bytes(), verb, out),
        ('x' | 'X', View::Bytes(value)) => return hex(value, verb, out),
        ('d' | 'f' | 'e' | 'b' | 'o' | 'x' | 'X', view) => {
            return wrong(format!("`format`: %{verb} does not take {}", view.type_name()));
        }
        _ => return wrong(format!("`format`: %{verb} is not one of %s %d %f %e %b %o %x %X %%")),
    };
    written.or_else(|_| wrong("`format`: cannot write"))
}

fn sign(value: i64) -> &'static str {
    if value < 0 { "-" } else { "" }
}

fn special(value: f64, out: &mut String) -> Result<()> {
    out.push_str(match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "Infinity",
        _ => "-Infinity",
    });
    Ok(())
}

/// `1.234560e+03`: Rust has no sign and no padding in exponents.
fn exponent(value: f64, digits: usize, out: &mut String) -> Result<()> {
    let text = format!("{value:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    write!(out, "{mantissa}e{sign}{exponent:0>2}").or_else(|_| wrong("`format`: cannot write"))
}

fn hex(bytes: &[u8], verb: char, out: &mut String) -> Result<()> {
    for byte in bytes {
        let written = if verb == 'x' { write!(out, "{byte:02x}") } else { write!(out, "{byte:02X}") };
        written.or_else(|_| wrong("`format`: cannot write"))?;
    }
    Ok(())
}
