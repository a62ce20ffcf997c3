//! Which traces are recorded.
//!
//! The decision for a part of all traces is made on the trace id, as the OpenTelemetry SDKs make it, so that services
//! with the same part agree on the traces.

use super::TraceId;

/// Decides once for each request; all its spans follow.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    /// Trace ids below are recorded, of 2^63.
    below: u64,
    /// What the sender decided holds.
    follows_sender: bool,
}

/// Why a sampler cannot be made of what `OTEL_TRACES_SAMPLER` says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is none of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off and \
     parentbased_traceidratio with a number from 0 to 1"
)]
pub struct SamplerError(String);

const ALL: u64 = 1 << 63;

impl Sampler {
    /// This part of the traces that begin here, and those that senders record.
    pub fn parent_based(part: f64) -> Sampler {
        Sampler { below: threshold(part), follows_sender: true }
    }

    /// As the standard variables say: `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    ///
    /// # Errors
    /// There is no such sampler, or its argument is no part.
    pub fn named(name: &str, argument: Option<&str>) -> Result<Sampler, SamplerError> {
        let fail = || SamplerError([name, argument.unwrap_or_default()].join(" ").trim_end().to_owned());
        let part = || match argument {
            None => Ok(1.0),
            Some(text) => text.trim().parse().ok().filter(|part| (0.0..=1.0).contains(part)).ok_or_else(fail),
        };
        let (part, follows_sender) = match name {
            "always_on" => (1.0, false),
            "always_off" => (0.0, false),
            "traceidratio" => (part()?, false),
            "parentbased_always_on" => (1.0, true),
            "parentbased_always_off" => (0.0, true),
            "parentbased_traceidratio" => (part()?, true),
            _ => return Err(fail()),
        };
        Ok(Sampler { below: threshold(part), follows_sender })
    }

    pub(super) fn begins(&self, trace_id: TraceId) -> bool {
        let low = (trace_id.0 & u128::from(u64::MAX)) as u64;
        (low >> 1) < self.below
    }

    pub(super) fn continues(&self, trace_id: TraceId, sampled: bool) -> bool {
        if self.follows_sender { sampled } else { self.begins(trace_id) }
    }
}

/// Without a tracer of our own the decision to record a new trace is left to those who have one.
impl Default for Sampler {
    fn default() -> Sampler {
        Sampler::parent_based(1.0)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of 2^63 is one of its whole numbers, as near as a float can say"
)]
fn threshold(part: f64) -> u64 {
    if part >= 1.0 { ALL } else { (part.max(0.0) * ALL as f64) as u64 }
}
