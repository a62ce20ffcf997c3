//! What was expected against what happened.

use super::Failure;
use crate::config::spec::{ExpectDeliverySpec, ExpectResponseSpec, ExpectSpec, Ordered};
use crate::deliver::Outbound;
use crate::rehearsal::Performance;
use crate::route::{self, Decision};
use crate::server::record::{DeliveryNote, What};
use http::HeaderMap;
use serde_json::Value;

/// Every difference, in the order in which people read an example.
pub fn compare(expect: &ExpectSpec, performance: &Performance) -> Vec<Failure> {
    let mut failures = Vec::new();
    if let Some(expected) = &expect.routes {
        compare_routes(expected, performance, &mut failures);
    }
    if let Some(expected) = &expect.deliveries {
        compare_deliveries(expected, performance, &mut failures);
    }
    if let Some(expected) = &expect.response {
        compare_response(expected, performance, &mut failures);
    }
    failures
}

fn compare_routes(expected: &[String], performance: &Performance, failures: &mut Vec<Failure>) {
    let decisions = &performance.notes.decisions;
    let taken: Vec<&str> =
        decisions.iter().filter(|(_, decision)| *decision == Decision::Taken).map(|(route, _)| &*route.name).collect();
    if taken == expected.iter().map(String::as_str).collect::<Vec<_>>() {
        return;
    }
    let mut text = format!("routes: expected {expected:?}, got {taken:?}");
    for (route, decision) in decisions {
        match decision {
            Decision::Taken => {}
            Decision::Ignored(ignored) => text.push_str(&format!("\n  {} ignored it: {ignored}", route.name)),
            Decision::Failed(error) => text.push_str(&format!("\n  {} failed: {error}", route.name)),
            Decision::Broken(places) => text.push_str(&format!("\n  {} failed: {}", route.name, route::places(places))),
            Decision::RateLimited(_) => text.push_str(&format!("\n  {} is over its limit", route.name)),
        }
    }
    if decisions.is_empty() {
        text.push_str(&format!(
            "\n  it was answered {} before any route saw it: {}",
            performance.status,
            body_text(&performance.body)
        ));
    }
    failures.push(Failure(text));
}

fn compare_deliveries(expected: &[ExpectDeliverySpec], performance: &Performance, failures: &mut Vec<Failure>) {
    let sent: Vec<(&DeliveryNote, &Outbound)> = performance.notes.sent().collect();
    if sent.len() != expected.len() {
        let got: Vec<String> = sent
            .iter()
            .map(|(note, outbound)| format!("{}/{} {}", note.route, note.target, outbound.shown_url()))
            .collect();
        let mut text = format!("deliveries: expected {}, got {}: {got:?}", expected.len(), sent.len());
        for note in &performance.notes.deliveries {
            match &note.what {
                What::Skipped(skip) => text.push_str(&format!("\n  {}/{} skipped: {skip}", note.route, note.target)),
                What::NotBuilt(error) => text.push_str(&format!("\n  {}/{} failed: {error}", note.route, note.target)),
                What::Sent { outbound, end } if end.is_refused() => text.push_str(&format!(
                    "\n  {}/{} refused by egress: {}",
                    note.route,
                    note.target,
                    outbound.shown_url()
                )),
                What::Sent { .. } => {}
            }
        }
        failures.push(Failure(text));
        return;
    }
    for (position, (expected, (note, outbound))) in expected.iter().zip(sent).enumerate() {
        let at = format!("deliveries[{position}] ({}/{})", note.route, note.target);
        compare_delivery(&at, expected, note, outbound, failures);
    }
}

fn compare_delivery(
    at: &str,
    expected: &ExpectDeliverySpec,
    note: &DeliveryNote,
    outbound: &Outbound,
    failures: &mut Vec<Failure>,
) {
    let mut field = |name: &str, expected: &Option<String>, got: &str| {
        if expected.as_deref().is_some_and(|expected| expected != got) {
            failures.push(Failure(format!(
                "{at}.{name}: expected {:?}, got {got:?}",
                expected.as_deref().unwrap_or_default()
            )));
        }
    };
    field("route", &expected.route, &note.route);
    field("target", &expected.target, &note.target);
    field("chosen", &expected.chosen, note.chosen.as_deref().unwrap_or("none"));
    let number = |element: Option<usize>| element.map(|element| element.to_string());
    if expected.element.is_some() {
        field("element", &number(expected.element), number(note.element).as_deref().unwrap_or("none"));
    }
    field("method", &expected.method, outbound.method.as_str());
    field("url", &expected.url, outbound.shown_url());
    compare_headers(&format!("{at}.headers"), &expected.headers, &outbound.shown(), failures);
    compare_body(&format!("{at}.body"), &expected.body, false, &outbound.headers, &outbound.body, failures);
    compare_body(&format!("{at}.body_exact"), &expected.body_exact, true, &outbound.headers, &outbound.body, failures);
}

