//! Mistakes that are known when a configuration loads: what is said, and which bytes are underlined.

use super::support::World;
use crate::diagnostic::{At, Findings};
use crate::expr::{Environment, Expression};

/// The one mistake of a source: code, message, help, underlined text.
#[track_caller]
fn mistake(source: &str) -> (&'static str, String, String, String) {
    let findings = World::with_body("{}").compile(source).err().unwrap_or_else(|| panic!("{source} compiles"));
    assert_eq!(findings.len(), 1, "{source}: {findings:?}");
    let finding = &findings[0];
    let (start, end) = finding.inside.expect("a range");
    (finding.code, finding.message.clone(), finding.help.clone().unwrap_or_default(), source[start..end].to_owned())
}

#[track_caller]
fn says(source: &str, code: &str, message: &str, help: &str, underlined: &str) {
    let found = mistake(source);
    assert_eq!(
        (found.0, found.1.as_str(), found.2.as_str(), found.3.as_str()),
        (code, message, help, underlined),
        "{source}"
    );
}

#[test]
fn unknown_names() {
    says("bdy.x == 1", "expr-unknown-variable", "unknown variable `bdy`", "did you mean `body`?", "bdy");
    says(
        "body.x && foo",
        "expr-unknown-variable",
        "unknown variable `foo`",
        "known here: body, batch, text, headers, query, params, request, route, vars, tables, answers",
        "foo",
    );
    says(
        "body.items.map(i, j.x)",
        "expr-unknown-variable",
        "unknown variable `j`",
        "known here: i, body, batch, text, headers, query, params, request, route, vars, tables, answers",
        "j",
    );
    says(
        "params.acount",
        "expr-unknown-name",
        "`params.acount` does not exist: the path pattern has no `acount`",
        "did you mean `account`?",
        "acount",
    );
    says(
        "body.vars == vars.ordr.id",
        "expr-unknown-name",
        "`vars.ordr` does not exist: what is computed before this has no `ordr`",
        "did you mean `order`?",
        "ordr",
    );
    says(
        "answers['senlr'].status",
        "expr-unknown-name",
        "`answers.senlr` does not exist: what comes before this has no `senlr`",
        "did you mean `senler`?",
        "'senlr'",
    );
    says(
        "answers.senler.statsu",
        "expr-unknown-name",
        "`answer.statsu` does not exist: an answer has no `statsu`",
        "did you mean `status`?",
        "statsu",
    );
    says(
        "tables.jria",
        "expr-unknown-name",
        "`tables.jria` does not exist: `tables` of hookswitch.yaml has no `jria`",
        "did you mean `jira`?",
        "jria",
    );
    says(
        "request.ip",
        "expr-unknown-name",
        "`request.ip` does not exist: a request has no `ip`",
        "did you mean `id`?",
        "ip",
    );
    says(
        "has(request.ip)",
        "expr-unknown-name",
        "`request.ip` does not exist: a request has no `ip`",
        "did you mean `id`?",
        "ip",
    );
    says(
        "request.?pathh",
        "expr-unknown-name",
        "`request.pathh` does not exist: a request has no `pathh`",
        "did you mean `path`?",
        "pathh",
    );
    says(
        "headers['X-Event']",
        "expr-unknown-name",
        "no header is ever called `X-Event`",
        "names of headers are lower case here: headers[\"x-event\"]",
        "'X-Event'",
    );
    says(
        "answer.status",
        "expr-unknown-variable",
        "unknown variable `answer`",
        "`answer` is there in `success`; elsewhere an answer is answers.TARGET",
        "answer",
    );
}

#[test]
fn calls() {
    says("body.x.splitt(',')", "expr-unknown-function", "unknown function `splitt`", "did you mean `split`?", "splitt");
    says(
        "split(text, ',')",
        "expr-unknown-function",
        "unknown function `split`",
        "write x.split(…): it is called on a value",
        "split",
    );
    says(
        "text.json()",
        "expr-unknown-function",
        "unknown function `json`",
        "write json(…): it is not called on a value",
        "json",
    );
    says("truncate(text)", "expr-arguments", "`truncate` takes 2 arguments, not 1", "", "truncate");
    says("text.split()", "expr-arguments", "`split` takes 1 or 2 arguments, not 0", "", "split");
    says("math.absolute(1)", "expr-unknown-function", "unknown function `math.absolute`", "", "absolute");
    says(
        "body.items.map(x)",
        "expr-unknown-function",
        "`map` is not called like this",
        "write list.map(x, value) or list.map(x, condition, value)",
        "map",
    );
    says(
        "text.matches(body.p)",
        "expr-not-literal",
        "`matches` takes a literal pattern",
        "write the pattern as a string; to compare with a value use ==, contains or startsWith",
        "matches",
    );
    says(
        "text.matches('(')",
        "expr-pattern",
        "the pattern is not a regular expression: unclosed group",
        "patterns are those of RE2, without look-around and back-references",
        "matches",
    );
    says(
        "text.matches('(a{1000}){1000}')",
        "expr-pattern",
        "the pattern is not a regular expression: Compiled regex exceeds size limit of 262144 bytes.",
        "patterns are those of RE2, without look-around and back-references",
        "matches",
    );
    says(
        "formatTime(now(), '%Q', 'UTC')",
        "expr-arguments",
        "`formatTime`: the format has a % clause that strftime does not know",
        "",
        "formatTime",
    );
    says(
        "formatTime(now(), '%H', 'Mars/Base')",
        "expr-arguments",
        "`formatTime`: the time zone is neither a name such as Europe/Berlin nor an offset as +03:00",
        "",
        "formatTime",
    );
    says(
        "now().getHours('Mars')",
        "expr-arguments",
        "`getHours`: the time zone is neither a name such as Europe/Berlin nor an offset as +03:00",
        "",
        "getHours",
    );
    says(
        "Order{id: 1}",
        "expr-syntax",
        "`Order{…}`: messages cannot be built here",
        "write a map: {\"key\": value}",
        "Order",
    );
    says("cel.bind(1, 2, 3)", "expr-arguments", "`bind` binds a plain name", "", "bind");
}

