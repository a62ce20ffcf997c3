//! The id of a request: in every answer (`x-request-id`), log line and problem document.
//!
//! A sender's own id is kept where it is harmless, so that both sides can search for the same text; it says nothing
//! about who sent it, and nothing is decided on it.

use crate::hex;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName};
use std::sync::Arc;

pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is kept, in bytes: room for two UUIDs or an AWS trace header, too little to fill a log with.
const MAX_LENGTH: usize = 128;

/// The sender's id if there is exactly one and it is sane, else a fresh one from `now` and `random`.
pub fn of(headers: &HeaderMap, now: DateTime<Utc>, random: u128) -> Arc<str> {
    let mut values = headers.get_all(HEADER).iter();
    let only = values.next().filter(|_| values.next().is_none());
    match only.and_then(|value| value.to_str().ok()).filter(|id| is_sane(id)) {
        Some(id) => id.into(),
        None => fresh(now, random),
    }
}

/// Letters, digits and the punctuation that ids are made of: nothing that needs escaping in JSON, a URL or a shell.
fn is_sane(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:=+/@~".contains(&byte);
    (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(allowed)
}

/// A UUID version 7 (RFC 9562, section 5.7): sorts by time, 74 bits of `random`.
pub fn fresh(now: DateTime<Utc>, random: u128) -> Arc<str> {
    let millis = u128::try_from(now.timestamp_millis()).unwrap_or(0) & 0xffff_ffff_ffff;
    let low = random & 0x0000_0000_0000_0fff_3fff_ffff_ffff_ffff;
    let uuid = (millis << 80) | low | (0x7 << 76) | (0b10 << 62);
    let mut text = [b'-'; 36];
    let mut shift = 128;
    for (position, byte) in text.iter_mut().enumerate() {
        if !matches!(position, 8 | 13 | 18 | 23) {
            shift -= 4;
            *byte = hex::digit((uuid >> shift) as u8 & 0xf);
        }
    }
    std::str::from_utf8(&text).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).unwrap()
    }

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (HEADER, HeaderValue::from_bytes(value.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn a_fresh_id_is_a_version_7_uuid() {
        // The time of RFC 9562, appendix A.6, with every random bit set.
        let id = fresh(at(0x017F_22E2_79B0), u128::MAX);
        assert_eq!(&*id, "017f22e2-79b0-7fff-bfff-ffffffffffff");
        assert_eq!(&*fresh(at(0), 0), "00000000-0000-7000-8000-000000000000");
        assert_eq!(&*fresh(at(-1), 0), "00000000-0000-7000-8000-000000000000");
    }

    #[test]
    fn later_ids_sort_later() {
        assert!(fresh(at(1_000), u128::MAX) < fresh(at(1_001), 0));
    }

    #[test]
    fn a_sane_id_of_the_sender_is_kept() {
        for id in ["abc", "0e6bb1a4-5d3c-4c6d-9d3b-1df6a6b0c8b1", "Root=1-67891233-abcdef012345678912345678", "a/b+c=="]
        {
            assert_eq!(&*of(&headers(&[id]), at(0), 0), id);
        }
    }

    #[test]
    fn anything_else_gets_a_fresh_one() {
        let long = "a".repeat(MAX_LENGTH + 1);
        for values in [&[][..], &[""], &["a b"], &["a\"b"], &["a{b}"], &["<b>"], &["ключ"], &[&long], &["one", "two"]]
        {
            assert_eq!(of(&headers(values), at(0), 0), fresh(at(0), 0), "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_the_id_is_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut map = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                map.insert(HEADER, value);
            }
            prop_assert!(is_sane(&of(&map, at(0), 0)));
        }
    }
}
