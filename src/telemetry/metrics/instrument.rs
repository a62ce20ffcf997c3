//! What counts: a few atomics each, so that counting on the hot path is an addition.

use super::definition::{BUCKETS_MAX, Kind};
use crate::telemetry::trace_context::{SpanId, TraceId};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What one series of a metric holds.
pub trait Instrument: Send + Sync {
    fn new(kind: Kind) -> Self;
    fn reading(&self) -> Reading;
}

/// A series at one moment.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    Counter(u64),
    Gauge(i64),
    Histogram(Distribution),
}

#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// To what is counted elsewhere.
    pub fn raise_to(&self, count: u64) {
        self.0.fetch_max(count, Ordering::Relaxed);
    }
}

impl Instrument for Counter {
    fn new(_: Kind) -> Counter {
        Counter::default()
    }

    fn reading(&self) -> Reading {
        Reading::Counter(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn add(&self, more: i64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }
}

impl Instrument for Gauge {
    fn new(_: Kind) -> Gauge {
        Gauge::default()
    }

    fn reading(&self) -> Reading {
        Reading::Gauge(self.0.load(Ordering::Relaxed))
    }
}

/// Durations, by bucket. Their sum is kept in nanoseconds: whole numbers can be added without a lock.
///
/// In this order, so that a short duration, as most are, is counted in one line of the cache.
#[derive(Debug)]
#[repr(C)]
pub struct Histogram {
    bounds: &'static [f64],
    nanoseconds: AtomicU64,
    /// One more than there are bounds is in use: the last of these takes what is above all of them.
    counts: [AtomicU64; BUCKETS_MAX],
    /// By bucket; empty until there is one.
    exemplars: Mutex<Box<[Option<Exemplar>]>>,
}

/// One observation that a trace can be looked up for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub seconds: f64,
    /// In nanoseconds since 1970.
    pub time: u64,
}

/// The span whose duration is observed, and when that was.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub time: u64,
}

/// A histogram at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    pub bounds: &'static [f64],
    /// Each bucket's own.
    pub counts: Vec<u64>,
    pub seconds: f64,
    /// By bucket.
    pub exemplars: Vec<Option<Exemplar>>,
}

impl Distribution {
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Histogram {
    fn buckets(&self) -> usize {
        self.bounds.len() + 1
    }

    /// `seen` only where the trace is sampled: an exemplar must lead somewhere.
    pub fn observe(&self, duration: Duration, seen: Option<Seen>) {
        let seconds = duration.as_secs_f64();
        let bucket = self.bounds.iter().position(|bound| seconds <= *bound).unwrap_or(self.bounds.len());
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.nanoseconds.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let Some(Seen { trace_id, span_id, time }) = seen else { return };
        // Any one will do: where another thread is at it, this one is left out.
        let Ok(mut exemplars) = self.exemplars.try_lock() else { return };
        if exemplars.is_empty() {
            *exemplars = vec![None; self.buckets()].into();
        }
        if let Some(place) = exemplars.get_mut(bucket) {
            *place = Some(Exemplar { trace_id, span_id, seconds, time });
        }
    }
}

impl Instrument for Histogram {
    fn new(kind: Kind) -> Histogram {
        let bounds = if let Kind::Histogram(bounds) = kind { bounds } else { &[] };
        Histogram { bounds, counts: Default::default(), nanoseconds: AtomicU64::new(0), exemplars: Mutex::default() }
    }

    fn reading(&self) -> Reading {
        let mut exemplars = self.exemplars.lock().unwrap_or_else(PoisonError::into_inner).to_vec();
        exemplars.resize(self.buckets(), None);
        Reading::Histogram(Distribution {
            bounds: self.bounds,
            counts: self.counts.iter().take(self.buckets()).map(|count| count.load(Ordering::Relaxed)).collect(),
            seconds: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64(),
            exemplars,
        })
    }
}
