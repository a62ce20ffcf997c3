//! The `baggage` header (<https://www.w3.org/TR/baggage/>): handed on as it came, as far as it is one and fits.

use http::{HeaderMap, HeaderName, HeaderValue};

pub const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// What everybody has to be able to carry (section 3.3.2); more is not carried at all.
const MAX_BYTES: usize = 8192;
const MAX_MEMBERS: usize = 64;

/// All lines in one; `None` where there is nothing, or anything about it is wrong: a part of it could mean something else.
pub(super) fn parse(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = headers.get_all(BAGGAGE).iter();
    let first = lines.next()?;
    let joined = match lines.next() {
        None => first.clone(),
        Some(second) => {
            let all = [first, second].into_iter().chain(lines).map(HeaderValue::as_bytes);
            HeaderValue::from_bytes(&all.collect::<Vec<&[u8]>>().join(&b','))
                .ok()
                .filter(|joined| joined.len() <= MAX_BYTES)?
        }
    };
    let text = joined.to_str().ok().filter(|text| text.len() <= MAX_BYTES)?;
    let mut members = 0;
    for member in text.split(',') {
        members += 1;
        let (pair, _properties) = member.split_once(';').unwrap_or((member, ""));
        let (key, value) = pair.split_once('=')?;
        if !is_token(key.trim()) || !value.trim().bytes().all(is_value) || members > MAX_MEMBERS {
            return None;
        }
    }
    Some(joined)
}

/// RFC 9110, section 5.6.2.
fn is_token(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// `baggage-octet`: printable, without what separates.
fn is_value(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"\\".contains(&byte)
}
