//! A URL to send to.

use super::host::Host;
use http::Uri;
use http::uri::PathAndQuery;
use std::sync::{Arc, OnceLock};

/// An absolute URL, with what every request to it needs of it.
pub(in crate::deliver) struct Place {
    pub(in crate::deliver) uri: Uri,
    /// Path and query alone, as they stand in a request (RFC 9112, section 3.2.1).
    pub(super) relative: Uri,
    /// Looked up once: it stays the same as long as its pool does.
    pub(super) host: OnceLock<Arc<Host>>,
}

impl Place {
    pub(in crate::deliver) fn new(uri: Uri) -> Place {
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Place { uri, relative: path.into(), host: OnceLock::new() }
    }
}
