//! A URL to send to.

use super::host::Host;
use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use smallvec::SmallVec;
use std::sync::{Arc, OnceLock};

/// An absolute URL, with what every request to it needs of it at the front: of thousands of targets that one is in no cache.
#[repr(C)]
pub(in crate::deliver) struct Place {
    /// Path and query alone, as they stand in a request (RFC 9112, section 3.2.1). Each request makes its own URL of them, which
    /// is quicker than to share one that lies elsewhere.
    relative: SmallVec<[u8; RELATIVE]>,
    /// Looked up once: it stays the same as long as its pool does.
    pub(super) host: OnceLock<Arc<Host>>,
    /// Elsewhere, because few look at it.
    pub(in crate::deliver) uri: Box<Uri>,
}

/// As long as most paths are. With it an address takes two lines of the cache.
const RELATIVE: usize = 48;

impl Place {
    pub(in crate::deliver) fn new(uri: Uri) -> Place {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        Place { relative: SmallVec::from_slice(path.as_bytes()), host: OnceLock::new(), uri: Box::new(uri) }
    }

    pub(super) fn relative(&self) -> Uri {
        let path = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(&self.relative));
        // What was a path in a URL is one here.
        path.unwrap_or_else(|_| PathAndQuery::from_static("/")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_path_and_query_alone_however_long_they_are() {
        let relative = |url: &str| Place::new(url.parse().unwrap()).relative().to_string();
        assert_eq!(relative("http://h"), "/");
        assert_eq!(relative("https://h:8443/a/b?c=d%20e"), "/a/b?c=d%20e");
        assert_eq!(relative("http://h?only=query"), "/?only=query");
        for length in RELATIVE - 2..RELATIVE + 3 {
            let path = format!("/{}?{}", "p".repeat(length), "q".repeat(length));
            assert_eq!(relative(&format!("http://h{path}")), path);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_path_is_changed_on_its_way(path in "[!-~]{0,80}") {
            let Ok(uri) = format!("http://h/{path}").parse::<Uri>() else { return Ok(()) };
            let written = uri.path_and_query().unwrap().to_string();
            proptest::prop_assert_eq!(Place::new(uri).relative().to_string(), written);
        }
    }
}
