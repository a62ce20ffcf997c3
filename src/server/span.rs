//! The place of a delivery in its trace: a span of its own, and one for each attempt, passed on to the target. What its
//! attempts come to is counted on the way.

use super::meters::TargetMeter;
use crate::deliver::{Attempt, Observer};
use crate::telemetry::trace_context::Span;
use http::{HeaderName, HeaderValue};

/// One delivery, watched.
pub struct DeliverySpan {
    pub span: Span,
    pub meter: Option<TargetMeter>,
}

impl DeliverySpan {
    pub fn child_of(request: &Span, meter: Option<TargetMeter>) -> DeliverySpan {
        DeliverySpan { span: request.child(|| fastrand::u64(..)), meter }
    }
}

impl Observer for DeliverySpan {
    fn attempt_begins(&self, _number: u32) -> Vec<(HeaderName, HeaderValue)> {
        self.span.child(|| fastrand::u64(..)).headers()
    }

    fn attempt_ended(&self, attempt: &Attempt) {
        if let Some(meter) = &self.meter {
            meter.attempted(attempt, None);
        }
    }
}
