//! How connections are opened and what is spoken on them: HTTP/2 where the other end has chosen it, else HTTP/1.1.

use super::host::Carrier;
use super::line::Line;
use crate::deliver::connect::{BoxError, Connector};
use http::Uri;
use hyper::client::conn::{http1, http2};
use hyper_util::client::legacy::connect::Connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;

/// Finds HTTP/2 connections whose other end is gone without a word, while requests wait on them.
const HTTP2_PING: Duration = Duration::from_secs(15);
const HTTP2_HEADERS_MAX: u32 = 64 * 1024;

pub(super) struct Opener {
    pub(super) connector: Connector,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Opener {
    pub(super) fn new(connector: Connector) -> Opener {
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(HTTP2_PING)
            .keep_alive_timeout(HTTP2_PING)
            .max_header_list_size(HTTP2_HEADERS_MAX);
        Opener { connector, http1: http1::Builder::new(), http2 }
    }

    pub(super) async fn open(&self, origin: Uri) -> Result<Carrier, BoxError> {
        let opened = self.connector.open(origin).await?;
        if !opened.connected().is_negotiated_h2() {
            return Ok(Carrier::Line(Box::new(Line::new(opened, &self.http1).await?)));
        }
        let (mut sender, connection) = self.http2.handshake(opened).await?;
        // How it ends, the requests on it are told.
        tokio::spawn(async move { drop(connection.await) });
        sender.ready().await?;
        Ok(Carrier::Shared(sender))
    }
}
