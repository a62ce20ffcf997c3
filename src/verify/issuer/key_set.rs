//! Public keys of a JSON Web Key Set, and the algorithms that each of them may verify with (RFC 7517, 7518, 8037).

use crate::config::spec::PublicAlgorithmSpec;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Signatures with a key that everybody may know (RFC 7518, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

/// Keys of one issuer.
#[derive(Default)]
pub(in crate::verify) struct KeySet(Vec<Key>);

struct Key {
    id: Option<String>,
    /// The one that the set says it is for.
    algorithm: Option<Algorithm>,
    material: Material,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(ParsedPublicKey),
    P384(ParsedPublicKey),
    P521(ParsedPublicKey),
    Ed25519(ParsedPublicKey),
}

/// Issuers have a handful. A token without a key's name is tried against all.
const KEYS_MAX: usize = 32;

impl Algorithm {
    pub const ALL: [Algorithm; 10] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Ps256 => "PS256",
            Algorithm::Ps384 => "PS384",
            Algorithm::Ps512 => "PS512",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::Es512 => "ES512",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
            Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
            Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
            Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 | Algorithm::EdDsa => None,
        }
    }
}

impl From<PublicAlgorithmSpec> for Algorithm {
    fn from(spec: PublicAlgorithmSpec) -> Algorithm {
        match spec {
            PublicAlgorithmSpec::RS256 => Algorithm::Rs256,
            PublicAlgorithmSpec::RS384 => Algorithm::Rs384,
            PublicAlgorithmSpec::RS512 => Algorithm::Rs512,
            PublicAlgorithmSpec::PS256 => Algorithm::Ps256,
            PublicAlgorithmSpec::PS384 => Algorithm::Ps384,
            PublicAlgorithmSpec::PS512 => Algorithm::Ps512,
            PublicAlgorithmSpec::ES256 => Algorithm::Es256,
            PublicAlgorithmSpec::ES384 => Algorithm::Es384,
            PublicAlgorithmSpec::ES512 => Algorithm::Es512,
            PublicAlgorithmSpec::EdDSA => Algorithm::EdDsa,
        }
    }
}

impl KeySet {
    /// A set, or a single key. Keys that we cannot use are left out: a set may have others for other purposes. `None` for
    /// what is neither.
    pub fn parse(document: &[u8]) -> Option<KeySet> {
        let document: Map<String, Value> = serde_json::from_slice(document).ok()?;
        let keys: Vec<&Map<String, Value>> = match document.get("keys") {
            Some(keys) => keys.as_array()?.iter().filter_map(Value::as_object).collect(),
            None if document.contains_key("kty") => vec![&document],
            None => return None,
        };
        Some(KeySet(keys.into_iter().filter_map(Key::parse).take(KEYS_MAX).collect()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// There is a key of this name.
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// Whether a key of this name, or any where none is named, has signed this.
    pub fn verifies(&self, algorithm: Algorithm, id: Option<&str>, signed: &[u8], signature: &[u8]) -> bool {
        let mut named = self.0.iter().filter(|key| id.is_none() || key.id.as_deref() == id);
        named.any(|key| key.verifies(algorithm, signed, signature))
    }
}

impl Key {
    fn parse(key: &Map<String, Value>) -> Option<Key> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
        let is_for_signatures = key.get("use").is_none_or(|purpose| purpose == "sig");
        let operations = key.get("key_ops").and_then(Value::as_array);
        if !is_for_signatures || operations.is_some_and(|operations| !operations.iter().any(|one| one == "verify")) {
            return None;
        }
        let parsed =
            |algorithm: &'static dyn VerificationAlgorithm, bytes: Vec<u8>| ParsedPublicKey::new(algorithm, bytes).ok();
        let point = |size: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == size && y.len() == size).then(|| [vec![4], x, y].concat())
        };
        let material = match (text("kty")?, text("crv")) {
            ("RSA", None) => Material::Rsa { n: unsigned(bytes("n")?)?, e: unsigned(bytes("e")?)? },
            ("EC", Some("P-256")) => Material::P256(parsed(&signature::ECDSA_P256_SHA256_FIXED, point(32)?)?),
            ("EC", Some("P-384")) => Material::P384(parsed(&signature::ECDSA_P384_SHA384_FIXED, point(48)?)?),
            ("EC", Some("P-521")) => Material::P521(parsed(&signature::ECDSA_P521_SHA512_FIXED, point(66)?)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(parsed(&signature::ED25519, bytes("x")?)?),
            _ => return None,
        };
        let algorithm = match text("alg") {
            None => None,
            // A key for something else, as encryption, is none for signatures.
            Some(name) => Some(Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)?),
        };
        Some(Key { id: text("kid").map(str::to_owned), algorithm, material })
    }

    fn verifies(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.is_some_and(|own| own != algorithm) {
            return false;
        }
        match (&self.material, algorithm) {
            (Material::Rsa { n, e }, algorithm) => algorithm.rsa().is_some_and(|parameters| {
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature).is_ok()
            }),
            (Material::P256(key), Algorithm::Es256)
            | (Material::P384(key), Algorithm::Es384)
            | (Material::P521(key), Algorithm::Es512)
            | (Material::Ed25519(key), Algorithm::EdDsa) => key.verify_sig(signed, signature).is_ok(),
            _ => false,
        }
    }
}

/// A number without leading zeros, which some issuers write and the library does not take.
fn unsigned(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let first = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(first..).map(<[u8]>::to_vec)
}
