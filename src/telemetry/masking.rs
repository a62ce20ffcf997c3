//! Headers and bodies made fit for a debugging log (`log.payloads: true`).
//!
//! Known secret values, credential headers, fields that commonly hold personal data, and card numbers are replaced. It is
//! an aid, not a proof: what a payload calls by a name nobody expects stays visible, which is why it is off by default.

use crate::secret::Secret;
use http::{HeaderMap, HeaderName};
use serde_json::Value;
use std::borrow::Cow;

/// What stands in the place of a value.
pub const MASK: &str = "***";

/// Longest body that is shown, in bytes of text.
const MAX_BODY: usize = 16 * 1024;

/// Longest header value that is shown.
const MAX_HEADER: usize = 1024;

/// Deepest JSON that is walked; what lies below is masked whole. serde_json itself refuses more than 128.
const MAX_DEPTH: usize = 128;

/// A header or field with one of these in its name is a credential. Compared without case and punctuation.
const CREDENTIAL: &[&str] = &[
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "passwd",
    "apikey",
    "accesskey",
    "privatekey",
    "signature",
    "credential",
    "session",
    "cvv",
    "cvc",
];

/// A field whose name is one of these, or ends in one of them, is personal.
const PERSONAL: &[&str] = &[
    "phone",
    "phonenumber",
    "mobile",
    "telephone",
    "email",
    "mail",
    "firstname",
    "lastname",
    "middlename",
    "fullname",
    "surname",
    "patronymic",
    "username",
    "customername",
    "clientname",
    "birthday",
    "birthdate",
    "dateofbirth",
    "passport",
    "cardnumber",
    "cardholder",
    "card",
    "pan",
    "iban",
    "ssn",
    "inn",
    "snils",
    "street",
    "postalcode",
    "zipcode",
];

/// A field whose name ends in it is personal with everything below it: an address has many parts, under many names.
const ADDRESS: &str = "address";

/// What an object is called whose `name` is a person's.
const PERSON: &[&str] =
    &["customer", "client", "user", "contact", "person", "buyer", "recipient", "payer", "sender", "employee", "from"];

/// A payload as it may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Masked {
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The body was longer than what is shown.
    pub truncated: bool,
}

/// What is masked besides what its name gives away.
#[derive(Debug, Clone, Default)]
pub struct Masking {
    /// Longest first, so that no secret is left half visible by a shorter one inside it.
    secrets: Vec<Secret>,
}

impl Masking {
    pub fn new(mut secrets: Vec<Secret>) -> Masking {
        secrets.retain(|secret| !secret.expose().is_empty());
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Masking { secrets }
    }

    pub fn payload(&self, headers: &HeaderMap, body: &[u8]) -> Masked {
        let shown = headers.iter().map(|(name, value)| (name.to_string(), self.header(name, value.as_bytes())));
        let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let mut text = self.body(content_type, body);
        let truncated = truncate(&mut text, MAX_BODY);
        Masked { headers: shown.collect(), body: text, truncated }
    }

