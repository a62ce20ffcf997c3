//! Files to text, bounded, and none twice.

use super::walk::{Met, walk};
use super::{File, Role};
use crate::config::yaml::{FILE_MAX, Span};
use crate::diagnostic::{Diagnostic, Severity};
use std::collections::HashSet;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A configuration of more files, or of more bytes, is a mistake such as `-c /`.
pub const FILES_MAX: usize = 10_000;
const TOTAL_MAX: usize = 64 << 20;

/// What has been read so far.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) files: Vec<File>,
    pub(super) problems: Vec<Diagnostic>,
    total: usize,
    /// Real paths: two links to one file are one file.
    seen: HashSet<PathBuf>,
    is_full: bool,
}

impl Reader {
    pub(super) fn read(&mut self, role: Role, path: &Path, shown: &Path) {
        if self.is_full {
            return;
        }
        let name = name(shown);
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if !self.seen.insert(real) {
            return;
        }
        let bytes = match bounded(path) {
            Ok(bytes) => bytes,
            Err(problem) => return self.problem("file", shown, problem),
        };
        self.total = self.total.saturating_add(bytes.len());
        if self.files.len() >= FILES_MAX || self.total > TOTAL_MAX {
            self.is_full = true;
            let message = format!("more than {FILES_MAX} files or {} MiB: is this the right folder?", TOTAL_MAX >> 20);
            return self.problem("folder", shown, message);
        }
        match String::from_utf8(bytes) {
            Ok(text) => self.files.push(File { role, shown: name, path: path.to_owned(), text }),
            Err(error) => self.problems.push(not_utf8(&name, &error)),
        }
    }

    /// Every YAML file below `folder`, which the user knows as `shown`.
    pub(super) fn read_below(&mut self, folder: &Path, shown: &Path) {
        let _ = walk(folder, &mut |met| {
            let shown = |path: &Path| shown.join(path.strip_prefix(folder).unwrap_or(path));
            match met {
                Met::Folder(_) => {}
                Met::File(path) if Role::of(path) == Role::Settings => {
                    let message = "settings are read from beside routes.d, not from inside it";
                    self.problem("settings-misplaced", &shown(path), message);
                }
                Met::File(path) => self.read(Role::of(path), path, &shown(path)),
                Met::Problem(path, problem) => self.problem("folder", &shown(path), problem),
            }
            if self.is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    pub(super) fn problem(&mut self, code: &'static str, shown: &Path, message: impl Into<String>) {
        self.problems.push(Diagnostic::about_file(Severity::Error, code, &name(shown), message));
    }
}

/// The bytes of a regular file of at most [`FILE_MAX`], or what is wrong with it.
pub fn bounded(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    // Opening a pipe would wait for a writer.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() > FILE_MAX {
        true => Err(format!("is larger than {} MiB", FILE_MAX >> 20)),
        false => Ok(bytes),
    }
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let valid = String::from_utf8_lossy(valid);
    let span = Span::of(&valid, valid.len(), valid.len());
    let mut problem = Diagnostic::about_file(Severity::Error, "not-utf8", name, "is not UTF-8 from here on");
    (problem.line, problem.column) = (span.line, span.column);
    problem.with_help("save the file as UTF-8")
}

fn name(shown: &Path) -> String {
    shown.to_string_lossy().replace('\\', "/")
}
