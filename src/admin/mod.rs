//! The admin listener: whether the process lives and is ready, what runs, and reloading on demand.
//!
//! A small service of its own on a [`crate::server::listener`]; it sees the process only through [`AdminView`]. Who may
//! ask is decided in [`guard`].

mod guard;

pub use guard::TokenRequired;

use crate::diagnostic::Diagnostic;
use crate::reload::{ReloadOutcome, Status};
use crate::secret::Secret;
use crate::server::listener::{Peer, Service};
use crate::server::rejection::{Rejection, mark};
use crate::server::{Answer, request_id};
use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use guard::{Denied, Guard};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::net::IpAddr;

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

    /// Metrics in the format that fits `accept`, where metrics are kept.
    fn metrics(&self, _accept: &str) -> Option<Exposition> {
        None
    }

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
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Livez,
    Readyz,
    Metrics,
    Config,
    Routes,
    Handshakes,
    Reload,
}

impl Page {
    fn at(path: &str) -> Option<Page> {
        Some(match path {
            "/livez" => Page::Livez,
            "/readyz" => Page::Readyz,
            "/metrics" => Page::Metrics,
            "/config" => Page::Config,
            "/routes" => Page::Routes,
            "/handshakes" => Page::Handshakes,
            "/reload" => Page::Reload,
            _ => return None,
        })
    }

    /// A kubelet and a scraper bring neither token nor a name of ours.
    fn is_open(self) -> bool {
        matches!(self, Page::Livez | Page::Readyz | Page::Metrics)
    }

    fn allow(self) -> &'static str {
        if self == Page::Reload { "POST" } else { "GET, HEAD" }
    }

    fn allows(self, method: &Method) -> bool {
        if self == Page::Reload { *method == Method::POST } else { matches!(*method, Method::GET | Method::HEAD) }
    }
}

impl<V: AdminView> Admin<V> {
    /// For a listener on `address`.
    ///
    /// # Errors
    /// The address can be reached from elsewhere and there is no token.
    pub fn new(view: V, address: IpAddr, token: Option<&Secret>) -> Result<Admin<V>, TokenRequired> {
        Ok(Admin { view, guard: Guard::new(address, token)? })
    }

    async fn answer(&self, request: &Request<Incoming>) -> Result<Answer, Rejection> {
        // Denied before it is looked up: what pages there are is nobody's business either.
        let page = Page::at(request.uri().path());
        if !page.is_some_and(Page::is_open) {
            self.guard.check(request.uri(), request.headers()).map_err(|denied| match denied {
                Denied::Token => Rejection::Unauthorized,
                Denied::Origin => Rejection::Forbidden,
            })?;
        }
        let page = page.ok_or(Rejection::NotFound)?;
        if !page.allows(request.method()) {
            return Err(Rejection::MethodNotAllowed { allow: page.allow().to_owned() });
        }
        Ok(match page {
            Page::Livez => json_answer(StatusCode::OK, &json!({"status": "alive"})),
            Page::Readyz => ready(self.view.readiness()),
            Page::Metrics => metrics(self.view.metrics(accept(request.headers())).ok_or(Rejection::NotFound)?),
            Page::Config => json_answer(StatusCode::OK, &config(&self.view.status())),
            Page::Routes => json_answer(StatusCode::OK, &self.view.routes()),
            Page::Handshakes => json_answer(StatusCode::OK, &self.view.handshakes()),
            Page::Reload => reloaded(self.view.reload().await.ok_or(Rejection::Draining)?),
        })
    }
}

impl<V: AdminView> Service for Admin<V> {
    async fn call(&self, request: Request<Incoming>, _peer: Peer) -> Answer {
        let id = request_id::of(request.headers(), Utc::now(), fastrand::u128(..));
        let answer = self.answer(&request).await;
        let mut answer = answer.unwrap_or_else(|rejection| rejection.into_answer(&id));
        let headers = answer.headers_mut();
        mark(headers, &id);
        if headers.contains_key(WWW_AUTHENTICATE) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

fn ready(readiness: Readiness) -> Answer {
    match readiness {
        Readiness::Ready => json_answer(StatusCode::OK, &json!({"status": "ready"})),
        Readiness::Starting => json_answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "starting"})),
        Readiness::Draining => json_answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "draining"})),
    }
}

/// What runs, and what the last load had to say: its errors where it was rejected, else the warnings of what runs.
fn config(status: &Status) -> Value {
    let diagnostics: &[Diagnostic] = match &status.last {
        ReloadOutcome::Rejected { diagnostics, .. } => diagnostics,
        _ => &status.warnings,
    };
    let time = |time: chrono::DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({
        "version": 1,
        "generation": status.generation,
        "digest": status.digest,
        "loaded_at": time(status.loaded_at),
        "last_outcome": status.last.name(),
        "last_at": time(status.last_at),
        "diagnostics": diagnostics,
    })
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
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests;
