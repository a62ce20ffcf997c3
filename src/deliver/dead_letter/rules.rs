//! What a target that is named as a dead letter may not say: it gets a record whenever one is written, whole.

use crate::config::spec::TargetSpec;
use crate::deliver::layers::Layers;
use crate::deliver::target::Request;
use http::Method;

/// Keys that say when a target runs, and what its end means for the answer.
const CONDITIONS: [Condition; 5] = [
    ("when", |spec| spec.when.is_some()),
    ("required", |spec| spec.required.is_some()),
    ("after", |spec| spec.after.is_some()),
    ("on", |spec| spec.on.is_some()),
    ("otherwise", |spec| spec.otherwise.is_some()),
];

type Condition = (&'static str, fn(&TargetSpec) -> bool);

/// Reports those of [`CONDITIONS`] that are written.
pub(in crate::deliver) fn refuse_keys(layers: &Layers<'_>) -> Option<()> {
    let mut fine = Some(());
    for (key, is_written) in CONDITIONS {
        // A unit stands for the value, which may be of any type.
        if let Some((_, at)) = layers.first(key, |spec| is_written(spec).then_some(&())) {
            let message = format!("`{key}` says nothing of a dead letter: it runs whenever a delivery has failed");
            at.error_on_key(
                "dead-letter-key",
                message,
                "remove it, or name another target as the dead letter".to_owned(),
            );
            fine = None;
        }
    }
    fine
}

/// The record is the body: it needs one that carries it.
pub(in crate::deliver) fn fits(request: &Request, layers: &Layers<'_>) -> bool {
    if matches!(request.method, Method::GET | Method::HEAD)
        && let Some((_, at)) = layers.first("method", |spec| spec.method.as_ref())
    {
        let message = format!("a dead letter is a body, and {} carries none", request.method);
        at.error("dead-letter-method", message, "leave it out for POST".to_owned());
        return false;
    }
    let is_line = ["file:", "stdout:"].iter().any(|scheme| request.url.origin().starts_with(scheme));
    if is_line && let Some((_, at)) = layers.first("transform", |spec| spec.transform.as_ref()) {
        let help = "remove it; `hookswitch replay` reads the records as they are".to_owned();
        at.error_on_key("dead-letter-transform", "in a file the record is the line, and stays as it is", help);
        return false;
    }
    true
}
