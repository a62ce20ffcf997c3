//! Ids of traces and spans: numbers inside, hexadecimal digits wherever they are shown.

use crate::hex;
use std::fmt;

/// 32 hexadecimal digits, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub u128);

/// 16 hexadecimal digits, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub u64);

/// An id as text, without memory of its own.
#[derive(Clone, Copy)]
pub struct Digits<const N: usize>([u8; N]);

impl<const N: usize> Digits<N> {
    fn of(number: u128) -> Digits<N> {
        let mut digits = [b'0'; N];
        let mut left = number;
        for digit in digits.iter_mut().rev() {
            *digit = hex::digit((left & 0xf) as u8);
            left >>= 4;
        }
        Digits(digits)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TraceId {
    pub fn digits(self) -> Digits<32> {
        Digits::of(self.0)
    }

    /// Exactly 32 lower-case digits.
    pub(super) fn parse(text: &str) -> Option<TraceId> {
        u128::from_str_radix(text, 16).ok().filter(|id| *id != 0).map(TraceId)
    }
}

impl SpanId {
    pub fn digits(self) -> Digits<16> {
        Digits::of(self.0.into())
    }

    pub(super) fn parse(text: &str) -> Option<SpanId> {
        u64::from_str_radix(text, 16).ok().filter(|id| *id != 0).map(SpanId)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits().as_str())
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits().as_str())
    }
}
