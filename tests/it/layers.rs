//! Imports point one way: each module of `src/` may name those that stand here beside it, and no other.
//!
//! Two circles are known and kept small: `config` uses the scanner of `expr` to find references, and `settings` and
//! `server` share the list of trusted proxies. What is for tests may look wherever it likes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const ALLOWED: [(&str, &str); 35] = [
    ("admin", "diagnostic history reload secret server"),
    (
        "app",
        "admin clock config deliver diagnostic examples explain history limit lint rehearsal reload route secret server settings telemetry trial",
    ),
    ("body", "config diagnostic document secret"),
    (
        "cli",
        "app clock config deliver diagnostic event examples explain hex limit matcher rehearsal replay route secret server settings stdout suggest telemetry trial verify",
    ),
    ("clock", ""),
    ("config", "diagnostic expr secret suggest"),
    ("dedupe", ""),
    ("deliver", "body config diagnostic document egress event expr hex keyed secret stdout suggest transform"),
    ("diagnostic", "secret"),
    ("document", ""),
    ("egress", "config diagnostic matcher secret"),
    ("event", "body"),
    ("examples", "body config deliver document rehearsal route server"),
    ("explain", "examples rehearsal route server"),
    ("expr", "diagnostic document event hex secret suggest"),
    ("hex", ""),
    ("history", "telemetry"),
    ("keyed", "config diagnostic expr"),
    ("limit", "config diagnostic expr matcher secret"),
    ("lint", "config deliver diagnostic expr route secret verify"),
    ("main", ""),
    ("matcher", ""),
    ("rehearsal", "clock reload server telemetry verify"),
    ("reload", "clock config diagnostic hex"),
    ("replay", "body deliver event expr hex route suggest telemetry"),
    (
        "route",
        "body config deliver diagnostic document egress event expr limit matcher secret suggest transform verify",
    ),
    ("secret", "hex"),
    (
        "server",
        "body clock dedupe deliver event expr hex history limit matcher reload route secret settings telemetry verify",
    ),
    ("settings", "body config diagnostic route secret server telemetry"),
    ("stdout", ""),
    ("suggest", ""),
    ("telemetry", "config event hex secret stdout"),
    ("transform", "body config diagnostic document expr secret suggest"),
    ("trial", "deliver examples matcher route server suggest"),
    ("verify", "config diagnostic document event expr hex keyed secret suggest"),
];

#[test]
fn imports_point_one_way() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.into_iter().map(|(module, others)| (module, others.split(' ').collect())).collect();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    each_file(&source, &mut |path| {
        let inside = path.strip_prefix(&source).unwrap();
        let module = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            return;
        }
        let known = allowed.get(module).unwrap_or_else(|| panic!("`{module}` is new: say here what it may import"));
        for other in named(&std::fs::read_to_string(path).unwrap()) {
            if other != module && !known.contains(other.as_str()) {
                wrong.push(format!("{}: {module} may not import {other}", inside.display()));
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn each_file(folder: &Path, look: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        match path.is_dir() {
            _ if matches!(stem, "tests" | "fixture") => {}
            true => each_file(&path, look),
            false if path.extension().is_some_and(|extension| extension == "rs") => look(&path),
            false => {}
        }
    }
}

/// The modules behind `crate::`, comments and tests left out.
fn named(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.collect::<Vec<_>>().join("\n");
    assert!(!code.contains("crate::{"), "one `use` for each module, so that they are seen here");
    let behind = code.split("crate::").skip(1);
    let first = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    behind.map(first).filter(|name| !name.is_empty()).collect()
}

#[test]
fn what_a_text_names_is_found() {
    let text = "use crate::a::B;\n//! [`crate::b`]\nfn f() { crate::c::d() }\n#[cfg(test)]\nmod tests {\n    use crate::e;\n}\n";
    assert_eq!(named(text), ["a", "c"].map(str::to_owned).into());
}
