//! What is signed: literal text and variables, compiled once, streamed into the hash without joining them.

use super::Parameter;
use super::canonical::Canonical;
use super::encoding::hex;
use super::url;
use super::variable::parse_until;
use crate::verify::Refusal;
use crate::verify::evidence::{Evidence, Place};
use aws_lc_rs::digest;
use http::HeaderName;
use std::borrow::Cow;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message(pub(super) Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    /// The exact bytes of the body.
    Body,
    /// The text of the signed timestamp, as it stands in the request.
    Time,
    /// For hashes with the secret inside.
    Secret,
    Method,
    /// The public URL with the raw path and query.
    Url,
    /// The same with the scheme's own port where `Url` has none, and without a port where it has one.
    UrlPort,
    /// The same with some percent-encoded characters decoded, as HubSpot signs it.
    UrlDecoded,
    /// The same without the query.
    UrlBase,
    /// The raw path with the raw query.
    Path,
    Canonical(Canonical),
    BodySha256Hex,
    /// Decimal digits.
    BodyCrc32,
    /// A form with its percent-encoding undone; any other body as it is.
    BodyDecoded,
    At(Place),
    /// Another pair of the signature header.
    Pair(String),
    /// A parameter of the check; replaced by its value when the check is compiled.
    Parameter(Parameter),
    /// As a JSON string, with its quotes.
    JsonString(Box<Part>),
    /// Left out when a place in it is missing.
    Optional(Message),
}

/// The two spellings of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// `${text}`, in a route's `hmac.message`.
    Route,
    /// `{body}` and `[optional]`, in a provider's `payload`.
    Provider,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageError {
    pub message: String,
    pub help: String,
    /// Bytes of the text.
    pub span: (usize, usize),
}

/// A piece of a message of one request.
pub(crate) enum Piece<'r> {
    Bytes(Cow<'r, [u8]>),
    Secret,
}

/// What a message may need that is not in the request itself.
#[derive(Clone, Copy, Default)]
pub(crate) struct Surroundings<'r> {
    pub time: Option<&'r str>,
    pub public_url: Option<&'r str>,
    /// Other pairs of the signature header.
    pub pairs: &'r [(&'r str, &'r str)],
}

impl Message {
    pub fn body() -> Message {
        Message(vec![Part::Body])
    }

    /// `id` is what `{id}` reads.
    pub fn parse(text: &str, syntax: Syntax, id: Option<&Place>) -> Result<Message, MessageError> {
        let (message, end) = parse_until(text, 0, syntax, id, false)?;
        debug_assert_eq!(end, text.len());
        Ok(message)
    }

    pub fn names_time(&self) -> bool {
        self.any(&|part| *part == Part::Time)
    }

    pub fn names_url(&self) -> bool {
        self.any(&|part| matches!(part, Part::Url | Part::UrlPort | Part::UrlDecoded | Part::UrlBase))
    }

    pub fn names_secret(&self) -> bool {
        self.any(&|part| match part {
            Part::Secret => true,
            Part::Canonical(canonical) => canonical.names_secret(),
            _ => false,
        })
    }

    /// Something of the request is signed at all.
    pub fn names_anything(&self) -> bool {
        self.any(&|part| !matches!(part, Part::Literal(_) | Part::Secret | Part::Parameter(_) | Part::Optional(_)))
    }

    /// Parameters of a check that are signed.
    pub fn parameters(&self) -> Vec<Parameter> {
        let direct = |part: &Part| if let Part::Parameter(parameter) = part { Some(*parameter) } else { None };
        self.0.iter().filter_map(direct).collect()
    }

    /// With the check's parameters in their places; `None` where `value` has reported a mistake.
    pub fn filled(&self, value: &impl Fn(Parameter) -> Option<String>) -> Option<Message> {
        let parts = self.0.iter().map(|part| match part {
            Part::Parameter(parameter) => value(*parameter).map(Part::Literal),
            part => Some(part.clone()),
        });
        parts.collect::<Option<_>>().map(Message)
    }

    pub fn reads(&self, place: &Place) -> bool {
        self.any(&|part| matches!(part, Part::At(other) if other == place))
    }

    /// The value of a header is in it, wherever that header is there.
    pub fn signs_header(&self, name: &HeaderName) -> bool {
        self.any(&|part| match part {
            Part::At(Place::Header(other)) => other == name,
            Part::Canonical(Canonical::Headers { list, required }) => list == name || required.contains(name),
            _ => false,
        })
    }

