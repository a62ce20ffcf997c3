//! hookswitch.yaml: process settings, and what several routes share.

use super::{
    AcceptSpec, BodySpec, DedupeSpec, EgressSpec, LimitSpec, MethodSpec, OneOrMany, Ordered, ProviderSpec, RetrySpec,
    Scalar, TargetSpec, TransformSpec, VerifySpec,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// hookswitch.yaml: all of it is optional.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "hookswitch.yaml")]
pub struct ProcessSpec {
    /// Where webhooks arrive: an address, a listener, or a list of them. Default 127.0.0.1:8080.
    #[schemars(with = "OneOrMany<ListenSpec>")]
    #[serde(default)]
    pub listen: Option<OneOrMany<ListenSpec>>,
    /// Whose X-Forwarded-For and Forwarded are believed (CIDR).
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    #[schemars(with = "AdminSpec")]
    #[serde(default)]
    pub admin: Option<AdminSpec>,
    #[schemars(with = "DefaultsSpec")]
    #[serde(default)]
    pub defaults: Option<DefaultsSpec>,
    #[serde(default)]
    pub sources: Ordered<SourceSpec>,
    #[serde(default)]
    pub targets: Ordered<TargetSpec>,
    #[serde(default)]
    pub transforms: Ordered<TransformSpec>,
    /// Look-up tables, in expressions as `tables.NAME[key]`.
    #[serde(default)]
    pub tables: Ordered<Value>,
    /// Senders of one's own, in the terms of the built-in table; routes name them with `verify: {provider: NAME}`.
    #[serde(default)]
    pub providers: Ordered<ProviderSpec>,
    #[schemars(with = "LimitsSpec")]
    #[serde(default)]
    pub limits: Option<LimitsSpec>,
    /// Where deliveries may go, and through which proxy.
    #[schemars(with = "EgressSpec")]
    #[serde(default)]
    pub egress: Option<EgressSpec>,
    #[schemars(with = "ShutdownSpec")]
    #[serde(default)]
    pub shutdown: Option<ShutdownSpec>,
    #[schemars(with = "LogSpec")]
    #[serde(default)]
    pub log: Option<LogSpec>,
    #[schemars(with = "TelemetrySpec")]
    #[serde(default)]
    pub telemetry: Option<TelemetrySpec>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ListenSpec {
    Address(String),
    Listener(ListenerSpec),
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerSpec {
    pub address: String,
    /// Connections begin with a PROXY protocol header (v1 or v2); it is believed from `trusted_proxies` alone.
    #[schemars(with = "Scalar<bool>")]
    #[serde(default)]
    pub proxy_protocol: Option<Scalar<bool>>,
    /// `scheme://host[:port][/prefix]` under which senders reach this listener, for schemes that sign the URL.
    #[schemars(with = "String")]
    #[serde(default)]
    pub public_url: Option<String>,
    /// TLS on this listener, with HTTP/2 and HTTP/1.1 (ALPN).
    #[schemars(with = "ListenerTlsSpec")]
    #[serde(default)]
    pub tls: Option<ListenerTlsSpec>,
}

/// Certificates of a listener: paths of PEM files, or PEM itself. Changed files are taken over without a restart.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerTlsSpec {
    /// The listener's certificate, then its chain.
    pub cert: String,
    /// The private key of the certificate.
    pub key: String,
    /// Authorities: a client must show a certificate that one of them has signed.
    #[schemars(with = "String")]
    #[serde(default)]
    pub client_ca: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminSpec {
    /// Default 127.0.0.1:9901.
    #[schemars(with = "String")]
    #[serde(default)]
    pub listen: Option<String>,
    /// Required off loopback; /livez and /readyz need none.
    #[schemars(with = "String")]
    #[serde(default)]
    pub token: Option<String>,
}

/// What routes and targets get that do not say it themselves.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultsSpec {
    #[schemars(with = "String")]
    #[serde(default)]
    pub timeout: Option<String>,
    #[schemars(with = "RetrySpec")]
    #[serde(default)]
    pub retry: Option<RetrySpec>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub deadline: Option<String>,
    #[schemars(with = "String")]
    #[serde(default)]
    pub max_size: Option<String>,
    #[schemars(with = "Vec<AcceptSpec>")]
    #[serde(default)]
    pub accept: Option<Vec<AcceptSpec>>,
}

/// Where webhooks of one sender arrive; routes name it with `match.source`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    #[schemars(regex(pattern = r"^(/|\$\{)"))]
    pub path: String,
    #[schemars(with = "Vec<MethodSpec>")]
    #[serde(default)]
    pub methods: Option<Vec<MethodSpec>>,
    #[schemars(with = "Vec<String>")]
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    pub verify: VerifySpec,
    #[schemars(with = "BodySpec")]
    #[serde(default)]
    pub body: Option<BodySpec>,
    /// Of the source as a whole, or of each client or key.
    #[schemars(with = "LimitSpec")]
    #[serde(default)]
    pub limit: Option<LimitSpec>,
    /// For every route of this source that has none of its own.
    #[schemars(with = "DedupeSpec")]
    #[serde(default)]
    pub dedupe: Option<DedupeSpec>,
}

/// 256 MiB.
pub const IN_FLIGHT_BYTES_DEFAULT: u64 = 256 << 20;

/// Bounds of the process.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsSpec {
    /// Open inbound connections. Default 10000.
    #[schemars(with = "Scalar<u32>")]
    #[serde(default)]
    pub connections: Option<Scalar<u32>>,
    /// Events being worked on; more are answered 503. Default 5000.
    #[schemars(with = "Scalar<u32>")]
    #[serde(default)]
    pub in_flight: Option<Scalar<u32>>,
    /// Bytes of the bodies being worked on. Default 256MiB.
    #[schemars(with = "String")]
    #[serde(default)]
    pub in_flight_bytes: Option<String>,
    /// Events of routes with `ack: accepted` that are still to be delivered; more are answered 503. Default 5000.
    #[schemars(with = "Scalar<u32>")]
    #[serde(default)]
    pub accepted: Option<Scalar<u32>>,
    /// Bytes of their bodies. Default 256MiB.
    #[schemars(with = "String")]
    #[serde(default)]
    pub accepted_bytes: Option<String>,
    /// From the first byte of a request to the end of its headers. Default 10s.
    #[schemars(with = "String")]
    #[serde(default)]
    pub header_timeout: Option<String>,
    /// From the end of the headers to the end of the body. Default 30s.
    #[schemars(with = "String")]
    #[serde(default)]
    pub body_timeout: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShutdownSpec {
    /// How long listeners go on accepting after SIGTERM. Default 0s.
    #[schemars(with = "String")]
    #[serde(default)]
    pub delay: Option<String>,
    /// How long events in flight may take to finish. Default 30s.
    #[schemars(with = "String")]
    #[serde(default)]
    pub grace: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSpec {
    #[schemars(with = "LogLevelSpec")]
    #[serde(default)]
    pub level: Option<LogLevelSpec>,
    /// Default: human on a terminal, else json.
    #[schemars(with = "LogFormatSpec")]
    #[serde(default)]
    pub format: Option<LogFormatSpec>,
    /// Adds headers and bodies to the log, with known secrets and credential headers masked. Default false.
    #[schemars(with = "Scalar<bool>")]
    #[serde(default)]
    pub payloads: Option<Scalar<bool>>,
}

/// Traces, metrics and logs for a collector (OTLP); the standard OTEL_* variables hold where nothing is written.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySpec {
    /// The collector's endpoint, as http://collector:4318. Default: OTEL_EXPORTER_OTLP_ENDPOINT; empty or absent: nothing is
    /// exported.
    #[schemars(with = "String")]
    #[serde(default)]
    pub otlp: Option<String>,
    /// Default: OTEL_EXPORTER_OTLP_PROTOCOL, else grpc on port 4317 and http/protobuf elsewhere.
    #[schemars(with = "OtlpProtocolSpec")]
    #[serde(default)]
    pub protocol: Option<OtlpProtocolSpec>,
    /// Sent with every export, as a token.
    #[serde(default)]
    pub headers: Ordered<String>,
    /// What is exported. Default: all of traces, metrics and logs.
    #[schemars(with = "Vec<SignalSpec>")]
    #[serde(default)]
    pub signals: Option<Vec<SignalSpec>>,
    /// The part of traces that is recorded, of those that begin here; senders decide for those that they begin. From 0 to
    /// 1; default: OTEL_TRACES_SAMPLER, else 1.
    #[schemars(with = "Scalar<f64>")]
    #[serde(default)]
    pub sample: Option<Scalar<f64>>,
    /// Where a trace can be looked at, with {trace_id}: `https://jaeger.example.com/trace/{trace_id}`
    #[schemars(with = "String")]
    #[serde(default)]
    pub trace_url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum OtlpProtocolSpec {
    #[serde(rename = "grpc")]
    Grpc,
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignalSpec {
    Traces,
    Metrics,
    Logs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevelSpec {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormatSpec {
    Json,
    Human,
}
