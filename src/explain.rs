//! Why a request is taken or not, clause by clause, and the exact requests that would be sent: what `hookswitch explain`
//! prints, and `/explain` of the admin listener answers.

use crate::examples::{self, Failure, Written, readable};
use crate::rehearsal::{Performance, Rehearsal, Rehearsed};
use crate::route::{self, Decision};
use crate::server::gateway::Trust;
use crate::server::record::{DeliveryNote, Notes, What};
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
        let (outcome, reason) = told(decision);
        let mut entry = json!({"name": &*route.name, "file": route.file, "outcome": outcome});
        if let Some(fields) = entry.as_object_mut() {
            fields.extend(reason.map(|reason| ("reason".to_owned(), reason.into())));
            fields.extend(route.when_source.as_ref().map(|when| ("when".to_owned(), when.trim().into())));
            let elements = elements(&route.name, notes);
            fields.extend((!elements.is_empty()).then(|| ("elements".to_owned(), elements.into())));
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
        "endpoint": notes.pattern(),
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
    let mut entry = json!({"route": &*note.route, "target": &*note.target});
    let more = match &note.what {
        What::Skipped(skip) => json!({"outcome": "skipped", "reason": skip.to_string()}),
        What::NotBuilt(error) => json!({"outcome": "failed", "reason": error.to_string()}),
        What::Sent { outbound, end } if end.is_refused() => {
            let reason = format!("egress refuses the host of {}", outbound.shown_url());
            json!({"outcome": "refused", "reason": reason})
        }
        What::Sent { outbound, .. } => json!({
            "outcome": "sent",
            "method": outbound.method.as_str(),
            "url": outbound.shown_url(),
            "headers": shown_headers(&outbound.shown()),
            "body": readable(&outbound.headers, &outbound.body),
            "dead_letter": note.dead_letter.as_deref(),
        }),
    };
    if let (Value::Object(entry), Value::Object(more)) = (&mut entry, more) {
        entry.extend(note.chosen.as_deref().map(|chosen| ("chosen".to_owned(), chosen.into())));
        entry.extend(note.element.map(|element| ("element".to_owned(), element.into())));
        entry.extend(more);
    }
    entry
}

/// What a route says to each element of a batch.
fn elements(route: &str, notes: &Notes) -> Vec<Value> {
    let own = notes.elements.iter().filter(|(name, ..)| **name == *route);
    let elements = own.map(|(_, index, decision)| {
        let (outcome, reason) = told(decision);
        let mut entry = json!({"element": index, "outcome": outcome});
        if let Some(fields) = entry.as_object_mut() {
            fields.extend(reason.map(|reason| ("reason".to_owned(), reason.into())));
        }
        entry
    });
    elements.collect()
}

fn told(decision: &Decision) -> (&'static str, Option<String>) {
    match decision {
        Decision::Taken => ("taken", None),
        Decision::Ignored(ignored) => ("ignored", Some(ignored.to_string())),
        Decision::Failed(error) => ("failed", Some(error.to_string())),
        Decision::Broken(places) => ("failed", Some(route::places(places))),
        Decision::RateLimited(_) => ("rate_limited", None),
    }
}

fn shown_headers(headers: &[(String, String)]) -> Value {
    Value::Object(headers.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect())
}
