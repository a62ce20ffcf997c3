//! The request of an example, or of the command line, as bytes.

use super::Failure;
use crate::body;
use crate::config::spec::{MethodSpec, TestHeadersSpec, TestRequestSpec};
use crate::document::Document;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, header};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// A request as somebody wrote it down.
pub struct Written<'w> {
    pub method: Method,
    /// Path and query, or a whole URL.
    pub target: &'w str,
    pub headers: Vec<(&'w str, &'w str)>,
    pub body: WrittenBody,
}

/// Bytes, and the content type they have where no header says another.
#[derive(Default)]
pub struct WrittenBody {
    pub bytes: Bytes,
    pub content_type: Option<&'static str>,
}

const JSON: Option<&str> = Some("application/json");

/// The request, and `scheme://host` where the target is a whole URL: it is then the public URL too.
pub fn build(written: Written<'_>) -> Result<(Request<Bytes>, Option<Arc<str>>), Failure> {
    let uri: http::Uri = written
        .target
        .parse()
        .map_err(|_| Failure(format!("request: `{}` is not a path or a URL; percent-encode it", written.target)))?;
    let public_url =
        uri.scheme_str().zip(uri.authority()).map(|(scheme, host)| Arc::from(format!("{scheme}://{host}")));
    if public_url.is_none() && !written.target.starts_with('/') {
        return Err(Failure(format!("request: `{}` is not a path that starts with `/`, nor a URL", written.target)));
    }
    let mut request = Request::new(written.body.bytes);
    *request.method_mut() = written.method;
    let headers = request.headers_mut();
    for (name, value) in written.headers {
        let parsed = name.parse::<HeaderName>().ok().zip(HeaderValue::from_bytes(value.as_bytes()).ok());
        let (name, value) = parsed.ok_or_else(|| Failure(format!("request: `{name}` cannot be sent as a header")))?;
        headers.append(name, value);
    }
    if let Some(content_type) = written.body.content_type.filter(|_| !headers.contains_key(header::CONTENT_TYPE)) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if !headers.contains_key(header::HOST) {
        let host = uri.authority().map_or("localhost", |authority| authority.as_str());
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static("localhost")));
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| Failure(format!("request: `{path}` is not a path")))?;
    Ok((request, public_url))
}

pub(super) fn of_test(spec: &TestRequestSpec, folder: &Path) -> Result<(Request<Bytes>, Option<Arc<str>>), Failure> {
    let target = match (&spec.path, &spec.url) {
        (Some(target), None) | (None, Some(target)) => target,
        _ => return Err(Failure("request: write either `path` or `url`".to_owned())),
    };
    let headers = match &spec.headers {
        None => Vec::new(),
        Some(TestHeadersSpec::Map(map)) => map.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        Some(TestHeadersSpec::List(list)) => list.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
    };
    let method = spec.method.unwrap_or(MethodSpec::POST).method();
    build(Written { method, target, headers, body: test_body(spec, folder)? })
}

fn test_body(spec: &TestRequestSpec, folder: &Path) -> Result<WrittenBody, Failure> {
    let ways = [
        spec.body.is_some(),
        spec.body_file.is_some(),
        spec.body_base64.is_some(),
        spec.form.is_some(),
        spec.text.is_some(),
    ];
    if ways.iter().filter(|written| **written).count() > 1 {
        return Err(Failure("request: keep one of body, body_file, body_base64, form and text".to_owned()));
    }
    if let Some(body) = &spec.body {
        return Ok(WrittenBody { bytes: body.to_string().into(), content_type: JSON });
    }
    if let Some(file) = &spec.body_file {
        let bytes = std::fs::read(folder.join(file))
            .map_err(|error| Failure(format!("body_file: cannot read {file}: {error}")))?;
        return Ok(WrittenBody { bytes: bytes.into(), content_type: JSON });
    }
    if let Some(base64) = &spec.body_base64 {
        let bytes = STANDARD.decode(base64).map_err(|_| Failure("body_base64: this is not base64".to_owned()))?;
        return Ok(WrittenBody { bytes: bytes.into(), content_type: None });
    }
    if let Some(form) = &spec.form {
        let bytes = match form {
            Value::String(text) => text.clone().into_bytes(),
            value => {
                let mut bytes = Vec::new();
                body::write_form(Document::from_value(value).root(), &mut bytes);
                bytes
            }
        };
        return Ok(WrittenBody { bytes: bytes.into(), content_type: Some("application/x-www-form-urlencoded") });
    }
    let text = spec
        .text
        .clone()
        .map(|text| WrittenBody { bytes: text.into(), content_type: Some("text/plain; charset=utf-8") });
    Ok(text.unwrap_or_default())
}
