//! Bytes as text in a signature header. Every encoding has one spelling of given bytes, and only that is accepted:
//! lenient decoders take trailing garbage and missing padding, differently in every language.

use crate::config::spec::EncodingSpec;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use subtle::{Choice, ConstantTimeEq};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Lower case.
    Hex,
    HexAnyCase,
    Base64,
    /// Written without padding; padding that is right is accepted.
    Base64Url,
}

impl From<EncodingSpec> for Encoding {
    fn from(spec: EncodingSpec) -> Encoding {
        match spec {
            EncodingSpec::Hex => Encoding::Hex,
            EncodingSpec::HexAnyCase => Encoding::HexAnyCase,
            EncodingSpec::Base64 => Encoding::Base64,
            EncodingSpec::Base64url => Encoding::Base64Url,
        }
    }
}

impl Encoding {
    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Encoding::Hex | Encoding::HexAnyCase => hex(bytes),
            Encoding::Base64 => STANDARD.encode(bytes),
            Encoding::Base64Url => URL_SAFE_NO_PAD.encode(bytes),
        }
    }

    /// Whether `text` spells `bytes`, in a time that depends on the lengths alone.
    pub fn spells(self, bytes: &[u8], text: &str) -> Choice {
        let encoded = self.encode(bytes);
        match self {
            Encoding::HexAnyCase => equal(&encoded, &text.to_ascii_lowercase()),
            Encoding::Base64Url => equal(&encoded, text) | equal(&URL_SAFE.encode(bytes), text),
            Encoding::Hex | Encoding::Base64 => equal(&encoded, text),
        }
    }

    /// The bytes that `text` spells.
    pub fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Encoding::Hex if text.bytes().any(|byte| byte.is_ascii_uppercase()) => None,
            Encoding::Hex | Encoding::HexAnyCase => unhex(text),
            Encoding::Base64 => STANDARD.decode(text).ok(),
            Encoding::Base64Url => URL_SAFE_NO_PAD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok(),
        }
    }
}

fn equal(left: &str, right: &str) -> Choice {
    left.as_bytes().ct_eq(right.as_bytes())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Digits of either case, two to a byte.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
