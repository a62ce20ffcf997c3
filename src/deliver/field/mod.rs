//! Headers and query parameters of a target: those of its transform, its own over them, built once where nothing in them
//! depends on the event.

#[cfg(test)]
mod tests;

use super::prepare::ShownHeaders;
use crate::diagnostic::At;
use crate::expr::{Evaluation, EvaluationError, Reads};
use crate::transform::{Rendered, Text, Transform, header_value};
use http::{HeaderMap, HeaderName, HeaderValue};

/// How much of a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visibility {
    /// As it is, references in place of their values.
    Plain,
    /// A credential: its references, or `…` where it was written out.
    Credential,
}

impl Visibility {
    /// What to show instead of the value; `None` where it may be shown as it is.
    pub(super) fn shown(self, value: &Rendered) -> Option<&str> {
        match self {
            _ if value.is_secret() => Some(value.shown()),
            Visibility::Credential => Some("…"),
            Visibility::Plain => None,
        }
    }
}

/// A value of a field.
pub(super) enum Source<C> {
    Constant(C),
    Computed(Text),
    /// Number so many among those of the target's transform, which owns the text.
    OfTransform(usize),
}

impl<C> Source<C> {
    fn reads(&self) -> Reads {
        match self {
            Source::Computed(text) => text.reads(),
            // Those of the transform are counted with the transform.
            Source::Constant(_) | Source::OfTransform(_) => Reads::default(),
        }
    }
}

/// A header to set, with `prefix` (`Bearer `) before its value.
pub(super) struct HeaderField {
    pub(super) name: HeaderName,
    prefix: &'static str,
    visibility: Visibility,
    source: Source<ShownValue>,
}

/// A header's value, and what to show instead of it.
pub(super) type ShownValue = (HeaderValue, Option<String>);

impl HeaderField {
    /// `None` where the value cannot be sent, which is reported.
    pub(super) fn new(
        name: HeaderName,
        prefix: &'static str,
        text: Text,
        visibility: Visibility,
        at: &At<'_>,
    ) -> Option<HeaderField> {
        let source = match text.constant().map(|value| build(&name, prefix, visibility, value)) {
            Some(Ok(value)) => Source::Constant(value),
            Some(Err(error)) => {
                let help = "a newline at the end of a secret is the usual cause".to_owned();
                at.error("header-value", error.to_string(), Some(help));
                return None;
            }
            None => Source::Computed(text),
        };
        Some(HeaderField { name, prefix, visibility, source })
    }

    /// Number `index` of a transform's headers.
    fn of_transform(index: usize, name: &HeaderName, text: &Text) -> HeaderField {
        let constant = text.constant().and_then(|value| build(name, "", Visibility::Plain, value).ok());
        let source = constant.map_or(Source::OfTransform(index), Source::Constant);
        HeaderField { name: name.clone(), prefix: "", visibility: Visibility::Plain, source }
    }

    pub(super) fn reads(&self) -> Reads {
        self.source.reads()
    }

    /// Sets the header, and records in `shown` what to show instead of its value. An empty optional leaves it out.
    pub(super) fn set(
        &self,
        headers: &mut HeaderMap,
        shown: &mut ShownHeaders,
        transform: Option<&Transform>,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<(), EvaluationError> {
        let text = match &self.source {
            Source::Constant(value) => {
                set(headers, shown, &self.name, value.clone());
                return Ok(());
            }
            Source::Computed(text) => Some(text),
            Source::OfTransform(index) => {
                transform.and_then(|transform| transform.headers().get(*index)).and_then(|(_, text)| text.as_ref())
            }
        };
        if let Some(text) = text
            && let Some(value) = text.rendered(evaluation)?
        {
            set(headers, shown, &self.name, build(&self.name, self.prefix, self.visibility, &value)?);
        }
        Ok(())
    }
}

/// Sets a header and what is shown for it, in place of any that was there.
pub(super) fn set(headers: &mut HeaderMap, shown: &mut ShownHeaders, name: &HeaderName, value: ShownValue) {
    let (value, instead) = value;
    headers.insert(name.clone(), value);
    shown.retain(|(other, _)| other != name);
    shown.extend(instead.map(|instead| (name.clone(), instead)));
}

fn build(
    name: &HeaderName,
    prefix: &str,
    visibility: Visibility,
    value: &Rendered,
) -> Result<ShownValue, EvaluationError> {
    let built = match prefix {
        "" => header_value(value.real()),
        prefix => header_value(&format!("{prefix}{}", value.real())),
    };
    let named = |error: EvaluationError| EvaluationError::Wrong(format!("{name}: {error}"));
    let mut built = built.map_err(named)?;
    // Keeps a credential out of HTTP/2's compression tables and of debug output.
    built.set_sensitive(visibility == Visibility::Credential || value.is_secret());
    Ok((built, visibility.shown(value).map(|shown| format!("{prefix}{shown}"))))
}

/// Headers as their layers give them: the first that says something about a name decides, null takes it away.
#[derive(Default)]
pub(super) struct HeaderFields {
    pub(super) set: Vec<HeaderField>,
    pub(super) removed: Vec<HeaderName>,
}

impl HeaderFields {
    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }

