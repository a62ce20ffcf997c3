//! Signatures: one engine for `hmac:` and for every provider that can be described as data.
//!
//! A scheme says where signatures and the timestamp stand, what is signed, and with what. The same description run
//! forward signs ([`Signature::sign`]).

pub(super) mod algorithm;
mod canonical;
pub(super) mod compile;
pub(super) mod encoding;
pub(super) mod grammar;
pub(super) mod message;
mod sign;
pub(super) mod timestamp;
pub(super) mod url;
mod variable;

#[cfg(test)]
mod tests;

use super::Refusal;
use super::evidence::{Evidence, Place};
use super::secrets::{Chosen, Secrets, first_match};
use algorithm::{Algorithm, Key};
use chrono::{DateTime, Utc};
use encoding::Encoding;
use grammar::{Grammar, Read};
use message::{Message, Piece, Surroundings};
use std::borrow::Cow;
use std::sync::Arc;
use subtle::Choice;
use timestamp::Timestamp;

/// How a request is signed; without keys.
#[derive(Clone)]
pub(super) struct Scheme {
    pub algorithm: Algorithm,
    pub encoding: Encoding,
    /// Where signatures stand: one place, or alternatives.
    pub places: Vec<Holder>,
    pub grammar: Grammar,
    /// What is signed: any of these.
    pub messages: Vec<Message>,
    pub timestamp: Option<Timestamp>,
    /// What `{id}` reads.
    pub id: Option<Place>,
    pub required: Vec<Requirement>,
    pub absent: Vec<Place>,
}

impl Scheme {
    pub fn names_url(&self) -> bool {
        self.messages.iter().any(Message::names_url)
    }

    /// Parameters of a check that the scheme needs besides its secrets.
    pub fn parameters(&self) -> Vec<Parameter> {
        let required = self.required.iter().filter_map(|requirement| match requirement.expected {
            Expected::Parameter(parameter) => Some(parameter),
            Expected::Text(_) | Expected::BodySha256Hex | Expected::Base64Lines => None,
        });
        let named = if let Grammar::Pairs { named_by, .. } = &self.grammar { *named_by } else { None };
        required.chain(named).chain(self.messages.iter().flat_map(Message::parameters)).collect()
    }
}

/// A place that may hold signatures, and the keys that may have made them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub place: Place,
    pub group: Option<Group>,
    /// What is signed here, where it is something else than elsewhere.
    pub message: Option<Message>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Primary,
    Secondary,
}

/// Something else that must stand in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    pub place: Place,
    pub expected: Expected,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    Text(String),
    BodySha256Hex,
    /// Letters of base64 and line ends alone.
    Base64Lines,
    /// A parameter of the check; replaced by its value when the check is compiled.
    Parameter(Parameter),
}

/// What a check may say besides its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Parameter {
    AppKey,
    Serial,
    WebhookId,
    TopicArn,
    /// Not a key at all: the name of one (`braintree`).
    PublicKey,
}

impl Parameter {
    const ALL: [Parameter; 5] =
        [Parameter::AppKey, Parameter::Serial, Parameter::WebhookId, Parameter::TopicArn, Parameter::PublicKey];

    pub fn name(self) -> &'static str {
        match self {
            Parameter::AppKey => "app_key",
            Parameter::Serial => "serial",
            Parameter::WebhookId => "webhook_id",
            Parameter::TopicArn => "topic_arn",
            Parameter::PublicKey => "public_key",
        }
    }

    pub fn named(name: &str) -> Option<Parameter> {
        Parameter::ALL.into_iter().find(|parameter| parameter.name() == name)
    }

    /// One key is often all there is, and then its serial number adds nothing; and whoever wants every topic may have it.
    pub fn is_optional(self) -> bool {
        matches!(self, Parameter::Serial | Parameter::TopicArn)
    }
}

/// A scheme with its keys.
pub(super) struct Signature {
    pub scheme: Scheme,
    /// In the order of the secrets as written, then the secondary ones.
    pub keys: Secrets<(Group, Key)>,
    pub public_url: Option<Arc<str>>,
}

/// What a request shows of a signature.
struct Shown<'r> {
    /// The text of each holder that is there.
    texts: Vec<(&'r Holder, Cow<'r, str>)>,
}

impl Signature {
    pub fn check(&self, evidence: &Evidence<'_>, now: DateTime<Utc>) -> Result<Option<usize>, Refusal> {
        self.check_with(&self.keys.chosen(evidence.request), evidence, now).map(Some)
    }

    /// As [`Self::check`], with other keys than the configured ones.
    pub fn check_with(
        &self,
        keys: &Chosen<'_, (Group, Key)>,
        evidence: &Evidence<'_>,
        now: DateTime<Utc>,
    ) -> Result<usize, Refusal> {
        let shown = self.shown(evidence);
        let checked = match &shown {
            Ok(shown) => self.check_shown(shown, keys, evidence, now),
            Err(refusal) => Err(*refusal),
        };
        if let Err(Refusal::Missing | Refusal::Repeated | Refusal::Malformed | Refusal::BadTimestamp) = checked {
            self.idle(keys, evidence, now);
        }
        checked
    }

