//! One host and path pattern: who may call it, what body it takes, and the routes behind it.

use super::Route;
use super::source::Source;
use http::Method;
use std::sync::Arc;

/// What routes on the same host and path share.
pub struct Endpoint {
    /// The pattern as one of its routes wrote it: the name of the endpoint in logs and traces.
    pub pattern: Arc<str>,
    pub(super) source: Arc<Source>,
    /// By `order`, then in file order.
    pub(super) routes: Vec<Arc<Route>>,
    reads_body: bool,
    longest_deadline: std::time::Duration,
}

impl Endpoint {
    pub(super) fn new(pattern: &str, source: Arc<Source>) -> Endpoint {
        Endpoint {
            pattern: pattern.into(),
            source,
            routes: Vec::new(),
            reads_body: false,
            longest_deadline: std::time::Duration::ZERO,
        }
    }

    pub(super) fn add(&mut self, route: Arc<Route>) {
        self.reads_body |= route.reads_body();
        self.longest_deadline = self.longest_deadline.max(route.deadline);
        let place = self.routes.partition_point(|known| (known.order, known.position) <= (route.order, route.position));
        self.routes.insert(place, route);
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