fn compare_response(expected: &ExpectResponseSpec, performance: &Performance, failures: &mut Vec<Failure>) {
    if expected.status.is_some_and(|status| status != performance.status) {
        let (status, body) = (expected.status.unwrap_or_default(), body_text(&performance.body));
        failures.push(Failure(format!("response.status: expected {status}, got {}: {body}", performance.status)));
    }
    let headers = &performance.headers;
    let shown: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    compare_headers("response.headers", &expected.headers, &shown, failures);
    compare_body("response.body", &expected.body, false, headers, &performance.body, failures);
    compare_body("response.body_exact", &expected.body_exact, true, headers, &performance.body, failures);
}

fn compare_headers(
    at: &str,
    expected: &Ordered<Option<String>>,
    got: &[(String, String)],
    failures: &mut Vec<Failure>,
) {
    for (name, expected) in expected {
        let values: Vec<&str> =
            got.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect();
        let got = (!values.is_empty()).then(|| values.join(", "));
        if *expected != got {
            let show = |value: &Option<String>| {
                value.as_ref().map_or("no such header".to_owned(), |value| format!("{value:?}"))
            };
            failures.push(Failure(format!("{at}.{name}: expected {}, got {}", show(expected), show(&got))));
        }
    }
}

fn compare_body(
    at: &str,
    expected: &Option<Value>,
    exact: bool,
    headers: &HeaderMap,
    got: &[u8],
    failures: &mut Vec<Failure>,
) {
    let Some(expected) = expected else { return };
    let got = readable(headers, got);
    let fits = if exact { same(expected, &got) } else { contains(expected, &got) };
    if !fits {
        let relation = if exact { "expected" } else { "expected at least" };
        failures.push(Failure(format!("{at}: {relation} {expected}\n  got {got}")));
    }
}

/// A JSON body as JSON, any other as its text.
pub fn readable(headers: &HeaderMap, body: &[u8]) -> Value {
    let content_type =
        headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence.ends_with("/json") || essence.ends_with("+json");
    let parsed = is_json.then(|| serde_json::from_slice(body).ok()).flatten();
    parsed.unwrap_or_else(|| Value::String(body_text(body)))
}

fn body_text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// `expected` is a part of `got`: maps may have more keys, lists are compared whole, element by element.
fn contains(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            expected.iter().all(|(key, expected)| got.get(key).is_some_and(|got| contains(expected, got)))
        }
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| contains(expected, got))
        }
        _ => same(expected, got),
    }
}

/// Numbers by value: an example may write 100 for 100.00.
fn same(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Number(expected), Value::Number(got)) => expected == got || expected.as_f64() == got.as_f64(),
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| same(expected, got))
        }
        (Value::Object(expected), Value::Object(got)) => {
            expected.len() == got.len()
                && expected.iter().all(|(key, expected)| got.get(key).is_some_and(|got| same(expected, got)))
        }
        _ => expected == got,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_subset_is_contained_and_nothing_else_is() {
        let got = json!({"a": 1, "b": {"c": [1, {"d": 2, "e": 3}]}});
        assert!(contains(&json!({}), &got));
        assert!(contains(&json!({"b": {"c": [1, {"d": 2}]}}), &got));
        assert!(!contains(&json!({"b": {"c": [1]}}), &got));
        assert!(!contains(&json!({"a": 2}), &got));
        assert!(!contains(&json!({"x": null}), &got));
        assert!(contains(&json!({"a": 1.0}), &got));
    }

    #[test]
    fn the_whole_is_compared_key_by_key_in_any_order() {
        assert!(same(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1.00})));
        assert!(!same(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
        assert!(!same(&json!("1"), &json!(1)));
    }
}
