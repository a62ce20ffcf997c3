//! The connections to one scheme, host and port.

use super::line::Line;
use super::opener::Opener;
use super::watched::Watched;
use crate::deliver::connect::BoxError;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use hyper::client::conn::http2::SendRequest;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Idle connections to one host: enough for bursts, few enough to leave descriptors for the rest.
const RESTING_MAX: usize = 256;

pub(super) struct Host {
    pub(super) opener: Arc<Opener>,
    /// Of all its URLs.
    origin: Uri,
    /// What requests call it: with its port, where that is not the scheme's.
    pub(super) header: HeaderValue,
    open: Mutex<Open>,
}

/// What carries requests.
pub(super) enum Carrier {
    /// One at a time.
    Line(Box<Line>),
    /// HTTP/2: any number.
    Shared(SendRequest<Watched>),
}

#[derive(Default)]
struct Open {
    /// The last has rested least.
    #[expect(clippy::vec_box, reason = "each goes from here to a request and back, and is large")]
    resting: Vec<Box<Line>>,
    shared: Option<Shared>,
    /// Requests that open a connection of their own, and take the first that another one is done with.
    waiting: VecDeque<oneshot::Sender<Carrier>>,
}

struct Shared {
    sender: SendRequest<Watched>,
    /// How often the sweep has found it unused.
    rested: u32,
}

impl Host {
    pub(super) fn new(opener: &Arc<Opener>, scheme: &Scheme, authority: &Authority) -> Result<Host, BoxError> {
        let default = if *scheme == Scheme::HTTPS { 443 } else { 80 };
        let header = match authority.port_u16().filter(|port| *port != default) {
            Some(port) => HeaderValue::try_from(format!("{}:{port}", authority.host())),
            None => HeaderValue::from_str(authority.host()),
        };
        let origin = Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query("/").build();
        Ok(Host { opener: opener.clone(), origin: origin?, header: header?, open: Mutex::default() })
    }

    /// One that rests, else a new one, or one that comes free meanwhile; and whether it has carried requests before.
    pub(super) async fn carrier(self: &Arc<Host>) -> Result<(Carrier, bool), BoxError> {
        match self.take() {
            Ok(carrier) => Ok((carrier, true)),
            // On the heap: most requests find a connection, and carry no room for opening one.
            Err(freed) => Box::pin(self.open_or_wait(freed)).await,
        }
    }

    pub(super) fn take(&self) -> Result<Carrier, oneshot::Receiver<Carrier>> {
        let mut open = self.open();
        if let Some(shared) = open.shared.as_mut().filter(|shared| !shared.sender.is_closed()) {
            shared.rested = 0;
            return Ok(Carrier::Shared(shared.sender.clone()));
        }
        while let Some(line) = open.resting.pop() {
            if !line.is_closed() {
                return Ok(Carrier::Line(line));
            }
        }
        let (free, freed) = oneshot::channel();
        open.waiting.push_back(free);
        Err(freed)
    }

    async fn open_or_wait(self: &Arc<Host>, freed: oneshot::Receiver<Carrier>) -> Result<(Carrier, bool), BoxError> {
        let (host, opener) = (self.clone(), self.opener.clone());
        let mut opening = Box::pin(async move { opener.open(host.origin.clone()).await });
        let mut wait = Wait { host: self, freed };
        let opened = tokio::select! {
            biased;
            Ok(carrier) = &mut wait.freed => {
                // The next request may be glad of what is half open already.
                let host = self.clone();
                tokio::spawn(async move {
                    if let Ok(carrier) = opening.await {
                        host.rest(carrier);
                    }
                });
                return Ok((carrier, true));
            }
            opened = &mut opening => opened,
        };
        let carrier = opened?;
        if let Carrier::Shared(sender) = &carrier {
            self.rest(Carrier::Shared(sender.clone()));
        }
        Ok((carrier, false))
    }

    /// The shared connection takes no more requests, and may not have noticed yet.
    pub(super) fn unshare(&self) {
        self.open().shared = None;
    }

    /// Takes what can carry another request: for whoever waits, or for later.
    pub(super) fn rest(&self, carrier: Carrier) {
        let mut open = self.open();
        let mut line = match carrier {
            Carrier::Shared(sender) => return open.share(sender),
            Carrier::Line(line) => line,
        };
        line.rested = 0;
        while let Some(waiting) = open.waiting.pop_front() {
            match waiting.send(Carrier::Line(line)) {
                Ok(()) | Err(Carrier::Shared(_)) => return,
                Err(Carrier::Line(back)) => line = back,
            }
        }
        if open.resting.len() < RESTING_MAX {
            open.resting.push(line);
        }
    }

    /// Closes what has ended, or has been found unused for `rests_max` sweeps. Says whether anything is left.
    pub(super) fn sweep(&self, rests_max: u32) -> bool {
        let mut open = self.open();
        open.resting.retain_mut(|line| {
            line.rested += 1;
            line.rested < rests_max && !line.is_closed()
        });
        if let Some(shared) = &mut open.shared {
            shared.rested += 1;
            if shared.rested >= rests_max || shared.sender.is_closed() {
                // What still runs on it goes on.
                open.shared = None;
            }
        }
        open.waiting.retain(|waiting| !waiting.is_closed());
        open.shared.is_some() || !open.resting.is_empty() || !open.waiting.is_empty()
    }

    #[cfg(test)]
    pub(super) fn is_shared(&self) -> bool {
        self.open().shared.as_ref().is_some_and(|shared| !shared.sender.is_closed())
    }

    #[cfg(test)]
    pub(super) fn is_waited_for(&self) -> bool {
        !self.open().waiting.is_empty()
    }

    #[cfg(test)]
    pub(super) fn any_resting(&self, is: impl Fn(&Line) -> bool) -> bool {
        self.open().resting.iter().any(|line| is(line))
    }

    /// Lists of connections are whole whenever the lock is free.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits for a connection. What comes when it waits no more is for the next one.
struct Wait<'h> {
    host: &'h Host,
    freed: oneshot::Receiver<Carrier>,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.freed.close();
        if let Ok(carrier) = self.freed.try_recv() {
            self.host.rest(carrier);
        }
    }
}

impl Open {
    fn share(&mut self, sender: SendRequest<Watched>) {
        for waiting in self.waiting.drain(..) {
            // Whoever has gone away needs none.
            let _ = waiting.send(Carrier::Shared(sender.clone()));
        }
        // One is enough: another one that was opened at the same time ends with its last request.
        if self.shared.as_ref().is_none_or(|shared| shared.sender.is_closed()) {
            self.shared = Some(Shared { sender, rested: 0 });
        }
    }
}
