//! Metrics as OTLP has them: the very numbers that `/metrics` shows.

use super::wire::Message;
use crate::telemetry::metrics::{Collected, Definition, Exemplar, Reading, Value};

/// Field of `ScopeMetrics`.
const METRICS: u64 = 2;
/// Since the start of the process.
const CUMULATIVE: u64 = 2;

/// All of them, and how many points that are. Times are nanoseconds since 1970: when counting began, and now.
pub fn write(collected: &[Collected], began: u64, now: u64) -> (u64, Vec<u8>) {
    let (mut points, mut out) = (0, Vec::new());
    let mut message = Message::new(&mut out);
    for metric in collected.iter().filter(|metric| !metric.series.is_empty()) {
        let definition = metric.definition;
        message.nested(METRICS, |written| {
            written.text(1, definition.name);
            written.text(2, definition.help);
            written.text(3, definition.unit);
            let data = match metric.series.first() {
                Some((_, Reading::Gauge(_))) => GAUGE,
                Some((_, Reading::Histogram(_))) => HISTOGRAM,
                _ => SUM,
            };
            written.nested(data, |data_points| {
                for (values, reading) in &metric.series {
                    points += 1;
                    data_points.nested(1, |point| write_point(point, definition, values, reading, began, now));
                }
                if data != GAUGE {
                    data_points.number(2, CUMULATIVE);
                }
                if data == SUM {
                    data_points.number(3, 1);
                }
            });
        });
    }
    (points, out)
}

const GAUGE: u64 = 5;
const SUM: u64 = 7;
const HISTOGRAM: u64 = 9;

fn write_point(
    point: &mut Message<'_>,
    definition: &Definition,
    values: &[Value],
    reading: &Reading,
    began: u64,
    now: u64,
) {
    point.fixed64(2, began);
    point.fixed64(3, now);
    let attributes = match reading {
        Reading::Counter(count) => {
            point.fixed64(6, *count);
            7
        }
        Reading::Gauge(value) => {
            point.fixed64(6, value.cast_unsigned());
            7
        }
        Reading::Histogram(distribution) => {
            point.fixed64(4, distribution.count());
            point.double(5, distribution.seconds);
            point.packed(6, distribution.counts.iter().copied());
            point.packed(7, distribution.bounds.iter().map(|bound| bound.to_bits()));
            distribution.exemplars.iter().flatten().for_each(|exemplar| write_exemplar(point, exemplar));
            9
        }
    };
    let mut attributes = point.attributes(attributes);
    definition.labels.iter().zip(values).for_each(|(label, value)| attributes.given(label, value));
}

fn write_exemplar(point: &mut Message<'_>, exemplar: &Exemplar) {
    point.nested(8, |written| {
        written.fixed64(2, exemplar.time);
        written.double(3, exemplar.seconds);
        written.bytes(4, &exemplar.span_id.0.to_be_bytes());
        written.bytes(5, &exemplar.trace_id.0.to_be_bytes());
    });
}
