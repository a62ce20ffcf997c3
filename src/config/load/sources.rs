//! The texts of a configuration, and where in them a mistake is.

use super::line;
use super::mask::{is_masked, masked, masked_message, without_quotes};
use crate::config::folder::File;
use crate::config::yaml::{self, Kind, Node, Problem, Span, source_range};
use crate::diagnostic::{Diagnostic, Finding, Findings, RelatedPlace, Severity};
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Every file with its documents. Documents are numbered over all files.
#[derive(Debug, Default)]
pub struct Sources {
    folder: PathBuf,
    files: Vec<Source>,
    documents: Vec<Document>,
    /// Mistakes that are no document's: unreadable files, syntax errors, an empty folder.
    pub(super) problems: Vec<Diagnostic>,
    /// How many routes were read, from how many files.
    pub(super) routes: (usize, usize),
}

#[derive(Debug)]
struct Source {
    shown: String,
    path: PathBuf,
    text: String,
    reading: OnceCell<Reading>,
}

/// What it takes to say where a mistake is, made when there is one: trees take many times more than their text.
#[derive(Debug)]
struct Reading {
    documents: Vec<Node>,
    /// The text with written-out secrets hidden, byte for byte as long.
    drawn: String,
}

#[derive(Debug)]
struct Document {
    file: usize,
    /// Among the documents of its file; `None`: it is not there.
    number: Option<usize>,
}

impl Source {
    fn new(shown: &str, path: PathBuf, text: &str) -> Source {
        Source { shown: shown.to_owned(), path, text: text.to_owned(), reading: OnceCell::new() }
    }

    fn reading(&self) -> &Reading {
        self.reading.get_or_init(|| {
            let documents = yaml::parse(&self.text).documents;
            Reading { drawn: masked(&self.text, &documents), documents }
        })
    }
}

/// Diagnostics that bring their line along; nobody reads more of them at a time.
const LINES_MAX: usize = 200;

/// A place to show: line and column count from 1; 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub span: Option<(usize, usize)>,
}

impl Sources {
    pub(super) fn new(folder: &Path) -> Sources {
        Sources { folder: folder.to_owned(), ..Sources::default() }
    }

    pub(super) fn add_file(&mut self, file: &File) -> usize {
        self.files.push(Source::new(&file.shown, file.path.clone(), &file.text));
        self.files.len() - 1
    }

    /// `number` counts the documents of the file.
    pub(super) fn add_document(&mut self, file: usize, number: usize) -> usize {
        self.documents.push(Document { file, number: Some(number) });
        self.documents.len() - 1
    }

    /// A document that is not there, for mistakes about what it does not say.
    pub(super) fn absent_document(&mut self, shown: &str) -> usize {
        self.files.push(Source::new(shown, self.folder.join(shown), ""));
        self.documents.push(Document { file: self.files.len() - 1, number: None });
        self.documents.len() - 1
    }

    pub(super) fn add_problems(&mut self, file: usize, problems: &[Problem]) {
        let placed: Vec<Diagnostic> = problems.iter().map(|problem| self.placed(file, problem)).collect();
        self.problems.extend(placed);
    }

