use super::*;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::Mutex;
use std::sync::mpsc;

/// A log into memory.
fn recorded(level: Level, format: Format) -> (Log, Arc<Mutex<Vec<u8>>>) {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&bytes);
    let write = move |lines: &[u8]| {
        sink.lock().unwrap().extend_from_slice(lines);
        Ok(())
    };
    (Log::to(level, format, write), bytes)
}

fn lines(log: &Log, bytes: &Mutex<Vec<u8>>) -> Vec<String> {
    log.flush();
    let text = String::from_utf8(bytes.lock().unwrap().clone()).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}

fn time() -> DateTime<Utc> {
    "2026-02-03T04:05:06.007999Z".parse().unwrap()
}

fn delivery<'a>(labels: &'a [(compact_str::CompactString, String)]) -> DeliveryLine<'a> {
    DeliveryLine {
        time: time(),
        request_id: "r-1",
        trace_id: Some(TraceId(0x0af7651916cd43dd8448eb211c80319c)),
        span_id: Some(SpanId(0xb7ad6b7169203331)),
        route: "orders",
        target: "crm",
        event_id: "e",
        outcome: "timeout",
        attempts: 3,
        status: Some(504),
        duration: Duration::from_micros(12_345),
        error: "no answer in time",
        labels,
        ..DeliveryLine::default()
    }
}

#[test]
fn a_delivery_is_one_json_line_with_the_documented_names() {
    let (log, bytes) = recorded(Level::Info, Format::Json);
    log.delivery(Level::Warn, &delivery(&[("order".into(), "№ 1".into())]));
    let expected = concat!(
        r#"{"time":"2026-02-03T04:05:06.007Z","level":"warn","message":"delivery","request_id":"r-1","trace_id":"0af7651916cd43dd8448eb211c80319c","#,
        r#""span_id":"b7ad6b7169203331","route":"orders","target":"crm","event_id":"e","outcome":"timeout","attempts":3,"status":504,"#,
        r#""duration_ms":12.345,"error":"no answer in time","labels":{"order":"№ 1"}}"#
    );
    assert_eq!(lines(&log, &bytes), [expected]);
}

#[test]
fn an_event_leaves_out_what_it_has_not() {
    let (log, bytes) = recorded(Level::Info, Format::Json);
    let payload = Masked { headers: vec![("a".into(), "b".into())], body: "{\"x\":1}".into(), truncated: true };
    let event = EventLine { time: time(), outcome: "ignored", payload: Some(&payload), ..EventLine::default() };
    log.event(Level::Info, &event);
    let expected = concat!(
        r#"{"time":"2026-02-03T04:05:06.007Z","level":"info","message":"event","outcome":"ignored","duration_ms":0.000,"#,
        r#""headers":{"a":"b"},"body":"{\"x\":1}","truncated":true}"#
    );
    assert_eq!(lines(&log, &bytes), [expected]);
}

#[test]
fn people_get_words_and_colours_only_where_they_can_be_seen() {
    let (log, bytes) = recorded(Level::Info, Format::Human { colours: false });
    log.delivery(Level::Info, &delivery(&[("order".into(), "a\u{1b}[31mb".into())]));
    let expected = concat!(
        "2026-02-03T04:05:06.007Z  INFO delivery request_id=r-1 trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331 route=orders target=crm event_id=e ",
        "outcome=timeout attempts=3 status=504 duration_ms=12.345 error=\"no answer in time\" ",
        "labels.order=\"a\\u001b[31mb\""
    );
    assert_eq!(lines(&log, &bytes), [expected]);
    let (log, bytes) = recorded(Level::Info, Format::Human { colours: true });
    log.message(Level::Error, "hello", &[("a", "b c")]);
    let said = lines(&log, &bytes);
    assert!(said[0].contains("\u{1b}[31mERROR\u{1b}[0m") && said[0].ends_with("a=\u{1b}[0m\"b c\""), "{said:?}");
}

#[test]
fn what_is_below_the_level_is_not_written_and_the_level_can_change() {
    let (log, bytes) = recorded(Level::Warn, Format::Json);
    assert!(log.enabled(Level::Error) && log.enabled(Level::Warn) && !log.enabled(Level::Info));
    log.message(Level::Info, "no", &[]);
    log.set_level(Level::Debug);
    log.message(Level::Debug, "yes", &[]);
    let said = lines(&log, &bytes);
    assert!(said.len() == 1 && said[0].contains("yes"), "{said:?}");
}

