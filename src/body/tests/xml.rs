use super::*;
use proptest::prelude::*;

fn xml(text: impl AsRef<[u8]>) -> Result<Parsed, BodyError> {
    read(json!({"accept": ["xml"]}), &[], text)
}

#[test]
fn elements_are_maps() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?><!-- an order -->
        <order id="7" xmlns:x='urn:x'>
            <item sku="A">Tea &amp; &lt;cake&gt; &#233;&#x20AC;</item>
            <x:note/>
            <item sku="B"><![CDATA[<raw> &amp; ]]></item>
        </order>
        <?pi ignored?>"#;
    let expected = json!({"order": {
        "@id": "7", "@xmlns:x": "urn:x",
        "item": [{"@sku": "A", "#text": "Tea & <cake> é€"}, {"@sku": "B", "#text": "<raw> &amp;"}],
        "x:note": {},
    }});
    assert_eq!(value(xml(text)), expected);
    let keys: Vec<_> = expected["order"].as_object().expect("a map").keys().cloned().collect();
    let parsed = xml(text).expect("XML");
    let order = parsed.body.root().get("order").expect("the root");
    assert_eq!(order.entries().map(|(key, _)| key).collect::<Vec<_>>(), keys);
}

#[test]
fn text_is_joined_and_trimmed() {
    assert_eq!(value(xml("<a> one <b>x</b>\r\n two </a>")), json!({"a": {"b": {"#text": "x"}, "#text": "one \n two"}}));
    assert_eq!(value(xml("<a> \n </a>")), json!({"a": {}}));
    assert_eq!(value(xml("<a x=' 1&quot; '/>")), json!({"a": {"@x": " 1\" "}}));
    assert_eq!(value(xml("\u{feff}<заказ>да</заказ>")), json!({"заказ": {"#text": "да"}}));
}

#[test]
fn what_is_dangerous_or_malformed_is_refused() {
    for text in [
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
        "<a>&x;</a>",
        "<a b=\"&x;\"/>",
        "<a>&#0;</a>",
        "<a>&#x1;</a>",
        "<a>\u{1}</a>",
        "<a b='\u{1}'/>",
        "<a>",
        "<a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "<a/><![CDATA[x]]>",
        "<a b='1' b='2'/>",
        "<a b=1/>",
        "<a b/>",
        "<1a/>",
        "<a 1b='x'/>",
        "<a><!-- -- --></a>",
        "just text",
        " ",
        "<!-- only -->",
        "<",
        "<a",
        "&#",
        "{}",
    ] {
        assert!(is_malformed(xml(text)), "{text}");
    }
}

#[test]
fn xml_is_bounded() {
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    assert!(xml(nested(60)).is_ok());
    assert!(is_malformed(xml(nested(61))));
    assert!(is_malformed(xml("<a>".repeat(100_000))));
    assert!(xml(format!("<r>{}</r>", "<a/>".repeat(49_999))).is_ok());
    assert!(is_malformed(xml(format!("<r>{}</r>", "<a/>".repeat(50_000)))));
    let with = |count: usize| format!("<a{}/>", (0..count).map(|n| format!(" a{n}=''")).collect::<String>());
    assert!(xml(with(1000)).is_ok());
    assert!(is_malformed(xml(with(1001))));
}

#[test]
fn the_declaration_may_name_the_charset() {
    let latin = b"<?xml version='1.0' encoding='windows-1251'?><a>\xcf\xf0\xe8</a>";
    assert!(is_unsupported(xml(latin)));
    let any = json!({"accept": ["any"]});
    let pairs = [("content-type", "text/xml")];
    assert_eq!(value(read(any.clone(), &pairs, latin)), json!({"a": {"#text": "При"}}));
    assert_eq!(value(xml("<?xml version='1.0' encoding='us-ascii'?><a/>")), json!({"a": {}}));
    // The content type outranks the declaration (RFC 7303, section 3).
    let pairs = [("content-type", "text/xml; charset=utf-8")];
    let lying = "<?xml version='1.0' encoding='windows-1251'?><a>При</a>";
    assert_eq!(value(read(json!({"accept": ["xml"]}), &pairs, lying)), json!({"a": {"#text": "При"}}));
    let made_up = "<?xml version='1.0' encoding='made-up'?><a/>";
    assert_eq!(value(read(any, &[("content-type", "text/xml")], made_up)), Value::Null);
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "(<|>|/|a|b|=|'|\"|&|;|#|!|\\?|-|\\[|\\]|CDATA| |é|\u{1}|<a>|</a>|<a/>|xml|amp){0,30}") {
        let _ = xml(text);
    }

    #[test]
    fn text_arrives_as_sent(text in "[^\u{0}-\u{20}\u{7f}-\u{a0}\u{2028}\u{fffe}\u{ffff}][ -~éя🦀]{0,20}[a-z]") {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let parsed = value(xml(format!("<a b=\"{escaped}\">{escaped}</a>")));
        prop_assert_eq!(parsed, json!({"a": {"@b": text, "#text": text}}));
    }
}
