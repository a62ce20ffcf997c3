use super::*;
use http_body_util::BodyExt;
use serde_json::Value;

fn every() -> Vec<(Rejection, u16)> {
    let wait = Duration::from_millis(2500);
    vec![
        (Rejection::NotFound, 404),
        (Rejection::MethodNotAllowed { allow: "GET, POST".into() }, 405),
        (Rejection::Overload, 503),
        (Rejection::Draining, 503),
        (Rejection::RateLimited { retry_after: wait }, 429),
        (Rejection::TooLarge { max_size: 1024 }, 413),
        (Rejection::BodyTimeout, 408),
        (Rejection::UnsupportedMediaType { detail: "accepted: json, form".into() }, 415),
        (Rejection::Unauthorized, 401),
        (Rejection::Forbidden, 403),
        (Rejection::Refused { status: StatusCode::FORBIDDEN }, 403),
        (Rejection::Malformed { detail: "not JSON: line 1 column 2".into() }, 400),
        (Rejection::Unprocessable { detail: "the payload breaks its schema".into(), errors: vec![] }, 422),
        (Rejection::NotDelivered { retry_after: Some(wait) }, 502),
        (Rejection::DeadlineExceeded { retry_after: None }, 504),
        (Rejection::Internal, 500),
    ]
}

async fn document(answer: Answer) -> Value {
    let frame = answer.into_body().frame().await.unwrap().unwrap();
    serde_json::from_slice(&frame.into_data().unwrap()).unwrap()
}

#[tokio::test]
async fn every_refusal_is_a_problem_document_with_the_request_id() {
    for (rejection, status) in every() {
        assert_eq!(rejection.status().as_u16(), status);
        let answer = rejection.clone().into_answer("id-1");
        assert_eq!(answer.status().as_u16(), status, "{rejection:?}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.headers()["x-request-id"], "id-1");
        let document = document(answer).await;
        assert_eq!(document["status"], status);
        assert_eq!(document["request_id"], "id-1");
        for member in ["type", "title", "detail"] {
            assert!(document[member].as_str().is_some_and(|text| !text.is_empty()), "{rejection:?} {member}");
        }
        assert!(document.get("errors").is_none());
    }
}

#[test]
fn retry_after_is_whole_seconds_rounded_up_and_only_where_a_retry_helps() {
    for (rejection, _) in every() {
        let expected = match &rejection {
            Rejection::Overload | Rejection::Draining => Some("1"),
            Rejection::RateLimited { .. } | Rejection::NotDelivered { .. } => Some("3"),
            _ => None,
        };
        let answer = rejection.into_answer("id");
        assert_eq!(answer.headers().get("retry-after").map(|value| value.to_str().unwrap()), expected);
    }
    assert_eq!(whole_seconds(Duration::ZERO), 1);
    assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
}

#[test]
fn method_not_allowed_says_what_is() {
    let answer = Rejection::MethodNotAllowed { allow: "GET, POST".into() }.into_answer("id");
    assert_eq!(answer.headers()["allow"], "GET, POST");
}

#[tokio::test]
async fn a_refused_sender_learns_nothing_from_the_answer() {
    let answer = Rejection::Unauthorized.into_answer("id");
    assert_eq!(answer.headers()["www-authenticate"], "Webhook");
    let unauthorized = document(answer).await;
    let answer = Rejection::Refused { status: StatusCode::BAD_REQUEST }.into_answer("id");
    assert!(answer.headers().get("www-authenticate").is_none());
    let mut refused = document(answer).await;
    refused["status"] = 401.into();
    assert_eq!(refused, unauthorized);
}

#[tokio::test]
async fn failing_places_are_listed_up_to_a_bound() {
    let violation = |n: usize| Violation { pointer: format!("/items/{n}"), detail: "a number".into() };
    let errors = (0..50).map(violation).collect();
    let answer = Rejection::Unprocessable { detail: "schema".into(), errors }.into_answer("id");
    let document = document(answer).await;
    assert_eq!(document["errors"].as_array().unwrap().len(), VIOLATIONS_MAX);
    assert_eq!(document["errors"][1], serde_json::json!({"pointer": "/items/1", "detail": "a number"}));
}

#[test]
fn a_value_that_is_no_header_is_left_out() {
    let answer = Rejection::MethodNotAllowed { allow: "GET\r\nx: y".into() }.into_answer("a\nb");
    assert!(answer.headers().get("allow").is_none() && answer.headers().get("x-request-id").is_none());
}
