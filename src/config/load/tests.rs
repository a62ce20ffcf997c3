use super::*;
use crate::config::folder::Folder;
use std::fs;
use std::path::Path;

/// A folder with these files, loaded; and its mistakes as `code file:line:column`.
fn loaded(files: &[(&str, &str)]) -> (Loaded, Vec<Diagnostic>) {
    loaded_with(files, false)
}

fn loaded_with(files: &[(&str, &str)], allow_empty: bool) -> (Loaded, Vec<Diagnostic>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let findings = Findings::default();
    let loaded = load(&Folder::find(Some(folder.path())).read(), allow_empty, &findings);
    let diagnostics = loaded.sources.diagnostics(&findings);
    (loaded, diagnostics)
}

fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    let line = |found: &Diagnostic| format!("{} {}:{}:{}", found.code, found.file, found.line, found.column);
    diagnostics.iter().map(line).collect()
}

const ROUTE: &str = "match: {path: /x}\nverify: none\ntarget: {url: 'https://example.com'}\n";

#[test]
fn a_good_folder_is_read_whole() {
    let (loaded, diagnostics) = loaded(&[
        ("hookswitch.yaml", "log: {level: debug}\n"),
        ("routes.d/a.yaml", ROUTE),
        ("routes.d/many.yaml", &format!("name: b\n{ROUTE}---\nname: c\n{ROUTE}")),
        ("routes.d/a.test.yaml", "tests: []\n"),
    ]);
    assert_eq!(lines(&diagnostics), [""; 0]);
    let names: Vec<_> = loaded.routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(loaded.routes[0].spec.name.as_deref(), Some("a"));
    assert_eq!((loaded.tests.len(), loaded.tests[0].stem.as_str()), (1, "a"));
    assert!(loaded.settings.log.is_some());
    assert_eq!(loaded.sources.place(loaded.settings_document, "/log/level", false).line, 1);
    assert_eq!(loaded.sources.file_count(), 4);
}

#[test]
fn settings_may_be_absent_and_still_have_a_place() {
    let (loaded, diagnostics) = loaded(&[("routes.d/a.yaml", ROUTE)]);
    assert_eq!(diagnostics, []);
    assert_eq!(loaded.settings, ProcessSpec::default());
    let place = loaded.sources.place(loaded.settings_document, "/admin/token", false);
    assert_eq!((place.file.as_str(), place.line), ("hookswitch.yaml", 0));
}

#[test]
fn mistakes_of_all_files_come_at_once_and_good_documents_stay() {
    let (loaded, diagnostics) = loaded(&[
        ("hookswitch.yaml", "lgo: {}\n"),
        ("routes.d/a.yaml", "match: {path: /x}\nverify: none\ntargett: {}\n"),
        ("routes.d/b.yaml", "when: \"x\" in y\n"),
        ("routes.d/c.yaml", ROUTE),
        ("routes.d/c.test.yaml", "tests: 5\n"),
    ]);
    assert_eq!(
        lines(&diagnostics),
        [
            "unknown-key hookswitch.yaml:1:1",
            "unknown-key routes.d/a.yaml:3:1",
            "yaml-syntax routes.d/b.yaml:1:11",
            "wrong-type routes.d/c.test.yaml:1:8",
        ]
    );
    assert_eq!(loaded.routes.iter().map(|route| route.name.as_str()).collect::<Vec<_>>(), ["c"]);
}

#[test]
fn names_are_unique_over_all_files() {
    let named = format!("# a comment\nname: a\n{ROUTE}");
    let (loaded, diagnostics) = loaded(&[("routes.d/a.yaml", ROUTE), ("routes.d/b.yaml", &named)]);
    assert_eq!(lines(&diagnostics), ["name-twice routes.d/b.yaml:2:7"]);
    let related = diagnostics[0].related.as_ref().unwrap();
    assert_eq!((related.file.as_str(), related.line), ("routes.d/a.yaml", 1), "a name from a stem is the whole file's");
    assert_eq!(loaded.routes.len(), 1);
}

#[test]
fn a_route_needs_a_name_of_its_own_or_a_file_of_its_own() {
    let two = format!("{ROUTE}---\nname: b\n{ROUTE}");
    let (_, diagnostics) = loaded(&[("routes.d/a.yaml", &two), ("routes.d/My Route.yaml", ROUTE)]);
    assert_eq!(lines(&diagnostics), ["name-missing routes.d/My Route.yaml:1:1", "name-missing routes.d/a.yaml:1:1"]);
    assert!(diagnostics[0].help.as_deref().unwrap().contains("name: my-route"));
}

