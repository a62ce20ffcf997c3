//! A scalar's pieces with its references resolved: what every kind of template is compiled from.
//!
//! A resolved value is text from here on: it is never scanned again, so it cannot bring an expression of its own.

use crate::diagnostic::At;
use crate::expr::{Environment, Evaluation, EvaluationError, Expression, Piece, Reads, Value, scan};
use crate::secret::Reference;

/// A piece that is compiled, and the bytes of the scalar it stands at.
pub(super) struct Part {
    pub content: Content,
    pub span: (usize, usize),
}

pub(super) enum Content {
    Literal(String),
    Resolved(Resolved),
    Hole(Hole),
}

/// An expression among text.
pub(super) struct Hole {
    pub expression: Expression,
    /// It may name a secret (`env("NAME")`), so what is shown of it is evaluated apart.
    secret: bool,
}

impl Hole {
    pub fn new(expression: Expression) -> Hole {
        let secret = ["env", "file"].iter().any(|function| expression.source().contains(function));
        Hole { expression, secret }
    }

    /// The value; `None` for an empty optional.
    pub fn value(&self, evaluation: &mut Evaluation<'_>) -> Result<Option<Value>, EvaluationError> {
        Ok(self.expression.evaluate(evaluation)?.present())
    }

    /// The value that must be there.
    pub fn required(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, EvaluationError> {
        self.value(evaluation)?.ok_or_else(|| self.absent())
    }

    /// What is shown instead of `value`; `None` where that itself may be.
    pub fn shown(&self, value: &Value, evaluation: &mut Evaluation<'_>) -> Option<String> {
        match value {
            Value::Secret(_, shown) => Some(shown.to_string()),
            _ if !self.secret || evaluation.shown => None,
            _ => {
                let shown = as_shown(evaluation, |evaluation| self.required(evaluation));
                // A reference may not do where its value does, as in `json(env("NAME"))`: then the expression is shown.
                let shown = shown.ok().and_then(|shown| Some(shown.as_text()?.into_owned()));
                Some(shown.unwrap_or_else(|| format!("${{{}}}", self.expression.source().trim())))
            }
        }
    }

    /// An optional that is empty where something must stand.
    pub fn absent(&self) -> EvaluationError {
        EvaluationError::Absent { path: self.expression.source().trim().to_owned() }
    }
}

/// Evaluates with every secret as its reference.
pub(super) fn as_shown<'e, T>(evaluation: &mut Evaluation<'e>, evaluate: impl FnOnce(&mut Evaluation<'e>) -> T) -> T {
    let before = std::mem::replace(&mut evaluation.shown, true);
    let result = evaluate(evaluation);
    evaluation.shown = before;
    result
}

/// The value of a reference.
pub(super) struct Resolved {
    pub value: String,
    /// As written, without its default.
    pub shown: String,
    /// It has no value and stands for itself (offline): a place that needs a certain form takes it as it is.
    pub stand_in: bool,
}

/// Cuts, resolves and compiles. All mistakes of the scalar are reported, not just the first.
pub(super) fn cut(written: &str, environment: &Environment<'_>, at: &At<'_>) -> Option<Vec<Part>> {
    let pieces = match scan(written) {
        Ok(pieces) => pieces,
        Err(error) => {
            at.error_inside("expr-syntax", error.message, error.help, error.span);
            return None;
        }
    };
    let mut start = 0;
    let mut parts = Vec::with_capacity(pieces.len());
    let mut complete = true;
    for piece in pieces {
        let span = (start, start + written_length(&piece));
        start = span.1;
        match compile(piece, span, environment, at) {
            Some(content) => parts.push(Part { content, span }),
            None => complete = false,
        }
    }
    complete.then_some(parts)
}

fn compile(piece: Piece, span: (usize, usize), environment: &Environment<'_>, at: &At<'_>) -> Option<Content> {
    match piece {
        Piece::Literal(text) => Some(Content::Literal(text)),
        Piece::Reference(reference) => resolve(&reference, span, at).map(Content::Resolved),
        Piece::Expression { source, offset } => {
            let expression = Expression::compile(&source, offset, environment, at)?;
            Some(Content::Hole(Hole::new(expression)))
        }
    }
}

fn resolve(reference: &Reference, span: (usize, usize), at: &At<'_>) -> Option<Resolved> {
    let shown = reference.to_string();
    match at.references.resolve(reference) {
        Ok(value) => {
            let value = value.expose().to_owned();
            Some(Resolved { stand_in: value == shown, value, shown })
        }
        Err(error) => {
            let help = match reference {
                Reference::Env { name, .. } => format!("set {name}, or give a default: ${{env:{name}:-…}}"),
                Reference::File { .. } => "relative paths start at the configuration folder".to_owned(),
            };
            at.error_inside("reference-missing", error.to_string(), help, span);
            None
        }
    }
}

/// Bytes of the scalar that a piece came from. In a literal, `${` can only come from `$${`.
fn written_length(piece: &Piece) -> usize {
    match piece {
        Piece::Literal(text) => text.len() + text.matches("${").count(),
        Piece::Reference(Reference::Env { name, default }) => {
            let default = default.as_ref().map_or(0, |default| ":-".len() + default.len());
            "${env:}".len() + name.len() + default
        }
        Piece::Reference(Reference::File { path }) => "${file:}".len() + path.len(),
        Piece::Expression { source, .. } => "${}".len() + source.len(),
    }
}

/// What all expressions among `parts` read.
pub(super) fn reads(parts: &[Part]) -> Reads {
    let holes = parts.iter().filter_map(|part| match &part.content {
        Content::Hole(hole) => Some(hole.expression.reads()),
        Content::Literal(_) | Content::Resolved(_) => None,
    });
    holes.fold(Reads::default(), Reads::and)
}
