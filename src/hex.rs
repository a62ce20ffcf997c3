//! Bytes as lower-case hexadecimal digits. Ids are made for every request, and formatting each byte by itself takes a
//! hundred times as long.

/// `nibble` is below 16.
pub fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// Two digits for each byte.
pub fn of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    append(&mut text, bytes);
    text
}

/// As [`of`], behind what is there.
pub fn append(text: &mut String, bytes: &[u8]) {
    text.extend(bytes.iter().flat_map(|byte| [char::from(digit(byte >> 4)), char::from(digit(byte & 0xf))]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digits_are_those_of_the_formatter(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(of(&bytes), expected);
        }
    }
}
