//! Against servers on loopback. Where time matters it is paused, and moves on when everybody waits.

use super::*;
use crate::deliver::Lasting;
use crate::deliver::tests::support::{Server, headers};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

const CAP: u64 = 1000;
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn post(url: &str) -> Sent<'static> {
    let to = Box::leak(Box::new(Place::new(url.parse().unwrap())));
    let headers = headers(&[("authorization", "Bearer example-token"), ("content-type", "application/json")]);
    Sent { method: Method::POST, to, headers, body: Bytes::from_static(b"{\"n\":1}") }
}

fn get(url: &str) -> Sent<'static> {
    Sent { method: Method::GET, body: Bytes::new(), ..post(url) }
}

/// A client and its pool.
struct Outside {
    client: Client,
    profile: Arc<Profile>,
}

fn outside() -> Outside {
    Outside { client: Client::new().unwrap(), profile: Lasting::default().profiles.documents(&Arc::default()) }
}

async fn send(outside: &Outside, sent: Sent<'_>) -> Result<Answered, Broken> {
    exchange(&outside.client, &outside.profile, sent, Instant::now() + Duration::from_secs(30), CAP).await
}

async fn post_once(server: &Server) -> Result<Answered, Broken> {
    send(&outside(), post(&server.url())).await
}

fn broken(outcome: Outcome, status: Option<u16>) -> Broken {
    let ambiguous = matches!(outcome, Outcome::Reset | Outcome::Timeout);
    Broken { outcome, status, ambiguous, out_of_time: outcome == Outcome::Timeout }
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let server = Server::answering(&["HTTP/1.1 404 Nope\r\nx-why: gone\r\ncontent-length: 5\r\n\r\nsorry"]).await;
    let answered = post_once(&server).await.unwrap();
    assert_eq!((answered.status, answered.body.as_deref()), (404, Some(&b"sorry"[..])));
    assert_eq!(answered.headers["x-why"], "gone");
}

#[tokio::test]
async fn the_request_is_what_was_given_and_no_more() {
    let server = Server::answering(&[OK]).await;
    post_once(&server).await.unwrap();
    let request = server.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    lines.sort_unstable();
    let host = format!("host: {}", server.address);
    let expected = [
        "POST / HTTP/1.1",
        "accept: */*",
        "authorization: Bearer example-token",
        "content-length: 7",
        "content-type: application/json",
        &host,
    ];
    assert_eq!(lines, expected);
    assert_eq!(body, "{\"n\":1}");
}

#[tokio::test]
async fn get_carries_no_body() {
    let server = Server::answering(&[OK]).await;
    send(&outside(), get(&server.url())).await.unwrap();
    let request = server.requests().remove(0);
    assert!(request.starts_with("GET / HTTP/1.1\r\n") && request.ends_with("\r\n\r\n"), "{request}");
    assert!(!request.contains("content-length") && !request.contains("transfer-encoding"), "{request}");
}

#[tokio::test]
async fn refused_connection_is_connect_and_not_ambiguous() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let result = send(&outside(), post(&url)).await;
    assert_eq!(result.unwrap_err(), broken(Outcome::Connect, None));
}

#[tokio::test]
async fn an_unknown_name_is_dns() {
    // No label of a name is longer than 63 bytes (RFC 1035), so no server has to be asked.
    let url = format!("http://{}.invalid/", "a".repeat(70));
    let result = send(&outside(), post(&url)).await;
    assert_eq!(result.unwrap_err(), broken(Outcome::Dns, None));
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_tls() {
    let server = Server::start(|mut connection| async move {
        let _ = connection.stream.read(&mut [0; 1024]).await;
        connection.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        let _ = connection.stream.read(&mut [0; 1024]).await;
    })
    .await;
    let result = send(&outside(), post(&server.url().replace("http:", "https:"))).await;
    assert_eq!(result.unwrap_err(), broken(Outcome::Tls, None));
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_reset_and_ambiguous() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
    })
    .await;
    assert_eq!(post_once(&server).await.unwrap_err(), broken(Outcome::Reset, None));
    assert_eq!(server.requests().len(), 1, "nothing is sent again");
}

#[tokio::test]
async fn a_lost_get_is_ambiguous_too() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
    })
    .await;
    let result = send(&outside(), get(&server.url())).await;
    assert_eq!(result.unwrap_err(), broken(Outcome::Reset, None));
}

#[tokio::test]
async fn reset_in_the_middle_of_an_answer_is_not_an_answer() {
    for (part, status) in [
        ("HTTP/1.1 200 OK\r\ncontent-le", None),
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this", Some(200)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", Some(200)),
    ] {
        let server = Server::start(move |mut connection| async move {
            connection.request().await;
            connection.write(part.as_bytes()).await;
        })
        .await;
        assert_eq!(post_once(&server).await.unwrap_err(), broken(Outcome::Reset, status), "{part:?}");
    }
}

