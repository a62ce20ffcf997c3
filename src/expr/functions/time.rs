//! Timestamps and durations: standard accessors, and our `parseTime` and `formatTime`.

use super::{EvaluationError, Function, Result, global, method, mismatch, text, view, wrong};
use crate::expr::meter::Meter;
use crate::expr::value::{Value, View};
use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use jiff::tz::TimeZoneDatabase;
use std::fmt::Write;
use std::sync::LazyLock;

pub(super) const FUNCTIONS: &[Function] = &[
    method("getFullYear", (1, 2), |_, a| part("getFullYear", a, |time| i64::from(time.year()))),
    method("getMonth", (1, 2), |_, a| part("getMonth", a, |time| i64::from(time.month0()))),
    method("getDate", (1, 2), |_, a| part("getDate", a, |time| i64::from(time.day()))),
    method("getDayOfMonth", (1, 2), |_, a| part("getDayOfMonth", a, |time| i64::from(time.day0()))),
    method("getDayOfWeek", (1, 2), |_, a| {
        part("getDayOfWeek", a, |time| i64::from(time.weekday().num_days_from_sunday()))
    }),
    method("getDayOfYear", (1, 2), |_, a| part("getDayOfYear", a, |time| i64::from(time.ordinal0()))),
    method("getHours", (1, 2), |_, a| {
        part_or_total("getHours", a, |time| i64::from(time.hour()), |span| span.num_hours())
    }),
    method("getMinutes", (1, 2), |_, a| {
        part_or_total("getMinutes", a, |time| i64::from(time.minute()), |span| span.num_minutes())
    }),
    method("getSeconds", (1, 2), |_, a| {
        part_or_total("getSeconds", a, |time| i64::from(time.second()), |span| span.num_seconds())
    }),
    method("getMilliseconds", (1, 2), |_, a| {
        let milliseconds = |time: &DateTime<FixedOffset>| i64::from(time.timestamp_subsec_millis());
        part_or_total("getMilliseconds", a, milliseconds, |span| i64::from(span.subsec_millis()))
    }),
    global("parseTime", (1, 1), parse_time),
    global("formatTime", (2, 3), format_time),
];

/// The years 1 to 9999, as protobuf's Timestamp has them.
pub(in crate::expr) fn timestamp(time: Option<DateTime<FixedOffset>>) -> Result {
    match time {
        Some(time) if (1..=9999).contains(&time.with_timezone(&Utc).year()) => Ok(Value::Timestamp(time)),
        _ => wrong("the timestamp is outside the years 1 to 9999"),
    }
}

/// Ten thousand years either way, as protobuf's Duration has it.
const DURATION_MAX_SECONDS: i64 = 315_576_000_000;

pub(in crate::expr) fn duration(duration: Option<TimeDelta>) -> Result {
    match duration {
        Some(duration) if duration.num_seconds().abs() <= DURATION_MAX_SECONDS => Ok(Value::Duration(duration)),
        _ => wrong("the duration is longer than 10000 years"),
    }
}

fn part(name: &str, arguments: &[Value], part: fn(&DateTime<FixedOffset>) -> i64) -> Result {
    match view(arguments, 0) {
        View::Timestamp(time) => Ok(Value::Int(part(&in_zone(name, time, arguments, 1)?))),
        _ => Err(mismatch(name, arguments)),
    }
}

fn part_or_total(
    name: &str,
    arguments: &[Value],
    of_time: fn(&DateTime<FixedOffset>) -> i64,
    of_duration: fn(&TimeDelta) -> i64,
) -> Result {
    match (view(arguments, 0), arguments.len()) {
        (View::Duration(duration), 1) => Ok(Value::Int(of_duration(&duration))),
        _ => part(name, arguments, of_time),
    }
}

/// The moment in the zone that argument `index` names; UTC without one.
fn in_zone(
    name: &str,
    time: DateTime<FixedOffset>,
    arguments: &[Value],
    index: usize,
) -> Result<DateTime<FixedOffset>> {
    if arguments.len() <= index {
        return Ok(time.with_timezone(&Utc).fixed_offset());
    }
    match zone(text(name, arguments, index)?, time) {
        Some(time) => Ok(time),
        None => {
            wrong(format!("`{name}`: the time zone is neither a name such as Europe/Berlin nor an offset as +03:00"))
        }
    }
}

/// The same everywhere: the system's may be old, or not there.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// In a zone of the IANA database, or at an offset `[+-]HH:MM`.
fn zone(name: &str, time: DateTime<FixedOffset>) -> Option<DateTime<FixedOffset>> {
    if let Ok(zone) = ZONES.get(name) {
        let moment = jiff::Timestamp::from_second(time.timestamp()).ok()?;
        return Some(time.with_timezone(&FixedOffset::east_opt(zone.to_offset(moment).seconds())?));
    }
    let (sign, digits) = match name.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, name.strip_prefix('+').unwrap_or(name)),
    };
    let (hours, minutes) = digits.split_once(':')?;
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<i32>().ok()).flatten();
    let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
    Some(time.with_timezone(&FixedOffset::east_opt(sign * (number(hours)? * 3600 + minutes * 60))?))
}

