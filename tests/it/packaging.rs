//! What is shipped for running it: dashboards and alerts name only metrics and labels that exist, files that are
//! mounted or copied are there, and the example configurations are good.

use crate::harness::{hookswitch, write};
use hookswitch::telemetry::metrics::{ALL, Definition};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(place(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Every value under one of these keys, wherever it stands.
fn values<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                if name == key {
                    found.extend(value.as_str());
                }
                values(value, key, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| values(item, key, found)),
        _ => {}
    }
}

/// The metric that a name in an expression is of: with the suffixes that samples have.
fn metric(word: &str) -> Option<&'static Definition> {
    let is = |definition: &&&'static Definition| {
        let name = definition.prometheus_name();
        let suffixes: &[&str] = match definition.kind {
            hookswitch::telemetry::metrics::Kind::Counter => &["_total"],
            hookswitch::telemetry::metrics::Kind::Gauge => &[""],
            hookswitch::telemetry::metrics::Kind::Histogram(_) => &["_bucket", "_count", "_sum"],
        };
        suffixes.iter().any(|suffix| format!("{name}{suffix}") == word)
    };
    ALL.iter().find(is).copied()
}

fn words(expression: &str) -> Vec<&str> {
    expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect()
}

/// Metrics exist, and labels are those of one of them.
fn check(expression: &str) {
    let mut labels: Vec<String> = ["le", "job", "instance"].map(str::to_owned).into();
    let mut metrics = 0;
    for word in
        words(expression).into_iter().filter(|word| word.starts_with("hookswitch_") || word.starts_with("http_"))
    {
        if let Some(definition) = metric(word) {
            metrics += 1;
            labels.extend(definition.labels.iter().map(|label| label.replace('.', "_")));
        } else {
            assert!(
                labels.iter().any(|label| label == word)
                    || expression.contains(&format!("({word}"))
                    || expression.contains(&format!(" {word}")),
                "{word} in {expression}"
            );
            assert!(!word.starts_with("hookswitch_"), "there is no metric {word}: {expression}");
        }
    }
    assert!(metrics > 0 || expression.contains("up{"), "{expression}");
    let grouped = expression.split(" by (").skip(1).map(|rest| rest.split(')').next().unwrap());
    let matched = expression
        .split('{')
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap())
        .flat_map(|matchers| matchers.split(',').map(|matcher| matcher.split(['=', '!']).next().unwrap()));
    for label in grouped.flat_map(|labels| labels.split(", ")).chain(matched) {
        assert!(labels.iter().any(|known| known == label), "no metric of it has the label {label}: {expression}");
    }
}

#[test]
fn alerts_name_what_exists() {
    let rules = yaml(&read("packaging/prometheus/alerts.yml"));
    let (mut expressions, mut texts) = (Vec::new(), Vec::new());
    values(&rules, "expr", &mut expressions);
    values(&rules, "description", &mut texts);
    assert!(expressions.len() >= 10);
    expressions.iter().for_each(|expression| check(expression));
    for word in texts.iter().flat_map(|text| words(text)).filter(|word| word.starts_with("hookswitch_")) {
        assert!(metric(word).is_some(), "{word}");
    }
    assert_eq!(texts.len(), expressions.len(), "each says where to look");
}

#[test]
fn the_dashboard_names_what_exists() {
    let dashboard: Value = serde_json::from_str(&read("packaging/grafana/dashboards/hookswitch.json")).unwrap();
    let mut expressions = Vec::new();
    values(&dashboard, "expr", &mut expressions);
    assert!(expressions.len() >= 20);
    expressions.iter().for_each(|expression| check(expression));
    let shown: Vec<&Definition> = expressions.iter().flat_map(|text| words(text)).filter_map(metric).collect();
    for definition in ALL
        .iter()
        .filter(|one| !["hookswitch.telemetry.exported", "hookswitch.config.last_success.time"].contains(&one.name))
    {
        assert!(shown.contains(definition), "{} is on no panel", definition.name);
    }
    assert!(
        words(dashboard["templating"]["list"][0]["query"].as_str().unwrap())
            .into_iter()
            .any(|word| metric(word).is_some())
    );
}

