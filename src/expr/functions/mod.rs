//! Every function of an expression: its name, its shape, what it does.
//!
//! One table, read at load; a compiled call holds a pointer into it. Functions that need the event (`now`, `uuid`), a
//! literal (`matches`, `env`, `file`) or names of their own (`map`, `optMap`, …) are forms of the compiler instead.

use super::EvaluationError;
use super::meter::Meter;
use super::operators::no_overload;
use super::program::Gives;
use super::value::{List, Value, View};

mod convert;
mod encode;
mod format;
mod lists;
mod math;
mod optional;
mod strings;
pub(in crate::expr) mod time;

pub(in crate::expr) use lists::sort_by_keys;

type Result<T = Value> = std::result::Result<T, EvaluationError>;

/// A function. Arguments count the receiver, which is the first.
pub(in crate::expr) struct Function {
    pub(in crate::expr) name: &'static str,
    pub(in crate::expr) style: Style,
    pub(in crate::expr) least: usize,
    pub(in crate::expr) most: usize,
    pub(in crate::expr) gives: Gives,
    pub(in crate::expr) run: fn(&Meter, &[Value]) -> Result,
}

/// How a function is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::expr) enum Style {
    /// `f(x)`
    Global,
    /// `x.f()`
    Method,
    /// Either.
    Both,
}

/// More arguments than any call has.
const ANY: usize = 64;

const fn function(
    name: &'static str,
    style: Style,
    arguments: (usize, usize),
    gives: Gives,
    run: fn(&Meter, &[Value]) -> Result,
) -> Function {
    Function { name, style, least: arguments.0, most: arguments.1, gives, run }
}

const fn global(name: &'static str, arguments: (usize, usize), run: fn(&Meter, &[Value]) -> Result) -> Function {
    function(name, Style::Global, arguments, Gives::NotBool, run)
}

const fn method(name: &'static str, arguments: (usize, usize), run: fn(&Meter, &[Value]) -> Result) -> Function {
    function(name, Style::Method, arguments, Gives::NotBool, run)
}

const fn test(name: &'static str, arguments: (usize, usize), run: fn(&Meter, &[Value]) -> Result) -> Function {
    function(name, Style::Method, arguments, Gives::Bool, run)
}

const TABLES: [&[Function]; 8] = [
    convert::FUNCTIONS,
    strings::FUNCTIONS,
    format::FUNCTIONS,
    lists::FUNCTIONS,
    math::FUNCTIONS,
    time::FUNCTIONS,
    encode::FUNCTIONS,
    optional::FUNCTIONS,
];

pub(in crate::expr) fn all() -> impl Iterator<Item = &'static Function> + Clone {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The function of that name that is called that way; two of one name and style do not exist.
pub(in crate::expr) fn find(name: &str, as_method: bool) -> Option<&'static Function> {
    all().find(|function| function.name == name && function.style.fits(as_method))
}

impl Style {
    pub(in crate::expr) fn fits(self, as_method: bool) -> bool {
        match self {
            Style::Global => !as_method,
            Style::Method => as_method,
            Style::Both => true,
        }
    }
}

/// No overload for these arguments, or an argument that is not there (which the arity check makes impossible).
fn mismatch(name: &str, arguments: &[Value]) -> EvaluationError {
    no_overload(name, &arguments.iter().collect::<Vec<_>>())
}

fn wrong<T>(message: impl Into<String>) -> Result<T> {
    Err(EvaluationError::Wrong(message.into()))
}

fn view<'v>(arguments: &'v [Value], index: usize) -> View<'v> {
    arguments.get(index).map_or(View::Null, Value::view)
}

fn text<'v>(name: &str, arguments: &'v [Value], index: usize) -> Result<&'v str> {
    match view(arguments, index) {
        View::String(text) => Ok(text),
        _ => Err(mismatch(name, arguments)),
    }
}

/// Text or bytes, as bytes.
fn octets<'v>(name: &str, arguments: &'v [Value], index: usize) -> Result<&'v [u8]> {
    match view(arguments, index) {
        View::String(text) => Ok(text.as_bytes()),
        View::Bytes(bytes) => Ok(bytes),
        _ => Err(mismatch(name, arguments)),
    }
}

fn int(name: &str, arguments: &[Value], index: usize) -> Result<i64> {
    match view(arguments, index) {
        View::Int(value) => Ok(value),
        _ => Err(mismatch(name, arguments)),
    }
}

fn list<'v>(name: &str, arguments: &'v [Value], index: usize) -> Result<List<'v>> {
    match view(arguments, index) {
        View::List(list) => Ok(list),
        _ => Err(mismatch(name, arguments)),
    }
}

/// A position in something of `length`: from 0, the end included.
fn position(name: &str, index: i64, length: usize) -> Result<usize> {
    match usize::try_from(index) {
        Ok(index) if index <= length => Ok(index),
        _ => wrong(format!("`{name}`: the position is out of range")),
    }
}

#[cfg(test)]
mod tests;
