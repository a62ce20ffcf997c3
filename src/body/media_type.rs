//! The `Content-Type` of a request (RFC 9110, section 8.3), as far as reading its body goes.

/// A media type and the two parameters that matter. Type and charset are lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct MediaType {
    /// `type/subtype`.
    pub essence: String,
    pub charset: Option<String>,
    pub boundary: Option<String>,
}

impl MediaType {
    /// `None` where it does not follow the grammar, or gives one of the two parameters twice with different values.
    pub fn parse(value: &str) -> Option<MediaType> {
        let end = value.find(';').unwrap_or(value.len());
        let (essence, mut rest) = value.split_at(end);
        let (kind, subtype) = trim(essence).split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let essence = format!("{kind}/{subtype}").to_ascii_lowercase();
        let mut media_type = MediaType { essence, charset: None, boundary: None };
        while let Some(after) = rest.strip_prefix(';') {
            let after = after.trim_start_matches(OWS);
            if after.is_empty() || after.starts_with(';') {
                // `parameters` may have empty places: `text/plain; ; charset=utf-8;`.
                rest = after;
                continue;
            }
            let (name, value, after) = parameter(after)?;
            rest = after.trim_start_matches(OWS);
            media_type.set(name, value)?;
        }
        rest.is_empty().then_some(media_type)
    }

    fn set(&mut self, name: &str, value: String) -> Option<()> {
        let (slot, value) = match name.to_ascii_lowercase().as_str() {
            "charset" => (&mut self.charset, value.to_ascii_lowercase()),
            "boundary" => (&mut self.boundary, value),
            _ => return Some(()),
        };
        match slot {
            Some(known) if *known != value => None,
            _ => {
                *slot = Some(value);
                Some(())
            }
        }
    }
}

const OWS: [char; 2] = [' ', '\t'];

fn trim(text: &str) -> &str {
    text.trim_matches(OWS)
}

/// `name=token` or `name="quoted \" string"` at the start of `text`, and what follows.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    if !is_token(name) {
        return None;
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, after) = quoted_string(quoted)?;
        return Some((name, value, after));
    }
    let end = rest.find([' ', '\t', ';']).unwrap_or(rest.len());
    let (value, after) = rest.split_at(end);
    is_token(value).then(|| (name, value.to_owned(), after))
}

/// What stands before the closing quote, unescaped, and what follows it.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Option<(String, Option<String>, Option<String>)> {
        MediaType::parse(value).map(|found| (found.essence, found.charset, found.boundary))
    }

    #[test]
    fn the_grammar_of_rfc_9110() {
        let of = |essence: &str, charset: Option<&str>, boundary: Option<&str>| {
            Some((essence.to_owned(), charset.map(str::to_owned), boundary.map(str::to_owned)))
        };
        for (value, expected) in [
            ("application/json", of("application/json", None, None)),
            ("Application/JSON;Charset=UTF-8", of("application/json", Some("utf-8"), None)),
            ("text/xml ; charset=\"utf-8\" ; version=1", of("text/xml", Some("utf-8"), None)),
            ("text/plain; ; charset=utf-8;", of("text/plain", Some("utf-8"), None)),
            ("multipart/form-data; boundary=\"a;\\\"b=c\"", of("multipart/form-data", None, Some("a;\"b=c"))),
            ("a/b;charset=x;charset=X", of("a/b", Some("x"), None)),
            ("a/b;charset=x;charset=y", None),
            ("", None),
            ("json", None),
            ("application/", None),
            ("application/json, text/plain", None),
            ("application/json charset=utf-8", None),
            ("application/json; charset", None),
            ("application/json; charset=", None),
            ("application/json; charset = utf-8", None),
            ("application/json; charset=\"utf-8", None),
            ("application/json; charset=\"utf-8\"x", None),
        ] {
            assert_eq!(parsed(value), expected, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "[ -~\t;\"\\\\=/é]{0,40}") {
            let _ = MediaType::parse(&text);
        }
    }
}