    fn shown<'r>(&'r self, evidence: &'r Evidence<'_>) -> Result<Shown<'r>, Refusal> {
        let mut texts = Vec::with_capacity(self.scheme.places.len());
        for holder in &self.scheme.places {
            match evidence.text(&holder.place) {
                Ok(text) => texts.push((holder, text)),
                Err(Refusal::Missing) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        if texts.is_empty() { Err(Refusal::Missing) } else { Ok(Shown { texts }) }
    }

    fn check_shown(
        &self,
        shown: &Shown<'_>,
        keys: &Chosen<'_, (Group, Key)>,
        evidence: &Evidence<'_>,
        now: DateTime<Utc>,
    ) -> Result<usize, Refusal> {
        let mut reads = Vec::with_capacity(shown.texts.len());
        for (holder, text) in &shown.texts {
            reads.push((*holder, self.scheme.grammar.read(text)?));
        }
        let time = self.time(&reads, evidence)?;
        self.check_required(evidence)?;
        let pairs = reads.first().map_or(&[][..], |(_, read)| &read.others);
        let surroundings = Surroundings { time: time.as_deref(), public_url: self.public_url.as_deref(), pairs };
        let messages = self.messages(evidence, surroundings)?;
        let mut claims = Vec::with_capacity(reads.len());
        for (holder, read) in &reads {
            let own = holder.message.as_ref().map(|message| message.pieces(evidence, surroundings)).transpose()?;
            claims.push((holder.group, read, own));
        }
        let matched = first_match(keys, now, |(group, key)| {
            let fitting = claims.iter().filter(|(wanted, ..)| wanted.is_none_or(|wanted| wanted == *group));
            fitting.fold(Choice::from(0), |matched, (_, read, own)| {
                let messages = own.as_ref().map_or(&messages[..], std::slice::from_ref);
                let signs = |pieces: &Vec<Piece<'_>>| key.signs(pieces, self.scheme.encoding, &read.signatures);
                messages.iter().fold(matched, |matched, pieces| matched | signs(pieces))
            })
        });
        let matched = matched.ok_or(Refusal::Mismatch)?;
        match (&self.scheme.timestamp, time) {
            (Some(timestamp), Some(time)) => timestamp.check(&time, now).map(|()| matched),
            (Some(_), None) => Err(Refusal::BadTimestamp),
            (None, _) => Ok(matched),
        }
    }

    /// Every message that the request has all parts of.
    fn messages<'r>(
        &'r self,
        evidence: &'r Evidence<'_>,
        surroundings: Surroundings<'r>,
    ) -> Result<Vec<Vec<Piece<'r>>>, Refusal> {
        let mut messages = Vec::with_capacity(self.scheme.messages.len());
        for message in &self.scheme.messages {
            match message.pieces(evidence, surroundings) {
                Ok(pieces) => messages.push(pieces),
                Err(Refusal::Missing) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        if messages.is_empty() { Err(Refusal::Missing) } else { Ok(messages) }
    }

    /// The text of the signed timestamp.
    fn time<'r>(
        &'r self,
        reads: &[(&'r Holder, Read<'r>)],
        evidence: &'r Evidence<'_>,
    ) -> Result<Option<Cow<'r, str>>, Refusal> {
        let place = self.scheme.timestamp.as_ref().and_then(|timestamp| timestamp.place.as_ref());
        match place {
            Some(place) => evidence.text(place).map(Some).map_err(|refusal| match refusal {
                Refusal::Missing => Refusal::BadTimestamp,
                refusal => refusal,
            }),
            None => Ok(reads.iter().find_map(|(_, read)| read.time).map(Cow::Borrowed)),
        }
    }

    fn check_required(&self, evidence: &Evidence<'_>) -> Result<(), Refusal> {
        for requirement in &self.scheme.required {
            let found = evidence.text(&requirement.place)?;
            let fits = match &requirement.expected {
                Expected::Text(text) => *found == *text,
                Expected::Parameter(_) => false,
                Expected::Base64Lines => {
                    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\n".contains(&byte);
                    found.bytes().all(letter)
                }
                Expected::BodySha256Hex => {
                    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, evidence.body);
                    bool::from(Encoding::Hex.spells(digest.as_ref(), &found))
                }
            };
            if !fits {
                return Err(Refusal::Mismatch);
            }
        }
        let present = |place: &Place| !matches!(evidence.text(place), Err(Refusal::Missing));
        if self.scheme.absent.iter().any(present) { Err(Refusal::Malformed) } else { Ok(()) }
    }

    /// A request without a usable signature costs as much as one with a wrong one.
    fn idle(&self, keys: &Chosen<'_, (Group, Key)>, evidence: &Evidence<'_>, now: DateTime<Utc>) {
        let pieces = [Piece::Bytes(Cow::Borrowed(&evidence.body[..]))];
        let matched = first_match(keys, now, |(_, key)| key.signs(&pieces, self.scheme.encoding, &[""]));
        std::hint::black_box(matched);
    }
}
