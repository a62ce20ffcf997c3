//! A snapshot of a folder to specs: every document parsed, checked and read, all mistakes of all files at once.
//!
//! Nothing is compiled and no reference is resolved here. A document with a mistake is left out, the others are not.

mod line;
mod mask;
mod names;
mod sources;

pub use sources::{Place, Sources};

use super::folder::{File, Role, Snapshot};
use super::schema::{Schemas, Spec};
use super::spec::{ProcessSpec, RouteSpec, TestFileSpec};
use super::yaml::{self, Node};
use crate::diagnostic::{Diagnostic, Findings, Severity};
use std::collections::HashSet;

/// What was written, and where.
#[derive(Debug, Clone)]
pub struct Written<T> {
    /// Kilobytes: in a box, so that a list of thousands is not one piece of memory that grows by copies.
    pub spec: Box<T>,
    /// For [`crate::diagnostic::At::document`].
    pub document: usize,
    /// The file as it is shown.
    pub file: String,
    /// The file's name without its endings.
    pub stem: String,
    /// Of a route: the name it has, also in `spec.name`. Of a file of examples: its stem.
    pub name: String,
}

/// Everything that was written, as far as it could be read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// All defaults where there is no hookswitch.yaml.
    pub settings: ProcessSpec,
    /// The document of the settings, also where there is none: mistakes about them need a place.
    pub settings_document: usize,
    /// In the order of their files. Names are unique.
    pub routes: Vec<Written<RouteSpec>>,
    pub tests: Vec<Written<TestFileSpec>>,
    pub sources: Sources,
    /// Only some of the route files were read, as asked: what is not used here may be used elsewhere.
    pub is_partial: bool,
}

/// Reads everything. Mistakes with a place in a document go to `findings`; [`Sources::diagnostics`] gives all of them.
pub fn load(snapshot: &Snapshot, allow_empty: bool, findings: &Findings) -> Loaded {
    let sources = Sources::new(&snapshot.folder);
    let mut loaded = Loaded { sources, is_partial: snapshot.is_partial, ..Loaded::default() };
    loaded.sources.problems.extend(snapshot.problems.iter().cloned());
    loaded.settings_document = loaded.sources.absent_document("hookswitch.yaml");
    let mut route_documents = 0;
    let schemas = Schemas::default();
    for file in &snapshot.files {
        let documents = documents(file, &mut loaded.sources);
        match file.role {
            Role::Settings => settings(file, &documents, &mut loaded, &schemas, findings),
            Role::Route => {
                route_documents += documents.len();
                let routes = read_all(file, &documents, &schemas, findings);
                loaded.routes.extend(names::named(routes, documents.len(), findings));
            }
            Role::Test => {
                let tests = read_all(file, &documents, &schemas, findings);
                loaded.tests.extend(tests);
            }
        }
    }
    names::unique(&mut loaded.routes, findings);
    let is_whole = snapshot.problems.is_empty() && !loaded.sources.has_errors() && !snapshot.is_partial;
    if route_documents == 0 && is_whole && !allow_empty {
        loaded.sources.problems.push(no_routes(snapshot));
    }
    let route_files: HashSet<&str> = loaded.routes.iter().map(|route| route.file.as_str()).collect();
    loaded.sources.routes = (loaded.routes.len(), route_files.len());
    loaded
}

/// The documents of a file, with their indices. A file with a syntax error has none.
fn documents(file: &File, sources: &mut Sources) -> Vec<(usize, Node)> {
    let parsed = yaml::parse(&file.text);
    let source = sources.add_file(file);
    sources.add_problems(source, &parsed.problems);
    let documents = parsed.documents.into_iter().enumerate();
    documents.map(|(number, root)| (sources.add_document(source, number), root)).collect()
}

fn settings(file: &File, documents: &[(usize, Node)], loaded: &mut Loaded, schemas: &Schemas, findings: &Findings) {
    let Some((first, others)) = documents.split_first() else { return };
    loaded.settings_document = first.0;
    for &(document, _) in others {
        let message = "hookswitch.yaml holds one document; there is nothing to put behind `---`";
        names::whole_document("settings-twice", message, None, document, findings);
    }
    if let Some(written) = read_all(file, std::slice::from_ref(first), schemas, findings).pop() {
        loaded.settings = *written.spec;
    }
}

fn read_all<T: Spec>(
    file: &File,
    documents: &[(usize, Node)],
    schemas: &Schemas,
    findings: &Findings,
) -> Vec<Written<T>> {
    let read = documents.iter().filter_map(|(document, root)| {
        let spec = schemas.read(root, *document, findings)?;
        let stem = file.stem().to_owned();
        let spec = Box::new(spec);
        Some(Written { spec, document: *document, file: file.shown.clone(), name: stem.clone(), stem })
    });
    read.collect()
}

fn no_routes(snapshot: &Snapshot) -> Diagnostic {
    let folder = snapshot.folder.display().to_string();
    Diagnostic::about_file(Severity::Error, "no-routes", &folder, "there is no route in this folder")
        .with_help("routes are YAML files below routes.d; `serve --allow-empty` starts without any")
}

#[cfg(test)]
mod tests;
