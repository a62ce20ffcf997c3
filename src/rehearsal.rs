//! A request run through the whole pipeline without a network: what `test` and `explain` do.
//!
//! The pipeline is the one of `serve`; only deliveries go nowhere, and the record is kept instead of printed.

#![expect(clippy::disallowed_methods, reason = "the body is whole in memory already")]

use crate::clock::Clock;
use crate::reload::Live;
use crate::server::Answer;
use crate::server::admission::Admission;
use crate::server::arrival::{Arrival, Inbound};
use crate::server::client_address::{HostError, TrustedProxies};
use crate::server::gateway::{Configuration, Gateway, Generation, Outgoing, Parts, Stubs, Trust};
use crate::server::pipeline;
use crate::server::rate_limits::Counting;
use crate::server::record::{Notes, Recorder};
use crate::telemetry::metrics::Metrics;
use crate::verify::NoKeys;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Request;
use http_body_util::{BodyExt, Full};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A configuration to run requests through, one after another.
pub struct Rehearsal {
    live: Live<Configuration>,
}

/// One request to run.
pub struct Rehearsed {
    pub request: Request<Bytes>,
    pub client_ip: IpAddr,
    pub at: DateTime<Utc>,
    pub trust: Trust,
    pub public_url: Option<Arc<str>>,
    /// What targets answer; `None`: nothing is sent and everything succeeds.
    pub answers: Option<Stubs>,
}

/// What the pipeline did with it.
pub struct Performance {
    pub notes: Notes,
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

/// Bodies of examples come from files of the operator: this only bounds a mistake.
const BYTES_MAX: usize = 256 << 20;

impl Rehearsal {
    pub fn new(configuration: Configuration) -> Rehearsal {
        Rehearsal { live: Live::fixed(configuration, Clock::System) }
    }

    /// Of what runs: each request on the generation of its time.
    pub fn of(live: Live<Configuration>) -> Rehearsal {
        Rehearsal { live }
    }

    pub fn generation(&self) -> Arc<Generation> {
        self.live.load()
    }

    pub fn live(&self) -> &Live<Configuration> {
        &self.live
    }

    /// # Errors
    /// The request names no usable host.
    pub async fn run(&self, rehearsed: Rehearsed) -> Result<Performance, HostError> {
        let clock = Clock::Fixed(rehearsed.at);
        let parts = Parts {
            outgoing: rehearsed.answers.map_or(Outgoing::Withheld, Outgoing::Stubbed),
            keys: Box::new(NoKeys),
            trust: rehearsed.trust,
            counting: Counting::Off,
            admission: Admission::new(1, BYTES_MAX),
            accepted: Admission::new(usize::MAX, BYTES_MAX),
            body_timeout: Duration::from_secs(30),
            clock,
            log: None,
            metrics: Metrics::default(),
        };
        let gateway = Arc::new(Gateway::new(self.live.clone(), parts));
        let (head, body) = rehearsed.request.into_parts();
        let trusted = TrustedProxies::default();
        let inbound = Inbound::plain(rehearsed.client_ip, rehearsed.public_url);
        let arrival = Arrival::new(head, inbound, &trusted, clock, None).map_err(|(_, error)| error)?;
        let recorder = Recorder::keeping(&arrival);
        let answer = pipeline::answer(&gateway, &self.live.load(), &recorder, arrival, Full::new(body)).await;
        gateway.work.close();
        gateway.work.wait().await;
        Ok(performance(answer, recorder.into_notes()).await)
    }
}

async fn performance(answer: Answer, notes: Notes) -> Performance {
    let (head, body) = answer.into_parts();
    // A body that is whole already cannot fail to be read.
    let body = body.collect().await.map(|collected| collected.to_bytes()).unwrap_or_default();
    Performance { notes, status: head.status.as_u16(), headers: head.headers, body }
}
