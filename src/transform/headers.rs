//! `headers:` and `query:` of a transform or a target: names checked at load, values when an event is there.

use super::text::Text;
use crate::config::spec::Ordered;
use crate::diagnostic::At;
use crate::expr::{Environment, EvaluationError};
use http::{HeaderName, HeaderValue};

/// Headers in the order they were written; `None` removes.
pub type HeaderTexts = Vec<(HeaderName, Option<Text>)>;

/// Query parameters in the order they were written; `None` removes.
pub type QueryTexts = Vec<(String, Option<Text>)>;

/// Of one connection, not of a message (RFC 9110, section 7.6.1, and what proxies used before it).
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Compiles `headers:` at `at`. All mistakes are reported.
pub fn compile_headers(
    written: &Ordered<Option<String>>,
    environment: &Environment<'_>,
    at: &At<'_>,
) -> Option<HeaderTexts> {
    let compiled: Vec<_> = written
        .iter()
        .enumerate()
        .map(|(index, (name, value))| {
            let header = compile_header(name, value.as_deref(), environment, at)?;
            if written.keys().take(index).any(|earlier| earlier.eq_ignore_ascii_case(name)) {
                let message = format!("the header `{name}` is written twice");
                key_error(name, at, message, "names of headers do not depend on case: keep one");
                return None;
            }
            Some(header)
        })
        .collect();
    compiled.into_iter().collect()
}

/// Compiles `query:` at `at`. All mistakes are reported.
pub fn compile_query(
    written: &Ordered<Option<String>>,
    environment: &Environment<'_>,
    at: &At<'_>,
) -> Option<QueryTexts> {
    let compiled: Vec<_> =
        written.iter().map(|(name, value)| compile_parameter(name, value.as_deref(), environment, at)).collect();
    compiled.into_iter().collect()
}

/// One entry of the mapping at `at`.
pub(super) fn compile_header(
    name: &str,
    value: Option<&str>,
    environment: &Environment<'_>,
    at: &At<'_>,
) -> Option<(HeaderName, Option<Text>)> {
    let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
        let help = "letters, digits and -; an expression cannot stand in a name";
        key_error(name, at, format!("`{name}` is not the name of a header"), help);
        return None;
    };
    if let Some(reason) = refusal(&header) {
        key_error(name, at, format!("the header `{header}` cannot be set here"), reason);
        return None;
    }
    let Some(value) = value else { return Some((header, None)) };
    let text = Text::compile(value, environment, &at.key(name))?;
    if text.constant().is_some_and(|constant| header_value(constant.real()).is_err()) {
        let help = "a newline at the end of a secret is the usual cause".to_owned();
        at.key(name).error("header-value", format!("the value of `{header}` holds a control character"), help);
        return None;
    }
    Some((header, Some(text)))
}

/// One entry of the mapping at `at`.
pub(super) fn compile_parameter(
    name: &str,
    value: Option<&str>,
    environment: &Environment<'_>,
    at: &At<'_>,
) -> Option<(String, Option<Text>)> {
    if name.contains("${") {
        let message = format!("`{name}`: `${{…}}` cannot stand in the name of a parameter");
        key_error(name, at, message, "write it into `url`, as in https://api.example.com/?${vars.name}=1");
        return None;
    }
    let Some(value) = value else { return Some((name.to_owned(), None)) };
    Some((name.to_owned(), Some(Text::compile(value, environment, &at.key(name))?)))
}

/// A header's value.
///
/// # Errors
///
/// [`EvaluationError::Wrong`] for CR, LF, NUL and other control characters (RFC 9110, section 5.5).
pub fn header_value(text: &str) -> Result<HeaderValue, EvaluationError> {
    HeaderValue::from_str(text).map_err(|_| {
        let message = match text.contains(['\r', '\n', '\0']) {
            true => "the value of a header holds a line break or NUL",
            false => "the value of a header holds a control character",
        };
        EvaluationError::Wrong(message.to_owned())
    })
}

/// Why a header is not the configuration's to set.
fn refusal(header: &HeaderName) -> Option<&'static str> {
    match header.as_str() {
        "host" => Some("it follows from `url`"),
        "content-length" => Some("it is counted from the body that is sent"),
        name if HOP_BY_HOP.contains(&name) => Some("it belongs to the connection, which is not the configuration's"),
        _ => None,
    }
}

fn key_error(name: &str, at: &At<'_>, message: String, help: &str) {
    at.key(name).error_on_key("header-name", message, help.to_owned());
}

#[cfg(test)]
mod tests;
