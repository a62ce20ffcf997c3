//! Log lines on standard output: one per event, one per delivery, and what the process has to say.
//!
//! Lines of events and deliveries are typed and written directly, because they are on the hot path; everything else,
//! libraries included, comes through `tracing` and [`Log::install`]. A line is built by the caller and handed to a thread
//! that writes; nobody waits for standard output, and lines that do not fit in memory are dropped and counted.

mod layer;
mod line;
mod writer;

use crate::config::spec::{LogFormatSpec, LogLevelSpec};
use crate::telemetry::masking::Masked;
use crate::telemetry::otlp::Queue;
use crate::telemetry::trace_context::{SpanId, TraceId};
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use line::{Line, Style};
use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use writer::Writer;

/// How much a line matters; ERROR means that a person must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl From<LogLevelSpec> for Level {
    fn from(spec: LogLevelSpec) -> Level {
        match spec {
            LogLevelSpec::Error => Level::Error,
            LogLevelSpec::Warn => Level::Warn,
            LogLevelSpec::Info => Level::Info,
            LogLevelSpec::Debug => Level::Debug,
        }
    }
}

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    /// For a terminal.
    Human {
        colours: bool,
    },
}

impl Format {
    /// What is written, else human on a terminal and JSON elsewhere. Colours as the terminal and `NO_COLOR` say.
    pub fn for_stdout(written: Option<LogFormatSpec>) -> Format {
        let stdout = io::stdout();
        let written = written.unwrap_or(if stdout.is_terminal() { LogFormatSpec::Human } else { LogFormatSpec::Json });
        match written {
            LogFormatSpec::Json => Format::Json,
            LogFormatSpec::Human => {
                Format::Human { colours: anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never }
            }
        }
    }
}

/// Where lines go; cheap to clone.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    level: AtomicU8,
    format: Format,
    /// How `listening` and `ready` look: JSON wherever a program may read them.
    announcements: Format,
    writer: Writer,
    /// Where lines go besides.
    exported: OnceLock<Arc<Queue>>,
}

/// How long the end of the process waits for a reader that does not read.
const FLUSH: Duration = Duration::from_secs(2);

impl Log {
    /// Lines on standard output, from now on.
    pub fn to_stdout(level: Level, format: Format) -> Log {
        let terminal = io::stdout().is_terminal();
        let announcements = if terminal { format } else { Format::Json };
        Log::new(level, format, announcements, crate::stdout::write_lines)
    }

    /// Lines handed to `write`, several at a time and each with its line feed, on a thread of its own.
    pub fn to(level: Level, format: Format, write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static) -> Log {
        Log::new(level, format, format, write)
    }

