//! The part of a route that says where a webhook comes from: hosts, path, methods, who may call, what body.
//!
//! Routes on one host and path must agree on it, because it is decided before any of them sees the event.

use super::carried::Carried;
use super::identity::Identity;
use crate::body::{BodyRules, Contract};
use crate::config;
use crate::config::spec::{
    BodySpec, DedupeSpec, DefaultsSpec, LimitSpec, MatchSpec, MethodSpec, Ordered, RouteSpec, SourceSpec, VerifySpec,
    VerifyWordSpec,
};
use crate::diagnostic::At;
use crate::document::Document;
use crate::expr::{Environment, TablesRead};
use crate::limit::{Limit, Owner};
use crate::matcher::{HostPattern, PathPattern};
use crate::verify::{Providers, Verifier, VerifyContext};
use compact_str::CompactString;
use http::Method;
use smallvec::SmallVec;
use std::mem::offset_of;
use std::sync::Arc;

/// A compiled source. What every request looks at stands first, as in [`super::Route`].
#[repr(C)]
pub struct Source {
    /// As written, references resolved: the name of the endpoint in logs and traces.
    pub path: CompactString,
    pub methods: SmallVec<[Method; 1]>,
    pub body: BodyRules,
    /// What every body must meet; of a source of hookswitch.yaml. A route's own contract is the route's.
    pub contract: Option<Box<Contract>>,
    /// Of a source of hookswitch.yaml, or of a route that counts client addresses; other limits are the routes' own.
    pub limit: Option<Box<Limit>>,
    /// The parameters' names.
    pub params: Box<[Arc<str>]>,
    pub verifier: Verifier,
    /// `false`: `verify` has mistakes, which are reported, and the verifier is made up.
    verifier_is_sound: bool,
    pub pattern: PathPattern,
    /// Empty: any host.
    pub hosts: Vec<HostPattern>,
    /// Of a shared source, for routes that have none of their own.
    pub dedupe: Option<Arc<Identity>>,
}

// What every request looks at takes three lines, with the counts of the `Arc` around it.
const _: () = assert!(2 * size_of::<usize>() + offset_of!(Source, verifier) + Verifier::LOOKED_AT <= 3 * 64);

/// What sources take from hookswitch.yaml.
pub struct Shared<'a> {
    pub defaults: Option<&'a DefaultsSpec>,
    pub providers: Providers,
    pub tables: &'a Document,
    pub tables_read: &'a TablesRead,
    pub carried: &'a Carried,
}

/// What is written of a source and not kept: specs take kilobytes, and are only compared.
pub struct Said<'a> {
    verify: Option<&'a VerifySpec>,
    limit: Option<&'a LimitSpec>,
}

impl<'a> Said<'a> {
    /// By a route itself, or by the source that it names.
    pub fn by(spec: &'a RouteSpec, sources: &'a Ordered<SourceSpec>) -> Said<'a> {
        match spec.matching.source.as_ref().and_then(|name| sources.get(name)) {
            Some(source) => Said { verify: Some(&source.verify), limit: source.limit.as_ref() },
            None => {
                let by_client = spec.limit.as_ref().filter(|limit| Limit::is_written_by_client(limit));
                Said { verify: spec.verify.as_ref(), limit: by_client }
            }
        }
    }
}

struct Parts<'a> {
    /// Where it is written.
    file: &'a str,
    path: &'a str,
    methods: Option<&'a [MethodSpec]>,
    hosts: Option<&'a [String]>,
    verify: &'a VerifySpec,
    body: Option<&'a BodySpec>,
    schema: Option<&'a str>,
    limit: Option<&'a LimitSpec>,
    dedupe: Option<&'a DedupeSpec>,
}

impl Source {
    /// A route's own source: it names no shared one.
    pub fn of_route(spec: &RouteSpec, file: &str, shared: &Shared<'_>, at: &At<'_>) -> Option<Arc<Source>> {
        let matching = at.key("match");
        let Some(path) = &spec.matching.path else {
            matching.error(
                "path-missing",
                "the route says neither `path` nor `source`",
                "write `path: /hooks/NAME`, or `source: NAME` for a source of hookswitch.yaml".to_owned(),
            );
            return None;
        };
        let verify = spec.verify.as_ref().unwrap_or_else(|| {
            at.error(
                "verify-missing",
                "the route does not say who may call it: `verify` is missing",
                "name a provider or a check, or write `verify: none` to let anyone call".to_owned(),
            );
            &VerifySpec::Word(VerifyWordSpec::None)
        });
        let parts = Parts {
            file,
            path,
            methods: spec.matching.methods.as_deref(),
            hosts: spec.matching.hosts.as_deref(),
            verify,
            body: spec.body.as_ref(),
            schema: None,
            limit: spec.limit.as_ref().filter(|limit| Limit::is_written_by_client(limit)),
            // A route's own may name its vars, and is the route's to compile.
            dedupe: None,
        };
        Source::compile(&parts, shared, &matching, at)
    }

    /// A source of hookswitch.yaml.
    pub fn shared(spec: &SourceSpec, shared: &Shared<'_>, at: &At<'_>) -> Option<Arc<Source>> {
        let parts = Parts {
            // hookswitch.yaml lies in the configuration folder itself.
            file: "",
            path: &spec.path,
            methods: spec.methods.as_deref(),
            hosts: spec.hosts.as_deref(),
            verify: &spec.verify,
            body: spec.body.as_ref(),
            schema: spec.body.as_ref().and_then(|body| body.schema.as_deref()),
            limit: spec.limit.as_ref(),
            dedupe: spec.dedupe.as_ref(),
        };
        Source::compile(&parts, shared, at, at)
    }

