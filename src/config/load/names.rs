//! What routes are called: their `name`, else the stem of their file; each name once.

use super::Written;
use crate::config::spec::RouteSpec;
use crate::diagnostic::{Finding, Findings, Related, Severity};
use std::collections::HashMap;

/// The routes of one file with their names. `documents` counts all documents of the file, also those left out.
pub(super) fn named(routes: Vec<Written<RouteSpec>>, documents: usize, findings: &Findings) -> Vec<Written<RouteSpec>> {
    let named = routes.into_iter().map(|mut route| {
        let name = match &route.spec.name {
            Some(name) => name.clone(),
            None if documents > 1 => {
                let message = "the route has no `name`, and its file holds several";
                let help = "give each route of the file a `name`; only a file with one route lends it its own";
                whole_document("name-missing", message, Some(help.to_owned()), route.document, findings);
                provisional(route.document)
            }
            None if is_name(&route.stem) => route.stem.clone(),
            None => {
                let message = format!("the route has no `name`, and `{}` cannot be one", route.stem);
                let help = format!("write `name: {}`, or rename the file so", as_name(&route.stem));
                whole_document("name-missing", &message, Some(help), route.document, findings);
                provisional(route.document)
            }
        };
        route.spec.name = Some(name.clone());
        route.name = name;
        route
    });
    named.collect()
}

/// A name that no route can have, so that the rest of the route is checked as well.
fn provisional(document: usize) -> String {
    format!("(document {document})")
}

/// Reports every route whose name an earlier one has, and leaves it out.
pub(super) fn unique(routes: &mut Vec<Written<RouteSpec>>, findings: &Findings) {
    let mut first: HashMap<String, usize> = HashMap::new();
    routes.retain(|route| {
        let Some(&document) = first.get(&route.name) else {
            first.insert(route.name.clone(), route.document);
            return true;
        };
        findings.push(Finding {
            severity: Severity::Error,
            code: "name-twice",
            message: format!("another route is called `{}`", route.name),
            help: Some("names are unique over all files: rename one of them".to_owned()),
            document: route.document,
            pointer: "/name".to_owned(),
            on_key: false,
            inside: None,
            related: Some(Related { document, pointer: "/name".to_owned(), message: "the other one".to_owned() }),
        });
        false
    });
}

pub(super) fn whole_document(
    code: &'static str,
    message: &str,
    help: Option<String>,
    document: usize,
    findings: &Findings,
) {
    findings.push(Finding {
        severity: Severity::Error,
        code,
        message: message.to_owned(),
        help,
        document,
        pointer: String::new(),
        on_key: false,
        inside: None,
        related: None,
    });
}

/// As the schema has it for `name`: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`.
fn is_name(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let is_dash = |c: Option<&u8>| c == Some(&b'-');
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().copied().all(inner)
        && !is_dash(bytes.first())
        && !is_dash(bytes.last())
}

/// The nearest name to a text, for a help line.
fn as_name(text: &str) -> String {
    let letters = text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let name: String = letters.take(63).collect();
    let name = name.trim_matches('-').to_owned();
    if name.is_empty() { "my-route".to_owned() } else { name }
}
