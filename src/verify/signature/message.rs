//! What is signed: literal text and variables, compiled once, streamed into the hash without joining them.

use super::canonical::Canonical;
use crate::verify::Refusal;
use crate::verify::evidence::{Evidence, Place, PlaceError, header_name};
use crate::verify::signature::encoding::hex;
use aws_lc_rs::digest;
use http::HeaderName;
use std::borrow::Cow;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
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
    /// The same without the query.
    UrlBase,
    /// The raw path with the raw query.
    Path,
    Canonical(Canonical),
    BodySha256Hex,
    At(Place),
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
        self.any(&|part| matches!(part, Part::Url | Part::UrlPort | Part::UrlBase))
    }

    pub fn names_secret(&self) -> bool {
        self.any(&|part| matches!(part, Part::Secret | Part::Canonical(Canonical::JsonValues { .. })))
    }

    /// Something of the request is signed at all.
    pub fn names_anything(&self) -> bool {
        self.any(&|part| !matches!(part, Part::Literal(_) | Part::Secret | Part::Optional(_)))
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
            Part::Url | Part::UrlPort | Part::Path | Part::Canonical(Canonical::Parameters) => true,
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
            let bytes = match part {
                Part::Literal(text) => borrowed(text),
                Part::Body => Cow::Borrowed(&evidence.body[..]),
                Part::Time => borrowed(surroundings.time.ok_or(Refusal::BadTimestamp)?),
                Part::Secret => {
                    pieces.push(Piece::Secret);
                    continue;
                }
                Part::Method => borrowed(evidence.request.method.as_str()),
                Part::Url => owned(url(evidence, surroundings, true)?),
                Part::UrlPort => owned(other_port(&url(evidence, surroundings, true)?)),
                Part::UrlBase => owned(url(evidence, surroundings, false)?),
                Part::Path => owned(path(evidence)),
                Part::Canonical(canonical) => {
                    canonical.pieces(evidence, &mut pieces)?;
                    continue;
                }
                Part::BodySha256Hex => owned(hex(digest::digest(&digest::SHA256, evidence.body).as_ref())),
                Part::At(place) => match evidence.text(place)? {
                    Cow::Borrowed(text) => borrowed(text),
                    Cow::Owned(text) => owned(text),
                },
                Part::Optional(inner) => {
                    match inner.pieces(evidence, surroundings) {
                        Ok(inner) => pieces.extend(inner),
                        Err(Refusal::Missing) => {}
                        Err(refusal) => return Err(refusal),
                    }
                    continue;
                }
            };
            pieces.push(Piece::Bytes(bytes));
        }
        Ok(pieces)
    }
}

fn borrowed(text: &str) -> Cow<'_, [u8]> {
    Cow::Borrowed(text.as_bytes())
}

fn owned<'r>(text: String) -> Cow<'r, [u8]> {
    Cow::Owned(text.into_bytes())
}

fn url(evidence: &Evidence<'_>, surroundings: Surroundings<'_>, with_query: bool) -> Result<String, Refusal> {
    let base = surroundings.public_url.or(evidence.request.public_url.as_deref()).ok_or(Refusal::NoPublicUrl)?;
    let rest = if with_query { path(evidence) } else { evidence.request.path.clone() };
    Ok(format!("{}{rest}", base.trim_end_matches('/')))
}

/// The URL as the sender knows it: what `configured` or else the listener says, with the raw path and query. Never from the
/// Host header: whoever forges a request writes that too.
pub(crate) fn public_address(evidence: &Evidence<'_>, configured: Option<&str>) -> Result<String, Refusal> {
    url(evidence, Surroundings { time: None, public_url: configured }, true)
}

fn other_port(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // The last colon of an IPv6 address stands inside brackets.
    match authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())) {
        Some((host, _)) => format!("{scheme}://{host}{path}"),
        None if scheme == "http" => format!("{scheme}://{authority}:80{path}"),
        None => format!("{scheme}://{authority}:443{path}"),
    }
}

fn path(evidence: &Evidence<'_>) -> String {
    match &evidence.request.query {
        Some(query) => format!("{}?{query}", evidence.request.path),
        None => evidence.request.path.clone(),
    }
}