    fn knows(&self, name: &HeaderName) -> bool {
        self.removed.contains(name) || self.set.iter().any(|field| field.name == *name)
    }

    /// A layer below those added before. `None` where a value cannot be sent.
    pub(super) fn add(&mut self, layer: Vec<(HeaderName, Option<Text>)>, at: &At<'_>) -> Option<()> {
        let mut whole = Some(());
        for (name, text) in layer {
            if self.knows(&name) {
                continue;
            }
            let place = at.key(name.as_str());
            match text.map(|text| HeaderField::new(name.clone(), "", text, Visibility::Plain, &place)) {
                None => self.removed.push(name),
                Some(Some(field)) => self.set.push(field),
                Some(None) => whole = None,
            }
        }
        whole
    }

    /// Those of the transform lie below those of the target.
    pub(super) fn add_transform(&mut self, transform: &Transform) {
        for (index, (name, text)) in transform.headers().iter().enumerate() {
            if self.knows(name) {
                continue;
            }
            match text {
                None => self.removed.push(name.clone()),
                Some(text) => self.set.push(HeaderField::of_transform(index, name, text)),
            }
        }
    }
}

/// A query parameter to append, or (`None`) to take out of the URL as it was written.
pub(super) struct QueryField {
    name: String,
    source: Option<Source<Rendered>>,
}

impl QueryField {
    fn new(name: String, text: Option<Text>) -> QueryField {
        let source = text.map(|text| match text.constant() {
            Some(constant) => Source::Constant(constant.clone()),
            None => Source::Computed(text),
        });
        QueryField { name, source }
    }

    fn of_transform(index: usize, name: &str, text: Option<&Text>) -> QueryField {
        let source = text.map(|text| match text.constant() {
            Some(constant) => Source::Constant(constant.clone()),
            None => Source::OfTransform(index),
        });
        QueryField { name: name.to_owned(), source }
    }

    pub(super) fn is_constant(&self) -> bool {
        matches!(self.source, None | Some(Source::Constant(_)))
    }

    pub(super) fn reads(&self) -> Reads {
        self.source.as_ref().map(Source::reads).unwrap_or_default()
    }

    /// As [`crate::transform::UrlTemplate::build_with`] takes it; `None` for an empty optional, which leaves it out.
    pub(super) fn build(
        &self,
        transform: Option<&Transform>,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<Option<(String, Option<Rendered>)>, EvaluationError> {
        let text = match &self.source {
            None => return Ok(Some((self.name.clone(), None))),
            Some(Source::Constant(rendered)) => return Ok(Some((self.name.clone(), Some(rendered.clone())))),
            Some(Source::Computed(text)) => Some(text),
            Some(Source::OfTransform(index)) => {
                transform.and_then(|transform| transform.query().get(*index)).and_then(|(_, text)| text.as_ref())
            }
        };
        let rendered = text.map(|text| text.rendered(evaluation)).transpose()?.flatten();
        Ok(rendered.map(|rendered| (self.name.clone(), Some(rendered))))
    }
}

/// Query parameters as their layers give them: the first that says something about a name decides.
#[derive(Default)]
pub(super) struct QueryFields(pub(super) Vec<QueryField>);

impl QueryFields {
    /// A layer below those added before.
    pub(super) fn add(&mut self, layer: Vec<(String, Option<Text>)>) {
        for (name, text) in layer {
            if self.0.iter().all(|field| field.name != name) {
                self.0.push(QueryField::new(name, text));
            }
        }
    }

    /// Those of the transform lie below those of the target.
    pub(super) fn add_transform(&mut self, transform: &Transform) {
        for (index, (name, text)) in transform.query().iter().enumerate() {
            if self.0.iter().all(|field| field.name != *name) {
                self.0.push(QueryField::of_transform(index, name, text.as_ref()));
            }
        }
    }
}
