//! Requests that only establish that the endpoint is ours, and what is answered.
//!
//! A provider's handshakes are compiled without a check ([`Outline`]); with a check's parameters and secrets they become
//! [`Handshake`]s. Those that the provider does not sign are answered before anything is verified, so that they can only
//! repeat what the request says, or show that somebody here knows a secret; nothing of such a request goes anywhere else.

mod outline;
mod reply;
mod template;

#[cfg(test)]
mod tests;

use super::evidence::{Evidence, Place};
use super::secrets::{Fingerprint, Secrets};
use super::signature::algorithm::Key;
use super::signature::encoding::Encoding;
use super::signature::message::Piece;
use crate::secret::Secret;
use bytes::Bytes;
use http::{Method, Response};
pub(super) use outline::Outline;
use regex::Regex;
pub(super) use reply::Reply;
use std::borrow::Cow;

/// A handshake with its values.
pub struct Handshake {
    pub method: Method,
    /// Answered only once it is verified.
    pub signed: bool,
    when: Vec<(Place, Wanted)>,
    absent: Vec<Place>,
    mac: Option<Mac>,
    gives: Option<Place>,
    visits: Option<Visit>,
    reply: Reply,
}

/// An answered handshake.
pub struct Greeting {
    pub answer: Response<Bytes>,
    /// The secret that the sender will sign with from now on, where it gave one.
    pub given: Option<Secret>,
    /// What is to be asked for (GET) before the answer is given.
    pub visit: Option<String>,
}

/// Where a URL stands that is to be visited, and what it looks like, whole.
#[derive(Clone)]
struct Visit {
    url: Place,
    matches: Regex,
}

/// What must stand in a place.
enum Wanted {
    Anything,
    Text(String),
    /// Compared in a time that tells nothing of it.
    Secret(Fingerprint),
    /// One of these names, whatever their case; `*` is any.
    OneOf(Vec<String>),
}

/// A keyed hash of a value of the request.
struct Mac {
    of: Place,
    keys: Secrets<Key>,
    encoding: Encoding,
}

/// The longest URL that is visited, in bytes.
const URL_MAX: usize = 2048;
/// The longest text that is hashed for a stranger, in bytes.
const TOKEN_MAX: usize = 256;

impl Handshake {
    /// A handshake is small: a longer body is an event, and is not read for one before it is verified.
    pub(super) const BODY_MAX: usize = 64 * 1024;

    /// The answer, if the request is this handshake.
    pub(super) fn greet(&self, evidence: &Evidence<'_>) -> Option<Greeting> {
        if self.method != evidence.request.method || evidence.body.len() > Handshake::BODY_MAX {
            return None;
        }
        // Headers are looked at before a body is parsed for it.
        let present = |place: &Place| evidence.text(place) != Err(super::Refusal::Missing);
        if self.absent.iter().any(present) || !self.when.iter().all(|(place, wanted)| wanted.fits(place, evidence)) {
            return None;
        }
        let mac = match &self.mac {
            Some(mac) => Some(mac.of(evidence)?),
            None => None,
        };
        let given = match &self.gives {
            Some(place) => Some(Secret::new(evidence.text(place).ok()?)),
            None => None,
        };
        let visit = match &self.visits {
            Some(visit) => Some(visit.of(evidence)?),
            None => None,
        };
        Some(Greeting { answer: self.reply.render(evidence, mac.as_deref())?, given, visit })
    }
}

impl Wanted {
    fn fits(&self, place: &Place, evidence: &Evidence<'_>) -> bool {
        let Ok(found) = evidence.text(place) else { return false };
        match self {
            Wanted::Anything => !found.is_empty(),
            Wanted::Text(text) => *found == **text,
            Wanted::Secret(secret) => bool::from(secret.matches(&Fingerprint::of(found.as_bytes()))),
            Wanted::OneOf(names) => names.iter().any(|name| name == "*" || name.eq_ignore_ascii_case(&found)),
        }
    }
}

impl Visit {
    fn of(&self, evidence: &Evidence<'_>) -> Option<String> {
        let url = evidence.text(&self.url).ok()?;
        (url.len() <= URL_MAX && self.matches.is_match(&url)).then(|| url.into_owned())
    }
}

impl Mac {
    fn of(&self, evidence: &Evidence<'_>) -> Option<String> {
        let token = evidence.text(&self.of).ok()?;
        if !is_token(&token) {
            return None;
        }
        let tag = self.keys.first(evidence.request).ok()?.tag(&[Piece::Bytes(Cow::Borrowed(token.as_bytes()))])?;
        Some(self.encoding.encode(&tag))
    }
}

/// A word of letters and digits, as a challenge is. Whoever may choose what is hashed with the key of signatures could choose
/// a whole event and have it signed: no such text is a JSON object, a form or a list, or has a separator of signed messages.
fn is_token(text: &str) -> bool {
    let word = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/');
    (1..=TOKEN_MAX).contains(&text.len()) && !word.is_empty() && word.bytes().all(plain)
}
