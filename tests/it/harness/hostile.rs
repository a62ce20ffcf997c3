//! A receiver that misbehaves on the wire as it is told.

use super::target::{Seen, read};
use std::io::{BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

/// What becomes of the connection when a request has been dealt with.
pub enum Then {
    /// The next request may come on it.
    Keep,
    /// It is closed, whether or not the other end has heard everything.
    Close,
}

type Act = dyn Fn(usize, &mut Wire) -> Then + Send + Sync;

/// Its threads die with the process.
pub struct Hostile {
    pub address: SocketAddr,
    seen: Mutex<Receiver<Seen>>,
    connections: Arc<AtomicUsize>,
}

/// The connection that a request came on.
pub struct Wire(TcpStream);

impl Hostile {
    /// `act` gets how many requests came before this one, on whichever connection.
    pub fn new(act: impl Fn(usize, &mut Wire) -> Then + Send + Sync + 'static) -> Hostile {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, seen) = channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let (act, counter): (Arc<Act>, _) = (Arc::new(act), connections.clone());
        let requests = Arc::new(AtomicUsize::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::SeqCst);
                let (act, sender, requests) = (act.clone(), sender.clone(), requests.clone());
                std::thread::spawn(move || {
                    let mut wire = Wire(stream.try_clone().unwrap());
                    let mut reader = BufReader::new(stream);
                    while let Some(seen) = read(&mut reader) {
                        let _ = sender.send(seen);
                        if let Then::Close = act(requests.fetch_add(1, Ordering::SeqCst), &mut wire) {
                            break;
                        }
                    }
                    let _ = wire.0.shutdown(Shutdown::Both);
                });
            }
        });
        Hostile { address, seen: Mutex::new(seen), connections }
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Requests that have arrived and were not taken yet.
    pub fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().try_iter().collect()
    }

    /// Connections opened so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Wire {
    /// `false`: the other end has gone.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Until the other end has gone.
    pub fn wait_for_the_end(&mut self) {
        let _ = std::io::copy(&mut self.0, &mut std::io::sink());
    }

    pub fn ok(&mut self) -> Then {
        self.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        Then::Keep
    }
}

/// An address that nobody listens at: whoever connects is refused. It stays taken, so that no other test is given it.
pub fn nobody() -> SocketAddr {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}
