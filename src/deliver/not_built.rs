//! Why there is no request to send.

use super::outcome::Outcome;
use crate::expr::EvaluationError;
use std::sync::Arc;

/// The request could not be built: nothing was sent, and the same event would fare no better.
///
/// Shows what is written, never what an event has there: that may be anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotBuilt {
    #[error(transparent)]
    Expression(#[from] EvaluationError),
    /// The event has nothing that `auth` could choose by.
    #[error("`auth` chooses credentials by {by}, which is absent")]
    NoKey { by: Arc<str> },
    /// `auth` has nothing for what the event has there.
    #[error("`auth` chooses credentials by {by}, and has none for what that gives")]
    UnknownKey { by: Arc<str> },
}

impl NotBuilt {
    /// What the delivery comes to.
    pub fn outcome(&self) -> Outcome {
        match self {
            NotBuilt::Expression(_) => Outcome::Expression,
            NotBuilt::NoKey { .. } | NotBuilt::UnknownKey { .. } => Outcome::Credentials,
        }
    }
}
