//! W3C Trace Context, level 2 (<https://www.w3.org/TR/trace-context-2/>): what a sender's headers say, and what ours do.
//!
//! Anything malformed or doubled starts a new trace; a valid `tracestate` is handed on whole. Exporting spans is another
//! module's business.

mod state;

use crate::event::TraceContext;
use http::{HeaderMap, HeaderName, HeaderValue};

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const SAMPLED: u8 = 0x01;
/// Level 2, section 3.3.1.5: at least the right-most seven bytes of the trace id are random.
const RANDOM: u8 = 0x02;

/// What the sender's headers say, found valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    pub context: TraceContext,
    /// Whether the trace id is known to be random; goes with the trace id wherever that goes.
    pub random: bool,
}

/// One operation of ours in a trace: the event as a whole, or one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// `None` where this span begins the trace.
    pub parent_id: Option<String>,
    pub sampled: bool,
    pub random: bool,
    pub state: Option<String>,
}

/// Reads `traceparent` and `tracestate`. `None`: there is no valid one, a new trace begins.
pub fn parse(headers: &HeaderMap) -> Option<Inbound> {
    let mut lines = headers.get_all(TRACEPARENT).iter();
    let line = lines.next().filter(|_| lines.next().is_none())?;
    let (trace_id, parent_id, flags) = parse_parent(line.to_str().ok()?)?;
    let state = state::parse(headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes));
    let sampled = flags & SAMPLED != 0;
    let context = TraceContext { trace_id: trace_id.to_owned(), parent_id: parent_id.to_owned(), sampled, state };
    Some(Inbound { context, random: flags & RANDOM != 0 })
}

/// `version-trace_id-parent_id-flags`; a later version than 00 may go on after another dash (section 4.3).
fn parse_parent(text: &str) -> Option<(&str, &str, u8)> {
    let (version, rest) = text.split_at_checked(2)?;
    let (trace_id, rest) = rest.strip_prefix('-')?.split_at_checked(32)?;
    let (parent_id, rest) = rest.strip_prefix('-')?.split_at_checked(16)?;
    let (flags, rest) = rest.strip_prefix('-')?.split_at_checked(2)?;
    let hex = [version, trace_id, parent_id, flags].iter().all(|part| part.bytes().all(is_lower_hex));
    let ends = rest.is_empty() || (version != "00" && rest.starts_with('-'));
    let null = [trace_id, parent_id].iter().any(|id| id.bytes().all(|byte| byte == b'0'));
    if !hex || !ends || null || version == "ff" {
        return None;
    }
    Some((trace_id, parent_id, u8::from_str_radix(flags, 16).ok()?))
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

impl Span {
    /// The span of a request: continues the sender's trace, or begins one, which is then sampled as `sampled` says.
    /// `random` is chance: 64 bits each time it is called.
    pub fn of_request(inbound: Option<&Inbound>, sampled: bool, mut random: impl FnMut() -> u64) -> Span {
        let span_id = span_id(&mut random);
        match inbound {
            Some(Inbound { context, random }) => Span {
                trace_id: context.trace_id.clone(),
                span_id,
                parent_id: Some(context.parent_id.clone()),
                sampled: context.sampled,
                random: *random,
                state: context.state.clone(),
            },
            None => {
                let (high, low) = (random(), non_zero(&mut random));
                let trace_id = format!("{high:016x}{low:016x}");
                Span { trace_id, span_id, parent_id: None, sampled, random: true, state: None }
            }
        }
    }

    /// A span inside this one: a delivery, an attempt.
    pub fn child(&self, mut random: impl FnMut() -> u64) -> Span {
        Span { span_id: span_id(&mut random), parent_id: Some(self.span_id.clone()), ..self.clone() }
    }

    /// For the request that this span is about. We write version 00 and clear flags we do not know.
    pub fn traceparent(&self) -> HeaderValue {
        let flags = u8::from(self.sampled) * SAMPLED + u8::from(self.random) * RANDOM;
        let text = format!("00-{}-{}-{flags:02x}", self.trace_id, self.span_id);
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// What to send along: `traceparent`, and `tracestate` where the sender gave one.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let state = self.state.as_deref().and_then(|state| HeaderValue::from_str(state).ok());
        let parent = std::iter::once((TRACEPARENT, self.traceparent()));
        parent.chain(state.map(|state| (TRACESTATE, state))).collect()
    }
}

fn span_id(random: &mut impl FnMut() -> u64) -> String {
    format!("{:016x}", non_zero(random))
}

/// An id of zeros is invalid (section 3.2.2.3). A generator that only ever gives zeros must not hang us.
fn non_zero(random: &mut impl FnMut() -> u64) -> u64 {
    random().max(1)
}

#[cfg(test)]
mod tests;
