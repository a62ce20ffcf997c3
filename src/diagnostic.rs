//! What is wrong with a configuration, where, and what to do about it.
//!
//! A [`Diagnostic`] is made by the stage that finds the mistake; a JSON Pointer into the document is enough, the
//! position in the file is looked up by [`crate::config`]. Drawing (human, json, github, sarif) lives in
//! [`crate::config::report`] and never here.

use serde::Serialize;

/// How bad it is: an error keeps a configuration from being used, a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// One mistake. `line` and `column` count from 1, in characters; 0 means "the file as a whole".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// A stable, lower-case name in kebab case, as `unknown-key` or `expr-unknown-variable`.
    pub code: &'static str,
    pub message: String,
    /// The file as the user would name it: relative to the configuration folder where it lies inside.
    pub file: String,
    pub line: u32,
    pub column: u32,
    /// JSON Pointer (RFC 6901) to the value in its YAML document; empty for the document itself.
    #[serde(rename = "path")]
    pub pointer: String,
    /// What to do: one sentence, or nothing where the message already says it.
    pub help: Option<String>,
    /// Byte range in the file, for drawing; not part of the machine format.
    #[serde(skip)]
    pub span: Option<(usize, usize)>,
    /// The line, for whoever has no file to draw it from; not part of the machine format.
    #[serde(skip)]
    pub source: Option<SourceLine>,
    /// A second place that belongs to the mistake; machine formats name it in the message.
    #[serde(skip)]
    pub related: Option<RelatedPlace>,
}

/// One line of a file, as it may be shown, with what is meant in it: counted in characters, and cut where it is long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceLine {
    pub text: String,
    pub start: usize,
    pub end: usize,
}

/// The other place of a mistake that takes two, as the second of two equal names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelatedPlace {
    /// What is there: `first used here`.
    pub message: String,
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub span: Option<(usize, usize)>,
}

impl Diagnostic {
    /// About a file as a whole, or about a folder.
    pub fn about_file(severity: Severity, code: &'static str, file: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity,
            code,
            message: message.into(),
            file: file.to_owned(),
            line: 0,
            column: 0,
            pointer: String::new(),
            help: None,
            span: None,
            source: None,
            related: None,
        }
    }

    pub fn with_help(self, help: impl Into<String>) -> Diagnostic {
        Diagnostic { help: Some(help.into()), ..self }
    }
}

/// One mistake as the stage that found it knows it: by JSON Pointer, and where it helps by byte offset in the scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    pub help: Option<String>,
    /// Which YAML document: an index that [`crate::config`] handed out.
    pub document: usize,
    pub pointer: String,
    /// Underline the key instead of its value.
    pub on_key: bool,
    /// Byte range inside the scalar's text (an expression in a string), to underline just that.
    pub inside: Option<(usize, usize)>,
    /// The other place, for a mistake that takes two.
    pub related: Option<Related>,
}

/// A second place as the stage that found it knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    pub document: usize,
    pub pointer: String,
    /// What is there: `first used here`.
    pub message: String,
}

/// Where all findings of one load are collected. Shared by reference through every compile step.
#[derive(Debug, Default)]
pub struct Findings(std::cell::RefCell<Vec<Finding>>);

impl Findings {
    /// The same mistake is told once, however often what it stands in is compiled.
    pub fn push(&self, finding: Finding) {
        let mut found = self.0.borrow_mut();
        if !found.contains(&finding) {
            found.push(finding);
        }
    }

    pub fn has_errors(&self) -> bool {
        self.0.borrow().iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Everything found so far, in the order it was found.
    pub fn to_vec(&self) -> Vec<Finding> {
        self.0.borrow().clone()
    }

    pub fn into_inner(self) -> Vec<Finding> {
        self.0.into_inner()
    }
}

/// A place in a document while it is compiled: mistakes are reported where they are.
#[derive(Clone)]
pub struct At<'a> {
    pub findings: &'a Findings,
    pub references: &'a crate::secret::References,
    document: usize,
    pointer: String,
}

