//! The admin listener: whether the process lives and is ready, what runs, what happened of late, and reloading on demand.
//!
//! A small service of its own on a [`crate::server::listener`]; it sees the process only through [`AdminView`]. Who may
//! ask is decided in [`guard`].

mod asked;
mod body;
mod console;
mod filter;
mod guard;
mod listing;
mod openapi;
mod page;
mod stream;

pub use asked::Asked;
pub use body::AdminBody;
pub use guard::TokenRequired;

use crate::diagnostic::Diagnostic;
use crate::history::History;
use crate::reload::{ReloadOutcome, Status};
use crate::secret::Secret;
use crate::server::admission::{Admission, Permit};
use crate::server::body::Bounds;
use crate::server::listener::{Peer, Service};
use crate::server::rejection::{Rejection, mark};
use crate::server::request_id;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use filter::Filter;
use guard::{Denied, Guard};
use http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use page::{Access, Page};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use stream::Feed;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is answered here.
type Answer = Response<AdminBody>;

/// Whether webhooks should be sent here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    Starting,
    Ready,
    Draining,
}

/// What the admin listener sees of the process.
pub trait AdminView: Send + Sync + 'static {
    fn readiness(&self) -> Readiness;

    /// As [`crate::reload::Handle::status`].
    fn status(&self) -> Status;

    /// The routes of the running generation, references unresolved.
    fn routes(&self) -> Value;

    /// Secrets that senders gave in handshakes of late.
    fn handshakes(&self) -> Value;

    /// What happened of late.
    fn history(&self) -> &Arc<History>;

    fn now(&self) -> DateTime<Utc>;

    /// Metrics in the format that fits `accept`, where metrics are kept.
    fn metrics(&self, _accept: &str) -> Option<Exposition> {
        None
    }

    /// Where a trace is looked at, with `{trace_id}` for its id.
    fn trace_url(&self) -> Option<Arc<str>>;

    /// Why a request is taken or not, and what would be sent; or why it cannot be a request.
    fn explain(&self, asked: Asked) -> impl Future<Output = Result<Value, String>> + Send;

    /// Delivers to one target for real, and tells what came of it; or why nothing could be sent.
    fn test(&self, route: &str, target: &str, asked: Asked) -> impl Future<Output = Result<Value, String>> + Send;

    /// As [`crate::reload::Handle::reload`].
    fn reload(&self) -> impl Future<Output = Option<ReloadOutcome>> + Send;
}

/// Metrics as text.
pub struct Exposition {
    pub content_type: &'static str,
    pub text: String,
}

/// The service of the admin listener.
pub struct Admin<V> {
    view: V,
    guard: Guard,
    readers: Arc<Semaphore>,
    asking: Arc<Admission>,
}

/// Requests to explain and to test at a time, and the bytes of their bodies.
const ASKING_MAX: usize = 8;
const ASKING_BYTES: usize = 8 << 20;

/// Of the body of one of them.
const ASKED: Bounds = Bounds { max_size: 1 << 20, timeout: Duration::from_secs(10) };

impl<V: AdminView> Admin<V> {
    /// For a listener on `address`.
    ///
    /// # Errors
    /// The address can be reached from elsewhere and there is no token.
    pub fn new(view: V, address: IpAddr, token: Option<&Secret>) -> Result<Admin<V>, TokenRequired> {
        let readers = Arc::new(Semaphore::new(stream::READERS_MAX));
        let asking = Admission::new(ASKING_MAX, ASKING_BYTES);
        Ok(Admin { view, guard: Guard::new(address, token)?, readers, asking })
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Rejection> {
        // Denied before it is looked up: what pages there are is nobody's business either.
        let page = Page::at(request.uri().path());
        let access = page.map_or(Access::Guarded, Page::access);
        self.guard.check(access, request.uri(), request.headers()).map_err(|denied| match denied {
            Denied::Token => Rejection::Unauthorized,
            Denied::Origin => Rejection::Forbidden,
        })?;
        let page = page.ok_or(Rejection::NotFound)?;
        if !page.allows(request.method()) {
            return Err(Rejection::MethodNotAllowed { allow: page.allow().to_owned() });
        }
        let history = self.view.history();
        Ok(match page {
            Page::Livez => json_answer(StatusCode::OK, &json!({"status": "alive"})),
            Page::Readyz => ready(self.view.readiness()),
            Page::Metrics => metrics(self.view.metrics(accept(request.headers())).ok_or(Rejection::NotFound)?),
            Page::Config => {
                let trace_url = self.view.trace_url();
                json_answer(StatusCode::OK, &config(&self.view.status(), trace_url.as_deref()))
            }
            Page::Routes => {
                let routes = listing::with_statistics(self.view.routes(), history, self.view.now());
                json_answer(StatusCode::OK, &routes)
            }
            Page::Handshakes => json_answer(StatusCode::OK, &self.view.handshakes()),
            Page::Events => json_answer(StatusCode::OK, &listing::events(history, &filter(&request)?)),
            Page::Deliveries => json_answer(StatusCode::OK, &listing::deliveries(history, &filter(&request)?)),
            Page::EventStream => self.event_stream(&request)?,
            Page::DeliveryStream => self.delivery_stream(&request)?,
            Page::OpenApi => answer(StatusCode::OK, "application/json", openapi::DOCUMENT.to_owned()),
            Page::Asset(asset) => asset.answer(),
            Page::Reload => reloaded(self.view.reload().await.ok_or(Rejection::Draining)?),
            Page::Explain => {
                let (asked, _permit) = self.asked(request).await?;
                told(self.view.explain(asked).await)?
            }
            Page::Test => {
                let (route, target) = page::tested(request.uri().path()).ok_or(Rejection::NotFound)?;
                let (asked, _permit) = self.asked(request).await?;
                told(self.view.test(&route, &target, asked).await)?
            }
        })
    }

    /// The permit bounds how many are worked on.
    async fn asked(&self, request: Request<Incoming>) -> Result<(Asked, Permit), Rejection> {
        let mut permit = self.asking.enter().ok_or(Rejection::Overload)?;
        let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
        let essence = content_type.and_then(|value| value.split(';').next()).map(str::trim);
        // A form of a foreign page cannot say so.
        if essence.is_some_and(|essence| !essence.eq_ignore_ascii_case("application/json")) {
            return Err(Rejection::UnsupportedMediaType { detail: "send application/json".to_owned() });
        }
        let bytes = crate::server::body::read(request.into_body(), ASKED, &mut permit).await?;
        let asked = Asked::parse(&bytes).map_err(|detail| Rejection::Malformed { detail })?;
        Ok((asked, permit))
    }

    fn event_stream(&self, request: &Request<Incoming>) -> Result<Answer, Rejection> {
        let (filter, history) = (filter(request)?, self.view.history().clone());
        let after = continues(request.headers(), &history).unwrap_or_else(|| history.events.last());
        let showing = history.clone();
        let show = Box::new(move |number, entry: &_| listing::event(&showing, &filter, number, entry));
        let permit = self.reader()?;
        Ok(streaming(stream::follow(Feed { history, ring: |all| &all.events, name: "event", show, after, permit })))
    }

    fn delivery_stream(&self, request: &Request<Incoming>) -> Result<Answer, Rejection> {
        let (filter, history) = (filter(request)?, self.view.history().clone());
        let after = continues(request.headers(), &history).unwrap_or_else(|| history.deliveries.last());
        let showing = history.clone();
        let show = Box::new(move |number, entry: &_| listing::delivery(&showing, &filter, number, entry));
        let permit = self.reader()?;
        let name = "delivery";
        Ok(streaming(stream::follow(Feed { history, ring: |all| &all.deliveries, name, show, after, permit })))
    }

    fn reader(&self) -> Result<OwnedSemaphorePermit, Rejection> {
        self.readers.clone().try_acquire_owned().map_err(|_| Rejection::Overload)
    }
}

impl<V: AdminView> Service for Admin<V> {
    type Body = AdminBody;

