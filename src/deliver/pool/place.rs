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
    /// Path and query alone, as they stand in a request (RFC 9112, section 3.2.1).
    relative: PathAndQuery,
    /// Looked up once: it stays the same as long as its pool does.
    pub(super) host: OnceLock<Arc<Host>>,
    /// Elsewhere, because few look at it.
    pub(in crate::deliver) uri: Box<Uri>,
}

/// As long as most paths are: with this many bytes of text an [`Owned`] takes one line of the cache.
const TEXT: usize = 48;

/// A text in the same place as the count of those who share it.
struct Owned(SmallVec<[u8; TEXT]>);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Place {
    pub(in crate::deliver) fn new(uri: Uri) -> Place {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let shared = Bytes::from_owner(Owned(SmallVec::from_slice(path.as_bytes())));
        // What was a path there is one here.
        let relative = PathAndQuery::from_maybe_shared(shared).unwrap_or_else(|_| PathAndQuery::from_static("/"));
        Place { relative, host: OnceLock::new(), uri: Box::new(uri) }
    }

    pub(super) fn relative(&self) -> Uri {
        self.relative.clone().into()
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
        for length in TEXT - 2..TEXT + 3 {
            let path = format!("/{}?{}", "p".repeat(length), "q".repeat(length));
            assert_eq!(relative(&format!("http://h{path}")), path);
        }
    }

    #[test]
    fn most_paths_lie_beside_the_count_of_those_who_share_them() {
        // With the count of `Bytes`.
        assert_eq!(size_of::<usize>() + size_of::<Owned>(), 64);
    }
}
