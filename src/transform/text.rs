//! A string with `${…}` in it: header values, query parameters, vars, labels, texts.

use super::escape::Escape;
use super::pieces::{self, Content, Hole, Part};
use crate::diagnostic::At;
use crate::expr::{Environment, Evaluation, EvaluationError, Expression, Input, Reads, Value};
use crate::secret::Secret;

/// A string with `${…}` in it: an expression keeps its value's type when it is the whole string.
pub struct Text {
    form: Form,
    reads: Reads,
}

enum Form {
    /// Nothing to evaluate.
    Constant(Rendered, Value),
    /// Exactly one expression.
    Whole(Hole, Escape),
    Mixed(Vec<Segment>),
}

enum Segment {
    Known(Rendered),
    Hole(Hole, Escape),
}

/// A text in two forms: to send, and to show.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    real: String,
    /// `None` where the real text may be shown.
    shown: Option<String>,
}

impl Text {
    pub fn compile(written: &str, environment: &Environment<'_>, at: &At<'_>) -> Option<Text> {
        Text::compile_escaped(written, Escape::None, environment, at)
    }

    /// With every `${…}`, references too, escaped for the literal text around it.
    pub(super) fn compile_escaped(
        written: &str,
        escape: Escape,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Text> {
        let parts = pieces::cut(written, environment, at)?;
        Some(Text::new(parts, escape))
    }

    pub(super) fn new(parts: Vec<Part>, escape: Escape) -> Text {
        let reads = pieces::reads(&parts);
        let mut known = Rendered::default();
        let mut segments = Vec::new();
        for part in parts {
            match part.content {
                Content::Literal(text) => known.push(&text),
                Content::Resolved(resolved) => known.push_secret(&resolved.value, &resolved.shown, escape),
                Content::Hole(hole) => {
                    if !known.real.is_empty() || known.shown.is_some() {
                        segments.push(Segment::Known(std::mem::take(&mut known)));
                    }
                    segments.push(Segment::Hole(hole, escape));
                }
            }
        }
        if segments.is_empty() {
            let value = known.clone().into_value();
            return Text { form: Form::Constant(known, value), reads };
        }
        if !known.real.is_empty() || known.shown.is_some() {
            segments.push(Segment::Known(known));
        }
        let form = match <[Segment; 1]>::try_from(segments) {
            Ok([Segment::Hole(hole, escape)]) => Form::Whole(hole, escape),
            Ok(known) => Form::Mixed(Vec::from(known)),
            Err(segments) => Form::Mixed(segments),
        };
        Text { form, reads }
    }

    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// As [`Expression::inputs`], of all its expressions.
    pub fn inputs<'x>(&'x self, visit: &mut dyn FnMut(Input<'x>)) {
        match &self.form {
            Form::Constant(..) => {}
            Form::Whole(hole, _) => hole.expression.inputs(visit),
            Form::Mixed(segments) => segments.iter().for_each(|segment| match segment {
                Segment::Known(_) => {}
                Segment::Hole(hole, _) => hole.expression.inputs(visit),
            }),
        }
    }

    /// The text, where nothing is to be evaluated.
    pub fn constant(&self) -> Option<&Rendered> {
        match &self.form {
            Form::Constant(rendered, _) => Some(rendered),
            Form::Whole(..) | Form::Mixed(_) => None,
        }
    }

    /// The expression, where it is the whole string.
    pub(super) fn into_whole(self) -> Result<Expression, Text> {
        match self.form {
            Form::Whole(hole, Escape::None) => Ok(hole.expression),
            form => Err(Text { form, reads: self.reads }),
        }
    }

    /// The value; a whole-string expression keeps its type. Text with a secret in it is a secret.
    pub fn value(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, EvaluationError> {
        match &self.form {
            Form::Constant(known, _) if evaluation.shown => Ok(Value::String(known.shown().into())),
            Form::Constant(_, value) => Ok(value.clone()),
            Form::Whole(hole, _) => hole.expression.evaluate(evaluation),
            Form::Mixed(segments) => Ok(mixed(segments, evaluation)?.into_value()),
        }
    }

    /// As text; `None` when it is an empty optional.
    pub fn text(&self, evaluation: &mut Evaluation<'_>) -> Result<Option<String>, EvaluationError> {
        Ok(self.rendered(evaluation)?.map(|rendered| rendered.real))
    }

    /// As text with every reference shown as `${env:NAME}`, for logs, `explain` and `test`.
    pub fn shown(&self, evaluation: &mut Evaluation<'_>) -> Result<Option<String>, EvaluationError> {
        pieces::as_shown(evaluation, |evaluation| self.text(evaluation))
    }

    /// Both forms; `None` when it is an empty optional. Where secrets are to be shown only, both are what is shown.
    pub fn rendered(&self, evaluation: &mut Evaluation<'_>) -> Result<Option<Rendered>, EvaluationError> {
        match &self.form {
            Form::Constant(known, _) => {
                let mut rendered = Rendered::default();
                rendered.append(known, evaluation.shown);
                Ok(Some(rendered))
            }
            Form::Mixed(segments) => mixed(segments, evaluation).map(Some),
            Form::Whole(hole, escape) => {
                let Some(value) = hole.value(evaluation)? else { return Ok(None) };
                let mut rendered = Rendered::default();
                rendered.push_value(&value, hole, *escape, evaluation)?;
                evaluation.spend(rendered.real.len())?;
                Ok(Some(rendered))
            }
        }
    }

    /// What an empty optional is called in an error.
    pub(super) fn absent(&self) -> EvaluationError {
        match &self.form {
            Form::Whole(hole, _) => hole.absent(),
            Form::Constant(..) | Form::Mixed(_) => EvaluationError::Absent { path: String::new() },
        }
    }
}

fn mixed(segments: &[Segment], evaluation: &mut Evaluation<'_>) -> Result<Rendered, EvaluationError> {
    let mut rendered = Rendered::default();
    for segment in segments {
        let before = rendered.real.len();
        match segment {
            Segment::Known(known) => rendered.append(known, evaluation.shown),
            Segment::Hole(hole, escape) => {
                let value = hole.required(evaluation)?;
                rendered.push_value(&value, hole, *escape, evaluation)?;
            }
        }
        evaluation.spend(rendered.real.len() - before)?;
    }
    Ok(rendered)
}

impl Rendered {
    /// A text that may be shown.
    pub fn open(text: impl Into<String>) -> Rendered {
        Rendered { real: text.into(), shown: None }
    }

    /// To send, never to show.
    pub fn real(&self) -> &str {
        &self.real
    }

    pub fn into_real(self) -> String {
        self.real
    }

    /// To show: references instead of their values.
    pub fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.real)
    }

