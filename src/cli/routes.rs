//! `hookswitch routes`: what is routed where, as one list.

use super::{Shown, offline};
use crate::config;
use crate::config::folder::Folder;
use crate::diagnostic::{At, Findings};
use crate::route::RouteTable;
use crate::secret::{Missing, References};
use crate::verify::{Need, Provider, Providers};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

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
    })
}

/// The built-in ones, and those of hookswitch.yaml.
fn list_providers(args: &Args) -> ExitCode {
    let folder = Folder::find(args.config.as_deref());
    let references = References::new(folder.path(), Missing::StandsForItself);
    let findings = Findings::default();
    let loaded = config::load(&folder.read(), true, &findings);
    let at = At::document(&findings, &references, loaded.settings_document).key("providers");
    let providers = Providers::compile(&loaded.settings.providers, &at);
    let known: Vec<Arc<Provider>> = providers.list().iter().filter_map(|listed| providers.find(&listed.name)).collect();
    super::print(&match args.format {
        Shown::Json => {
            let entries: Vec<Value> = known.iter().map(|provider| described(provider)).collect();
            super::json(&json!({"version": 1, "providers": entries}))
        }
        Shown::Human => known.iter().map(|provider| line(provider)).collect(),
    })
}

fn described(provider: &Provider) -> Value {
    let asked = provider.parameters();
    let asked = asked.iter().map(|asked| json!({"name": asked.name, "need": asked.need.as_str()}));
    json!({
        "name": *provider.name,
        "title": provider.title,
        "confidence": provider.confidence.as_str(),
        "checked": provider.checked,
        "parameters": asked.collect::<Vec<_>>(),
        "notes": provider.notes,
        "delivery_id": provider.delivery_id_written,
        "patience_seconds": provider.patience.map(|patience| patience.as_secs()),
        "retries": provider.retries,
    })
}

/// Name, confidence, what must be configured, title.
fn line(provider: &Provider) -> String {
    let asked = provider.parameters();
    let of = |need: Need| asked.iter().filter(move |asked| asked.need == need).map(|asked| asked.name);
    let either = of(Need::OneOf).collect::<Vec<_>>().join("|");
    let needed: Vec<&str> = of(Need::Required).chain(Some(either.as_str()).filter(|names| !names.is_empty())).collect();
    let needed = if needed.is_empty() { "-".to_owned() } else { needed.join(",") };
    format!("{:<24} {:<16} {needed:<24} {}\n", provider.name, provider.confidence.as_str(), provider.title)
}

fn human(table: &RouteTable) -> String {
    let mut out = String::new();
    for route in &table.routes {
        let methods: Vec<&str> = route.methods().iter().map(http::Method::as_str).collect();
        let off = if route.enabled { "" } else { " (not enabled)" };
        out.push_str(&format!("{}{off}  {} {}\n", route.name, methods.join(","), route.path()));
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
        for (position, target) in route.targets.iter().enumerate() {
            let off = if target.enabled { "" } else { " (not enabled)" };
            let Some(choice) = route.choice(position) else {
                out.push_str(&format!("  -> {}{off} {}\n", target.name, target.written_url));
                continue;
            };
            out.push_str(&format!("  -> {}{off} one of, by {}\n", target.name, choice.written()));
            for target in choice.targets() {
                let name = target.chosen.as_deref().unwrap_or_default();
                out.push_str(&format!("       {name} {}\n", target.written_url));
            }
        }
    }
    out
}
