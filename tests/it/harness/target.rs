//! A receiver on a free port that records every request and answers as it is told.

use super::PATIENCE;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn status(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: b"{}".to_vec() }.header("content-type", "application/json")
    }

    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn body(mut self, body: &str) -> Answer {
        self.body = body.into();
        self
    }
}

type Behaviour = dyn Fn(usize, &Seen) -> Answer + Send + Sync;

/// Ends with the test: its threads die with the process, its port with the listener.
pub struct Target {
    pub address: SocketAddr,
    seen: Receiver<Seen>,
    connections: Arc<Mutex<usize>>,
}

impl Target {
    pub fn ok() -> Target {
        Target::new(|_, _| Answer::status(200))
    }

    /// `behaviour` gets how many requests came before this one.
    pub fn new(behaviour: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, seen) = channel();
        let connections = Arc::new(Mutex::new(0));
        let (counter, behaviour): (_, Arc<Behaviour>) = (connections.clone(), Arc::new(behaviour));
        let count = Arc::new(Mutex::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                *counter.lock().unwrap() += 1;
                let (sender, behaviour, count) = (sender.clone(), behaviour.clone(), count.clone());
                std::thread::spawn(move || serve(stream, &sender, &*behaviour, &count));
            }
        });
        Target { address, seen, connections }
    }

    /// The next request, waited for.
    pub fn next(&self) -> Seen {
        self.seen.recv_timeout(PATIENCE).expect("the target got no request")
    }

    /// All requests that have arrived and were not taken yet.
    pub fn all(&self) -> Vec<Seen> {
        self.seen.try_iter().collect()
    }

    /// Connections opened so far.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn serve(stream: TcpStream, sender: &Sender<Seen>, behaviour: &Behaviour, count: &Mutex<usize>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(seen) = read(&mut reader) {
        let number = {
            let mut count = count.lock().unwrap();
            *count += 1;
            *count - 1
        };
        let answer = behaviour(number, &seen);
        let _ = sender.send(seen);
        let mut out = format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
        for (name, value) in &answer.headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        out.push_str("\r\n");
        if writer.write_all(out.as_bytes()).and_then(|()| writer.write_all(&answer.body)).is_err() {
            return;
        }
    }
}

pub(super) fn read(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { method, target, headers, body })
}
