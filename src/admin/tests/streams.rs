//! Streams over real sockets.

use super::*;

/// Reads from an open stream until it has `text`.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "it ended: {}", String::from_utf8_lossy(&read));
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn a_stream_outlives_what_would_end_a_resting_connection() {
    let moment = std::time::Duration::from_millis(10);
    let limits = Limits { header_timeout: moment, idle_timeout: moment, ..Limits::default() };
    let running = start_within(limits, "127.0.0.1", None, None).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let request = format!("GET /deliveries/stream HTTP/1.1\r\nhost: {}\r\n\r\n", running.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = read_until(&mut stream, "retry: 2000").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
    // Another connection, one that rests, is closed in this time: so much of it has passed.
    let mut resting = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(resting.read(&mut [0; 8]).await.unwrap(), 0);
    running.history.delivery(delivery(DateTime::UNIX_EPOCH, "success"));
    let told = read_until(&mut stream, "\n\n\r\n").await;
    assert!(told.contains("event: delivery\nid: ") && told.contains("\"route\":\"route\""), "{told}");
    drop(stream);
}

#[tokio::test]
async fn a_reader_that_reads_nothing_loses_its_connection() {
    let limits = Limits { write_timeout: std::time::Duration::from_millis(20), ..Limits::default() };
    let running = start_within(limits, "127.0.0.1", None, None).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let request = format!("GET /deliveries/stream HTTP/1.1\r\nhost: {}\r\n\r\n", running.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    read_until(&mut stream, "retry: 2000").await;
    // More than the kernel keeps for a reader, however much that is.
    let reason = "x".repeat(400);
    while running.server.connections() > 0 {
        for _ in 0..100 {
            let entry = delivery(DateTime::UNIX_EPOCH, "timeout");
            running.history.delivery(crate::history::DeliveryEntry { reason: reason.clone().into(), ..entry });
        }
        tokio::task::yield_now().await;
    }
    drop(stream);
}

#[tokio::test]
async fn readers_of_streams_are_bounded() {
    let running = start("127.0.0.1", None, None).await;
    let mut readers = Vec::new();
    for _ in 0..stream::READERS_MAX {
        let mut reader = TcpStream::connect(running.address).await.unwrap();
        let request = format!("GET /events/stream HTTP/1.1\r\nhost: {}\r\n\r\n", running.address);
        reader.write_all(request.as_bytes()).await.unwrap();
        read_until(&mut reader, "retry: 2000").await;
        readers.push(reader);
    }
    assert_eq!(running.status("GET /events/stream", &[]).await, 503);
    assert_eq!(running.status("HEAD /events/stream", &[]).await, 405);
    assert_eq!(running.status("GET /events", &[]).await, 200);
}