    fn placed(&self, file: usize, problem: &Problem) -> Diagnostic {
        let place = self.spot(file, problem.span);
        let related = problem.related.as_ref().map(|(span, message)| related(self.spot(file, *span), message));
        let source = self.files.get(file);
        let has_secret = source.is_some_and(|file| is_masked(&file.text, &file.reading().drawn, problem.span.line));
        let (message, help) = match has_secret {
            false => (problem.message.clone(), problem.help.clone()),
            true => {
                let help = problem.help.as_ref().map(|_| "put the whole value in single quotes".to_owned());
                (without_quotes(&problem.message), help)
            }
        };
        Diagnostic {
            severity: if problem.is_warning { Severity::Warning } else { Severity::Error },
            code: problem.code,
            message,
            file: place.file,
            line: place.line,
            column: place.column,
            pointer: String::new(),
            help,
            span: place.span,
            source: None,
            related,
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    fn root(&self, document: usize) -> Option<&Node> {
        let Document { file, number } = self.documents.get(document)?;
        self.files.get(*file)?.reading().documents.get((*number)?)
    }

    /// The text of a file by its shown name, for drawing: secrets that are written out are hidden.
    pub fn drawn(&self, shown: &str) -> Option<&str> {
        self.files.iter().rev().find(|file| file.shown == shown).map(|file| file.reading().drawn.as_str())
    }

    /// The path of a file by its shown name, as seen from the current folder: what tools want that know no `-c`.
    pub fn path(&self, shown: &str) -> String {
        let known = self.files.iter().find(|file| file.shown == shown).map(|file| file.path.clone());
        let path = known.unwrap_or_else(|| self.folder.join(shown));
        let path = path.strip_prefix(".").unwrap_or(&path);
        path.to_string_lossy().replace('\\', "/")
    }

    /// How many routes were read, from how many files.
    pub fn route_count(&self) -> (usize, usize) {
        self.routes
    }

    /// How many files were read.
    pub fn file_count(&self) -> usize {
        self.files.iter().filter(|file| !file.text.is_empty()).count()
    }

    /// Where the value (or its key) at a JSON Pointer is written. What is not written is where its parent is.
    pub fn place(&self, document: usize, pointer: &str, on_key: bool) -> Place {
        let Some(Document { file, .. }) = self.documents.get(document) else {
            return Place { file: String::new(), line: 0, column: 0, span: None };
        };
        let Some(root) = self.root(document) else { return self.whole_file(*file) };
        let mut pointer = pointer;
        loop {
            if let Some((node, entry)) = root.find(pointer) {
                return match entry {
                    Some(entry) if on_key || matches!(node.kind, Kind::Map(_) | Kind::List(_) | Kind::Null) => {
                        self.spot(*file, entry.key_span)
                    }
                    _ => self.spot(*file, self.first_line(*file, node)),
                };
            }
            pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }

    /// Every mistake, at its place, in the order of files and lines.
    pub fn diagnostics(&self, findings: &Findings) -> Vec<Diagnostic> {
        let mut all = self.problems.clone();
        all.extend(findings.to_vec().iter().map(|finding| self.diagnostic(finding)));
        // A mistake in what an anchor brings to several places is one mistake.
        let mut seen = HashSet::new();
        all.retain(|found| {
            seen.insert((found.file.clone(), found.line, found.column, found.code, found.message.clone()))
        });
        // Of files with one name, the first counts.
        let positions: HashMap<&str, usize> =
            self.files.iter().enumerate().rev().map(|(position, file)| (file.shown.as_str(), position)).collect();
        all.sort_by_cached_key(|found| {
            let position = positions.get(found.file.as_str());
            (position.copied(), found.file.clone(), found.line, found.column, found.severity)
        });
        for diagnostic in all.iter_mut().take(LINES_MAX) {
            diagnostic.source = diagnostic.span.and_then(|span| line::of(self.drawn(&diagnostic.file)?, span));
        }
        all
    }

    fn diagnostic(&self, finding: &Finding) -> Diagnostic {
        let whole = self.place(finding.document, &finding.pointer, finding.on_key);
        let place = finding.inside.and_then(|inside| self.inside(finding, inside)).unwrap_or(whole);
        let related = finding
            .related
            .as_ref()
            .map(|other| related(self.place(other.document, &other.pointer, false), &other.message));
        let hidden = self.hidden(finding);
        let in_words = |text: &str| match hidden {
            Some(written) => masked_message(&text.replace(written, "…")),
            None => masked_message(text),
        };
        Diagnostic {
            severity: finding.severity,
            code: finding.code,
            message: in_words(&finding.message),
            file: place.file,
            line: place.line,
            column: place.column,
            pointer: finding.pointer.clone(),
            help: finding.help.as_deref().map(in_words),
            span: place.span,
            source: None,
            related,
        }
    }

    /// The scalar of a finding as it is written, where it is drawn otherwise because it is a secret.
    fn hidden(&self, finding: &Finding) -> Option<&str> {
        // What is said of a key repeats nothing of its value, and a short value may stand in any word.
        if finding.on_key {
            return None;
        }
        let document = self.documents.get(finding.document)?;
        let (node, _) = self.root(finding.document)?.find(&finding.pointer)?;
        let source = self.files.get(document.file)?;
        let written = node.span.slice(&source.text);
        let is_scalar = matches!(node.kind, Kind::String(_) | Kind::Number(..) | Kind::Bool(_));
        let value = written.trim_matches(['"', '\'']);
        (is_scalar && node.span.slice(&source.reading().drawn) != written && !value.is_empty()).then_some(value)
    }

    /// The bytes of the file that a range of a scalar was written as.
    fn inside(&self, finding: &Finding, inside: (usize, usize)) -> Option<Place> {
        let document = self.documents.get(finding.document)?;
        let (node, _) = self.root(finding.document)?.find(&finding.pointer)?;
        let Kind::String(value) = &node.kind else { return None };
        let text = &self.files.get(document.file)?.text;
        let (start, end) = source_range(text, node.span, value, inside)?;
        Some(self.spot(document.file, Span::of(text, start, end)))
    }

    /// A scalar is underlined on its first line, without what follows it.
    fn first_line(&self, file: usize, node: &Node) -> Span {
        let text = self.files.get(file).map(|file| file.text.as_str()).unwrap_or_default();
        let first = node.span.slice(text).lines().next().unwrap_or_default().trim_end().len();
        match node.kind {
            Kind::Map(_) | Kind::List(_) => Span { end: node.span.start, ..node.span },
            _ => Span { end: node.span.start + first, ..node.span },
        }
    }

    fn spot(&self, file: usize, span: Span) -> Place {
        let shown = self.files.get(file).map(|file| file.shown.clone()).unwrap_or_default();
        Place { file: shown, line: span.line, column: span.column, span: Some((span.start, span.end)) }
    }

    fn whole_file(&self, file: usize) -> Place {
        let shown = self.files.get(file).map(|file| file.shown.clone()).unwrap_or_default();
        Place { file: shown, line: 0, column: 0, span: None }
    }
}

fn related(place: Place, message: &str) -> RelatedPlace {
    RelatedPlace {
        message: message.to_owned(),
        file: place.file,
        line: place.line,
        column: place.column,
        span: place.span,
    }
}
