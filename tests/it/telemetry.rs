//! Traces, metrics and logs at a collector: the tree of a webhook, over both protocols, and collectors that do not work.

use crate::harness::{Answer, Collector, Habit, Held, Request, Router, Target, attributes, nobody};
use crate::metrics::{until, until_waiting};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::BTreeMap;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SENDER: &str = "b7ad6b7169203331";
/// So that nothing waits for a full batch.
const QUICK: [(&str, &str); 3] =
    [("OTEL_BSP_SCHEDULE_DELAY", "50"), ("OTEL_BLRP_SCHEDULE_DELAY", "50"), ("OTEL_METRIC_EXPORT_INTERVAL", "200")];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn route(target: &Target) -> String {
    format!(
        "name: orders\nmatch: {{path: '/orders/{{shop}}', when: body.n > 0}}\nverify: {{shared: {{header: x-key}}, secret: example-secret}}\n\
         labels: {{order: '${{body.id}}'}}\n\
         target: {{name: crm, url: '{}', retry: {{delay: 10ms}}}}\n",
        target.url("/api?key=${env:KEY}")
    )
}

fn start(collector: &Collector, target: &Target, more: &str, environment: &[(&str, &str)]) -> Router {
    let settings = format!("telemetry: {{otlp: '{}'{more}}}\n", collector.url());
    let environment: Vec<(&str, &str)> =
        QUICK.iter().chain(&[("KEY", "example-hidden")]).chain(environment).copied().collect();
    Router::start_with(&[("hookswitch.yaml", &settings), ("routes.d/a.yaml", &route(target))], &[], &environment)
}

fn order() -> Request {
    Request::post("/orders/gh?secret=query").header("x-key", "example-secret").json(r#"{"n":1,"id":"A-7"}"#)
}

fn sampled() -> Request {
    order()
        .header("traceparent", &format!("00-{TRACE}-{SENDER}-01"))
        .header("tracestate", "vendor=1")
        .header("baggage", "user=x")
}

fn retried() -> Target {
    Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }))
}

/// `name` under the span with the id `parent`.
fn child<'c>(collector: &'c Collector, name: &str, parent: &Span) -> &'c Span {
    let span = collector.span(name);
    assert_eq!(span.parent_span_id, parent.span_id, "{name} is inside {}", parent.name);
    span
}

fn expect(span: &Span, expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut found = attributes(&span.attributes);
    for (key, value) in expected {
        assert_eq!(found.remove(*key).as_deref(), Some(*value), "{key} of {}", span.name);
    }
    found
}

