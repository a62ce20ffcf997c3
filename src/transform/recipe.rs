//! A `transform:` with the shared ones it uses: from layers of what was written to one thing that runs.

use super::escape::Escape;
use super::headers::{self, HeaderTexts, QueryTexts, header_value};
use super::shape::Shape;
use super::text::Text;
use super::{Body, Transform};
use crate::config::spec::{EscapeSpec, Ordered, TransformSpec};
use crate::diagnostic::{At, Findings, Severity};
use crate::expr::{Environment, Reads};
use crate::suggest::nearest;

/// The three ways to write a body; a transform has one of them or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Body,
    Form,
    Text,
}

/// A transform as it was written, and where.
struct Layer<'a> {
    spec: &'a TransformSpec,
    at: At<'a>,
}

struct Compiler<'a> {
    /// What is written here first, then what it uses; the first that says something wins.
    layers: Vec<Layer<'a>>,
    environment: &'a Environment<'a>,
}

pub(super) fn compile(
    spec: &TransformSpec,
    shared: &Ordered<TransformSpec>,
    environment: &Environment<'_>,
    at: &At<'_>,
) -> Option<Transform> {
    let used = used(spec, shared, at)?;
    let elsewhere = Findings::default();
    let compiled = {
        let shared_at = At::document(&elsewhere, at.references, at.document_index());
        let mut layers = vec![Layer { spec, at: at.clone() }];
        layers.extend(used.iter().map(|(name, spec)| Layer { spec, at: shared_at.key(name) }));
        Compiler { layers, environment }.compile()
    };
    // What a shared transform reads must be there in every route that uses it, so its mistakes are told here.
    for finding in elsewhere.into_inner() {
        let message = format!("in the shared transform at `transforms{}`: {}", finding.pointer, finding.message);
        match finding.severity {
            Severity::Error => at.key("use").error(finding.code, message, finding.help),
            Severity::Warning => at.key("use").warning(finding.code, message, finding.help),
        }
    }
    compiled
}

/// The shared transforms that `spec` uses, nearest first.
fn used<'s>(
    spec: &TransformSpec,
    shared: &'s Ordered<TransformSpec>,
    at: &At<'_>,
) -> Option<Vec<(&'s str, &'s TransformSpec)>> {
    let mut used: Vec<(&str, &TransformSpec)> = Vec::new();
    let mut next = spec.shared.as_deref();
    while let Some(name) = next {
        let at = at.key("use");
        let Some((key, spec)) = shared.get_key_value(name) else {
            let names: Vec<&str> = shared.keys().map(String::as_str).collect();
            let help = match nearest(name, names.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if names.is_empty() => "shared transforms stand under `transforms:` of hookswitch.yaml".to_owned(),
                None => format!("hookswitch.yaml has {}", names.join(", ")),
            };
            at.error("unknown-transform", format!("there is no shared transform `{name}`"), help);
            return None;
        };
        if used.iter().any(|(earlier, _)| earlier == key) {
            at.error("transform-cycle", format!("the shared transform `{name}` uses itself"), None);
            return None;
        }
        used.push((key, spec));
        next = spec.shared.as_deref();
    }
    Some(used)
}

