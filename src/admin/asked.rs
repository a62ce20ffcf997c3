//! A request that somebody wrote down, to be explained or tried: the body of `/explain` and of a target's `/test`.

use serde::Deserialize;
use serde_json::{Map, Value};

/// What is not written is for whoever runs it to choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    pub method: Option<String>,
    /// Path and query, or a whole URL.
    pub url: Option<String>,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// As it goes over the wire; then nothing else.
    request: Option<String>,
    method: Option<String>,
    path: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
}

/// Framing of the request that was copied: what is run has its own.
const FRAMING: [&str; 3] = ["content-length", "transfer-encoding", "connection"];

impl Asked {
    /// # Errors
    /// What is wrong, for whoever asked.
    pub(super) fn parse(bytes: &[u8]) -> Result<Asked, String> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Asked::default());
        }
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| format!("the body is not the JSON expected: {error}"))?;
        let Document { request, method, path, headers, body } = document;
        if let Some(request) = request {
            if method.is_some() || path.is_some() || body.is_some() || !headers.is_empty() {
                return Err("write either `request`, or method, path, headers and body".to_owned());
            }
            return pasted(&request);
        }
        let headers = headers.into_iter().map(|(name, value)| match value {
            Value::String(value) => Ok((name, value)),
            _ => Err(format!("the header {name} is not a string")),
        });
        let body = body.map(|body| match body {
            Value::String(text) => text,
            value => value.to_string(),
        });
        Ok(Asked { method, url: path, headers: headers.collect::<Result<_, _>>()?, body })
    }
}

/// `METHOD target`, headers, an empty line, the body (RFC 9112), as people copy it: with or without version and CR.
fn pasted(text: &str) -> Result<Asked, String> {
    let mut rest = text.trim_start();
    let first = next_line(&mut rest).unwrap_or_default();
    let mut words = first.split_ascii_whitespace();
    let (method, url) = match (words.next(), words.next()) {
        (Some(method), Some(url)) => (method.to_owned(), url.to_owned()),
        (Some(url), None) if url.starts_with('/') || url.contains("://") => ("POST".to_owned(), url.to_owned()),
        _ => return Err("line 1 is not a method and a path, as `POST /hooks/shop`".to_owned()),
    };
    let mut headers = Vec::new();
    let mut number = 1;
    while let Some(line) = next_line(&mut rest) {
        number += 1;
        if line.is_empty() {
            break;
        }
        let split = line.split_once(':').filter(|(name, _)| !name.trim().is_empty() && !name.contains(['{', '"', ' ']));
        let (name, value) = split.ok_or_else(|| {
            format!("line {number} is not a header; write `name: value`, and an empty line before the body")
        })?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if !FRAMING.contains(&name.as_str()) {
            headers.push((name, value));
        }
    }
    let body = (!rest.is_empty()).then(|| rest.to_owned());
    Ok(Asked { method: Some(method), url: Some(url), headers, body })
}

/// Takes a line off, without its end.
fn next_line<'t>(rest: &mut &'t str) -> Option<&'t str> {
    if rest.is_empty() {
        return None;
    }
    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
    *rest = after;
    Some(line.trim_end_matches('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parsed(document: &Value) -> Result<Asked, String> {
        Asked::parse(document.to_string().as_bytes())
    }

    #[test]
    fn fields_are_a_request() {
        let asked =
            parsed(&json!({"method": "PUT", "path": "/a?b=c", "headers": {"x": "y"}, "body": {"z": 1}})).unwrap();
        assert_eq!((asked.method.as_deref(), asked.url.as_deref()), (Some("PUT"), Some("/a?b=c")));
        assert_eq!((asked.headers, asked.body.as_deref()), (vec![("x".into(), "y".into())], Some(r#"{"z":1}"#)));
        assert_eq!(parsed(&json!({"body": "{\"z\": 1.00}"})).unwrap().body.as_deref(), Some("{\"z\": 1.00}"));
        assert_eq!(Asked::parse(b" \n"), Ok(Asked::default()));
    }

    #[test]
    fn a_pasted_request_is_read_as_it_goes_over_the_wire() {
        let text =
            "POST /hooks?x=1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 7\r\nX-A: b: c\r\n\r\n{\"a\":1}\n\nmore";
        let asked = parsed(&json!({"request": text})).unwrap();
        assert_eq!((asked.method.as_deref(), asked.url.as_deref()), (Some("POST"), Some("/hooks?x=1")));
        assert_eq!(asked.headers, [("host".into(), "a.example".into()), ("x-a".into(), "b: c".into())]);
        assert_eq!(asked.body.as_deref(), Some("{\"a\":1}\n\nmore"));
        let bare = parsed(&json!({"request": "\n/hooks"})).unwrap();
        assert_eq!((bare.method.as_deref(), bare.body), (Some("POST"), None));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (document, word) in [
            (json!([]), "JSON expected"),
            (json!({"paht": "/"}), "unknown field `paht`"),
            (json!({"request": "POST /", "body": 1}), "either `request`"),
            (json!({"headers": {"x": 1}}), "header x is not a string"),
            (json!({"request": ""}), "line 1"),
            (json!({"request": "hooks"}), "line 1"),
            (json!({"request": "POST /a\n{\"b\": 1}"}), "line 2"),
            (json!({"request": "POST /a\nx: y\n: z"}), "line 3"),
        ] {
            let error = parsed(&document).unwrap_err();
            assert!(error.contains(word), "{document}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
            let _ = Asked::parse(&bytes);
            if let Ok(asked) = parsed(&json!({"request": text})) {
                prop_assert!(asked.method.is_some() && asked.url.is_some());
            }
        }
    }
}
