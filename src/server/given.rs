//! Secrets that senders gave in handshakes, for as long as it takes the operator to write them down.
//!
//! Anyone can send such a request, so they are few, they go by themselves, and only the admin listener shows them.

use crate::secret::Secret;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// One of them, and what tells it from those of others.
pub struct Given {
    pub time: DateTime<Utc>,
    pub request_id: Arc<str>,
    /// The pattern of the endpoint.
    pub path: Arc<str>,
    pub client_ip: IpAddr,
    pub secret: Secret,
}

/// The last ones.
#[derive(Default)]
pub struct GivenSecrets(Mutex<VecDeque<Given>>);

const KEPT_MAX: usize = 8;
/// Long enough to look; a handshake that was missed can be had again by creating the webhook again.
const KEPT_FOR: TimeDelta = TimeDelta::minutes(15);

impl GivenSecrets {
    pub fn keep(&self, given: Given) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(given);
    }

    /// `{"version": 1, "secrets": […]}`, newest first. Those that have been here too long are dropped.
    pub fn listing(&self, now: DateTime<Utc>) -> Value {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|given| now.signed_duration_since(given.time) < KEPT_FOR);
        let secrets: Vec<Value> = kept.iter().rev().map(shown).collect();
        json!({"version": 1, "secrets": secrets})
    }
}

fn shown(given: &Given) -> Value {
    json!({
        "time": given.time.to_rfc3339_opts(SecondsFormat::Millis, true),
        "request_id": &*given.request_id,
        "path": &*given.path,
        "client_ip": given.client_ip,
        "fingerprint": given.secret.fingerprint(),
        "secret": given.secret.expose(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(second: i64) -> Given {
        Given {
            time: DateTime::UNIX_EPOCH + TimeDelta::seconds(second),
            request_id: "id".into(),
            path: "/a".into(),
            client_ip: [192, 0, 2, 1].into(),
            secret: Secret::new(format!("secret-{second}")),
        }
    }

    #[test]
    fn the_last_few_are_kept_for_a_while() {
        let secrets = GivenSecrets::default();
        (0..20).for_each(|second| secrets.keep(given(second)));
        let names = |at: i64| {
            let listing = secrets.listing(DateTime::UNIX_EPOCH + TimeDelta::seconds(at));
            let shown = listing["secrets"].as_array().unwrap().clone();
            shown.iter().map(|one| one["secret"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(20).len(), KEPT_MAX);
        assert_eq!(names(20)[0], "secret-19");
        assert_eq!(names(18 + 900), ["secret-19"]);
        assert!(names(19 + 900).is_empty());
        assert!(names(20).is_empty(), "dropped, not hidden");
    }
}
