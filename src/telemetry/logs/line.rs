//! One line, as JSON or for people. Whatever the values are, it stays one line and moves no cursor.

use super::Level;
use crate::telemetry::masking::Masked;
use crate::telemetry::otlp::wire::Message;
use crate::telemetry::trace_context::{SpanId, TraceId};
use chrono::{DateTime, Datelike, Timelike, Utc};
use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Json,
    Human {
        colours: bool,
    },
    /// `opentelemetry.proto.logs.v1.LogRecord`, as a field of the `ScopeLogs` that is sent.
    Otlp,
}

pub(super) struct Line<'a> {
    out: &'a mut Vec<u8>,
    style: Style,
}

// SGR sequences of ECMA-48, section 8.3.117.
const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";
const BLUE: &str = "\x1b[34m";
const RESET: &str = "\x1b[0m";

/// Fields of `ScopeLogs` and of `LogRecord`.
const LOG_RECORDS: u64 = 2;
const ATTRIBUTES: u64 = 6;

impl Level {
    /// `SeverityNumber`
    fn number(self) -> u64 {
        match self {
            Level::Error => 17,
            Level::Warn => 13,
            Level::Info => 9,
            Level::Debug => 5,
        }
    }

    fn word(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Level::Error => ("error", "ERROR", RED),
            Level::Warn => ("warn", " WARN", YELLOW),
            Level::Info => ("info", " INFO", GREEN),
            Level::Debug => ("debug", "DEBUG", BLUE),
        }
    }
}

impl<'a> Line<'a> {
    pub(super) fn begin(
        out: &'a mut Vec<u8>,
        style: Style,
        time: DateTime<Utc>,
        level: Level,
        message: &str,
    ) -> Line<'a> {
        let mut line = Line { out, style };
        let (lower, upper, colour) = level.word();
        match style {
            Style::Json => {
                line.raw(r#"{"time":""#);
                line.time(time);
                line.raw(r#"","level":""#);
                line.raw(lower);
                line.raw(r#"","message":""#);
                escape(line.out, message);
                line.raw("\"");
            }
            Style::Human { .. } => {
                line.colour(DIM);
                line.time(time);
                line.colour(RESET);
                line.raw(" ");
                line.colour(colour);
                line.raw(upper);
                line.colour(RESET);
                line.raw(" ");
                line.colour(BOLD);
                escape(line.out, message);
                line.colour(RESET);
            }
            Style::Otlp => {
                let nanoseconds = time.timestamp_nanos_opt().and_then(|time| u64::try_from(time).ok()).unwrap_or(0);
                let mut record = line.record();
                record.fixed64(1, nanoseconds);
                record.fixed64(11, nanoseconds);
                record.number(2, level.number());
                record.text(3, lower);
                record.any_text(5, message);
            }
        }
        line
    }

    pub(super) fn end(self) {
        match self.style {
            Style::Json => self.out.extend_from_slice(b"}\n"),
            Style::Human { .. } => self.out.push(b'\n'),
            Style::Otlp => {
                let record = std::mem::take(self.out);
                Message::new(self.out).bytes(LOG_RECORDS, &record);
            }
        }
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        if let Style::Otlp = self.style {
            return self.attribute(name, value);
        }
        self.name(name);
        self.value(value);
    }

    /// A text that is not empty.
    pub(super) fn given(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.text(name, value);
        }
    }

    /// Of the span that the line is about.
    pub(super) fn ids(&mut self, trace_id: Option<TraceId>, span_id: Option<SpanId>) {
        if let Some(id) = trace_id {
            self.text("trace_id", id.digits().as_str());
        }
        if let Some(id) = span_id {
            self.text("span_id", id.digits().as_str());
        }
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        if let Style::Otlp = self.style {
            return self.record().attributes(ATTRIBUTES).number(name, value);
        }
        self.plain(name, format_args!("{value}"));
    }

    /// Something whose text is JSON and needs no escaping: a number, `true`.
    pub(super) fn plain(&mut self, name: &str, value: std::fmt::Arguments<'_>) {
        if let Style::Otlp = self.style {
            return self.record().attributes(ATTRIBUTES).text(name, &value.to_string());
        }
        self.name(name);
        // Writing into memory does not fail.
        let _ = self.out.write_fmt(value);
    }

    /// Milliseconds, to the microsecond.
    pub(super) fn milliseconds(&mut self, name: &str, duration: Duration) {
        if let Style::Otlp = self.style {
            return self.record().attributes(ATTRIBUTES).double(name, duration.as_secs_f64() * 1000.0);
        }
        self.plain(name, format_args!("{}.{:03}", duration.as_millis(), duration.subsec_micros() % 1000));
    }

    pub(super) fn map<K: AsRef<str>, V: AsRef<str>>(&mut self, name: &str, entries: &[(K, V)]) {
        if entries.is_empty() {
            return;
        }
        match self.style {
            Style::Human { .. } => {
                return entries
                    .iter()
                    .for_each(|(key, value)| self.text(&format!("{name}.{}", key.as_ref()), value.as_ref()));
            }
            Style::Otlp => return self.record().attributes(ATTRIBUTES).map(name, entries),
            Style::Json => {}
        }
        self.name(name);
        let mut separator = "{\"";
        for (key, value) in entries {
            self.raw(separator);
            escape(self.out, key.as_ref());
            self.raw("\":\"");
            escape(self.out, value.as_ref());
            self.raw("\"");
            separator = ",\"";
        }
        self.raw("}");
    }

    pub(super) fn payload(&mut self, payload: Option<&Masked>) {
        let Some(payload) = payload else { return };
        self.map("headers", &payload.headers);
        self.text("body", &payload.body);
        if payload.truncated {
            self.plain("truncated", format_args!("true"));
        }
    }

    fn name(&mut self, name: &str) {
        match self.style {
            Style::Json => {
                self.raw(",\"");
                escape(self.out, name);
                self.raw("\":");
            }
            Style::Human { .. } => {
                self.raw(" ");
                self.colour(DIM);
                escape(self.out, name);
                self.raw("=");
                self.colour(RESET);
            }
            Style::Otlp => {}
        }
    }

    fn record(&mut self) -> Message<'_> {
        Message::new(self.out)
    }

