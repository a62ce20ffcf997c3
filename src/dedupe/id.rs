//! An id of any length in a fixed number of bytes: what senders choose must not decide how much is remembered.

use aws_lc_rs::digest::{SHA256, digest};

/// The SHA-256 of a key: nobody finds two keys with one, so no event passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id([u8; 32]);

impl Id {
    pub(super) fn of(key: &str) -> Id {
        let mut id = [0; 32];
        id.iter_mut().zip(digest(&SHA256, key.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
        Id(id)
    }
}
