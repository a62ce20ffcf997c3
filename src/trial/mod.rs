//! A test delivery: one route, or one target of it, tried out for real.
//!
//! The request runs through the pipeline of `serve` and is really sent; what differs is that it counts as verified, that it
//! counts against no rate limit of senders and is remembered by no `dedupe`, and that it goes to the route that was named
//! alone, whatever that route's clauses say. `hookswitch send` prints what came of it.

mod report;

pub use report::Report;

use crate::deliver::Outcome;
use crate::examples::{self, Written, WrittenBody};
use crate::matcher::HostPattern;
use crate::route::{Route, RouteTable};
use crate::server::arrival::{Arrival, Inbound};
use crate::server::client_address::{HostError, TrustedProxies};
use crate::server::gateway::{Gateway, Only};
use crate::server::pipeline;
use crate::server::record::{Recorder, What};
use bytes::Bytes;
use compact_str::CompactString;
use http::header::HOST;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Which route is tried out, with which request.
pub struct Trial {
    /// One of the running generation.
    pub route: CompactString,
    /// This target alone, whatever its own conditions say.
    pub target: Option<CompactString>,
    pub request: Request<Bytes>,
    /// Where the request names a whole URL.
    pub public_url: Option<Arc<str>>,
}

/// Why nothing could be tried. Whoever asked has to ask otherwise.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error("there is no route `{name}`{}", hint(.help))]
    NoRoute { name: String, help: Option<String> },
    #[error("the route `{route}` has no target `{name}`{}", hint(.help))]
    NoTarget { route: String, name: String, help: Option<String> },
    #[error("the path {0} has parameters: give one with their values")]
    NoPath(String),
    #[error("{path} does not come to the route `{route}`, which is for {pattern}")]
    Elsewhere { path: String, route: String, pattern: String },
    #[error("{0}")]
    Request(String),
    #[error(transparent)]
    Host(#[from] HostError),
}

fn hint(help: &Option<String>) -> String {
    help.as_ref().map(|help| format!("; {help}")).unwrap_or_default()
}

/// What is known of a request to try a route with; the route says the rest.
#[derive(Default)]
pub struct Draft<'d> {
    /// A path with query, or a whole URL.
    pub url: Option<&'d str>,
    pub headers: Vec<(&'d str, &'d str)>,
    /// `None`: that of the example, else `{}`.
    pub body: Option<WrittenBody>,
    /// A request that the route is known to take.
    pub example: Option<Request<Bytes>>,
}

/// The route of a name, or what was probably meant.
///
/// # Errors
/// There is none, or it has no such target.
pub fn named<'t>(table: &'t RouteTable, name: &str, target: Option<&str>) -> Result<&'t Arc<Route>, TrialError> {
    let names = table.routes.iter().map(|route| &*route.name);
    let route = table
        .routes
        .iter()
        .find(|route| *route.name == *name)
        .ok_or_else(|| TrialError::NoRoute { name: name.to_owned(), help: crate::suggest::or_known(name, names) })?;
    let names = route.targets.iter().map(|target| &*target.name);
    match target {
        Some(target) if !names.clone().any(|name| name == target) => Err(TrialError::NoTarget {
            route: name.to_owned(),
            name: target.to_owned(),
            help: crate::suggest::or_known(target, names),
        }),
        _ => Ok(route),
    }
}

