//! An outbound proxy that opens tunnels (`CONNECT`), all of them to one place.

use super::PATIENCE;
use super::target::{Seen, read};
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// Its threads die with the process.
pub struct Tunnel {
    pub address: SocketAddr,
    asked: Receiver<Seen>,
    through: Arc<Mutex<Vec<u8>>>,
}

impl Tunnel {
    /// Whatever host is asked for, the way leads to `place`.
    pub fn to(place: SocketAddr) -> Tunnel {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, asked) = channel();
        let through = Arc::new(Mutex::new(Vec::new()));
        let record = through.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, record) = (sender.clone(), record.clone());
                std::thread::spawn(move || open(stream, place, &sender, &record));
            }
        });
        Tunnel { address, asked, through }
    }

    /// The next request for a tunnel, waited for.
    pub fn next(&self) -> Seen {
        self.asked.recv_timeout(PATIENCE).expect("no tunnel was asked for")
    }

    /// All that was sent to the place so far.
    pub fn through(&self) -> Vec<u8> {
        self.through.lock().unwrap().clone()
    }
}

fn open(stream: TcpStream, place: SocketAddr, sender: &Sender<Seen>, record: &Mutex<Vec<u8>>) {
    let mut answers = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    let Some(seen) = read(&mut reader) else { return };
    let _ = sender.send(seen);
    let mut far = TcpStream::connect(place).unwrap();
    let mut back = far.try_clone().unwrap();
    answers.write_all(b"HTTP/1.1 200 Connection established\r\nvia: 1.1 tunnel\r\n\r\n").unwrap();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut answers);
        let _ = answers.shutdown(Shutdown::Write);
    });
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        record.lock().unwrap().extend_from_slice(&buffer[..length]);
        if far.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = far.shutdown(Shutdown::Write);
}
