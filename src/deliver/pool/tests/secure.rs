//! Over TLS, where the other end chooses what is spoken.

use super::*;
use crate::config::spec::TargetTlsSpec;
use crate::deliver::connect::Tls;
use crate::diagnostic::{At, Findings};
use crate::egress::Origin;
use crate::secret::{Missing, References};
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Mutex;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// Answers every request, on HTTP/2 where `h2`, and keeps what it was asked.
struct Secure {
    authority: String,
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: Vec<AbortHandle>,
    requests: Vec<(Version, String, Option<String>)>,
}

impl Secure {
    async fn start(h2: bool) -> Secure {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let cert =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap().pem();
        let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let mut config = config.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![if h2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, acceptor) = (Arc::new(Mutex::new(Seen::default())), TlsAcceptor::from(Arc::new(config)));
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), shared.clone());
                let connection = tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let answer = service_fn(move |request: Request<Incoming>| {
                        let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap().to_owned());
                        let asked = (request.version(), request.uri().to_string(), host);
                        seen.lock().unwrap().requests.push(asked);
                        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("ok"))) }
                    });
                    let http = Builder::new(TokioExecutor::new());
                    let _ = http.serve_connection(TokioIo::new(stream), answer).await;
                });
                shared.lock().unwrap().connections.push(connection.abort_handle());
            }
        });
        Secure { authority, port, seen }
    }

    fn outside(&self) -> Outside {
        let spec: TargetTlsSpec = serde_json::from_value(serde_json::json!({"ca": self.authority})).unwrap();
        let (findings, references) = (Findings::default(), References::new(Path::new("."), Missing::Fails));
        let tls = Tls::compile(&spec, &At::document(&findings, &references, 0)).unwrap();
        let profile = Lasting::default().profiles.profile(&Arc::default(), Origin::Written, tls);
        Outside { client: Client::new().unwrap(), profile }
    }

    fn place(&self, path: &str) -> Arc<Place> {
        place(&format!("https://localhost:{}{path}", self.port))
    }

    fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections.len()
    }

    fn end_connections(&self) {
        self.seen.lock().unwrap().connections.iter().for_each(AbortHandle::abort);
    }
}

#[tokio::test]
async fn http1_inside_tls_is_kept_and_used_again() {
    let server = Secure::start(false).await;
    let (outside, place) = (server.outside(), server.place("/a?b=c"));
    for _ in 0..3 {
        assert_eq!(outside.post(&place).await.unwrap().body.as_deref(), Some(&b"ok"[..]));
    }
    assert_eq!(server.connections(), 1);
    let host = Some(format!("localhost:{}", server.port));
    assert_eq!(server.seen.lock().unwrap().requests, vec![(Version::HTTP_11, "/a?b=c".to_owned(), host); 3]);
}

#[tokio::test]
async fn one_http2_connection_carries_everything_once_it_is_there() {
    let server = Secure::start(true).await;
    let (outside, place) = (server.outside(), server.place("/a?b=c"));
    each_is_answered(outside.posts(&place, 1)).await;
    each_is_answered(outside.posts(&place, 50)).await;
    assert_eq!(server.connections(), 1);
    let asked = (Version::HTTP_2, format!("https://localhost:{}/a?b=c", server.port), None);
    assert_eq!(server.seen.lock().unwrap().requests, vec![asked; 51]);
}

#[tokio::test]
async fn http2_connections_that_were_opened_side_by_side_come_down_to_one() {
    let server = Secure::start(true).await;
    let (outside, place) = (server.outside(), server.place("/"));
    each_is_answered(outside.posts(&place, 5)).await;
    let opened = server.connections();
    each_is_answered(outside.posts(&place, 5)).await;
    assert_eq!(server.connections(), opened, "no further one was needed");
}

#[tokio::test]
async fn a_new_http2_connection_takes_the_place_of_one_that_has_ended() {
    let server = Secure::start(true).await;
    let (outside, place) = (server.outside(), server.place("/"));
    for round in 1..=3 {
        each_is_answered(outside.posts(&place, 2)).await;
        each_is_answered(outside.posts(&place, 2)).await;
        assert!(server.connections() >= round);
        let host = outside.profile.pool(&outside.client).host(&place).unwrap();
        server.end_connections();
        while host.is_shared() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_http2_connection_is_let_go() {
    let server = Secure::start(true).await;
    let (outside, place) = (server.outside(), server.place("/"));
    each_is_answered(outside.posts(&place, 1)).await;
    sleep(SWEEP * 2).await;
    each_is_answered(outside.posts(&place, 1)).await;
    assert_eq!(server.connections(), 1);
    sleep(SWEEP * (RESTS_MAX + 1)).await;
    each_is_answered(outside.posts(&place, 1)).await;
    assert_eq!(server.connections(), 2);
}
