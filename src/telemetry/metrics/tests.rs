use super::*;
use crate::telemetry::trace_context::{SpanId, TraceId};
use std::time::Duration;

/// What dashboards and alerts are built on. A change here is a change for users: docs/observability.md, CHANGELOG and the
/// files in packaging/ go with it.
const INTERFACE: &str = "\
http_server_request_duration_seconds histogram http_route http_request_method http_response_status_code url_scheme error_type
http_client_request_duration_seconds histogram http_request_method server_address server_port http_response_status_code error_type
hookswitch_events_total counter route outcome
hookswitch_deliveries_total counter route target outcome
hookswitch_delivery_duration_seconds histogram route target
hookswitch_attempts_total counter route target status
hookswitch_attempts_ambiguous_total counter route target
hookswitch_dead_letters_total counter route target
hookswitch_in_flight gauge
hookswitch_in_flight_bytes gauge
hookswitch_waiting gauge route target
hookswitch_breaker_state gauge route target
hookswitch_rate_limited_total counter route target
hookswitch_verify_failures_total counter route reason
hookswitch_verify_matches_total counter route secret
hookswitch_expression_errors_total counter route
hookswitch_dedupe_total counter route result
hookswitch_dedupe_forgotten_total counter route
hookswitch_config_reloads_total counter result
hookswitch_config_generation gauge
hookswitch_config_last_success_time_seconds gauge
hookswitch_log_dropped_total counter
hookswitch_telemetry_exported_total counter signal
hookswitch_telemetry_dropped_total counter signal
";

#[test]
fn names_and_labels_are_an_interface() {
    let line = |definition: &&Definition| {
        let (kind, suffix) = match definition.kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
            Kind::Histogram(_) => ("histogram", ""),
        };
        let labels: String =
            definition.labels.iter().map(|label| format!(" {}", define::prometheus_label(label))).collect();
        format!("{}{suffix} {kind}{labels}\n", definition.prometheus_name())
    };
    assert_eq!(ALL.iter().map(line).collect::<String>(), INTERFACE);
}

#[test]
fn every_metric_is_told() {
    let metrics = Metrics::default();
    let (route, target) = names();
    let series = metrics.route(&route);
    series.verify_failures.with("signature", |_| {});
    series.verify_matches.with(0, |_| {});
    series.dedupe.with("first", |_| {});
    metrics.target(&route, &target).attempts.with(Status::Code(200), |_| {});
    let _gauges = (metrics.waiting(&route, &target), metrics.breaker_state(&route, &target));
    let peer = Peer { method: "POST", address: target, port: None };
    metrics.client(peer).duration.with(ClientStatus { status: None, error: None }, |_| {});
    metrics.server(&route).0.with(Answered { method: "POST", status: 200, scheme: "http" }, |_| {});
    let process = metrics.process();
    process.reloads.with("applied", |_| {});
    process.telemetry_exported.with("traces", |_| {});
    process.telemetry_dropped.with("traces", |_| {});
    let collected = metrics.collect();
    assert_eq!(collected.iter().map(|metric| metric.definition).collect::<Vec<_>>(), ALL);
    let silent = collected.iter().filter(|metric| metric.series.is_empty()).map(|metric| metric.definition.name);
    assert_eq!(silent.collect::<Vec<_>>(), [""; 0]);
}

fn names() -> (Arc<str>, Arc<str>) {
    ("orders".into(), "crm".into())
}

fn text(metrics: &Metrics, format: Format) -> String {
    write(&metrics.collect(), format)
}

