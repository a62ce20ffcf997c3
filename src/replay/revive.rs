//! A record as an event in the hands of its route, and the request to its target built anew.
//!
//! The route took the event, and its sender was verified, before the record was written: neither is asked again, nor is
//! `when`. What a record does not hold is that of the replay: the client's address, answers of other targets, the batch that
//! an element came in.

use crate::body::{BodyError, Parsed};
use crate::deliver::{NotBuilt, Outbound, Record, Target};
use crate::event::{Element, Event, RequestInfo};
use crate::expr::EvaluationError;
use crate::route::{Route, RouteTable, Taken};
use crate::suggest;
use http::header::HOST;
use http::uri::Authority;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A record, ready to be delivered.
pub struct Revived {
    pub taken: Taken,
    pub target: Arc<Target>,
    pub outbound: Outbound,
}

/// Why a record cannot be delivered with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum NotReplayable {
    #[error("there is no such route{}", aside(.0.as_deref()))]
    Route(Option<String>),
    #[error("the route has no such target{}", aside(.0.as_deref()))]
    Target(Option<String>),
    #[error("{0} is not enabled")]
    Disabled(&'static str),
    #[error("the path `{0}` does not fit the route")]
    Path(String),
    #[error("the body does not fit the route: {0}")]
    Body(BodyError),
    #[error("the request cannot be built: {0}")]
    NotBuilt(#[from] NotBuilt),
}

impl From<EvaluationError> for NotReplayable {
    fn from(error: EvaluationError) -> NotReplayable {
        NotReplayable::NotBuilt(error.into())
    }
}

fn aside(help: Option<&str>) -> String {
    help.map(|help| format!(" ({help})")).unwrap_or_default()
}

/// # Errors
/// The configuration has no place for the record, or the request of this event cannot be built.
pub fn revive(table: &RouteTable, record: &Record) -> Result<Revived, NotReplayable> {
    let route = route(table, &record.route)?;
    let (position, target) = target(route, &record.target)?;
    let event = Arc::new(event(route, record)?);
    let taken = Taken::new(route, &event, &table.engine)?;
    let target = match route.choice(position) {
        Some(choice) => enabled(choice.pick(taken.scope(&table.engine, &[]))?)?,
        None => enabled(target)?,
    };
    let outbound = target.prepare_as(taken.scope(&table.engine, &[]), &taken.event, record.id.clone())?;
    Ok(Revived { target: target.clone(), taken, outbound })
}

fn route<'t>(table: &'t RouteTable, name: &str) -> Result<&'t Arc<Route>, NotReplayable> {
    let found = table.routes.iter().find(|route| *route.name == *name);
    let names = || table.routes.iter().map(|route| &*route.name);
    let route = found.ok_or_else(|| NotReplayable::Route(suggest::did_you_mean(name, names())))?;
    if route.enabled { Ok(route) } else { Err(NotReplayable::Disabled("the route")) }
}

/// With its position.
fn target<'r>(route: &'r Route, name: &str) -> Result<(usize, &'r Arc<Target>), NotReplayable> {
    let found = route.targets.iter().enumerate().find(|(_, target)| *target.name == *name);
    let names = || route.targets.iter().map(|target| &*target.name);
    found.ok_or_else(|| NotReplayable::Target(suggest::did_you_mean(name, names())))
}

fn enabled(target: &Arc<Target>) -> Result<&Arc<Target>, NotReplayable> {
    if target.enabled { Ok(target) } else { Err(NotReplayable::Disabled("the target")) }
}

fn event(route: &Route, record: &Record) -> Result<Event, NotReplayable> {
    let params = route.params_of(&record.path).ok_or_else(|| NotReplayable::Path(record.path.clone()))?;
    let authority = record.headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let request = RequestInfo {
        // What a delivery's id is made of is not known here, and not asked: the id itself is.
        id: record.id.as_str().into(),
        method: record.method.clone(),
        path: record.path.clone(),
        query: record.query.clone(),
        host: authority.map(|authority| authority.host().to_ascii_lowercase()).unwrap_or_default(),
        scheme: "https",
        headers: record.headers.clone(),
        time: record.time,
        client_ip: Ipv4Addr::LOCALHOST.into(),
        params,
        public_url: None,
    };
    let parsed = match record.element {
        None => route.parse(&request, &record.body).map_err(NotReplayable::Body)?,
        // A part of what came is JSON, however the whole was written.
        Some(_) => Some(Parsed::json(record.body.clone()).map_err(NotReplayable::Body)?),
    };
    let element = record.element.map(|index| Element { index, batch: None });
    Ok(Event { request: Arc::new(request), bytes: record.body.clone(), parsed, element })
}
