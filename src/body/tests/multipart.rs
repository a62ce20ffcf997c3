use super::*;
use proptest::prelude::*;

const FORM_DATA: (&str, &str) = ("content-type", "multipart/form-data; boundary=\"b; x\"");

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    [b"--b; x\r\nContent-Disposition: form-data; ", head.as_bytes(), b"\r\n\r\n", content, b"\r\n"].concat()
}

fn multipart(parts: &[Vec<u8>]) -> Result<Parsed, BodyError> {
    let body = [parts.concat(), b"--b; x--\r\n".to_vec()].concat();
    read(json!({"accept": ["multipart"]}), &[FORM_DATA], body)
}

#[test]
fn fields_are_those_of_a_form() {
    let parts = [
        part("name=\"a\"", b"1"),
        part("name=\"a\"", "é\r\n2".as_bytes()),
        part("name=\"order[items][0][sku]\"\r\nContent-Type: application/json", b"{}"),
        part("name=\"tags[]\"", b""),
    ];
    let expected = json!({"a": ["1", "é\r\n2"], "order": {"items": [{"sku": "{}"}]}, "tags": [""]});
    assert_eq!(value(multipart(&parts)), expected);
    assert_eq!(value(multipart(&[])), json!({}));
}

#[test]
fn files_are_small_maps() {
    let parts = [
        part("name=\"doc\"; filename=\"a.txt\"\r\nContent-Type: text/plain", "привет".as_bytes()),
        part("name=\"files[]\"; filename=\"\"", b""),
        part("name=\"files[]\"; filename=\"b.bin\"\r\nContent-Type: image/png", b"\xff\0"),
    ];
    let expected = json!({
        "doc": {"filename": "a.txt", "content_type": "text/plain", "text": "привет"},
        "files": [{"filename": "", "text": ""}, {"filename": "b.bin", "content_type": "image/png", "base64": "/wA="}],
    });
    assert_eq!(value(multipart(&parts)), expected);
}

#[test]
fn what_is_malformed() {
    assert!(is_malformed(multipart(&[part("name=\"a\"", b"\xff")])), "a field that is not UTF-8");
    assert!(is_malformed(multipart(&[part("x=\"a\"", b"1")])), "a part without a name");
    let spec = json!({"accept": ["multipart"]});
    assert!(is_malformed(read(spec.clone(), &[FORM_DATA], part("name=\"a\"", b"1"))), "no last boundary");
    assert!(is_malformed(read(spec.clone(), &[FORM_DATA], "nothing of the kind")));
    assert!(is_malformed(read(spec, &[("content-type", "multipart/form-data")], "--x--")), "no boundary");
    assert!(is_malformed(multipart(&vec![part("name=\"a\"", b"1"); 10_001])), "too many");
}

proptest! {
    #[test]
    fn any_bytes_are_survived(pieces in proptest::collection::vec(prop_oneof![
        Just(b"--b; x".to_vec()), Just(b"--b; x\r\n".to_vec()), Just(b"--b; x--".to_vec()), Just(b"\r\n".to_vec()),
        Just(b"\r\n\r\n".to_vec()), Just(b"content-disposition: form-data; name=\"a\"".to_vec()),
        Just(b"; filename=\"f".to_vec()), proptest::collection::vec(any::<u8>(), 0..10),
    ], 0..12)) {
        let _ = read(json!({"accept": ["multipart"]}), &[FORM_DATA], pieces.concat());
    }

    #[test]
    fn fields_arrive_as_sent(fields in proptest::collection::vec("[^\r\n]{0,20}", 1..5)) {
        let parts: Vec<_> =
            fields.iter().enumerate().map(|(n, text)| part(&format!("name=\"f{n}\""), text.as_bytes())).collect();
        let expected: Value = fields.iter().enumerate().map(|(n, text)| (format!("f{n}"), json!(text))).collect();
        prop_assert_eq!(value(multipart(&parts)), expected);
    }
}
