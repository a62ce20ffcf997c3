//! XML 1.0 as maps: an element is a map, `@name` its attributes, `#text` its text, repeated children a list. The root
//! element is the one key of the document.
//!
//! Names keep their prefix. White space around `#text` is dropped, and so is a `#text` with nothing in it; character data
//! and CDATA of one element are one text, in order. Attributes come first, then children, then `#text`. A document type is
//! refused: what it could declare (entities) is how XML is made to explode or to read files.

use super::BodyError;
use crate::document::{Builder, Document};
use indexmap::IndexMap;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Elements in elements. Each may be two levels of the document, a list and a map.
const DEPTH_MAX: usize = 60;
/// Attributes of one element: finding one that is there twice compares each with each.
const ATTRIBUTES_MAX: usize = 1_000;
/// Elements and attributes of one body.
const NODES_MAX: usize = 50_000;

/// The encoding that the XML declaration names, if there is one.
pub(super) fn declared_encoding(text: &[u8]) -> Option<String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    // The declaration is ASCII, whatever comes after it.
    let end = text.windows(2).take(200).position(|pair| pair == b"?>")? + 2;
    let declaration = std::str::from_utf8(text.get(..end)?).ok()?;
    match Reader::from_str(declaration).read_event() {
        Ok(Event::Decl(declaration)) => String::from_utf8(declaration.encoding()?.ok()?.into_owned()).ok(),
        _ => None,
    }
}

pub(super) fn parse(text: &str) -> Result<Document, BodyError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut tree = Tree::default();
    loop {
        let event = reader.read_event().map_err(|error| malformed(&error.to_string()))?;
        match event {
            Event::Start(start) => tree.open(&start)?,
            Event::Empty(start) => {
                tree.open(&start)?;
                tree.close();
            }
            Event::End(_) => tree.close(),
            Event::Text(text) => tree.text(&text.xml10_content().map_err(|error| malformed(&error.to_string()))?)?,
            Event::CData(text) => tree.text(&text.xml10_content().map_err(|error| malformed(&error.to_string()))?)?,
            Event::GeneralRef(reference) => tree.reference(&reference)?,
            Event::DocType(_) => return Err(malformed("a document type is not allowed")),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return tree.finish(),
        }
    }
}

/// Elements that are open, and the root once it is closed.
#[derive(Default)]
struct Tree {
    open: Vec<(String, Element)>,
    root: Option<(String, Element)>,
    nodes: usize,
}

#[derive(Default)]
struct Element {
    attributes: Vec<(String, String)>,
    /// By name, in the order of the first of each.
    children: IndexMap<String, Vec<Element>>,
    text: String,
}

impl Tree {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), BodyError> {
        if self.root.is_some() {
            return Err(malformed("there is more than one root element"));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(malformed(&format!("elements are nested deeper than {DEPTH_MAX}")));
        }
        let mut element = Element::default();
        for attribute in start.attributes() {
            if element.attributes.len() >= ATTRIBUTES_MAX {
                return Err(malformed(&format!("an element has more than {ATTRIBUTES_MAX} attributes")));
            }
            let attribute = attribute.map_err(|error| malformed(&error.to_string()))?;
            let value = attribute.unescape_value().map_err(|error| malformed(&error.to_string()))?;
            element.attributes.push((name(attribute.key.into_inner())?, characters(&value)?.to_owned()));
        }
        self.nodes += 1 + element.attributes.len();
        if self.nodes > NODES_MAX {
            return Err(malformed(&format!("it has more than {NODES_MAX} elements and attributes")));
        }
        self.open.push((name(start.name().into_inner())?, element));
        Ok(())
    }

    /// The reader has checked that the names of both tags agree.
    fn close(&mut self) {
        let Some((name, element)) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some((_, parent)) => parent.children.entry(name).or_default().push(element),
            None => self.root = Some((name, element)),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), BodyError> {
        match self.open.last_mut() {
            Some((_, element)) => element.text.push_str(characters(text)?),
            None if text.trim_matches(SPACE).is_empty() => {}
            None => return Err(malformed("there is text outside of the root element")),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), BodyError> {
        let character = reference.resolve_char_ref().map_err(|error| malformed(&error.to_string()))?;
        if let Some(character) = character {
            return self.text(character.encode_utf8(&mut [0; 4]));
        }
        let name = reference.decode().map_err(|error| malformed(&error.to_string()))?;
        let text =
            resolve_xml_entity(&name).ok_or_else(|| malformed("it uses an entity that XML does not predefine"))?;
        self.text(text)
    }

    fn finish(self) -> Result<Document, BodyError> {
        if !self.open.is_empty() {
            return Err(malformed("it ends inside an element"));
        }
        let (name, root) = self.root.ok_or_else(|| malformed("there is no element"))?;
        let mut builder = Builder::new();
        builder.begin_map();
        builder.key(&name);
        root.write(&mut builder);
        builder.end();
        Ok(builder.finish())
    }
}

impl Element {
    fn write(&self, builder: &mut Builder) {
        builder.begin_map();
        for (name, value) in &self.attributes {
            builder.key(&format!("@{name}"));
            builder.string(value);
        }
        for (name, elements) in &self.children {
            builder.key(name);
            match elements.as_slice() {
                [element] => element.write(builder),
                elements => {
                    builder.begin_list();
                    elements.iter().for_each(|element| element.write(builder));
                    builder.end();
                }
            }
        }
        let text = self.text.trim_matches(SPACE);
        if !text.is_empty() {
            builder.key("#text");
            builder.string(text);
        }
        builder.end();
    }
}

/// White space of XML.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Text without the characters that XML 1.0 forbids (section 2.2).
fn characters(text: &str) -> Result<&str, BodyError> {
    let forbidden =
        |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) { Err(malformed("it has a character that XML forbids")) } else { Ok(text) }
}

/// A name as XML has it, but for the letters of other scripts, which are taken as they come.
fn name(bytes: &[u8]) -> Result<String, BodyError> {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':' || !c.is_ascii();
    let is_rest = |c: char| is_start(c) || c.is_ascii_digit() || c == '-' || c == '.';
    match std::str::from_utf8(bytes) {
        Ok(name) if name.starts_with(is_start) && name.chars().all(is_rest) => Ok(name.to_owned()),
        _ => Err(malformed("a name is not one of XML")),
    }
}

fn malformed(why: &str) -> BodyError {
    BodyError::Malformed(format!("the body is not valid XML: {why}"))
}
