//! Records as requests, and the order in which they end. What is sent and kept is tested with the real program.

use super::*;
use crate::app::FolderLoader;
use crate::clock::Clock;
use crate::config::folder::Folder;
use crate::telemetry::metrics::Metrics;
use std::io::Cursor;

const ROUTES: &str = r#"
name: orders
match: {path: '/shops/{shop}', when: 'body.never'}
verify: {shared: {header: x-token}, secret: example}
vars: {id: '${body.id}'}
targets:
  - name: crm
    url: http://127.0.0.1:9/${params.shop}/${vars.id}
    when: body.never
    transform: {body: {raw: '${text}', time: '${request.time}', host: '${request.host}', q: '${query.?q.orValue("")}'}}
  - {name: plain, url: 'http://127.0.0.1:9/'}
  - {name: off, url: 'http://127.0.0.1:9/', enabled: false}
---
name: away
enabled: false
match: {path: /away}
verify: none
target: {url: 'http://127.0.0.1:9/'}
"#;

fn table() -> RouteTable {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    std::fs::write(folder.path().join("routes.d/a.yaml"), ROUTES).unwrap();
    let loader = FolderLoader::new(Folder::find(Some(folder.path())), false, Clock::System, Metrics::default());
    loader.load().value.unwrap_or_else(|found| panic!("{found:?}")).table
}

fn line(route: &str, target: &str, path: &str, body: &str) -> String {
    format!(
        r#"{{"version":1,"id":"msg_7","time":"2026-06-01T12:00:00Z","route":"{route}","target":"{target}","labels":{{}},"event":{{"method":"POST","path":"{path}","query":"q=1","headers":{{"host":"Hooks.Test:8080","content-type":"application/json","x-in":"1"}},"body":{body}}},"attempts":[],"reason":"exhausted","trace_id":""}}"#
    )
}

fn record(route: &str, target: &str, path: &str, body: &str) -> Record {
    Record::parse(line(route, target, path, body).as_bytes()).unwrap()
}

#[test]
fn an_element_of_a_batch_is_json_however_the_whole_came() {
    let table = table();
    let of = |body: &str| {
        let line = line("orders", "plain", "/shops/gh", body).replace("application/json", "application/xml");
        Record::parse(line.replace("\"body\":", "\"element\":2,\"body\":").as_bytes()).unwrap()
    };
    let revived = revive(&table, &of(r#"{"id": 1.50}"#)).unwrap();
    assert_eq!(revived.taken.event.element.as_ref().unwrap().index, 2);
    assert_eq!(revived.outbound.body, r#"{"id": 1.50}"#);
    let headers = &revived.outbound.headers;
    assert_eq!(
        (headers.get("content-type").unwrap().as_bytes(), headers.get("x-in")),
        (&b"application/json"[..], None)
    );
    let refused = revive(&table, &of(r#""<a/>""#)).err().unwrap();
    assert!(matches!(refused, NotReplayable::Body(_)) && refused.to_string().contains("not valid JSON"), "{refused}");
}

#[test]
fn a_record_becomes_the_request_that_was_not_delivered() {
    let table = table();
    let revived = revive(&table, &record("orders", "crm", "/shops/gh%2F1", r#"{"id": 1.50}"#)).unwrap();
    assert_eq!(revived.outbound.id, "msg_7");
    assert_eq!(revived.outbound.headers.get("webhook-id").unwrap(), "msg_7");
    assert_eq!(revived.outbound.headers.get("idempotency-key").unwrap(), "msg_7");
    assert_eq!(revived.outbound.url(), "http://127.0.0.1:9/gh%2F1/1.50");
    let body: serde_json::Value = serde_json::from_slice(&revived.outbound.body).unwrap();
    let expected =
        serde_json::json!({"raw": r#"{"id": 1.50}"#, "time": "2026-06-01T12:00:00Z", "host": "hooks.test", "q": "1"});
    assert_eq!(body, expected);
}

#[test]
fn unchanged_bytes_go_as_they_came() {
    let revived = revive(&table(), &record("orders", "plain", "/shops/a", r#""{\"id\":\n1}""#)).unwrap();
    assert_eq!(revived.outbound.body, "{\"id\":\n1}");
    assert_eq!(revived.outbound.headers.get("x-in").unwrap(), "1");
}

#[test]
fn what_has_no_place_in_the_configuration_says_why() {
    let table = table();
    let error = |record: Record| revive(&table, &record).err().unwrap().to_string();
    assert_eq!(error(record("ordres", "crm", "/shops/a", "{}")), "there is no such route (did you mean `orders`?)");
    assert_eq!(
        error(record("orders", "crn", "/shops/a", r#"{"id":1}"#)),
        "the route has no such target (did you mean `crm`?)"
    );
    assert_eq!(error(record("orders", "off", "/shops/a", r#"{"id":1}"#)), "the target is not enabled");
    assert_eq!(error(record("away", "target", "/away", "{}")), "the route is not enabled");
    assert_eq!(
        error(record("orders", "crm", "/elsewhere", r#"{"id":1}"#)),
        "the path `/elsewhere` does not fit the route"
    );
    assert!(
        error(record("orders", "crm", "/shops/a", r#""{broken""#)).starts_with("the body does not fit the route: ")
    );
    assert!(error(record("orders", "crm", "/shops/a", "{}")).starts_with("the request cannot be built: "));
}

async fn ends(text: &str, replay: Replay) -> Vec<String> {
    let lines = read(Lines::after(Cursor::new(text.as_bytes().to_vec()), 0, 0));
    let ended = run(Arc::new(replay), lines).map(|ended| {
        let Ended { line, end } = ended.unwrap();
        match end {
            End::Failed(failed) => format!("{} {failed}", line.number),
            End::Malformed(_) => format!("{} malformed", line.number),
            other => format!("{} {other:?}", line.number),
        }
    });
    ended.collect().await
}

fn replay(route: Option<&str>, stop: CancellationToken) -> Replay {
    Replay { table: table(), client: Client::new().unwrap(), route: route.map(str::to_owned), interval: None, stop }
}

#[tokio::test]
async fn every_line_has_its_end_in_the_order_of_the_file() {
    let text = ["{", "", &line("orders", "gone", "/shops/a", r#"{"id":1}"#), &line("away", "target", "/away", "{}")]
        .join("\n");
    let found = ends(&text, replay(Some("orders"), CancellationToken::new())).await;
    assert_eq!(found, ["1 malformed", "2 Passed", "3 orders/gone msg_7: the route has no such target", "4 Passed"]);
}

#[tokio::test]
async fn a_replay_that_is_stopped_begins_nothing() {
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(ends(&line("orders", "plain", "/shops/a", r#"{"id":1}"#), replay(None, stop)).await.is_empty());
}
