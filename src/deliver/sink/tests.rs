use super::record::Record;
use super::*;
use crate::deliver::tests::support::{event, headers, prepare, target};
use http::HeaderMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_never_share_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.ndjson");
    let sinks = Sinks::default();
    let writers: Vec<_> = (0..64)
        .map(|number| {
            let (sinks, path) = (sinks.clone(), path.clone());
            tokio::spawn(async move { sinks.append(&path, vec![b'a' + (number % 26) as u8; 5000]).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    let lines = lines(&path);
    assert_eq!(lines.len(), 64);
    for line in lines {
        assert_eq!(line.len(), 5000);
        assert!(line.bytes().all(|byte| byte == line.as_bytes()[0]), "{}", &line[..20]);
    }
}

/// A pipe that nobody reads, as a disk that hangs: opening it does not return.
#[test]
fn a_file_that_hangs_leaves_threads_for_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (hanging, fine) = (folder.path().join("pipe"), folder.path().join("out.ndjson"));
    assert!(std::process::Command::new("mkfifo").arg(&hanging).status().unwrap().success());
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).max_blocking_threads(WRITERS_MAX + 1).build().unwrap();
    let sinks = Sinks::default();
    runtime.block_on(async {
        let append = |path: &Path| {
            let (sinks, path) = (sinks.clone(), path.to_owned());
            async move { sinks.append(&path, b"line".to_vec()).await }
        };
        let stuck: Vec<_> = (0..=WRITERS_MAX).map(|_| tokio::spawn(append(&hanging))).collect();
        // Each of them has its thread, or waits for one.
        while sinks.file(&hanging).writers.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        append(&fine).await.unwrap();
        let reader = fs::OpenOptions::new().read(true).write(true).open(&hanging).unwrap();
        for append in stuck {
            append.await.unwrap().unwrap();
        }
        drop(reader);
    });
    assert_eq!(lines(&fine), ["line"]);
}

#[tokio::test]
async fn a_file_that_is_there_is_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.ndjson");
    fs::write(&path, "before\n").unwrap();
    Sinks::default().append(&path, b"after".to_vec()).await.unwrap();
    assert_eq!(lines(&path), ["before", "after"]);
}

#[tokio::test]
async fn a_rotated_file_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rotated) = (folder.path().join("out.ndjson"), folder.path().join("out.ndjson.1"));
    let sinks = Sinks::default();
    sinks.append(&path, b"one".to_vec()).await.unwrap();
    fs::rename(&path, &rotated).unwrap();
    sinks.append(&path, b"two".to_vec()).await.unwrap();
    fs::remove_file(&path).unwrap();
    sinks.append(&path, b"three".to_vec()).await.unwrap();
    assert_eq!((lines(&rotated), lines(&path)), (vec!["one".to_owned()], vec!["three".to_owned()]));
}

#[tokio::test]
async fn a_file_that_rotation_has_put_in_its_place_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rotated) = (folder.path().join("out.ndjson"), folder.path().join("out.ndjson.1"));
    let sinks = Sinks::default();
    sinks.append(&path, b"one".to_vec()).await.unwrap();
    fs::rename(&path, &rotated).unwrap();
    fs::write(&path, "").unwrap();
    sinks.append(&path, b"two".to_vec()).await.unwrap();
    assert_eq!((lines(&rotated), lines(&path)), (vec!["one".to_owned()], vec!["two".to_owned()]));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_until_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later/out.ndjson");
    let sinks = Sinks::default();
    let error = sinks.append(&path, b"lost".to_vec()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    fs::create_dir(folder.path().join("later")).unwrap();
    sinks.append(&path, b"kept".to_vec()).await.unwrap();
    assert_eq!(lines(&path), ["kept"]);
}

#[tokio::test]
async fn a_new_file_is_not_for_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.ndjson");
    Sinks::default().append(&path, b"{}".to_vec()).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o007, 0);
}

#[tokio::test]
async fn a_device_has_nothing_to_sync() {
    Sinks::default().append(Path::new("/dev/null"), b"{}".to_vec()).await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_an_error_each_time() {
    let sinks = Sinks::default();
    for _ in 0..2 {
        let error = sinks.append(Path::new("/dev/full"), b"{}".to_vec()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}

#[tokio::test]
async fn files_that_nobody_writes_to_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let sinks = Sinks::default();
    for number in 0..3 * OPEN_MAX {
        sinks.append(&folder.path().join(number.to_string()), b"{}".to_vec()).await.unwrap();
    }
    assert!(sinks.files.lock().unwrap().len() <= OPEN_MAX);
}

/// The line of a delivery with unchanged bytes, as JSON.
fn line(body: &str, outgoing: &HeaderMap) -> serde_json::Value {
    let outbound = prepare(&target("url: stdout://"), &event(&[], body)).unwrap();
    let time = chrono::DateTime::UNIX_EPOCH;
    let record = Record { time, route: "orders", target: "log", outbound: &outbound, headers: outgoing };
    let line = record.to_line();
    assert!(!line.contains(&b'\n'), "one line");
    serde_json::from_slice(&line).unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn json_over_many_lines_becomes_one() {
    let line = line("{\n  \"price\": 100.00,\n  \"note\": \"a\\nb\"\n}", &headers(&[JSON]));
    assert_eq!(line["body"], serde_json::json!({"price": 100.00, "note": "a\nb"}));
    assert_eq!(line["time"], "1970-01-01T00:00:00.000Z");
}

#[test]
fn what_is_not_json_is_text() {
    assert_eq!(line("{broken\n", &headers(&[JSON]))["body"], "{broken\n");
    assert_eq!(line("{\"a\":1}", &headers(&[("content-type", "text/plain")]))["body"], "{\"a\":1}");
}

#[test]
fn an_empty_body_is_left_out() {
    let line = line("", &headers(&[]));
    assert!(line.get("body").is_none() && line.get("body_base64").is_none());
}

#[test]
fn repeated_headers_are_a_list() {
    let line = line("", &headers(&[("x-one", "1"), ("x-tag", "a"), ("x-tag", "b")]));
    assert_eq!(line["headers"], serde_json::json!({"x-one": "1", "x-tag": ["a", "b"]}));
}

#[test]
fn bytes_that_are_no_text_are_base64() {
    let mut outbound = prepare(&target("url: stdout://"), &event(&[], "")).unwrap();
    outbound.body = bytes::Bytes::from_static(&[0xff, 0x00]);
    let time = chrono::DateTime::UNIX_EPOCH;
    let record = Record { time, route: "r", target: "t", outbound: &outbound, headers: &HeaderMap::new() };
    let line: serde_json::Value = serde_json::from_slice(&record.to_line()).unwrap();
    assert_eq!(line["body_base64"], "/wA=");
}
