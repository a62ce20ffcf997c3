//! The `Forwarded` header field: RFC 7239, section 4.

/// One element: what one proxy says about the request it received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hop {
    /// `for`: an address, `unknown` or `_obfuscated`.
    pub node: Option<String>,
    pub proto: Option<String>,
    pub host: Option<String>,
}

/// The elements of one header line in their order; `None` where it does not follow the grammar.
pub fn parse(line: &str) -> Option<Vec<Hop>> {
    let mut rest = line;
    let mut hops = Vec::new();
    let mut hop = Hop::default();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if !rest.starts_with([';', ',']) && !rest.is_empty() {
            rest = pair(rest, &mut hop)?.trim_start_matches([' ', '\t']);
        }
        match rest.chars().next() {
            Some(';') => {}
            Some(',') => hops.push(std::mem::take(&mut hop)),
            Some(_) => return None,
            None => {
                hops.push(hop);
                return Some(hops);
            }
        }
        rest = rest.get(1..)?;
    }
}

/// `name=value`; gives what follows. A repeated name in one element is not allowed.
fn pair<'a>(text: &'a str, hop: &mut Hop) -> Option<&'a str> {
    let (name, text) = text.split_once('=')?;
    if name.is_empty() || !name.bytes().all(is_token) {
        return None;
    }
    let (value, rest) = value(text)?;
    let slot = match name.to_ascii_lowercase().as_str() {
        "for" => &mut hop.node,
        "proto" => &mut hop.proto,
        "host" => &mut hop.host,
        _ => return Some(rest),
    };
    slot.replace(value).is_none().then_some(rest)
}

/// A token or a quoted string (RFC 9110, section 5.6).
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        // Colons and brackets want quotes, but proxies in the field leave them out.
        let end = text.bytes().position(|byte| !is_token(byte) && !b":[]".contains(&byte)).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return (!value.is_empty()).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(position + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