fn the_tree_is_the_documented_one(protocol: &str) {
    let (mut collector, target) = (Collector::new(Habit::Takes), retried());
    let router = start(&collector, &target, &format!(", protocol: {protocol}"), &[("OTEL_SERVICE_NAME", "router-eu")]);
    assert_eq!(router.send(sampled().header("x-request-id", "req-1").header("user-agent", "test/1")).status, 200);
    collector.wait_for(|collector| collector.spans.iter().any(|span| span.kind == 2));
    assert_eq!(collector.resource["service.name"], "router-eu");
    assert_eq!(collector.spans.len(), 6, "{:#?}", collector.spans);
    let server = collector.span("POST /orders/{shop}");
    assert_eq!((hex(&server.parent_span_id), server.kind), (SENDER.to_owned(), 2));
    let rest = expect(
        server,
        &[
            ("http.request.method", "POST"),
            ("http.route", "/orders/{shop}"),
            ("url.path", "/orders/gh"),
            ("url.scheme", "http"),
            ("http.response.status_code", "200"),
            ("client.address", "127.0.0.1"),
            ("server.address", "hooks.test"),
            ("user_agent.original", "test/1"),
            ("hookswitch.generation", "1"),
            ("hookswitch.request.id", "req-1"),
            ("hookswitch.outcome", "delivered"),
            ("hookswitch.label.order", "A-7"),
        ],
    );
    assert_eq!(rest, BTreeMap::new());
    let verify = child(&collector, "verify", server);
    assert_eq!(
        expect(verify, &[("hookswitch.verify.kind", "shared"), ("hookswitch.verify.result", "passed")]),
        [].into()
    );
    let route = child(&collector, "route orders", server);
    let of_route = [("hookswitch.route", "orders"), ("hookswitch.outcome", "taken"), ("hookswitch.label.order", "A-7")];
    assert_eq!(expect(route, &of_route), [].into());
    let delivery = child(&collector, "deliver crm", route);
    let rest = expect(
        delivery,
        &[("hookswitch.target", "crm"), ("hookswitch.attempts", "2"), ("hookswitch.outcome", "success")],
    );
    let seen = target.all();
    assert_eq!(rest["hookswitch.delivery.id"], seen[0].header("webhook-id").unwrap());
    let mut attempts: Vec<&Span> = collector.spans.iter().filter(|span| span.kind == 3).collect();
    attempts.sort_by_key(|span| span.start_time_unix_nano);
    let port = target.address.port().to_string();
    for (number, (attempt, status)) in attempts.iter().zip(["503", "200"]).enumerate() {
        assert_eq!((&*attempt.name, &attempt.parent_span_id), ("POST 127.0.0.1", &delivery.span_id));
        let mut rest = expect(
            attempt,
            &[
                ("http.request.method", "POST"),
                ("server.address", "127.0.0.1"),
                ("server.port", &port),
                ("url.full", &target.url("/api?key=${env:KEY}")),
                ("http.response.status_code", status),
                ("hookswitch.attempt", &(number + 1).to_string()),
            ],
        );
        let failed = if number == 0 { (Some("503".to_owned()), None) } else { (None, Some("1".to_owned())) };
        assert_eq!((rest.remove("error.type"), rest.remove("http.request.resend_count")), failed);
        assert_eq!(rest, BTreeMap::new());
        let parent = format!("00-{TRACE}-{}-01", hex(&attempt.span_id));
        assert_eq!(seen[number].header("traceparent"), Some(&*parent), "the target is inside the attempt");
        assert_eq!(seen[number].header("tracestate"), Some("vendor=1"));
        assert_eq!(seen[number].header("baggage"), Some("user=x"));
    }
    assert_eq!(attempts[1].links[0].span_id, attempts[0].span_id);
    assert!(attempts[0].links.is_empty() && attempts[0].status.is_some() && attempts[1].status.is_none());
    for span in &collector.spans {
        assert_eq!((hex(&span.trace_id), &*span.trace_state), (TRACE.to_owned(), "vendor=1"));
        assert!(server.start_time_unix_nano <= span.start_time_unix_nano, "{}", span.name);
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{}", span.name);
        assert!(span.end_time_unix_nano <= server.end_time_unix_nano, "{}", span.name);
    }
    let everything = format!("{:?}", collector.spans);
    assert!(!everything.contains("example-hidden") && !everything.contains("secret=query"), "{everything}");
}

#[test]
fn the_tree_of_a_webhook_with_a_retry_over_http() {
    the_tree_is_the_documented_one("http/protobuf");
}

#[test]
fn the_tree_of_a_webhook_with_a_retry_over_grpc() {
    the_tree_is_the_documented_one("grpc");
}