#[test]
fn references() {
    says(
        "'a' + ${env:TOKEN}",
        "expr-reference",
        "${env:TOKEN} cannot stand inside an expression",
        "write env(\"TOKEN\")",
        "${env:TOKEN}",
    );
    says(
        "${body.x} == 1",
        "expr-reference",
        "${body.x} cannot stand inside an expression",
        "this is an expression already: write body.x",
        "${body.x}",
    );
    says("env(TOKEN)", "expr-not-literal", "`env` takes a literal string", "write env(\"TOKEN\")", "env");
    says(
        "env('NOPE')",
        "missing-reference",
        "the environment variable NOPE is not set",
        "set it where hookswitch starts",
        "'NOPE'",
    );
    says("env('NO-PE')", "expr-reference", "`NO-PE` is not the name of an environment variable", "", "'NO-PE'");
    says("env(body.x)", "expr-not-literal", "`env` takes a literal string", "", "env");
    says("env.TOKEN", "expr-unknown-variable", "unknown variable `env`", "write env(\"NAME\")", "env");
    assert_eq!(mistake("file('missing.txt')").0, "missing-reference");
}

#[test]
fn syntax() {
    says("body.a = 1", "expr-syntax", "unexpected '='", "write == to compare", "=");
    says("a and b", "expr-syntax", "unexpected 'and'", "write && for and", "and");
    says("body.a == ", "expr-syntax", "unexpected end: something is missing", "", "=");
    says("(body.a", "expr-syntax", "`(` is not closed", "", "(");
    says("body.a)", "expr-syntax", "`)` closes nothing", "", ")");
    says("[body.a)", "expr-syntax", "`)` closes a `[`", "", ")");
    says("'abc", "expr-syntax", "a string is not closed", "close the string with the quote that opened it", "'abc");
    says(
        "body.a == “x”",
        "expr-syntax",
        "`“` cannot stand here",
        "outside of strings an expression is plain ASCII: typographic quotes and dashes are not",
        "“",
    );
    says(" ", "expr-syntax", "the expression is empty", "", " ");
    says("body.a ? 1", "expr-syntax", "expected ':' in conditional expression", "", "1");
    says("[1].map(x.y, 1)", "expr-syntax", "argument must be a simple name", "", ".");
}

#[test]
fn all_mistakes_are_told_at_their_place_in_the_scalar() {
    let findings = Findings::default();
    let references = super::support::references();
    let at = At::document(&findings, &references, 0).key("when");
    let scalar = "x ${ foo + bar }";
    assert!(Expression::compile(" foo + bar ", 4, &Environment::default(), &at).is_none());
    let places: Vec<&str> = findings
        .into_inner()
        .into_iter()
        .map(|finding| {
            assert_eq!(finding.pointer, "/when");
            let (start, end) = finding.inside.expect("a range");
            &scalar[start..end]
        })
        .collect();
    assert_eq!(places, ["foo", "bar"]);
}

#[test]
fn what_cannot_be_a_boolean_is_known() {
    let world = World::with_body("{}");
    let may = |source: &str| world.compile(source).unwrap_or_else(|findings| panic!("{findings:?}")).may_be_bool();
    for source in [
        "1",
        "'a'",
        "body.a + 1",
        "size(body)",
        "headers['x-a']",
        "[1]",
        "{}",
        "[1].map(x, true)",
        "now()",
        "body.?a",
        "true ? 1 : 'a'",
        "params.account",
        "cel.bind(x, true, 1)",
        "env('TOKEN')",
        "text.trim()",
    ] {
        assert!(!may(source), "{source}");
    }
    for source in [
        "true",
        "body",
        "body.a",
        "!body.a",
        "a.b == 1 || true",
        "body.?a.orValue(true)",
        "has(body.a)",
        "json(text)",
        "body.a ? body.b : 'x'",
        "vars.order",
        "answers.senler.body",
        "[1].all(x, x > 0)",
        "text.matches('a')",
        "query.a in ['b']",
        "cel.bind(x, 1, x == 1)",
        "text.startsWith('a')",
        "bool(text)",
    ] {
        let source = source.replace("a.b ==", "body.b ==");
        assert!(may(&source), "{source}");
    }
}