impl<'a> At<'a> {
    /// The top of document number `document`.
    pub fn document(findings: &'a Findings, references: &'a crate::secret::References, document: usize) -> At<'a> {
        At { findings, references, document, pointer: String::new() }
    }

    /// The value of `key` in the mapping here.
    pub fn key(&self, key: &str) -> At<'a> {
        let mut at = self.clone();
        at.pointer.push('/');
        at.pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        at
    }

    /// Element `index` of the list here.
    pub fn index(&self, index: usize) -> At<'a> {
        let mut at = self.clone();
        at.pointer.push_str(&format!("/{index}"));
        at
    }

    pub fn document_index(&self) -> usize {
        self.document
    }

    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    pub fn error(&self, code: &'static str, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.report(Finding { help: help.into(), ..self.finding(Severity::Error, code, message) });
    }

    pub fn warning(&self, code: &'static str, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.report(Finding { help: help.into(), ..self.finding(Severity::Warning, code, message) });
    }

    /// A warning about the key here: where the value is a secret, so that the key is underlined.
    pub fn warning_on_key(&self, code: &'static str, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.report(Finding { help: help.into(), on_key: true, ..self.finding(Severity::Warning, code, message) });
    }

    /// An error about the key here (that it is there, or what it is called) and not about its value.
    pub fn error_on_key(&self, code: &'static str, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.report(Finding { help: help.into(), on_key: true, ..self.finding(Severity::Error, code, message) });
    }

    /// An error about bytes `inside` of the scalar here.
    pub fn error_inside(
        &self,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
        inside: (usize, usize),
    ) {
        let finding = self.finding(Severity::Error, code, message);
        self.report(Finding { help: help.into(), inside: Some(inside), ..finding });
    }

    /// An error that takes two places: here, and `other`, of which `there` is said.
    pub fn error_with(
        &self,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
        other: &At<'_>,
        there: impl Into<String>,
    ) {
        let related = Related { document: other.document, pointer: other.pointer.clone(), message: there.into() };
        let finding = self.finding(Severity::Error, code, message);
        self.report(Finding { help: help.into(), related: Some(related), ..finding });
    }

    /// Reads something whose mistakes are reported elsewhere.
    pub fn quietly<T>(&self, read: impl FnOnce(&At<'_>) -> T) -> T {
        let elsewhere = Findings::default();
        let there = At::document(&elsewhere, self.references, self.document);
        read(&there)
    }

    /// Reads something that is not written in one piece: of each of `places`, the value that is looked for at the first is
    /// written at the second, and mistakes in it are reported there. Those about its key stay.
    pub fn with_places<T>(&self, places: &[(At<'_>, At<'_>)], read: impl FnOnce(&At<'_>) -> T) -> T {
        let elsewhere = Findings::default();
        let pointer = self.pointer.clone();
        let read = read(&At { findings: &elsewhere, references: self.references, document: self.document, pointer });
        for mut finding in elsewhere.into_inner() {
            let moved = places.iter().find_map(|(from, to)| {
                let below = finding.pointer.strip_prefix(&from.pointer)?;
                let is_value = below.starts_with('/') || below.is_empty() && !finding.on_key;
                is_value.then(|| format!("{}{below}", to.pointer))
            });
            if let Some(moved) = moved {
                finding.pointer = moved;
            }
            self.report(finding);
        }
        read
    }

    fn finding(&self, severity: Severity, code: &'static str, message: impl Into<String>) -> Finding {
        Finding {
            severity,
            code,
            message: message.into(),
            help: None,
            document: self.document,
            pointer: self.pointer.clone(),
            on_key: false,
            inside: None,
            related: None,
        }
    }

    /// Whatever a message repeats of what it is about, it shows references and not what they stand for.
    fn report(&self, finding: Finding) {
        let message = self.references.unresolved(finding.message);
        let help = finding.help.map(|help| self.references.unresolved(help));
        self.findings.push(Finding { message, help, ..finding });
    }
}
