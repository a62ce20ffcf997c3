//! Scalars that may hold references (`${env:NAME}`, `${file:PATH}`) to values, once, while a configuration loads.
//!
//! For the keys that no expression may stand in: paths, names, durations, secrets. A resolved value is never scanned
//! again and never shown: where it is wrong, the message names the reference.

use super::spec::Scalar;
use super::units::{self, Rate};
use crate::diagnostic::At;
use crate::expr::{Piece, scan};
use crate::secret::{Reference, Secret};
use std::fmt::Write;
use std::str::FromStr;
use std::time::Duration;
use zeroize::Zeroizing;

/// A scalar with its references in place of them.
struct Resolved {
    value: Zeroizing<String>,
    /// References as they are written, without their defaults; `None` where the scalar is a literal.
    references: Option<String>,
    /// A reference has no value and stands for itself (offline).
    stand_in: bool,
}

/// A string in which no expression may stand. An expression, a malformed `${` and a missing reference are reported.
pub fn plain(written: &str, at: &At<'_>) -> Option<String> {
    resolve(written, at).map(|resolved| resolved.value.as_str().to_owned())
}

/// A secret, and what is shown instead of it: its references, with `…` for what is written out. Empty is an error.
pub fn secret(written: &str, at: &At<'_>) -> Option<(Secret, String)> {
    let resolved = resolve(written, at)?;
    if resolved.value.is_empty() {
        let message = match &resolved.references {
            Some(references) => format!("the secret {references} is empty"),
            None => "the secret is empty".to_owned(),
        };
        at.error("secret-empty", message, Some("an empty secret would let anyone in; set it".to_owned()));
        return None;
    }
    let secret = Secret::new(resolved.value.as_str());
    at.references.keep_secret(&secret);
    Some((secret, shown(written)))
}

/// A value that may be given by reference. Offline, a reference without a value counts as `1`, a switch as `true`.
pub fn scalar<T: FromStr + Clone>(scalar: &Scalar<T>, at: &At<'_>) -> Option<T> {
    let written = match scalar {
        Scalar::Value(value) => return Some(value.clone()),
        Scalar::Reference(written) => written,
    };
    let resolved = resolve(written, at)?;
    let parsed = match resolved.stand_in {
        true => T::from_str("1").or_else(|_| T::from_str("true")),
        false => T::from_str(resolved.value.trim()),
    };
    let kind = match std::any::type_name::<T>() {
        "bool" => "true or false",
        name if name.starts_with(['u', 'i']) => "a whole number",
        name if name.starts_with('f') => "a number",
        _ => "a valid value",
    };
    parsed.map_err(|_| wrong(&resolved, written, kind, at)).ok()
}

/// A duration such as `1h30m`. Offline, a reference without a value counts as a second.
pub fn duration(written: &str, at: &At<'_>) -> Option<Duration> {
    quantity(written, at, "a duration such as 30s", Duration::from_secs(1), units::parse_duration)
}

/// A size in bytes, written as `1MiB`. Offline, a reference without a value counts as 1 MiB.
pub fn size(written: &str, at: &At<'_>) -> Option<u64> {
    quantity(written, at, "a size such as 1MiB", 1 << 20, units::parse_size)
}

/// A rate such as `50/s`. Offline, a reference without a value counts as one a second.
pub fn rate(written: &str, at: &At<'_>) -> Option<Rate> {
    quantity(written, at, "a rate such as 50/s", Rate::ONE_A_SECOND, units::parse_rate)
}

fn quantity<T>(
    written: &str,
    at: &At<'_>,
    kind: &str,
    offline: T,
    parse: impl Fn(&str) -> Result<T, units::UnitError>,
) -> Option<T> {
    let resolved = resolve(written, at)?;
    if resolved.stand_in {
        return Some(offline);
    }
    match parse(&resolved.value) {
        Ok(value) => Some(value),
        // The unit error repeats the text, which is fine for what is written out and wrong for a resolved value.
        Err(error) if resolved.references.is_none() => {
            at.error("unit", format!("not {kind}: {error}"), None);
            None
        }
        Err(_) => {
            wrong(&resolved, written, kind, at);
            None
        }
    }
}

fn wrong(resolved: &Resolved, written: &str, kind: &str, at: &At<'_>) {
    let message = match &resolved.references {
        Some(references) => format!("expected {kind}, but the value of {references} is none"),
        None => format!("expected {kind}, found `{written}`"),
    };
    at.error("reference-type", message, None);
}

/// All mistakes of one scalar are reported, not just the first.
fn resolve(written: &str, at: &At<'_>) -> Option<Resolved> {
    let pieces = match scan(written) {
        Ok(pieces) => pieces,
        Err(error) => {
            at.error_inside("expr-syntax", error.message, error.help, error.span);
            return None;
        }
    };
    let mut resolved = Some(Resolved { value: Zeroizing::default(), references: None, stand_in: false });
    for piece in &pieces {
        match piece {
            Piece::Literal(text) => {
                if let Some(resolved) = &mut resolved {
                    resolved.value.push_str(text);
                }
            }
            Piece::Reference(reference) => resolved = append(resolved, reference, written, at),
            Piece::Expression { source, offset } => {
                expression_here(source, *offset, written, at);
                resolved = None;
            }
        }
    }
    resolved
}

fn append(resolved: Option<Resolved>, reference: &Reference, written: &str, at: &At<'_>) -> Option<Resolved> {
    let value = match at.references.resolve(reference) {
        Ok(value) => value,
        Err(error) => {
            let help = match reference {
                Reference::Env { name, .. } => format!("set {name}, or give a default: ${{env:{name}:-…}}"),
                Reference::File { .. } => "relative paths start at the configuration folder".to_owned(),
            };
            at.error_inside("reference-missing", error.to_string(), Some(help), place(reference, written));
            return None;
        }
    };
    let mut resolved = resolved?;
    let _ = write!(resolved.references.get_or_insert_default(), "{reference}");
    resolved.stand_in |= value.expose() == reference.to_string();
    resolved.value.push_str(value.expose());
    Some(resolved)
}

fn expression_here(source: &str, offset: usize, written: &str, at: &At<'_>) {
    // `offset` is behind the `${`; the underline takes the braces in.
    let span = (offset.saturating_sub(2), (offset + source.len() + 1).min(written.len()));
    let help = "only ${env:NAME} and ${file:PATH} may stand here; a literal ${ is written $${".to_owned();
    at.error_inside("expr-not-here", "an expression cannot stand here: it is read once, at load", Some(help), span);
}

/// Where a reference stands in the scalar: references carry no offset of their own, and a default may be anything, so
/// the start of its text is looked for and the end is the brace behind it.
fn place(reference: &Reference, written: &str) -> (usize, usize) {
    let start_text = match reference {
        Reference::Env { name, .. } => format!("${{env:{name}"),
        Reference::File { path } => format!("${{file:{path}"),
    };
    let start = written.find(&start_text);
    let end = start.and_then(|start| Some(start + written.get(start..)?.find('}')? + 1));
    start.zip(end).unwrap_or((0, written.len()))
}

/// What is shown of a secret: its references; everything written out is `…`.
fn shown(written: &str) -> String {
    let pieces = scan(written).unwrap_or_default();
    let mut shown = String::new();
    for piece in pieces {
        match piece {
            Piece::Reference(reference) => {
                let _ = write!(shown, "{reference}");
            }
            Piece::Literal(_) | Piece::Expression { .. } => shown.push('…'),
        }
    }
    shown
}

#[cfg(test)]
mod tests;
