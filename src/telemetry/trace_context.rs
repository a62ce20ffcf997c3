//! W3C Trace Context, level 2 (<https://www.w3.org/TR/trace-context-2/>), and Baggage: what a sender's headers say, and
//! what ours do.
//!
//! Anything malformed or doubled starts a new trace; a valid `tracestate` is handed on whole. Which new traces are sampled
//! is a [`Sampler`]'s decision, recording and exporting spans is [`super::traces`]' business.

mod baggage;
mod id;
mod sampler;
mod state;

pub use baggage::BAGGAGE;
pub use id::{Digits, SpanId, TraceId};
pub use sampler::{Sampler, SamplerError};

use crate::hex;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const SAMPLED: u8 = 0x01;
/// Level 2, section 3.3.1.5: at least the right-most seven bytes of the trace id are random.
const RANDOM: u8 = 0x02;

/// What the sender's headers say, found valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    pub trace_id: TraceId,
    pub parent_id: SpanId,
    pub sampled: bool,
    /// Whether the trace id is known to be random; goes with the trace id wherever that goes.
    pub random: bool,
    pub state: Option<String>,
}

/// One operation of ours in a trace: the event as a whole, a delivery, an attempt. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// `None` where this span begins the trace.
    pub parent_id: Option<SpanId>,
    pub sampled: bool,
    pub random: bool,
    /// The same for all spans of a request.
    carried: Option<Arc<Carried>>,
}

/// What the sender gave to be handed on.
#[derive(Debug, PartialEq, Eq)]
struct Carried {
    state: Option<HeaderValue>,
    baggage: Option<HeaderValue>,
}

/// Reads `traceparent` and `tracestate`. `None`: there is no valid one, a new trace begins.
pub fn parse(headers: &HeaderMap) -> Option<Inbound> {
    let mut lines = headers.get_all(TRACEPARENT).iter();
    let line = lines.next().filter(|_| lines.next().is_none())?;
    let (trace_id, parent_id, flags) = parse_parent(line.to_str().ok()?)?;
    let state = state::parse(headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes));
    Some(Inbound { trace_id, parent_id, sampled: flags & SAMPLED != 0, random: flags & RANDOM != 0, state })
}

/// `version-trace_id-parent_id-flags`; a later version than 00 may go on after another dash (section 4.3).
fn parse_parent(text: &str) -> Option<(TraceId, SpanId, u8)> {
    let (version, rest) = text.split_at_checked(2)?;
    let (trace_id, rest) = rest.strip_prefix('-')?.split_at_checked(32)?;
    let (parent_id, rest) = rest.strip_prefix('-')?.split_at_checked(16)?;
    let (flags, rest) = rest.strip_prefix('-')?.split_at_checked(2)?;
    let hex = [version, trace_id, parent_id, flags].iter().all(|part| part.bytes().all(is_lower_hex));
    let ends = rest.is_empty() || (version != "00" && rest.starts_with('-'));
    if !hex || !ends || version == "ff" {
        return None;
    }
    Some((TraceId::parse(trace_id)?, SpanId::parse(parent_id)?, u8::from_str_radix(flags, 16).ok()?))
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

impl Span {
    /// The span of a request: continues the sender's trace, or begins one. `random` is chance: 64 bits each time it is
    /// called.
    pub fn of_request(headers: &HeaderMap, sampler: &Sampler, mut random: impl FnMut() -> u64) -> Span {
        let span_id = span_id(&mut random);
        let inbound = parse(headers);
        let state = inbound.as_ref().and_then(|inbound| inbound.state.as_deref());
        let state = state.and_then(|state| HeaderValue::from_str(state).ok());
        let baggage = baggage::parse(headers);
        let carried = (state.is_some() || baggage.is_some()).then(|| Arc::new(Carried { state, baggage }));
        match inbound {
            Some(Inbound { trace_id, parent_id, sampled, random, .. }) => {
                let sampled = sampler.continues(trace_id, sampled);
                Span { trace_id, span_id, parent_id: Some(parent_id), sampled, random, carried }
            }
            None => {
                let (high, low) = (random(), non_zero(&mut random));
                let trace_id = TraceId((u128::from(high) << 64) | u128::from(low));
                let sampled = sampler.begins(trace_id);
                Span { trace_id, span_id, parent_id: None, sampled, random: true, carried }
            }
        }
    }

    /// A span inside this one: a delivery, an attempt.
    pub fn child(&self, mut random: impl FnMut() -> u64) -> Span {
        Span { span_id: span_id(&mut random), parent_id: Some(self.span_id), ..self.clone() }
    }

    /// The `tracestate` that goes with it.
    pub fn state(&self) -> Option<&str> {
        self.carried.as_ref()?.state.as_ref()?.to_str().ok()
    }

    /// For the request that this span is about. We write version 00 and clear flags we do not know.
    pub fn traceparent(&self) -> HeaderValue {
        let flags = u8::from(self.sampled) * SAMPLED + u8::from(self.random) * RANDOM;
        let (trace_id, span_id) = (self.trace_id.digits(), self.span_id.digits());
        let mut text = String::with_capacity(55);
        for part in ["00-", trace_id.as_str(), "-", span_id.as_str(), "-"] {
            text.push_str(part);
        }
        hex::append(&mut text, &[flags]);
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// Sends it along: `traceparent`, and `tracestate` and `baggage` where the sender gave them.
    pub fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, self.traceparent());
        let Some(carried) = &self.carried else { return };
        for (name, value) in [(TRACESTATE, &carried.state), (BAGGAGE, &carried.baggage)] {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
    }
}

/// An id of its own, as chance gives it.
fn span_id(random: &mut impl FnMut() -> u64) -> SpanId {
    SpanId(non_zero(random))
}

/// An id of zeros is invalid (section 3.2.2.3). A generator that only ever gives zeros must not hang us.
fn non_zero(random: &mut impl FnMut() -> u64) -> u64 {
    random().max(1)
}

#[cfg(test)]
mod tests;
