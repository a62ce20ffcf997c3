//! Expressions as users write them, from source to value or diagnostic.

mod absent;
mod conformance;
mod diagnostics;
mod event;
mod hostile;
pub(in crate::expr) mod support;
mod textproto;
