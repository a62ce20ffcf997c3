//! What comes through `tracing`: messages of the process, and warnings of libraries.

use super::line::Line;
use super::{Level, Log};
use chrono::Utc;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

pub(super) struct LogLayer(pub(super) Log);

impl LogLayer {
    /// Libraries speak from WARN up: what they say below is about themselves, and may quote what they carry.
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let level = level(metadata.level());
        let ours = metadata.target().split("::").next() == Some(env!("CARGO_PKG_NAME"));
        metadata.is_event() && self.0.enabled(level) && (ours || level <= Level::Warn)
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let level = level(event.metadata().level());
        self.0.write(self.0.0.format, level, Utc::now(), &message.0, |line| event.record(&mut Fields(line)));
    }
}

fn level(level: &tracing::Level) -> Level {
    match *level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        _ => Level::Debug,
    }
}

const MESSAGE: &str = "message";

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == MESSAGE {
            self.0 = format!("{value:?}");
        }
    }
}

struct Fields<'a, 'b>(&'a mut Line<'b>);

impl Visit for Fields<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.text(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.plain(field.name(), format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.plain(field.name(), format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.number(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != MESSAGE {
            self.0.text(field.name(), &format!("{value:?}"));
        }
    }
}
