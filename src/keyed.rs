//! Values chosen by a key of the event: one route for many tenants, each with a secret of its own.
//!
//! What a value is, and what an unknown key means, is the caller's: `verify` refuses it as it refuses a wrong secret, a
//! target is sent nothing.

use crate::config::spec::{KeyedSpec, Ordered};
use crate::diagnostic::At;
use crate::expr::{Environment, Evaluation, EvaluationError, Expression};

/// A value for each key.
pub struct Keyed<T> {
    by: Expression,
    values: Ordered<T>,
}

impl<T> Keyed<T> {
    /// `at` is the mapping with `by` and `values`; `make` reports what is wrong with a value at its place.
    pub fn compile<S>(
        spec: &KeyedSpec<S>,
        environment: &Environment<'_>,
        at: &At<'_>,
        mut make: impl FnMut(&S, &At<'_>) -> Option<T>,
    ) -> Option<Keyed<T>> {
        let by = expression(&spec.by, environment, &at.key("by"));
        let at = at.key("values");
        if spec.values.is_empty() {
            at.error("keyed-empty", "no key has a value", "write them as `values: {KEY: VALUE}`".to_owned());
            return None;
        }
        let values = spec.values.iter().map(|(key, value)| Some((key.clone(), make(value, &at.key(key))?)));
        // Collected first, so that a mistake in one value does not hide those of the next.
        let values = values.collect::<Vec<_>>().into_iter().collect::<Option<_>>();
        Some(Keyed { by: by?, values: values? })
    }

    /// What the key is computed from.
    pub fn by(&self) -> &Expression {
        &self.by
    }

    /// The value of this event's key; `None` where the key is absent, cannot be computed, or is not one of them.
    pub fn find(&self, evaluation: &mut Evaluation<'_>) -> Option<&T> {
        self.choose(evaluation).ok()?
    }

    /// As [`Keyed::find`], and says why there is no key.
    ///
    /// # Errors
    /// The key is absent, or cannot be computed. `None` is one that has no value.
    pub fn choose(&self, evaluation: &mut Evaluation<'_>) -> Result<Option<&T>, EvaluationError> {
        let absent = || EvaluationError::Absent { path: self.by.source().to_owned() };
        let value = self.by.evaluate(evaluation)?.present().ok_or_else(absent)?;
        let mut key = String::new();
        value.write_text(&mut key)?;
        Ok(self.values.get(&key))
    }

    /// In the order as written.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.values.values()
    }

    /// Each value in place of another one.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Keyed<U> {
        let Keyed { by, values } = self;
        let (keys, values): (Vec<String>, Vec<T>) = values.into_iter().unzip();
        Keyed { by, values: keys.into_iter().zip(values.into_iter().map(make)).collect() }
    }
}

fn expression(written: &str, environment: &Environment<'_>, at: &At<'_>) -> Option<Expression> {
    let written = Expression::compile_whole(written, environment, at)?;
    if written.is_none() {
        let help = "write one expression, as '${params.account}'".to_owned();
        at.error("keyed-by", "this names no key of the event", help);
    }
    written
}