    async fn call(&self, request: Request<Incoming>, _peer: Peer) -> Answer {
        let id = request_id::of(request.headers(), Utc::now(), fastrand::u128(..));
        let answer = self.answer(request).await;
        let mut answer = answer.unwrap_or_else(|rejection| rejection.into_answer(&id).map(AdminBody::from));
        let headers = answer.headers_mut();
        mark(headers, &id);
        if headers.contains_key(WWW_AUTHENTICATE) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        guard::harden(headers);
        answer
    }
}

fn told(came: Result<Value, String>) -> Result<Answer, Rejection> {
    let came = came.map_err(|detail| Rejection::Unprocessable { detail, errors: Vec::new() })?;
    Ok(json_answer(StatusCode::OK, &came))
}

/// The filter in the query.
fn filter(request: &Request<Incoming>) -> Result<Filter, Rejection> {
    Filter::parse(request.uri().query().unwrap_or_default()).map_err(|detail| Rejection::Malformed { detail })
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where a reader had got to before its connection broke. What is no id of ours begins anew.
fn continues(headers: &HeaderMap, history: &History) -> Option<u64> {
    history.number(headers.get(LAST_EVENT_ID)?.to_str().ok()?)
}

fn ready(readiness: Readiness) -> Answer {
    match readiness {
        Readiness::Ready => json_answer(StatusCode::OK, &json!({"status": "ready"})),
        Readiness::Starting => json_answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "starting"})),
        Readiness::Draining => json_answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "draining"})),
    }
}

/// What runs, and what the last load had to say: its errors where it was rejected, else the warnings of what runs.
fn config(status: &Status, trace_url: Option<&str>) -> Value {
    let diagnostics: &[Diagnostic] = match &status.last {
        ReloadOutcome::Rejected { diagnostics, .. } => diagnostics,
        _ => &status.warnings,
    };
    json!({
        "version": 1,
        "generation": status.generation,
        "digest": status.digest,
        "loaded_at": listing::time(status.loaded_at),
        "last_outcome": status.last.name(),
        "last_at": listing::time(status.last_at),
        "trace_url": trace_url,
        "diagnostics": diagnostics.iter().map(with_source).collect::<Vec<Value>>(),
    })
}

/// With the line that it is about.
fn with_source(diagnostic: &Diagnostic) -> Value {
    let mut shown = json!(diagnostic);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("source".to_owned(), json!(diagnostic.source));
    }
    shown
}

fn reloaded(outcome: ReloadOutcome) -> Answer {
    let status = match outcome {
        ReloadOutcome::Applied { .. } | ReloadOutcome::Unchanged { .. } => StatusCode::OK,
        ReloadOutcome::Rejected { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        ReloadOutcome::Unsettled { .. } => StatusCode::SERVICE_UNAVAILABLE,
        ReloadOutcome::Crashed { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    json_answer(status, &json!(outcome))
}

fn metrics(exposition: Exposition) -> Answer {
    answer(StatusCode::OK, exposition.content_type, exposition.text)
}

fn accept(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn json_answer(status: StatusCode, value: &Value) -> Answer {
    answer(status, "application/json", value.to_string())
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(AdminBody::Whole(Full::new(Bytes::from(body))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn streaming(body: AdminBody) -> Answer {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer
}

#[cfg(test)]
mod tests;
