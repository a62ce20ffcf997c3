use super::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const FORMATS: [Format; 4] = [Format::Human, Format::Json, Format::Github, Format::Sarif];

fn output(folder: &Path, format: Format) -> (bool, String) {
    let folder = Folder::find(Some(folder));
    // Every variable is set, to something that must not be seen.
    let references = References::with_lookup(folder.path(), Missing::Fails, |_| Some("planted-value".into()));
    let mut out = anstream::StripStream::new(Vec::new());
    let now = "2026-06-01T12:00:00Z".parse().unwrap();
    let is_good = check(&folder, &references, now, format, &mut out).unwrap();
    (is_good, String::from_utf8(out.into_inner()).unwrap())
}

/// `error code file:line:column` of each diagnostic, from the JSON format.
fn found(json: &str) -> Vec<String> {
    let output: Value = serde_json::from_str(json).unwrap();
    assert_eq!(output["version"], 1);
    let line = |found: &Value| {
        let text = |key: &str| found[key].as_str().unwrap().to_owned();
        format!("{} {} {}:{}:{}", text("severity"), text("code"), text("file"), found["line"], found["column"])
    };
    output["diagnostics"].as_array().unwrap().iter().map(line).collect()
}

/// The codes that docs/diagnostics.md explains.
fn documented() -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(code, _)| code.to_owned()).collect()
}

/// Rust sources of the program, without their tests.
fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            texts.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned());
        }
    }
}

/// Wherever a code is given to what reports it. A new way to report belongs here.
const REPORTED: [&str; 5] = [
    r#"(?:\.(?:error|error_on_key|error_inside|error_with|warning|warning_on_key|mistake|push|push_at|problem)|whole_document)\(\s*"([a-z0-9-]+)","#,
    r#"about_file\([^,"]+,\s*"([a-z0-9-]+)""#,
    r#"code: "([a-z0-9-]+)""#,
    r#"key_error\([^"]*"([a-z0-9-]+)""#,
    r#""(yaml-[a-z-]+)""#,
];

#[test]
fn every_code_is_explained_once_and_no_other() {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    let patterns = REPORTED.map(|pattern| regex::Regex::new(pattern).unwrap());
    let emitted = texts.iter().flat_map(|text| {
        patterns.iter().flat_map(|pattern| pattern.captures_iter(text).map(|found| found[1].to_owned()))
    });
    let emitted: BTreeSet<String> = emitted.collect();
    let mut documented = documented();
    documented.sort();
    let (emitted, documented): (Vec<&String>, Vec<&String>) = (emitted.iter().collect(), documented.iter().collect());
    assert_eq!(documented, emitted, "docs/diagnostics.md has a row for each code");
}

/// Each folder of `tests/bad` is a configuration with the mistakes that its file `expected` lists: all errors, and any
/// warnings that must be among those found. `warn-…` are without errors, and all their warnings are listed.
#[test]
fn every_bad_configuration_gives_its_mistakes_at_their_places_and_no_secret() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut wrong = Vec::new();
    let mut count = 0;
    let documented = documented();
    for entry in fs::read_dir(&corpus).unwrap() {
        let folder = entry.unwrap().path();
        let expected = fs::read_to_string(folder.join("expected")).unwrap();
        let expected: BTreeSet<&str> = expected.lines().filter(|line| !line.starts_with('#')).collect();
        let (is_good, json) = output(&folder, Format::Json);
        // The folder itself is named as `-c` has it.
        let found = found(&json.replace(&folder.display().to_string(), "."));
        let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        for code in found.iter().filter_map(|line| line.split(' ').nth(1)) {
            assert!(documented.iter().any(|known| known == code), "{code} is not in docs/diagnostics.md");
        }
        let is_error = |line: &&&str| line.starts_with("error ");
        let has_errors = expected.iter().any(|line| line.starts_with("error "));
        let same_errors = found.iter().filter(is_error).eq(expected.iter().filter(is_error));
        let is_family = folder.file_name().unwrap().to_string_lossy().starts_with("warn-");
        let same_warnings = if is_family { expected == found } else { expected.is_subset(&found) };
        if !same_errors || !same_warnings || is_good == has_errors {
            wrong.push(format!("{}\nexpected {expected:#?}\nfound {found:#?}", folder.display()));
        }
        for format in FORMATS {
            let (good, text) = output(&folder, format);
            assert_eq!(good, is_good);
            assert!(!text.contains("planted"), "{}: {text}", folder.display());
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 30, "the corpus has lost folders: {count}");
}

#[test]
fn every_format_says_the_same() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    for name in ["unknown-key", "duplicate-key", "name-twice", "not-utf8"] {
        let folder = corpus.join(name);
        let json: Value = serde_json::from_str(&output(&folder, Format::Json).1).unwrap();
        let [human, github, sarif] =
            [Format::Human, Format::Github, Format::Sarif].map(|format| output(&folder, format).1);
        let sarif: Value = serde_json::from_str(&sarif).unwrap();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        let found = json["diagnostics"].as_array().unwrap();
        assert_eq!((results.len(), github.lines().count()), (found.len(), found.len()));
        for found in found {
            let (code, line, column) = (found["code"].as_str().unwrap(), &found["line"], &found["column"]);
            let file = found["file"].as_str().unwrap();
            assert!(human.contains(&format!("error[{code}] {file}:{line}:{column}: ")), "{human}");
            assert!(github.contains(&format!("{file},line={line},col={column},title={code}::")), "{github}");
            assert!(results.iter().any(|result| {
                let place = &result["locations"][0]["physicalLocation"];
                result["ruleId"] == code
                    && place["region"]["startLine"] == *line
                    && place["region"]["startColumn"] == *column
                    && place["artifactLocation"]["uri"].as_str().unwrap().ends_with(file)
            }));
        }
    }
}

#[test]
fn a_good_configuration_is_good() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("routes.d")).unwrap();
    let route = "match: {path: /x}\nverify: {shared: {header: x-token}, secret: '${env:T}'}\ntarget: {url: 'https://example.com'}\n";
    fs::write(folder.path().join("routes.d/a.yaml"), route).unwrap();
    let (is_good, human) = output(folder.path(), Format::Human);
    assert!(is_good, "{human}");
    assert_eq!(human, "1 route in 1 file: no mistakes\n");
    assert!(output(folder.path(), Format::Github).0);
}
