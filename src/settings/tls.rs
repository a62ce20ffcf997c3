//! Certificates of a listener, compiled.
//!
//! They are read again whenever the configuration is: a file that changes is an input like any other, and a pair that does
//! not fit (one file written, the other not yet) is a mistake that keeps the one in use.

use crate::config;
use crate::config::spec::ListenerTlsSpec;
use crate::diagnostic::At;
use crate::secret::holds_stand_in;
use crate::server::listener::LiveTls;
use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How a listener speaks TLS.
#[derive(Clone)]
pub struct Tls {
    /// What connections begin with from now on; `None` offline, where the files are not known.
    pub live: Option<LiveTls>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}

/// Certificates change while the process runs: two listeners with TLS differ in nothing that needs a restart.
impl PartialEq for Tls {
    fn eq(&self, _other: &Tls) -> bool {
        true
    }
}

impl Eq for Tls {}

impl Tls {
    /// `at` is the mapping. Every mistake is reported.
    pub fn compile(spec: &ListenerTlsSpec, at: &At<'_>) -> Option<Tls> {
        let cert = pem(&spec.cert, &at.key("cert"));
        let key = pem(&spec.key, &at.key("key"));
        let client_ca = match &spec.client_ca {
            Some(written) => pem(written, &at.key("client_ca")).map(Some),
            None => Some(None),
        };
        let (cert, key, client_ca) = (cert?, key?, client_ca?);
        let is_known = |text: &Zeroizing<String>| !holds_stand_in(text);
        if ![&cert, &key].into_iter().chain(&client_ca).all(is_known) {
            return Some(Tls { live: None });
        }
        let chain = certificates(&cert, &at.key("cert"));
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| {
            let help = "write PEM: -----BEGIN PRIVATE KEY-----".to_owned();
            at.key("key").error("tls-key", "there is no private key in this", help);
        });
        let roots = match &client_ca {
            Some(text) => roots(&certificates(text, &at.key("client_ca"))?, &at.key("client_ca")).map(Some),
            None => Some(None),
        };
        server(chain?, key.ok()?, roots?, at).map(|config| Tls { live: Some(Arc::new(ArcSwap::from_pointee(config))) })
    }

    /// Takes over the certificates of `newer`: connections that have begun keep theirs.
    pub fn renew(&self, newer: &Tls) {
        if let (Some(live), Some(newer)) = (&self.live, &newer.live) {
            live.store(newer.load_full());
        }
    }
}

fn server(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    client_roots: Option<RootCertStore>,
    at: &At<'_>,
) -> Option<ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let wrong = |error: String, key: &str| {
        let help =
            "the certificate comes first in its file, then the chain; the key is that of the certificate".to_owned();
        at.key(key).error("tls-certificate", format!("this cannot be used: {error}"), help);
    };
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| wrong(error.to_string(), "cert")).ok()?;
    let builder = match client_roots {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| wrong(error.to_string(), "client_ca")).ok()?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| wrong(error.to_string(), "key")).ok()?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Some(config)
}

/// The text itself where it is PEM, or else that of the file which is named.
fn pem(written: &str, at: &At<'_>) -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(config::plain(written, at)?);
    if text.contains("-----BEGIN ") || holds_stand_in(&text) {
        return Some(text);
    }
    // hookswitch.yaml lies in the configuration folder itself.
    match at.references.read_named("", &text) {
        Ok(text) => Some(Zeroizing::new(text)),
        // Certificates are where the process runs, and not where its configuration is tested.
        Err(_) if at.references.stand_for_themselves() => Some(Zeroizing::new(format!("${{file:{}}}", &*text))),
        Err(error) => {
            let help = "write the path of a PEM file; relative paths start at the configuration folder".to_owned();
            at.error("tls-file", error.to_string(), help);
            None
        }
    }
}

fn certificates(text: &str, at: &At<'_>) -> Option<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match read {
        Ok(found) if !found.is_empty() => Some(found),
        _ => {
            let help = "write PEM: -----BEGIN CERTIFICATE-----".to_owned();
            at.error("tls-certificate", "there is no certificate in this", help);
            None
        }
    }
}

fn roots(certificates: &[CertificateDer<'static>], at: &At<'_>) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        if roots.add(certificate.clone()).is_err() {
            let help = "write the certificate of the authority that signs those of your clients".to_owned();
            at.error("tls-certificate", "one of these is no certificate of an authority", help);
            return None;
        }
    }
    Some(roots)
}
