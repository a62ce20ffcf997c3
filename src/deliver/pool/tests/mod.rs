//! Against servers on loopback: who gets which connection. Where time matters it is paused.

mod secure;

use super::*;
use crate::deliver::attempt::{Answered, Broken, Sent, exchange};
use crate::deliver::tests::support::{Connection, Server};
use crate::deliver::{Client, Lasting, Outcome};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Method};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[derive(Clone)]
struct Outside {
    client: Client,
    profile: Arc<Profile>,
}

impl Outside {
    fn new() -> Outside {
        Outside { client: Client::new().unwrap(), profile: Lasting::default().profiles.documents(&Arc::default()) }
    }

    async fn post(&self, place: &Arc<Place>) -> Result<Answered, Broken> {
        let body = Bytes::from_static(b"{}");
        let sent = Sent { method: Method::POST, to: place, headers: HeaderMap::new(), body };
        exchange(&self.client, &self.profile, sent, Instant::now() + Duration::from_secs(60), 1000).await
    }

    fn posts(&self, place: &Arc<Place>, count: usize) -> Vec<tokio::task::JoinHandle<u16>> {
        let each = |_| {
            let (outside, place) = (self.clone(), place.clone());
            tokio::spawn(async move { outside.post(&place).await.unwrap().status })
        };
        (0..count).map(each).collect()
    }
}

fn place(url: &str) -> Arc<Place> {
    Arc::new(Place::new(url.parse().unwrap()))
}

async fn each_is_answered(posts: Vec<tokio::task::JoinHandle<u16>>) {
    for post in posts {
        assert_eq!(post.await.unwrap(), 200);
    }
}

/// Answers each request when it gets leave to.
async fn hesitant() -> (Server, Arc<Semaphore>) {
    let leave = Arc::new(Semaphore::new(0));
    let given = leave.clone();
    let server = Server::start(move |mut connection: Connection| {
        let given = given.clone();
        async move {
            while connection.request().await.is_some() {
                given.acquire().await.unwrap().forget();
                connection.write(OK).await;
            }
        }
    })
    .await;
    (server, leave)
}

#[tokio::test]
async fn requests_at_the_same_time_have_connections_of_their_own_and_those_are_used_again() {
    let (server, leave) = hesitant().await;
    let (outside, place) = (Outside::new(), place(&server.url()));
    let first = outside.posts(&place, 8);
    while server.requests().len() < 8 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.connections(), 8);
    leave.add_permits(8);
    each_is_answered(first).await;
    leave.add_permits(8);
    each_is_answered(outside.posts(&place, 8)).await;
    assert_eq!((server.connections(), server.requests().len()), (8, 16));
}