#[tokio::test]
async fn a_garbage_answer_is_reset() {
    for garbage in ["SSH-2.0-OpenSSH_9.6\r\n\r\n", "HTTP/1.1 9999 No\r\n\r\n", "\0\u{1}\u{2}\r\n\r\n"] {
        let server = Server::start(move |mut connection| async move {
            connection.request().await;
            connection.write(garbage.as_bytes()).await;
        })
        .await;
        assert_eq!(post_once(&server).await.unwrap_err(), broken(Outcome::Reset, None), "{garbage:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_timeout_and_ambiguous() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        pending::<()>().await;
    })
    .await;
    let began = Instant::now();
    assert_eq!(post_once(&server).await.unwrap_err(), broken(Outcome::Timeout, None));
    assert_eq!(began.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_trickles_for_ever_ends_at_the_timeout() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n").await;
        while connection.write(b".").await.is_some() {
            sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    assert_eq!(post_once(&server).await.unwrap_err(), broken(Outcome::Timeout, Some(200)));
}

#[tokio::test]
async fn endless_response_body_is_capped() {
    let (gone, closed) = oneshot::channel();
    let gone = Arc::new(std::sync::Mutex::new(Some(gone)));
    let server = Server::start(move |mut connection| {
        let gone = gone.lock().unwrap().take();
        async move {
            connection.request().await;
            connection.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            while connection.write(b"a\r\n0123456789\r\n").await.is_some() {}
            gone.unwrap().send(()).unwrap();
        }
    })
    .await;
    let answered = post_once(&server).await.unwrap();
    assert_eq!((answered.status, answered.body), (200, None));
    closed.await.expect("the connection is closed, not read to an end that never comes");
}

#[tokio::test]
async fn an_announced_length_above_the_cap_is_not_read() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n").await;
        pending::<()>().await;
    })
    .await;
    assert_eq!(post_once(&server).await.unwrap().body, None);
}

#[tokio::test]
async fn an_answer_of_exactly_the_cap_is_taken() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        for _ in 0..10 {
            connection.write(format!("64\r\n{}\r\n", "x".repeat(100)).as_bytes()).await;
        }
        connection.write(b"0\r\n\r\n").await;
    })
    .await;
    assert_eq!(post_once(&server).await.unwrap().body.map(|body| body.len()), Some(1000));
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let elsewhere = Server::answering(&[OK]).await;
    let location = elsewhere.url();
    let server = Server::start(move |mut connection| {
        let location = location.clone();
        async move {
            connection.request().await;
            let answer = format!("HTTP/1.1 303 See Other\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            connection.write(answer.as_bytes()).await;
        }
    })
    .await;
    assert_eq!(post_once(&server).await.unwrap().status, 303);
    assert_eq!(elsewhere.connections(), 0, "the authorization header went nowhere else");
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let server = Server::answering(&[OK]).await;
    let outside = outside();
    for _ in 0..5 {
        send(&outside, post(&server.url())).await.unwrap();
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 5));
}

#[tokio::test]
async fn a_request_lost_on_a_kept_connection_is_not_sent_again() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.write(OK.as_bytes()).await;
        connection.request().await;
    })
    .await;
    let outside = outside();
    send(&outside, post(&server.url())).await.unwrap();
    assert_eq!(send(&outside, post(&server.url())).await.unwrap_err(), broken(Outcome::Reset, None));
    assert_eq!((server.connections(), server.requests().len()), (1, 2));
}

#[tokio::test]
async fn an_unfinished_answer_does_not_end_up_in_the_next_one() {
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n{}", "x".repeat(2000));
    let answers: &[&str] = Box::leak(Box::new([Box::leak(long.into_boxed_str()), OK]));
    let server = Server::answering(answers).await;
    let outside = outside();
    assert_eq!(send(&outside, post(&server.url())).await.unwrap().body, None);
    let second = send(&outside, post(&server.url())).await.unwrap();
    assert_eq!(second.body.as_deref(), Some(&b"ok"[..]));
}

#[tokio::test]
async fn a_dropped_attempt_closes_its_connection() {
    let (begun, has_begun) = oneshot::channel();
    let (gone, is_gone) = oneshot::channel();
    let ends = Arc::new(std::sync::Mutex::new(Some((begun, gone))));
    let server = Server::start(move |mut connection| {
        let (begun, gone) = ends.lock().unwrap().take().unwrap();
        async move {
            connection.request().await;
            begun.send(()).unwrap();
            assert_eq!(connection.request().await, None);
            gone.send(()).unwrap();
        }
    })
    .await;
    let outside = outside();
    let url = server.url();
    let attempt = tokio::spawn(async move { send(&outside, post(&url)).await.map(|_| ()) });
    has_begun.await.unwrap();
    attempt.abort();
    is_gone.await.unwrap();
}
