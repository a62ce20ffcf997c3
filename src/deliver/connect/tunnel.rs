//! A tunnel through an HTTP proxy: `CONNECT` (RFC 9110, section 9.3.6).

use http::HeaderValue;
use http::header::{HOST, PROXY_AUTHORIZATION};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The head of the proxy's answer; with a body it is no tunnel.
const ANSWER_MAX: usize = 8 * 1024;

#[derive(Debug, thiserror::Error)]
pub(super) enum TunnelError {
    #[error("the proxy answered {0}")]
    Refused(u16),
    #[error("what the proxy answered is no HTTP, or too long")]
    Malformed,
    #[error("the connection to the proxy broke")]
    Broken(#[from] std::io::Error),
}

/// Asks the proxy on `stream` for a way to `authority` (`host:port`). The caller bounds the time.
pub(super) async fn open(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    authority: &str,
    authorization: Option<&HeaderValue>,
) -> Result<(), TunnelError> {
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\n{HOST}: {authority}\r\n").into_bytes();
    if let Some(value) = authorization {
        request.extend_from_slice(format!("{PROXY_AUTHORIZATION}: ").as_bytes());
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    let mut answer = Vec::with_capacity(256);
    let status = loop {
        if answer.len() >= ANSWER_MAX {
            return Err(TunnelError::Malformed);
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(TunnelError::Malformed);
        }
        if let Some(status) = status(&answer)? {
            break status;
        }
    };
    if (200..300).contains(&status) { Ok(()) } else { Err(TunnelError::Refused(status)) }
}

/// Of a whole head. Nothing may stand behind that of a tunnel: the target speaks only when it was spoken to.
fn status(answer: &[u8]) -> Result<Option<u16>, TunnelError> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = answer.get(..end).and_then(|head| std::str::from_utf8(head).ok()).ok_or(TunnelError::Malformed)?;
    let line = head.split("\r\n").next().unwrap_or_default();
    let code = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(1..)?.strip_prefix(' ')?.get(..3));
    let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    let status: u16 = code.and_then(|code| code.parse().ok()).ok_or(TunnelError::Malformed)?;
    if (200..300).contains(&status) && answer.len() > end + 4 { Err(TunnelError::Malformed) } else { Ok(Some(status)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn asked(answer: &'static [u8]) -> (String, Result<(), TunnelError>) {
        let (mut ours, mut theirs) = tokio::io::duplex(1024);
        let value = HeaderValue::from_static("Basic YTpi");
        let proxy = async move {
            let mut request = vec![0; 1024];
            let read = theirs.read(&mut request).await.unwrap();
            theirs.write_all(answer).await.unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        };
        let (request, opened) = tokio::join!(proxy, open(&mut ours, "api.example.com:443", Some(&value)));
        (request, opened)
    }

    #[tokio::test]
    async fn a_tunnel_is_asked_for_and_given() {
        let (request, opened) = asked(b"HTTP/1.1 200 Connection established\r\nvia: p\r\n\r\n").await;
        let expected = "CONNECT api.example.com:443 HTTP/1.1\r\nhost: api.example.com:443\r\n\
                        proxy-authorization: Basic YTpi\r\n\r\n";
        assert_eq!(request, expected);
        assert!(opened.is_ok());
    }

    #[tokio::test]
    async fn a_proxy_may_refuse_or_talk_nonsense() {
        let (_, refused) = asked(b"HTTP/1.1 407 Who are you\r\ncontent-length: 2\r\n\r\nno").await;
        assert!(matches!(refused, Err(TunnelError::Refused(407))));
        for answer in [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.1 200 ok\r\n\r\nearly", b"HTTP/2 200 ok\r\n\r\n", b""] {
            let (_, opened) = asked(answer).await;
            assert!(matches!(opened, Err(TunnelError::Malformed)), "{}", String::from_utf8_lossy(answer));
        }
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut() {
        let (mut ours, mut theirs) = tokio::io::duplex(1024);
        let proxy = async move { while theirs.write_all(&[b'a'; 512]).await.is_ok() {} };
        let opening = async move { open(&mut ours, "h:1", None).await };
        let ((), opened) = tokio::join!(proxy, opening);
        assert!(matches!(opened, Err(TunnelError::Malformed)));
    }

    proptest! {
        #[test]
        fn reading_an_answer_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = status(&bytes);
            let _ = status(&[b"HTTP/1.1 2", &bytes[..], b"\r\n\r\n"].concat());
        }
    }
}
