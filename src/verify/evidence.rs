//! What a request shows: values at named places, each exactly once.
//!
//! A value that a scheme trusts must stand alone: a second header, parameter or field of the same name is refused, because
//! whoever reads the request next may take the other one.

use super::Refusal;
use crate::document::{Document, Kind, Node};
use crate::event::{Event, RequestInfo};
use bytes::Bytes;
use futures_util::FutureExt;
use http::HeaderName;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyDataStream, Full};
use std::borrow::Cow;
use std::cell::OnceCell;

/// Longest header or query value that is looked at, in bytes. Rotation lists and tokens stay far below.
pub(super) const VALUE_MAX: usize = 8192;

/// A place in a request: `header:NAME`, `query:NAME`, `form:NAME`, `parameter:NAME`, `json:/POINTER` (RFC 6901),
/// `part:NAME`, `part:NAME:/POINTER`, or several of them with `|` between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Header(HeaderName),
    Query(String),
    Form(String),
    /// A field of the form; of a request without a body, a parameter of its query.
    Parameter(String),
    /// The unescaped tokens of a JSON Pointer into the body.
    Json(Vec<String>),
    /// A part of a multipart body, or what the pointer finds in it where it is JSON.
    Part(String, Option<Vec<String>>),
    /// The first of these that is there.
    First(Vec<Place>),
}

/// Why a text names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    #[error("`{0}` is no header name")]
    HeaderName(String),
    #[error("`{0}` is no JSON Pointer: it begins with `/`")]
    Pointer(String),
    #[error("`{0}` is no place: write header:NAME, query:NAME, form:NAME, parameter:NAME, json:/POINTER or part:NAME")]
    Unknown(String),
}

impl Place {
    pub fn parse(text: &str) -> Result<Place, PlaceError> {
        if text.contains('|') {
            return text.split('|').map(Place::parse).collect::<Result<_, _>>().map(Place::First);
        }
        match text.split_once(':') {
            Some(("header", name)) => header_name(name).map(Place::Header),
            Some(("query", name)) if !name.is_empty() => Ok(Place::Query(name.to_owned())),
            Some(("form", name)) if !name.is_empty() => Ok(Place::Form(name.to_owned())),
            Some(("parameter", name)) if !name.is_empty() => Ok(Place::Parameter(name.to_owned())),
            Some(("json", pointer)) => pointer_tokens(pointer).map(Place::Json),
            Some(("part", name)) => match name.split_once(':') {
                Some((name, pointer)) => Ok(Place::Part(name.to_owned(), Some(pointer_tokens(pointer)?))),
                None => Ok(Place::Part(name.to_owned(), None)),
            },
            _ => Err(PlaceError::Unknown(text.to_owned())),
        }
    }

    /// The text that stands here in a verified event; `None` where there is none, or more than one.
    pub fn text(&self, event: &Event) -> Option<String> {
        let evidence = Evidence::new(&event.request, &event.bytes);
        let text = match (self, &event.parsed) {
            // Parsed once already, and after gzip.
            (Place::Json(pointer), Some(parsed)) => walk(parsed.body.root(), pointer).and_then(scalar),
            _ => evidence.text(self),
        };
        text.ok().map(Cow::into_owned)
    }

    /// This place, or the first of several.
    pub(super) fn first(&self) -> &Place {
        match self {
            Place::First(places) => places.first().map_or(self, Place::first),
            place => place,
        }
    }

    /// This place, or each of several.
    pub(super) fn each<'p>(&'p self, visit: &mut impl FnMut(&'p Place)) {
        match self {
            Place::First(places) => places.iter().for_each(|place| place.each(visit)),
            place => visit(place),
        }
    }
}

pub(super) fn header_name(name: &str) -> Result<HeaderName, PlaceError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| PlaceError::HeaderName(name.to_owned()))
}

pub(super) fn pointer_tokens(pointer: &str) -> Result<Vec<String>, PlaceError> {
    match pointer.strip_prefix('/') {
        Some(rest) => Ok(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect()),
        None => Err(PlaceError::Pointer(pointer.to_owned())),
    }
}

