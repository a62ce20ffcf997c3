//! One request to a collector, over HTTP/protobuf or gRPC: <https://opentelemetry.io/docs/specs/otlp/>.
//!
//! gRPC is one POST over HTTP/2 with a frame around the message and a status in the trailers: no more of it is needed.

use super::wire;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Grpc,
    HttpProtobuf,
}

/// Where the records of one signal go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Whole, with the path of the signal.
    pub uri: Uri,
    pub protocol: Protocol,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub timeout: Duration,
    pub gzip: bool,
    pub tls: Tls,
}

/// Files in PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Instead of the system's.
    pub roots: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// A connection to a collector, kept.
pub struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    destination: Destination,
}

/// Why a batch did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("the collector cannot be reached")]
    Unreachable,
    #[error("the collector did not answer in time")]
    Timeout,
    #[error("the collector answered {status}")]
    Http { status: u16, retry_after: Option<Duration> },
    #[error("the collector answered with gRPC status {0}")]
    Grpc(u16),
}

impl SendError {
    /// Whether the same batch may be taken later; the specification lists them.
    pub fn is_passing(&self) -> bool {
        match self {
            SendError::Unreachable | SendError::Timeout => true,
            SendError::Http { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            SendError::Grpc(code) => matches!(code, 1 | 4 | 8 | 10 | 11 | 14 | 15),
        }
    }

    pub fn retry_after(&self) -> Option<Duration> {
        if let SendError::Http { retry_after, .. } = self { *retry_after } else { None }
    }
}

/// TLS for a collector cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS for the collector: {0}")]
pub struct TlsError(String);

/// An answer says next to nothing.
const ANSWER_MAX: usize = 64 * 1024;
const IDLE: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(5);

impl Transport {
    pub fn new(destination: Destination) -> Result<Transport, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let is_https = destination.uri.scheme_str() == Some("https");
        let tls = tls(&destination.tls, is_https)?;
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let mut builder = Client::builder(TokioExecutor::new());
        builder.timer(TokioTimer::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
        let client = match destination.protocol {
            Protocol::Grpc => builder.http2_only(true).build(https.enable_http2().wrap_connector(tcp)),
            Protocol::HttpProtobuf => builder.build(https.enable_http1().wrap_connector(tcp)),
        };
        Ok(Transport { client, destination })
    }

    /// Sends one message. Gives how many of its records the collector did not want.
    pub async fn send(&self, message: &[u8]) -> Result<u64, SendError> {
        let exchange = async {
            let response = self.client.request(self.request(message)).await.map_err(|_| SendError::Unreachable)?;
            let (head, body) = response.into_parts();
            let (answer, trailers) = read(body).await.ok_or(SendError::Unreachable)?;
            if !head.status.is_success() {
                let retry_after = retry_after(&head.headers);
                return Err(SendError::Http { status: head.status.as_u16(), retry_after });
            }
            if self.destination.protocol == Protocol::HttpProtobuf {
                return Ok(wire::rejected(&answer));
            }
            // A status in the head comes alone (gRPC over HTTP/2, "Trailers-Only").
            match grpc_status(&trailers).or_else(|| grpc_status(&head.headers)) {
                Some(0) => Ok(wire::rejected(answer.get(FRAME..).unwrap_or_default())),
                Some(code) => Err(SendError::Grpc(code)),
                None => Err(SendError::Unreachable),
            }
        };
        tokio::time::timeout(self.destination.timeout, exchange).await.unwrap_or(Err(SendError::Timeout))
    }

    fn request(&self, message: &[u8]) -> Request<Full<Bytes>> {
        let Destination { uri, protocol, headers, gzip, .. } = &self.destination;
        // Writing into memory does not fail; should it do so all the same, the message goes as it is.
        let packed = gzip.then(|| self::gzip(message)).flatten();
        let is_packed = packed.is_some();
        let message = packed.as_deref().unwrap_or(message);
        let mut request = Request::new(match protocol {
            Protocol::HttpProtobuf => Full::new(Bytes::copy_from_slice(message)),
            Protocol::Grpc => Full::new(framed(message, is_packed)),
        });
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        let fields = request.headers_mut();
        fields.insert(USER_AGENT, HeaderValue::from_static(concat!("hookswitch/", env!("CARGO_PKG_VERSION"))));
        match protocol {
            Protocol::HttpProtobuf => {
                fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
                if is_packed {
                    fields.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                }
            }
            Protocol::Grpc => {
                fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
                fields.insert(TE, HeaderValue::from_static("trailers"));
                if is_packed {
                    fields.insert(HeaderName::from_static("grpc-encoding"), HeaderValue::from_static("gzip"));
                }
            }
        }
        headers.iter().for_each(|(name, value)| drop(fields.insert(name, value.clone())));
        request
    }
}

/// Bytes of the head of a frame: whether it is packed, and its length.
const FRAME: usize = 5;

fn framed(message: &[u8], is_packed: bool) -> Bytes {
    let mut frame = BytesMut::with_capacity(FRAME + message.len());
    frame.extend_from_slice(&[u8::from(is_packed)]);
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend_from_slice(message);
    frame.freeze()
}

fn gzip(message: &[u8]) -> Option<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(message).ok()?;
    packer.finish().ok()
}

/// The answer and its trailers; `None` where it broke off. What is longer than an answer can be is not kept.
async fn read(mut body: Incoming) -> Option<(Vec<u8>, HeaderMap)> {
    let (mut answer, mut trailers) = (Vec::new(), HeaderMap::new());
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        match frame.ok()?.into_data() {
            Ok(data) => {
                read += data.len();
                if read > ANSWER_MAX {
                    return None;
                }
                answer.extend_from_slice(&data);
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    Some((answer, trailers))
}

fn grpc_status(headers: &HeaderMap) -> Option<u16> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// In seconds; a date is not worth the trouble here.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn tls(files: &Tls, is_needed: bool) -> Result<ClientConfig, TlsError> {
    let fail = |error: &dyn std::fmt::Display| TlsError(error.to_string());
    let mut roots = RootCertStore::empty();
    if is_needed {
        match &files.roots {
            Some(path) => {
                let certificates = CertificateDer::pem_file_iter(path).map_err(|error| fail(&error))?;
                roots.add_parsable_certificates(certificates.flatten());
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
                }
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| fail(&error))?
        .with_root_certificates(roots);
    let (Some(certificate), Some(key)) = (&files.certificate, &files.key) else {
        return Ok(config.with_no_client_auth());
    };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(|error| fail(&error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| fail(&error))?;
    config.with_client_auth_cert(chain.flatten().collect(), key).map_err(|error| fail(&error))
}
