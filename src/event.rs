//! One webhook at three levels of trust: [`Received`] bytes, [`Verified`] bytes, and the [`Event`] that routes see.
//!
//! Only [`crate::verify`] turns the first into the second, and only a verified webhook can become an event, so
//! unverified bytes cannot be transformed or forwarded by accident.

use crate::body::Parsed;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method};
use std::net::IpAddr;
use std::sync::Arc;

/// What arrived, whole, as the sender wrote it.
#[derive(Debug, Clone)]
pub struct Received {
    pub request: Arc<RequestInfo>,
    /// The exact bytes of the body.
    pub body: Bytes,
}

/// Everything about a request but its body.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// Ours, in every answer and log line.
    pub id: Arc<str>,
    pub method: Method,
    /// The path as it stood on the request line, not decoded.
    pub path: String,
    /// The query as it stood on the request line, without `?`.
    pub query: Option<String>,
    /// Without port, lower case.
    pub host: String,
    /// `http` or `https`, as the client spoke to us or a trusted proxy says.
    pub scheme: &'static str,
    pub headers: HeaderMap,
    /// The one clock reading of the event.
    pub time: DateTime<Utc>,
    pub client_ip: IpAddr,
    /// Values of the pattern's parameters, decoded once, in the pattern's order.
    pub params: Vec<(Arc<str>, String)>,
    /// `scheme://host[:port][/prefix]` that the configuration gives, for schemes that sign the URL.
    pub public_url: Option<Arc<str>>,
}

impl RequestInfo {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| &**key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a header joined with `, `; `None` when it is absent or not text.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?.to_str().ok()?.to_owned();
        values.try_fold(first, |joined, value| Some(format!("{joined}, {}", value.to_str().ok()?)))
    }
}

/// A webhook whose sender is known to be who the route wants. Made by [`crate::verify`] alone.
#[derive(Debug, Clone)]
pub struct Verified {
    received: Received,
}

impl Verified {
    /// For [`crate::verify`] only, and for offline examples, where the event counts as verified.
    pub(crate) fn trust(received: Received) -> Verified {
        Verified { received }
    }

    pub fn request(&self) -> &Arc<RequestInfo> {
        &self.received.request
    }

    pub fn body(&self) -> &Bytes {
        &self.received.body
    }

    /// With the parsed body, if something reads it.
    pub fn into_event(self, parsed: Option<Parsed>) -> Event {
        Event { request: self.received.request, bytes: self.received.body, parsed, element: None }
    }
}

impl Event {
    /// A request without its body, for choosing by its head before anything is verified: there is nothing to send on.
    pub(crate) fn of_head(request: RequestInfo) -> Event {
        Event { request: Arc::new(request), bytes: Bytes::new(), parsed: None, element: None }
    }

    /// All that came in the request.
    pub fn batch(&self) -> Option<&Parsed> {
        match &self.element {
            Some(element) => element.batch.as_ref(),
            None => self.parsed.as_ref(),
        }
    }
}

/// A place in a batch.
#[derive(Clone)]
pub struct Element {
    /// From 0.
    pub index: usize,
    /// What came, whole.
    pub batch: Option<Parsed>,
}

/// What routes, conditions and transforms see.
#[derive(Clone)]
pub struct Event {
    pub request: Arc<RequestInfo>,
    /// The exact bytes of the body, as verified.
    pub bytes: Bytes,
    /// `None` where no route reads the body.
    pub parsed: Option<Parsed>,
    /// It is one of several that came in one request: bytes and body are its own.
    pub element: Option<Element>,
}
