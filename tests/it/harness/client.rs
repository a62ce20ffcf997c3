//! One HTTP/1.1 exchange over a connection of its own: what a test writes is what goes over the wire.

use super::PATIENCE;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Request {
        Request { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn post(target: &str) -> Request {
        Request::new("POST", target)
    }

    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn json(self, body: &str) -> Request {
        self.header("content-type", "application/json").body(body.as_bytes())
    }

    pub fn form(self, body: &str) -> Request {
        self.header("content-type", "application/x-www-form-urlencoded").body(body.as_bytes())
    }

    pub fn body(mut self, body: &[u8]) -> Request {
        self.body = body.to_vec();
        self
    }

    /// The request as bytes, asking for the connection to be closed after the answer.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let has = |wanted: &str| self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        if !has("host") {
            out.extend_from_slice(b"host: hooks.test\r\n");
        }
        for (name, value) in &self.headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if !has("transfer-encoding") && !has("content-length") && (!self.body.is_empty() || self.method != "GET") {
            out.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        out.extend_from_slice(b"connection: close\r\n\r\n");
        out.extend_from_slice(&self.body);
        out
    }

    pub fn send(&self, to: SocketAddr) -> Response {
        self.try_send(to).unwrap()
    }

    pub fn try_send(&self, to: SocketAddr) -> std::io::Result<Response> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // A router that refuses a body early may close before all of it is written; its answer is what counts.
        let written = stream.write_all(&self.bytes());
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            Err(error) if bytes.is_empty() => return Err(written.err().unwrap_or(error)),
            _ => {}
        }
        Response::parse(&bytes)
            .ok_or_else(|| std::io::Error::other(format!("not an answer: {:?}", String::from_utf8_lossy(&bytes))))
    }
}

impl Response {
    pub fn parse(bytes: &[u8]) -> Option<Response> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        Some(Response { status, headers: headers.collect(), body: bytes[end + 4..].to_vec() })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}
