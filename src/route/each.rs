//! A batch and its elements, each of which is an event of its own: a compiled `each`.

use super::decide::Ignored;
use crate::body::Parsed;
use crate::config;
use crate::config::spec::EachSpec;
use crate::diagnostic::At;
use crate::event::{Element, Event};
use crate::expr::{Environment, Evaluation, EvaluationError, Reads, Scope, Value};
use crate::transform::Text;
use bytes::Bytes;
use std::sync::Arc;

/// Where the elements of a batch are.
pub struct Each {
    list: Text,
    /// `absent: error` of the route: a list that is not there fails the webhook.
    absent_fails: bool,
    max: usize,
}

const MAX_DEFAULT: u32 = 1_000;
const MAX_MOST: u32 = 10_000;

impl Each {
    pub(super) fn compile_option(
        spec: Option<&EachSpec>,
        absent_fails: bool,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Option<Each>> {
        let Some(spec) = spec else { return Some(None) };
        let at = at.key("each");
        let list = Text::compile(&spec.list, environment, &at.key("in")).filter(|list| {
            if list.constant().is_some() {
                let help = "write an expression: '${body.events}'".to_owned();
                at.key("in").error("each-constant", "this is the same text for every webhook, and no list", help);
            }
            list.constant().is_none()
        });
        let max = spec.max.as_ref().map_or(Some(MAX_DEFAULT), |max| config::scalar(max, &at.key("max")));
        if max.is_some_and(|max| !(1..=MAX_MOST).contains(&max)) {
            at.key("max").error("each-max", format!("a batch has 1 to {MAX_MOST} elements"), None);
            return None;
        }
        Some(Some(Each { list: list?, absent_fails, max: max? as usize }))
    }

    pub(super) fn reads(&self) -> Reads {
        self.list.reads()
    }

    /// The elements as events, in their order; or why there are none.
    ///
    /// # Errors
    /// What is there is no list, or one of too many elements.
    pub(super) fn split(
        &self,
        event: &Event,
        scope: Scope<'_>,
    ) -> Result<Result<Vec<Arc<Event>>, Ignored>, EvaluationError> {
        let value = match self.list.value(&mut Evaluation::new(scope)) {
            Ok(value) => value.present(),
            Err(EvaluationError::Absent { path }) if !self.absent_fails => return Ok(Err(Ignored::NoBatch(path))),
            Err(error) => return Err(error),
        };
        // Some senders write null for a list of none.
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Err(Ignored::EmptyBatch)) };
        let Some(elements) = value.elements() else {
            return Err(EvaluationError::Wrong(format!("`each.in` gives {}, not a list", value.type_name())));
        };
        if elements.len() > self.max {
            return Err(EvaluationError::Wrong(format!("the batch has more than {} elements", self.max)));
        }
        if elements.is_empty() {
            return Ok(Err(Ignored::EmptyBatch));
        }
        let events = elements.iter().enumerate().map(|(index, value)| element(event, index, value).map(Arc::new));
        events.collect::<Result<Vec<Arc<Event>>, EvaluationError>>().map(Ok)
    }
}

/// The element as if it had come by itself, as JSON.
fn element(event: &Event, index: usize, value: &Value) -> Result<Event, EvaluationError> {
    let body = value.to_document()?;
    let mut json = Vec::new();
    body.root().write_json(&mut json);
    let json = Bytes::from(json);
    let element = Element { index, batch: event.parsed.clone() };
    Ok(Event {
        request: event.request.clone(),
        bytes: json.clone(),
        parsed: Some(Parsed { text: json, body }),
        element: Some(element),
    })
}
