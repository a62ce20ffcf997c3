//! The request to a target, all of it but what every attempt adds. Pure: `explain` and `test` show what this builds.

use super::auth::{Auth, Credential, Credentials};
use super::destination::Destination;
use super::field::{QueryField, QueryFields};
use super::forward::{Payload, forwarded};
use super::{Address, NotBuilt, Outbound, Target, id, union};
use crate::document::Document;
use crate::event::{Event, RequestInfo};
use crate::expr::{Evaluation, EvaluationError, Reads, Scope};
use crate::transform::{Built, Transform, UrlTemplate, header_value};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::net::Ipv4Addr;
use std::sync::Arc;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PRODUCT: HeaderValue = HeaderValue::from_static(concat!("hookswitch/", env!("CARGO_PKG_VERSION")));

/// Headers whose values must not be shown, with what is shown instead.
pub(super) type ShownHeaders = Vec<(HeaderName, String)>;

impl Target {
    /// Evaluates everything of the request; pure, so that `explain` and `test` use it too. `key` identifies the event
    /// over its sender's retries, or is the request's id.
    ///
    /// # Errors
    /// What an expression of the target has no value for, a URL or header that could not be sent, and a key of the event
    /// that `auth` has no credentials for.
    pub fn prepare(&self, scope: Scope<'_>, event: &Event, key: &str) -> Result<Outbound, NotBuilt> {
        let id = id::delivery_id(scope.route, &self.name, key);
        self.prepare_as(scope, event, id)
    }

    /// As [`Target::prepare`], with an id that was made before.
    ///
    /// # Errors
    /// As there.
    pub fn prepare_as(&self, scope: Scope<'_>, event: &Event, id: String) -> Result<Outbound, NotBuilt> {
        let mut evaluation = Evaluation::new(scope);
        let auth = self.request.credentials.chosen(&mut evaluation)?;
        let (body, content_type, payload) = self.payload(event, &mut evaluation)?;
        let mut headers = forwarded(&self.request.forward, payload, &event.request.headers, &self.request.theirs);
        let credential = auth.credential();
        add_ours(&mut headers, &id, credential.is_some_and(Credential::signs_id));
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, content_type);
        }
        let mut shown_headers = Vec::new();
        let transform = self.request.transform.as_deref();
        let fields = self.request.headers.as_deref();
        for field in fields.iter().flat_map(|fields| &fields.set) {
            field.set(&mut headers, &mut shown_headers, transform, &mut evaluation)?;
        }
        for name in fields.iter().flat_map(|fields| &fields.removed) {
            headers.remove(name);
        }
        auth.set_headers(&mut headers, &mut shown_headers, &mut evaluation)?;
        let address = self.request.url.address(transform, auth, &mut evaluation)?;
        Ok(Outbound {
            method: self.request.method.clone(),
            address,
            headers,
            shown_headers,
            body,
            id,
            credential: credential.cloned(),
        })
    }

    /// The body, its type where it is a new one, and what that means for the sender's headers.
    fn payload(
        &self,
        event: &Event,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<(Bytes, Option<HeaderValue>, Payload), EvaluationError> {
        if matches!(self.request.method, Method::GET | Method::HEAD) {
            return Ok((Bytes::new(), None, Payload::Absent));
        }
        let Some(transform) = &self.request.transform else {
            if self.is_dead_letter || event.element.is_some() {
                // A record, or a part of what came: none of the sender's headers is about it.
                return Ok((event.bytes.clone(), Some(HeaderValue::from_static("application/json")), Payload::New));
            }
            return Ok((event.bytes.clone(), None, Payload::Unchanged));
        };
        let Built { bytes, content_type, unchanged } = transform.build(evaluation)?;
        let content_type = content_type.map(content_type_value).transpose()?;
        Ok((bytes, content_type, if unchanged { Payload::Unchanged } else { Payload::New }))
    }
}

fn content_type_value(written: String) -> Result<HeaderValue, EvaluationError> {
    if written == "application/json" {
        return Ok(HeaderValue::from_static("application/json"));
    }
    header_value(&written)
}

