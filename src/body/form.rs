//! `application/x-www-form-urlencoded`, in and out (WHATWG URL, section 5, with PHP's brackets on top: [`super::tree`]).

use super::BodyError;
use super::tree::{Leaf, Tree};
use crate::document::{Document, Kind, Node};
use encoding_rs::Encoding;
use std::borrow::Cow;

/// Query parameters or an urlencoded body as a document: a map of strings, with PHP brackets understood. A plain key that
/// repeats is a list. `+` is a space, a `%` without two digits stands for itself, a name without `=` has the value `""`.
///
/// # Errors
/// [`BodyError::Malformed`] for what is not UTF-8 once it is decoded, and for more than 10,000 fields or 32 brackets.
pub fn parse_form(text: &[u8]) -> Result<Document, BodyError> {
    parse(text, |bytes| match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    })
}

/// The parameters of a query: as [`parse_form`], but what is not UTF-8 becomes U+FFFD.
pub(super) fn parse_query(query: &str) -> Result<Document, BodyError> {
    parse(query.as_bytes(), |bytes| Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())))
}

/// A form whose percent-encoded bytes are in another charset than UTF-8.
pub(super) fn parse_encoded(text: &[u8], encoding: &'static Encoding) -> Result<Document, BodyError> {
    parse(text, |bytes| {
        let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes)?;
        Some(Cow::Owned(text.into_owned()))
    })
}

fn parse(text: &[u8], to_text: impl Fn(Cow<'_, [u8]>) -> Option<Cow<'_, str>>) -> Result<Document, BodyError> {
    let mut tree = Tree::default();
    for pair in text.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        let malformed = || BodyError::Malformed("the form is not valid text in its charset".to_owned());
        let name = to_text(decode(name)).ok_or_else(malformed)?;
        let value = to_text(decode(value)).ok_or_else(malformed)?;
        tree.insert(&name, Leaf::Text(value.into_owned()))?;
    }
    Ok(tree.finish())
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    Cow::Owned(percent_encoding::percent_decode(&spaced).collect())
}

/// Appends a map as urlencoded text with PHP brackets: `order[items][0][sku]=A`.
///
/// As PHP writes it, null, empty lists and empty maps are left out. Booleans are `true` and `false`, numbers keep their
/// text. Read back it is the same, with strings for all scalars, as long as no key is empty or has brackets in it, and no
/// map has just the keys of a list. A list is written with its indices for names; a scalar has no name and gives nothing.
pub fn write_form(node: Node<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    let mut name = String::new();
    write_entries(node, &mut name, true, &mut Fields { out, start });
}

/// Where fields go, and where the first begins.
struct Fields<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
}

impl Fields<'_> {
    fn write(&mut self, name: &str, value: &str) {
        if self.out.len() > self.start {
            self.out.push(b'&');
        }
        self.encode(name);
        self.out.push(b'=');
        self.encode(value);
    }

    fn encode(&mut self, text: &str) {
        for piece in form_urlencoded::byte_serialize(text.as_bytes()) {
            self.out.extend_from_slice(piece.as_bytes());
        }
    }
}

/// `name` is that of the map or list, and empty at the top.
fn write_entries(node: Node<'_>, name: &mut String, is_top: bool, fields: &mut Fields<'_>) {
    let outer = name.len();
    let mut write = |key: &str, value: Node<'_>| {
        if is_top {
            name.push_str(key);
        } else {
            name.push('[');
            name.push_str(key);
            name.push(']');
        }
        match value.kind() {
            Kind::Null => {}
            Kind::Bool => fields.write(name, if value.as_bool() == Some(true) { "true" } else { "false" }),
            Kind::Number => fields.write(name, value.number_text().unwrap_or_default()),
            Kind::String => fields.write(name, value.as_str().unwrap_or_default()),
            Kind::List | Kind::Map => write_entries(value, name, false, fields),
        }
        name.truncate(outer);
    };
    node.entries().for_each(|(key, value)| write(key, value));
    node.items().enumerate().for_each(|(index, value)| write(&index.to_string(), value));
}