/// One delivery may be under way at once: the second one waits for the end of the first.
#[test]
fn a_wait_for_a_turn_is_a_span_of_the_delivery_before_its_attempt() {
    let (mut collector, mut held) = (Collector::new(Habit::Takes), Held::new());
    let settings = format!("telemetry: {{otlp: '{}'}}\n", collector.url());
    let route = format!("name: a\n{}", held.route(", limit: {concurrency: 1}"));
    let files = [("hookswitch.yaml", &*settings), ("routes.d/a.yaml", &*route)];
    let router = Router::start_with(&files, &[], &QUICK);
    let to = router.webhooks;
    let send = |trace: &str| {
        let request = Request::post("/a").header("traceparent", &format!("00-{trace}-{SENDER}-01")).json("{}");
        std::thread::spawn(move || request.send(to).status)
    };
    let first = send("11111111111111111111111111111111");
    held.arrived();
    let second = send(TRACE);
    until_waiting(&router, "a", "t", 1.0);
    held.let_go();
    assert_eq!([first, second].map(|sending| sending.join().unwrap()), [200; 2]);
    collector.wait_for(|collector| collector.spans.iter().filter(|span| span.kind == 2).count() == 2);
    let waits: Vec<&Span> = collector.spans.iter().filter(|span| span.name == "wait").collect();
    let [wait] = waits[..] else { panic!("the first has not waited: {waits:#?}") };
    assert_eq!((hex(&wait.trace_id), wait.kind), (TRACE.to_owned(), 1));
    assert_eq!(expect(wait, &[("hookswitch.wait.reason", "concurrency")]), [].into());
    let of_trace = |name: &str| {
        let mut spans = collector.spans.iter().filter(|span| span.name == name && span.trace_id == wait.trace_id);
        spans.next().unwrap_or_else(|| panic!("{name} in {:#?}", collector.spans))
    };
    let (delivery, attempt) = (of_trace("deliver t"), of_trace("POST 127.0.0.1"));
    assert_eq!((&wait.parent_span_id, &attempt.parent_span_id), (&delivery.span_id, &delivery.span_id));
    let times = [
        delivery.start_time_unix_nano,
        wait.start_time_unix_nano,
        wait.end_time_unix_nano,
        attempt.start_time_unix_nano,
        attempt.end_time_unix_nano,
        delivery.end_time_unix_nano,
    ];
    assert!(times.is_sorted() && wait.start_time_unix_nano < wait.end_time_unix_nano, "{times:?}");
}