/// A forwarded `webhook-id` that comes with a signature stays: the signature is over it (Standard Webhooks),
/// unless we make one of our own.
fn add_ours(headers: &mut HeaderMap, id: &str, is_signed: bool) {
    // Hexadecimal digits are always a header value.
    let Ok(id) = HeaderValue::from_str(id) else { return };
    if is_signed || !(headers.contains_key(WEBHOOK_ID) && headers.contains_key(WEBHOOK_SIGNATURE)) {
        headers.insert(WEBHOOK_ID, id.clone());
    }
    headers.insert(IDEMPOTENCY_KEY, id);
    headers.insert(USER_AGENT, PRODUCT);
}

/// Where requests go: a URL and its query.
pub(super) struct TargetUrl {
    constant: Option<Arc<Address>>,
    written: Box<WrittenUrl>,
}

struct WrittenUrl {
    template: UrlTemplate,
    query: QueryFields,
}

impl TargetUrl {
    /// Builds the URL here and now where nothing in it depends on the event.
    ///
    /// # Errors
    /// When such a URL could never be sent to.
    pub(super) fn new(
        template: UrlTemplate,
        query: QueryFields,
        credentials: &Credentials,
    ) -> Result<TargetUrl, EvaluationError> {
        let is_constant = template.constant().is_some() && query.0.iter().all(QueryField::is_constant);
        let written = Box::new(WrittenUrl { template, query });
        let mut constant = None;
        for auth in credentials.each().filter(|auth| is_constant && auth.query_is_constant()) {
            let built = without_event(|evaluation| written.build(None, auth, evaluation))?;
            // Of several tenants each is looked at; which one it will be, the event says.
            constant = Some(built).filter(|_| credentials.query_is_constant());
        }
        Ok(TargetUrl { constant: constant.map(Arc::new), written })
    }

    pub(super) fn origin(&self) -> &str {
        self.written.template.origin()
    }

    pub(super) fn reads(&self) -> Reads {
        let WrittenUrl { template, query } = &*self.written;
        query.0.iter().map(QueryField::reads).fold(template.reads(), union)
    }

    fn address(
        &self,
        transform: Option<&Transform>,
        auth: &Auth,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<Arc<Address>, EvaluationError> {
        match &self.constant {
            Some(constant) => Ok(constant.clone()),
            None => self.written.build(transform, auth, evaluation).map(Arc::new),
        }
    }
}

impl WrittenUrl {
    fn build(
        &self,
        transform: Option<&Transform>,
        auth: &Auth,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<Address, EvaluationError> {
        let mut query = Vec::with_capacity(self.query.0.len());
        for field in &self.query.0 {
            query.extend(field.build(transform, evaluation)?);
        }
        let mut url = self.template.build_with(&query, evaluation)?;
        auth.append_query(&mut url.real, &mut url.shown, evaluation)?;
        let destination = Destination::parse(&url.real);
        let destination = destination.map_err(|error| EvaluationError::Wrong(error.to_string()))?;
        let shown = Some(url.shown).filter(|shown| *shown != url.real).map(Box::new);
        Ok(Address { destination, url: url.real.into(), shown })
    }
}

/// Runs what looks at no event, while the configuration loads.
fn without_event<T>(build: impl FnOnce(&mut Evaluation<'_>) -> T) -> T {
    let tables = Document::null();
    let event = Event { request: Arc::new(no_request()), bytes: Bytes::new(), parsed: None, element: None };
    let scope =
        Scope { event: &event, route: "", vars: &[], answers: &[], answer: None, tables: &tables, uuid: String::new };
    build(&mut Evaluation::new(scope))
}

fn no_request() -> RequestInfo {
    RequestInfo {
        id: Arc::from(""),
        method: Method::POST,
        path: String::new(),
        query: None,
        host: String::new(),
        scheme: "http",
        headers: HeaderMap::new(),
        time: chrono::DateTime::UNIX_EPOCH,
        client_ip: Ipv4Addr::UNSPECIFIED.into(),
        params: Vec::new(),
        public_url: None,
    }
}
