//! Finding the end of the plain part of a string, eight bytes at a time.

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);

/// The position, at or after `from`, of the first byte that cannot stand in a JSON string as it is: a quote, a
/// backslash or a control character. The length of `bytes` where there is none.
#[inline]
pub(super) fn find_special(bytes: &[u8], from: usize) -> usize {
    let mut position = from;
    while let Some(chunk) = bytes.get(position..).and_then(<[u8]>::first_chunk::<8>) {
        let found = special_bits(u64::from_le_bytes(*chunk));
        if found != 0 {
            return position + found.trailing_zeros() as usize / 8;
        }
        position += 8;
    }
    let rest = bytes.get(position..).unwrap_or_default();
    position + rest.iter().position(|&byte| is_special(byte)).unwrap_or(rest.len())
}

pub(super) fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < b' '
}

/// The high bit of the first special byte, counted from the lowest, is set, and none below it. ("Determine if a word
/// has a byte less than n", Bit Twiddling Hacks: a borrow can only make false findings above a true one.)
fn special_bits(chunk: u64) -> u64 {
    let quote = chunk ^ QUOTES;
    let backslash = chunk ^ BACKSLASHES;
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_control = chunk.wrapping_sub(SPACES) & !chunk;
    (is_quote | is_backslash | is_control) & HIGHS
}
