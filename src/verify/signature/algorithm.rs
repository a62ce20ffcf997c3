//! Keyed hashes, plain hashes with a secret inside, and public keys.

use super::compile::KeyRules;
use super::encoding::{Encoding, unhex};
use super::message::Piece;
use crate::config::spec::{AlgorithmSpec, HmacAlgorithmSpec, JwtAlgorithmSpec, KeyEncodingSpec};
use crate::secret::Secret;
use aws_lc_rs::{digest, hmac, signature};
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::Digest;
use subtle::Choice;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

#[derive(Clone, Copy)]
pub(crate) enum Algorithm {
    Hmac(hmac::Algorithm),
    /// Not a MAC: the message names the secret.
    Hash(Hash),
    Public(&'static dyn signature::VerificationAlgorithm),
}

/// A plain hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha(&'static digest::Algorithm),
    /// Broken for signatures; what a few senders use all the same.
    Md5,
}

impl Hash {
    pub const SHA1: Hash = Hash::Sha(&digest::SHA1_FOR_LEGACY_USE_ONLY);

    /// Of the parts, one after the other.
    pub fn of<'p>(self, parts: impl IntoIterator<Item = &'p [u8]>) -> Vec<u8> {
        match self {
            Hash::Sha(algorithm) => {
                let mut context = digest::Context::new(algorithm);
                parts.into_iter().for_each(|part| context.update(part));
                context.finish().as_ref().to_vec()
            }
            Hash::Md5 => {
                let mut context = md5::Md5::new();
                parts.into_iter().for_each(|part| context.update(part));
                context.finalize().to_vec()
            }
        }
    }
}

impl From<HmacAlgorithmSpec> for Algorithm {
    fn from(spec: HmacAlgorithmSpec) -> Algorithm {
        Algorithm::Hmac(match spec {
            HmacAlgorithmSpec::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            HmacAlgorithmSpec::Sha256 => hmac::HMAC_SHA256,
            HmacAlgorithmSpec::Sha384 => hmac::HMAC_SHA384,
            HmacAlgorithmSpec::Sha512 => hmac::HMAC_SHA512,
        })
    }
}

impl From<AlgorithmSpec> for Algorithm {
    fn from(spec: AlgorithmSpec) -> Algorithm {
        match spec {
            AlgorithmSpec::HmacSha1 => HmacAlgorithmSpec::Sha1.into(),
            AlgorithmSpec::HmacSha256 => HmacAlgorithmSpec::Sha256.into(),
            AlgorithmSpec::HmacSha384 => HmacAlgorithmSpec::Sha384.into(),
            AlgorithmSpec::HmacSha512 => HmacAlgorithmSpec::Sha512.into(),
            AlgorithmSpec::Md5 => Algorithm::Hash(Hash::Md5),
            AlgorithmSpec::Sha1 => Algorithm::Hash(Hash::SHA1),
            AlgorithmSpec::Sha256 => Algorithm::Hash(Hash::Sha(&digest::SHA256)),
            AlgorithmSpec::Sha384 => Algorithm::Hash(Hash::Sha(&digest::SHA384)),
            AlgorithmSpec::Sha512 => Algorithm::Hash(Hash::Sha(&digest::SHA512)),
            AlgorithmSpec::Ed25519 => Algorithm::Public(&signature::ED25519),
            AlgorithmSpec::EcdsaP256Sha256 => Algorithm::Public(&signature::ECDSA_P256_SHA256_ASN1),
            AlgorithmSpec::RsaPkcs1Sha1 => Algorithm::Public(&signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY),
            AlgorithmSpec::RsaPkcs1Sha256 => Algorithm::Public(&signature::RSA_PKCS1_2048_8192_SHA256),
        }
    }
}

impl From<JwtAlgorithmSpec> for Algorithm {
    fn from(spec: JwtAlgorithmSpec) -> Algorithm {
        match spec {
            JwtAlgorithmSpec::HS256 => HmacAlgorithmSpec::Sha256.into(),
            JwtAlgorithmSpec::HS384 => HmacAlgorithmSpec::Sha384.into(),
            JwtAlgorithmSpec::HS512 => HmacAlgorithmSpec::Sha512.into(),
            JwtAlgorithmSpec::RS256 => Algorithm::Public(&signature::RSA_PKCS1_2048_8192_SHA256),
            JwtAlgorithmSpec::ES256 => Algorithm::Public(&signature::ECDSA_P256_SHA256_FIXED),
            JwtAlgorithmSpec::EdDSA => Algorithm::Public(&signature::ED25519),
        }
    }
}

impl Algorithm {
    pub fn is_public(self) -> bool {
        matches!(self, Algorithm::Public(_))
    }
}

/// What verifies: made from one secret or one public key.
pub(crate) enum Key {
    /// Boxed: it holds the hash's state after the key.
    Mac(Box<hmac::Key>),
    Hash(Hash, Zeroizing<Vec<u8>>),
    Public(Box<signature::ParsedPublicKey>),
    /// A reference that stands for itself offline: fits nothing.
    StandIn,
}

/// Why a secret or a public key is none. Says nothing of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("the secret is not {0}")]
    Encoding(&'static str),
    #[error("the secret is empty after its prefix")]
    Empty,
    #[error("not a public key of this scheme")]
    PublicKey,
}

