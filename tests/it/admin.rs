//! The admin listener of a running router: what happened of late, and who may ask.

use crate::harness::{Answer, Held, PATIENCE, Request, Router, Target};
use crate::metrics::until_waiting;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

fn route(target: &Target) -> String {
    format!(
        "name: orders\nmatch: {{path: /orders, when: body.state == \"new\"}}\nverify: none\n\
         labels: {{order: '${{string(body.id)}}'}}\n\
         targets:\n  - name: shop\n    url: {}\n    retry: {{max: 1, delay: 1ms}}\n  \
         - name: silent\n    url: {}\n    when: body.loud\n",
        target.url("/in"),
        target.url("/silent")
    )
}

fn get(router: &Router, path: &str) -> Value {
    let answer = router.ask_admin(Request::new("GET", path));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn what_happened_is_told_with_its_reasons() {
    let target = Target::new(|number, _| Answer::status(if number == 0 { 503 } else { 200 }));
    let router = Router::start(&[("routes.d/orders.yaml", &route(&target))]);
    let trace = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
    let taken = Request::post("/orders").header("x-request-id", "first").header("traceparent", trace);
    assert_eq!(router.send(taken.json(r#"{"id": 7, "state": "new"}"#)).status, 200);
    assert_eq!(router.send(Request::post("/orders").json(r#"{"id": 8}"#)).status, 200);
    assert_eq!(router.send(Request::post("/nowhere").json("{}")).status, 404);

    let deliveries = get(&router, "/deliveries?label=order:7");
    let delivery = &deliveries["deliveries"][0];
    assert_eq!(delivery["request_id"], "first");
    assert_eq!((&delivery["outcome"], &delivery["status"]), (&json!("success"), &json!(200)));
    let attempts = delivery["attempts"].as_array().unwrap();
    let told: Vec<_> = attempts.iter().map(|attempt| (&attempt["status"], &attempt["outcome"])).collect();
    assert_eq!(told, [(&json!(503), &json!("server_error")), (&json!(200), &json!("success"))]);
    assert_eq!(delivery["trace_id"], "0123456789abcdef0123456789abcdef");

    let events = get(&router, "/events");
    let events: Vec<_> = events["events"].as_array().unwrap().iter().rev().collect();
    let outcomes: Vec<_> = events.iter().map(|event| event["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["delivered", "ignored", "refused"]);
    assert_eq!(events[0]["routes"], json!([{"route": "orders", "outcome": "taken", "reason": ""}]));
    let skipped =
        json!([{"route": "orders", "target": "silent", "reason": "the target's `when` is false: body.loud is absent"}]);
    assert_eq!(events[0]["skipped"], skipped);
    assert_eq!(events[0]["labels"], json!({"order": "7"}));
    assert_eq!(events[1]["routes"][0]["reason"], "`when` is false: body.state is absent");
    assert_eq!((&events[2]["path"], &events[2]["error"]), (&json!("/nowhere"), &json!("not-found")));
    let of_target =
        |target: &str| get(&router, &format!("/events?target={target}"))["events"].as_array().unwrap().len();
    assert_eq!((of_target("shop"), of_target("silent"), of_target("none")), (1, 1, 0));

    let routes = get(&router, "/routes");
    let [shop, silent] = [0, 1].map(|at| routes["routes"][0]["targets"][at]["statistics"].clone());
    assert_eq!((&shop["sent"], &shop["succeeded"], &silent), (&json!(1), &json!(1), &Value::Null));
}

#[test]
fn a_delivery_says_which_element_it_is_of_where_it_was_led_and_who_keeps_it() {
    let (pay, graveyard) = (Target::new(|_, _| Answer::status(400)), Target::ok());
    let settings =
        format!("targets: {{pay: {{url: '{}'}}, graveyard: {{url: '{}'}}}}\n", pay.url("/"), graveyard.url("/"));
    let route = "name: a\nmatch: {path: /a}\nverify: none\neach: {in: '${body}'}\ntargets:\n  \
                 - {name: team, choose: '${body.team}', among: [pay], dead_letter: graveyard}\n  \
                 - {name: wrong, use: pay, headers: {x-n: '${body.n}'}, dead_letter: graveyard, required: strict}\n";
    let router = Router::start(&[("hookswitch.yaml", &settings), ("routes.d/a.yaml", route)]);
    assert_eq!(router.send(Request::post("/a").json(r#"[{"team": "pay", "n": "1"}, {"team": "pay"}]"#)).status, 502);
    let of = |target: &str| {
        let mut told = get(&router, &format!("/deliveries?target={target}"))["deliveries"].as_array().unwrap().clone();
        told.sort_by_key(|delivery| delivery["element"].as_u64());
        let facts = |told: &Value| ["element", "chosen", "dead_letter", "outcome"].map(|name| told[name].clone());
        told.iter().map(facts).collect::<Vec<_>>()
    };
    assert_eq!(of("team"), [0, 1].map(|n| [json!(n), json!("pay"), json!("graveyard"), json!("refused")]));
    let wrong = ["refused", "expression"];
    assert_eq!(of("wrong"), [0, 1].map(|n| [json!(n), Value::Null, json!("graveyard"), json!(wrong[n])]));
    let kept = of("graveyard");
    assert_eq!(kept.len(), 4);
    let fine = |facts: &[Value; 4]| facts[1..] == [Value::Null, Value::Null, json!("success")];
    assert!(kept.iter().all(fine), "the dead letter was chosen by nobody: {kept:?}");
    assert_eq!(graveyard.all().len(), 4);
}

#[test]
fn a_delivery_says_what_it_waited_for() {
    let mut held = Held::new();
    let route = format!("name: a\n{}", held.route(", limit: {concurrency: 1}"));
    let router = Router::start(&[("routes.d/a.yaml", &route)]);
    let to = router.webhooks;
    let send = |id: &'static str| {
        std::thread::spawn(move || Request::post("/a").header("x-request-id", id).json("{}").send(to).status)
    };
    let first = send("first");
    held.arrived();
    let second = send("second");
    until_waiting(&router, "a", "t", 1.0);
    held.let_go();
    assert_eq!([first, second].map(|sending| sending.join().unwrap()), [200; 2]);
    let of = |id: &str| get(&router, &format!("/deliveries?request_id={id}"))["deliveries"][0].clone();
    let told = of("second");
    let waits = told["waits"].as_array().unwrap();
    let [wait] = &waits[..] else { panic!("{waits:?}") };
    assert_eq!(wait["reason"], "concurrency");
    let milliseconds = |value: &Value| value["duration_ms"].as_f64().unwrap();
    assert!(milliseconds(wait) > 0.0 && milliseconds(wait) <= milliseconds(&told), "{told}");
    assert!(wait["time"].as_str().unwrap() <= told["attempts"][0]["time"].as_str().unwrap(), "{told}");
    let first = of("first");
    let nothing = ["waits", "element", "chosen", "dead_letter"].map(|name| first[name].clone());
    assert_eq!(nothing, [json!([]), Value::Null, Value::Null, Value::Null]);
}

#[test]
fn what_is_known_of_a_target_outlives_a_reload() {
    let target = Target::ok();
    let text = route(&target);
    let router = Router::start_with(&[("routes.d/orders.yaml", &text)], &["--no-watch"], &[]);
    router.send(Request::post("/orders").json(r#"{"id": 7, "state": "new"}"#));
    router.write("routes.d/orders.yaml", &text.replace("max: 1", "max: 2"));
    let reloaded = router.ask_admin(Request::post("/reload"));
    assert_eq!((reloaded.status, &reloaded.json()["outcome"]), (200, &json!("applied")));
    assert_eq!(get(&router, "/routes")["routes"][0]["targets"][0]["statistics"]["sent"], 1);
    assert_eq!(get(&router, "/deliveries")["deliveries"].as_array().unwrap().len(), 1);
}

/// A stream of the admin listener, read line by line.
struct Reader(BufReader<TcpStream>);

impl Reader {
    fn open(router: &Router, path: &str, headers: &str) -> Reader {
        let mut stream = TcpStream::connect(router.admin).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").unwrap();
        let mut reader = Reader(BufReader::new(stream));
        reader.until("retry: ");
        reader
    }

    /// The next line that begins so, without that.
    fn until(&mut self, beginning: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.trim_end().to_owned();
            }
        }
    }
}

#[test]
fn deliveries_stream_as_they_end_and_continue_after_a_break() {
    let target = Target::ok();
    let router = Router::start(&[("routes.d/orders.yaml", &route(&target))]);
    let send = |id: u32| router.send(Request::post("/orders").json(&format!(r#"{{"id": {id}, "state": "new"}}"#)));
    let mut reader = Reader::open(&router, "/deliveries/stream?label=order:2", "");
    (1..=3).for_each(|id| assert_eq!(send(id).status, 200));
    assert_eq!(reader.until("event: "), "delivery");
    let id = reader.until("id: ");
    let told: Value = serde_json::from_str(&reader.until("data: ")).unwrap();
    assert_eq!((&told["labels"]["order"], &told["id"]), (&json!("2"), &json!(id)));
    drop(reader);
    let mut reader = Reader::open(&router, "/deliveries/stream", &format!("last-event-id: {id}\r\n"));
    let told: Value = serde_json::from_str(&reader.until("data: ")).unwrap();
    assert_eq!(told["labels"]["order"], "3");
    let mut reader = Reader::open(&router, "/events/stream?outcome=ignored", "");
    router.send(Request::post("/orders").json("{}"));
    let told: Value = serde_json::from_str(&reader.until("data: ")).unwrap();
    assert_eq!(told["routes"][0]["outcome"], "ignored");
}

#[test]
fn a_stop_does_not_wait_for_readers_of_a_stream() {
    let target = Target::ok();
    let router = Router::start(&[("routes.d/orders.yaml", &route(&target))]);
    let reader = Reader::open(&router, "/events/stream", "");
    router.signal("TERM");
    assert!(router.wait().0.success());
    drop(reader);
}
