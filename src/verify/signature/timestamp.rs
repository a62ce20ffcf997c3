//! The signed moment: how it is written, and how far from now it may be.

use crate::verify::Refusal;
use crate::verify::evidence::Place;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// Five minutes, both ways: what most providers' own libraries allow.
pub(crate) const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timestamp {
    /// `None`: a pair of the signature header.
    pub place: Option<Place>,
    pub unit: Unit,
    pub past: TimeDelta,
    pub future: TimeDelta,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Rfc3339,
    /// Told apart by the form: digits of a year beyond 5138 are milliseconds.
    Any,
}

/// Unix times have 10 digits in seconds and 13 in milliseconds for the next two centuries.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

impl Timestamp {
    /// Whether `text` is a moment near `now`. Text that is no moment is refused: in some libraries it compares with nothing
    /// and passes.
    pub fn check(&self, text: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
        let signed = self.unit.parse(text).ok_or(Refusal::BadTimestamp)?;
        let age = now.signed_duration_since(signed);
        if age > self.past || age < -self.future { Err(Refusal::Stale) } else { Ok(()) }
    }
}

impl Unit {
    pub fn parse(self, text: &str) -> Option<DateTime<Utc>> {
        match self {
            Unit::Seconds => DateTime::from_timestamp(digits(text)?, 0),
            Unit::Milliseconds => DateTime::from_timestamp_millis(digits(text)?),
            Unit::Rfc3339 if text.is_ascii() => DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.to_utc()),
            Unit::Rfc3339 => None,
            Unit::Any => match digits(text) {
                Some(number) if number >= MILLISECONDS_FROM => DateTime::from_timestamp_millis(number),
                Some(number) => DateTime::from_timestamp(number, 0),
                None => Unit::Rfc3339.parse(text),
            },
        }
    }

    pub fn write(self, moment: DateTime<Utc>) -> String {
        match self {
            Unit::Seconds | Unit::Any => moment.timestamp().to_string(),
            Unit::Milliseconds => moment.timestamp_millis().to_string(),
            Unit::Rfc3339 => moment.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        }
    }
}

/// Digits alone: no sign, no space, and few enough for no overflow.
fn digits(text: &str) -> Option<i64> {
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}
