//! `hookswitch explain`: what [`crate::explain`] finds, for people or as it is.

#![expect(clippy::indexing_slicing, reason = "keys of a JSON document made here; one that is missing reads as null")]

use super::{Shown, arguments, offline};
use crate::examples::{Failure, Written};
use crate::explain::explain;
use chrono::Utc;
use http::Method;
use serde_json::Value;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration folder
    #[arg(short, long, value_name = "DIR")]
    config: Option<PathBuf>,
    method: String,
    /// Path and query, or a whole URL
    path: String,
    /// A header, as 'name: value'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// The body, or @FILE; without a content-type header it is JSON
    #[arg(short, long, value_name = "BODY")]
    data: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    format: Shown,
}

pub fn run(args: Args) -> ExitCode {
    let Some(offline) = offline::load(args.config.as_deref()) else { return ExitCode::FAILURE };
    let report = match told(&args, &offline) {
        Ok(mut report) => {
            offline.hide(&mut report);
            report
        }
        Err(Failure(message)) => {
            super::say_error(&message);
            return ExitCode::from(2);
        }
    };
    super::print(&match args.format {
        Shown::Human => human(&report),
        Shown::Json => super::json(&report),
    })
}

fn told(args: &Args, offline: &offline::Offline) -> Result<Value, Failure> {
    let method = args.method.to_ascii_uppercase();
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| Failure(format!("`{method}` is not a method")))?;
    let headers = arguments::headers(&args.headers)?;
    let body = args.data.as_deref().map(arguments::body).transpose()?.unwrap_or_default();
    let written = Written { method, target: &args.path, headers, body };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Failure(format!("cannot run it: {error}")))?;
    runtime.block_on(explain(&offline.rehearsal, written, Utc::now()))
}

fn human(report: &Value) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_human(report, &mut out);
    out
}

fn write_human(report: &Value, out: &mut String) -> std::fmt::Result {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    writeln!(out, "{} {}", text(&report["request"]["method"]), text(&report["request"]["path"]))?;
    match report["endpoint"].as_str() {
        Some(endpoint) => writeln!(out, "  path pattern {endpoint}; verify is taken as passed")?,
        None => writeln!(out, "  no route has this host and path")?,
    }
    if report["handshake"] == true {
        writeln!(out, "  a handshake of the provider: answered here, takes no route")?;
    }
    for route in report["routes"].as_array().into_iter().flatten() {
        let reason = route["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
        writeln!(
            out,
            "\nroute {} ({}) {}{reason}",
            text(&route["name"]),
            text(&route["file"]),
            text(&route["outcome"])
        )?;
        if let Some(when) = route["when"].as_str() {
            writeln!(out, "  when {}", when.lines().map(str::trim).collect::<Vec<_>>().join(" "))?;
        }
        for element in route["elements"].as_array().into_iter().flatten() {
            let reason = element["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
            writeln!(out, "  element {} {}{reason}", element["element"], text(&element["outcome"]))?;
        }
        let own = |delivery: &&Value| delivery["route"] == route["name"];
        for delivery in report["deliveries"].as_array().into_iter().flatten().filter(own) {
            write_delivery(delivery, out)?;
        }
    }
    let response = &report["response"];
    writeln!(out, "\nanswer {} {}", response["status"], text(&response["body"]))
}

fn write_delivery(delivery: &Value, out: &mut String) -> std::fmt::Result {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut target = text(&delivery["target"]);
    if let Some(chosen) = delivery["chosen"].as_str() {
        target.push_str(&format!(" ({chosen})"));
    }
    if let Some(element) = delivery["element"].as_u64() {
        target.push_str(&format!(" of element {element}"));
    }
    if let Some(reason) = delivery["reason"].as_str() {
        return writeln!(out, "  target {target} {}: {reason}", text(&delivery["outcome"]));
    }
    writeln!(out, "  target {target}: {} {}", text(&delivery["method"]), text(&delivery["url"]))?;
    for (name, value) in delivery["headers"].as_object().into_iter().flatten() {
        writeln!(out, "    {name}: {}", text(value))?;
    }
    let body = match &delivery["body"] {
        Value::String(body) => body.clone(),
        body => serde_json::to_string_pretty(body).unwrap_or_default(),
    };
    for line in body.lines() {
        writeln!(out, "    {line}")?;
    }
    if let Some(dead_letter) = delivery["dead_letter"].as_str() {
        writeln!(out, "    after a failure, dead letter: {dead_letter}")?;
    }
    Ok(())
}