/// RFC 3339 alone, as `timestamp(…)` takes it.
pub(super) fn parse_rfc3339(text: &str) -> Option<DateTime<FixedOffset>> {
    // chrono also takes a space for the T.
    if text.as_bytes().get(10).is_some_and(|byte| !matches!(byte, b'T' | b't')) {
        return None;
    }
    DateTime::parse_from_rfc3339(text).ok()
}

/// `1h30m`, `1.5s`, `-200ms`, `0`: Go's form, as CEL has it.
pub(super) fn parse_duration(text: &str) -> Option<TimeDelta> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(TimeDelta::zero());
    }
    if rest.is_empty() || rest.len() > 64 {
        return None;
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (integer, after) = rest.split_at(whole);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", after),
        };
        if integer.is_empty() && fraction.is_empty() {
            return None;
        }
        let (unit, after) = unit(after)?;
        let integer: i128 = if integer.is_empty() { 0 } else { integer.parse().ok()? };
        nanos = nanos.checked_add(integer.checked_mul(unit)?)?.checked_add(fraction_of(unit, fraction))?;
        rest = after;
    }
    let nanos = if negative { -nanos } else { nanos };
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
    TimeDelta::new(seconds, u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?)
}

/// Nanoseconds of a unit, and what follows it. Longer names first: `ms` before `m`.
fn unit(text: &str) -> Option<(i128, &str)> {
    const UNITS: [(&str, i128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    UNITS.iter().find_map(|(name, nanos)| Some((*nanos, text.strip_prefix(name)?)))
}

/// `0.fraction` of a unit; digits beyond the 18th change nothing.
fn fraction_of(unit: i128, fraction: &str) -> i128 {
    let digits = &fraction[..fraction.len().min(18)];
    match digits.parse::<i128>() {
        Ok(number) => number * unit / 10_i128.pow(digits.len() as u32),
        Err(_) => 0,
    }
}

/// RFC 3339, RFC 2822, and what databases and spreadsheets write; without an offset it is UTC. A number is seconds since
/// 1970, or milliseconds where it is too large for seconds.
fn parse_time(_: &Meter, arguments: &[Value]) -> Result {
    match view(arguments, 0) {
        View::Timestamp(time) => Ok(Value::Timestamp(time)),
        View::Int(number) => {
            let (seconds, millis) = if number.abs() < 100_000_000_000 { (number, 0) } else { split_millis(number) };
            timestamp(DateTime::from_timestamp(seconds, millis * 1_000_000).map(|time| time.fixed_offset()))
        }
        View::String(text) => match any_time(text.trim()) {
            Some(time) => timestamp(Some(time)),
            None => wrong("`parseTime`: the string is not a time that is known here, such as 2026-01-31T12:00:00Z"),
        },
        _ => Err(mismatch("parseTime", arguments)),
    }
}

fn split_millis(number: i64) -> (i64, u32) {
    (number.div_euclid(1000), u32::try_from(number.rem_euclid(1000)).unwrap_or_default())
}

fn any_time(text: &str) -> Option<DateTime<FixedOffset>> {
    if text.len() > 64 {
        return None;
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text)) {
        return Some(time);
    }
    let with_offset = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f %z"];
    if let Some(time) = with_offset.iter().find_map(|form| DateTime::parse_from_str(text, form).ok()) {
        return Some(time);
    }
    let plain = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
        "%d.%m.%Y %H:%M:%S",
        "%d.%m.%Y %H:%M",
    ];
    let dates = ["%Y-%m-%d", "%d.%m.%Y", "%Y%m%d"];
    let time = plain.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).or_else(|| {
        let date = dates.iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok());
        date.and_then(|date| date.and_hms_opt(0, 0, 0))
    });
    time.map(|time| time.and_utc().fixed_offset())
}

/// `formatTime(t, format, tz)`: strftime, in UTC unless a zone is named.
fn format_time(meter: &Meter, arguments: &[Value]) -> Result {
    let View::Timestamp(time) = view(arguments, 0) else { return Err(mismatch("formatTime", arguments)) };
    let pattern = text("formatTime", arguments, 1)?;
    let time = in_zone("formatTime", time, arguments, 2)?;
    meter.bytes(pattern.len().saturating_mul(8))?;
    let items: Vec<Item<'_>> = StrftimeItems::new(pattern).collect();
    if items.contains(&Item::Error) {
        return wrong("`formatTime`: the format has a % clause that strftime does not know");
    }
    let mut formatted = String::new();
    write!(formatted, "{}", time.format_with_items(items.iter()))
        .map_err(|_| EvaluationError::Wrong("`formatTime`: the format does not fit a timestamp".to_owned()))?;
    Ok(Value::from(formatted))
}