#[test]
fn what_is_refused_ignored_or_wrong_says_why() {
    let (mut collector, target) = (Collector::new(Habit::Takes), Target::ok());
    let router = start(&collector, &target, "", &[]);
    let send = |key: &str, body: &str| router.send(Request::post("/orders/gh").header("x-key", key).json(body)).status;
    assert_eq!(send("wrong", "{}"), 401);
    assert_eq!(send("example-secret", r#"{"n":0}"#), 200);
    assert_eq!(send("example-secret", r#"{"n":"x"}"#), 422);
    assert_eq!(router.send(Request::post("/nowhere/at/all").json("{}")).status, 404);
    collector.wait_for(|collector| collector.spans.iter().filter(|span| span.kind == 2).count() == 4);
    let verify: Vec<_> = collector.spans.iter().filter(|span| span.name == "verify").collect();
    let refused = verify.iter().find(|span| span.status.is_some()).unwrap();
    expect(refused, &[("hookswitch.verify.result", "mismatch")]);
    let routes = collector.spans.iter().filter(|span| span.name == "route orders");
    let outcomes: Vec<String> = routes.map(|span| attributes(&span.attributes)["hookswitch.outcome"].clone()).collect();
    assert_eq!(outcomes, ["ignored", "failed"]);
    let stray = collector.spans.iter().find(|span| span.name == "POST").expect("a path of a stranger is in no name");
    expect(stray, &[("url.path", "/nowhere/at/all"), ("hookswitch.outcome", "refused")]);
}

#[test]
fn a_trace_that_the_sender_left_out_stays_out() {
    let (mut collector, target) = (Collector::new(Habit::Takes), Target::ok());
    let router = start(&collector, &target, "", &[]);
    assert_eq!(router.send(order().header("traceparent", &format!("00-{TRACE}-{SENDER}-00"))).status, 200);
    assert!(target.next().header("traceparent").unwrap().ends_with("-00"));
    assert_eq!(router.send(sampled()).status, 200);
    collector.wait_for(|collector| collector.spans.iter().any(|span| span.kind == 2));
    assert_eq!(collector.spans.iter().filter(|span| span.kind == 2).count(), 1);
}

#[test]
fn a_part_of_the_traces_that_begin_here_is_recorded() {
    let (mut collector, target) = (Collector::new(Habit::Takes), Target::ok());
    let router = start(&collector, &target, ", sample: 0", &[]);
    assert_eq!(router.send(order()).status, 200);
    assert!(target.next().header("traceparent").unwrap().ends_with("-02"));
    assert_eq!(router.send(sampled()).status, 200);
    collector.wait_for(|collector| !collector.spans.is_empty());
    assert!(collector.spans.iter().all(|span| hex(&span.trace_id) == TRACE));
}

#[test]
fn numbers_and_lines_at_the_collector_are_those_of_the_process() {
    let (mut collector, target) = (Collector::new(Habit::Takes), retried());
    let environment = [("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"), ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b")];
    let mut router = start(&collector, &target, "", &environment);
    assert_eq!(router.send(sampled()).status, 200);
    let line = router.wait_for(|line| line["message"] == "delivery");
    let points = |collector: &Collector, name: &str| {
        let metric = collector.metrics.iter().find(|metric| metric.name == name)?;
        Some(match metric.data.clone()? {
            Data::Sum(sum) => {
                assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
                sum.data_points.iter().map(|point| (attributes(&point.attributes), as_number(point.value))).collect()
            }
            Data::Gauge(gauge) => {
                gauge.data_points.iter().map(|point| (attributes(&point.attributes), as_number(point.value))).collect()
            }
            Data::Histogram(histogram) => {
                let count = |point: &opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint| {
                    assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                    let exemplar = point.exemplars.iter().find(|exemplar| hex(&exemplar.trace_id) == TRACE);
                    assert!(exemplar.is_some(), "{point:?}");
                    (attributes(&point.attributes), point.count as f64)
                };
                histogram.data_points.iter().map(count).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        })
    };
    let attempts = |collector: &Collector| {
        points(collector, "hookswitch.attempts")
            .is_some_and(|points| points.iter().map(|(_, count)| count).sum::<f64>() == 2.0)
    };
    collector.wait_for(|collector| attempts(collector) && collector.logs.len() >= 2);
    assert_eq!(collector.headers["x-tenant"], "a b");
    let one = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let points = points(&collector, name).unwrap();
        points.iter().find(|(found, _)| *found == labels).unwrap_or_else(|| panic!("{labels:?} in {points:?}")).1
    };
    let names = [("route", "orders"), ("target", "crm")];
    assert_eq!(one("hookswitch.attempts", &[names[0], names[1], ("status", "503")]), 1.0);
    assert_eq!(one("hookswitch.delivery.duration", &names), 1.0);
    assert_eq!(one("hookswitch.config.generation", &[]), 1.0);
    let server = [
        ("http.route", "/orders/{shop}"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
    ];
    assert_eq!(one("http.server.request.duration", &server), 1.0);
    let body = |record: &opentelemetry_proto::tonic::logs::v1::LogRecord| format!("{:?}", record.body);
    let record = collector.logs.iter().find(|record| body(record).contains("\"delivery\"")).unwrap();
    assert_eq!(hex(&record.trace_id), TRACE);
    assert_eq!(hex(&record.span_id), line["span_id"].as_str().unwrap());
    assert_eq!((record.severity_number, &*record.severity_text), (9, "info"));
    let fields = attributes(&record.attributes);
    for field in ["request_id", "route", "target", "outcome", "event_id"] {
        assert_eq!(fields[field], line[field].as_str().unwrap(), "{field}");
    }
    assert_eq!((&*fields["attempts"], &*fields["labels"]), ("2", "order=A-7;"));
}

fn as_number(value: Option<Value>) -> f64 {
    match value.unwrap() {
        Value::AsInt(number) => number as f64,
        Value::AsDouble(number) => number,
    }
}

#[test]
fn exemplars_lead_to_traces() {
    let (collector, target) = (Collector::new(Habit::Takes), Target::ok());
    let router = start(&collector, &target, "", &[]);
    assert_eq!(router.send(sampled()).status, 200);
    let text =
        router.ask_admin(Request::new("GET", "/metrics").header("accept", "application/openmetrics-text")).text();
    for metric in ["http_server_request_duration", "http_client_request_duration", "hookswitch_delivery_duration"] {
        let has = |line: &&str| line.starts_with(metric) && line.contains(&format!("# {{trace_id=\"{TRACE}\""));
        assert!(text.lines().any(|line| has(&line)), "{metric}: {text}");
    }
}

#[test]
fn what_is_left_is_sent_at_the_end() {
    let (mut collector, target) = (Collector::new(Habit::Takes), Target::ok());
    let slow = [
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "600000"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "600000"),
    ];
    let router = start(&collector, &target, "", &slow);
    assert_eq!(router.send(sampled()).status, 200);
    router.signal("TERM");
    assert!(router.wait().0.success());
    let said =
        |record: &opentelemetry_proto::tonic::logs::v1::LogRecord| format!("{:?}", record.body).contains("stopped");
    collector.wait_for(|collector| {
        collector.spans.len() == 5 && !collector.metrics.is_empty() && collector.logs.iter().any(said)
    });
}

/// A collector that does not work changes nothing for requests: not their answers, and at the end not more than a bound.
fn costs_nothing(habit: Option<Habit>, protocol: &str) {
    let collector = Collector::new(habit.unwrap_or(Habit::Takes));
    let target = Target::ok();
    let address = if habit.is_some() { collector.address } else { nobody() };
    let settings = format!("telemetry: {{otlp: 'http://{address}', protocol: {protocol}, signals: [traces]}}\n");
    let environment: Vec<(&str, &str)> = QUICK
        .iter()
        .chain(&[("KEY", "example-hidden"), ("OTEL_BSP_MAX_QUEUE_SIZE", "10"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "300")])
        .copied()
        .collect();
    let mut router =
        Router::start_with(&[("hookswitch.yaml", &settings), ("routes.d/a.yaml", &route(&target))], &[], &environment);
    for _ in 0..20 {
        assert_eq!(router.send(sampled()).status, 200);
    }
    let complaint =
        |line: &serde_json::Value| line["message"].as_str().unwrap().starts_with("telemetry cannot be exported");
    assert_eq!(router.wait_for(complaint)["signal"], "traces");
    until(&router, r#"hookswitch_telemetry_dropped_total{signal="traces"}"#, |dropped| dropped > 0.0);
    router.signal("TERM");
    let (status, lines) = router.wait();
    assert!(status.success());
    let complaints = lines.iter().filter(|line| complaint(&serde_json::from_str(line).unwrap())).count();
    assert_eq!(complaints, 1, "one line, not a flood");
}

#[test]
fn a_collector_that_is_down_costs_nothing() {
    costs_nothing(None, "http/protobuf");
    costs_nothing(None, "grpc");
}

#[test]
fn a_collector_that_hangs_costs_nothing() {
    costs_nothing(Some(Habit::Hangs), "http/protobuf");
}

#[test]
fn a_collector_that_refuses_costs_nothing() {
    costs_nothing(Some(Habit::Refuses(400)), "http/protobuf");
    costs_nothing(Some(Habit::Refuses(503)), "http/protobuf");
    costs_nothing(Some(Habit::Refuses(503)), "grpc");
}

#[test]
fn a_variable_that_makes_no_sense_is_told_and_nothing_else() {
    let route = "name: a\nmatch: {path: /a}\nverify: none\ntargets: []\nrespond: {text: ok}\n";
    let mut router = Router::start_with(&[("routes.d/a.yaml", route)], &[], &[("OTEL_TRACES_SAMPLER", "sometimes")]);
    let line = router.wait_for(|line| line["message"] == "telemetry variable");
    assert!(line["warning"].as_str().unwrap().starts_with("OTEL_TRACES_SAMPLER"));
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
}