    /// The whole query is in it, or at least the parameter of this name.
    pub fn signs_query(&self, name: Option<&str>) -> bool {
        self.any(&|part| match part {
            Part::Url | Part::UrlPort | Part::UrlDecoded | Part::Path | Part::Canonical(Canonical::Parameters) => true,
            Part::At(Place::Query(other)) => Some(other.as_str()) == name,
            _ => false,
        })
    }

    /// Headers that must be there, as a nonce.
    pub fn headers(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().filter_map(|part| match part {
            Part::At(place @ Place::Header(_)) => Some(place),
            _ => None,
        })
    }

    fn any(&self, test: &impl Fn(&Part) -> bool) -> bool {
        self.0.iter().any(|part| match part {
            Part::Optional(inner) => inner.any(test),
            Part::JsonString(inner) => test(inner),
            part => test(part),
        })
    }

    pub fn pieces<'r>(
        &'r self,
        evidence: &'r Evidence<'_>,
        surroundings: Surroundings<'r>,
    ) -> Result<Vec<Piece<'r>>, Refusal> {
        let mut pieces = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            part.pieces(evidence, surroundings, &mut pieces)?;
        }
        Ok(pieces)
    }
}

impl Part {
    fn pieces<'r>(
        &'r self,
        evidence: &'r Evidence<'_>,
        surroundings: Surroundings<'r>,
        out: &mut Vec<Piece<'r>>,
    ) -> Result<(), Refusal> {
        let bytes = match self {
            Part::Literal(text) => borrowed(text),
            Part::Body => Cow::Borrowed(&evidence.body[..]),
            Part::Time => borrowed(surroundings.time.ok_or(Refusal::BadTimestamp)?),
            Part::Secret => {
                out.push(Piece::Secret);
                return Ok(());
            }
            Part::Method => borrowed(evidence.request.method.as_str()),
            Part::Url => owned(url::whole(evidence, surroundings)?),
            Part::UrlPort => owned(url::other_port(&url::whole(evidence, surroundings)?)),
            Part::UrlDecoded => owned(url::decoded(&url::whole(evidence, surroundings)?)),
            Part::UrlBase => owned(url::base(evidence, surroundings)?),
            Part::Path => owned(url::path(evidence)),
            Part::Canonical(canonical) => return canonical.pieces(evidence, out),
            Part::BodySha256Hex => owned(hex(digest::digest(&digest::SHA256, evidence.body).as_ref())),
            Part::BodyCrc32 => owned(crc32fast::hash(evidence.body).to_string()),
            Part::BodyDecoded if evidence.is_form() => url::undone(evidence.body),
            Part::BodyDecoded => Cow::Borrowed(&evidence.body[..]),
            Part::At(place) => match evidence.text(place)? {
                Cow::Borrowed(text) => borrowed(text),
                Cow::Owned(text) => owned(text),
            },
            Part::Pair(name) => {
                let mut values = surroundings.pairs.iter().filter(|(key, _)| key == name);
                let (_, value) = values.next().ok_or(Refusal::Missing)?;
                if values.next().is_some() {
                    return Err(Refusal::Repeated);
                }
                borrowed(value)
            }
            // Filled in when the check was compiled.
            Part::Parameter(_) => return Err(Refusal::Missing),
            Part::JsonString(inner) => {
                let mut pieces = Vec::new();
                inner.pieces(evidence, surroundings, &mut pieces)?;
                owned(json_string(&pieces)?)
            }
            Part::Optional(inner) => {
                return match inner.pieces(evidence, surroundings) {
                    Ok(inner) => {
                        out.extend(inner);
                        Ok(())
                    }
                    Err(Refusal::Missing) => Ok(()),
                    Err(refusal) => Err(refusal),
                };
            }
        };
        out.push(Piece::Bytes(bytes));
        Ok(())
    }
}

/// As `JSON.stringify` writes it (ECMA-262, 25.5.2.3).
fn json_string(pieces: &[Piece<'_>]) -> Result<String, Refusal> {
    let bytes = pieces.iter().filter_map(|piece| match piece {
        Piece::Bytes(bytes) => Some(&bytes[..]),
        Piece::Secret => None,
    });
    let bytes = bytes.collect::<Vec<_>>().concat();
    let text = std::str::from_utf8(&bytes).map_err(|_| Refusal::Malformed)?;
    serde_json::to_string(text).map_err(|_| Refusal::Malformed)
}

fn borrowed(text: &str) -> Cow<'_, [u8]> {
    Cow::Borrowed(text.as_bytes())
}

fn owned<'r>(text: String) -> Cow<'r, [u8]> {
    Cow::Owned(text.into_bytes())
}