/// Pairs of a query or of an urlencoded form, decoded, in their order.
pub(super) type Pairs = Vec<(String, String)>;

/// A request while it is checked. Its query, form, JSON and parts are read at most once, and only where a scheme looks
/// there.
pub(super) struct Evidence<'r> {
    pub request: &'r RequestInfo,
    pub body: &'r Bytes,
    query: OnceCell<Pairs>,
    form: OnceCell<Pairs>,
    json: OnceCell<Option<Document>>,
    parts: OnceCell<Option<Pairs>>,
}

impl<'r> Evidence<'r> {
    pub fn new(request: &'r RequestInfo, body: &'r Bytes) -> Evidence<'r> {
        Evidence {
            request,
            body,
            query: OnceCell::new(),
            form: OnceCell::new(),
            json: OnceCell::new(),
            parts: OnceCell::new(),
        }
    }

    /// The bytes of a header that stands there exactly once.
    pub fn header_bytes(&self, name: &HeaderName) -> Result<&'r [u8], Refusal> {
        let mut values = self.request.headers.get_all(name).iter();
        let value = values.next().ok_or(Refusal::Missing)?;
        if values.next().is_some() {
            return Err(Refusal::Repeated);
        }
        match value.len() {
            0..=VALUE_MAX => Ok(value.as_bytes()),
            _ => Err(Refusal::Malformed),
        }
    }

    /// As [`Self::header_bytes`], of visible ASCII and spaces alone.
    pub fn header(&self, name: &HeaderName) -> Result<&'r str, Refusal> {
        let bytes = self.header_bytes(name)?;
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed)?;
        let printable = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
        if printable { Ok(text) } else { Err(Refusal::Malformed) }
    }

    pub fn text(&self, place: &Place) -> Result<Cow<'_, str>, Refusal> {
        match place {
            Place::Header(name) => self.header(name).map(Cow::Borrowed),
            Place::Query(name) => match only(self.query(), name)? {
                value if value.len() <= VALUE_MAX => Ok(Cow::Borrowed(value)),
                _ => Err(Refusal::Malformed),
            },
            Place::Form(name) => only(self.form(), name).map(Cow::Borrowed),
            Place::Parameter(name) => only(self.parameters(), name).map(Cow::Borrowed),
            Place::Json(pointer) => scalar(walk(self.json()?, pointer)?),
            Place::Part(name, None) => only(self.parts()?, name).map(Cow::Borrowed),
            Place::Part(name, Some(pointer)) => {
                let part = Bytes::copy_from_slice(only(self.parts()?, name)?.as_bytes());
                let document = Document::parse(part).map_err(|_| Refusal::Malformed)?;
                let text = scalar(walk(document.root(), pointer)?)?.into_owned();
                Ok(Cow::Owned(text))
            }
            Place::First(places) => {
                let found = places.iter().map(|place| self.text(place));
                found.into_iter().find(|found| *found != Err(Refusal::Missing)).unwrap_or(Err(Refusal::Missing))
            }
        }
    }

    /// The JSON text of a string, number or boolean of the body.
    pub fn json_text(&self, place: &Place) -> Result<String, Refusal> {
        let Place::Json(pointer) = place else { return Err(Refusal::Missing) };
        let node = self.node(pointer)?;
        let text = scalar(node)?;
        Ok(if node.kind() == Kind::String { serde_json::Value::from(&*text).to_string() } else { text.into_owned() })
    }

    pub fn query(&self) -> &Pairs {
        self.query.get_or_init(|| pairs(self.request.query.as_deref().unwrap_or_default().as_bytes()))
    }

    /// The fields of a body that says that it is a form. What says otherwise, or nothing, would be read by the rest of
    /// the program as something else: its `a=1` may stand inside a JSON string.
    pub fn form(&self) -> &Pairs {
        self.form.get_or_init(|| match self.kind() {
            Some(BodyKind::Form) => pairs(self.body),
            Some(BodyKind::Multipart) | None => Pairs::new(),
        })
    }

    /// The form, or of a request without a body its query: as `body` is in expressions.
    pub fn parameters(&self) -> &Pairs {
        if self.body.is_empty() { self.query() } else { self.form() }
    }

    /// The body as JSON, whatever it says that it is; but a form or multipart is none.
    pub fn json(&self) -> Result<Node<'_>, Refusal> {
        if self.kind().is_some() {
            return Err(Refusal::Missing);
        }
        let parsed = self.json.get_or_init(|| Document::parse(self.body.clone()).ok());
        parsed.as_ref().map(Document::root).ok_or(Refusal::Malformed)
    }

    fn node(&self, pointer: &[String]) -> Result<Node<'_>, Refusal> {
        walk(self.json()?, pointer)
    }

    /// Parts of a multipart body that are text.
    fn parts(&self) -> Result<&Pairs, Refusal> {
        let Some(BodyKind::Multipart) = self.kind() else { return Err(Refusal::Missing) };
        let parsed = self.parts.get_or_init(|| {
            let boundary = self.content_type().and_then(|value| multer::parse_boundary(value).ok())?;
            multipart(self.body, &boundary)
        });
        parsed.as_ref().ok_or(Refusal::Malformed)
    }

    /// Whether the body is a form, in the spelling of the request's one content type.
    pub fn is_form(&self) -> bool {
        self.kind() == Some(BodyKind::Form)
    }

    fn kind(&self) -> Option<BodyKind> {
        let essence = self.content_type()?.split(';').next()?.trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Some(BodyKind::Form)
        } else if essence.eq_ignore_ascii_case("multipart/form-data") {
            Some(BodyKind::Multipart)
        } else {
            None
        }
    }

    fn content_type(&self) -> Option<&'r str> {
        self.header(&CONTENT_TYPE).ok()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyKind {
    Form,
    Multipart,
}

