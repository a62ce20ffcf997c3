//! Why a request is taken or not, clause by clause, and the exact requests that would be sent: what `hookswitch explain`
//! prints, and `/explain` of the admin listener answers.

use crate::examples::{self, Failure, Written, readable};
use crate::rehearsal::{Performance, Rehearsal, Rehearsed};
use crate::route::{self, Decision};
use crate::server::gateway::Trust;
use crate::server::record::{DeliveryNote, What};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Runs the request, which counts as verified, and tells what came of it as a stable document. Nothing is sent.
///
/// # Errors
/// It cannot be a request, or names no usable host.
pub async fn explain(rehearsal: &Rehearsal, written: Written<'_>, at: DateTime<Utc>) -> Result<Value, Failure> {
    let asked = json!({"method": written.method.as_str(), "path": written.target});
    let (request, public_url) = examples::build(written)?;
    let rehearsed = Rehearsed {
        request,
        client_ip: std::net::Ipv4Addr::LOCALHOST.into(),
        at,
        trust: Trust::Assume,
        public_url,
        answers: None,
    };
    let performance = rehearsal.run(rehearsed).await.map_err(|error| Failure(error.to_string()))?;
    Ok(report(&asked, &performance))
}

fn report(asked: &Value, performance: &Performance) -> Value {
    let notes = &performance.notes;
    let routes = notes.decisions.iter().map(|(route, decision)| {
        let (outcome, reason) = match decision {
            Decision::Taken => ("taken", None),
            Decision::Ignored(ignored) => ("ignored", Some(ignored.to_string())),
            Decision::Failed(error) => ("failed", Some(error.to_string())),
            Decision::Broken(places) => ("failed", Some(route::places(places))),
            Decision::RateLimited(_) => ("rate_limited", None),
        };
        let mut entry = json!({"name": &*route.name, "file": route.file, "outcome": outcome});
        if let Some(fields) = entry.as_object_mut() {
            fields.extend(reason.map(|reason| ("reason".to_owned(), reason.into())));
            fields.extend(route.when_source.as_ref().map(|when| ("when".to_owned(), when.trim().into())));
        }
        entry
    });
    let headers: Vec<(String, String)> = performance
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    json!({
        "version": 1,
        "request": asked,
        "endpoint": notes.endpoint.as_deref(),
        "handshake": notes.handshake,
        "routes": routes.collect::<Vec<Value>>(),
        "deliveries": notes.deliveries.iter().map(delivery).collect::<Vec<Value>>(),
        "response": {
            "status": performance.status,
            "headers": shown_headers(&headers),
            "body": readable(&performance.headers, &performance.body),
        },
    })
}

fn delivery(note: &DeliveryNote) -> Value {
    let (route, target) = (&*note.route, &*note.target);
    match &note.what {
        What::Skipped(skip) => {
            json!({"route": route, "target": target, "outcome": "skipped", "reason": skip.to_string()})
        }
        What::NotBuilt(error) => {
            json!({"route": route, "target": target, "outcome": "failed", "reason": error.to_string()})
        }
        What::Sent { outbound, .. } => json!({
            "route": route,
            "target": target,
            "outcome": "sent",
            "method": outbound.method.as_str(),
            "url": &*outbound.shown_url,
            "headers": shown_headers(&outbound.shown()),
            "body": readable(&outbound.headers, &outbound.body),
            "dead_letter": note.dead_letter.as_deref(),
        }),
    }
}

fn shown_headers(headers: &[(String, String)]) -> Value {
    Value::Object(headers.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect())
}
