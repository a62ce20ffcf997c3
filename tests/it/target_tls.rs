//! TLS to targets: an authority of one's own, and a certificate that we show.

use crate::harness::{PATIENCE, Request, Router, Tunnel};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Certificate and key, as PEM.
struct Pair {
    cert: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        Pair { cert: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }
}

/// Answers every request with 200, and says what came.
struct Server {
    address: SocketAddr,
    came: Receiver<Came>,
}

struct Came {
    /// That the client has shown.
    certificate: Option<Vec<u8>>,
    request: String,
}

impl Server {
    /// `clients`: whose certificates must be shown.
    fn start(pair: &Pair, clients: Option<&Authority>) -> Server {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let chain = vec![CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap()];
        let config =
            builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, came) = channel();
        let (config, sender) = (Arc::new(config), Arc::new(Mutex::new(sender)));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, sender) = (config.clone(), sender.clone());
                std::thread::spawn(move || {
                    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                    let (mut buffer, mut request) = ([0; 4096], Vec::new());
                    while let Ok(read @ 1..) = tls.read(&mut buffer) {
                        request.extend_from_slice(&buffer[..read]);
                        if request.ends_with(b"{}") {
                            let text = String::from_utf8(std::mem::take(&mut request)).unwrap();
                            let peer = tls.conn.peer_certificates().and_then(|all| all.first()).map(|one| one.to_vec());
                            sender.lock().unwrap().send(Came { certificate: peer, request: text }).unwrap();
                            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                        }
                    }
                });
            }
        });
        Server { address, came }
    }

    /// The certificate that the next request comes with.
    fn shown(&self) -> Option<Vec<u8>> {
        self.came.recv_timeout(PATIENCE).unwrap().certificate
    }

    fn route(&self, tls: &str) -> String {
        let port = self.address.port();
        format!(
            "match: {{path: /a}}\nverify: none\ntarget: {{url: 'https://localhost:{port}/', retry: {{max: 0}}{tls}}}\n"
        )
    }
}

fn status(router: &Router) -> u16 {
    router.send(Request::post("/a").json("{}")).status
}

fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

#[test]
fn an_authority_of_ones_own_is_believed_where_it_is_named() {
    let authority = Authority::new("example authority");
    let server = Server::start(&authority.issue("localhost"), None);
    let mut router = Router::start(&[("routes.d/a.yaml", &server.route("")), ("ca.pem", &authority.pem)]);
    assert_eq!(status(&router), 502);
    router.wait_for(|line| line["outcome"] == "tls");
    router.write("routes.d/a.yaml", &server.route(", tls: {ca: ca.pem}"));
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(status(&router), 200);
    assert_eq!(server.shown(), None);
    // A changed file is another authority: the kept connection is not used any more.
    router.write("ca.pem", &Authority::new("another authority").pem);
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(status(&router), 502);
}

#[test]
fn our_certificate_is_shown_to_who_asks_for_it() {
    let authority = Authority::new("example authority");
    let server = Server::start(&authority.issue("localhost"), Some(&authority));
    let (first, second) = (authority.issue("first.test"), authority.issue("second.test"));
    let files = [
        ("routes.d/a.yaml", server.route(", tls: {ca: ca.pem}")),
        ("ca.pem", authority.pem.clone()),
        ("client.pem", first.cert.clone()),
        ("client.key", first.key.clone()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let router = Router::start(&files);
    assert_eq!(status(&router), 502, "without a certificate there is no way in");
    router.write("routes.d/a.yaml", &server.route(", tls: {ca: ca.pem, cert: client.pem, key: '${file:client.key}'}"));
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(status(&router), 200);
    assert_eq!(server.shown(), Some(der(&first.cert)));
    // Renewed: one file after the other, as it happens. Half of a pair does not load, and the old one goes on.
    router.write("client.pem", &second.cert);
    assert_ne!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(status(&router), 200);
    assert_eq!(server.shown(), Some(der(&first.cert)));
    router.write("client.key", &second.key);
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(status(&router), 200);
    assert_eq!(server.shown(), Some(der(&second.cert)));
}

/// The proxy knows the host and opens the way; what goes over it is between the target and us.
#[test]
fn through_a_proxy_a_target_is_reached_by_a_tunnel() {
    let authority = Authority::new("example authority");
    let server = Server::start(&authority.issue("orders.test"), None);
    let proxy = Tunnel::to(server.address);
    let settings = format!("egress: {{proxy: 'http://me:example@{}'}}\n", proxy.address);
    let route = |tls: &str| {
        format!(
            "match: {{path: /a}}\nverify: none\ntarget: {{url: 'https://orders.test:8443/in?x=1', auth: {{bearer: example-token}}, retry: {{max: 0}}{tls}}}\n"
        )
    };
    let files = [
        ("hookswitch.yaml", &*settings),
        ("routes.d/a.yaml", &route(", tls: {ca: ca.pem}")),
        ("ca.pem", &authority.pem),
    ];
    let mut router = Router::start(&files);
    assert_eq!(status(&router), 200);
    let asked = proxy.next();
    assert_eq!((&*asked.method, &*asked.target), ("CONNECT", "orders.test:8443"));
    assert_eq!(asked.header("host"), Some("orders.test:8443"));
    assert_eq!(asked.header("proxy-authorization"), Some("Basic bWU6ZXhhbXBsZQ=="));
    assert_eq!(asked.header("authorization"), None);
    let request = server.came.recv_timeout(PATIENCE).unwrap().request;
    assert!(request.starts_with("POST /in?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("host: orders.test:8443\r\n") && request.contains("Bearer example-token"), "{request}");
    assert!(!request.contains("proxy-authorization"), "{request}");
    let through = proxy.through();
    assert_eq!(through[0], 0x16, "a handshake of TLS comes first");
    assert!(!String::from_utf8_lossy(&through).contains("example-token"), "the proxy can read none of it");
    // The certificate is looked at behind a proxy as it is without one.
    router.write("routes.d/a.yaml", &route(""));
    assert_eq!(router.ask_admin(Request::post("/reload")).status, 200);
    assert_eq!(status(&router), 502);
    router.wait_for(|line| line["message"] == "delivery" && line["outcome"] == "tls");
    assert_eq!(proxy.next().target, "orders.test:8443");
}
