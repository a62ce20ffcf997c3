//! Bodies that a sender encrypts as a whole (Lark): what is signed is what was sent, the event is what is inside.
//!
//! AES-256 in CBC mode; the key is the SHA-256 of the secret, the first block is the initialization vector. That mode
//! proves nothing: a sealed body counts only after its signature, and a handshake that comes without one is told no more
//! than it already knows.

use super::Refusal;
use super::compile::WrittenCheck;
use super::evidence::{Evidence, Place};
use super::secrets::Secrets;
use super::signature::compile::KeyRules;
use crate::diagnostic::At;
use crate::document::Document;
use crate::secret::Secret;
use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};

/// Where a body holds what is sealed, and the keys that may open it.
pub(super) struct Sealed {
    at: Place,
    keys: Secrets<PaddedBlockDecryptingKey>,
}

const BLOCK: usize = 16;

impl Sealed {
    /// With the secrets of a check, which are known to be right.
    pub fn compile(place: &Place, check: &WrittenCheck<'_>, rules: &KeyRules, at: &At<'_>) -> Option<Sealed> {
        let keys =
            Secrets::compile(rules.written(check)?, check, &at.key(rules.parameter()), |secret, _| key(&secret))?;
        Some(Sealed { at: place.clone(), keys })
    }

    /// What is inside; `None` where nothing is sealed.
    pub fn open(&self, evidence: &Evidence<'_>, now: DateTime<Utc>) -> Result<Option<Bytes>, Refusal> {
        let Ok(text) = evidence.text(&self.at) else { return Ok(None) };
        let sealed = STANDARD.decode(text.as_bytes()).map_err(|_| Refusal::Malformed)?;
        let accepted = self.keys.chosen(evidence.request).into_iter().filter(|(_, key)| key.accepted(now));
        let opened = accepted.into_iter().find_map(|(_, key)| opened(&key.value, &sealed));
        opened.map(Some).ok_or(Refusal::Malformed)
    }
}

fn key(secret: &Secret) -> Option<PaddedBlockDecryptingKey> {
    let key = UnboundCipherKey::new(&AES_256, digest(&SHA256, secret.expose().as_bytes()).as_ref()).ok()?;
    PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()
}

/// JSON, or it was another key.
fn opened(key: &PaddedBlockDecryptingKey, sealed: &[u8]) -> Option<Bytes> {
    let (vector, blocks) = sealed.split_first_chunk::<BLOCK>()?;
    if blocks.is_empty() || blocks.len() % BLOCK != 0 {
        return None;
    }
    let mut blocks = blocks.to_vec();
    let plain = key.decrypt(&mut blocks, DecryptionContext::Iv128(FixedLength::from(vector))).ok()?;
    let plain = Bytes::copy_from_slice(plain);
    Document::parse(plain.clone()).ok().map(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the sender's documentation of event encryption: the secret `test key`, the text `hello world`.
    #[test]
    fn what_the_documentation_seals_is_opened() {
        let key = key(&Secret::new("test key")).unwrap();
        let sealed = STANDARD.decode("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=").unwrap();
        let (vector, blocks) = sealed.split_first_chunk::<BLOCK>().unwrap();
        let mut blocks = blocks.to_vec();
        let plain = key.decrypt(&mut blocks, DecryptionContext::Iv128(FixedLength::from(vector))).unwrap();
        assert_eq!(plain, b"hello world");
        assert_eq!(opened(&key, &sealed), None, "a text is no event");
        for wrong in [&sealed[..16], &sealed[..31], &[][..]] {
            assert_eq!(opened(&key, wrong), None);
        }
    }
}