    fn new(
        level: Level,
        format: Format,
        announcements: Format,
        write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> Log {
        let dropped = move |count: u64| {
            let mut buffer = Vec::new();
            let mut line = Line::begin(&mut buffer, style(format), Utc::now(), Level::Warn, "log lines dropped");
            line.number("dropped", count);
            line.end();
            buffer
        };
        Log(Arc::new(Inner {
            level: AtomicU8::new(level as u8),
            format,
            announcements,
            writer: Writer::start(write, dropped),
            exported: OnceLock::new(),
        }))
    }

    /// Whether a line of this level is written. Ask before anything is built for it.
    pub fn enabled(&self, level: Level) -> bool {
        level as u8 <= self.0.level.load(Ordering::Relaxed)
    }

    /// From now on.
    pub fn set_level(&self, level: Level) {
        self.0.level.store(level as u8, Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }

    /// Takes the lines of `tracing`, ours and those of libraries, and says where a thread panicked. Once per process;
    /// `false` where somebody else already has.
    pub fn install(&self) -> bool {
        use tracing_subscriber::layer::SubscriberExt;
        let log = self.clone();
        // Only the place: what a panic says may quote the payload that caused it.
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string);
            log.message(Level::Error, "panic", &[("place", place.as_deref().unwrap_or("unknown"))]);
        }));
        let subscriber = tracing_subscriber::registry().with(layer::LogLayer(self.clone()));
        tracing::subscriber::set_global_default(subscriber).is_ok()
    }

    /// One event, answered.
    pub fn event(&self, level: Level, event: &EventLine<'_>) {
        self.write(self.0.format, level, event.time, "event", |line| event.fields(line));
    }

    /// One delivery, ended.
    pub fn delivery(&self, level: Level, delivery: &DeliveryLine<'_>) {
        self.write(self.0.format, level, delivery.time, "delivery", |line| delivery.fields(line));
    }

    /// What the process has to say, with fields of text.
    pub fn message(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        self.write(self.0.format, level, Utc::now(), message, |line| {
            fields.iter().for_each(|(name, value)| line.text(name, value));
        });
    }

    /// `{"message":"listening","listener":"webhooks","address":"127.0.0.1:8080"}`: an interface for programs, so that it
    /// is written whatever the level. On standard output when this returns.
    pub fn listening(&self, listener: &str, address: SocketAddr) {
        self.announce("listening", |line| {
            line.text("listener", listener);
            line.text("address", &address.to_string());
        });
    }

    /// `{"message":"ready"}`, as [`listening`](Log::listening).
    pub fn ready(&self) {
        self.announce("ready", |_| {});
    }

    fn announce(&self, message: &str, fields: impl Fn(&mut Line<'_>)) {
        self.put(self.0.announcements, Level::Info, Utc::now(), message, fields);
        self.flush();
    }

    fn write(&self, format: Format, level: Level, time: DateTime<Utc>, message: &str, fields: impl Fn(&mut Line<'_>)) {
        if self.enabled(level) {
            self.put(format, level, time, message, fields);
        }
    }

    fn put(&self, format: Format, level: Level, time: DateTime<Utc>, message: &str, fields: impl Fn(&mut Line<'_>)) {
        with_scratch(|buffer| {
            let mut line = Line::begin(buffer, style(format), time, level, message);
            fields(&mut line);
            line.end();
            self.0.writer.push(buffer);
        });
        if let Some(exported) = self.0.exported.get() {
            with_scratch(|buffer| {
                let mut record = Line::begin(buffer, Style::Otlp, time, level, message);
                fields(&mut record);
                record.end();
                exported.push(buffer, 1);
            });
        }
    }

    /// Every line goes there as well, from now on. Once.
    pub fn export_to(&self, queue: Arc<Queue>) {
        // A second queue has nobody who would read it.
        let _ = self.0.exported.set(queue);
    }

    /// Lines that standard output was too slow for, so far.
    pub fn dropped_so_far(&self) -> u64 {
        self.0.writer.dropped_so_far()
    }

    /// Waits until every line so far is written, but not for ever. Call it before the process ends.
    pub fn flush(&self) {
        self.0.writer.flush(FLUSH);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.writer.flush(FLUSH);
    }
}

/// A buffer that is kept for the next line of the thread.
fn with_scratch(write: impl FnOnce(&mut Vec<u8>)) {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    // Taken, not borrowed: a panic while a line is built logs a line itself.
    let mut buffer = SCRATCH.take();
    buffer.clear();
    write(&mut buffer);
    if buffer.capacity() <= 64 * 1024 {
        SCRATCH.set(buffer);
    }
}

fn style(format: Format) -> Style {
    match format {
        Format::Json => Style::Json,
        Format::Human { colours } => Style::Human { colours },
    }
}

/// One event and its answer. Fields that are empty are left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventLine<'a> {
    pub time: DateTime<Utc>,
    pub request_id: &'a str,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub method: &'a str,
    pub path: &'a str,
    pub client_ip: Option<IpAddr>,
    /// The routes that took it, with a comma between them.
    pub route: &'a str,
    pub event_id: &'a str,
    /// As in the metrics: `delivered`, `duplicate`, `ignored`, `unauthorized`, ….
    pub outcome: &'a str,
    pub status: Option<u16>,
    pub duration: Duration,
    /// What went wrong, without values.
    pub error: &'a str,
    /// Why no route took it: the clause, and the key that was absent. What `dedupe` found.
    pub reason: &'a str,
    pub labels: &'a [(CompactString, String)],
    /// Only with `log.payloads: true`.
    pub payload: Option<&'a Masked>,
}

impl EventLine<'_> {
    fn fields(&self, line: &mut Line<'_>) {
        line.given("request_id", self.request_id);
        line.ids(self.trace_id, self.span_id);
        line.given("method", self.method);
        line.given("path", self.path);
        if let Some(ip) = self.client_ip {
            line.text("client_ip", &ip.to_string());
        }
        line.given("route", self.route);
        line.given("event_id", self.event_id);
        line.given("outcome", self.outcome);
        if let Some(status) = self.status {
            line.number("status", status.into());
        }
        line.milliseconds("duration_ms", self.duration);
        line.given("error", self.error);
        line.given("reason", self.reason);
        line.map("labels", self.labels);
        line.payload(self.payload);
    }
}

/// One delivery and its end. Fields that are empty are left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryLine<'a> {
    pub time: DateTime<Utc>,
    pub request_id: &'a str,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub route: &'a str,
    pub target: &'a str,
    /// The configured target that `choose` has found.
    pub chosen: Option<&'a str>,
    /// Of a batch, from 0.
    pub element: Option<usize>,
    pub event_id: &'a str,
    /// `success`, `timeout`, `refused`, ….
    pub outcome: &'a str,
    pub attempts: u32,
    /// Of the last answer.
    pub status: Option<u16>,
    pub duration: Duration,
    /// What went wrong, without values.
    pub error: &'a str,
    /// Why no further attempt was made.
    pub reason: &'a str,
    /// Who has the event instead.
    pub dead_letter: &'a str,
    pub labels: &'a [(CompactString, String)],
    /// Only with `log.payloads: true`.
    pub payload: Option<&'a Masked>,
}

impl DeliveryLine<'_> {
    fn fields(&self, line: &mut Line<'_>) {
        line.given("request_id", self.request_id);
        line.ids(self.trace_id, self.span_id);
        line.given("route", self.route);
        line.given("target", self.target);
        line.given("chosen", self.chosen.unwrap_or_default());
        if let Some(element) = self.element {
            line.number("element", u64::try_from(element).unwrap_or(u64::MAX));
        }
        line.given("event_id", self.event_id);
        line.given("outcome", self.outcome);
        line.number("attempts", self.attempts.into());
        if let Some(status) = self.status {
            line.number("status", status.into());
        }
        line.milliseconds("duration_ms", self.duration);
        line.given("error", self.error);
        line.given("reason", self.reason);
        line.given("dead_letter", self.dead_letter);
        line.map("labels", self.labels);
        line.payload(self.payload);
    }
}

#[cfg(test)]
mod tests;
