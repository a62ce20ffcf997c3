//! Whole targets: compiled from YAML and prepared. What deliveries do on the wire is in [`super::delivery`]'s tests.

mod compiled;
mod keyed;
mod prepared;
pub(super) mod support;
