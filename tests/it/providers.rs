//! The list of providers: as the command line gives it, and as docs/providers.md shows it.

use crate::harness::hookswitch;
use serde_json::Value;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/providers.md")
}

/// `routes --providers --format json`, in a folder without a configuration.
fn providers() -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let output = hookswitch(folder.path(), &["routes", "--providers", "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list["version"], 1);
    list["providers"].as_array().unwrap().clone()
}

fn text<'v>(provider: &'v Value, key: &str) -> &'v str {
    provider[key].as_str().unwrap_or_default()
}

const HEAD: &str = "\
# Providers

Senders that `verify: {provider: NAME}` knows. This page is made from the built-in table (`src/verify/provider/*.yaml`)
by `UPDATE_DOCS=1 cargo test --test it providers::`; `hookswitch routes --providers` prints the same, with your own.

*Confidence* says where the facts come from: `sdk-verified` – requests that the provider's own library accepts and refuses were
run against it; `3rd-party-code` – an independent verifier was read; `doc` – the provider's documentation, or a text
that quotes it; `source`, `seed` – one source; `memory`, `unconfirmed` – nothing that could be read: `validate` warns, and a
captured request (`check_signature: true` in a test) is worth more than this table. *Patience* is how long the sender waits for an
answer, where its documentation says so: 80 % of it is the default `deadline`. Parameters in brackets may be left out.

What stands in braces is explained at `payload` in the schema of `providers:` (`hookswitch schema hookswitch`).
";

/// What must be written, what may be, and what a handshake needs.
fn parameters(provider: &Value) -> String {
    let asked = provider["parameters"].as_array().unwrap().iter().map(|asked| {
        let name = text(asked, "name");
        match text(asked, "need") {
            "required" => format!("`{name}`"),
            "one-of" => format!("`{name}`¹"),
            "handshake" => format!("`{name}`²"),
            _ => format!("[`{name}`]"),
        }
    });
    let asked: Vec<String> = asked.collect();
    if asked.is_empty() { "–".to_owned() } else { asked.join(" ") }
}

fn behaviour(provider: &Value) -> String {
    let patience = provider["patience_seconds"].as_u64().map(|seconds| format!("{seconds} s"));
    let retries =
        provider["retries"].as_bool().map(|retries| if retries { "repeats" } else { "never repeats" }.to_owned());
    let known: Vec<String> = patience.into_iter().chain(retries).collect();
    if known.is_empty() { "–".to_owned() } else { known.join(", ") }
}

/// A table cell: a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// A route that takes this provider's webhooks.
fn example(provider: &Value) -> String {
    let name = text(provider, "name");
    let file = name.replace('_', "-");
    let mut check = format!("provider: {name}");
    let mut one_of = false;
    for asked in provider["parameters"].as_array().unwrap() {
        let parameter = text(asked, "name");
        // Of alternatives the first stands in the example. A sender that proves nothing had better show a token.
        let shown = match text(asked, "need") {
            "required" | "handshake" => true,
            "one-of" => !std::mem::replace(&mut one_of, true),
            // Nor one that signs for everybody.
            _ => matches!(parameter, "secret" | "topic_arn"),
        };
        if !shown {
            continue;
        }
        match parameter {
            "public_url" => check.push_str(", public_url: https://hooks.example.com"),
            _ => {
                let variable = format!("{name}_{parameter}").to_uppercase();
                write!(check, ", {parameter}: \"${{env:{variable}}}\"").unwrap();
            }
        }
    }
    let body = match name {
        // JSON that says that it is text.
        "aws_sns" => "body: {accept: [any], as: json}\n",
        "dropbox_sign" => "body: {accept: [multipart]}\n",
        _ => "",
    };
    format!(
        "match: {{path: /hooks/{file}}}\nverify: {{{check}}}\n{body}target: {{url: \"https://example.com/{file}\"}}\n"
    )
}

fn page(providers: &[Value]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n| provider | what is checked | to configure | patience | confidence |\n|---|---|---|---|---|\n");
    for provider in providers {
        let (name, title) = (text(provider, "name"), text(provider, "title"));
        writeln!(
            page,
            "| [`{name}`](#{name}) {} | {} | {} | {} | {} |",
            cell(title),
            cell(text(provider, "checked")),
            parameters(provider),
            behaviour(provider),
            text(provider, "confidence")
        )
        .unwrap();
    }
    page.push_str(
        "\n¹ one of them, ² for the handshake by which the sender checks the address\n\n## A route for each\n",
    );
    for provider in providers {
        write!(page, "\n### {}\n\n", text(provider, "name")).unwrap();
        match text(provider, "notes") {
            "" => writeln!(page, "{}.\n", text(provider, "title")).unwrap(),
            notes => writeln!(page, "{}: {notes}.\n", text(provider, "title")).unwrap(),
        }
        write!(page, "```yaml\n{}```\n", example(provider)).unwrap();
    }
    page
}

#[test]
fn the_page_is_that_of_the_table() {
    let page = page(&providers());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(document(), &page).unwrap();
    }
    let committed = std::fs::read_to_string(document()).unwrap_or_default();
    assert!(page == committed, "docs/providers.md is out of step; run: UPDATE_DOCS=1 cargo test --test it providers::");
}

#[test]
fn every_example_of_the_page_loads() {
    let providers = providers();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    let page = std::fs::read_to_string(document()).unwrap();
    let examples = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut count = 0;
    for example in examples {
        std::fs::write(folder.path().join(format!("routes.d/p{count}.yaml")), example).unwrap();
        count += 1;
    }
    assert_eq!(count, providers.len());
    let output = hookswitch(folder.path(), &["validate", "--offline"]);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_list_says_what_must_be_configured() {
    let providers = providers();
    let named = |name: &str| providers.iter().find(|provider| provider["name"] == name).unwrap();
    let needs = |name: &str| {
        let asked = named(name)["parameters"].as_array().unwrap().iter();
        asked.map(|asked| format!("{} {}", text(asked, "name"), text(asked, "need"))).collect::<Vec<_>>()
    };
    assert_eq!(needs("github"), ["secret required"]);
    assert_eq!(needs("fusionauth"), ["secret one-of", "public_key one-of", "tolerance optional"]);
    assert_eq!(needs("docker_hub"), ["secret optional"]);
    assert_eq!(
        needs("paypal"),
        ["cert_pem optional", "cert_url optional", "webhook_id required", "tolerance optional"]
    );
    assert_eq!(needs("meta"), ["secret required", "verify_token handshake"]);
    assert_eq!(named("github")["patience_seconds"], 10);
    assert_eq!(named("github")["retries"], false);
    assert_eq!(named("stripe")["delivery_id"], "json:/id");
    let folder = tempfile::tempdir().unwrap();
    let output = hookswitch(folder.path(), &["routes", "--providers"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    let github = shown.lines().find(|line| line.starts_with("github ")).unwrap();
    assert_eq!(github.split_whitespace().collect::<Vec<_>>(), ["github", "sdk-verified", "secret", "GitHub"]);
}

#[test]
fn a_misspelt_provider_is_told_the_nearest_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/provider-unknown");
    let output = hookswitch(&folder, &["validate", "--offline", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["diagnostics"][0]["code"], "verify-provider-unknown");
    assert_eq!(said["diagnostics"][0]["help"], "did you mean `github`?");
}
