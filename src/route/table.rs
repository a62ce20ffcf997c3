//! All routes of one generation, by host and path.

use super::carried::Carried;
use super::compiled::RouteContext;
use super::source::{self, Said, Shared, Source};
use super::{Endpoint, Engine, Route};
use crate::config::spec::{Ordered, ProcessSpec, RouteSpec};
use crate::config::{Loaded, Written};
use crate::deliver::Profile;
use crate::diagnostic::{At, Findings};
use crate::document::Document;
use crate::egress::Egress;
use crate::expr::TablesRead;
use crate::matcher::{Hosts, PathError, PathTree};
use crate::secret::References;
use crate::verify::Providers;
use std::collections::HashMap;
use std::sync::Arc;

/// One immutable generation of routes.
pub struct RouteTable {
    /// Endpoints lie in the tree itself: what is found needs no further look.
    hosts: Hosts<PathTree<Endpoint>>,
    /// In file order.
    pub routes: Vec<Arc<Route>>,
    pub engine: Engine,
    /// Tables of hookswitch.yaml that no expression names.
    pub unread_tables: Vec<String>,
    /// How documents with senders' keys are fetched.
    pub documents: Arc<Profile>,
}

/// An endpoint, and the values of its pattern's parameters.
pub struct Found<'t> {
    pub endpoint: &'t Endpoint,
    pub params: Vec<(Arc<str>, String)>,
}

impl RouteTable {
    /// Compiles every route, so that all mistakes are found in one go. `None` when anything was reported as an error.
    /// `carried` remembers what rate limits have counted and how targets are, over all tables.
    pub fn compile(
        loaded: &Loaded,
        references: &References,
        findings: &Findings,
        uuid: fn() -> String,
        carried: &Carried,
    ) -> Option<RouteTable> {
        let process = &loaded.settings;
        let process_at = At::document(findings, references, loaded.settings_document);
        let engine = Engine { tables: compile_tables(process), uuid };
        let providers = Providers::compile(&process.providers, &process_at.key("providers"));
        let tables_read = TablesRead::default();
        let shared = Shared {
            defaults: process.defaults.as_ref(),
            providers,
            tables: &engine.tables,
            tables_read: &tables_read,
            carried,
        };
        super::targets::report_keys_of_shared(&process.targets, &process_at.key("targets"));
        let egress = Egress::compile(process.egress.as_ref(), &process_at.key("egress"));
        // Where the rules have a mistake, it is the one that is reported.
        let egress = Arc::new(egress.unwrap_or_else(Egress::unknown));
        let sources = compile_sources(process, &shared, &process_at);
        let mut compiled = Vec::with_capacity(loaded.routes.len());
        for (position, written) in loaded.routes.iter().enumerate() {
            let at = At::document(findings, references, written.document);
            let process_at = process_at.clone();
            let context = RouteContext {
                process,
                tables: &engine.tables,
                carried,
                egress: &egress,
                providers: &shared.providers,
                tables_read: &tables_read,
                name: &written.name,
                file: &written.file,
                position,
                process_at,
            };
            if let Some(source) = route_source(written, &shared, &sources, &at) {
                let route = Route::compile(&written.spec, &source, &context, &at);
                compiled.push((written, source, route.map(Arc::new)));
            }
        }
        report_disagreements(&compiled, process, findings, references);
        if findings.has_errors() {
            return None;
        }
        let routes: Vec<Arc<Route>> = compiled.into_iter().filter_map(|(_, _, route)| route).collect();
        let unread_tables = process.tables.keys().filter(|name| !tables_read.contains(name)).cloned().collect();
        let documents = carried.outgoing.profiles.documents(&egress);
        Some(RouteTable { hosts: index(&routes), routes, engine, unread_tables, documents })
    }

    /// The endpoint of a request: the most specific host that has the path, and there the most specific pattern.
    pub fn find(&self, host: &str, path: &str) -> Result<Option<Found<'_>>, PathError> {
        for tree in self.hosts.candidates(host) {
            if let Some((endpoint, values)) = tree.find(path)? {
                let params = endpoint.source.params.iter().cloned().zip(values).collect();
                return Ok(Some(Found { endpoint, params }));
            }
        }
        Ok(None)
    }
}