    /// Known secrets alone, wherever they stand in a document: for an operator, who may see the rest.
    pub fn hide(&self, value: &mut Value) {
        match value {
            Value::Object(entries) => {
                let hidden = std::mem::take(entries).into_iter().map(|(key, mut value)| {
                    self.hide(&mut value);
                    (self.without_secrets(&key).into_owned(), value)
                });
                *entries = hidden.collect();
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide(item)),
            Value::String(text) => {
                if let Cow::Owned(hidden) = self.without_secrets(text) {
                    *text = hidden;
                }
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    /// The same of a text.
    pub fn hidden<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.without_secrets(text)
    }

    fn header(&self, name: &HeaderName, value: &[u8]) -> String {
        if is_credential(name.as_str()) {
            return MASK.to_owned();
        }
        let mut text = self.text(&String::from_utf8_lossy(value));
        truncate(&mut text, MAX_HEADER);
        text
    }

    fn body(&self, content_type: &str, body: &[u8]) -> String {
        if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
            self.json(&mut value, "", MAX_DEPTH);
            return value.to_string();
        }
        match std::str::from_utf8(body) {
            Err(_) => format!("({} bytes that are not text)", body.len()),
            Ok(text) if content_type.starts_with("application/x-www-form-urlencoded") => self.form(text),
            Ok(text) => self.text(text),
        }
    }

    /// `owner`: the key under which `value` stands; elements of a list stand under the list's.
    fn json(&self, value: &mut Value, owner: &str, depth: usize) {
        match value {
            _ if depth == 0 => *value = MASK.into(),
            Value::Object(entries) => {
                // A key can hold a secret too: `{"<token>": 1}`.
                let masked = std::mem::take(entries).into_iter().map(|(key, mut value)| {
                    self.field(owner, &key, &mut value, depth - 1);
                    (self.text(&key), value)
                });
                *entries = masked.collect();
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item, owner, depth - 1)),
            Value::String(text) => *text = self.text(text),
            Value::Number(number) if is_card(&number.to_string()) => *value = MASK.into(),
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    fn field(&self, owner: &str, key: &str, value: &mut Value, depth: usize) {
        let leaf = !value.is_object() && !value.is_array();
        let persons_name = plain_name(key) == "name" && PERSON.contains(&plain_name(owner).as_str());
        let named = is_credential(key) || is_address(key) || ((is_personal(key) || persons_name) && leaf);
        if named && !value.is_null() && !value.is_boolean() {
            *value = MASK.into();
        } else {
            self.json(value, key, depth);
        }
    }

    fn form(&self, text: &str) -> String {
        let mut masked = form_urlencoded::Serializer::new(String::new());
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            let last = key.rsplit(['[', '.']).find(|part| !part.trim_end_matches(']').is_empty()).unwrap_or(&key);
            // RetailCRM and others put JSON into a form field.
            let nested =
                serde_json::from_str::<Value>(&value).ok().filter(|value| value.is_object() || value.is_array());
            let shown: Cow<'_, str> = match nested {
                _ if is_credential(last) || is_personal(last) || is_address(&key) => MASK.into(),
                Some(mut nested) => {
                    self.json(&mut nested, last, MAX_DEPTH);
                    nested.to_string().into()
                }
                None => self.text(&value).into(),
            };
            masked.append_pair(&self.text(&key), &shown);
        }
        masked.finish()
    }

    fn text(&self, text: &str) -> String {
        without_cards(&self.without_secrets(text))
    }

    fn without_secrets<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.secrets {
            if text.contains(secret.expose()) {
                text = text.replace(secret.expose(), MASK).into();
            }
        }
        text
    }
}

/// Lower case, without what separates words: `X-Api-Key`, `api_key` and `apiKey` are one name.
fn plain_name(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_credential(name: &str) -> bool {
    let name = plain_name(name);
    CREDENTIAL.iter().any(|part| name.contains(part))
}

/// Of a form also where it stands in brackets: `order[address][city]`.
fn is_address(name: &str) -> bool {
    name.split(['[', '.']).any(|part| plain_name(part).ends_with(ADDRESS))
}

/// `name` alone is not enough: products, routes and statuses have names as well. A person's is told by its owner.
fn is_personal(name: &str) -> bool {
    let name = plain_name(name);
    PERSONAL.iter().any(|part| if part.len() < 5 { name == *part } else { name.ends_with(part) })
}

/// Replaces runs of 13 to 19 digits, single spaces and dashes between them allowed, that pass the Luhn check.
fn without_cards(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut masked = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        if !is_digit(at) {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        while is_digit(end) || (bytes.get(end).is_some_and(|byte| b" -".contains(byte)) && is_digit(end + 1)) {
            end += 1;
        }
        if text.get(at..end).is_some_and(is_card) {
            masked.push_str(text.get(copied..at).unwrap_or_default());
            masked.push_str(MASK);
            copied = end;
        }
        at = end;
    }
    masked.push_str(text.get(copied..).unwrap_or_default());
    masked
}

/// ISO/IEC 7812-1: 13 to 19 digits, the last of which is a check digit.
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|character| character.to_digit(10)).collect();
    let weigh = |(position, digit): (usize, &u32)| match digit * 2 {
        _ if position % 2 == 0 => *digit,
        doubled => doubled / 10 + doubled % 10,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(weigh).sum();
    let only = text.bytes().all(|byte| byte.is_ascii_digit() || b" -".contains(&byte));
    only && (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

/// Cuts at the last character that fits; `true` if something was cut.
fn truncate(text: &mut String, max: usize) -> bool {
    let cut = text.len() > max;
    if cut {
        text.truncate(text.floor_char_boundary(max));
    }
    cut
}

#[cfg(test)]
mod tests;
