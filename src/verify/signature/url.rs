//! The URL of a request as its sender knows it.

use super::message::Surroundings;
use crate::verify::Refusal;
use crate::verify::evidence::Evidence;
use std::borrow::Cow;

/// What `configured` or else the listener says, with the raw path and query. Never from the Host header: whoever forges a
/// request writes that too.
pub(crate) fn public_address(evidence: &Evidence<'_>, configured: Option<&str>) -> Result<String, Refusal> {
    whole(evidence, Surroundings { public_url: configured, ..Surroundings::default() })
}

/// Host and port of a URL, in lower case (RFC 9421, 2.2.3).
pub(crate) fn authority(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default().to_ascii_lowercase()
}

pub(super) fn whole(evidence: &Evidence<'_>, surroundings: Surroundings<'_>) -> Result<String, Refusal> {
    Ok(format!("{}{}", origin(evidence, surroundings)?, path(evidence)))
}

/// Without the query.
pub(super) fn base(evidence: &Evidence<'_>, surroundings: Surroundings<'_>) -> Result<String, Refusal> {
    Ok(format!("{}{}", origin(evidence, surroundings)?, evidence.request.path))
}

fn origin<'r>(evidence: &'r Evidence<'_>, surroundings: Surroundings<'r>) -> Result<&'r str, Refusal> {
    let base = surroundings.public_url.or(evidence.request.public_url.as_deref()).ok_or(Refusal::NoPublicUrl)?;
    Ok(base.trim_end_matches('/'))
}

/// The raw path with the raw query.
pub(super) fn path(evidence: &Evidence<'_>) -> String {
    match &evidence.request.query {
        Some(query) => format!("{}?{query}", evidence.request.path),
        None => evidence.request.path.clone(),
    }
}

/// With the scheme's own port where `url` has none, and without a port where it has one.
pub(super) fn other_port(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // The last colon of an IPv6 address stands inside brackets.
    match authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())) {
        Some((host, _)) => format!("{scheme}://{host}{path}"),
        None if scheme == "http" => format!("{scheme}://{authority}:80{path}"),
        None => format!("{scheme}://{authority}:443{path}"),
    }
}

/// What HubSpot decodes before it signs (developers.hubspot.com, "Validating requests", v3).
const DECODED: [(&str, char); 12] = [
    ("%3A", ':'),
    ("%2F", '/'),
    ("%3F", '?'),
    ("%40", '@'),
    ("%21", '!'),
    ("%24", '$'),
    ("%27", '\''),
    ("%28", '('),
    ("%29", ')'),
    ("%2A", '*'),
    ("%2C", ','),
    ("%3B", ';'),
];

/// With those characters decoded; in the path but `/` and `?`, with which a request to one path would pass for one to
/// another.
pub(super) fn decoded(url: &str) -> String {
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let path = decode(path, &|plain| !matches!(plain, '/' | '?'));
    match query {
        Some(query) => format!("{path}?{}", decode(query, &|_| true)),
        None => path,
    }
}

fn decode(text: &str, wanted: &impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let code = from.get(..3).map(str::to_ascii_uppercase);
        let plain = DECODED.iter().find(|(encoded, plain)| code.as_deref() == Some(encoded) && wanted(*plain));
        let length = match plain {
            Some((_, plain)) => {
                out.push(*plain);
                3
            }
            None => {
                out.push('%');
                1
            }
        };
        rest = from.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// A form's bytes with `+` and percent-encoding undone.
pub(super) fn undone(body: &[u8]) -> Cow<'_, [u8]> {
    let spaced: Vec<u8> = body.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_encoding::percent_decode(&spaced).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_characters_are_decoded() {
        assert_eq!(decoded("https://a/x?u=%2Fb%3f%40%20%41%"), "https://a/x?u=/b?@%20%41%");
        assert_eq!(decoded("https://a/x%3Ay%2Fz?"), "https://a/x:y%2Fz?");
        assert_eq!(decoded("https://a/%E2%82%AC%2c%"), "https://a/%E2%82%AC,%");
        assert_eq!(decoded("https://a/€%2"), "https://a/€%2");
    }
}