#[test]
fn announcements_come_whatever_the_level() {
    let (log, bytes) = recorded(Level::Error, Format::Json);
    log.listening("webhooks", "127.0.0.1:8080".parse().unwrap());
    log.ready();
    // Announcements flush by themselves.
    let said = String::from_utf8(bytes.lock().unwrap().clone()).unwrap();
    let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&said[0]["message"], &said[0]["listener"]), (&"listening".into(), &"webhooks".into()));
    assert_eq!((&said[0]["address"], &said[1]["message"]), (&"127.0.0.1:8080".into(), &"ready".into()));
}

#[test]
fn a_reader_that_hangs_costs_lines_but_no_time_and_is_told_how_many() {
    let (release, hold) = mpsc::channel::<()>();
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&bytes);
    let log = Log::to(Level::Info, Format::Json, move |lines| {
        let _ = hold.recv();
        sink.lock().unwrap().extend_from_slice(lines);
        Ok(())
    });
    let long = "x".repeat(1024 * 1024);
    (0..20).for_each(|_| log.message(Level::Info, "long", &[("x", &long)]));
    drop(release);
    log.flush();
    log.message(Level::Info, "short", &[]);
    let said = lines(&log, &bytes);
    let said: Vec<Value> = said.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let dropped: u64 = said.iter().filter_map(|line| line["dropped"].as_u64()).sum();
    let written = said.iter().filter(|line| line["message"] == "long").count() as u64;
    assert_eq!(written + dropped, 20);
    assert!(dropped > 0 && said.last().unwrap()["message"] != "long");
}

#[test]
fn a_sink_that_fails_stops_nothing() {
    let (sender, calls) = mpsc::channel();
    let log = Log::to(Level::Info, Format::Json, move |_| {
        let _ = sender.send(());
        Err(io::ErrorKind::BrokenPipe.into())
    });
    for _ in 0..3 {
        log.message(Level::Info, "lost", &[]);
        log.flush();
    }
    assert_eq!(calls.try_iter().count(), 3);
}

#[test]
fn lines_of_many_threads_are_never_torn_and_the_last_is_written_at_the_end() {
    let (log, bytes) = recorded(Level::Info, Format::Json);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|n| log.message(Level::Info, "m", &[("n", &n.to_string())])));
        }
    });
    drop(log);
    let text = String::from_utf8(bytes.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count(), 2000);
}

#[test]
fn tracing_is_written_too_but_libraries_only_from_warn() {
    use tracing_subscriber::layer::SubscriberExt;
    let (log, bytes) = recorded(Level::Info, Format::Json);
    let subscriber = tracing_subscriber::registry().with(layer::LogLayer(log.clone()));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(listener = "webhooks", count = 3, ok = true, error = %"no\nline", "ours");
        tracing::debug!("ours, too low");
        tracing::info!(target: "h2::codec", "theirs, too low");
        tracing::warn!(target: "h2::codec", "theirs");
    });
    let said = lines(&log, &bytes);
    let said: Vec<Value> = said.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[0]["message"], "ours");
    assert_eq!((&said[0]["count"], &said[0]["ok"]), (&3.into(), &true.into()));
    assert_eq!((&said[0]["listener"], &said[0]["error"]), (&"webhooks".into(), &"no\nline".into()));
    assert_eq!((&said[1]["message"], &said[1]["level"]), (&"theirs".into(), &"warn".into()));
}

fn build(style: Style, name: &str, value: &str) -> String {
    let mut buffer = Vec::new();
    let mut line = Line::begin(&mut buffer, style, time(), Level::Info, value);
    line.text(name, value);
    line.map(name, &[(value, value)]);
    line.end();
    String::from_utf8(buffer).unwrap()
}

proptest! {
    #[test]
    fn hostile_values_stay_in_their_line(value in any::<String>()) {
        for style in [Style::Json, Style::Human { colours: false }] {
            let text = build(style, "name", &value);
            let controls = text.chars().filter(|character| character.is_control() || *character == '\u{2028}').count();
            prop_assert!(controls == 1 && text.ends_with('\n'), "{text:?}");
        }
    }

    #[test]
    fn json_gives_values_back(value in any::<String>(), controls in "[\\x00-\\x1f\\x7f-\\x9f\"\\\\\u{2028}\u{202e}\u{feff}]{0,5}") {
        let value = value + &controls;
        let line: Value = serde_json::from_str(&build(Style::Json, "name", &value)).unwrap();
        prop_assert_eq!(line["message"].as_str(), Some(value.as_str()));
    }
}
