//! One HTTP exchange: the request out, the answer in up to its cap, the failure classified.

#[cfg(test)]
mod tests;

use super::client::Client;
use super::failure;
use super::outcome::Outcome;
use super::pool::{Place, Profile, Progress, Watched};
use bytes::{Bytes, BytesMut};
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

/// A request as it goes out.
#[derive(Clone)]
pub(super) struct Sent<'p> {
    pub(super) method: Method,
    pub(super) to: &'p Place,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// `None` where it is longer than `answer_max`; the rest was not read.
    pub(super) body: Option<Bytes>,
}

/// No whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) outcome: Outcome,
    /// Of an answer whose body broke off.
    pub(super) status: Option<u16>,
    /// The request was handed to a connection: the target may have acted upon it.
    pub(super) ambiguous: bool,
    /// It was still under way when its time was over.
    pub(super) out_of_time: bool,
}

/// Sends a request and reads the answer, all before `until`.
///
/// Reading is bounded by `answer_max` bytes and by `until`, so neither an endless answer nor a trickling one can hold more
/// than its share. When the returned future is dropped the connection is closed, and nothing stays behind.
pub(super) fn exchange(
    client: &Client,
    profile: &Profile,
    mut sent: Sent<'_>,
    until: Instant,
    answer_max: u64,
) -> impl Future<Output = Result<Answered, Broken>> + Send {
    let progress = Progress::default();
    // Where there is no body, nobody asks for it: then it counts as written once it is under way.
    let bodyless = sent.body.is_empty();
    let (request, seen) = (request(&mut sent, progress.clone()), progress.clone());
    let read = move |response: Response<Incoming>| {
        seen.answered(response.status().as_u16());
        read(response, answer_max)
    };
    // On the heap, so that what is around it carries no room for a request and an answer.
    let exchange = Box::pin(profile.pool(client).exchange(request, sent.to, read));
    async move {
        let (outcome, out_of_time) = match timeout_at(until, exchange).await {
            Ok(Ok(answered)) => return Ok(answered),
            Ok(Err(error)) => (failure::classify(&error, progress.is_written()), false),
            // Before a connection took the request: that is a connection that could not be opened in time.
            Err(_) if !bodyless && !progress.is_written() => (Outcome::Connect, true),
            Err(_) => (Outcome::Timeout, true),
        };
        let ambiguous = (bodyless || progress.is_written()) && matches!(outcome, Outcome::Reset | Outcome::Timeout);
        Err(Broken { outcome, status: progress.status(), ambiguous, out_of_time })
    }
}

/// Takes method, headers and body.
fn request(sent: &mut Sent<'_>, progress: Progress) -> Request<Watched> {
    let mut request = Request::new(Watched::new(std::mem::take(&mut sent.body), progress));
    std::mem::swap(request.method_mut(), &mut sent.method);
    std::mem::swap(request.headers_mut(), &mut sent.headers);
    // Some servers answer 406 to a request that does not say it takes anything.
    request.headers_mut().entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    request
}

async fn read(response: Response<Incoming>, answer_max: u64) -> Result<Answered, hyper::Error> {
    let (head, mut body) = response.into_parts();
    let too_long = body.size_hint().lower() > answer_max;
    let body = if too_long { None } else { collect(&mut body, answer_max).await? };
    Ok(Answered { status: head.status.as_u16(), headers: head.headers, body })
}

/// The body; `None` where it is longer than `most`. An answer in one piece, which most are, is not copied.
async fn collect(body: &mut Incoming, most: u64) -> Result<Option<Bytes>, hyper::Error> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let Some(first) = chunk(body).await? else { return Ok(Some(Bytes::new())) };
    if first.len() > most {
        return Ok(None);
    }
    let Some(second) = chunk(body).await? else { return Ok(Some(first)) };
    let mut whole = BytesMut::with_capacity(first.len() + second.len());
    whole.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if chunk.len() > most - whole.len() {
            return Ok(None);
        }
        whole.extend_from_slice(&chunk);
        next = self::chunk(body).await?;
    }
    Ok(Some(whole.freeze()))
}

/// The next bytes; trailers are passed over.
async fn chunk(body: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
