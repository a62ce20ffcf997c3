//! Quantities as users write them: durations (`1h30m`), sizes (`64KiB`) and rates (`50/s`).
//!
//! Strict on purpose: a bare number, a fraction or a doubtful unit is a mistake that is named, never a guess. The
//! callers resolve references first and report the error where the scalar stands.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// So many in a time, `50/s`: from one an hour to one a microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    count: NonZeroU32,
    per: Per,
}

/// The time that a rate counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    Second,
    Minute,
    Hour,
}

impl Rate {
    pub const ONE_A_SECOND: Rate = Rate { count: NonZeroU32::MIN, per: Per::Second };

    /// `None` for more than one a microsecond: it limits nothing, and would be lost in the rounding of nanoseconds.
    pub fn new(count: NonZeroU32, per: Per) -> Option<Rate> {
        let rate = Rate { count, per };
        (rate.interval() >= Duration::from_micros(1)).then_some(rate)
    }

    /// The number that was written: the 600 of `600/m`.
    pub fn count(self) -> NonZeroU32 {
        self.count
    }

    /// From one to the next.
    pub fn interval(self) -> Duration {
        let seconds = match self.per {
            Per::Second => 1,
            Per::Minute => 60,
            Per::Hour => 3600,
        };
        Duration::from_secs(seconds) / self.count.get()
    }
}

/// As it is written.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per {
            Per::Second => "s",
            Per::Minute => "m",
            Per::Hour => "h",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

/// Why a text is not a duration, a size or a rate. The message says what was found and what may stand there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    #[error("empty; write {example}")]
    Empty { example: &'static str },
    #[error("{found:?} does not start with a whole number; write {example}")]
    NoNumber { found: String, example: &'static str },
    #[error("{number} has no unit; write {number} followed by one of {units}")]
    NoUnit { number: String, units: &'static str },
    #[error("unknown unit {found:?}; known are {units}")]
    UnknownUnit { found: String, units: &'static str },
    #[error("the units of {text:?} do not go from large to small, each once; write them as 1h30m")]
    Unordered { text: String },
    #[error("{text:?} is not a whole number, a slash and one of {RATE_UNITS}; write {RATE_EXAMPLE}")]
    NotARate { text: String },
    #[error("{text:?} lets nothing through; the least is 1/h")]
    NoRate { text: String },
    #[error("{text:?} is too large")]
    TooLarge { text: String },
}

const DURATION_UNITS: &str = "ms, s, m, h";
const DURATION_EXAMPLE: &str = "500ms, 30s, 5m or 1h30m";
const SIZE_UNITS: &str = "B, KB, MB, GB, KiB, MiB, GiB";
const SIZE_EXAMPLE: &str = "64KiB or 1MiB";
const RATE_UNITS: &str = "s, m, h";
const RATE_EXAMPLE: &str = "10/s, 600/m or 1000/h";

/// Durations `500ms 30s 5m 1h30m`: whole numbers with units, the largest unit first, each at most once.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    if text.is_empty() {
        return Err(UnitError::Empty { example: DURATION_EXAMPLE });
    }
    let mut rest = text;
    let mut milliseconds = 0_u64;
    let mut smallest_so_far = u64::MAX;
    while !rest.is_empty() {
        let (number, unit, after) = quantity(rest, DURATION_UNITS, DURATION_EXAMPLE)?;
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(UnitError::UnknownUnit { found: unit.to_owned(), units: DURATION_UNITS }),
        };
        if factor >= smallest_so_far {
            return Err(UnitError::Unordered { text: text.to_owned() });
        }
        smallest_so_far = factor;
        let part = whole(number).and_then(|number| number.checked_mul(factor));
        milliseconds = part
            .and_then(|part| milliseconds.checked_add(part))
            .ok_or_else(|| UnitError::TooLarge { text: text.to_owned() })?;
        rest = after;
    }
    Ok(Duration::from_millis(milliseconds))
}

/// A duration as [`parse_duration`] reads it, to the millisecond: `2s400ms`, `25s`, `1h30m`.
pub fn show_duration(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, factor) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= factor {
            text.push_str(&format!("{}{unit}", rest / factor));
        }
        rest %= factor;
    }
    text
}

/// Sizes in bytes, `100B 64KiB 1MiB 1MB`: one whole number and one unit; `KiB` is 1024 bytes (IEC 80000-13), `KB` 1000.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    if text.is_empty() {
        return Err(UnitError::Empty { example: SIZE_EXAMPLE });
    }
    let (number, unit, after) = quantity(text, SIZE_UNITS, SIZE_EXAMPLE)?;
    let factor = match unit {
        _ if !after.is_empty() => None,
        "B" => Some(1),
        "KB" => Some(1_000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let factor = factor.ok_or_else(|| {
        let found = text.get(number.len()..).unwrap_or_default();
        UnitError::UnknownUnit { found: found.to_owned(), units: SIZE_UNITS }
    })?;
    let size = whole(number).and_then(|number| number.checked_mul(factor));
    size.ok_or_else(|| UnitError::TooLarge { text: text.to_owned() })
}

/// Rates `10/s 600/m 1000/h`: a whole number from 1, a slash, and one unit of time.
pub fn parse_rate(text: &str) -> Result<Rate, UnitError> {
    if text.is_empty() {
        return Err(UnitError::Empty { example: RATE_EXAMPLE });
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    if number.is_empty() {
        return Err(UnitError::NoNumber { found: text.to_owned(), example: RATE_EXAMPLE });
    }
    let unit = rest.strip_prefix('/').filter(|unit| !unit.is_empty());
    let per = match unit.ok_or_else(|| UnitError::NotARate { text: text.to_owned() })? {
        "s" => Per::Second,
        "m" => Per::Minute,
        "h" => Per::Hour,
        other => return Err(UnitError::UnknownUnit { found: other.to_owned(), units: RATE_UNITS }),
    };
    let too_large = || UnitError::TooLarge { text: text.to_owned() };
    let count: u32 = number.parse().map_err(|_| too_large())?;
    let count = NonZeroU32::new(count).ok_or_else(|| UnitError::NoRate { text: text.to_owned() })?;
    Rate::new(count, per).ok_or_else(too_large)
}

/// Cuts `30s…` into `30`, `s` and the rest. Both parts are not empty.
fn quantity<'t>(
    text: &'t str,
    units: &'static str,
    example: &'static str,
) -> Result<(&'t str, &'t str, &'t str), UnitError> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    if number.is_empty() {
        return Err(UnitError::NoNumber { found: text.to_owned(), example });
    }
    let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(letters);
    if unit.is_empty() {
        return Err(UnitError::NoUnit { number: number.to_owned(), units });
    }
    Ok((number, unit, rest))
}

/// Digits to a number; `None` where it does not fit.
fn whole(digits: &str) -> Option<u64> {
    digits.parse().ok()
}

#[cfg(test)]
mod tests;
