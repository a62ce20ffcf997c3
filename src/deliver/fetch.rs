//! Small documents of known senders, fetched with the outgoing client: keys and certificates. Not deliveries.

use super::attempt::Watched;
use super::{Client, Profile};
use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper_util::client::legacy;

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("not a URL that can be asked for")]
    Url(#[from] http::uri::InvalidUri),
    #[error("the request failed")]
    Request(#[from] legacy::Error),
    #[error("the answer broke off")]
    Answer(#[from] hyper::Error),
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
        let mut request = Request::new(Watched::default());
        *request.uri_mut() = url.parse::<Uri>()?;
        let mut answer = profile.request(self, request).await?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let mut document = BytesMut::new();
        while let Some(frame) = answer.frame().await {
            let Ok(chunk) = frame?.into_data() else { continue };
            if document.len() + chunk.len() > max_size {
                return Err(FetchError::TooLong);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document.freeze())
    }
}
