//! With which TLS a target is spoken to: whose certificates are believed, and who we say we are.

use crate::config;
use crate::config::spec::TargetTlsSpec;
use crate::deliver::client::Client;
use crate::diagnostic::At;
use crate::secret::{Reference, holds_stand_in};
use aws_lc_rs::digest;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The default: the system's certificates are believed, and we show none.
#[derive(Clone, Default)]
pub(in crate::deliver) struct Tls {
    roots: Option<Arc<RootCertStore>>,
    identity: Option<Arc<CertifiedKey>>,
    /// Of what it was made from: two of one text are the same.
    digest: Option<[u8; digest::SHA256_OUTPUT_LEN]>,
}

impl PartialEq for Tls {
    fn eq(&self, other: &Tls) -> bool {
        self.digest == other.digest
    }
}

impl Tls {
    /// Every mistake is reported at its place.
    pub(in crate::deliver) fn compile(spec: &TargetTlsSpec, at: &At<'_>) -> Option<Tls> {
        let read = |written: Option<&String>, key: &str| match written {
            Some(written) => pem(written, &at.key(key)).map(Some),
            None => Some(None),
        };
        let ca = read(spec.ca.as_ref(), "ca");
        let cert = read(spec.cert.as_ref(), "cert");
        let key = read(spec.key.as_ref(), "key");
        let (ca, cert, key) = (ca?, cert?, key?);
        let mut digest = digest::Context::new(&digest::SHA256);
        for text in [&ca, &cert, &key] {
            let text = text.as_ref().map_or("", |text| text.as_str());
            digest.update(&text.len().to_be_bytes());
            digest.update(text.as_bytes());
        }
        let roots = match &ca {
            Some(ca) => roots(ca, &at.key("ca")).map(Some),
            None => Some(None),
        };
        let identity = match (&cert, &key) {
            (None, None) => Some(None),
            // Offline, neither is known.
            (Some(cert), Some(key)) if holds_stand_in(cert) || holds_stand_in(key) => Some(None),
            (Some(cert), Some(key)) => identity(cert, key, at).map(Some),
            (Some(_), None) => alone("cert", "key", at),
            (None, Some(_)) => alone("key", "cert", at),
        };
        let mut tls = Tls { roots: roots?, identity: identity?, digest: None };
        let mut bytes = [0; digest::SHA256_OUTPUT_LEN];
        bytes.copy_from_slice(digest.finish().as_ref());
        tls.digest = (ca.is_some() || cert.is_some()).then_some(bytes);
        Some(tls)
    }

    pub(in crate::deliver) fn config(&self, client: &Client) -> ClientConfig {
        let roots = self.roots.as_ref().unwrap_or_else(|| client.roots());
        let builder = client.tls().with_root_certificates(roots.clone());
        match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let resolver: Arc<dyn ResolvesClientCert> = Arc::new(SingleCertAndKey::from(identity.clone()));
                builder.with_client_cert_resolver(resolver)
            }
        }
    }
}

fn alone<T>(written: &str, missing: &str, at: &At<'_>) -> Option<T> {
    let message = format!("`{written}` is of no use without `{missing}`");
    at.key(written).error("tls-pair", message, format!("add `{missing}`, or leave `{written}` out"));
    None
}

/// What was written as PEM, or as the path of a file of it; the file is read anew when it changes.
fn pem(written: &str, at: &At<'_>) -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(config::plain(written, at)?);
    if text.contains("-----BEGIN ") || holds_stand_in(&text) {
        return Some(text);
    }
    if text.trim().is_empty() || text.contains('\n') {
        at.error("tls-pem", "this is neither PEM nor the path of a file", "write the path of a PEM file".to_owned());
        return None;
    }
    match at.references.resolve(&Reference::File { path: text.to_string() }) {
        Ok(secret) => Some(Zeroizing::new(secret.expose().to_owned())),
        Err(error) => {
            let help = "relative paths start at the configuration folder".to_owned();
            at.error("reference-missing", error.to_string(), help);
            None
        }
    }
}

fn certificates(text: &str, at: &At<'_>) -> Option<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Some(certificates),
        _ => {
            let help = "it begins with -----BEGIN CERTIFICATE-----".to_owned();
            at.error("tls-certificate", "there is no certificate in it that can be read", help);
            None
        }
    }
}

/// `ca` alone is believed then: whoever names an authority means that one.
fn roots(text: &str, at: &At<'_>) -> Option<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    if holds_stand_in(text) {
        return Some(Arc::new(roots));
    }
    for certificate in certificates(text, at)? {
        if let Err(error) = roots.add(certificate) {
            at.error("tls-certificate", format!("a certificate cannot be an authority: {error}"), None);
            return None;
        }
    }
    Some(Arc::new(roots))
}

fn identity(cert: &str, key: &str, at: &At<'_>) -> Option<Arc<CertifiedKey>> {
    let chain = certificates(cert, &at.key("cert"));
    let key_at = at.key("key");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| {
        let help = "it begins with -----BEGIN PRIVATE KEY-----, -----BEGIN RSA PRIVATE KEY----- or -----BEGIN EC PRIVATE KEY-----; an encrypted key must be decrypted first";
        key_at.error("tls-key", "there is no private key in it that can be read", help.to_owned());
    });
    let certified = CertifiedKey::from_der(chain?, key.ok()?, &default_provider());
    match certified {
        Ok(certified) => Some(Arc::new(certified)),
        Err(error) => {
            // The words of rustls are constants: they repeat nothing of the key.
            let help = "the key must be the one the certificate was made for".to_owned();
            key_at.error("tls-key", format!("the key does not go with the certificate: {error}"), help);
            None
        }
    }
}
