//! The configuration on disk: which files there are, read whole.
//!
//! Names and bytes only; nothing is parsed here, and whether anything has changed is [`crate::reload`]'s to know. A folder may be a mounted Kubernetes ConfigMap, whose files are
//! symbolic links into `..data`: links are followed, hidden names are skipped, and no file is read twice.

mod read;
mod walk;

pub use read::{FILES_MAX, bounded};
pub use walk::{Met, walk};

use crate::diagnostic::{Diagnostic, Severity};
use std::path::{Path, PathBuf};

/// Where a configuration is looked for when nobody says where.
const SYSTEM_FOLDER: &str = "/etc/hookswitch";
pub const ROUTES: &str = "routes.d";
pub const SETTINGS: [&str; 2] = ["hookswitch.yaml", "hookswitch.yml"];

/// What to read: a folder, and instead of its routes some files named one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
    files: Vec<PathBuf>,
}

/// What a file is for; told by its name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Settings,
    Route,
    Test,
}

/// One file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub role: Role,
    /// As it is named to the user: relative to the folder where it lies inside, else as it was given.
    pub shown: String,
    pub path: PathBuf,
    pub text: String,
}

/// A folder at one moment: everything read once, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub folder: PathBuf,
    pub files: Vec<File>,
    /// Files and folders that could not be read, each as an error.
    pub problems: Vec<Diagnostic>,
    /// Files named one by one were asked for: the folder's own routes were not read.
    pub is_partial: bool,
}

impl Folder {
    /// `given`, else the current folder if it holds a configuration, else `/etc/hookswitch`.
    pub fn find(given: Option<&Path>) -> Folder {
        let path = match given {
            Some(path) => path.to_owned(),
            None if holds_configuration(Path::new(".")) => PathBuf::from("."),
            None => PathBuf::from(SYSTEM_FOLDER),
        };
        Folder { path, files: Vec::new() }
    }

    /// Only these routes and examples, with the settings of the folder if it has any.
    pub fn with_files(self, files: Vec<PathBuf>) -> Folder {
        Folder { files, ..self }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads everything, bounded.
    pub fn read(&self) -> Snapshot {
        let mut reader = read::Reader::default();
        match self.files.is_empty() {
            true => self.read_folder(&mut reader),
            false => self.read_files(&mut reader),
        }
        Snapshot {
            folder: self.path.clone(),
            files: reader.files,
            problems: reader.problems,
            is_partial: !self.files.is_empty(),
        }
    }

    fn read_folder(&self, reader: &mut read::Reader) {
        if !self.path.is_dir() {
            let shown = self.path.display().to_string();
            let problem = Diagnostic::about_file(Severity::Error, "folder", &shown, "there is no such folder")
                .with_help("`-c DIR` names it; by default it is the current one, then /etc/hookswitch");
            reader.problems.push(problem);
            return;
        }
        self.read_settings(reader);
        let routes = self.path.join(ROUTES);
        if routes.is_dir() {
            reader.read_below(&routes, Path::new(ROUTES));
        }
    }

    fn read_settings(&self, reader: &mut read::Reader) {
        let there: Vec<&str> = SETTINGS.into_iter().filter(|name| exists(&self.path.join(name))).collect();
        if let [_, second] = there.as_slice() {
            let message = "there is a hookswitch.yaml beside it, and only one of them can hold the settings";
            reader.problems.push(Diagnostic::about_file(Severity::Error, "settings-twice", second, message));
        }
        if let Some(name) = there.first() {
            reader.read(Role::Settings, &self.path.join(name), Path::new(name));
        }
    }

    fn read_files(&self, reader: &mut read::Reader) {
        let names_settings = |path: &PathBuf| Role::of(path) == Role::Settings;
        if !self.files.iter().any(names_settings) {
            self.read_settings(reader);
        }
        for path in &self.files {
            let shown = path.strip_prefix(&self.path).unwrap_or(path);
            match path.is_dir() {
                true => reader.read_below(path, shown),
                false => reader.read(Role::of(path), path, shown),
            }
        }
    }
}

impl Role {
    fn of(path: &Path) -> Role {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match name.as_ref() {
            name if SETTINGS.contains(&name) => Role::Settings,
            name if name.ends_with(".test.yaml") || name.ends_with(".test.yml") => Role::Test,
            _ => Role::Route,
        }
    }
}

impl File {
    /// The name without `.yaml`, `.yml` and `.test`: what a route is called that has no name.
    pub fn stem(&self) -> &str {
        let name = self.shown.rsplit('/').next().unwrap_or_default();
        let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name);
        stem.strip_suffix(".test").unwrap_or(stem)
    }
}

fn holds_configuration(folder: &Path) -> bool {
    folder.join(ROUTES).is_dir() || SETTINGS.iter().any(|name| exists(&folder.join(name)))
}

/// Also true for a link to nothing: that it cannot be read must be said, not taken for absence.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests;
