use super::Escape;
use proptest::prelude::*;

fn escaped(escape: Escape, text: &str) -> String {
    let mut out = String::new();
    escape.append(text, &mut out);
    out
}

#[test]
fn markup_cannot_be_left() {
    let text = "a&b<c>d\"e'f";
    assert_eq!(escaped(Escape::Xml, text), "a&amp;b&lt;c&gt;d&quot;e&apos;f");
    assert_eq!(escaped(Escape::Html, text), "a&amp;b&lt;c&gt;d&quot;e&#39;f");
    assert_eq!(escaped(Escape::None, text), text);
}

#[test]
fn xml_keeps_lines_and_drops_what_it_cannot_hold() {
    assert_eq!(escaped(Escape::Xml, "a\tb\nc\rd"), "a\tb\nc&#13;d");
    assert_eq!(escaped(Escape::Xml, "a\0b\u{1}c\u{FFFE}d\u{1F600}"), "abcd\u{1F600}");
}

#[test]
fn json_is_the_inside_of_a_string() {
    assert_eq!(escaped(Escape::Json, "a\"b\\c\nd\te\u{1}"), r#"a\"b\\c\nd\te\u0001"#);
    assert_eq!(escaped(Escape::Json, "Алия"), "Алия");
}

proptest! {
    #[test]
    fn json_reads_back(text in any::<String>()) {
        let quoted = format!("\"{}\"", escaped(Escape::Json, &text));
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }

    #[test]
    fn xml_reads_back_in_elements_and_attributes(text in "[ -~\r\nа-я&<>\"']*") {
        use quick_xml::events::Event;
        let escaped = escaped(Escape::Xml, &text);
        let markup = format!("<a b=\"{escaped}\" c='{escaped}'>{escaped}</a>");
        let mut reader = quick_xml::Reader::from_str(&markup);
        let mut depth = 0;
        loop {
            match reader.read_event().expect("well-formed") {
                Event::Start(start) => {
                    depth += 1;
                    prop_assert_eq!(depth, 1);
                    prop_assert_eq!(start.attributes().count(), 2);
                }
                Event::Text(part) => prop_assert!(!part.as_ref().contains(&b'<')),
                Event::End(_) | Event::GeneralRef(_) => {}
                Event::Eof => break,
                other => prop_assert!(false, "left the element: {:?}", other),
            }
        }
    }

    #[test]
    fn html_holds_no_markup(text in any::<String>()) {
        let escaped = escaped(Escape::Html, &text);
        prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
    }
}
