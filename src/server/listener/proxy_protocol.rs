//! The PROXY protocol, versions 1 and 2 (HAProxy, `proxy-protocol.txt`): who a balancer in front of us speaks for.
//!
//! It is read only on listeners that say so, and believed only from `trusted_proxies`: anybody can write such a header.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The first bytes of version 2; nothing else can begin so.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Longest line of version 1, with its end (section 2.1).
const LINE_MAX: usize = 107;
/// Addresses and extensions of version 2, in bytes. The format allows 65,535; balancers use a few dozen.
const PAYLOAD_MAX: usize = 4096;

/// Why a connection does not begin with a usable header.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    #[error("the connection does not begin with a PROXY header")]
    Missing,
    #[error("the PROXY header is malformed")]
    Malformed,
    #[error("the connection broke off: {0}")]
    Broken(#[from] io::Error),
}

/// Reads exactly the header. `None`: the balancer speaks for itself (health checks), or does not know for whom.
///
/// # Errors
/// See [`ProxyError`]. The connection is of no use after one.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, ProxyError> {
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await?;
        let [version_and_command, family, high, low] = head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > PAYLOAD_MAX {
            return Err(ProxyError::Malformed);
        }
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await?;
        return binary(version_and_command, family, &payload).ok_or(ProxyError::Malformed);
    }
    if !start.starts_with(b"PROXY ") {
        return Err(ProxyError::Missing);
    }
    // What follows the line is the request: it is read up to its end and not a byte further.
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == LINE_MAX {
            return Err(ProxyError::Malformed);
        }
        line.push(stream.read_u8().await?);
    }
    std::str::from_utf8(&line).ok().and_then(text).ok_or(ProxyError::Malformed)
}

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`. The outer `None` is malformed.
#[expect(clippy::option_option, reason = "malformed, unknown and known are three things")]
fn text(line: &str) -> Option<Option<SocketAddr>> {
    let mut words = line.strip_suffix("\r\n")?.split(' ');
    if words.next() != Some("PROXY") {
        return None;
    }
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let (source, destination): (IpAddr, IpAddr) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (port, _to): (u16, u16) = (port(words.next()?)?, port(words.next()?)?);
    let fits = match family {
        "TCP4" => source.is_ipv4() && destination.is_ipv4(),
        "TCP6" => source.is_ipv6() && destination.is_ipv6(),
        _ => false,
    };
    (fits && words.next().is_none()).then_some(Some(SocketAddr::new(source, port)))
}

/// Digits without a sign or leading zeros.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// Version 2. The outer `None` is malformed.
#[expect(clippy::option_option, reason = "malformed, unknown and known are three things")]
fn binary(version_and_command: u8, family: u8, payload: &[u8]) -> Option<Option<SocketAddr>> {
    match version_and_command {
        0x20 => return Some(None),
        0x21 => {}
        _ => return None,
    }
    // Stream sockets alone: datagrams and paths (AF_UNIX) cannot reach an HTTP listener.
    match family {
        0x00 => Some(None),
        0x11 => {
            let (addresses, ports) = payload.split_at_checked(8)?;
            let source: [u8; 4] = addresses.get(..4)?.try_into().ok()?;
            Some(Some(SocketAddr::new(Ipv4Addr::from(source).into(), first_port(ports)?)))
        }
        0x21 => {
            let (addresses, ports) = payload.split_at_checked(32)?;
            let source: [u8; 16] = addresses.get(..16)?.try_into().ok()?;
            Some(Some(SocketAddr::new(Ipv6Addr::from(source).into(), first_port(ports)?)))
        }
        _ => None,
    }
}

/// The source's port; the destination's must be there as well.
fn first_port(ports: &[u8]) -> Option<u16> {
    let source: [u8; 2] = ports.get(..4)?.get(..2)?.try_into().ok()?;
    Some(u16::from_be_bytes(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is read, and what is left for HTTP.
    fn read_all(bytes: &[u8]) -> (Result<Option<SocketAddr>, ProxyError>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut left = bytes;
        let result = runtime.block_on(read(&mut left));
        (result, left.to_vec())
    }

    fn client(bytes: &[u8]) -> Option<String> {
        read_all(bytes).0.unwrap().map(|address| address.to_string())
    }

    fn v2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, payload].concat()
    }

    const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];

    #[test]
    fn a_line_of_version_1_names_the_client_and_leaves_the_request() {
        let (result, left) = read_all(b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET / HTTP/1.1\r\n");
        assert_eq!(result.unwrap().unwrap().to_string(), "192.0.2.1:56324");
        assert_eq!(left, b"GET / HTTP/1.1\r\n");
        assert_eq!(client(b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n").as_deref(), Some("[2001:db8::1]:1"));
        assert_eq!(client(b"PROXY UNKNOWN\r\n"), None);
        assert_eq!(client(b"PROXY UNKNOWN ff:: ff:: 1 2\r\n"), None);
    }

    #[test]
    fn version_2_names_the_client_whatever_extensions_follow() {
        let with_extension = [&V4[..], &[0x04, 0, 1, 0]].concat();
        let (result, left) = read_all(&[v2(0x21, 0x11, &with_extension), b"GET".to_vec()].concat());
        assert_eq!(result.unwrap().unwrap().to_string(), "192.0.2.1:56324");
        assert_eq!(left, b"GET");
        let v6: Vec<u8> = [&[0x20, 1, 0xd, 0xb8][..], &[0; 12], &[0; 16], &[0, 7, 0, 8]].concat();
        assert_eq!(client(&v2(0x21, 0x21, &v6)).as_deref(), Some("[2001:db8::]:7"));
        assert_eq!(client(&v2(0x20, 0x00, &[])), None, "a health check speaks for the balancer itself");
    }

    #[test]
    fn everything_else_is_refused() {
        for line in [
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
            "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 more\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 +1 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 01 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
        ] {
            assert!(matches!(read_all(line.as_bytes()).0, Err(ProxyError::Malformed)), "{line}");
        }
        assert!(matches!(read_all(&[b"PROXY TCP4 ".to_vec(), vec![b'1'; 200]].concat()).0, Err(ProxyError::Malformed)));
        assert!(matches!(read_all(b"GET / HTTP/1.1\r\n\r\n").0, Err(ProxyError::Missing)));
        assert!(matches!(read_all(b"PROXY").0, Err(ProxyError::Broken(_))));
        assert!(matches!(read_all(&v2(0x31, 0x11, &V4)).0, Err(ProxyError::Malformed)));
        assert!(matches!(read_all(&v2(0x21, 0x12, &V4)).0, Err(ProxyError::Malformed)));
        assert!(matches!(read_all(&v2(0x21, 0x11, &V4[..10])).0, Err(ProxyError::Malformed)));
        assert!(matches!(read_all(&v2(0x21, 0x11, &vec![0; PAYLOAD_MAX + 1])).0, Err(ProxyError::Malformed)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), v2_start in any::<bool>()) {
            let bytes = if v2_start { [&SIGNATURE[..], &bytes].concat() } else { [b"PROXY ", &bytes[..]].concat() };
            let _ = read_all(&bytes);
        }
    }
}