    fn compile(parts: &Parts<'_>, shared: &Shared<'_>, matching: &At<'_>, at: &At<'_>) -> Option<Arc<Source>> {
        let path = compile_path(parts.path, &matching.key("path"));
        let hosts = compile_hosts(parts.hosts.unwrap_or_default(), &matching.key("hosts"));
        let methods = compile_methods(parts.methods, &matching.key("methods"));
        let body = BodyRules::compile(parts.body, shared.defaults, &at.key("body"));
        let contract = parts.schema.map(|schema| Contract::compile(schema, parts.file, &at.key("body").key("schema")));
        let params: Box<[Arc<str>]> = match &path {
            Some((_, pattern)) => pattern.names().map(Arc::from).collect(),
            None => Box::default(),
        };
        let context = VerifyContext { providers: &shared.providers, params: &params, file: parts.file };
        let verifier = Verifier::compile_with(parts.verify, context, &at.key("verify"));
        let (path, pattern) = path?;
        // Mistakes are reported; what is missing is made up, so that those of the rest of the route are found as well.
        let hosts = hosts.unwrap_or_default();
        let environment = Environment {
            params: &params,
            tables: Some(shared.tables),
            tables_read: Some(shared.tables_read),
            ..Environment::default()
        };
        let limit = parts.limit.and_then(|limit| {
            let owner = Owner::place(&hosts, &pattern.shape());
            Limit::compile(limit, owner, &shared.carried.limits, &environment, &at.key("limit"))
        });
        let dedupe = Identity::compile_option(parts.dedupe, verifier.as_ref(), &environment, at);
        Some(Arc::new(Source {
            path: path.into(),
            pattern,
            params,
            hosts,
            methods: methods.unwrap_or_default(),
            verifier_is_sound: verifier.is_some(),
            verifier: verifier.unwrap_or_else(Verifier::nobody),
            body: body.or_else(|| BodyRules::compile(None, None, at))?,
            contract: contract.flatten().map(Box::new),
            limit: limit.map(Box::new),
            dedupe: dedupe.flatten(),
        }))
    }

    /// The verifier that was written; `None` where mistakes in it were reported.
    pub fn sound_verifier(&self) -> Option<&Verifier> {
        self.verifier_is_sound.then_some(&self.verifier)
    }

    /// What two sources on one host and path say differently; `said` and `other_said` is how they were written.
    pub fn disagreement(&self, said: &Said<'_>, other: &Source, other_said: &Said<'_>) -> Option<&'static str> {
        if self.methods != other.methods {
            Some("methods")
        } else if said.verify != other_said.verify {
            Some("verify")
        } else if self.body != other.body {
            Some("body")
        } else if said.limit != other_said.limit {
            Some("limit")
        } else {
            None
        }
    }
}

/// The keys of `match` and of the route that a named source already says.
pub fn report_keys_beside_source(spec: &RouteSpec, at: &At<'_>) {
    let MatchSpec { path, methods, hosts, .. } = &spec.matching;
    let matching = at.key("match");
    let beside = [
        (path.is_some(), matching.key("path")),
        (methods.is_some(), matching.key("methods")),
        (hosts.is_some(), matching.key("hosts")),
        (spec.verify.is_some(), at.key("verify")),
        (spec.body.as_ref().is_some_and(says_more_than_schema), at.key("body")),
        (spec.limit.as_ref().is_some_and(Limit::is_written_by_client), at.key("limit")),
    ];
    for (written, place) in beside {
        if written {
            let help = "remove it here, or remove `source`".to_owned();
            place.error("source-conflict", "the source already says this", help);
        }
    }
}

/// A route may have a contract of its own; the rest is the source's.
fn says_more_than_schema(body: &BodySpec) -> bool {
    let BodySpec { accept, read_as, max_size, schema: _ } = body;
    accept.is_some() || read_as.is_some() || max_size.is_some()
}

/// The source that a route names.
pub fn named<'s>(name: &str, sources: &'s Ordered<Option<Arc<Source>>>, at: &At<'_>) -> Option<&'s Arc<Source>> {
    match sources.get(name) {
        Some(source) => source.as_ref(),
        None => {
            let help = crate::suggest::did_you_mean(name, sources.keys().map(String::as_str))
                .unwrap_or_else(|| "add it under `sources:` in hookswitch.yaml".to_owned());
            at.error("source-unknown", format!("there is no source `{name}`"), help);
            None
        }
    }
}

fn compile_path(written: &str, at: &At<'_>) -> Option<(String, PathPattern)> {
    let path = config::plain(written, at)?;
    match PathPattern::parse(&path) {
        Ok(pattern) => Some((path, pattern)),
        Err(error) => {
            at.error("path-malformed", format!("the path pattern is malformed: {error}"), None);
            None
        }
    }
}

fn compile_hosts(written: &[String], at: &At<'_>) -> Option<Vec<HostPattern>> {
    let mut hosts = Vec::with_capacity(written.len());
    for (index, host) in written.iter().enumerate() {
        let at = at.index(index);
        match HostPattern::parse(&config::plain(host, &at)?) {
            Ok(host) => hosts.push(host),
            Err(error) => {
                at.error("host-malformed", format!("the host is malformed: {error}"), None);
                return None;
            }
        }
    }
    hosts.sort();
    hosts.dedup();
    Some(hosts)
}

fn compile_methods(written: Option<&[MethodSpec]>, at: &At<'_>) -> Option<SmallVec<[Method; 1]>> {
    let mut methods = written.unwrap_or(&[MethodSpec::POST]).to_vec();
    if methods.is_empty() {
        at.error("methods-empty", "an empty list of methods takes no request", "leave it out for POST".to_owned());
        return None;
    }
    methods.sort();
    methods.dedup();
    Some(methods.into_iter().map(MethodSpec::method).collect())
}
