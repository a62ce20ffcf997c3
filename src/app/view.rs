//! What the admin listener sees of the process.

use crate::admin::{AdminView, Asked, Exposition, Readiness};
use crate::examples::{Failure, Written, WrittenBody};
use crate::explain::explain;
use crate::history::History;
use crate::rehearsal::Rehearsal;
use crate::reload::{Handle, ReloadOutcome, Status};
use crate::server::gateway::{Configuration, Gateway};
use crate::telemetry::metrics;
use crate::trial::{self, Draft, Trial};
use chrono::{DateTime, Utc};
use http::Method;
use serde_json::Value;
use std::sync::Arc;

pub(super) struct ProcessView {
    gateway: Arc<Gateway>,
    handle: Handle<Configuration>,
    rehearsal: Rehearsal,
}

impl ProcessView {
    pub(super) fn new(gateway: Arc<Gateway>, handle: Handle<Configuration>) -> ProcessView {
        let rehearsal = Rehearsal::of(handle.live().clone());
        ProcessView { gateway, handle, rehearsal }
    }

    /// Secrets may have got into bodies and answers: they are as little for the console as for the log.
    fn without_secrets(&self, mut shown: Value) -> Value {
        self.handle.live().load().value.secrets.hide(&mut shown);
        shown
    }
}

impl AdminView for ProcessView {
    fn readiness(&self) -> Readiness {
        if self.gateway.is_draining() { Readiness::Draining } else { Readiness::Ready }
    }

    fn status(&self) -> Status {
        self.handle.status()
    }

    fn trace_url(&self) -> Option<Arc<str>> {
        self.handle.live().load().value.settings.telemetry.trace_url.clone()
    }

    fn routes(&self) -> Value {
        crate::route::listing(&self.handle.live().load().value.table)
    }

    fn handshakes(&self) -> Value {
        self.gateway.given.listing(self.gateway.clock.now())
    }

    fn history(&self) -> &Arc<History> {
        &self.gateway.history
    }

    fn now(&self) -> DateTime<Utc> {
        self.gateway.clock.now()
    }

    fn metrics(&self, accept: &str) -> Option<Exposition> {
        let format = metrics::Format::wanted(accept);
        let text = metrics::write(&self.gateway.metrics.collect(), format);
        Some(Exposition { content_type: format.content_type(), text })
    }

    async fn reload(&self) -> Option<ReloadOutcome> {
        self.handle.reload().await
    }

    async fn explain(&self, asked: Asked) -> Result<Value, String> {
        let method = asked.method.as_deref().unwrap_or("POST").to_ascii_uppercase();
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is not a method"))?;
        let target = asked.url.as_deref().ok_or("a path is missing, as `/hooks/shop`")?;
        let body = asked.body.as_deref().map(json_body).unwrap_or_default();
        let written = Written { method, target, headers: pairs(&asked.headers), body };
        match explain(&self.rehearsal, written, self.gateway.clock.now()).await {
            Ok(explained) => Ok(self.without_secrets(explained)),
            Err(Failure(message)) => Err(message),
        }
    }

    async fn test(&self, route: &str, target: &str, asked: Asked) -> Result<Value, String> {
        let trial = {
            let generation = self.handle.live().load();
            let route =
                trial::named(&generation.value.table, route, Some(target)).map_err(|error| error.to_string())?;
            let body = asked.body.as_deref().map(json_body);
            let draft = Draft { url: asked.url.as_deref(), headers: pairs(&asked.headers), body, example: None };
            let (request, public_url) = draft.request(route).map_err(|error| error.to_string())?;
            Trial { route: route.name.clone(), target: Some(target.into()), request, public_url }
        };
        let report = trial::run(&self.gateway, trial).await.map_err(|error| error.to_string())?;
        Ok(self.without_secrets(report.to_json("the admin listener")))
    }
}

fn pairs(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Without a content-type header it is JSON, as on the command line.
fn json_body(text: &str) -> WrittenBody {
    WrittenBody { bytes: text.to_owned().into(), content_type: Some("application/json") }
}
