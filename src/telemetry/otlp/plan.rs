//! What is exported, and where to: hookswitch.yaml first, then the standard variables.
//!
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>. As they ask for, a variable that makes no sense is told
//! and left aside; mistakes in hookswitch.yaml were found when it was compiled.

use super::Signal;
use super::queue::Bounds;
use super::transport::{Destination, Protocol, Tls};
use crate::secret::Secret;
use crate::telemetry::trace_context::Sampler;
use http::{HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// What hookswitch.yaml says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Written {
    pub endpoint: Option<String>,
    pub protocol: Option<Protocol>,
    pub headers: Vec<(HeaderName, Secret)>,
    /// `None`: all.
    pub signals: Option<Vec<Signal>>,
    /// Of the traces that begin here.
    pub sample: Option<f64>,
}

/// What is exported.
#[derive(Debug)]
pub struct Plan {
    pub traces: Option<Destination>,
    pub metrics: Option<Destination>,
    pub logs: Option<Destination>,
    pub sampler: Sampler,
    pub spans: Batching,
    pub records: Batching,
    pub metric_interval: Duration,
    pub resource: Vec<(String, String)>,
    /// What of the variables makes no sense.
    pub warnings: Vec<String>,
}

/// How records of a signal are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    pub bounds: Bounds,
    pub delay: Duration,
}

/// Larger than the SDKs' defaults (2,048 and 512), which one request in a thousand fills at our rates.
const BOUNDS: Bounds = Bounds { waiting: 32_768, batch: 4_096 };
const SPAN_DELAY: Duration = Duration::from_secs(5);
const LOG_DELAY: Duration = Duration::from_secs(1);
const METRIC_INTERVAL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);
/// The port that collectors listen on for gRPC.
const GRPC_PORT: u16 = 4317;

/// The variables, and what is wrong with them.
struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    warnings: Vec<String>,
}

impl Plan {
    /// `lookup` reads the environment; `instance` tells this process from its replicas.
    pub fn new(written: &Written, lookup: &dyn Fn(&str) -> Option<String>, instance: &str) -> Plan {
        let mut variables = Variables { lookup, warnings: Vec::new() };
        let disabled = variables.is_on("OTEL_SDK_DISABLED");
        let mut destination = |signal| if disabled { None } else { variables.destination(written, signal) };
        let (traces, metrics, logs) =
            (destination(Signal::Traces), destination(Signal::Metrics), destination(Signal::Logs));
        let sampler = variables.sampler(written.sample);
        let spans = variables.batching("BSP", SPAN_DELAY);
        let records = variables.batching("BLRP", LOG_DELAY);
        let metric_interval = variables.milliseconds("OTEL_METRIC_EXPORT_INTERVAL").unwrap_or(METRIC_INTERVAL);
        let resource = variables.resource(instance);
        let warnings = variables.warnings;
        Plan { traces, metrics, logs, sampler, spans, records, metric_interval, resource, warnings }
    }
}