    pub fn into_shown(self) -> String {
        self.shown.unwrap_or(self.real)
    }

    /// The real text must not be shown.
    pub fn is_secret(&self) -> bool {
        self.shown.is_some()
    }

    pub(super) fn push(&mut self, text: &str) {
        self.real.push_str(text);
        if let Some(shown) = &mut self.shown {
            shown.push_str(text);
        }
    }

    /// Appends what `real` is escaped to, and shows `shown` as it is.
    pub(super) fn push_secret(&mut self, real: &str, shown: &str, escape: Escape) {
        self.shown.get_or_insert_with(|| self.real.clone()).push_str(shown);
        escape.append(real, &mut self.real);
    }

    /// With `only_shown`, what is shown stands for what is sent too.
    pub(super) fn append(&mut self, other: &Rendered, only_shown: bool) {
        match &other.shown {
            None => self.push(&other.real),
            Some(shown) if only_shown => self.push(shown),
            Some(shown) => self.push_secret(&other.real, shown, Escape::None),
        }
    }

    fn push_value(
        &mut self,
        value: &Value,
        hole: &Hole,
        escape: Escape,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<(), EvaluationError> {
        if let Some(shown) = hole.shown(value, evaluation) {
            if evaluation.shown {
                self.push(&shown);
                return Ok(());
            }
            let mut text = String::new();
            value.write_text(&mut text)?;
            self.push_secret(&text, &shown, escape);
            return Ok(());
        }
        let start = self.real.len();
        if escape == Escape::None {
            value.write_text(&mut self.real)?;
        } else {
            let mut text = String::new();
            value.write_text(&mut text)?;
            escape.append(&text, &mut self.real);
        }
        if let Some(shown) = &mut self.shown {
            shown.push_str(self.real.get(start..).unwrap_or_default());
        }
        Ok(())
    }

    fn into_value(self) -> Value {
        match self.shown {
            None => Value::String(self.real.into()),
            Some(shown) => Value::Secret(Secret::new(self.real), shown.into()),
        }
    }
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Rendered").field(&self.shown()).finish()
    }
}

#[cfg(test)]
mod tests;
