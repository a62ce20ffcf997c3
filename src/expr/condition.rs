//! Conditions: `when`, `$if`, `success`. Absent is false, wrong is an error.

use super::{Environment, Evaluation, EvaluationError, Expression, Piece, Reads, scan};
use crate::diagnostic::At;

/// A condition: absent is false, wrong is an error.
pub struct Condition {
    expression: Expression,
    absent_fails: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    True,
    False,
    /// False because this key is not there.
    Absent(String),
}

impl Condition {
    /// `source` is the scalar as written; `${…}` around the whole is allowed and means the same.
    pub fn compile(source: &str, absent_fails: bool, environment: &Environment<'_>, at: &At<'_>) -> Option<Condition> {
        let (inner, offset) = unwrap(source, at)?;
        let expression = Expression::compile(&inner, offset, environment, at)?;
        if !expression.may_be_bool() {
            let help = "compare it with something: ==, !=, <, in, has(…)".to_owned();
            let span = (offset, offset + inner.len());
            at.error_inside("expr-not-bool", "this condition can be neither true nor false", help, span);
            return None;
        }
        Some(Condition { expression, absent_fails })
    }

    pub fn source(&self) -> &str {
        self.expression.source()
    }

    pub(super) fn expression(&self) -> &Expression {
        &self.expression
    }

    pub fn reads(&self) -> Reads {
        self.expression.reads()
    }

    /// # Errors
    /// Anything but an absent key (and that too with `absent: error`), and a result that is not a boolean.
    pub fn evaluate(&self, evaluation: &mut Evaluation<'_>) -> Result<Verdict, EvaluationError> {
        match self.expression.evaluate(evaluation) {
            Ok(value) => match value.as_bool() {
                Some(true) => Ok(Verdict::True),
                Some(false) => Ok(Verdict::False),
                None => Err(EvaluationError::Wrong(format!("the condition gives {}, not bool", value.type_name()))),
            },
            Err(EvaluationError::Absent { path }) if !self.absent_fails => Ok(Verdict::Absent(path)),
            Err(error) => Err(error),
        }
    }
}

/// The expression of a condition and where it starts in the scalar. No expression begins with `$`.
fn unwrap(source: &str, at: &At<'_>) -> Option<(String, usize)> {
    let trimmed = source.trim();
    let lead = source.len() - source.trim_start().len();
    if !trimmed.starts_with("${") {
        return Some((trimmed.to_owned(), lead));
    }
    match scan(trimmed) {
        Ok(mut pieces) => match (pieces.pop(), pieces.is_empty()) {
            (Some(Piece::Expression { source, offset }), true) => Some((source, lead + offset)),
            _ => {
                let help = "write it without ${…}, or with one ${…} around the whole".to_owned();
                at.error_inside("expr-syntax", "a condition is one expression", help, (lead, lead + trimmed.len()));
                None
            }
        },
        Err(error) => {
            let span = (lead + error.span.0, lead + error.span.1);
            at.error_inside("expr-syntax", error.message, error.help, span);
            None
        }
    }
}

#[cfg(test)]
mod tests;
