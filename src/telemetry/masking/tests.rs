use super::*;
use http::HeaderValue;
use proptest::prelude::*;
use serde_json::json;

fn masking() -> Masking {
    Masking::new(vec![Secret::new("s3cr"), Secret::new("s3cr3t-value"), Secret::new("")])
}

fn masked_json(value: Value) -> Value {
    let masked = masking().payload(&HeaderMap::new(), value.to_string().as_bytes());
    serde_json::from_str(&masked.body).unwrap()
}

fn form(text: &str) -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"));
    let body = masking().payload(&headers, text.as_bytes()).body;
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

#[test]
fn credential_headers_are_masked_and_others_are_shown() {
    let mut headers = HeaderMap::new();
    for name in ["authorization", "cookie", "x-api-key", "x-telegram-bot-api-secret-token", "x-hub-signature-256"] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static("visible"));
    }
    headers.append("x-event", HeaderValue::from_static("order by s3cr3t-value"));
    headers.append("x-long", HeaderValue::from_str(&"a".repeat(5000)).unwrap());
    let masked = masking().payload(&headers, b"");
    let shown = |name: &str| masked.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(masked.headers.iter().filter(|(_, value)| value == MASK).count(), 5);
    assert_eq!(shown("x-event"), Some("order by ***"));
    assert_eq!(shown("x-long").map(str::len), Some(MAX_HEADER));
}

#[test]
fn json_is_masked_by_name_by_value_and_by_number() {
    let masked = masked_json(json!({
        "order": {"id": 17, "phone": "+7 900 000-00-00", "clientEmail": "a@example.com", "status_name": "new"},
        "customer": {"name": "Ann", "first_name": "Ann", "mobile": 79000000000u64},
        "customers": [{"lastName": "B"}], "client": [{"name": "C"}],
        "api_key": "x", "user": {"accessToken": {"any": "thing"}}, "password": null, "sessionActive": true,
        "note": "card 4111 1111-1111 1111, not 4111111111111112", "number": 4111111111111111u64,
        "key is s3cr3t-value": ["uses s3cr3t-value", "and s3cr"], "product": {"name": "Pizza"},
    }));
    let expected = json!({
        "order": {"id": 17, "phone": MASK, "clientEmail": MASK, "status_name": "new"},
        "customer": {"name": MASK, "first_name": MASK, "mobile": MASK},
        "customers": [{"lastName": MASK}], "client": [{"name": MASK}],
        "api_key": MASK, "user": {"accessToken": MASK}, "password": null, "sessionActive": true,
        "note": "card ***, not 4111111111111112", "number": MASK,
        "key is ***": ["uses ***", "and ***"], "product": {"name": "Pizza"},
    });
    assert_eq!(masked, expected);
}

#[test]
fn a_secret_that_json_escapes_is_found() {
    let masking = Masking::new(vec![Secret::new("a\"b\\c")]);
    let body = json!({"x": "a\"b\\c"}).to_string();
    assert_eq!(masking.payload(&HeaderMap::new(), body.as_bytes()).body, r#"{"x":"***"}"#);
}

#[test]
fn forms_are_masked_like_json() {
    let shown =
        form("customer%5Bphone%5D=79&order[id]=5&token=x&order={\"email\":\"a\",\"n\":1}&t=s3cr3t%2Dvalue&emails[]=a");
    let expected = [
        ("customer[phone]", MASK),
        ("order[id]", "5"),
        ("token", MASK),
        ("order", r#"{"email":"***","n":1}"#),
        ("t", MASK),
        ("emails[]", "a"),
    ];
    assert_eq!(shown, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn text_and_bytes_are_shown_as_what_they_are() {
    assert_eq!(
        masking().payload(&HeaderMap::new(), b"say s3cr3t-value twice: s3cr3t-value").body,
        "say *** twice: ***"
    );
    assert_eq!(masking().payload(&HeaderMap::new(), &[0xff, 0xfe]).body, "(2 bytes that are not text)");
    assert_eq!(masking().payload(&HeaderMap::new(), b"").body, "");
}

#[test]
fn masking_comes_before_cutting() {
    let body = format!("{}s3cr3t-value and more", "ы".repeat(MAX_BODY / 2 - 3));
    let masked = masking().payload(&HeaderMap::new(), body.as_bytes());
    assert!(
        masked.truncated && masked.body.len() <= MAX_BODY && !masked.body.contains("s3"),
        "{:?}",
        masked.body.len()
    );
}

#[test]
fn only_real_card_numbers_are_taken() {
    for card in ["4111111111111111", "5500-0000-0000-0004", "3400 0000 0000 009", "4222222222222"] {
        assert_eq!(without_cards(card), MASK, "{card}");
        assert_eq!(without_cards(&format!("a{card} ")), format!("a{MASK} "), "{card}");
    }
    for other in
        ["4111111111111112", "123456789012", "00000000000000000000", "2026-11-22 03:00", "4111  1111  1111  1111"]
    {
        assert_eq!(without_cards(other), other);
    }
}

proptest! {
    #[test]
    fn no_secret_survives_in_any_body(before in "[a-z{}\":,\\[\\]&=% ]{0,30}", after in ".{0,30}", form in any::<bool>()) {
        let mut headers = HeaderMap::new();
        if form {
            headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        }
        let body = format!("{before}s3cr3t-value{after}");
        prop_assert!(!masking().payload(&headers, body.as_bytes()).body.contains("s3cr"));
    }

    #[test]
    fn whatever_comes_it_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = masking().payload(&HeaderMap::new(), &body);
    }
}

#[test]
fn for_an_operator_secrets_alone_are_hidden() {
    let mut shown = json!({"s3cr": [{"phone": "+7 900", "token": "x s3cr3t-value y"}], "n": 4111111111111111_u64});
    masking().hide(&mut shown);
    assert_eq!(shown, json!({"***": [{"phone": "+7 900", "token": "x *** y"}], "n": 4111111111111111_u64}));
}

#[test]
fn common_personal_fields_are_masked_by_their_names() {
    let body = r#"{"customer":{"name":"p1","email":"p2","phone":"p3","firstName":"p4"},"delivery_address":{"city":"p5","flat":6},
        "address":"p7","card":"p8","shipping":{"street":"p9","zip_code":"p10"},"product":{"name":"kept"},"status":"kept"}"#;
    let shown = Masking::default().payload(&HeaderMap::new(), body.as_bytes()).body;
    assert!((1..=10).all(|n| !shown.contains(&format!("\"p{n}\""))) && !shown.contains('6'), "{shown}");
    assert_eq!(shown.matches("kept").count(), 2, "{shown}");
    let mut headers = HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("application/x-www-form-urlencoded"));
    let form = Masking::default().payload(&headers, b"order[address][city]=p1&customer[email]=p2&order[id]=kept").body;
    assert!(!form.contains("p1") && !form.contains("p2") && form.contains("kept"), "{form}");
}
