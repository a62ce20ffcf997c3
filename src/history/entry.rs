//! One event or delivery as it is remembered. Texts of strangers are cut to a length, lists to a number.
//!
//! An entry holds copies of names, which are mostly short enough to need no memory of their own. It goes when a thousand others
//! have come: what it shared with a route or target would have to be fetched from afar for that, and was so for this event.

use super::ring::Bounded;
use crate::telemetry::trace_context::{SpanId, TraceId};
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use http::Method;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Name and value.
pub type Label = (CompactString, String);

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct EventEntry {
    /// When it was answered.
    pub time: DateTime<Utc>,
    pub request_id: Arc<str>,
    pub trace_id: TraceId,
    pub method: Method,
    /// The pattern of the endpoint, or the path itself where there is none.
    pub path: CompactString,
    pub client_ip: IpAddr,
    /// `delivered`, `ignored`, `refused`, …, as in the log.
    pub outcome: &'static str,
    pub status: u16,
    pub duration: Duration,
    /// What went wrong, without values; empty where nothing did.
    pub error: Cow<'static, str>,
    /// The routes that were asked, those that did not ignore it first of all.
    pub asked: Vec<Asked>,
    pub skipped: Vec<SkippedTarget>,
    pub labels: Vec<Label>,
}

/// What one route said to an event.
#[derive(Debug, Clone)]
pub struct Asked {
    pub route: CompactString,
    /// `taken`, `ignored`, `failed` or `rate_limited`.
    pub outcome: &'static str,
    /// The clause, and the key that was absent; what `dedupe` found. May be empty.
    pub reason: String,
}

/// A target that got nothing, although its route took the event.
#[derive(Debug, Clone)]
pub struct SkippedTarget {
    pub route: CompactString,
    pub target: CompactString,
    pub reason: String,
}

/// One delivery and its end.
#[derive(Debug, Clone)]
pub struct DeliveryEntry {
    /// When it ended.
    pub time: DateTime<Utc>,
    pub request_id: Arc<str>,
    pub trace_id: TraceId,
    /// `None`: no attempt was to be made.
    pub span_id: Option<SpanId>,
    pub route: CompactString,
    pub target: CompactString,
    /// The configured target that `choose` has found.
    pub chosen: Option<CompactString>,
    /// Of a batch, from 0.
    pub element: Option<usize>,
    /// `webhook-id` of the delivery; empty where it could not be built.
    pub event_id: String,
    /// `success`, or what the last attempt came to, as in the log.
    pub outcome: &'static str,
    pub attempts: Box<[AttemptEntry]>,
    /// In their order; most deliveries wait for nothing.
    pub waits: Box<[WaitEntry]>,
    pub duration: Duration,
    /// Why no further attempt was made, or why there was none.
    pub reason: Cow<'static, str>,
    /// Who holds the event in place of the target.
    pub dead_letter: Option<CompactString>,
    pub labels: Arc<[Label]>,
}

/// One exchange.
#[derive(Debug, Clone, Copy)]
pub struct AttemptEntry {
    pub number: u32,
    pub time: DateTime<Utc>,
    pub status: Option<u16>,
    pub outcome: &'static str,
    pub ambiguous: bool,
    pub duration: Duration,
}

/// A wait for a turn at the target, before an attempt.
#[derive(Debug, Clone, Copy)]
pub struct WaitEntry {
    pub time: DateTime<Utc>,
    /// `rate`, `concurrency` or `breaker`.
    pub reason: &'static str,
    pub duration: Duration,
}

impl DeliveryEntry {
    pub fn succeeded(&self) -> bool {
        self.outcome == "success"
    }

    /// Of the last answer.
    pub fn status(&self) -> Option<u16> {
        self.attempts.iter().rev().find_map(|attempt| attempt.status)
    }
}

/// Longest text that is kept, in bytes.
pub const TEXT_MAX: usize = 512;

/// Labels, routes and skipped targets that are kept of one entry.
pub const LIST_MAX: usize = 32;

/// Cut at a character, with a sign that it was.
fn shorten(text: &mut String) {
    if text.len() > TEXT_MAX {
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        text.push('…');
    }
}

fn shorten_cow(text: &mut Cow<'static, str>) {
    if text.len() > TEXT_MAX {
        shorten(text.to_mut());
    }
}

fn shorten_compact(text: &mut CompactString) {
    if text.len() > TEXT_MAX {
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        text.push('…');
    }
}

fn label_bytes(labels: &[Label]) -> usize {
    labels.iter().map(|(name, value)| size_of::<Label>() + name.len() + value.len()).sum()
}

impl Bounded for EventEntry {
    fn shorten(&mut self) {
        shorten_compact(&mut self.path);
        shorten_cow(&mut self.error);
        self.asked.truncate(LIST_MAX);
        self.asked.iter_mut().for_each(|asked| shorten(&mut asked.reason));
        self.skipped.truncate(LIST_MAX);
        self.skipped.iter_mut().for_each(|skipped| shorten(&mut skipped.reason));
        self.labels.truncate(LIST_MAX);
        self.labels.iter_mut().for_each(|(_, value)| shorten(value));
    }

    fn bytes(&self) -> usize {
        let asked = self.asked.iter().map(|asked| size_of::<Asked>() + asked.reason.len()).sum::<usize>();
        let skipped =
            self.skipped.iter().map(|skipped| size_of::<SkippedTarget>() + skipped.reason.len()).sum::<usize>();
        let texts = self.request_id.len() + self.path.len() + self.error.len();
        size_of::<EventEntry>() + texts + asked + skipped + label_bytes(&self.labels)
    }
}

impl Bounded for DeliveryEntry {
    /// Labels are shared with the log line, so that they are copied only where they are too long.
    fn shorten(&mut self) {
        shorten(&mut self.event_id);
        shorten_cow(&mut self.reason);
        let long = self.labels.len() > LIST_MAX || self.labels.iter().any(|(_, value)| value.len() > TEXT_MAX);
        if long {
            let mut own: Vec<Label> = self.labels.iter().take(LIST_MAX).cloned().collect();
            own.iter_mut().for_each(|(_, value)| shorten(value));
            self.labels = own.into();
        }
    }

    fn bytes(&self) -> usize {
        let texts = self.request_id.len() + self.event_id.len();
        let attempts = self.attempts.len() * size_of::<AttemptEntry>() + self.waits.len() * size_of::<WaitEntry>();
        size_of::<DeliveryEntry>() + texts + self.reason.len() + attempts + label_bytes(&self.labels)
    }
}
