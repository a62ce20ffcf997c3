//! What hookswitch.yaml says about the process itself, compiled: listeners, bounds, shutdown, logs, telemetry.

mod telemetry;

pub use telemetry::Telemetry;

mod tls;

pub use tls::Tls;

use crate::body;
use crate::config;
use crate::config::spec::{ListenSpec, LogFormatSpec, LogLevelSpec, OneOrMany, ProcessSpec};
use crate::diagnostic::At;
use crate::route;
use crate::secret::Secret;
use crate::server::client_address::TrustedProxies;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The process's settings. Listeners, limits and the log's format change only by a restart.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: Vec<Listen>,
    pub trusted_proxies: TrustedProxies,
    pub admin: Admin,
    pub limits: Limits,
    pub shutdown: Shutdown,
    pub log: Log,
    pub telemetry: Telemetry,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    pub address: SocketAddr,
    /// `scheme://host[:port][/prefix]`, for schemes that sign the URL.
    pub public_url: Option<Arc<str>>,
    /// Connections begin with a PROXY header, believed from `trusted_proxies`.
    pub proxy_protocol: bool,
    pub tls: Option<Tls>,
}

#[derive(Debug, Clone)]
pub struct Admin {
    pub listen: SocketAddr,
    pub token: Option<Secret>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub connections: u32,
    /// Events being worked on at once.
    pub in_flight: u32,
    /// Bytes of their bodies.
    pub in_flight_bytes: u64,
    /// Events of routes with `ack: accepted` that are still to be delivered.
    pub accepted: u32,
    /// Bytes of their bodies.
    pub accepted_bytes: u64,
    pub header_timeout: Duration,
    pub body_timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shutdown {
    /// How long listeners go on accepting after SIGTERM.
    pub delay: Duration,
    /// How long events in flight may take to finish.
    pub grace: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub level: LogLevelSpec,
    /// `None`: human on a terminal, else JSON.
    pub format: Option<LogFormatSpec>,
    pub payloads: bool,
}

const WEBHOOKS_DEFAULT: &str = "127.0.0.1:8080";
pub const ADMIN_DEFAULT: &str = "127.0.0.1:9901";

impl Settings {
    /// Reports every mistake; `None` if there was one.
    pub fn compile(spec: &ProcessSpec, at: &At<'_>) -> Option<Settings> {
        let listen = compile_listen(spec, &at.key("listen"));
        let trusted_proxies = compile_networks(&spec.trusted_proxies, &at.key("trusted_proxies"));
        let admin = compile_admin(spec, &at.key("admin"));
        let limits = compile_limits(spec, &at.key("limits"));
        let shutdown = compile_shutdown(spec, &at.key("shutdown"));
        let log = compile_log(spec, &at.key("log"));
        let telemetry = Telemetry::compile(spec, &at.key("telemetry"));
        let defaults = check_defaults(spec, &at.key("defaults"));
        defaults?;
        Some(Settings {
            listen: listen?,
            trusted_proxies: trusted_proxies?,
            admin: admin?,
            limits: limits?,
            shutdown: shutdown?,
            log: log?,
            telemetry: telemetry?,
        })
    }
}

impl Settings {
    /// The listeners that are open take over the certificates of `newer`.
    pub fn renew_certificates(&self, newer: &Settings) {
        for (open, newer) in self.listen.iter().zip(&newer.listen) {
            if let (Some(open), Some(newer)) = (&open.tls, &newer.tls) {
                open.renew(newer);
            }
        }
    }

    /// Whether all that only a restart changes is the same in `other`.
    pub fn needs_no_restart_after(&self, other: &Settings) -> bool {
        let own = (&self.listen, &self.admin.listen, &self.admin.token, &self.limits, &self.log.format);
        own == (&other.listen, &other.admin.listen, &other.admin.token, &other.limits, &other.log.format)
            && self.telemetry.export == other.telemetry.export
    }
}

fn address(written: &str, at: &At<'_>) -> Option<SocketAddr> {
    let text = config::plain(written, at)?;
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            let help =
                "write an IP address and a port: 0.0.0.0:8080, [::]:8080 or 127.0.0.1:0 for a free port".to_owned();
            at.error("address-malformed", "this is not an address to listen on", help);
            None
        }
    }
}

fn compile_listen(process: &ProcessSpec, at: &At<'_>) -> Option<Vec<Listen>> {
    let spec_has_proxies = !process.trusted_proxies.is_empty();
    let one = |spec: &ListenSpec, at: &At<'_>| match spec {
        ListenSpec::Address(written) => {
            Some(Listen { address: address(written, at)?, public_url: None, proxy_protocol: false, tls: None })
        }
        ListenSpec::Listener(listener) => Some(Listen {
            address: address(&listener.address, &at.key("address"))?,
            public_url: match &listener.public_url {
                Some(written) => Some(public_url(written, &at.key("public_url"))?),
                None => None,
            },
            proxy_protocol: match &listener.proxy_protocol {
                Some(written) => believable(config::scalar(written, &at.key("proxy_protocol"))?, spec_has_proxies, at)?,
                None => false,
            },
            tls: match &listener.tls {
                Some(spec) => Some(Tls::compile(spec, &at.key("tls"))?),
                None => None,
            },
        }),
    };
    match &process.listen {
        None => one(&ListenSpec::Address(WEBHOOKS_DEFAULT.to_owned()), at).map(|listen| vec![listen]),
        Some(OneOrMany::One(spec)) => one(spec, at).map(|listen| vec![listen]),
        Some(OneOrMany::Many(specs)) if specs.is_empty() => {
            at.error("listen-empty", "an empty list listens nowhere", "leave it out for 127.0.0.1:8080".to_owned());
            None
        }
        Some(OneOrMany::Many(specs)) => {
            let compiled: Vec<Option<Listen>> =
                specs.iter().enumerate().map(|(index, spec)| one(spec, &at.index(index))).collect();
            compiled.into_iter().collect()
        }
    }
}

