//! What README and docs show is true: their commands are run, their YAML is loaded.

use crate::harness::{Request, Router, hookswitch};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The fenced blocks of a document that are marked with `language`.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    // With how far it is indented, as a part of a list is.
    let mut open: Option<(usize, String)> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        match &mut open {
            Some((_, block)) if line.trim_start().starts_with("```") => {
                blocks.push(std::mem::take(block));
                open = None;
            }
            Some((indent, block)) => {
                block.push_str(line.get(*indent..).unwrap_or_default());
                block.push('\n');
            }
            None if line.trim_start() == format!("```{language}") => open = Some((indent, String::new())),
            None => {}
        }
    }
    blocks
}

fn copy_of(folder: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let from = root().join(folder);
    std::fs::create_dir(copy.path().join("routes.d")).unwrap();
    for entry in std::fs::read_dir(from.join("routes.d")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join("routes.d").join(entry.file_name())).unwrap();
    }
    copy
}

#[test]
fn the_route_in_the_readme_is_the_one_of_the_quickstart() {
    let file = read("examples/quickstart/routes.d/hello.yaml");
    let without_comments: String =
        file.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    assert!(blocks(&read("README.md"), "yaml").contains(&without_comments), "{without_comments}");
}

/// The `curl` of the README, sent to what its first command starts; the answer and the delivered body are those it shows.
#[test]
fn the_first_command_of_the_readme_shows_a_webhook_arriving_reshaped() {
    let readme = read("README.md");
    let consoles = blocks(&readme, "console");
    assert!(consoles.iter().any(|block| block == "$ cargo run -- serve -c examples/quickstart\n"));
    let curl = consoles.iter().find(|block| block.starts_with("$ curl")).unwrap();
    let path = curl.split_whitespace().find_map(|word| word.strip_prefix("http://127.0.0.1:8080")).unwrap();
    let (command, answer) = curl.trim_end().rsplit_once('\n').unwrap();
    let body = command.split_once("-d '").unwrap().1.strip_suffix('\'').unwrap();
    let mut router = Router::start_in(copy_of("examples/quickstart"), &[], &[]);
    let response = router.send(Request::post(path).json(body));
    assert_eq!((response.status, response.text().as_str()), (200, answer));
    let line = router.wait_for(|line| line["route"] == "hello" && line["body"].is_object());
    let shown = blocks(&readme, "json").into_iter().find(|block| block.contains("\"body\":")).unwrap();
    let shown = shown.split_once("\"body\":").unwrap().1.trim_end().strip_suffix('}').unwrap();
    assert_eq!(line["body"], serde_json::from_str::<Value>(shown).unwrap());
}

