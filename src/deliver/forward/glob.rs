//! Globs over header names: `*` is any run of characters, `?` is one.

/// A lower-case pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::deliver) struct Glob(String);

impl Glob {
    /// `None` where the text could match no header name: names are tokens (RFC 9110, section 5.6.2).
    pub(super) fn parse(text: &str) -> Option<Glob> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~?".contains(&byte);
        (!text.is_empty() && text.bytes().all(token)).then(|| Glob(text.to_ascii_lowercase()))
    }

    /// `name` is lower case. Time is bounded by the product of both lengths: the last `*` alone is gone back to.
    pub(super) fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut read) = (0, 0);
        let mut star = None;
        while let Some(byte) = name.get(read) {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at + 1, read));
                    at += 1;
                }
                Some(each) if *each == b'?' || each == byte => {
                    at += 1;
                    read += 1;
                }
                _ => match &mut star {
                    Some((after, taken)) => {
                        *taken += 1;
                        (at, read) = (*after, *taken);
                    }
                    None => return false,
                },
            }
        }
        pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
    }
}
