//! Small documents of known senders, fetched with the outgoing client: keys and certificates. Not deliveries.

use super::failure::Failure;
use super::pool::{Place, Watched};
use super::{Client, Profile};
use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::error::Error;

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("not a URL that can be asked for")]
    Url(#[from] http::uri::InvalidUri),
    #[error("the request failed")]
    Request(#[source] Box<dyn Error + Send + Sync>),
    /// Redirects are among them: none is followed.
    #[error("it was answered with {0}")]
    Status(u16),
    #[error("the answer is too long")]
    TooLong,
}

impl Client {
    /// What `url` answers with 200, of at most `max_size` bytes. The caller bounds the time; `profile` says how, and whether
    /// anything is asked there at all.
    ///
    /// # Errors
    /// Whatever else it answers, or nothing.
    pub async fn fetch(&self, profile: &Profile, url: &str, max_size: usize) -> Result<Bytes, FetchError> {
        let place = Place::new(url.parse::<Uri>()?);
        let request = Request::new(Watched::default());
        let read = |answer| async move { Ok(document(answer, max_size).await) };
        profile
            .pool(self)
            .exchange(request, &place, read)
            .await
            .map_err(|failure| FetchError::Request(failure.into()))?
    }
}

async fn document(mut answer: Response<Incoming>, max_size: usize) -> Result<Bytes, FetchError> {
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status().as_u16()));
    }
    let mut document = BytesMut::new();
    while let Some(frame) = answer.frame().await {
        let frame = frame.map_err(|error| FetchError::Request(Failure::BrokenAnswer(error).into()))?;
        let Ok(chunk) = frame.into_data() else { continue };
        if document.len() + chunk.len() > max_size {
            return Err(FetchError::TooLong);
        }
        document.extend_from_slice(&chunk);
    }
    Ok(document.freeze())
}