impl Variables<'_> {
    /// Empty is the same as not there.
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn is_on(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|error| self.warn(name, &error)).ok()
    }

    fn milliseconds(&mut self, name: &str) -> Option<Duration> {
        self.parsed(name).map(Duration::from_millis).filter(|duration| !duration.is_zero())
    }

    /// Never the value: a header may hold a credential.
    fn warn(&mut self, name: &str, problem: &dyn Display) {
        self.warnings.push(format!("{name} is left aside: {problem}"));
    }

    /// `OTEL_EXPORTER_OTLP_TRACES_…`, else `OTEL_EXPORTER_OTLP_…`; gives the name too.
    fn of_signal(&self, signal: Signal, what: &str) -> Option<(String, String)> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.name().to_uppercase());
        [own, format!("OTEL_EXPORTER_OTLP_{what}")]
            .into_iter()
            .find_map(|name| self.text(&name).map(|value| (name, value)))
    }

    fn destination(&mut self, written: &Written, signal: Signal) -> Option<Destination> {
        if !self.is_wanted(written, signal) {
            return None;
        }
        let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.name().to_uppercase());
        let base = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let (name, endpoint, is_whole) = match (self.text(&own), &written.endpoint, self.text(base)) {
            (Some(endpoint), _, _) => (own.as_str(), endpoint, true),
            (None, Some(endpoint), _) => ("telemetry.otlp", endpoint.clone(), false),
            (None, None, Some(endpoint)) => (base, endpoint, false),
            (None, None, None) => return None,
        };
        let base: Uri = match with_scheme(&endpoint).parse() {
            Ok(uri) => uri,
            Err(_) => {
                self.warn(name, &"it is not a URL");
                return None;
            }
        };
        let protocol = self.protocol(written, signal, &base);
        let Some(uri) = place(&base, protocol, signal, is_whole) else {
            self.warn(name, &"it is not http://HOST or https://HOST");
            return None;
        };
        let timeout = self.of_signal(signal, "TIMEOUT").and_then(|(name, _)| self.milliseconds(&name));
        let gzip = self.of_signal(signal, "COMPRESSION").is_some_and(|(name, value)| match value.as_str() {
            "gzip" => true,
            "none" => false,
            _ => {
                self.warn(&name, &"it is neither gzip nor none");
                false
            }
        });
        let file = |what| self.of_signal(signal, what).map(|(_, path)| path.into());
        let tls = Tls { roots: file("CERTIFICATE"), certificate: file("CLIENT_CERTIFICATE"), key: file("CLIENT_KEY") };
        let headers = self.headers(written, signal);
        Some(Destination { uri, protocol, headers, timeout: timeout.unwrap_or(TIMEOUT), gzip, tls })
    }

    fn is_wanted(&mut self, written: &Written, signal: Signal) -> bool {
        if let Some(signals) = &written.signals {
            return signals.contains(&signal);
        }
        let name = format!("OTEL_{}_EXPORTER", signal.name().to_uppercase());
        match self.text(&name).as_deref() {
            None | Some("otlp") => true,
            Some("none") => false,
            Some(_) => {
                self.warn(&name, &"it is neither otlp nor none");
                true
            }
        }
    }

    fn protocol(&mut self, written: &Written, signal: Signal, base: &Uri) -> Protocol {
        if let Some(protocol) = written.protocol {
            return protocol;
        }
        match self.of_signal(signal, "PROTOCOL") {
            Some((_, value)) if value == "grpc" => Protocol::Grpc,
            Some((_, value)) if value == "http/protobuf" => Protocol::HttpProtobuf,
            Some((name, _)) => {
                self.warn(&name, &"it is neither grpc nor http/protobuf");
                Protocol::HttpProtobuf
            }
            None if base.port_u16() == Some(GRPC_PORT) => Protocol::Grpc,
            None => Protocol::HttpProtobuf,
        }
    }

    /// `key=value,key=value`, percent-encoded; those of hookswitch.yaml count more.
    fn headers(&mut self, written: &Written, signal: Signal) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        if let Some((variable, text)) = self.of_signal(signal, "HEADERS") {
            for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
                let header = pair.split_once('=').and_then(|(name, value)| {
                    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                    Some((name.trim().parse().ok()?, sensitive(&value)?))
                });
                match header {
                    Some(header) => headers.push(header),
                    None => self.warn(&variable, &"it is not a list as name=value,name=value"),
                }
            }
        }
        headers.extend(
            written.headers.iter().filter_map(|(name, value)| Some((name.clone(), sensitive(value.expose())?))),
        );
        headers
    }

    fn sampler(&mut self, sample: Option<f64>) -> Sampler {
        if let Some(part) = sample {
            return Sampler::parent_based(part);
        }
        let Some(name) = self.text("OTEL_TRACES_SAMPLER") else { return Sampler::default() };
        let argument = self.text("OTEL_TRACES_SAMPLER_ARG");
        Sampler::named(&name, argument.as_deref()).unwrap_or_else(|error| {
            self.warn("OTEL_TRACES_SAMPLER", &error);
            Sampler::default()
        })
    }

    fn batching(&mut self, which: &str, delay: Duration) -> Batching {
        let mut count = |what: &str| {
            let name = format!("OTEL_{which}_{what}");
            self.parsed::<usize>(&name).filter(|count| *count > 0)
        };
        let waiting = count("MAX_QUEUE_SIZE").unwrap_or(BOUNDS.waiting);
        let batch = count("MAX_EXPORT_BATCH_SIZE").unwrap_or(BOUNDS.batch).min(waiting);
        let delay = self.milliseconds(&format!("OTEL_{which}_SCHEDULE_DELAY")).unwrap_or(delay);
        Batching { bounds: Bounds { waiting, batch }, delay }
    }

    fn resource(&mut self, instance: &str) -> Vec<(String, String)> {
        let mut resource: Vec<(String, String)> = [
            ("service.name", env!("CARGO_PKG_NAME")),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", instance),
            ("telemetry.sdk.name", env!("CARGO_PKG_NAME")),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let mut set = |key: &str, value: String| match resource.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => resource.push((key.to_owned(), value)),
        };
        let written = self.text("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        for pair in written.split(',').filter(|pair| !pair.trim().is_empty()) {
            let decoded = |text: &str| Some(percent_decode_str(text.trim()).decode_utf8().ok()?.into_owned());
            match pair.split_once('=').and_then(|(key, value)| Some((decoded(key)?, decoded(value)?))) {
                Some((key, value)) if !key.is_empty() => set(&key, value),
                _ => self.warn("OTEL_RESOURCE_ATTRIBUTES", &"it is not a list as key=value,key=value"),
            }
        }
        if let Some(name) = self.text("OTEL_SERVICE_NAME") {
            set("service.name", name);
        }
        resource
    }
}

/// Not shown in any debug output.
fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// gRPC's own way of writing an address has none.
fn with_scheme(endpoint: &str) -> String {
    if endpoint.contains("://") { endpoint.to_owned() } else { format!("http://{endpoint}") }
}

/// Whether `endpoint` can be one at all.
pub fn is_endpoint(endpoint: &str) -> bool {
    with_scheme(endpoint).parse().is_ok_and(|uri| place(&uri, Protocol::Grpc, Signal::Traces, false).is_some())
}

/// The path of a signal below a common endpoint; an endpoint of a signal's own is whole.
fn place(base: &Uri, protocol: Protocol, signal: Signal, is_whole: bool) -> Option<Uri> {
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    if !matches!(scheme, "http" | "https") || authority.as_str().contains('@') {
        return None;
    }
    let path = match (protocol, is_whole) {
        (Protocol::Grpc, _) => {
            let (package, service) = match signal {
                Signal::Traces => ("trace", "TraceService"),
                Signal::Metrics => ("metrics", "MetricsService"),
                Signal::Logs => ("logs", "LogsService"),
            };
            format!("/opentelemetry.proto.collector.{package}.v1.{service}/Export")
        }
        (Protocol::HttpProtobuf, true) => base.path_and_query().map_or("/".to_owned(), ToString::to_string),
        (Protocol::HttpProtobuf, false) => format!("{}/v1/{}", base.path().trim_end_matches('/'), signal.name()),
    };
    Uri::builder().scheme(scheme).authority(authority.clone()).path_and_query(path).build().ok()
}