#[test]
fn what_compose_mounts_and_builds_is_there() {
    let compose = yaml(&read("packaging/compose/compose.yaml"));
    let services = compose["services"].as_object().unwrap();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["router", "jaeger", "prometheus", "grafana"]);
    for (name, service) in services {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            assert!(place("packaging/compose").join(source).exists(), "{name}: {source}");
        }
        for port in service["ports"].as_array().unwrap() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
        }
        let is_pinned = service["image"].as_str().is_none_or(|image| image.contains(':') && !image.ends_with("latest"));
        assert!(is_pinned, "{name}");
    }
    let build = &services["router"]["build"];
    let context = place("packaging/compose").join(build["context"].as_str().unwrap());
    let dockerfile = std::fs::read_to_string(context.join(build["dockerfile"].as_str().unwrap())).unwrap();
    for line in
        dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from"))
    {
        let (sources, _) = line.rsplit_once(' ').unwrap();
        sources.split(' ').for_each(|source| assert!(context.join(source).exists(), "{source}"));
    }
    let user = dockerfile.lines().find_map(|line| line.strip_prefix("USER ")).expect("not root");
    assert!(!user.starts_with('0') && !user.starts_with("root"));
    let prometheus = yaml(&read("packaging/prometheus/prometheus.yml"));
    assert!(place("packaging/prometheus").join(prometheus["rule_files"][0].as_str().unwrap()).exists());
    assert_eq!(prometheus["scrape_configs"][0]["static_configs"][0]["targets"][0], "router:9901");
    for file in ["datasources/prometheus.yaml", "dashboards/hookswitch.yaml"] {
        yaml(&read(&format!("packaging/grafana/provisioning/{file}")));
    }
}

/// What the image contains must be what `include_str!` and the build need: everything that `src` reads of elsewhere.
#[test]
fn the_image_is_built_from_all_that_the_build_needs() {
    fn each(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                each(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for call in ["include_str!(\"", "include_bytes!(\""] {
                    let included = text.split(call).skip(1).filter_map(|rest| rest.split('"').next());
                    found.extend(included.map(|name| path.parent().unwrap().join(name).to_string_lossy().into_owned()));
                }
            }
        }
    }
    let mut included = Vec::new();
    each(&place("src"), &mut included);
    let dockerfile = read("packaging/Dockerfile");
    let root = place("").canonicalize().unwrap();
    for file in included {
        let Ok(path) = Path::new(&file).canonicalize() else { continue };
        let top =
            path.strip_prefix(&root).unwrap().components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        if top != "tests" {
            assert!(dockerfile.contains(&format!("COPY {top} ")), "{file} is not in the image");
        }
    }
}

fn is_good(settings: &str) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "hookswitch.yaml", settings);
    write(folder.path(), "routes.d/hello.yaml", &read("examples/quickstart/routes.d/hello.yaml"));
    let output = hookswitch(folder.path(), &["validate", "--offline"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_example_configurations_are_good() {
    is_good(&read("packaging/compose/hookswitch.yaml"));
    let manifests = read("packaging/kubernetes/hookswitch.yaml");
    let documents: Vec<Value> = manifests.split("\n---\n").map(yaml).collect();
    let kinds: Vec<&str> = documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ConfigMap", "Deployment", "Service"]);
    is_good(documents[0]["data"]["hookswitch.yaml"].as_str().unwrap());
    let pod = &documents[1]["spec"]["template"]["spec"];
    let probes =
        ["readinessProbe", "livenessProbe"].map(|probe| pod["containers"][0][probe]["httpGet"]["path"].clone());
    assert_eq!(probes, ["/readyz", "/livez"]);
    // `delay` and `grace` together, as docs/operations.md asks for.
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > 35);
}