#[tokio::test]
async fn urls_of_one_host_share_its_connections_and_other_hosts_do_not() {
    let server = Server::answering(&["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]).await;
    let outside = Outside::new();
    let by_name = format!("http://localhost:{}/c", server.address.port());
    for url in [format!("{}/a?x=1", server.url()), format!("{}/b", server.url()), by_name] {
        outside.post(&place(&url)).await.unwrap();
    }
    assert_eq!(server.connections(), 2);
    let lines: Vec<String> = server.requests().iter().map(|request| request.lines().next().unwrap().into()).collect();
    assert_eq!(lines, ["POST /a?x=1 HTTP/1.1", "POST /b HTTP/1.1", "POST /c HTTP/1.1"]);
}

#[tokio::test]
async fn what_another_pool_has_opened_is_not_used() {
    let server = Server::answering(&["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]).await;
    let (one, other, place) = (Outside::new(), Outside::new(), place(&server.url()));
    for outside in [&one, &other, &one, &other] {
        outside.post(&place).await.unwrap();
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_kept_connection_that_has_been_closed_costs_no_request() {
    let closed = Arc::new(Notify::new());
    let told = closed.clone();
    let server = Server::start(move |mut connection: Connection| {
        let told = told.clone();
        async move {
            connection.request().await;
            connection.write(OK).await;
            drop(connection);
            told.notify_one();
        }
    })
    .await;
    let (outside, place) = (Outside::new(), place(&server.url()));
    for _ in 0..5 {
        assert_eq!(outside.post(&place).await.unwrap().status, 200);
        closed.notified().await;
        // Until the runtime has seen it too.
        while outside.resting(&place, |line| !line.is_closed()) {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!((server.connections(), server.requests().len()), (5, 5));
}

#[tokio::test]
async fn a_connection_that_the_server_ends_with_its_answer_is_not_kept() {
    for head in ["HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2", "HTTP/1.0 200 OK\r\ncontent-length: 2"] {
        let answer: &str = Box::leak(format!("{head}\r\n\r\nok").into_boxed_str());
        let server = Server::answering(Box::leak(Box::new([answer]))).await;
        let (outside, place) = (Outside::new(), place(&server.url()));
        for _ in 0..2 {
            assert_eq!(outside.post(&place).await.unwrap().body.as_deref(), Some(&b"ok"[..]));
        }
        assert_eq!(server.connections(), 2, "{head}");
    }
}

#[tokio::test]
async fn what_a_server_says_unasked_is_no_answer_to_the_next_request() {
    let unasked = Arc::new(Notify::new());
    let told = unasked.clone();
    let served = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |mut connection: Connection| {
        let (told, number) = (told.clone(), served.fetch_add(1, Ordering::SeqCst));
        async move {
            connection.request().await;
            connection.write(OK).await;
            if number == 0 {
                connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong").await;
                told.notify_one();
            }
            connection.request().await;
        }
    })
    .await;
    let (outside, place) = (Outside::new(), place(&server.url()));
    outside.post(&place).await.unwrap();
    unasked.notified().await;
    while outside.resting(&place, |line| !line.is_closed()) {
        tokio::task::yield_now().await;
    }
    assert_eq!(outside.post(&place).await.unwrap().body.as_deref(), Some(&b"ok"[..]));
    assert_eq!(server.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_after_half_a_minute_and_the_sweep_ends() {
    let (gone, mut is_gone) = tokio::sync::mpsc::channel(8);
    let server = Server::start(move |mut connection: Connection| {
        let gone = gone.clone();
        async move {
            while connection.request().await.is_some() {
                connection.write(OK).await;
            }
            gone.send(()).await.unwrap();
        }
    })
    .await;
    let (outside, place) = (Outside::new(), place(&server.url()));
    outside.post(&place).await.unwrap();
    sleep(Duration::from_secs(20)).await;
    assert!(is_gone.try_recv().is_err(), "it rests");
    outside.post(&place).await.unwrap();
    assert_eq!(server.connections(), 1);
    let began = Instant::now();
    is_gone.recv().await.unwrap();
    assert!((25..=30).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    sleep(SWEEP * 2).await;
    assert!(!outside.profile.pool(&outside.client).hosts.is_swept.load(Ordering::SeqCst));
    outside.post(&place).await.unwrap();
    assert_eq!(server.connections(), 2);
    assert!(outside.profile.pool(&outside.client).hosts.is_swept.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_connection_that_comes_free_for_a_request_that_gives_up_is_kept() {
    let (server, leave) = hesitant().await;
    let (pool, place) = (Outside::new(), place(&server.url()));
    let first = pool.posts(&place, 1);
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    let host = pool.profile.pool(&pool.client).host(&place).unwrap();
    let mut waiting = Box::pin(host.carrier());
    assert!((&mut waiting).now_or_never().is_none(), "it opens one, and waits for the other");
    leave.add_permits(1);
    each_is_answered(first).await;
    // The end of an answer may be understood a moment after it was read.
    while host.is_waited_for() {
        tokio::task::yield_now().await;
    }
    assert!(!pool.resting(&place, |_| true), "the other one is for it");
    drop(waiting);
    assert!(pool.resting(&place, |line| !line.is_closed()));
}

#[tokio::test]
async fn a_request_takes_the_connection_that_comes_free_before_its_own_is_open() {
    let (server, leave) = hesitant().await;
    let pool = Outside::new();
    let host = pool.profile.pool(&pool.client).host(&place(&server.url())).unwrap();
    let place = place(&server.url());
    let first = pool.posts(&place, 1);
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    // Somebody waits, and will not come back for it: it is not lost on them.
    drop(host.take().err().unwrap());
    let mut waiting = host.take().err().unwrap();
    leave.add_permits(1);
    each_is_answered(first).await;
    assert!(matches!(waiting.try_recv(), Ok(Carrier::Line(_))));
}

#[tokio::test]
async fn a_new_connection_that_takes_no_request_is_not_tried_again_and_again() {
    let server = Server::start(|connection: Connection| async move { drop(connection) }).await;
    let (outside, place) = (Outside::new(), place(&server.url()));
    let broken = outside.post(&place).await.unwrap_err();
    assert!(matches!(broken.outcome, Outcome::Reset | Outcome::Connect), "{broken:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_answer_in_many_pieces_leaves_other_tasks_their_turn() {
    let server = Server::start(|mut connection: Connection| async move {
        connection.request().await;
        connection.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        for _ in 0..200 {
            connection.write(b"2\r\nab\r\n").await;
            tokio::task::yield_now().await;
        }
        connection.write(b"0\r\n\r\n").await;
    })
    .await;
    let (outside, place) = (Outside::new(), place(&server.url()));
    let answered = outside.post(&place).await.unwrap();
    assert_eq!(answered.body.map(|body| body.len()), Some(400));
}

impl Outside {
    /// Whether any idle connection is so.
    fn resting(&self, place: &Place, is: impl Fn(&Line) -> bool) -> bool {
        self.profile.pool(&self.client).host(place).unwrap().any_resting(is)
    }
}
