//! `hookswitch sign`: a request that a route's `verify` lets in, made with the secrets of the configuration.

use super::arguments;
use super::offline::{self, Uuid};
use crate::clock::Clock;
use crate::event::RequestInfo;
use crate::examples::{self, Failure};
use crate::matcher::HostPattern;
use crate::route::Route;
use crate::secret::Missing;
use crate::server::arrival::{Arrival, Inbound};
use crate::server::client_address::TrustedProxies;
use crate::settings::Settings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration folder
    #[arg(short, long, value_name = "DIR")]
    config: Option<PathBuf>,
    route: String,
    /// The body, or @FILE; without a content-type header it is JSON
    #[arg(short, long, value_name = "BODY")]
    data: Option<String>,
    /// A header, as 'name: value'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// Where to, as a URL or as a path with query [default: the route's path at the first listener]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Curl)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Curl,
    Json,
}

/// A request, signed.
struct Signed {
    route: String,
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

pub fn run(args: Args) -> ExitCode {
    let Some(loaded) = offline::load_with(args.config.as_deref(), Missing::Fails, Uuid::Fixed) else {
        return ExitCode::FAILURE;
    };
    let generation = loaded.rehearsal.generation();
    let routes = &generation.value.table.routes;
    let Some(route) = routes.iter().find(|route| *route.name == *args.route) else {
        let names = routes.iter().map(|route| &*route.name);
        let hint = crate::suggest::did_you_mean(&args.route, names).map(|hint| format!("; {hint}"));
        super::say_error(&format!("there is no route `{}`{}", args.route, hint.unwrap_or_default()));
        return ExitCode::from(2);
    };
    let draft = match draft(&args, route, &generation.value.settings) {
        Ok(draft) => draft,
        Err(Failure(message)) => {
            super::say_error(&message);
            return ExitCode::from(2);
        }
    };
    match sign(route, draft) {
        Ok(signed) => super::print(&match args.format {
            Format::Curl => curl(&signed),
            Format::Json => super::json(&document(&signed)),
        }),
        Err(error) => {
            super::say_error(&format!("a request for `{}` cannot be signed: {error}", route.name));
            ExitCode::FAILURE
        }
    }
}

/// A request that is not signed yet.
struct Draft {
    /// Without path and query.
    base: String,
    request: RequestInfo,
    body: Bytes,
}

fn draft(args: &Args, route: &Route, settings: &Settings) -> Result<Draft, Failure> {
    let listen = settings.listen.first();
    let target = match &args.url {
        Some(url) => url.clone(),
        None if route.path().contains('{') => {
            let message = format!("the path {} has parameters; write --url with their values", route.path());
            return Err(Failure(message));
        }
        None => route.path().to_owned(),
    };
    let method = if route.methods().contains(&Method::POST) { Some(&Method::POST) } else { route.methods().first() };
    let headers = arguments::headers(&args.headers)?;
    let body = args.data.as_deref().map(arguments::body).transpose()?.unwrap_or_default();
    let method = method.cloned().unwrap_or(Method::POST);
    let (request, written_base) = examples::build(examples::Written { method, target: &target, headers, body })?;
    let configured = listen.and_then(|listen| listen.public_url.clone());
    let base = written_base.clone().or_else(|| configured.clone()).unwrap_or_else(|| address(settings).into());
    let (head, body) = request.into_parts();
    let public_url: Option<Arc<str>> = configured.or(written_base);
    let inbound = Inbound::plain(Ipv4Addr::LOCALHOST.into(), public_url);
    let arrival = Arrival::new(head, inbound, &TrustedProxies::default(), Clock::System, None)
        .map_err(|(_, error)| Failure(error.to_string()))?;
    let params = route.params_of(&arrival.path).unwrap_or_default();
    Ok(Draft { base: base.trim_end_matches('/').to_owned(), request: arrival.into_request(params), body })
}

/// The first listener as this machine reaches it.
fn address(settings: &Settings) -> String {
    let Some(listen) = settings.listen.first() else { return "http://127.0.0.1:8080".to_owned() };
    let mut address = listen.address;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let scheme = if listen.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

fn sign(route: &Route, draft: Draft) -> Result<Signed, crate::verify::SignError> {
    let Draft { base, mut request, mut body } = draft;
    let verifier = route.verifier();
    if verifier.is_none() {
        super::say_note("anyone may call this route: there is nothing to sign");
    }
    if verifier.wants_address() {
        super::say_note("this route also looks at the address: send the request from one that is allowed");
    }
    let (id, now) = (format!("msg_{:032x}", fastrand::u128(..)), request.time);
    verifier.sign(&mut request, &mut body, now, &id)?;
    let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let host = route.hosts().iter().find_map(|host| match host {
        HostPattern::Exact(name) => Some(name.clone()),
        HostPattern::Below(_) => None,
    });
    let mut headers = shown(&request.headers);
    headers.extend(host.map(|host| ("host".to_owned(), host)));
    Ok(Signed {
        route: route.name.to_string(),
        method: request.method,
        url: format!("{base}{}{query}", request.path),
        headers,
        body,
    })
}

/// What a client does not write by itself.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let own = headers.iter().filter(|(name, _)| **name != header::HOST);
    own.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}

fn document(signed: &Signed) -> Value {
    let mut document = json!({
        "version": 1,
        "route": signed.route,
        "method": signed.method.as_str(),
        "url": signed.url,
        "headers": signed.headers,
    });
    let (key, body) = match std::str::from_utf8(&signed.body) {
        Ok(text) => ("body", text.to_owned()),
        Err(_) => ("body_base64", STANDARD.encode(&signed.body)),
    };
    if let Value::Object(members) = &mut document {
        members.insert(key.to_owned(), body.into());
    }
    document
}

/// A command for a POSIX shell. Bytes that no argument can hold come through a pipe.
fn curl(signed: &Signed) -> String {
    let text = std::str::from_utf8(&signed.body).ok().filter(|text| !text.contains('\0'));
    let mut out = String::new();
    // Writing to a String does not fail.
    if text.is_none() {
        let _ = write!(out, "printf %s {} | base64 -d | ", quoted(&STANDARD.encode(&signed.body)));
    }
    // --globoff: a bracket in a URL is a bracket.
    let method = if signed.method == Method::HEAD { "--head".to_owned() } else { format!("-X {}", signed.method) };
    let _ = write!(out, "curl --globoff {method} {}", quoted(&signed.url));
    for (name, value) in &signed.headers {
        // A header without a value is written with a semicolon.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        let _ = write!(out, " \\\n  -H {}", quoted(&header));
    }
    let has_type = signed.headers.iter().any(|(name, _)| name == header::CONTENT_TYPE.as_str());
    match text {
        Some("") => {}
        // --data-raw: an at sign at the beginning names no file.
        Some(text) => {
            let _ = write!(out, " \\\n  --data-raw {}", quoted(text));
        }
        None => out.push_str(" \\\n  --data-binary @-"),
    }
    if !signed.body.is_empty() && !has_type {
        out.push_str(" \\\n  -H 'content-type:'");
    }
    out.push('\n');
    out
}

/// One word to a POSIX shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// The shell itself is asked what it makes of it.
        #[test]
        fn a_shell_reads_back_what_was_quoted(text in "[^\0]{0,40}") {
            let script = format!("printf %s {}", quoted(&text));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            prop_assert_eq!(output.stdout, text.as_bytes());
        }
    }

    #[test]
    fn bytes_that_are_no_text_come_through_a_pipe() {
        let signed = Signed {
            route: "a".to_owned(),
            method: Method::POST,
            url: "http://h/it's".to_owned(),
            headers: vec![("x-empty".to_owned(), String::new())],
            body: Bytes::from_static(b"\xff\0"),
        };
        let command = curl(&signed);
        assert!(command.starts_with("printf %s '/wA=' | base64 -d | curl --globoff -X POST 'http://h/it'\\''s'"));
        assert!(command.contains("-H 'x-empty;'") && command.ends_with("--data-binary @- \\\n  -H 'content-type:'\n"));
        assert_eq!(document(&signed)["body_base64"], "/wA=");
    }
}