#[test]
fn the_other_commands_of_the_readme_work() {
    let readme = read("README.md");
    let commands: Vec<String> = blocks(&readme, "console")
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| line.strip_prefix("$ cargo run -- ").map(str::to_owned))
        .filter(|line| !line.starts_with("serve"))
        .collect();
    assert!(commands.len() >= 2, "{commands:?}");
    for command in commands {
        let words = words(&command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = hookswitch(&root(), &words);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// As a shell splits a line with single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (position, part) in line.split('\'').enumerate() {
        if position % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Fragments stand where their keys belong; whole files stand alone.
#[test]
fn every_yaml_of_the_docs_loads() {
    for path in ["docs/reference.md", "docs/expressions.md", "docs/operations.md"] {
        for block in blocks(&read(path), "yaml") {
            // A Kubernetes manifest is Kubernetes' to check.
            if block.starts_with("containers:") {
                continue;
            }
            if block.starts_with("tests:") {
                runs_as_examples(path, &block);
                continue;
            }
            // One key a line, each an alternative of the others.
            let alternatives = block.lines().filter(|line| line.starts_with("auth:")).count() > 1;
            let fragments: Vec<&str> = if alternatives { block.lines().collect() } else { vec![&block] };
            for fragment in fragments {
                loads(path, fragment);
            }
        }
    }
}

fn loads(path: &str, fragment: &str) {
    let indented = |by: usize| fragment.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect::<String>();
    let first = fragment.split(':').next().unwrap();
    let (matching, target, route) = match first {
        "when" => (indented(2), String::new(), String::new()),
        "auth" | "success" => (String::new(), indented(2), String::new()),
        // Of a target: a route has no breaker.
        "limit" if fragment.contains("breaker:") => (String::new(), indented(2), String::new()),
        "items" => (String::new(), format!("  transform:\n    body:\n{}", indented(6)), String::new()),
        "listen" | "egress" | "providers" => return loads_settings(path, fragment),
        "tables" => return loads_choice(path, fragment),
        "vars" | "labels" | "limit" | "dedupe" | "verify" | "body" | "targets" | "each" => {
            (String::new(), String::new(), indented(0))
        }
        other => panic!("{path}: say in this test where `{other}` belongs:\n{fragment}"),
    };
    let verify = if first == "verify" { "" } else { "verify: none\n" };
    let target =
        if first == "targets" { String::new() } else { format!("target:\n  url: http://127.0.0.1:9/\n{target}") };
    // A route that says itself what it matches.
    let matches = if first == "each" { String::new() } else { format!("match:\n  path: /a/{{account}}\n{matching}") };
    let text = format!("{matches}{verify}{route}{target}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    std::fs::write(folder.path().join("routes.d/a.yaml"), &text).unwrap();
    std::fs::create_dir(folder.path().join("schemas")).unwrap();
    std::fs::write(folder.path().join("schemas/order.schema.json"), "{}").unwrap();
    passes(folder.path(), &["validate", "--offline"], &format!("{path}:\n{text}"));
}

/// Settings, with the certificate that they name.
fn loads_settings(path: &str, fragment: &str) {
    let folder = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(vec!["hooks.example.com".to_owned()]).unwrap();
    std::fs::write(folder.path().join("tls.crt"), pair.cert.pem()).unwrap();
    std::fs::write(folder.path().join("tls.key"), pair.signing_key.serialize_pem()).unwrap();
    let text = fragment.replace("/etc/tls", folder.path().to_str().unwrap());
    std::fs::write(folder.path().join("hookswitch.yaml"), &text).unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    let route = "match: {path: /a}\nverify: none\ntarget: {url: 'http://127.0.0.1:9/'}\n";
    std::fs::write(folder.path().join("routes.d/a.yaml"), route).unwrap();
    passes(folder.path(), &["validate", "--offline"], &format!("{path}:\n{text}"));
}

/// Settings, then a route that chooses among their targets.
fn loads_choice(path: &str, fragment: &str) {
    let (settings, route) = fragment.split_once("---\n").unwrap();
    let target = |name: &str| format!("  {name}: {{url: 'http://127.0.0.1:9/'}}\n");
    let targets: String = ["pay", "web", "triage"].map(target).concat();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hookswitch.yaml"), format!("{settings}targets:\n{targets}")).unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    let route = format!("match: {{path: /a}}\nverify: none\n{route}");
    std::fs::write(folder.path().join("routes.d/a.yaml"), &route).unwrap();
    passes(folder.path(), &["validate"], &format!("{path}:\n{route}"));
}

fn runs_as_examples(path: &str, block: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    std::fs::copy(root().join("hookswitch.yaml"), folder.path().join("hookswitch.yaml")).unwrap();
    std::fs::copy(root().join("routes.d/retailcrm.yaml"), folder.path().join("routes.d/retailcrm.yaml")).unwrap();
    std::fs::write(folder.path().join("routes.d/of-the-docs.test.yaml"), block).unwrap();
    passes(folder.path(), &["test"], &format!("{path}:\n{block}"));
}

fn passes(folder: &Path, arguments: &[&str], what: &str) {
    let output = hookswitch(folder, arguments);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}\n{said}");
}