fn index(routes: &[Arc<Route>]) -> Hosts<PathTree<Endpoint>> {
    let mut building: HashMap<(Option<usize>, String), Endpoint> = HashMap::new();
    let mut hosts = Vec::new();
    for route in routes {
        let shape = route.source.pattern.shape();
        for host in route_hosts(&route.source) {
            let host = host.map(|host| match hosts.iter().position(|known| *known == host) {
                Some(known) => known,
                None => {
                    hosts.push(host);
                    hosts.len() - 1
                }
            });
            let make = || Endpoint::new(route.source.clone());
            building.entry((host, shape.clone())).or_insert_with(make).add(route.clone());
        }
    }
    let mut index: Hosts<PathTree<Endpoint>> = Hosts::default();
    for ((host, _), endpoint) in building {
        let host = host.and_then(|host| hosts.get(host).copied());
        let source = endpoint.source.clone();
        index.entry(host).entry(&source.pattern, || endpoint);
    }
    index
}

/// The hosts a source is for; one `None` for "any".
fn route_hosts(source: &Source) -> Vec<Option<&crate::matcher::HostPattern>> {
    if source.hosts.is_empty() { vec![None] } else { source.hosts.iter().map(Some).collect() }
}

fn compile_tables(process: &ProcessSpec) -> Document {
    let tables = process.tables.iter().map(|(name, table)| (name.clone(), table.clone())).collect();
    Document::from_value(&serde_json::Value::Object(tables))
}

fn compile_sources(process: &ProcessSpec, shared: &Shared<'_>, at: &At<'_>) -> Ordered<Option<Arc<Source>>> {
    let at = at.key("sources");
    let compile = |(name, spec): (&String, _)| (name.clone(), Source::shared(spec, shared, &at.key(name)));
    process.sources.iter().map(compile).collect()
}

fn route_source(
    written: &Written<RouteSpec>,
    shared: &Shared<'_>,
    sources: &Ordered<Option<Arc<Source>>>,
    at: &At<'_>,
) -> Option<Arc<Source>> {
    let Written { spec, file, .. } = written;
    match &spec.matching.source {
        None => Source::of_route(spec, file, shared, at),
        Some(name) => {
            source::report_keys_beside_source(spec, at);
            source::named(name, sources, &at.key("match").key("source")).cloned()
        }
    }
}

fn said<'w>(written: &'w Written<RouteSpec>, process: &'w ProcessSpec) -> Said<'w> {
    Said::by(&written.spec, &process.sources)
}

type Compiled<'l> = (&'l Written<RouteSpec>, Arc<Source>, Option<Arc<Route>>);

/// What routes of one path say about their source must agree; the mistake is shown at both.
fn report_disagreements(
    compiled: &[Compiled<'_>],
    process: &ProcessSpec,
    findings: &Findings,
    references: &References,
) {
    let mut first_of: HashMap<(Option<String>, String), &Compiled<'_>> = HashMap::new();
    for entry in compiled {
        let (written, source, _) = entry;
        for host in route_hosts(source) {
            let key = (host.map(|host| format!("{host:?}")), source.pattern.shape());
            let (first, first_source, _) = first_of.entry(key).or_insert(entry);
            let what = first_source.disagreement(&said(first, process), source, &said(written, process));
            let Some(what) = what else { continue };
            for (here, there) in [(first, written), (written, first)] {
                let at = At::document(findings, references, here.document);
                let place = if what == "methods" || here.spec.matching.source.is_some() { at.key("match") } else { at };
                let place = if here.spec.matching.source.is_some() { place.key("source") } else { place.key(what) };
                place.error(
                    "source-disagreement",
                    format!(
                        "the routes `{}` and `{}` ({}) are on the same path but differ in `{what}`",
                        here.name, there.name, there.file
                    ),
                    "say it once: add a source to hookswitch.yaml and write `match: {source: NAME}` in both".to_owned(),
                );
            }
        }
    }
}
