//! A real collector between the router and the one of the tests: rotel, where `tests/setup/rotel` has installed it.

use crate::harness::{Answer, Collector, Habit, Request, Router, Target};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Ended by its own id whatever becomes of the test.
struct Rotel(Child);

impl Drop for Rotel {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program in the virtual environment; the folder between names the version of Python.
fn program() -> Option<PathBuf> {
    let environment = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/rotel/lib");
    let pythons = std::fs::read_dir(environment).ok()?.flatten();
    pythons.map(|python| python.path().join("site-packages/rotel/rotel-agent")).find(|program| program.exists())
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn start(program: &Path, to: &Collector) -> (Rotel, SocketAddr, SocketAddr) {
    let (grpc, http) = (free_address(), free_address());
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(program)
        .args(["start", "--exporter", "otlp", "--otlp-exporter-protocol", "http", "--batch-timeout", "100ms"])
        .args(["--otlp-exporter-endpoint", &to.url()])
        .args(["--otlp-grpc-endpoint", &grpc.to_string(), "--otlp-http-endpoint", &http.to_string()])
        .arg("--pid-file")
        .arg(folder.path().join("pid"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let rotel = Rotel(child);
    let deadline = Instant::now() + crate::harness::PATIENCE;
    while [grpc, http].iter().any(|address| TcpStream::connect(address).is_err()) {
        assert!(Instant::now() < deadline, "rotel does not listen");
        std::thread::yield_now();
    }
    (rotel, grpc, http)
}

fn a_trace_arrives(protocol: &str, is_grpc: bool) {
    let Some(program) = program() else {
        // Past what the test runner captures: nobody shall take it for tested.
        let _ = writeln!(std::io::stderr(), "SKIPPED: a_real_collector_…: no rotel, run tests/setup/rotel");
        return;
    };
    let mut collector = Collector::new(Habit::Takes);
    let (_rotel, grpc, http) = start(&program, &collector);
    let target = Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }));
    let address = if is_grpc { grpc } else { http };
    let settings = format!("telemetry: {{otlp: 'http://{address}', protocol: {protocol}}}\n");
    let route = format!(
        "name: a\nmatch: {{path: /a}}\nverify: none\ntarget: {{name: t, url: '{}', retry: {{delay: 10ms}}}}\n",
        target.url("/")
    );
    let quick =
        [("OTEL_BSP_SCHEDULE_DELAY", "50"), ("OTEL_BLRP_SCHEDULE_DELAY", "50"), ("OTEL_METRIC_EXPORT_INTERVAL", "200")];
    let router = Router::start_with(&[("hookswitch.yaml", &settings), ("routes.d/a.yaml", &route)], &[], &quick);
    assert_eq!(router.send(Request::post("/a").json("{}")).status, 200);
    collector.wait_for(|collector| {
        let has = |name: &str| collector.metrics.iter().any(|metric| metric.name == name);
        collector.spans.len() == 6 && collector.logs.len() >= 2 && has("hookswitch.attempts")
    });
    let parent = |name: &str| &collector.span(name).parent_span_id;
    let id = |name: &str| &collector.span(name).span_id;
    assert!(parent("POST /a").is_empty());
    assert_eq!((parent("verify"), parent("route a")), (id("POST /a"), id("POST /a")));
    assert_eq!(parent("deliver t"), id("route a"));
    let attempts: Vec<_> = collector.spans.iter().filter(|span| span.kind == 3).collect();
    assert_eq!(attempts.len(), 2);
    for attempt in &attempts {
        assert_eq!(&attempt.parent_span_id, id("deliver t"));
    }
    let links: usize = attempts.iter().map(|attempt| attempt.links.len()).sum();
    assert_eq!(links, 1, "the retry is linked to the first");
    let seen = target.all();
    for attempt in &attempts {
        let span_id: String = attempt.span_id.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(seen.iter().any(|seen| seen.header("traceparent").unwrap().contains(&span_id)));
    }
}

#[test]
fn a_real_collector_takes_everything_over_http() {
    a_trace_arrives("http/protobuf", false);
}

#[test]
fn a_real_collector_takes_everything_over_grpc() {
    a_trace_arrives("grpc", true);
}
