//! A request as it arrives, before anything is decided: who, when, where to.

use super::client_address::{self, Client, HostError, TrustedProxies};
use super::request_id;
use crate::clock::Clock;
use crate::event::RequestInfo;
use crate::telemetry::trace_context::{Sampler, Span};
use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{HeaderMap, Method};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::Instant;

/// Everything about a request but its body and what the route table knows of it.
pub struct Arrival {
    pub id: Arc<str>,
    /// For deadlines and durations.
    pub instant: Instant,
    /// The one clock reading of the event.
    pub time: DateTime<Utc>,
    pub method: Method,
    /// Not decoded.
    pub path: String,
    pub query: Option<String>,
    /// The other end of the connection.
    pub peer: IpAddr,
    pub client: Client,
    pub headers: HeaderMap,
    /// Of this request, in the sender's trace where it gave one.
    pub span: Span,
    pub public_url: Option<Arc<str>>,
}

/// The connection on which a request arrives.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// The other end.
    pub peer: IpAddr,
    /// `http` or `https`, as it is spoken to us.
    pub scheme: &'static str,
    /// The listener's.
    pub public_url: Option<Arc<str>>,
}

impl Inbound {
    pub fn plain(peer: IpAddr, public_url: Option<Arc<str>>) -> Inbound {
        Inbound { peer, scheme: "http", public_url }
    }
}

impl Arrival {
    /// `sampler` decides whether the request is traced, where anything is.
    ///
    /// # Errors
    /// The request names no usable host; with its id, for the answer.
    pub fn new(
        parts: Parts,
        inbound: Inbound,
        trusted: &TrustedProxies,
        clock: Clock,
        sampler: Option<&Sampler>,
    ) -> Result<Box<Arrival>, (Arc<str>, HostError)> {
        let time = clock.now();
        let id = request_id::of(&parts.headers, time, fastrand::u128(..));
        let client = client_address::client(inbound.peer, inbound.scheme, &parts, trusted)
            .map_err(|error| (id.clone(), error))?;
        let span = Span::of_request(&parts.headers, sampler.unwrap_or(&Sampler::default()), || fastrand::u64(..));
        // On the heap, because it goes through the hands of futures, each of which has room for what it takes.
        Ok(Box::new(Arrival {
            id,
            instant: Instant::now(),
            time,
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            peer: inbound.peer,
            client,
            headers: parts.headers,
            span,
            public_url: inbound.public_url,
        }))
    }

    /// With the parameters that the route table found in the path.
    pub fn into_request(self: Box<Self>, params: Vec<(Arc<str>, String)>) -> RequestInfo {
        RequestInfo {
            id: self.id,
            method: self.method,
            path: self.path,
            query: self.query,
            host: self.client.host,
            scheme: self.client.scheme,
            headers: self.headers,
            time: self.time,
            client_ip: self.client.ip,
            params,
            public_url: self.public_url,
        }
    }
}
