use super::plan::Plan;
use super::*;
use crate::secret::Secret;
use crate::telemetry::trace_context::Sampler;
use std::collections::HashMap;
use transport::Destination;

fn plan(written: &Written, variables: &[(&str, &str)]) -> Plan {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    Plan::new(written, &|name| variables.get(name).map(|value| (*value).to_owned()), "instance-1")
}

fn of(variables: &[(&str, &str)]) -> Plan {
    let plan = plan(&Written::default(), variables);
    assert_eq!(plan.warnings, [""; 0]);
    plan
}

fn uri(destination: Option<&Destination>) -> String {
    destination.map(|destination| destination.uri.to_string()).unwrap_or_default()
}

#[test]
fn nothing_is_exported_unless_an_endpoint_is_configured() {
    for variables in [&[][..], &[("OTEL_SERVICE_NAME", "x"), ("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]] {
        let plan = of(variables);
        assert!(plan.traces.is_none() && plan.metrics.is_none() && plan.logs.is_none());
    }
    let off = of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"), ("OTEL_SDK_DISABLED", "true")]);
    assert!(off.traces.is_none() && off.metrics.is_none() && off.logs.is_none());
}

#[test]
fn a_common_endpoint_has_a_path_for_each_signal_and_an_own_one_is_whole() {
    let plan = of(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c.example.com/otlp/"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs.example.com/in?x=1"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=a%20b,other=c"),
    ]);
    let traces = plan.traces.unwrap();
    assert_eq!(traces.uri, "https://c.example.com/otlp/v1/traces");
    assert_eq!((traces.protocol, traces.gzip, traces.timeout.as_millis()), (Protocol::HttpProtobuf, true, 1500));
    assert_eq!(traces.headers[0].1.to_str().unwrap(), "a b");
    assert!(!format!("{traces:?}").contains("a b"), "credentials are not shown");
    assert_eq!(uri(plan.logs.as_ref()), "http://logs.example.com/in?x=1");
    assert!(plan.metrics.is_none());
}

#[test]
fn the_port_of_grpc_means_grpc_unless_something_else_is_said() {
    let traces = |variables: &[(&str, &str)]| of(variables).traces.unwrap();
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317");
    let grpc = traces(&[endpoint]);
    assert_eq!(grpc.protocol, Protocol::Grpc);
    assert_eq!(grpc.uri, "http://collector:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    let http = traces(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]);
    assert_eq!(http.uri, "http://collector:4317/v1/traces");
    let own = traces(&[endpoint, ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")]);
    assert_eq!(own.protocol, Protocol::HttpProtobuf);
}

#[test]
fn what_is_written_counts_more_than_the_variables() {
    let written = Written {
        endpoint: Some("http://written:1".to_owned()),
        protocol: Some(Protocol::HttpProtobuf),
        headers: vec![(http::header::AUTHORIZATION, Secret::new("Bearer example"))],
        signals: Some(vec![Signal::Traces, Signal::Logs]),
        sample: Some(0.5),
    };
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://variable:2"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=other"),
    ];
    let plan = plan(&written, &variables);
    assert_eq!(uri(plan.traces.as_ref()), "http://written:1/v1/traces");
    assert_eq!(plan.traces.unwrap().headers.last().unwrap().1, "Bearer example");
    assert!(plan.metrics.is_none());
    assert_eq!(plan.sampler, Sampler::parent_based(0.5));
}

#[test]
fn the_resource_says_who_speaks() {
    let plan = of(&[
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=ignored,deployment.environment.name=a%2Cb, team = x "),
        ("OTEL_SERVICE_NAME", "router-eu"),
    ]);
    for (key, value) in [
        ("service.name", "router-eu"),
        ("service.instance.id", "instance-1"),
        ("deployment.environment.name", "a,b"),
        ("team", "x"),
    ] {
        assert!(plan.resource.contains(&(key.to_owned(), value.to_owned())), "{key} in {:?}", plan.resource);
    }
}

#[test]
fn batches_and_intervals_are_as_the_variables_say() {
    let plan = of(&[
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "250"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "7"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "2000"),
    ]);
    assert_eq!((plan.spans.bounds.waiting, plan.spans.bounds.batch, plan.spans.delay.as_millis()), (100, 100, 250));
    assert_eq!((plan.records.bounds.batch, plan.metric_interval.as_secs()), (7, 2));
}

#[test]
fn what_makes_no_sense_is_told_and_left_aside_without_its_value() {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "ftp://user:hunter2@c"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/hunter2"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "hunter2"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_METRICS_EXPORTER", "hunter2"),
        ("OTEL_RESOURCE_ATTRIBUTES", "hunter2"),
    ];
    let plan = plan(&Written::default(), &variables);
    assert!(plan.traces.is_some() && plan.metrics.is_some() && plan.logs.is_none());
    for (name, _) in variables.iter().skip(1) {
        assert!(plan.warnings.iter().any(|warning| warning.starts_with(name)), "{name}: {:?}", plan.warnings);
    }
    assert!(!plan.warnings.concat().contains("hunter2"), "{:?}", plan.warnings);
    assert_eq!(plan.sampler, Sampler::default());
}
