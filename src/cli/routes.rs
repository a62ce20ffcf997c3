//! `hookswitch routes`: what is routed where, as one list.

use super::{Shown, offline};
use crate::config;
use crate::config::folder::Folder;
use crate::diagnostic::{At, Findings};
use crate::route::RouteTable;
use crate::secret::{Missing, References};
use crate::verify::{Listed, Providers};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration folder
    #[arg(short, long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// List the senders that `verify: {provider: NAME}` may name, instead of the routes
    #[arg(long)]
    providers: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Shown,
}

pub fn run(args: Args) -> ExitCode {
    if args.providers {
        return list_providers(&args);
    }
    let Some(offline) = offline::load(args.config.as_deref()) else { return ExitCode::FAILURE };
    let generation = offline.rehearsal.generation();
    let table = &generation.value.table;
    super::print(&match args.format {
        Shown::Human => human(table),
        Shown::Json => super::json(&crate::route::listing(table)),
    });
    ExitCode::SUCCESS
}

/// The built-in ones, and those of hookswitch.yaml.
fn list_providers(args: &Args) -> ExitCode {
    let folder = Folder::find(args.config.as_deref());
    let references = References::new(folder.path(), Missing::StandsForItself);
    let findings = Findings::default();
    let loaded = config::load(&folder.read(), true, &findings);
    let at = At::document(&findings, &references, loaded.settings_document).key("providers");
    let providers = Providers::compile(&loaded.settings.providers, &at).list();
    let entries: Vec<Value> = providers
        .iter()
        .map(|provider| json!({"name": provider.name, "title": provider.title, "confidence": provider.confidence.as_str()}))
        .collect();
    super::print(&match args.format {
        Shown::Json => super::json(&json!({"version": 1, "providers": entries})),
        Shown::Human => {
            let line = |provider: &Listed| {
                format!("{:<24} {:<16} {}\n", provider.name, provider.confidence.as_str(), provider.title)
            };
            providers.iter().map(line).collect()
        }
    });
    ExitCode::SUCCESS
}

fn human(table: &RouteTable) -> String {
    let mut out = String::new();
    for route in &table.routes {
        let methods: Vec<&str> = route.methods().iter().map(http::Method::as_str).collect();
        let off = if route.enabled { "" } else { " (not enabled)" };
        out.push_str(&format!("{}{off}  {} {}\n", route.name, methods.join(","), route.path));
        if let Some(description) = &route.description {
            out.push_str(&format!("  {}\n", description.trim()));
        }
        out.push_str(&format!(
            "  file {}, verify {}, deadline {:?}\n",
            route.file,
            route.verifier().describe(),
            route.deadline
        ));
        if let Some(when) = &route.when_source {
            out.push_str(&format!("  when {}\n", when.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        for target in &route.targets {
            let off = if target.enabled { "" } else { " (not enabled)" };
            out.push_str(&format!("  -> {}{off} {}\n", target.name, target.written_url));
        }
    }
    out
}