#[test]
fn both_formats_say_the_same_and_only_one_has_exemplars() {
    let metrics = Metrics::default();
    let (route, target) = names();
    let series = metrics.target(&route, &target);
    series.attempts.with(Status::Code(503), |count| count.add(2));
    series.attempts.with(Status::Word("timeout"), |count| count.add(1));
    let seen = Seen { trace_id: TraceId(0xabc), span_id: SpanId(0xdef), time: 1_700_000_000_123_456_789 };
    series.duration.observe(Duration::from_millis(30), Some(seen));
    series.duration.observe(Duration::from_secs(1000), None);
    let old = text(&metrics, Format::Prometheus);
    for line in [
        "# TYPE hookswitch_attempts_total counter",
        r#"hookswitch_attempts_total{route="orders",target="crm",status="503"} 2"#,
        r#"hookswitch_attempts_total{route="orders",target="crm",status="timeout"} 1"#,
        "# TYPE hookswitch_delivery_duration_seconds histogram",
        r#"hookswitch_delivery_duration_seconds_bucket{route="orders",target="crm",le="0.025"} 0"#,
        r#"hookswitch_delivery_duration_seconds_bucket{route="orders",target="crm",le="0.05"} 1"#,
        r#"hookswitch_delivery_duration_seconds_bucket{route="orders",target="crm",le="300.0"} 1"#,
        r#"hookswitch_delivery_duration_seconds_bucket{route="orders",target="crm",le="+Inf"} 2"#,
        r#"hookswitch_delivery_duration_seconds_sum{route="orders",target="crm"} 1000.03"#,
        r#"hookswitch_delivery_duration_seconds_count{route="orders",target="crm"} 2"#,
        "hookswitch_in_flight 0",
    ] {
        assert!(old.lines().any(|found| found == line), "{line}\n{old}");
    }
    assert!(!old.contains("# {") && !old.contains("# EOF") && !old.contains("# UNIT"));
    let open = text(&metrics, Format::OpenMetrics);
    for line in [
        "# TYPE hookswitch_attempts counter",
        "# UNIT hookswitch_delivery_duration_seconds seconds",
        "hookswitch_delivery_duration_seconds_bucket{route=\"orders\",target=\"crm\",le=\"0.05\"} 1 \
         # {trace_id=\"00000000000000000000000000000abc\",span_id=\"0000000000000def\"} 0.03 1700000000.123",
    ] {
        assert!(open.lines().any(|found| found == line), "{line}\n{open}");
    }
    assert!(open.ends_with("\n# EOF\n"));
}

#[test]
fn a_scraper_gets_the_format_it_prefers() {
    let prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
    assert_eq!(Format::wanted(prometheus), Format::OpenMetrics);
    for accept in
        ["", "*/*", "text/plain", "text/plain, application/openmetrics-text; q=0.5", "application/openmetrics-text;q=0"]
    {
        assert_eq!(Format::wanted(accept), Format::Prometheus, "{accept}");
    }
}

#[test]
fn series_outlive_a_generation_while_the_next_one_has_their_route() {
    let metrics = Metrics::default();
    let (route, target) = names();
    let old = metrics.route(&route);
    old.events.with("ignored", |count| count.add(3));
    let new = metrics.route(&route);
    drop(old);
    let line = r#"hookswitch_events_total{route="orders",outcome="ignored"} 3"#;
    for _ in 0..2 {
        assert!(text(&metrics, Format::Prometheus).contains(line));
    }
    let held = metrics.target(&route, &target);
    drop(new);
    assert!(text(&metrics, Format::Prometheus).contains(line), "what is gone is read once more");
    let after = text(&metrics, Format::Prometheus);
    assert!(!after.contains(line), "{after}");
    assert!(after.contains(r#"hookswitch_deliveries_total{route="orders",target="crm",outcome="success"} 0"#));
    drop(held);
    metrics.route(&route).events.with("ignored", |count| count.add(1));
    assert!(text(&metrics, Format::Prometheus).contains(r#"outcome="ignored"} 1"#), "it begins at zero");
}

#[test]
fn series_are_told_in_the_order_of_their_labels() {
    let metrics = Metrics::default();
    let names: Vec<Arc<str>> = ('a'..='z').rev().map(|name| name.to_string().into()).collect();
    let _held: Vec<_> = names.iter().map(|name| metrics.route(name)).collect();
    let collected = metrics.collect();
    let events = collected.iter().find(|metric| metric.definition == &define::EVENTS).unwrap();
    assert_eq!(events.series.len(), 2 * names.len());
    assert!(events.series.is_sorted_by_key(|(labels, _)| labels), "{:?}", events.series);
}

#[test]
fn hostile_values_stay_inside_their_label() {
    let metrics = Metrics::default();
    let hostile: Arc<str> = "a\"} 1\nforged{x=\"\\".into();
    metrics.server(&hostile).0.with(Answered { method: "POST", status: 200, scheme: "http" }, |histogram| {
        histogram.observe(Duration::ZERO, None)
    });
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let text = text(&metrics, format);
        assert!(!text.lines().any(|line| line.starts_with("forged")), "{text}");
    }
    let client = metrics.target(&names().0, &names().1);
    for status in [0, 99, 600, 999] {
        client.attempts.with(Status::Code(status), |count| count.add(1));
    }
    assert!(text(&metrics, Format::Prometheus).contains("status=\"_OTHER\"} 4"), "made-up statuses are one series");
}

#[test]
fn gauges_of_elsewhere_are_read_when_somebody_asks() {
    let metrics = Metrics::default();
    let gauge = metrics.process().in_flight.clone();
    metrics.before_collecting(move || gauge.set(7));
    assert!(text(&metrics, Format::Prometheus).contains("hookswitch_in_flight 7\n"));
}
