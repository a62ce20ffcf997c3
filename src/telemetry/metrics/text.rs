//! Metrics as Prometheus reads them: its own text format 0.0.4, and OpenMetrics 1.0, which has exemplars.

use super::definition::{Definition, Kind, prometheus_label};
use super::family::{Collected, Value};
use super::instrument::{Distribution, Exemplar, Reading};
use std::fmt::Write;

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    /// What a scraper wants (RFC 9110, section 12.5.1): OpenMetrics where it is asked for and not less welcome.
    pub fn wanted(accept: &str) -> Format {
        let quality = |kind: &str| {
            let ranges = accept.split(',').map(|range| range.split(';').map(str::trim));
            let fitting = ranges.filter_map(|mut parts| {
                let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(kind));
                let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
                named.then(|| quality.unwrap_or(0.0))
            });
            fitting.fold(0.0, f32::max)
        };
        let open = quality("application/openmetrics-text");
        if open > 0.0 && open >= quality("text/plain") { Format::OpenMetrics } else { Format::Prometheus }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// All of them as one text.
pub fn write(collected: &[Collected], format: Format) -> String {
    let mut text = String::new();
    for metric in collected.iter().filter(|metric| !metric.series.is_empty()) {
        // Writing into memory does not fail.
        let _ = Page { out: &mut text, format }.metric(metric);
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

struct Page<'a> {
    out: &'a mut String,
    format: Format,
}

impl Page<'_> {
    fn metric(&mut self, metric: &Collected) -> std::fmt::Result {
        let definition = metric.definition;
        let (name, kind) = (definition.prometheus_name(), kind(definition.kind));
        // OpenMetrics names the family, the older format the sample.
        let family = match (self.format, definition.kind) {
            (Format::Prometheus, Kind::Counter) => format!("{name}_total"),
            _ => name.clone(),
        };
        writeln!(self.out, "# TYPE {family} {kind}")?;
        if let (Format::OpenMetrics, Some(unit)) = (self.format, definition.prometheus_unit()) {
            writeln!(self.out, "# UNIT {family} {unit}")?;
        }
        writeln!(self.out, "# HELP {family} {}.", definition.help)?;
        for (values, reading) in &metric.series {
            match reading {
                Reading::Counter(count) => {
                    self.sample(&name, "_total", definition, values, None)?;
                    writeln!(self.out, " {count}")?;
                }
                Reading::Gauge(value) => {
                    self.sample(&name, "", definition, values, None)?;
                    writeln!(self.out, " {value}")?;
                }
                Reading::Histogram(distribution) => self.histogram(&name, definition, values, distribution)?,
            }
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        name: &str,
        definition: &Definition,
        values: &[Value],
        distribution: &Distribution,
    ) -> std::fmt::Result {
        let mut below = 0;
        let bounds = distribution.bounds.iter().map(|bound| format!("{bound:?}")).chain(["+Inf".to_owned()]);
        for ((bound, count), exemplar) in bounds.zip(&distribution.counts).zip(&distribution.exemplars) {
            below += count;
            self.sample(name, "_bucket", definition, values, Some(&bound))?;
            write!(self.out, " {below}")?;
            if let (Format::OpenMetrics, Some(exemplar)) = (self.format, exemplar) {
                self.exemplar(exemplar)?;
            }
            self.out.push('\n');
        }
        self.sample(name, "_sum", definition, values, None)?;
        writeln!(self.out, " {:?}", distribution.seconds)?;
        self.sample(name, "_count", definition, values, None)?;
        writeln!(self.out, " {below}")
    }

    /// A name and its labels.
    fn sample(
        &mut self,
        name: &str,
        suffix: &str,
        definition: &Definition,
        values: &[Value],
        bound: Option<&str>,
    ) -> std::fmt::Result {
        write!(self.out, "{name}{suffix}")?;
        let labels = definition.labels.iter().zip(values).filter(|(_, value)| !value.is_empty());
        let labels = labels.map(|(label, value)| (prometheus_label(label), &**value));
        let mut separator = '{';
        for (label, value) in labels.chain(bound.map(|bound| ("le".into(), bound))) {
            write!(self.out, "{separator}{label}=\"")?;
            escape(self.out, value);
            self.out.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.out.push('}');
        }
        Ok(())
    }

    fn exemplar(&mut self, exemplar: &Exemplar) -> std::fmt::Result {
        let Exemplar { trace_id, span_id, seconds, time } = exemplar;
        let (whole, rest) = (time / 1_000_000_000, time % 1_000_000_000 / 1_000_000);
        write!(self.out, " # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} {seconds:?} {whole}.{rest:03}")
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    }
}

/// Both formats escape the same three characters.
fn escape(out: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}
