//! Why an exchange broke, read from the types of errors and never from their texts.

use super::connect::{BoxError, Unresolved};
use super::outcome::Outcome;
use crate::egress::Denied;
use std::error::Error;
use std::io;

/// Why an exchange gave no whole answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("no connection")]
    NotOpened(#[source] BoxError),
    /// Before its head was there.
    #[error("no answer")]
    NoAnswer(#[source] hyper::Error),
    /// In the middle of its body.
    #[error("the answer broke off")]
    BrokenAnswer(#[source] hyper::Error),
}

/// An exchange that gave no whole answer. `written`: the request was handed to a connection.
pub(super) fn classify(error: &Failure, written: bool) -> Outcome {
    let (error, connecting): (&(dyn Error + 'static), bool) = match error {
        Failure::NotOpened(error) => (&**error, true),
        Failure::NoAnswer(error) | Failure::BrokenAnswer(error) => (error, false),
    };
    if any(error, |cause| cause.is::<Denied>()) {
        Outcome::Egress
    } else if any(error, |cause| cause.is::<Unresolved>()) {
        Outcome::Dns
    } else if connecting {
        if any(error, |cause| cause.is::<rustls::Error>()) { Outcome::Tls } else { Outcome::Connect }
    } else if any(error, is_timeout) {
        Outcome::Timeout
    } else if !written && any(error, |cause| cause.downcast_ref().is_some_and(hyper::Error::is_canceled)) {
        // Never sent: the pooled connection went away before the request was on it.
        Outcome::Connect
    } else {
        Outcome::Reset
    }
}

/// A connection that went silent: no acknowledgement of TCP, or of a ping of HTTP/2, in time.
fn is_timeout(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref().is_some_and(hyper::Error::is_timeout)
        || cause.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::TimedOut)
}

/// Looks at an error and everything that caused it, also at what an `io::Error` carries: its `source` leaves that out.
fn any(error: &(dyn Error + 'static), found: impl Fn(&(dyn Error + 'static)) -> bool) -> bool {
    let mut next = Some(error);
    // Chains are short; the bound is against one that runs in a circle.
    for _ in 0..32 {
        let Some(cause) = next else { return false };
        if found(cause) {
            return true;
        }
        let carried = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match carried {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_inside_an_io_error_is_found() {
        let tls = rustls::Error::HandshakeNotComplete;
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, tls);
        let twice = io::Error::other(wrapped);
        assert!(any(&twice, |cause| cause.is::<rustls::Error>()));
        assert!(!any(&twice, |cause| cause.is::<std::fmt::Error>()));
    }
}
