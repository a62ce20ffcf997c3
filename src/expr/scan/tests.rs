use super::*;

fn literal(text: &str) -> Piece {
    Piece::Literal(text.to_owned())
}

fn expression(source: &str, offset: usize) -> Piece {
    Piece::Expression { source: source.to_owned(), offset }
}

fn env(name: &str, default: Option<&str>) -> Piece {
    Piece::Reference(Reference::Env { name: name.to_owned(), default: default.map(str::to_owned) })
}

fn file(path: &str) -> Piece {
    Piece::Reference(Reference::File { path: path.to_owned() })
}

#[track_caller]
fn scans(text: &str, pieces: &[Piece]) {
    assert_eq!(scan(text).as_deref(), Ok(pieces), "{text}");
}

#[track_caller]
fn fails(text: &str, span: (usize, usize), message: &str) {
    let error = scan(text).expect_err(text);
    assert_eq!((error.span, error.message.as_str()), (span, message), "{text}");
    assert!(error.help.is_some(), "{text}");
}

#[test]
fn text_without_placeholders_is_one_literal() {
    scans("", &[]);
    scans("plain } { $ text", &[literal("plain } { $ text")]);
    scans("costs $5", &[literal("costs $5")]);
}

#[test]
fn an_expression_is_cut_out_with_its_offset() {
    scans("${body.x}", &[expression("body.x", 2)]);
    scans("a ${body.x} b", &[literal("a "), expression("body.x", 4), literal(" b")]);
    scans("ü${ a }${b}", &[literal("ü"), expression(" a ", 4), expression("b", 10)]);
}

#[test]
fn strings_braces_and_comments_inside_do_not_end_it() {
    for source in [
        r#"body["}"]"#,
        "body['}'].x",
        r#""a\"}" + x"#,
        r#"r"\" + '}'"#,
        r#"bR'\' + "}""#,
        "'''it's }''' + x",
        r#""""a"b}""" + x"#,
        r#"r"""\""" + "}""#,
        r#"xr + "\"}""#,
        "{'a': {'b': 1}}.a.b",
        "a // } a comment\n + b",
        "body.`a}b`",
        r#""//" + "}""#,
        "a / b",
    ] {
        scans(&format!("<${{{source}}}>"), &[literal("<"), expression(source, 3), literal(">")]);
    }
}

#[test]
fn references_are_cut_out() {
    scans("${env:A_1}", &[env("A_1", None)]);
    scans("x${env:_a:-}y", &[literal("x"), env("_a", Some("")), literal("y")]);
    scans("${env:A:-b:-c}", &[env("A", Some("b:-c"))]);
    scans("${env:A:-{\"k\": {}}}", &[env("A", Some("{\"k\": {}}"))]);
    scans("${env:A:-https://x/y}", &[env("A", Some("https://x/y"))]);
    scans("${file:/run/a b}", &[file("/run/a b")]);
    scans("${environment}", &[expression("environment", 2)]);
}

#[test]
fn two_dollars_are_a_literal_one() {
    scans("$${a}", &[literal("${a}")]);
    scans("a $${b} ${c}", &[literal("a ${b} "), expression("c", 10)]);
    scans("$$${a}", &[literal("$${a}")]);
    scans("${a}$${b}", &[expression("a", 2), literal("${b}")]);
}

#[test]
fn mistakes_have_a_place_and_a_help() {
    fails("a ${b", (2, 5), "${ is not closed");
    fails("${ {'a': 1}", (0, 11), "${ is not closed");
    fails("${env:A", (0, 7), "${ is not closed");
    fails("${file:A", (0, 8), "${ is not closed");
    fails("x ${}", (2, 5), "${} is empty");
    fails("${  }", (0, 5), "${} is empty");
    fails("${env:}", (0, 7), "${env:} names no environment variable");
    fails("${env:1A}", (0, 9), "`1A` is not the name of an environment variable");
    fails("${env:A-B}", (0, 10), "`A-B` is not the name of an environment variable");
    fails("${file:}", (0, 8), "${file:} names no file");
    fails("${ env:A }", (0, 10), "spaces around env:A are not allowed");
    fails("${a + 'b}", (6, 9), "a string in this expression is not closed");
    fails("${'a\n'}", (2, 4), "a string in this expression is not closed");
    fails("${a // b}", (0, 9), "${ is not closed");
}

#[test]
fn what_yaml_cut_short_is_told_to_be_quoted() {
    // `{id: ${a}}` and `${size(x) # note}` without quotes arrive like this.
    for cut in ["${a", "Order ${size(x)", "${body.items[0]"] {
        let help = scan(cut).expect_err(cut).help.unwrap_or_default();
        assert!(help.contains("quote it: '${"), "{help}");
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,60}|[${}'\"`/\\\\renv:file\\- a\n]{0,40}") {
        let _ = scan(&text);
    }

    /// Text with every `${` doubled is that text.
    #[test]
    fn escaped_text_is_literal(text in "[a-z{} '\"]{0,10}(\\$\\{[a-z}' ]{0,5}){0,3}") {
        let pieces = scan(&text.replace("${", "$${"));
        proptest::prop_assert_eq!(pieces, Ok(if text.is_empty() { vec![] } else { vec![Piece::Literal(text)] }));
    }
}