impl Key {
    /// Of a shared secret.
    pub fn shared(algorithm: Algorithm, secret: &Secret, rules: &KeyRules) -> Result<Key, KeyError> {
        if stands_in(secret.expose()) {
            return Ok(Key::StandIn);
        }
        let text = secret.expose().strip_prefix(rules.strip.as_str()).unwrap_or(secret.expose());
        let bytes = match rules.encoding {
            KeyEncodingSpec::Utf8 => text.as_bytes().to_vec(),
            KeyEncodingSpec::Nfkd => text.nfkd().collect::<String>().into_bytes(),
            KeyEncodingSpec::Hex => unhex(text).ok_or(KeyError::Encoding("hex digits"))?,
            KeyEncodingSpec::Base64 => KEY_BASE64.decode(text).map_err(|_| KeyError::Encoding("base64"))?,
        };
        let mut bytes = Zeroizing::new(bytes);
        if bytes.is_empty() {
            return Err(KeyError::Empty);
        }
        if let Some(hash) = rules.hash {
            bytes = Zeroizing::new(hash.of([&bytes[..]]));
        }
        match algorithm {
            Algorithm::Hmac(algorithm) => Ok(Key::Mac(Box::new(hmac::Key::new(algorithm, &bytes)))),
            Algorithm::Hash(algorithm) => Ok(Key::Hash(algorithm, bytes)),
            Algorithm::Public(_) => Err(KeyError::PublicKey),
        }
    }

    /// Of a public key: PEM (`PUBLIC KEY`, RFC 7468), a JSON Web Key, or DER or the bare key in base64 or hex.
    pub fn public(algorithm: &'static dyn signature::VerificationAlgorithm, text: &str) -> Result<Key, KeyError> {
        if stands_in(text) {
            return Ok(Key::StandIn);
        }
        let text = text.trim();
        let bytes = match text.strip_prefix("-----BEGIN ") {
            Some(rest) => pem(rest),
            None if text.starts_with('{') => jwk(text),
            None => unhex(text)
                .or_else(|| KEY_BASE64.decode(text).ok())
                .or_else(|| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()),
        };
        let parsed = bytes.and_then(|bytes| signature::ParsedPublicKey::new(algorithm, bytes).ok());
        parsed.map(|key| Key::Public(Box::new(key))).ok_or(KeyError::PublicKey)
    }

    /// Of a public key in DER (SubjectPublicKeyInfo).
    pub fn of_public(algorithm: Algorithm, der: &[u8]) -> Result<Key, KeyError> {
        let Algorithm::Public(algorithm) = algorithm else { return Err(KeyError::PublicKey) };
        let parsed = signature::ParsedPublicKey::new(algorithm, der).map_err(|_| KeyError::PublicKey)?;
        Ok(Key::Public(Box::new(parsed)))
    }

    /// Whether any of `shown` signs the message. All are compared.
    pub fn signs(&self, pieces: &[Piece<'_>], encoding: Encoding, shown: &[&str]) -> Choice {
        if let Key::Public(key) = self {
            let message = joined(pieces);
            let signs = |text: &&str| encoding.decode(text).is_some_and(|raw| key.verify_sig(&message, &raw).is_ok());
            return Choice::from(u8::from(shown.iter().any(signs)));
        }
        let Some(expected) = self.tag(pieces) else { return Choice::from(0) };
        shown.iter().fold(Choice::from(0), |matched, text| matched | encoding.spells(&expected, text))
    }

    /// The keyed hash of a message; `None` for a public key.
    pub fn tag(&self, pieces: &[Piece<'_>]) -> Option<Vec<u8>> {
        match self {
            Key::Mac(key) => {
                let mut context = hmac::Context::with_key(key);
                for piece in pieces {
                    match piece {
                        Piece::Bytes(bytes) => context.update(bytes),
                        Piece::Secret => {}
                    }
                }
                Some(context.sign().as_ref().to_vec())
            }
            Key::Hash(algorithm, secret) => {
                let parts = pieces.iter().map(|piece| match piece {
                    Piece::Bytes(bytes) => &bytes[..],
                    Piece::Secret => &secret[..],
                });
                Some(algorithm.of(parts))
            }
            Key::Public(_) | Key::StandIn => None,
        }
    }
}

/// Providers show secrets with and without padding; a secret is the operator's own, so that leniency lets nobody in.
const KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn joined(pieces: &[Piece<'_>]) -> Vec<u8> {
    let bytes = pieces.iter().filter_map(|piece| match piece {
        Piece::Bytes(bytes) => Some(&bytes[..]),
        Piece::Secret => None,
    });
    bytes.collect::<Vec<_>>().concat()
}

/// Offline, a reference without a value stands for itself, as its own text.
pub(crate) fn stands_in(text: &str) -> bool {
    text.contains("${env:") || text.contains("${file:")
}

/// The bare key of a JSON Web Key (RFC 7518, 6.2; RFC 8037, 2): an uncompressed point, or 32 bytes.
fn jwk(text: &str) -> Option<Vec<u8>> {
    let key: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let member = |name: &str| key.get(name).and_then(serde_json::Value::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(member(name)?).ok();
    match (member("kty")?, member("crv")?) {
        ("EC", "P-256") => Some([vec![4], bytes("x")?, bytes("y")?].concat()),
        ("OKP", "Ed25519") => bytes("x"),
        _ => None,
    }
}

fn pem(rest: &str) -> Option<Vec<u8>> {
    let (_, body) = rest.split_once("-----")?;
    let (body, _) = body.split_once("-----END ")?;
    let packed: String = body.split_ascii_whitespace().collect();
    KEY_BASE64.decode(packed).ok()
}
