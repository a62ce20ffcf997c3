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
        .enumerate()
        .map(|(position, target)| {
            let required = route.requires(position);
            let mut entry = json!({"name": &*target.name, "url": target.written_url, "enabled": target.enabled, "required": required});
            if let (Some(choice), Value::Object(entry)) = (route.choice(position), &mut entry) {
                let among = choice.targets().map(|target| json!({"name": target.chosen, "url": target.written_url}));
                let urls: Vec<&str> = choice.targets().map(|target| &*target.written_url).collect();
                entry.insert("url".to_owned(), urls.join(", ").into());
                entry.insert("choose".to_owned(), choice.written().into());
                entry.insert("among".to_owned(), among.collect::<Vec<Value>>().into());
            }
            entry
        })
        .collect();
    let (from, until) = route.active();
    json!({
        "name": &*route.name,
        "description": route.description,
        "file": route.file,
        "enabled": route.enabled,
        "active": {"from": from.map(|at| at.to_rfc3339()), "until": until.map(|at| at.to_rfc3339())},
        "order": route.order,
        "methods": methods,
        "hosts": hosts,
        "path": route.path(),
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