impl Draft<'_> {
    /// The request, and its public URL where a whole one was given.
    ///
    /// # Errors
    /// The route's path has parameters and nothing says their values, or something cannot be sent as it was written.
    pub fn request(self, route: &Route) -> Result<(Request<Bytes>, Option<Arc<str>>), TrialError> {
        let Draft { url, headers, body, example } = self;
        let of_example = example.as_ref().map(|example| example.uri().to_string());
        let plain = Some(route.path().to_owned()).filter(|path| !path.contains('{'));
        let target = url.map(str::to_owned).or(of_example).or(plain);
        let target = target.ok_or_else(|| TrialError::NoPath(route.path().to_owned()))?;
        let (mut request, public_url) = match (example, body) {
            (Some(mut example), None) => {
                let (aimed, public_url) = build(route, &target, WrittenBody::default())?;
                *example.uri_mut() = aimed.uri().clone();
                (example, public_url)
            }
            (_, Some(body)) => build(route, &target, body)?,
            (None, None) => {
                let bodyless = matches!(method(route), Method::GET | Method::HEAD);
                let body = WrittenBody { bytes: "{}".into(), content_type: Some("application/json") };
                build(route, &target, if bodyless { WrittenBody::default() } else { body })?
            }
        };
        for (name, value) in headers {
            let parsed = name.parse::<HeaderName>().ok().zip(HeaderValue::from_bytes(value.as_bytes()).ok());
            let (name, value) =
                parsed.ok_or_else(|| TrialError::Request(format!("`{name}` cannot be sent as a header")))?;
            request.headers_mut().insert(name, value);
        }
        Ok((request, public_url))
    }
}

fn build(route: &Route, target: &str, body: WrittenBody) -> Result<(Request<Bytes>, Option<Arc<str>>), TrialError> {
    let host = route.hosts().first().map(|host| match host {
        HostPattern::Exact(name) => name.clone(),
        HostPattern::Below(suffix) => format!("any{suffix}"),
    });
    let names_host = target.parse::<Uri>().is_ok_and(|uri| uri.authority().is_some());
    let headers = host.as_deref().filter(|_| !names_host).map(|host| (HOST.as_str(), host)).into_iter().collect();
    let written = Written { method: method(route), target, headers, body };
    examples::build(written).map_err(|failure| TrialError::Request(failure.to_string()))
}

/// POST where the route takes it.
fn method(route: &Route) -> Method {
    let methods = route.methods();
    let first = || methods.first().cloned().unwrap_or(Method::POST);
    if methods.contains(&Method::POST) { Method::POST } else { first() }
}

/// Sends it. Ends when every delivery has, also those that no answer waits for.
///
/// # Errors
/// There is no such route or target, or the request does not come to it: nothing was sent.
pub async fn run(gateway: &Gateway, trial: Trial) -> Result<Report, TrialError> {
    let generation = gateway.live.load();
    let route = named(&generation.value.table, &trial.route, trial.target.as_deref())?.clone();
    let (head, body) = trial.request.into_parts();
    let shown = head.uri.path().to_owned();
    let only = Only { route: trial.route, target: trial.target };
    let gateway = Arc::new(gateway.for_trial(only));
    let inbound = Inbound::plain(Ipv4Addr::LOCALHOST.into(), trial.public_url);
    let arrival = Arrival::new(head, inbound, &TrustedProxies::default(), gateway.clock, None);
    let arrival = arrival.map_err(|(_, error)| error)?;
    let recorder = Recorder::keeping(&arrival);
    let answer = pipeline::answer(&gateway, &generation, &recorder, arrival, Full::new(body)).await;
    gateway.work.close();
    gateway.work.wait().await;
    let notes = recorder.into_notes();
    let elsewhere = notes.pattern().is_none_or(|pattern| pattern != route.path());
    if elsewhere && notes.decisions.is_empty() {
        let (route, pattern) = (route.name.to_string(), route.path().to_owned());
        return Err(TrialError::Elsewhere { path: shown, route, pattern });
    }
    for note in &notes.deliveries {
        let What::Sent { outbound, end } = &note.what else { continue };
        let (route, target, outcome) = (&*note.route, &*note.target, end.outcome.as_str());
        let (event_id, attempts) = (&*outbound.id, end.attempts.len());
        if end.outcome == Outcome::Success {
            tracing::info!(route, target, event_id, outcome, attempts, "test delivery");
        } else {
            tracing::warn!(route, target, event_id, outcome, attempts, "test delivery");
        }
    }
    Ok(Report::new(&route, notes, answer).await)
}
