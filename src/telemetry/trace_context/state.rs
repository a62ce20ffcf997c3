//! The `tracestate` header: section 3.3.

/// More members than this make the whole list invalid (section 3.3.1.1).
const MAX_MEMBERS: usize = 32;

/// The list of all `lines` in one, without empty members; `None` where it is empty or any member is not valid. It is all
/// or nothing: handing on a part could break what the members mean together.
pub(super) fn parse<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    for line in lines {
        for member in std::str::from_utf8(line).ok()?.split(',') {
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            let repeated = members.iter().any(|(known, _)| *known == key);
            if !is_key(key) || !is_value(value) || repeated || members.len() == MAX_MEMBERS {
                return None;
            }
            members.push((key, member));
        }
    }
    let members: Vec<&str> = members.into_iter().map(|(_, member)| member).collect();
    (!members.is_empty()).then(|| members.join(","))
}

/// A simple key, which may begin with a digit since level 2, or `tenant@system` as level 1 knows it.
fn is_key(key: &str) -> bool {
    let simple = |part: &str, max: usize, may_begin_with_digit: bool| {
        let first = part.bytes().next();
        let begins =
            first.is_some_and(|byte| byte.is_ascii_lowercase() || (may_begin_with_digit && byte.is_ascii_digit()));
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte);
        begins && part.len() <= max && part.bytes().all(allowed)
    };
    match key.split_once('@') {
        None => simple(key, 256, true),
        Some((tenant, system)) => simple(tenant, 241, true) && simple(system, 14, false),
    }
}

/// 1 to 256 printable ASCII characters without comma and equals sign; the last is not a space, which trimming sees to.
fn is_value(value: &str) -> bool {
    let allowed = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(allowed)
}
