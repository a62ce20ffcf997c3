//! The engine run forward: timestamp, id and signature, each in its place.

use super::encoding::Encoding;
use super::message::{Message, Piece, Surroundings};
use super::{Expected, Signature};
use crate::verify::evidence::{Evidence, Place};
use crate::verify::sign::{Draft, SignError};
use chrono::{DateTime, Utc};

impl Signature {
    /// The signature itself is in a header, and may sign everything else.
    pub fn stands_in_header(&self) -> bool {
        matches!(self.scheme.places.first().map(|holder| holder.place.first()), Some(Place::Header(_)))
    }

    /// Adds timestamp, id and signature to `draft`, made with the first secret. `id` is used where the scheme has one, or a nonce,
    /// and the request does not carry it yet.
    pub fn sign(&self, draft: &mut Draft<'_>, now: DateTime<Utc>, id: &str) -> Result<(), SignError> {
        let scheme = &self.scheme;
        if scheme.algorithm.is_public() {
            return Err(SignError::PublicKey);
        }
        let time = self.put_time(draft, now)?;
        let named = self.message().into_iter().flat_map(Message::headers);
        for place in scheme.id.iter().chain(named) {
            // Ids and nonces: any will do that was not used before.
            if let Place::Header(name) = place
                && !draft.request.headers.contains_key(name)
            {
                draft.put(place, id)?;
            }
        }
        for requirement in &scheme.required {
            let text = match &requirement.expected {
                Expected::Text(text) => text.clone(),
                Expected::BodySha256Hex => {
                    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, draft.body);
                    Encoding::Hex.encode(digest.as_ref())
                }
                Expected::Parameter(_) | Expected::Base64Lines => continue,
            };
            draft.put(&requirement.place, &text)?;
        }
        let tag = self.tag(draft, &time)?;
        let place = scheme.places.first().map(|holder| &holder.place).ok_or(SignError::Body)?;
        draft.put(place, &scheme.grammar.write(&scheme.encoding.encode(&tag), &time))
    }

    /// The signed moment as text. One that the event itself tells stays where it is recent enough.
    fn put_time(&self, draft: &mut Draft<'_>, now: DateTime<Utc>) -> Result<String, SignError> {
        let Some(timestamp) = &self.scheme.timestamp else { return Ok(String::new()) };
        let time = timestamp.unit.write(now);
        match &timestamp.place {
            None => {}
            Some(place @ Place::Header(_)) => draft.put(place, &time)?,
            Some(place) => {
                let told = Evidence::new(draft.request, draft.body).text(place).map(|text| text.into_owned());
                match told {
                    Ok(told) if timestamp.check(&told, now).is_ok() => return Ok(told),
                    _ => draft.put(place, &time)?,
                }
            }
        }
        Ok(time)
    }

    /// What stands in the first place is what is signed there.
    fn message(&self) -> Option<&Message> {
        let own = self.scheme.places.first().and_then(|holder| holder.message.as_ref());
        own.or(self.scheme.messages.first())
    }

    fn tag(&self, draft: &Draft<'_>, time: &str) -> Result<Vec<u8>, SignError> {
        let evidence = Evidence::new(draft.request, draft.body);
        let pairs = self.scheme.grammar.written_pairs();
        let surroundings = Surroundings { time: Some(time), public_url: self.public_url.as_deref(), pairs: &pairs };
        let message = self.message().ok_or(SignError::NoSecret)?;
        let pieces: Vec<Piece<'_>> = message.pieces(&evidence, surroundings)?;
        let (_, key) = self.keys.first(draft.request)?;
        key.tag(&pieces).ok_or(SignError::NoSecret)
    }
}
