//! One host and path pattern: who may call it, what body it takes, and the routes behind it.

use super::source::Source;
use super::{Engine, Route};
use crate::body::Contract;
use crate::event::Event;
use crate::expr::{Evaluation, EvaluationError};
use crate::limit::{Limit, Standing};
use http::Method;
use smallvec::SmallVec;
use std::sync::Arc;

/// What routes on the same host and path share.
pub struct Endpoint {
    pub(super) source: Arc<Source>,
    /// By `order`, then in file order; mostly one.
    pub(super) routes: SmallVec<[Arc<Route>; 1]>,
    reads_body: bool,
    has_limits: bool,
}

impl Endpoint {
    pub(super) fn new(source: Arc<Source>) -> Endpoint {
        let reads_body = source.contract.is_some() || source.limit.as_deref().is_some_and(Limit::reads_body);
        Endpoint { routes: SmallVec::new(), reads_body, has_limits: source.limit.is_some(), source }
    }

    pub(super) fn add(&mut self, route: Arc<Route>) {
        self.reads_body |= route.reads_body();
        self.has_limits |= route.limit.is_some();
        let place = self.routes.partition_point(|known| (known.order, known.position) <= (route.order, route.position));
        self.routes.insert(place, route);
    }

    /// The pattern as the first of its routes wrote it: the name of the endpoint in logs and traces.
    pub fn pattern(&self) -> &str {
        &self.source.path
    }

    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    pub fn verifier(&self) -> &crate::verify::Verifier {
        &self.source.verifier
    }

    pub fn body(&self) -> &crate::body::BodyRules {
        &self.source.body
    }

    /// What every body must meet before a route is asked.
    pub fn contract(&self) -> Option<&Contract> {
        self.source.contract.as_deref()
    }

    /// What is counted before a route is asked.
    pub fn limit(&self) -> Option<&Limit> {
        self.source.limit.as_deref()
    }

    /// Counts the event against the source's limit; `None` where there is none, or where it is of client addresses.
    pub fn spend(&self, event: &Event, engine: &Engine) -> Option<Result<Standing, EvaluationError>> {
        let limit = self.limit().filter(|limit| !limit.is_by_client())?;
        Some(limit.spend(&mut Evaluation::new(engine.scope(event, "", &[], &[]))))
    }

    /// Whether the source's limit can count only when the body is parsed.
    pub fn counts_by_body(&self) -> bool {
        self.limit().is_some_and(Limit::reads_body)
    }

    /// Whether anything is counted here at all.
    pub fn has_limits(&self) -> bool {
        self.has_limits
    }

    /// Whether any route's condition or template reads the body; where none does, it is not parsed.
    pub fn reads_body(&self) -> bool {
        self.reads_body
    }

    pub fn allows(&self, method: &Method) -> bool {
        self.source.methods.contains(method)
    }

    /// For the `Allow` header of a 405 (RFC 9110, section 10.2.1).
    pub fn allow_header(&self) -> String {
        let methods: Vec<&str> = self.source.methods.iter().map(Method::as_str).collect();
        methods.join(", ")
    }
}