/// Parses up to the end, or up to `]` inside an optional section. Gives the byte where it stopped.
fn parse_until(
    text: &str,
    from: usize,
    syntax: Syntax,
    id: Option<&Place>,
    nested: bool,
) -> Result<(Message, usize), MessageError> {
    let open = if syntax == Syntax::Route { "${" } else { "{" };
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut at = from;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if syntax == Syntax::Route && rest.starts_with("$${") {
            literal.push_str("${");
            at += 3;
        } else if rest.starts_with(open) {
            flush(&mut literal, &mut parts);
            let (part, end) = variable(text, at, open.len(), syntax, id)?;
            parts.push(part);
            at = end;
        } else if syntax == Syntax::Provider && first == '[' && !nested {
            flush(&mut literal, &mut parts);
            let (inner, end) = parse_until(text, at + 1, syntax, id, true)?;
            if end == text.len() {
                let help = "close it with `]`".to_owned();
                return Err(MessageError { message: "an optional part has no end".to_owned(), help, span: (at, end) });
            }
            parts.push(Part::Optional(inner));
            at = end + 1;
        } else if syntax == Syntax::Provider && first == ']' && nested {
            break;
        } else {
            literal.push(first);
            at += first.len_utf8();
        }
    }
    flush(&mut literal, &mut parts);
    Ok((Message(parts), at))
}

fn flush(literal: &mut String, parts: &mut Vec<Part>) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal)));
    }
}

/// The variable that begins at byte `at`, and the byte after its `}`.
fn variable(
    text: &str,
    at: usize,
    open: usize,
    syntax: Syntax,
    id: Option<&Place>,
) -> Result<(Part, usize), MessageError> {
    let inside = at + open;
    let Some(length) = text[inside..].find('}') else {
        let help = "close it with `}`".to_owned();
        return Err(MessageError { message: "a variable has no end".to_owned(), help, span: (at, text.len()) });
    };
    let name = &text[inside..inside + length];
    let end = inside + length + 1;
    let part = match syntax {
        Syntax::Route => route_variable(name),
        Syntax::Provider => provider_variable(name, id),
    };
    part.map(|part| (part, end)).map_err(|(message, help)| MessageError { message, help, span: (at, end) })
}

/// A message and a help line.
type Mistake = (String, String);

fn route_variable(name: &str) -> Result<Part, Mistake> {
    Ok(match name {
        "text" => Part::Body,
        "timestamp" => Part::Time,
        "url" => Part::Url,
        "method" => Part::Method,
        _ if name.starts_with("header:") => place(name)?,
        _ => {
            let help = "it may be ${text}, ${timestamp}, ${header:NAME}, ${url} or ${method}";
            return Err((format!("${{{name}}} is nothing that a message may name"), help.to_owned()));
        }
    })
}

fn provider_variable(name: &str, id: Option<&Place>) -> Result<Part, Mistake> {
    Ok(match name {
        "body" => Part::Body,
        "ts" => Part::Time,
        "secret" => Part::Secret,
        "method" => Part::Method,
        "url" => Part::Url,
        "url_port" => Part::UrlPort,
        "url_base" => Part::UrlBase,
        "path" => Part::Path,
        "form_sorted" => Part::Canonical(Canonical::Form),
        "parameters_sorted" => Part::Canonical(Canonical::Parameters),
        "sha256_hex:body" => Part::BodySha256Hex,
        "nl" => Part::Literal("\n".to_owned()),
        "id" => match id {
            Some(place) => Part::At(place.clone()),
            None => return Err(("{id} needs `id_header`".to_owned(), "say which header holds the id".to_owned())),
        },
        _ if name.contains(':') => match canonical(name) {
            Some(canonical) => Part::Canonical(canonical),
            None => place(name)?,
        },
        _ => {
            let help = "see `payload` in the reference of providers";
            return Err((format!("{{{name}}} is nothing that a payload may name"), help.to_owned()));
        }
    })
}

/// Those with arguments, separated by colons.
fn canonical(name: &str) -> Option<Canonical> {
    let names = |list: &str| list.split(',').map(str::to_owned).collect();
    match name.split(':').collect::<Vec<_>>().as_slice() {
        ["form_pairs_sorted", except] => Some(Canonical::FormPairs { except: names(except) }),
        ["json_values_sorted", except, secret] => {
            Some(Canonical::JsonValues { except: (*except).to_owned(), secret: (*secret).to_owned() })
        }
        ["headers_listed", list, required] => Some(Canonical::Headers {
            list: header_name(list).ok()?,
            required: required.split(',').map(|name| header_name(name).ok()).collect::<Option<_>>()?,
        }),
        _ => None,
    }
}

fn place(name: &str) -> Result<Part, Mistake> {
    Place::parse(name).map(Part::At).map_err(|error| {
        let help = match &error {
            PlaceError::HeaderName(_) => "write the header's name after `header:`".to_owned(),
            PlaceError::Pointer(_) | PlaceError::Unknown(_) => "see the list of places in the reference".to_owned(),
        };
        (error.to_string(), help)
    })
}
