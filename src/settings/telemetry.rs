//! What hookswitch.yaml says about telemetry, compiled.

use crate::config;
use crate::config::spec::{OtlpProtocolSpec, ProcessSpec, SignalSpec};
use crate::diagnostic::At;
use crate::secret::holds_stand_in;
use crate::telemetry::otlp::{Protocol, Signal, Written, is_endpoint};
use http::HeaderName;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// Changes only by a restart.
    pub export: Written,
    /// With `{trace_id}` in it.
    pub trace_url: Option<Arc<str>>,
}

impl Telemetry {
    pub(super) fn compile(spec: &ProcessSpec, at: &At<'_>) -> Option<Telemetry> {
        let spec = spec.telemetry.clone().unwrap_or_default();
        let endpoint = spec.otlp.as_ref().map_or(Some(None), |written| endpoint(written, &at.key("otlp")));
        let headers: Vec<_> =
            spec.headers.iter().map(|(name, value)| header(name, value, &at.key("headers").key(name))).collect();
        let sample = spec
            .sample
            .as_ref()
            .map_or(Some(None), |sample| part(config::scalar(sample, &at.key("sample"))?, at).map(Some));
        let trace_url =
            spec.trace_url.as_ref().map_or(Some(None), |written| trace_url(written, &at.key("trace_url")).map(Some));
        let protocol = spec.protocol.map(|protocol| match protocol {
            OtlpProtocolSpec::Grpc => Protocol::Grpc,
            OtlpProtocolSpec::HttpProtobuf => Protocol::HttpProtobuf,
        });
        let signals = spec.signals.map(|signals| signals.into_iter().map(signal).collect());
        let headers = headers.into_iter().collect::<Option<_>>();
        let export = Written { endpoint: endpoint?, protocol, headers: headers?, signals, sample: sample? };
        Some(Telemetry { export, trace_url: trace_url? })
    }
}

fn signal(spec: SignalSpec) -> Signal {
    match spec {
        SignalSpec::Traces => Signal::Traces,
        SignalSpec::Metrics => Signal::Metrics,
        SignalSpec::Logs => Signal::Logs,
    }
}

/// Empty is none, so that `${env:NAME:-}` can turn it off.
fn endpoint(written: &str, at: &At<'_>) -> Option<Option<String>> {
    let text = config::plain(written, at)?;
    if text.is_empty() || holds_stand_in(&text) {
        return Some(None);
    }
    if !is_endpoint(&text) {
        let help = "write http://HOST:4318, or http://HOST:4317 for gRPC; credentials go into `headers`".to_owned();
        at.error("otlp-endpoint", "this is not the endpoint of a collector", help);
        return None;
    }
    Some(Some(text))
}

fn header(name: &str, value: &str, at: &At<'_>) -> Option<(HeaderName, crate::secret::Secret)> {
    let (secret, _) = config::secret(value, at)?;
    let is_value = http::HeaderValue::from_str(secret.expose()).is_ok();
    let Some(name) = name.parse().ok().filter(|_| is_value) else {
        at.error(
            "otlp-header",
            "this is no header",
            "a name of letters, digits and hyphens, a value on one line".to_owned(),
        );
        return None;
    };
    Some((name, secret))
}

fn part(sample: f64, at: &At<'_>) -> Option<f64> {
    if !(0.0..=1.0).contains(&sample) {
        let help = "0.1 records every tenth trace that begins here".to_owned();
        at.key("sample").error("telemetry-sample", "this is not a part from 0 to 1", help);
        return None;
    }
    Some(sample)
}

/// A browser follows it: anything but http(s) could be a program.
fn trace_url(written: &str, at: &At<'_>) -> Option<Arc<str>> {
    let text = config::plain(written, at)?;
    let filled = text.replace("{trace_id}", "0");
    let parsed: Option<url::Url> = filled.parse().ok();
    if filled == text || !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
        let help = "as https://jaeger.example/trace/{trace_id}".to_owned();
        at.error("trace-url-malformed", "this is not an http(s) URL with {trace_id} in it", help);
        return None;
    }
    Some(text.into())
}