fn walk<'d>(root: Node<'d>, pointer: &[String]) -> Result<Node<'d>, Refusal> {
    pointer.iter().try_fold(root, |node, token| step(node, token)).ok_or(Refusal::Missing)
}

/// One token of a JSON Pointer: a key of a map or an index of a list.
pub(super) fn step<'d>(node: Node<'d>, token: &str) -> Option<Node<'d>> {
    match node.kind() {
        Kind::List => token.parse().ok().and_then(|index| node.at(index)),
        _ => node.get(token),
    }
}

/// A string, or the text of a number or boolean as it was written.
pub(super) fn scalar(node: Node<'_>) -> Result<Cow<'_, str>, Refusal> {
    let text = match node.kind() {
        Kind::String => node.as_str(),
        Kind::Number => node.number_text(),
        Kind::Bool => node.as_bool().map(|value| if value { "true" } else { "false" }),
        Kind::Null => return Err(Refusal::Missing),
        Kind::List | Kind::Map => None,
    };
    text.map(Cow::Borrowed).ok_or(Refusal::Malformed)
}

fn pairs(text: &[u8]) -> Pairs {
    form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// The text parts of a multipart body (RFC 7578); files are left out. All bytes are there, so that nothing is waited for.
fn multipart(body: &Bytes, boundary: &str) -> Option<Pairs> {
    let mut parser = multer::Multipart::new(BodyDataStream::new(Full::new(body.clone())), boundary);
    let mut parts = Pairs::new();
    while let Some(part) = parser.next_field().now_or_never()?.ok()? {
        let (name, is_file) = (part.name()?.to_owned(), part.file_name().is_some());
        let content = part.bytes().now_or_never()?.ok()?;
        if !is_file {
            parts.push((name, String::from_utf8(content.into()).ok()?));
        }
    }
    Some(parts)
}

fn only<'p>(pairs: &'p Pairs, name: &str) -> Result<&'p str, Refusal> {
    let mut values = pairs.iter().filter(|(key, _)| key == name);
    let (_, value) = values.next().ok_or(Refusal::Missing)?;
    if values.next().is_some() { Err(Refusal::Repeated) } else { Ok(value) }
}
