//! Where webhooks arrive.

use crate::harness::{PATIENCE, Request, Response, Router};
use std::io::{Read, Write};
use std::net::TcpStream;

const ROUTE: &str = "match: {path: /a}\nverify: none\ntargets: []\nrespond: {text: ok}\n";

/// Everything that comes back until the connection closes.
fn exchange(router: &Router, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(router.webhooks).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn a_balancer_says_by_the_proxy_protocol_who_the_client_is() {
    let process = "trusted_proxies: [127.0.0.0/8]\nlisten: {address: '127.0.0.1:0', proxy_protocol: true}\n";
    let mut router = Router::start(&[("hookswitch.yaml", process), ("routes.d/a.yaml", ROUTE)]);
    let request = Request::post("/a").json("{}").bytes();
    let line = b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\r\n";
    let answer = Response::parse(&exchange(&router, &[line, &request[..]].concat())).unwrap();
    assert_eq!(answer.status, 200);
    router.wait_for(|line| line["client_ip"] == "203.0.113.9");
    assert!(exchange(&router, &request).is_empty(), "without the header there is no conversation");
}

#[test]
fn a_stranger_cannot_say_who_it_is() {
    let process = "trusted_proxies: [192.0.2.0/24]\nlisten: {address: '127.0.0.1:0', proxy_protocol: true}\n";
    let router = Router::start(&[("hookswitch.yaml", process), ("routes.d/a.yaml", ROUTE)]);
    let line = b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n";
    assert!(exchange(&router, &[line, &Request::post("/a").json("{}").bytes()[..]].concat()).is_empty());
}

#[test]
fn forwarding_headers_are_believed_from_trusted_proxies_alone() {
    let believed = "trusted_proxies: [127.0.0.1]\n";
    for (process, expected) in [(believed, "203.0.113.9"), ("{}\n", "127.0.0.1")] {
        let mut router = Router::start(&[("hookswitch.yaml", process), ("routes.d/a.yaml", ROUTE)]);
        router.send(Request::post("/a").header("x-forwarded-for", "198.51.100.7, 203.0.113.9").json("{}"));
        let line = router.wait_for(|line| line["message"] == "event");
        assert_eq!(line["client_ip"], expected);
    }
}
