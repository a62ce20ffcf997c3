//! What an expression may name when it is compiled, and what stands behind the names while it runs.

use super::value::Value;
use crate::document::Document;
use crate::event::Event;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What an expression may name, at compile time.
#[derive(Clone, Default)]
pub struct Environment<'a> {
    /// `params.NAME`: the names in the path pattern.
    pub params: &'a [Arc<str>],
    /// `vars.NAME`: those computed before this expression.
    pub vars: &'a [String],
    /// `answers.NAME`: the targets of the route, in file order.
    pub answers: &'a [String],
    /// Which of them may have answered by then; `None`: all.
    pub answered: Option<&'a [bool]>,
    /// `tables.NAME`.
    pub tables: Option<&'a Document>,
    /// Where it is noted which tables are named.
    pub tables_read: Option<&'a TablesRead>,
    /// Names bound around the expression (`item`, `index`, `$as`), outermost first.
    pub locals: &'a [String],
    /// `answer` may be named (in `success`).
    pub answer: bool,
}

/// Which tables the expressions of a configuration name, so that the others can be reported.
#[derive(Debug, Default)]
pub struct TablesRead(RefCell<BTreeSet<String>>, Cell<bool>);

impl TablesRead {
    pub(super) fn name(&self, name: &str) {
        if !self.0.borrow().contains(name) {
            self.0.borrow_mut().insert(name.to_owned());
        }
    }

    /// A computed name may be any of them.
    pub(super) fn any(&self) {
        self.1.set(true);
    }

    pub fn contains(&self, name: &str) -> bool {
        self.1.get() || self.0.borrow().contains(name)
    }
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
