//! The page that explains metrics, spans, attributes and log fields names all of them, and none that is not there.

use std::collections::BTreeSet;
use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What stands in quotes in a source, as far as it looks like a name with one of these beginnings.
fn quoted<'t>(text: &'t str, beginnings: &'t [&str]) -> impl Iterator<Item = &'t str> {
    let strings = text.split('"').skip(1).step_by(2);
    strings.filter(move |string| beginnings.iter().any(|beginning| string.starts_with(beginning)))
}

/// The first cells of the table under `heading`, as words in backticks; and all the others' words.
fn words(page: &str, heading: &str) -> BTreeSet<String> {
    let section = page.split(&format!("## {heading}\n")).nth(1).expect(heading);
    let section = section.split("\n## ").next().unwrap();
    section.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_metric_and_label_is_explained() {
    let page = read("docs/observability.md");
    let words = words(&page, "Metrics");
    let mut missing = Vec::new();
    for definition in hookswitch::telemetry::metrics::ALL {
        let suffix = if definition.kind == hookswitch::telemetry::metrics::Kind::Counter { "_total" } else { "" };
        let name = format!("{}{suffix}", definition.prometheus_name());
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let Some(row) = row else {
            missing.push(name);
            continue;
        };
        let labels: Vec<String> =
            definition.labels.iter().map(|label| format!("`{}`", label.replace('.', "_"))).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(" ") };
        assert_eq!(row.split(" | ").nth(1), Some(&*labels), "{name}");
    }
    assert_eq!(missing, [""; 0]);
    let known: BTreeSet<String> =
        hookswitch::telemetry::metrics::ALL.iter().map(|known| known.prometheus_name()).collect();
    let stale = words.iter().filter(|word| word.starts_with("hookswitch_") || word.ends_with("_seconds"));
    let stale: Vec<_> = stale.filter(|word| !known.contains(word.trim_end_matches("_total"))).collect();
    assert_eq!(stale, [""; 0]);
}

#[test]
fn every_attribute_of_a_span_is_explained() {
    let words = words(&read("docs/observability.md"), "Traces");
    let beginnings = ["hookswitch.", "http.", "url.", "server.", "client.", "user_agent.", "error."];
    let mut written = BTreeSet::new();
    for source in ["src/server/record/spans.rs", "src/server/span.rs"] {
        written.extend(quoted(&read(source), &beginnings).map(str::to_owned));
    }
    assert!(written.len() > 20, "{written:?}");
    let explained: BTreeSet<String> = words
        .iter()
        .filter(|word| beginnings.iter().any(|beginning| word.starts_with(beginning)) && !word.contains(' '))
        .map(|word| word.replace("label.NAME", "label."))
        .collect();
    assert_eq!(written, explained);
}

#[test]
fn every_field_of_a_log_line_is_explained() {
    let page = read("docs/operations.md");
    let words = words(&page, "Logs");
    let source = read("src/telemetry/logs.rs");
    let fields = ["line.given(\"", "line.text(\"", "line.number(\"", "line.milliseconds(\"", "line.map(\""];
    let named = fields.iter().flat_map(|call| source.split(call).skip(1)).filter_map(|rest| rest.split('"').next());
    let missing: Vec<&str> =
        named.filter(|field| !words.contains(*field) && !["listener", "address", "dropped"].contains(field)).collect();
    assert_eq!(missing, [""; 0]);
}
