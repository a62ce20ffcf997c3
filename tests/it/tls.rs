//! Listeners that speak TLS.

use crate::harness::{PATIENCE, Request, Response, Router, Target};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

/// An authority, and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
struct Pair {
    cert: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let mut parameters = CertificateParams::new(vec![]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        Authority(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    fn signs(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &*self.0).unwrap();
        Pair { cert: cert.pem(), key: key.serialize_pem() }
    }

    fn pem(&self) -> String {
        self.0.pem()
    }
}

/// A client that trusts `authority`, shows `own` and speaks these protocols.
fn client(authority: &Authority, own: Option<&Pair>, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let cert = CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![cert], key).unwrap()
        }
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Whether the handshake is accepted is only known once something is read.
fn connect(to: SocketAddr, config: &Arc<ClientConfig>, before: &[u8]) -> std::io::Result<Tls> {
    let mut tcp = TcpStream::connect(to)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.write_all(before)?;
    let connection = ClientConnection::new(Arc::clone(config), ServerName::try_from("hooks.test").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, tcp);
    stream.flush()?;
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

fn exchange(mut stream: Tls, request: &Request) -> std::io::Result<Response> {
    stream.write_all(&request.bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Response::parse(&bytes).ok_or_else(|| std::io::Error::other("no answer"))
}

fn send(router: &Router, config: &Arc<ClientConfig>, request: &Request) -> std::io::Result<Response> {
    exchange(connect(router.webhooks, config, b"")?, request)
}

/// The certificate that the listener shows.
fn shown(router: &Router, config: &Arc<ClientConfig>) -> Vec<u8> {
    let stream = connect(router.webhooks, config, b"").unwrap();
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

fn der(pair: &Pair) -> Vec<u8> {
    CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap().to_vec()
}

fn start(target: &Target, listen: &str, files: &[(&str, &str)]) -> Router {
    // A connection may be silent for as long as a test needs.
    let settings = format!(
        "trusted_proxies: [127.0.0.1]\nlimits: {{header_timeout: 600s}}\nlisten: {{address: '127.0.0.1:0', {listen}}}\n"
    );
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let mut all = vec![("hookswitch.yaml", settings.as_str()), ("routes.d/a.yaml", &route)];
    all.extend_from_slice(files);
    Router::start(&all)
}

const OWN: &str = "tls: {cert: tls.crt, key: tls.key}";

#[test]
fn webhooks_arrive_over_tls_and_targets_hear_so() {
    let (target, authority) = (Target::ok(), Authority::new("a"));
    let pair = authority.signs("hooks.test");
    let router = start(&target, OWN, &[("tls.crt", &pair.cert), ("tls.key", &pair.key)]);
    let config = client(&authority, None, &[b"http/1.1"]);
    let response = send(&router, &config, &Request::post("/a").json("{}")).unwrap();
    assert_eq!(response.status, 200);
    let seen = target.next();
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert!(seen.header("forwarded").unwrap().contains("proto=https"), "{seen:?}");
    assert!(Request::post("/a").json("{}").try_send(router.webhooks).is_err(), "nothing is answered in the clear");
    let stranger = client(&Authority::new("b"), None, &[]);
    assert!(send(&router, &stranger, &Request::post("/a").json("{}")).is_err());
    assert!(target.all().is_empty());
}

#[test]
fn the_protocol_is_agreed_upon() {
    let (target, authority) = (Target::ok(), Authority::new("a"));
    let pair = authority.signs("hooks.test");
    let router = start(&target, OWN, &[("tls.crt", &pair.cert), ("tls.key", &pair.key)]);
    for (offered, agreed) in
        [(&[&b"http/1.1"[..], b"h2"][..], Some(&b"h2"[..])), (&[b"http/1.1"], Some(b"http/1.1")), (&[], None)]
    {
        let stream = connect(router.webhooks, &client(&authority, None, offered), b"").unwrap();
        assert_eq!(stream.conn.alpn_protocol(), agreed);
    }
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart_and_half_a_pair_is_not() {
    let (target, authority) = (Target::ok(), Authority::new("a"));
    let (old, new) = (authority.signs("hooks.test"), authority.signs("hooks.test"));
    let mut router = start(&target, OWN, &[("tls.crt", &old.cert), ("tls.key", &old.key)]);
    let config = client(&authority, None, &[]);
    let mut open = connect(router.webhooks, &config, b"").unwrap();
    assert_eq!(shown(&router, &config), der(&old));
    router.write("tls.crt", &new.cert);
    router
        .wait_for(|line| line["message"].as_str().is_some_and(|message| message.starts_with("configuration rejected")));
    assert_eq!(shown(&router, &config), der(&old));
    router.write("tls.key", &new.key);
    router
        .wait_for(|line| line["message"].as_str().is_some_and(|message| message.starts_with("configuration applied")));
    assert_eq!(shown(&router, &config), der(&new));
    // What was open goes on.
    open.write_all(&Request::post("/a").json("{}").bytes()).unwrap();
    let mut bytes = Vec::new();
    open.read_to_end(&mut bytes).unwrap();
    assert_eq!(Response::parse(&bytes).unwrap().status, 200);
}

#[test]
fn clients_show_a_certificate_where_that_is_wanted() {
    let (target, authority, others) = (Target::ok(), Authority::new("a"), Authority::new("b"));
    let pair = authority.signs("hooks.test");
    let files = [("tls.crt", pair.cert.as_str()), ("tls.key", &pair.key), ("ca.crt", &others.pem())];
    let router = start(&target, "tls: {cert: tls.crt, key: tls.key, client_ca: ca.crt}", &files);
    let request = Request::post("/a").json("{}");
    let known = others.signs("sender.test");
    assert_eq!(send(&router, &client(&authority, Some(&known), &[]), &request).unwrap().status, 200);
    target.next();
    let unknown = authority.signs("sender.test");
    assert!(send(&router, &client(&authority, Some(&unknown), &[]), &request).is_err());
    assert!(send(&router, &client(&authority, None, &[]), &request).is_err());
    assert!(target.all().is_empty());
}

#[test]
fn a_proxy_header_comes_before_tls() {
    let (target, authority) = (Target::ok(), Authority::new("a"));
    let pair = authority.signs("hooks.test");
    let listen = format!("proxy_protocol: true, {OWN}");
    let router = start(&target, &listen, &[("tls.crt", &pair.cert), ("tls.key", &pair.key)]);
    let header = b"PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n";
    let stream = connect(router.webhooks, &client(&authority, None, &[]), header).unwrap();
    assert_eq!(exchange(stream, &Request::post("/a").json("{}")).unwrap().status, 200);
    assert!(target.next().header("x-forwarded-for").unwrap().contains("203.0.113.7"));
}

#[test]
fn a_handshake_that_does_not_come_holds_nothing() {
    let (target, authority) = (Target::ok(), Authority::new("a"));
    let pair = authority.signs("hooks.test");
    let settings =
        "limits: {header_timeout: 100ms}\nlisten: {address: '127.0.0.1:0', tls: {cert: tls.crt, key: tls.key}}\n";
    let route = format!("match: {{path: /a}}\nverify: none\ntarget: {{url: '{}'}}\n", target.url("/"));
    let router = Router::start(&[
        ("hookswitch.yaml", settings),
        ("routes.d/a.yaml", &route),
        ("tls.crt", &pair.cert),
        ("tls.key", &pair.key),
    ]);
    for begins in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"] {
        let mut silent = TcpStream::connect(router.webhooks).unwrap();
        silent.set_read_timeout(Some(PATIENCE)).unwrap();
        silent.write_all(begins).unwrap();
        let mut rest = Vec::new();
        // Closed, with or without an alert; a reset is an end as well.
        let _ = silent.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP"), "{begins:?}");
    }
}
