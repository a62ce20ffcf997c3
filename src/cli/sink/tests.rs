use super::*;
use crate::config::spec::TestFileSpec;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn args(more: &[&str]) -> Result<Args, clap::Error> {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }
    <Line as clap::Parser>::try_parse_from(["sink"].iter().chain(more)).map(|line| line.args)
}

fn seen(body: &[u8]) -> Seen {
    let mut headers = HeaderMap::new();
    headers.append("x-tag", HeaderValue::from_static("one"));
    headers.append("x-tag", HeaderValue::from_static("two: \"#\""));
    headers.append("authorization", HeaderValue::from_static("Bearer example"));
    Seen {
        number: 7,
        time: "2026-02-03T04:05:06.007Z".parse().unwrap(),
        method: Method::POST,
        path: "/hooks/a".into(),
        query: Some("v=2".into()),
        headers,
        body: Bytes::copy_from_slice(body),
        status: StatusCode::OK,
    }
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let fine = args(&["--status", "404", "--delay", "1m30s", "--fail", "0.25"]).unwrap();
    assert_eq!((fine.status, fine.delay, fine.fail), (StatusCode::NOT_FOUND, Duration::from_secs(90), 0.25));
    for bad in [["--status", "100"], ["--status", "x"], ["--fail", "1.1"], ["--fail", "NaN"], ["--delay", "5"]] {
        assert!(args(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_request_is_one_json_line() {
    let line = show::request(&seen(br#"{"b": 1, "a": 100.00}"#), false);
    assert_eq!(line.lines().count(), 1);
    let document: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(document["headers"]["x-tag"], json!(["one", "two: \"#\""]));
    assert_eq!(
        (&document["method"], &document["query"], &document["status"]),
        (&"POST".into(), &"v=2".into(), &200.into())
    );
    assert_eq!((&document["body"]["b"], &document["time"]), (&1.into(), &"2026-02-03T04:05:06.007Z".into()));
    assert_eq!(show::document(&seen(b"a=1"))["body"], "a=1");
    assert_eq!(show::document(&seen(&[0xff]))["body_base64"], "/w==");
}

#[test]
fn people_see_a_request_and_nothing_their_terminal_obeys() {
    let text = show::request(&seen(b"{\"a\":\"\\u001b[31m\"}"), true);
    assert!(text.starts_with("04:05:06.007 #7 POST /hooks/a?v=2 -> 200\n  x-tag: one\n"), "{text}");
    assert!(text.contains("  |   \"a\":"), "{text}");
    let text = show::request(&seen(b"one\x1b[31m\r\ntwo\x07"), true);
    assert!(!text.contains(['\x1b', '\x07', '\r']) && text.contains("  | two"), "{text}");
    assert!(show::request(&seen(&[0xff, 0]), true).contains("(2 bytes that are not text)"));
}

#[test]
fn an_example_is_a_test_file_without_credentials() {
    for (body, check) in [
        (&br#"{"a": [1, "x: # y", null]}"#[..], json!({"a": [1, "x: # y", null]})),
        (b"a=1&b=2", json!("a=1&b=2")),
        (&[0xff], json!("/w==")),
        (b"", Value::Null),
    ] {
        let text = record::example(&seen(body));
        assert!(!text.contains("Bearer"), "{text}");
        let file: TestFileSpec = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let request = &file.tests[0].request;
        assert_eq!(request.path.as_deref(), Some("/hooks/a?v=2"));
        let found = request
            .body
            .clone()
            .or(request.text.clone().map(Value::from))
            .or(request.body_base64.clone().map(Value::from));
        assert_eq!(found.unwrap_or_default(), check);
    }
}

#[test]
fn recordings_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        record::write(folder.path(), &seen(b"{}")).unwrap();
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["0007.json", "0007.test.yaml", "0008.json", "0008.test.yaml"]);
}

#[tokio::test]
async fn answers_are_as_told() {
    async fn body(answer: Answer) -> Bytes {
        answer.into_body().frame().await.map(|frame| frame.unwrap().into_data().unwrap()).unwrap_or_default()
    }
    assert_eq!(body(reply(StatusCode::OK, false)).await, r#"{"status":"ok"}"#);
    assert_eq!(body(reply(StatusCode::NO_CONTENT, false)).await, "");
    assert!(reply(StatusCode::NO_CONTENT, false).headers().is_empty());
}

#[tokio::test]
async fn over_a_socket_requests_are_answered_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for (fail, status) in [("0", "201"), ("1", "503")] {
        let sink = Arc::new(Sink::new(args(&["--record", path, "--fail", fail, "--status", "201"]).unwrap(), false));
        let bound = listener::bind("sink", "127.0.0.1:0").await.unwrap();
        let address = bound.listener.address;
        let _server = listener::serve(vec![bound], Limits::default(), move |request: Request<Incoming>, _peer| {
            let sink = Arc::clone(&sink);
            async move { sink.answer(request).await }
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "PUT /x?y HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let recorded = std::fs::read_to_string(folder.path().join("0002.json")).unwrap();
    let recorded: Value = serde_json::from_str(&recorded).unwrap();
    assert_eq!(
        (&recorded["method"], &recorded["path"], &recorded["status"]),
        (&"PUT".into(), &"/x".into(), &503.into())
    );
}
