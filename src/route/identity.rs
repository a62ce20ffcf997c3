//! What identifies an event over its sender's retries: a compiled `dedupe`.
//!
//! The key alone is made here. What is remembered under it is [`crate::dedupe`]'s.

use super::compiled::names_one_of;
use crate::config;
use crate::config::spec::DedupeSpec;
use crate::diagnostic::At;
use crate::expr::{Environment, Evaluation, EvaluationError, Reads, Scope};
use crate::transform::Text;
use crate::verify::{Place, Verifier};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// How two events are known to be one, and how long that is of interest.
pub struct Identity {
    key: Key,
    /// As written, for `routes`.
    pub written: String,
    pub window: Duration,
}

enum Key {
    Written(Text),
    /// Where the provider puts its delivery id.
    Delivery(Place),
}

/// Senders that retry do so within minutes at first; those that go on for days say so in their documentation.
const WINDOW_DEFAULT: Duration = Duration::from_secs(600);

impl Identity {
    /// `at` is what has the key `dedupe`; `verifier` is the one beside it, where there are no mistakes in it. `None`:
    /// mistakes were reported.
    pub(super) fn compile_option(
        spec: Option<&DedupeSpec>,
        verifier: Option<&Verifier>,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Option<Arc<Identity>>> {
        spec.map_or(Some(None), |spec| Identity::compile(spec, verifier, environment, &at.key("dedupe")).map(Some))
    }

    fn compile(
        spec: &DedupeSpec,
        verifier: Option<&Verifier>,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Arc<Identity>> {
        let key = match spec.key.trim() {
            "auto" => delivery(verifier, &at.key("key")),
            _ => written(&spec.key, environment, &at.key("key")),
        };
        let window = spec.window.as_ref().map_or(Some(WINDOW_DEFAULT), |window| {
            let at = at.key("window");
            let window = config::duration(window, &at)?;
            if window.is_zero() {
                at.error("dedupe-window", "nothing would be remembered", "write how long, as 10m".to_owned());
            }
            Some(window).filter(|window| !window.is_zero())
        });
        Some(Arc::new(Identity { key: key?, written: spec.key.clone(), window: window? }))
    }

    pub(super) fn reads(&self) -> Reads {
        match &self.key {
            Key::Written(text) => text.reads(),
            Key::Delivery(place) => Reads { body: matches!(place, Place::Json(_)), ..Reads::default() },
        }
    }

    /// Whether two elements of a batch have two keys; `vars` are those that look at the element.
    pub(super) fn looks_at_element(&self, vars: &[&str]) -> bool {
        let Key::Written(text) = &self.key else { return false };
        let mut looks = text.reads().element;
        text.inputs(&mut |input| looks |= names_one_of(&input, vars));
        looks
    }

    /// `None` where it is absent, null or empty: such an event is one of its own.
    ///
    /// # Errors
    /// The expression is wrong, not merely about an absent key.
    pub(super) fn key(&self, scope: Scope<'_>) -> Result<Option<String>, EvaluationError> {
        let key = match &self.key {
            Key::Delivery(place) => place.text(scope.event).map(|id| within_params(id, scope)),
            Key::Written(text) => match text.value(&mut Evaluation::new(scope)) {
                Ok(value) => match value.present().filter(|value| !value.is_null()) {
                    Some(value) => {
                        let mut key = String::new();
                        value.write_text(&mut key)?;
                        Some(key)
                    }
                    None => None,
                },
                Err(EvaluationError::Absent { .. }) => None,
                Err(error) => return Err(error),
            },
        };
        Ok(key.filter(|key| !key.is_empty()))
    }
}

/// A provider's id is unique for one account of it, and `/hooks/{account}` takes several. The lengths keep values apart.
fn within_params(id: String, scope: Scope<'_>) -> String {
    if id.is_empty() {
        return id;
    }
    let mut key = String::new();
    for (_, value) in &scope.event.request.params {
        // Writing to a string cannot fail.
        let _ = write!(key, "{}:{value}", value.len());
    }
    key + &id
}

fn delivery(verifier: Option<&Verifier>, at: &At<'_>) -> Option<Key> {
    let provider = verifier?.provider();
    let place = provider.and_then(|provider| provider.delivery_id.clone());
    if place.is_none() {
        let message = match provider {
            Some(provider) => format!("no delivery id is known of the provider `{}`", provider.name),
            None => "`auto` is the delivery id of a provider, and `verify` names none".to_owned(),
        };
        let help = "write what identifies an event: '${headers[\"x-request-id\"]}', '${body.id}'".to_owned();
        at.error("dedupe-auto", message, help);
    }
    place.map(Key::Delivery)
}

fn written(key: &str, environment: &Environment<'_>, at: &At<'_>) -> Option<Key> {
    let text = Text::compile(key, environment, at)?;
    if text.constant().is_some() {
        let help = "write what identifies an event: '${body.id}', or `auto`".to_owned();
        at.error("dedupe-constant", "with this key every event is a repeat of the first", help);
        return None;
    }
    Some(Key::Written(text))
}

#[cfg(test)]
mod tests;
