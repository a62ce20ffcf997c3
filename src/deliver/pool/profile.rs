//! How connections are made: by which rules, for whose choice of host, with which TLS. One pool for each such way, so that
//! a kept connection is never used for what it was not checked for.

use super::Pool;
use crate::deliver::client::Client;
use crate::deliver::connect::{Connector, Tls};
use crate::egress::{Denied, Egress, Origin};
use http::Uri;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// A way of making connections, and the pool of those that were made so.
pub struct Profile {
    egress: Arc<Egress>,
    origin: Origin,
    tls: Tls,
    pool: OnceLock<Pool>,
}

/// Hands out profiles: the one that is in use already where nothing about it has changed, so that a reload closes no
/// connection. It holds on to none of them: a profile lives as long as a generation that uses it.
#[derive(Default)]
pub struct Profiles(Mutex<Vec<Weak<Profile>>>);

impl Profiles {
    pub(in crate::deliver) fn profile(&self, egress: &Arc<Egress>, origin: Origin, tls: Tls) -> Arc<Profile> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|profile| profile.strong_count() > 0);
        let is_same = |profile: &Arc<Profile>| {
            profile.origin == origin
                && profile.tls == tls
                && (Arc::ptr_eq(&profile.egress, egress) || *profile.egress == **egress)
        };
        if let Some(profile) = known.iter().filter_map(Weak::upgrade).find(is_same) {
            return profile;
        }
        let profile = Arc::new(Profile { egress: egress.clone(), origin, tls, pool: OnceLock::new() });
        known.push(Arc::downgrade(&profile));
        profile
    }

    /// For documents that the configuration, or a provider's entry, names: keys and certificates.
    pub fn documents(&self, egress: &Arc<Egress>) -> Arc<Profile> {
        self.profile(egress, Origin::Written, Tls::default())
    }
}

impl Profile {
    /// What the rules say of a URL before its name is resolved.
    pub(in crate::deliver) fn check_host(&self, uri: &Uri) -> Result<(), Denied> {
        self.egress.check_host(uri.host().unwrap_or_default(), self.origin)
    }

    /// The connections of this kind.
    pub(in crate::deliver) fn pool(&self, client: &Client) -> &Pool {
        self.pool.get_or_init(|| {
            let tls = self.tls.config(client);
            Pool::new(Connector::new(&self.egress, self.origin, client.resolver(), tls))
        })
    }
}
