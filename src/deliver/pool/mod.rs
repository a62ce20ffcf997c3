//! Connections that are kept for the next request, by scheme, host and port.
//!
//! Opening one is the matter of [`connect`](super::connect), the protocol is hyper's. What is here is who may use which
//! connection when: an idle one is taken first; where there is none a new one is opened, unless another request is done
//! with its own before that. A request of which a kept connection has not sent a byte, because it had just been closed, goes out
//! on another one; nothing is ever sent twice.
//!
//! A pool of hyper-util does the same with more look-ups, copies and tasks for each request, which took a tenth of the
//! instructions of one that passes through.

mod host;
mod line;
mod opener;
mod place;
mod profile;
#[cfg(test)]
mod tests;
mod watched;

pub(super) use place::Place;
pub use profile::{Profile, Profiles};
pub(super) use watched::{Progress, Watched};

use super::connect::Connector;
use super::failure::Failure;
use host::{Carrier, Host};
use http::uri::{Authority, Scheme};
use http::{Request, Response, header};
use hyper::body::Incoming;
use line::Line;
use opener::Opener;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often idle connections are looked at.
const SWEEP: Duration = Duration::from_secs(5);

/// Idle ones are closed at the sixth look, after 25 to 30 seconds: sooner than most servers and balancers close theirs (60 s and
/// more), so that it is we who do it and few requests meet a connection that is closing.
const RESTS_MAX: u32 = 6;

/// For what is left of a request whose answer has come already.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// Connections of one way of making them.
pub(super) struct Pool {
    opener: Arc<Opener>,
    hosts: Arc<Hosts>,
}

#[derive(Default)]
struct Hosts {
    known: Mutex<HashMap<(Scheme, Authority), Arc<Host>>>,
    is_swept: AtomicBool,
}

impl Pool {
    pub(super) fn new(connector: Connector) -> Pool {
        Pool { opener: Arc::new(Opener::new(connector)), hosts: Arc::default() }
    }

    /// Sends a request, and has its answer read by `read`. Where the returned future is dropped, so is the connection.
    ///
    /// # Errors
    /// See [`Failure`].
    #[expect(clippy::manual_async_fn, reason = "an `async fn` holds twice what it takes by value")]
    pub(super) fn exchange<T, R>(
        &self,
        mut request: Request<Watched>,
        place: &Place,
        read: impl FnOnce(Response<Incoming>) -> R,
    ) -> impl Future<Output = Result<T, Failure>>
    where
        R: Future<Output = Result<T, hyper::Error>>,
    {
        async move {
            let host = self.host(place)?;
            if let Some(value) = self.opener.connector.proxy_authorization(&place.uri) {
                request.headers_mut().insert(header::PROXY_AUTHORIZATION, value.clone());
            }
            let names_host = request.headers().contains_key(header::HOST);
            loop {
                let (carrier, is_reused) = host.carrier().await.map_err(Failure::NotOpened)?;
                let mut unsent = match carrier {
                    Carrier::Line(mut line) => match line.send(request, place, &host.header).await {
                        Ok(answer) => {
                            let whole = read(answer).await.map_err(Failure::BrokenAnswer)?;
                            self.done_with(line, host);
                            return Ok(whole);
                        }
                        Err(unsent) => unsent,
                    },
                    Carrier::Shared(mut sender) => {
                        request.uri_mut().clone_from(&place.uri);
                        if !names_host {
                            request.headers_mut().remove(header::HOST);
                        }
                        match sender.try_send_request(request).await {
                            Ok(answer) => {
                                self.hosts.begin_sweeping();
                                return read(answer).await.map_err(Failure::BrokenAnswer);
                            }
                            Err(unsent) => {
                                host.unshare();
                                unsent
                            }
                        }
                    }
                };
                request = match unsent.take_message() {
                    // What a new connection does not take, the next one would not either.
                    Some(request) if is_reused => request,
                    _ => return Err(Failure::NoAnswer(unsent.into_error())),
                };
            }
        }
    }

    fn done_with(&self, mut line: Box<Line>, host: Arc<Host>) {
        self.hosts.begin_sweeping();
        if line.is_ready() {
            host.rest(Carrier::Line(line));
        } else if !line.is_closed() {
            // The answer came before all of the request was sent, or its end is yet to be understood.
            tokio::spawn(async move {
                if let Ok(true) = tokio::time::timeout(LAST_BYTES, line.becomes_ready()).await {
                    host.rest(Carrier::Line(line));
                }
            });
        }
    }

    fn host(&self, place: &Place) -> Result<Arc<Host>, Failure> {
        // Of another pool it was opened by other rules.
        let is_ours = |host: &&Arc<Host>| Arc::ptr_eq(&host.opener, &self.opener);
        if let Some(host) = place.host.get().filter(is_ours) {
            return Ok(host.clone());
        }
        let (Some(scheme), Some(authority)) = (place.uri.scheme(), place.uri.authority()) else {
            return Err(Failure::NotOpened("a URL without a host".into()));
        };
        let host = match self.hosts.known().entry((scheme.clone(), authority.clone())) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(free) => {
                let host = Host::new(&self.opener, scheme, authority).map_err(Failure::NotOpened)?;
                free.insert(Arc::new(host)).clone()
            }
        };
        // Where another pool was first, it is looked up each time.
        let _ = place.host.set(host.clone());
        Ok(host)
    }
}

impl Hosts {
    /// Looks after idle connections from now on, as long as there are any.
    fn begin_sweeping(self: &Arc<Hosts>) {
        if self.is_swept.load(Ordering::SeqCst) || self.is_swept.swap(true, Ordering::SeqCst) {
            return;
        }
        let hosts = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(hosts) = hosts.upgrade() else { return };
                if hosts.sweep() {
                    continue;
                }
                hosts.is_swept.store(false, Ordering::SeqCst);
                // Something may have come to rest in between, and found the sweep under way.
                if !hosts.sweep() || hosts.is_swept.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    /// Says whether anything is left.
    fn sweep(&self) -> bool {
        let mut is_left = false;
        self.known().retain(|_, host| {
            let has_open = host.sweep(RESTS_MAX);
            is_left |= has_open;
            has_open || Arc::strong_count(host) > 1
        });
        is_left
    }

    /// A map of hosts is whole whenever the lock is free.
    fn known(&self) -> MutexGuard<'_, HashMap<(Scheme, Authority), Arc<Host>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
