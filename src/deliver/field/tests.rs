use super::*;

#[test]
fn a_plain_value_is_shown_as_it_is() {
    let value = Rendered::open("a");
    assert_eq!(Visibility::Plain.shown(&value), None);
}

#[test]
fn a_credential_that_was_written_out_is_not_shown() {
    let value = Rendered::open("example-token");
    assert_eq!(Visibility::Credential.shown(&value), Some("…"));
    let (header, shown) = build(&http::header::AUTHORIZATION, "Bearer ", Visibility::Credential, &value).unwrap();
    assert!(header.is_sensitive());
    assert_eq!((header.to_str().unwrap(), shown.as_deref()), ("Bearer example-token", Some("Bearer …")));
}

#[test]
fn a_line_break_cannot_enter_a_header() {
    let name = HeaderName::from_static("x-note");
    for value in ["a\r\nx-evil: 1", "a\nb", "a\0b"] {
        let error = build(&name, "", Visibility::Plain, &Rendered::open(value)).unwrap_err();
        assert!(error.to_string().starts_with("x-note: "), "{error}");
    }
}

#[test]
fn what_is_set_later_replaces_the_value_and_what_is_shown() {
    let (mut headers, mut shown) = (HeaderMap::new(), ShownHeaders::new());
    let name = HeaderName::from_static("x-key");
    let first = (HeaderValue::from_static("secret"), Some("${env:KEY}".to_owned()));
    set(&mut headers, &mut shown, &name, first);
    set(&mut headers, &mut shown, &name, (HeaderValue::from_static("open"), None));
    assert_eq!((headers["x-key"].to_str().unwrap(), shown), ("open", ShownHeaders::new()));
}
