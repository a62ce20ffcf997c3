//! A target's answer as it came, and as expressions see it.

use crate::document::Document;
use crate::expr::Answer;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;

/// An answer's status, content type and bytes.
#[derive(Debug, Clone)]
pub struct RawAnswer {
    pub status: u16,
    pub content_type: Option<HeaderValue>,
    pub body: Bytes,
}

/// The answer as expressions see it: JSON by its content type, else text; empty or malformed is null.
pub(super) fn parse(status: u16, headers: &Arc<HeaderMap>, body: &Bytes) -> Answer {
    let body = match () {
        () if body.is_empty() => None,
        () if is_json(headers.get(CONTENT_TYPE)) => Document::parse(body.clone()).ok(),
        () => std::str::from_utf8(body).ok().map(Document::from_text),
    };
    Answer { status, headers: Arc::clone(headers), body: body.unwrap_or_else(Document::null) }
}

/// `application/json`, `text/json` and everything that ends in `+json` (RFC 6839), whatever parameters follow.
pub(super) fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let Some(text) = content_type.and_then(|value| value.to_str().ok()) else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let Some((_, subtype)) = essence.split_once('/') else { return false };
    subtype.eq_ignore_ascii_case("json")
        || subtype.len() > 5 && subtype.get(subtype.len() - 5..).is_some_and(|end| end.eq_ignore_ascii_case("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_type() {
        let json = |text: &'static str| is_json(Some(&HeaderValue::from_static(text)));
        assert!(
            json("application/json") && json("Application/JSON; charset=utf-8") && json("application/problem+json")
        );
        assert!(!json("text/plain") && !json("json") && !json("application/jsonp") && !json("a/+json"));
        assert!(!is_json(None));
    }
}
