use super::*;
use crate::config::folder::Folder;
use crate::config::folder::{File, Role, Snapshot};
use crate::config::load;
use crate::diagnostic::Findings;
use proptest::prelude::*;
use std::fs;

fn drawn(files: &[(&str, &str)], format: Format) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("routes.d")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let findings = Findings::default();
    let loaded = load(&Folder::find(Some(folder.path())).read(), false, &findings);
    let diagnostics = loaded.sources.diagnostics(&findings);
    let mut out = anstream::StripStream::new(Vec::new());
    Report { diagnostics: &diagnostics, sources: &loaded.sources }.write(format, &mut out).unwrap();
    let text = String::from_utf8(out.into_inner()).unwrap();
    text.replace(&folder.path().display().to_string(), "DIR")
}

const TWICE: [(&str, &str); 2] = [
    ("routes.d/a.yaml", "match: {path: /x}\nverify: none\ntarget: {url: x}\n"),
    ("routes.d/b.yaml", "name: a\nmatch: {path: /x}\nverify: none\ntarget: {url: x}\n"),
];

#[test]
fn people_see_the_line_and_what_to_do() {
    insta::assert_snapshot!(drawn(&[("routes.d/a.yaml", "match: {path: /x}\nverify: none\n\n\ntargt: {url: x}\n")], Format::Human), @r#"
    error[unknown-key] routes.d/a.yaml:5:1: unknown key `targt`
      |
    5 | targt: {url: x}
      | ^^^^^
    help: did you mean `target`?

    1 error in 1 file
    "#);
    insta::assert_snapshot!(drawn(&TWICE, Format::Human), @r#"
    error[name-twice] routes.d/b.yaml:1:7: another route is called `a`
      |
    1 | name: a
      |       ^
    note: routes.d/a.yaml:1:1: the other one
      |
    1 | match: {path: /x}
      | ^
    help: names are unique over all files: rename one of them

    1 error in 2 files
    "#);
}

#[test]
fn a_file_that_cannot_be_read_has_no_line() {
    let files = [("routes.d/hookswitch.yaml", ""), ("routes.d/a.yaml", TWICE[0].1)];
    insta::assert_snapshot!(drawn(&files, Format::Human), @r#"
    error[settings-misplaced] routes.d/hookswitch.yaml: settings are read from beside routes.d, not from inside it

    1 error in 1 file
    "#);
    insta::assert_snapshot!(drawn(&files, Format::Github), @r#"
    ::error file=DIR/routes.d/hookswitch.yaml,title=settings-misplaced::settings are read from beside routes.d, not from inside it
    "#);
}

#[test]
fn github_gets_escaped_workflow_commands() {
    insta::assert_snapshot!(drawn(&TWICE, Format::Github), @r#"
    ::error file=DIR/routes.d/b.yaml,line=1,col=7,title=name-twice::another route is called `a` (the other one: routes.d/a.yaml:1:1)%0Ahelp: names are unique over all files: rename one of them
    "#);
    let nasty = drawn(&[("routes.d/a,b: 100%.yaml", "a%0Ab\r\n: x")], Format::Github);
    assert_eq!(nasty.lines().count(), 1, "{nasty}");
    assert!(nasty.starts_with("::error file=DIR/routes.d/a%2Cb%3A 100%25.yaml,line="), "{nasty}");
}

#[test]
fn json_is_one_document() {
    insta::assert_snapshot!(drawn(&TWICE, Format::Json), @r#"
    {
      "version": 1,
      "diagnostics": [
        {
          "severity": "error",
          "code": "name-twice",
          "message": "another route is called `a` (the other one: routes.d/a.yaml:1:1)",
          "file": "routes.d/b.yaml",
          "line": 1,
          "column": 7,
          "path": "/name",
          "help": "names are unique over all files: rename one of them"
        }
      ]
    }
    "#);
}

#[test]
fn sarif_has_rules_regions_and_related_places() {
    let sarif: serde_json::Value = serde_json::from_str(&drawn(&TWICE, Format::Sarif)).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!((&sarif["version"], &run["tool"]["driver"]["rules"][0]["id"]), (&"2.1.0".into(), &"name-twice".into()));
    let result = &run["results"][0];
    let region = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region, &serde_json::json!({"startLine": 1, "startColumn": 7, "endColumn": 8}));
    let related = &result["relatedLocations"][0];
    assert!(related["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().ends_with("routes.d/a.yaml"));
    assert_eq!(related["message"]["text"], "the other one");
}

#[test]
fn a_terminal_is_not_driven_by_what_is_written() {
    let text =
        drawn(&[("routes.d/a.yaml", "match: {path: /x}\nverify: none\n\"\\e[31m\\n\\u0007x\": 1\n")], Format::Human);
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
}

#[test]
fn the_summary_counts() {
    assert!(drawn(&TWICE[..1], Format::Human).ends_with("1 route in 1 file: no mistakes\n"));
    assert!(drawn(&TWICE, Format::Human).ends_with("1 error in 2 files\n"));
    let both = [(
        "routes.d/a.yaml",
        "x: 1\ny: 2\nlabels: {a: b\n  #${c}\n  }\nmatch: {path: /x}\nverify: none\ntarget: {url: A #${x}\n  }\n",
    )];
    assert!(drawn(&both, Format::Human).ends_with("2 errors, 1 warning in 1 file\n"));
}

proptest! {
    /// Keys of a route, pieces of YAML and odd characters, in any order.
    #[test]
    fn nothing_that_is_written_makes_drawing_panic(
        text in "(match: |path: |verify: |none|target: |url: |secret: |\\{|\\}|\\[|\\]|\n|\r\n|  |- |\"|'|#|&a |\\*a|<<: |\\$\\{env:A:-|\\$\\{|!|\\||>-|, |\t|é|漢|\u{feff}|---\n|[0-9]|/x){0,40}"
    ) {
        let files = vec![File { role: Role::Route, shown: "a.yaml".into(), path: "a.yaml".into(), text }];
        let folder = std::path::PathBuf::from(".");
        let snapshot = Snapshot { folder, files, problems: Vec::new(), is_partial: false };
        let findings = Findings::default();
        let loaded = load(&snapshot, false, &findings);
        let diagnostics = loaded.sources.diagnostics(&findings);
        let report = Report { diagnostics: &diagnostics, sources: &loaded.sources };
        for format in [Format::Human, Format::Json, Format::Github, Format::Sarif] {
            report.write(format, &mut Vec::new()).unwrap();
        }
    }
}
