//! Spans of requests, written as OTLP as they end.
//!
//! A request gathers its spans in one buffer and hands it over when it is answered: one lock of the queue for a whole
//! tree, and no allocation for any attribute. Nothing is built for a trace that is not sampled. Which spans there are,
//! and their attributes, is `server::record`'s business.

use super::otlp::Queue;
use super::otlp::wire::{Attributes, Message};
use super::trace_context::{Sampler, Span, SpanId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where spans go; cheap to clone.
#[derive(Clone, Default)]
pub struct Tracer {
    sampler: Arc<Sampler>,
    /// `None`: nowhere.
    spans: Option<Arc<Queue>>,
}

impl Tracer {
    pub fn new(sampler: Sampler, spans: Option<Arc<Queue>>) -> Tracer {
        // Without a tracer of our own the decision is left to those who have one.
        let sampler = if spans.is_some() { sampler } else { Sampler::default() };
        Tracer { sampler: Arc::new(sampler), spans }
    }

    pub fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// For the spans of a request; `None` where its trace is not recorded.
    pub fn record(&self, request: &Span) -> Option<Recording> {
        let queue = self.spans.clone().filter(|_| request.sampled)?;
        let gathered = Gathered { bytes: Vec::with_capacity(ROOM), spans: 0, is_open: true };
        Some(Recording { queue, gathered: Mutex::new(gathered) })
    }
}

/// Enough for the spans of a plain request.
const ROOM: usize = 2048;

/// The spans of one request.
pub struct Recording {
    queue: Arc<Queue>,
    gathered: Mutex<Gathered>,
}

struct Gathered {
    bytes: Vec<u8>,
    spans: usize,
    is_open: bool,
}

/// What a span is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

/// A span that has ended.
pub struct Ended<'a> {
    pub span: &'a Span,
    pub kind: Kind,
    /// In pieces.
    pub name: [&'a str; 3],
    /// In nanoseconds since 1970.
    pub began: u64,
    pub ended: u64,
    /// What went wrong; `None` where nothing did.
    pub error: Option<&'a str>,
    /// Another span of the trace that it belongs to.
    pub link: Option<SpanId>,
    /// The parent is somebody else's.
    pub is_remote: bool,
}

/// Flags of a span: the lower eight are those of W3C, then whether the parent is remote, and whether that is known.
const IS_SAMPLED: u32 = 0x01;
const REMOTE_IS_KNOWN: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;
/// `STATUS_CODE_ERROR`
const ERROR: u64 = 2;

impl Recording {
    pub fn span(&self, ended: &Ended<'_>, attributes: impl FnOnce(&mut Attributes<'_, '_>)) {
        let mut gathered = self.gathered();
        Message::new(&mut gathered.bytes).nested(SPANS, |message| write(message, ended, attributes));
        gathered.spans += 1;
        if !gathered.is_open {
            self.hand_over(&mut gathered);
        }
    }

    /// The request is answered. Spans that end later are handed over one by one.
    pub fn close(&self) {
        let mut gathered = self.gathered();
        gathered.is_open = false;
        self.hand_over(&mut gathered);
    }

    fn hand_over(&self, gathered: &mut Gathered) {
        if gathered.spans > 0 {
            self.queue.push(&gathered.bytes, gathered.spans);
            gathered.bytes.clear();
            gathered.spans = 0;
        }
    }

    /// A panic while a span is written would leave a part of one: then what was gathered is of no use, and goes.
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(|poisoned| {
            let mut gathered = PoisonError::into_inner(poisoned);
            gathered.bytes.clear();
            gathered.spans = 0;
            self.gathered.clear_poison();
            gathered
        })
    }
}

/// Field of `ScopeSpans`.
const SPANS: u64 = 2;

/// `opentelemetry.proto.trace.v1.Span`
fn write(message: &mut Message<'_>, ended: &Ended<'_>, attributes: impl FnOnce(&mut Attributes<'_, '_>)) {
    let span = ended.span;
    message.bytes(1, &span.trace_id.0.to_be_bytes());
    message.bytes(2, &span.span_id.0.to_be_bytes());
    if let Some(state) = span.state() {
        message.text(3, state);
    }
    if let Some(parent) = span.parent_id {
        message.bytes(4, &parent.0.to_be_bytes());
    }
    message.texts(5, &ended.name);
    message.number(6, ended.kind as u64);
    message.fixed64(7, ended.began);
    message.fixed64(8, ended.ended.max(ended.began));
    attributes(&mut message.attributes(9));
    if let Some(first) = ended.link {
        message.nested(13, |link| {
            link.bytes(1, &span.trace_id.0.to_be_bytes());
            link.bytes(2, &first.0.to_be_bytes());
            link.fixed32(6, IS_SAMPLED | REMOTE_IS_KNOWN);
        });
    }
    if let Some(error) = ended.error {
        message.nested(15, |status| {
            status.text(2, error);
            status.number(3, ERROR);
        });
    }
    message.fixed32(16, IS_SAMPLED | REMOTE_IS_KNOWN | if ended.is_remote { IS_REMOTE } else { 0 });
}
