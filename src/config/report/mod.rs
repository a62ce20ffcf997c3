//! Diagnostics drawn for people and for tools. Only what was written is shown, never a resolved value.

mod github;
mod human;
mod json;
mod sarif;

use super::Sources;
use crate::diagnostic::{Diagnostic, Severity};
use std::io::{self, Write};

/// How diagnostics are drawn. The machine formats are stable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For a terminal: each with its source line
    #[default]
    Human,
    /// One JSON document
    Json,
    /// Workflow commands that GitHub turns into annotations
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// What there is to draw.
pub struct Report<'r> {
    pub diagnostics: &'r [Diagnostic],
    pub sources: &'r Sources,
}

impl Report<'_> {
    /// Human output carries colours; a stream that is no terminal strips them (`anstream`).
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Human => human::write(self, out),
            Format::Json => json::write(self, out),
            Format::Github => github::write(self, out),
            Format::Sarif => sarif::write(self, out),
        }
    }

    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// `2 errors, 1 warning in 3 files`; without an error `3 routes in 2 files: no mistakes`.
    pub fn summary(&self) -> String {
        let files = counted(self.sources.file_count(), "file");
        let errors = counted(self.count(Severity::Error), "error");
        let warnings = counted(self.count(Severity::Warning), "warning");
        match (self.count(Severity::Error), self.count(Severity::Warning)) {
            (0, 0) => format!("{}: no mistakes", self.routes()),
            (0, _) => format!("{}: {warnings}", self.routes()),
            (_, 0) => format!("{errors} in {files}"),
            (_, _) => format!("{errors}, {warnings} in {files}"),
        }
    }

    /// `3 routes in 2 files`.
    fn routes(&self) -> String {
        match self.sources.route_count() {
            (0, _) => "no routes".to_owned(),
            (routes, files) => format!("{} in {}", counted(routes, "route"), counted(files, "file")),
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}

/// `1 file`, `2 files`.
fn counted(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        count => format!("{count} {word}s"),
    }
}

/// The message with its second place, for formats that have none.
fn whole_message(diagnostic: &Diagnostic) -> String {
    match &diagnostic.related {
        Some(other) => {
            format!("{} ({}: {})", diagnostic.message, other.message, place(&other.file, other.line, other.column))
        }
        None => diagnostic.message.clone(),
    }
}

/// `file:line:column`, as editors and terminals link it; the file alone where it is about the whole file.
fn place(file: &str, line: u32, column: u32) -> String {
    match line {
        0 => file.to_owned(),
        line => format!("{file}:{line}:{column}"),
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[cfg(test)]
mod tests;
