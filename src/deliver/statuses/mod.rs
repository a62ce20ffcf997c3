//! Sets of HTTP statuses as users write them: `200`, `2xx`, `500-503`.

#[cfg(test)]
mod tests;

use crate::config::spec::StatusSpec;
use std::ops::RangeInclusive;

/// The statuses that HTTP can carry (RFC 9110, section 15).
const ALL: RangeInclusive<u16> = 100..=599;

/// A set of statuses from 100 to 599, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StatusSet([u64; 8]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum StatusError {
    #[error("{0:?} is not a status: write 200, 2xx or 500-503")]
    Malformed(String),
    #[error("{0} is not a status: they run from 100 to 599")]
    OutOfRange(u16),
    #[error("the range {0}-{1} is empty")]
    Empty(u16, u16),
}

impl StatusSet {
    pub(super) const EMPTY: StatusSet = StatusSet([0; 8]);

    pub(super) fn contains(self, status: u16) -> bool {
        let bit = usize::from(status.wrapping_sub(*ALL.start()));
        ALL.contains(&status) && self.0.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    pub(super) fn insert(&mut self, range: RangeInclusive<u16>) {
        for status in range {
            let bit = usize::from(status.wrapping_sub(*ALL.start()));
            if let Some(word) = self.0.get_mut(bit / 64) {
                *word |= 1 << (bit % 64);
            }
        }
    }

    pub(super) fn with(mut self, range: RangeInclusive<u16>) -> StatusSet {
        self.insert(range);
        self
    }
}

/// One entry of a set.
pub(super) fn parse(spec: &StatusSpec) -> Result<RangeInclusive<u16>, StatusError> {
    match spec {
        StatusSpec::Code(code) => in_range(*code).map(|code| code..=code),
        StatusSpec::Text(text) => parse_text(text),
    }
}

/// `200`, `2xx` or `500-503`.
pub(super) fn parse_text(text: &str) -> Result<RangeInclusive<u16>, StatusError> {
    let malformed = || StatusError::Malformed(text.to_owned());
    let text = text.trim();
    if let Some((first, last)) = text.split_once('-') {
        let first = in_range(digits(first.trim()).ok_or_else(malformed)?)?;
        let last = in_range(digits(last.trim()).ok_or_else(malformed)?)?;
        return if first <= last { Ok(first..=last) } else { Err(StatusError::Empty(first, last)) };
    }
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let hundreds = digits(class).filter(|_| class.len() == 1).ok_or_else(malformed)? * 100;
        return in_range(hundreds).map(|first| first..=first + 99);
    }
    let code = in_range(digits(text).ok_or_else(malformed)?)?;
    Ok(code..=code)
}

/// Whether a text is meant as a status rather than as a condition: it says which of two mistakes to report.
pub(super) fn looks_like_status(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|each| each.is_ascii_digit() || matches!(each, 'x' | 'X' | '-' | ' ' | ','))
}

/// Up to four ASCII digits; no sign, which `u16::from_str` would take.
fn digits(text: &str) -> Option<u16> {
    let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn in_range(code: u16) -> Result<u16, StatusError> {
    if ALL.contains(&code) { Ok(code) } else { Err(StatusError::OutOfRange(code)) }
}
