//! Which headers of the sender go on to a target.
//!
//! With unchanged bytes the end-to-end headers do, because the body may mean nothing (and its signature prove nothing)
//! without them; with a new body none does unless `forward_headers` names it. What belongs to the sender's connection,
//! to its credential or to a body that is no longer there never does.

mod glob;
#[cfg(test)]
mod tests;

use crate::config::spec::OneOrMany;
use crate::diagnostic::At;
use glob::Glob;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};

/// `forward_headers`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Forward {
    /// Not written: all with unchanged bytes, none with a new body.
    #[default]
    ByBody,
    All,
    None,
    Matching(Box<[Glob]>),
}

impl Forward {
    pub(super) fn compile(written: &OneOrMany<String>, at: &At<'_>) -> Option<Forward> {
        match written {
            OneOrMany::One(word) if word == "all" => Some(Forward::All),
            OneOrMany::One(word) if word == "none" => Some(Forward::None),
            written => {
                let globs = written.as_slice().iter().enumerate();
                let globs: Vec<Option<Glob>> = globs.map(|(index, text)| glob(text, written, index, at)).collect();
                globs.into_iter().collect::<Option<_>>().map(Forward::Matching)
            }
        }
    }

    fn takes(&self, name: &HeaderName, new_body: bool) -> bool {
        match self {
            Forward::ByBody => !new_body,
            Forward::All => true,
            Forward::None => false,
            Forward::Matching(globs) => globs.iter().any(|glob| glob.matches(name.as_str())),
        }
    }
}

fn glob(text: &str, written: &OneOrMany<String>, index: usize, at: &At<'_>) -> Option<Glob> {
    if let Some(glob) = Glob::parse(text) {
        return Some(glob);
    }
    let at = if matches!(written, OneOrMany::Many(_)) { at.index(index) } else { at.clone() };
    let help = "write all, none, or names such as x-github-*".to_owned();
    at.error("forward-headers", format!("{text:?} matches no header name"), Some(help));
    None
}

/// What becomes of the body on its way, as far as headers are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    /// The sender's bytes.
    Unchanged,
    New,
    /// The method carries none.
    Absent,
}

/// The headers of `inbound` that go on. `credentials`: headers that proved who the sender is.
pub(super) fn forwarded(
    forward: &Forward,
    payload: Payload,
    inbound: &HeaderMap,
    credentials: &[HeaderName],
) -> HeaderMap {
    let of_connection = named_by_connection(inbound);
    let mut outbound = HeaderMap::with_capacity(inbound.len() + 16);
    for (name, value) in inbound {
        let text = name.as_str();
        let about_body = describes_body(text);
        let wanted = match payload {
            // Bytes without the type that names them would be other bytes.
            Payload::Unchanged => name == CONTENT_TYPE || text == "content-encoding" || forward.takes(name, false),
            Payload::New => !about_body && forward.takes(name, true),
            Payload::Absent => !about_body && forward.takes(name, false),
        };
        if wanted
            && !never(text)
            && !credentials.contains(name)
            && !of_connection.iter().any(|each| each.eq_ignore_ascii_case(text))
        {
            outbound.append(name.clone(), value.clone());
        }
    }
    outbound
}

/// Header names that `Connection` makes hop-by-hop (RFC 9110, section 7.6.1).
fn named_by_connection(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// Of the sender's connection, or written anew by us for every attempt.
fn never(name: &str) -> bool {
    if is_framing(name) {
        return true;
    }
    match name {
        // Hop-by-hop: RFC 9110, section 7.6.1, and what older software sends.
        "connection"
        | "keep-alive"
        | "proxy-connection"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "te"
        | "trailer"
        | "upgrade"
        | "http2-settings" => true,
        // Of this very message: who it was for, what its sender understands.
        "host" | "expect" | "accept-encoding" => true,
        // Trace context is the observer's: a malformed one must not travel on.
        "traceparent" | "tracestate" => true,
        // Said by whoever likes; `hop` writes them anew, from a trusted proxy's if there is one.
        "forwarded" | "x-forwarded" | "x-real-ip" | "x-hookswitch-attempt" => true,
        name => name.starts_with("x-forwarded-"),
    }
}

/// How the message is framed, also as `transfer_encoding` and the like: a header of its own to us, but a server that hands
/// headers to programs as CGI does (RFC 3875, section 4.1.18) makes one name of them all, and may believe the sender's.
fn is_framing(name: &str) -> bool {
    let framing: [&[u8]; 2] = [b"transferencoding", b"contentlength"];
    let letters = || name.bytes().filter(u8::is_ascii_alphanumeric);
    framing.into_iter().any(|framing| letters().eq(framing.iter().copied()))
}

/// True of the bytes it came with and of no others (RFC 9110, section 8; RFC 9530).
fn describes_body(name: &str) -> bool {
    name.starts_with("content-") || matches!(name, "digest" | "repr-digest")
}
