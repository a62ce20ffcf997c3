//! The place of a delivery in its trace: a span of its own, and one for each attempt, passed on to the target.

use crate::deliver::{Attempt, Observer};
use crate::telemetry::trace_context::Span;
use http::{HeaderName, HeaderValue};

/// One delivery, watched.
pub struct DeliverySpan(pub Span);

impl DeliverySpan {
    pub fn child_of(request: &Span) -> DeliverySpan {
        DeliverySpan(request.child(|| fastrand::u64(..)))
    }
}

impl Observer for DeliverySpan {
    fn attempt_begins(&self, _number: u32) -> Vec<(HeaderName, HeaderValue)> {
        self.0.child(|| fastrand::u64(..)).headers()
    }

    fn attempt_ended(&self, _attempt: &Attempt) {}
}