impl Compiler<'_> {
    fn compile(&self) -> Option<Transform> {
        let one_each = self.layers.iter().filter(|layer| !layer.has_one_slot()).count() == 0;
        let slot = self.layers.iter().find_map(Layer::slot);
        let escape = self.describing(slot).find_map(|layer| layer.spec.escape).unwrap_or_default();
        let escape = match escape {
            EscapeSpec::Xml => Escape::Xml,
            EscapeSpec::Html => Escape::Html,
            EscapeSpec::Json => Escape::Json,
            EscapeSpec::None => Escape::None,
        };
        let escape_fits = self.check_escape(slot);
        let body = self.body(slot, escape);
        let content_type = self.content_type(slot);
        let headers = self.headers();
        let query = self.query();
        let (body, content_type, headers, query) = (body?, content_type?, headers?, query?);
        let reads = reads(&body, content_type.as_ref(), &headers, &query);
        (one_each && escape_fits).then_some(Transform { body, content_type, headers, query, reads })
    }

    /// The layers that may say something about the body: down to one whose body is of another kind, because an
    /// `escape` or a `content_type` there was about that one.
    fn describing(&self, slot: Option<Slot>) -> impl Iterator<Item = &Layer<'_>> {
        self.layers.iter().take_while(move |layer| layer.slot().is_none_or(|other| Some(other) == slot))
    }

    fn body(&self, slot: Option<Slot>, escape: Escape) -> Option<Body> {
        let Some(layer) = self.layers.iter().find(|layer| layer.slot().is_some()) else {
            return Some(Body::Unchanged);
        };
        let TransformSpec { body, form, text, .. } = layer.spec;
        match slot? {
            Slot::Body => {
                let shape = Shape::compile(body.as_ref()?, self.environment, &layer.at.key("body"))?;
                Some(Body::Json(shape))
            }
            Slot::Form => {
                let at = layer.at.key("form");
                let shape = Shape::compile(form.as_ref()?, self.environment, &at)?;
                if !shape.may_be_map() {
                    at.error("form", "a form is a mapping", "as in `form: {name: value}`".to_owned());
                    return None;
                }
                Some(Body::Form(shape))
            }
            Slot::Text => {
                let at = layer.at.key("text");
                let text = Text::compile_escaped(text.as_deref()?, escape, self.environment, &at)?;
                Some(Body::Text(text, escape))
            }
        }
    }

    fn check_escape(&self, slot: Option<Slot>) -> bool {
        match self.layers.first() {
            Some(layer) if layer.spec.escape.is_some() && slot != Some(Slot::Text) => {
                let help = "JSON and form bodies are always escaped: remove it".to_owned();
                layer.at.key("escape").error("escape", "`escape` goes with `text`", help);
                false
            }
            _ => true,
        }
    }

    fn content_type(&self, slot: Option<Slot>) -> Option<Option<Text>> {
        let layers = self.describing(slot);
        let Some((layer, written)) =
            layers.filter_map(|layer| Some((layer, layer.spec.content_type.as_deref()?))).next()
        else {
            return Some(None);
        };
        let at = layer.at.key("content_type");
        let text = Text::compile(written, self.environment, &at)?;
        if text.constant().is_some_and(|constant| header_value(constant.real()).is_err()) {
            at.error("header-value", "the content type holds a control character", None);
            return None;
        }
        Some(Some(text))
    }

    fn headers(&self) -> Option<HeaderTexts> {
        let mut merged = HeaderTexts::new();
        let mut good = true;
        for layer in self.layers.iter().rev() {
            match headers::compile_headers(&layer.spec.headers, self.environment, &layer.at.key("headers")) {
                Some(compiled) => compiled.into_iter().for_each(|entry| replace(&mut merged, entry)),
                None => good = false,
            }
        }
        good.then_some(merged)
    }

    fn query(&self) -> Option<QueryTexts> {
        let mut merged = QueryTexts::new();
        let mut good = true;
        for layer in self.layers.iter().rev() {
            match headers::compile_query(&layer.spec.query, self.environment, &layer.at.key("query")) {
                Some(compiled) => compiled.into_iter().for_each(|entry| replace(&mut merged, entry)),
                None => good = false,
            }
        }
        good.then_some(merged)
    }
}

/// In place of an entry of the same name, else at the end.
fn replace<K: PartialEq, V>(merged: &mut Vec<(K, V)>, entry: (K, V)) {
    match merged.iter_mut().find(|(name, _)| *name == entry.0) {
        Some(earlier) => *earlier = entry,
        None => merged.push(entry),
    }
}

fn reads(body: &Body, content_type: Option<&Text>, headers: &HeaderTexts, query: &QueryTexts) -> Reads {
    let body = match body {
        Body::Unchanged => Reads::default(),
        Body::Json(shape) | Body::Form(shape) => shape.reads(),
        Body::Text(text, _) => text.reads(),
    };
    let headers = headers.iter().filter_map(|(_, text)| text.as_ref());
    let query = query.iter().filter_map(|(_, text)| text.as_ref());
    headers.chain(query).chain(content_type).map(Text::reads).fold(body, Reads::and)
}

impl Layer<'_> {
    fn slots(&self) -> impl Iterator<Item = (Slot, &'static str)> {
        let body = self.spec.body.as_ref().map(|_| (Slot::Body, "body"));
        let form = self.spec.form.as_ref().map(|_| (Slot::Form, "form"));
        let text = self.spec.text.as_ref().map(|_| (Slot::Text, "text"));
        [body, form, text].into_iter().flatten()
    }

    fn slot(&self) -> Option<Slot> {
        self.slots().next().map(|(slot, _)| slot)
    }

    fn has_one_slot(&self) -> bool {
        let mut slots = self.slots();
        let first = slots.next();
        let Some(((_, first), (_, second))) = first.zip(slots.next()) else { return true };
        let message = format!("`{second}` beside `{first}`: a request has one body");
        self.at.key(second).error("transform", message, "keep one of `body`, `form` and `text`".to_owned());
        false
    }
}
