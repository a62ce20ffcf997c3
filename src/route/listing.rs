//! The routes of a generation as JSON, for `hookswitch routes --format json` and the admin listener's `/routes`.
//!
//! Everything is shown as it was written: references instead of values.

use super::{Route, RouteTable};
use crate::matcher::HostPattern;
use serde_json::{Value, json};

/// `{"version": 1, "routes": […]}`, in file order.
pub fn listing(table: &RouteTable) -> Value {
    let routes: Vec<Value> = table.routes.iter().map(|route| one(route)).collect();
    json!({"version": 1, "routes": routes})
}

fn one(route: &Route) -> Value {
    let methods: Vec<&str> = route.methods().iter().map(http::Method::as_str).collect();
    let hosts: Vec<String> = route
        .hosts()
        .iter()
        .map(|host| match host {
            HostPattern::Exact(name) => name.clone(),
            HostPattern::Below(suffix) => format!("*{suffix}"),
        })
        .collect();
    let targets: Vec<Value> = route
        .targets
        .iter()
        .map(|target| {
            json!({"name": &*target.name, "url": target.written_url, "enabled": target.enabled, "required": target.required})
        })
        .collect();
    json!({
        "name": &*route.name,
        "description": route.description,
        "file": route.file,
        "enabled": route.enabled,
        "active": {"from": route.active_from.map(|at| at.to_rfc3339()), "until": route.active_until.map(|at| at.to_rfc3339())},
        "order": route.order,
        "methods": methods,
        "hosts": hosts,
        "path": route.path,
        "when": route.when_source,
        "verify": route.verifier().describe(),
        "limit": route.limit().map(|limit| limit.to_string()),
        "dedupe": route.dedupe.as_ref().map(|identity| json!({
            "key": identity.written,
            "window_ms": u64::try_from(identity.window.as_millis()).unwrap_or(u64::MAX),
        })),
        "deadline_ms": u64::try_from(route.deadline.as_millis()).unwrap_or(u64::MAX),
        "targets": targets,
    })
}
