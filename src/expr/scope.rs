//! What an expression may name when it is compiled, and what stands behind the names while it runs.

use super::value::Value;
use crate::document::Document;
use crate::event::Event;
use std::sync::Arc;

/// What an expression may name, at compile time.
#[derive(Clone, Default)]
pub struct Environment<'a> {
    /// `params.NAME`: the names in the path pattern.
    pub params: &'a [Arc<str>],
    /// `vars.NAME`: those computed before this expression.
    pub vars: &'a [String],
    /// `answers.NAME`: the targets of the route that may have answered by then.
    pub answers: &'a [String],
    /// `tables.NAME`.
    pub tables: Option<&'a Document>,
    /// Names bound around the expression (`item`, `index`, `$as`), outermost first.
    pub locals: &'a [String],
    /// `answer` may be named (in `success`).
    pub answer: bool,
}

/// What an expression sees while it runs.
#[derive(Clone, Copy)]
pub struct Scope<'e> {
    pub event: &'e Event,
    pub route: &'e str,
    /// Values of `Environment::vars`, in its order.
    pub vars: &'e [Value],
    /// Answers of `Environment::answers`, in its order; `None` where a target has none.
    pub answers: &'e [Option<Answer>],
    pub answer: Option<&'e Answer>,
    pub tables: &'e Document,
    /// Makes `uuid()`: fixed in tests.
    pub uuid: fn() -> String,
}

/// A target's answer as expressions see it.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Arc<http::HeaderMap>,
    /// JSON by its content type, else text; empty or malformed: null.
    pub body: Document,
}