/// A PROXY header that nobody may send would close every connection.
fn believable(wanted: bool, there_are_proxies: bool, at: &At<'_>) -> Option<bool> {
    if wanted && !there_are_proxies {
        let help = "add the balancer's addresses to `trusted_proxies`".to_owned();
        at.key("proxy_protocol").error("proxy-protocol", "there is no `trusted_proxies` to believe", help);
        return None;
    }
    Some(wanted)
}

/// `scheme://host[:port][/prefix]`, kept without a slash at its end.
fn public_url(written: &str, at: &At<'_>) -> Option<Arc<str>> {
    let text = config::plain(written, at)?;
    let parsed: Option<http::Uri> = text.parse().ok();
    let fits = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some()
            && uri.query().is_none()
            && !text.contains(['#', '@'])
    });
    if !fits {
        at.error(
            "public-url-malformed",
            "this is not scheme://host[:port][/prefix]",
            "as https://hooks.example.com".to_owned(),
        );
        return None;
    }
    Some(text.trim_end_matches('/').into())
}

fn compile_networks(written: &[String], at: &At<'_>) -> Option<TrustedProxies> {
    let mut networks = Vec::with_capacity(written.len());
    for (index, network) in written.iter().enumerate() {
        let at = at.index(index);
        let text = config::plain(network, &at)?;
        if let Err(error) = TrustedProxies::parse([&text]) {
            at.error("network-malformed", error.to_string(), "write it as 10.0.0.0/8 or 192.0.2.1".to_owned());
            return None;
        }
        networks.push(text);
    }
    TrustedProxies::parse(networks).ok()
}

fn compile_admin(spec: &ProcessSpec, at: &At<'_>) -> Option<Admin> {
    let admin = spec.admin.clone().unwrap_or_default();
    let listen = address(admin.listen.as_deref().unwrap_or(ADMIN_DEFAULT), &at.key("listen"))?;
    let token = match &admin.token {
        Some(written) => Some(config::secret(written, &at.key("token"))?.0),
        None => None,
    };
    if token.is_none() && !listen.ip().is_loopback() {
        let help = "add `token: \"${env:ADMIN_TOKEN}\"`, or listen on 127.0.0.1".to_owned();
        at.error("admin-token-missing", "an admin listener off loopback needs a token", help);
        return None;
    }
    Some(Admin { listen, token })
}

fn compile_limits(spec: &ProcessSpec, at: &At<'_>) -> Option<Limits> {
    let limits = spec.limits.clone().unwrap_or_default();
    let count = |written: &Option<config::spec::Scalar<u32>>, key: &str, default: u32| {
        let Some(written) = written else { return Some(default) };
        let at = at.key(key);
        let value: u32 = config::scalar(written, &at)?;
        if value == 0 {
            at.error("limit-zero", "a limit of 0 would let nothing in", None);
            return None;
        }
        Some(value)
    };
    let time = |written: &Option<String>, key: &str, default: Duration| duration_or(written, default, &at.key(key));
    let size = |written: &Option<String>, key: &str| match written {
        Some(written) => config::size(written, &at.key(key)),
        None => Some(config::spec::IN_FLIGHT_BYTES_DEFAULT),
    };
    Some(Limits {
        connections: count(&limits.connections, "connections", 10_000)?,
        in_flight: count(&limits.in_flight, "in_flight", 5_000)?,
        in_flight_bytes: size(&limits.in_flight_bytes, "in_flight_bytes")?,
        accepted: count(&limits.accepted, "accepted", 5_000)?,
        accepted_bytes: size(&limits.accepted_bytes, "accepted_bytes")?,
        header_timeout: time(&limits.header_timeout, "header_timeout", Duration::from_secs(10))?,
        body_timeout: time(&limits.body_timeout, "body_timeout", Duration::from_secs(30))?,
    })
}

fn duration_or(written: &Option<String>, default: Duration, at: &At<'_>) -> Option<Duration> {
    match written {
        Some(written) => config::duration(written, at),
        None => Some(default),
    }
}

fn compile_shutdown(spec: &ProcessSpec, at: &At<'_>) -> Option<Shutdown> {
    let shutdown = spec.shutdown.clone().unwrap_or_default();
    let delay = duration_or(&shutdown.delay, Duration::ZERO, &at.key("delay"));
    let grace = duration_or(&shutdown.grace, Duration::from_secs(30), &at.key("grace"));
    Some(Shutdown { delay: delay?, grace: grace? })
}

fn compile_log(spec: &ProcessSpec, at: &At<'_>) -> Option<Log> {
    let log = spec.log.clone().unwrap_or_default();
    let payloads = log.payloads.as_ref().map_or(Some(false), |payloads| config::scalar(payloads, &at.key("payloads")));
    Some(Log { level: log.level.unwrap_or_default(), format: log.format, payloads: payloads? })
}

/// Routes read `defaults` silently; its mistakes are told once, here.
fn check_defaults(spec: &ProcessSpec, at: &At<'_>) -> Option<()> {
    let Some(defaults) = &spec.defaults else { return Some(()) };
    let deadline = defaults
        .deadline
        .as_ref()
        .map_or(Some(Duration::ZERO), |written| route::deadline(written, &at.key("deadline")));
    let timeout =
        defaults.timeout.as_ref().map_or(Some(Duration::ZERO), |written| config::duration(written, &at.key("timeout")));
    let max_size =
        defaults.max_size.as_ref().map_or(Some(0), |written| body::check_max_size(written, &at.key("max_size")));
    deadline.and(timeout).and(max_size).map(|_| ())
}
