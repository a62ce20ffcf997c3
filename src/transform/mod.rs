//! A verified event to the bytes, headers and URL of a request: templates compiled once, written straight to the output.
//!
//! Three kinds of template stand on [`crate::expr`]: [`Text`] (a string), [`UrlTemplate`] (a string whose places are kept
//! apart) and [`Shape`] (anything YAML can say, written as JSON). A [`Transform`] is what a target's body, headers and
//! query are made of. Nothing here sends anything; that is [`crate::deliver`]'s.

mod escape;
#[cfg(test)]
mod fixture;
mod headers;
mod pieces;
mod recipe;
mod shape;
mod text;
mod url;

pub use headers::{HeaderTexts, QueryTexts, compile_headers, compile_query, header_value};
pub use shape::Shape;
pub use text::{Rendered, Text};
pub use url::{Url, UrlTemplate};

use self::escape::Escape;
use crate::body::write_form;
use crate::config::spec::{Ordered, TransformSpec};
use crate::diagnostic::At;
use crate::document::Document;
use crate::expr::{Environment, Evaluation, EvaluationError, Reads};
use bytes::Bytes;
use http::HeaderName;

/// What a target's body is made of, and what headers and parameters go with it.
pub struct Transform {
    body: Body,
    content_type: Option<Text>,
    headers: HeaderTexts,
    query: QueryTexts,
    reads: Reads,
}

enum Body {
    Unchanged,
    Json(Shape),
    Form(Shape),
    Text(Text, Escape),
}

/// A built body. `content_type` is `None` where bytes pass unchanged and nothing else was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    pub bytes: Bytes,
    pub content_type: Option<String>,
    /// The bytes are the inbound ones.
    pub unchanged: bool,
}

impl Transform {
    /// `shared`: `transforms:` of hookswitch.yaml. What is written here overrides, key by key, what it uses; `body`,
    /// `form` and `text` are one key in this.
    pub fn compile(
        spec: &TransformSpec,
        shared: &Ordered<TransformSpec>,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Transform> {
        recipe::compile(spec, shared, environment, at)
    }

    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// The inbound bytes pass as they are.
    pub fn is_unchanged(&self) -> bool {
        matches!(self.body, Body::Unchanged)
    }

    /// Headers to set; `None` removes a forwarded one. An empty optional leaves its header out.
    pub fn headers(&self) -> &[(HeaderName, Option<Text>)] {
        &self.headers
    }

    /// Parameters to append; `None` removes one that the target has. An empty optional leaves its parameter out.
    pub fn query(&self) -> &[(String, Option<Text>)] {
        &self.query
    }

    /// # Errors
    ///
    /// What an expression failed with; a body that is one empty optional is absent.
    pub fn build(&self, evaluation: &mut Evaluation<'_>) -> Result<Built, EvaluationError> {
        let (bytes, default) = match &self.body {
            Body::Unchanged => (evaluation.scope.event.bytes.clone(), None),
            Body::Json(shape) => {
                let mut json = Vec::new();
                shape.write_json(evaluation, &mut json)?;
                (json.into(), Some("application/json"))
            }
            Body::Form(shape) => (form(shape, evaluation)?, Some("application/x-www-form-urlencoded")),
            Body::Text(text, escape) => {
                let text = text.text(evaluation)?.ok_or_else(|| text.absent())?;
                (text.into(), Some(text_type(*escape)))
            }
        };
        let written = match &self.content_type {
            Some(text) => text.text(evaluation)?,
            None => None,
        };
        let content_type = written.or_else(|| default.map(str::to_owned));
        Ok(Built { bytes, content_type, unchanged: self.is_unchanged() })
    }

    /// As [`Transform::build`], with every reference shown as `${env:NAME}`, for `explain` and `test`.
    pub fn build_shown(&self, evaluation: &mut Evaluation<'_>) -> Result<Built, EvaluationError> {
        pieces::as_shown(evaluation, |evaluation| self.build(evaluation))
    }
}

fn form(shape: &Shape, evaluation: &mut Evaluation<'_>) -> Result<Bytes, EvaluationError> {
    let mut json = Vec::new();
    shape.write_json(evaluation, &mut json)?;
    // Only nesting can be wrong with JSON that we wrote: the event's own depth on top of the template's.
    let document =
        Document::parse(json.into()).map_err(|error| EvaluationError::Wrong(format!("the form: {}", error.message)))?;
    if document.root().kind() != crate::document::Kind::Map {
        return Err(EvaluationError::Wrong("a form is made from a map, and this is none".to_owned()));
    }
    let mut out = Vec::new();
    write_form(document.root(), &mut out);
    evaluation.spend(out.len())?;
    Ok(out.into())
}

/// What a text is, from the language that its values are escaped for.
fn text_type(escape: Escape) -> &'static str {
    match escape {
        Escape::None => "text/plain; charset=utf-8",
        Escape::Xml => "application/xml",
        Escape::Html => "text/html; charset=utf-8",
        Escape::Json => "application/json",
    }
}

#[cfg(test)]
mod tests;
