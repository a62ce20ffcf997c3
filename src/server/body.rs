//! Reading a request's body: bounded in size, in time and in what the process holds, while it is read.
//!
//! hyper answers `Expect: 100-continue` when the body is first polled, which is here: a body that is refused by its
//! announced length is never sent.

use super::admission::Permit;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::TRANSFER_ENCODING;
use http_body::Body;
use http_body_util::BodyExt;
use std::pin::Pin;
use std::time::Duration;

/// Bounds of one body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes.
    pub max_size: usize,
    /// From the end of the headers to the end of the body.
    pub timeout: Duration,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Longer than `max_size`, announced or really.
    #[error("the body is longer than {max_size} bytes")]
    TooLarge { max_size: usize },
    #[error("the body did not arrive in time")]
    Timeout,
    /// The client went away or broke HTTP's rules in the middle: there is nobody to answer.
    #[error("the body broke off")]
    Aborted,
    /// The process holds as many bytes as it may.
    #[error("too many bytes in flight")]
    Overload,
}

/// HTTP itself has taken `chunked` off what is read here; any other transfer coding (RFC 9112, section 7) would be left on.
pub fn is_plain(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    codings.all(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

/// First allocation for a body of several frames: what was announced, but no more than this on trust.
const TRUSTED_LENGTH: usize = 64 * 1024;

/// Reads `body` whole. Its bytes are accounted for in `permit` as they arrive: an announced length takes nothing from
/// others, or strangers could fill the process with announcements; it is only refused early where it cannot fit.
///
/// # Errors
/// See [`BodyError`]. Nothing more is read after one.
pub async fn read<B>(body: B, bounds: Bounds, permit: &mut Permit) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
{
    let mut body = std::pin::pin!(body);
    let announced = body.size_hint().upper().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced > bounds.max_size {
        return Err(BodyError::TooLarge { max_size: bounds.max_size });
    }
    if !permit.has_room(announced) {
        return Err(BodyError::Overload);
    }
    let collect = collect(body.as_mut(), bounds.max_size, announced, permit);
    tokio::time::timeout(bounds.timeout, collect).await.unwrap_or(Err(BodyError::Timeout))
}

/// Most webhooks arrive as one frame, which is then the body as it is; only further frames cost a copy.
async fn collect<B>(
    mut body: Pin<&mut B>,
    max_size: usize,
    announced: usize,
    permit: &mut Permit,
) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
{
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Trailers carry nothing that a webhook is made of.
        let Ok(data) = frame.map_err(|_| BodyError::Aborted)?.into_data() else { continue };
        let length = first.len().max(rest.len()) + data.len();
        if length > max_size {
            return Err(BodyError::TooLarge { max_size });
        }
        if !permit.grow(data.len()) {
            return Err(BodyError::Overload);
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.reserve(announced.min(TRUSTED_LENGTH).max(length));
            rest.extend_from_slice(&std::mem::take(&mut first));
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

#[cfg(test)]
mod tests;
