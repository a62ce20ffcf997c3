//! A request in the one form that both sides compute.

use super::joined;
use crate::deliver::attempt::Sent;
use http::HeaderName;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode, utf8_percent_encode};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// Encoded once, dots and empty segments kept.
    AsSent,
    /// Dots and empty segments resolved, and what is sent is encoded once more.
    Normalized,
}

/// RFC 3986's unreserved characters are left as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same within a path.
const PATH: &AsciiSet = &ENCODED.remove(b'/');

/// `signed` in the order of their names; `None` where one of them is not text.
pub(super) fn canonical_request(sent: &Sent, signed: &[HeaderName], payload: &str, rules: Rules) -> Option<String> {
    let mut out = format!("{}\n{}\n{}\n", sent.method, path(sent.to.uri.path(), rules), query(sent.to.uri.query()));
    for name in signed {
        out.push_str(&format!("{name}:{}\n", joined(&sent.headers, name)?));
    }
    let names = signed.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(";");
    out.push_str(&format!("\n{names}\n{payload}"));
    Some(out)
}

fn path(path: &str, rules: Rules) -> String {
    match rules {
        Rules::AsSent => encode(path, PATH),
        Rules::Normalized => utf8_percent_encode(&normalized(&encode(path, PATH)), PATH).to_string(),
    }
}

/// Whatever was encoded before, encoded once and in one way.
fn encode(text: &str, set: &'static AsciiSet) -> String {
    percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), set).to_string()
}

fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let is_folder = path.ends_with('/') && !kept.is_empty();
    format!("/{}{}", kept.join("/"), if is_folder { "/" } else { "" })
}

/// Sorted by name, then by value, as they are encoded.
fn query(query: Option<&str>) -> String {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode(name, ENCODED), encode(value, ENCODED))
        })
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}
