//! The id of a delivery: the same on every replica, for every attempt, and for every try of a sender that names its events.

use crate::hex;
use aws_lc_rs::digest::{SHA256, digest};

/// Half of a SHA-256: no two deliveries share one by accident.
const BYTES: usize = 16;

/// `msg_` and 32 hexadecimal digits, from a route, a target and what identifies the event (its dedupe key, or the
/// request's id where it has none).
///
/// Names of routes and targets hold no NUL, so two different triples never feed the same bytes to the hash.
pub fn delivery_id(route: &str, target: &str, key: &str) -> String {
    let digest = digest(&SHA256, [route, target, key].join("\0").as_bytes());
    let mut id = String::with_capacity(4 + 2 * BYTES);
    id.push_str("msg_");
    hex::append(&mut id, digest.as_ref().get(..BYTES).unwrap_or_default());
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_stable_across_releases() {
        // printf 'orders\0crm\0k-1' | sha256sum
        assert_eq!(delivery_id("orders", "crm", "k-1"), "msg_bfc2c5e4e81c32f39f4b44df3d9b4b80");
    }

    #[test]
    fn every_part_counts_and_none_runs_into_the_next() {
        let ids = [
            delivery_id("a", "b", "c"),
            delivery_id("ab", "", "c"),
            delivery_id("a", "bc", ""),
            delivery_id("", "ab", "c"),
            delivery_id("a", "b", "d"),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(ids.iter().position(|other| other == id), Some(index));
        }
    }
}