#[test]
fn a_folder_without_routes_is_an_error_unless_that_is_allowed() {
    assert_eq!(loaded(&[("hookswitch.yaml", "")]).1[0].code, "no-routes");
    assert_eq!(loaded(&[("routes.d/a.yaml", "# nothing yet\n")]).1[0].code, "no-routes");
    assert_eq!(loaded_with(&[("hookswitch.yaml", "")], true).1, []);
    let broken = loaded(&[("routes.d/a.yaml", "a: b: c\n")]).1;
    assert_eq!(lines(&broken), ["yaml-syntax routes.d/a.yaml:1:5"], "one mistake is not reported as two");
}

#[test]
fn settings_hold_one_document() {
    let (_, diagnostics) = loaded(&[("hookswitch.yaml", "log: {}\n---\nlog: {}\n"), ("routes.d/a.yaml", ROUTE)]);
    assert_eq!(lines(&diagnostics), ["settings-twice hookswitch.yaml:3:1"]);
}

#[test]
fn a_mistake_behind_an_anchor_is_reported_once_where_it_is() {
    let text =
        "name: a\nmatch: {path: /x}\nverify: none\ntargets:\n  - &t {url: x, bad: 1}\n  - *t\n  - <<: *t\n    url: y\n";
    let (_, diagnostics) = loaded(&[("routes.d/a.yaml", text)]);
    assert_eq!(lines(&diagnostics), ["unknown-key routes.d/a.yaml:5:17"]);
}

#[test]
fn ranges_inside_scalars_are_found_in_the_file() {
    let findings = Findings::default();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("routes.d")).unwrap();
    let text = "match:\n  path: /x\n  when: >-\n    body.a ==\n      body.b &&\n    c\nverify: none\n";
    fs::write(folder.path().join("routes.d/a.yaml"), text).unwrap();
    let loaded = load(&Folder::find(Some(folder.path())).read(), false, &findings);
    let when = loaded.routes[0].spec.matching.when.clone().unwrap();
    let references = crate::secret::References::new(Path::new("."), crate::secret::Missing::Fails);
    let at = crate::diagnostic::At::document(&findings, &references, loaded.routes[0].document);
    let start = when.find("c").unwrap();
    at.key("match").key("when").error_inside("expr-unknown", "unknown `c`", None, (start, start + 1));
    at.key("match").key("nothing").error("x", "not written", None);
    let diagnostics = loaded.sources.diagnostics(&findings);
    assert_eq!(lines(&diagnostics), ["x routes.d/a.yaml:1:1", "expr-unknown routes.d/a.yaml:6:5"]);
    assert_eq!(diagnostics[1].pointer, "/match/when");
}

#[test]
fn secrets_that_are_written_out_are_not_drawn() {
    for text in [
        "verify: {provider: github, secret: [planted, {value: 'planted'}], x: 1}\n",
        "verify:\n  secret: |\n    planted\n    planted\n",
        "target: {auth: {bearer: planted}}\nurl: ${env:X:-planted}\n",
        "target: {auth: {bearer: \"planted\"}, body: \n",
        "bearer: @planted\n",
        "bearer: abc #${planted}\n",
        "- token: planted ${env:A}planted\n  x: y: z\n",
        "admin: {token: 'planted', x\n",
    ] {
        let (loaded, diagnostics) = loaded(&[("routes.d/a.yaml", text)]);
        assert_ne!(diagnostics, [], "{text}");
        let drawn = loaded.sources.drawn("routes.d/a.yaml").unwrap();
        assert_eq!(drawn.len(), text.len());
        assert!(!drawn.contains("planted"), "{drawn}");
        assert!(!format!("{diagnostics:?}").contains("planted"), "{diagnostics:?}");
    }
}

#[test]
fn a_secret_in_a_message_is_hidden_too() {
    let (_, diagnostics) = loaded(&[("routes.d/a.yaml", "match: {path: /x}\nverify: {bearer: 98765}\n")]);
    assert_eq!(diagnostics[0].help.as_deref(), Some("quote it: '…'"));
}
