//! CEL: what may stand in `when`, and in every `${…}`.
//!
//! The cel crate parses; names, scopes, arity and budgets are checked by our own walk, and a small evaluator of our own
//! runs the tree, because an expression must not be able to hang or exhaust the process, must tell an absent key from a
//! wrong one, and must read the body without copying it.
//!
//! Source → [`mod@scan`] (a scalar's `${…}`) → `parse` (a tree) → `compile` (names to slots, mistakes to diagnostics) →
//! `program` → `evaluate`. `value` and `functions` are what programs work on and with.

use crate::diagnostic::At;
use std::sync::Arc;

mod answers_read;
mod compile;
mod condition;
mod evaluate;
mod functions;
mod inputs;
mod lexis;
mod meter;
mod operators;
mod parse;
mod program;
mod scan;
mod scope;
mod value;

pub use answers_read::AnswersRead;
pub use condition::{Condition, Verdict};
pub use evaluate::Evaluation;
pub use inputs::Input;
pub use scan::{Piece, ScanError, scan};
pub use scope::{Answer, Environment, Scope, TablesRead};
pub use value::Value;

/// Why an expression has no value. Says names and types, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A key that is not there; `path` names it as far as it can be named (`body.order.id`).
    #[error("no such key: {path}")]
    Absent { path: String },
    #[error("{0}")]
    Wrong(String),
    #[error("the expression needs more than its budget of {0}")]
    Budget(&'static str),
}

/// A compiled expression.
pub struct Expression {
    source: Arc<str>,
    op: program::Op,
    reads: Reads,
}

/// What an expression reads, so that nothing is computed in vain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reads {
    /// `body` or `batch`.
    pub body: bool,
    /// `text`.
    pub text: bool,
    /// `request.time`, `now()`, `uuid()`: not the same for two equal events.
    pub volatile: bool,
    /// `body` or `text`: not the same for two elements of a batch.
    pub element: bool,
    /// Whose `answers`.
    pub answers: AnswersRead,
}

impl Reads {
    /// What either reads.
    #[must_use]
    pub fn and(self, other: Reads) -> Reads {
        Reads {
            body: self.body || other.body,
            text: self.text || other.text,
            volatile: self.volatile || other.volatile,
            element: self.element || other.element,
            answers: self.answers.and(other.answers),
        }
    }
}

impl Expression {
    /// Compiles a scalar that is one `${…}` and nothing else. `None` after a mistake that was reported at `at`, `Some(None)`
    /// where it is something else.
    pub fn compile_whole(written: &str, environment: &Environment<'_>, at: &At<'_>) -> Option<Option<Expression>> {
        let mut pieces = match scan(written) {
            Ok(pieces) => pieces,
            Err(error) => {
                at.error_inside("expr-syntax", error.message, error.help, error.span);
                return None;
            }
        };
        match (pieces.pop(), pieces.is_empty()) {
            (Some(Piece::Expression { source, offset }), true) => {
                Expression::compile(&source, offset, environment, at).map(Some)
            }
            _ => Some(None),
        }
    }

    /// Compiles `source`, which stands at byte `offset` of the scalar at `at`. Mistakes are reported there.
    pub fn compile(source: &str, offset: usize, environment: &Environment<'_>, at: &At<'_>) -> Option<Expression> {
        let (op, reads) = compile::compile(source, offset, environment, at)?;
        Some(Expression { source: Arc::from(source.trim()), op, reads })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// False where the result cannot be a boolean whatever the event (a literal, `a + b`, `size(x)`).
    pub fn may_be_bool(&self) -> bool {
        self.op.gives() != program::Gives::NotBool
    }

    /// # Errors
    /// An absent key, a wrong type or argument, or a budget that is used up. Nothing of the event is in them but names
    /// that stand in the expression.
    pub fn evaluate(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, EvaluationError> {
        self.op.evaluate(evaluation)
    }
}

#[cfg(test)]
mod tests;
