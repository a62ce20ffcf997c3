//! The text of a message, read: literal text, variables in braces, optional parts in brackets.

use super::canonical::Canonical;
use super::message::{Message, MessageError, Part, Syntax};
use crate::verify::evidence::{Place, PlaceError, header_name, pointer_tokens};
use crate::verify::signature::Parameter;

/// Parses up to the end, or up to `]` inside an optional section. Gives the byte where it stopped.
pub(super) fn parse_until(
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
        "url_decoded" => Part::UrlDecoded,
        "url_base" => Part::UrlBase,
        "path" => Part::Path,
        "form_sorted" => Part::Canonical(Canonical::Form),
        "parameters_sorted" => Part::Canonical(Canonical::Parameters),
        "sha256_hex:body" => Part::BodySha256Hex,
        "crc32:body" => Part::BodyCrc32,
        "body_decoded" => Part::BodyDecoded,
        "nl" => Part::Literal("\n".to_owned()),
        "brace" => Part::Literal("{".to_owned()),
        "id" => match id {
            Some(place) => Part::At(place.clone()),
            None => return Err(("{id} needs `id_header`".to_owned(), "say which header holds the id".to_owned())),
        },
        _ if let Some(parameter) = Parameter::named(name) => Part::Parameter(parameter),
        _ if let Some(pair) = name.strip_prefix("pair:") => Part::Pair(pair.to_owned()),
        _ if let Some(inner) = name.strip_prefix("json_string:") => {
            Part::JsonString(Box::new(provider_variable(inner, id)?))
        }
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
        ["parameters_prefixed", prefix] => Some(Canonical::Prefixed { prefix: (*prefix).to_owned() }),
        ["body_with_secret_at", pointer] => Some(Canonical::BodyWithSecret { at: pointer_tokens(pointer).ok()? }),
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
