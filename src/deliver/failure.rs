//! Why an exchange broke, read from the types of errors and never from their texts.

use super::outcome::Outcome;
use std::error::Error;

/// An exchange that gave no whole answer. `written`: the request was handed to a connection.
pub(super) fn classify(error: &reqwest::Error, written: bool) -> Outcome {
    if error.is_dns() {
        Outcome::Dns
    } else if error.is_connect() {
        if any(error, |cause| cause.is::<rustls::Error>()) { Outcome::Tls } else { Outcome::Connect }
    } else if error.is_builder() {
        Outcome::Expression
    } else if error.is_timeout() {
        Outcome::Timeout
    } else if !written && any(error, |cause| cause.downcast_ref().is_some_and(hyper::Error::is_canceled)) {
        // Never sent: the pooled connection went away before the request was on it.
        Outcome::Connect
    } else {
        Outcome::Reset
    }
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
        let carried = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
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
    use std::io;

    #[test]
    fn an_error_inside_an_io_error_is_found() {
        let tls = rustls::Error::HandshakeNotComplete;
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, tls);
        let twice = io::Error::other(wrapped);
        assert!(any(&twice, |cause| cause.is::<rustls::Error>()));
        assert!(!any(&twice, |cause| cause.is::<std::fmt::Error>()));
    }
}