    /// The ids have a place of their own, in bytes.
    fn attribute(&mut self, name: &str, value: &str) {
        match (name, u128::from_str_radix(value, 16)) {
            ("trace_id", Ok(id)) => self.record().bytes(9, &id.to_be_bytes()),
            ("span_id", Ok(id)) => self.record().bytes(10, &(id as u64).to_be_bytes()),
            _ => self.record().attributes(ATTRIBUTES).text(name, value),
        }
    }

    /// Quoted in JSON always, for people where it would not read as one word.
    fn value(&mut self, value: &str) {
        let is_word = |byte: u8| byte > b' ' && !b"\"\\=".contains(&byte);
        let quoted = matches!(self.style, Style::Json) || value.is_empty() || !value.bytes().all(is_word);
        if quoted {
            self.raw("\"");
        }
        escape(self.out, value);
        if quoted {
            self.raw("\"");
        }
    }

    /// RFC 3339 in UTC with milliseconds. By hand: chrono's formatting costs more than the rest of the line.
    fn time(&mut self, time: DateTime<Utc>) {
        let millis = (time.nanosecond() / 1_000_000).min(999);
        let (date, clock) = (time.date_naive(), time.time());
        let _ = write!(
            self.out,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{millis:03}Z",
            date.year(),
            date.month(),
            date.day(),
            clock.hour(),
            clock.minute(),
            clock.second()
        );
    }

    fn colour(&mut self, sequence: &str) {
        if matches!(self.style, Style::Human { colours: true }) {
            self.raw(sequence);
        }
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// Escapes as JSON does (RFC 8259, section 7), and beyond that whatever a terminal might obey or a reader be misled by:
/// DEL, C1 controls, line and paragraph separators, changes of writing direction.
fn escape(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    while let Some(position) = rest.find(must_be_escaped) {
        let (safe, tail) = rest.split_at(position);
        out.extend_from_slice(safe.as_bytes());
        let mut characters = tail.chars();
        if let Some(character) = characters.next() {
            out.extend_from_slice(escaped(character).as_bytes());
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

fn must_be_escaped(character: char) -> bool {
    matches!(character, '"' | '\\' | '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// All of them are in the basic plane: four digits are enough.
fn escaped(character: char) -> Cow<'static, str> {
    match character {
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        other => format!("\\u{:04x}", u32::from(other)).into(),
    }
}
