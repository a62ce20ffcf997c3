//! A target that answers when the test says so.

use super::{Answer, PATIENCE, Target};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// A target that says when a request has arrived, and answers it when it is let go.
pub struct Held {
    pub target: Target,
    arrived: Receiver<()>,
    go: Option<Sender<()>>,
}

impl Held {
    pub fn new() -> Held {
        let (go, wait) = channel::<()>();
        let (arrive, arrived) = channel();
        let (wait, arrive) = (Mutex::new(wait), Mutex::new(arrive));
        let target = Target::new(move |_, _| {
            arrive.lock().unwrap().send(()).unwrap();
            let _ = wait.lock().unwrap().recv();
            Answer::status(200)
        });
        Held { target, arrived, go: Some(go) }
    }

    pub fn route(&self, more: &str) -> String {
        format!("match: {{path: /a}}\nverify: none\ntarget: {{name: t, url: '{}'{more}}}\n", self.target.url("/"))
    }

    pub fn arrived(&self) {
        self.arrived.recv_timeout(PATIENCE).unwrap();
    }

    pub fn let_go(&mut self) {
        self.go = None;
    }
}
