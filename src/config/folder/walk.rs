//! Every YAML file below a folder, in the order of their names.

use std::collections::HashSet;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Folders nested deeper are not a configuration.
const DEPTH_MAX: usize = 32;

/// What a walk comes by.
pub enum Met<'p> {
    Folder(&'p Path),
    /// `*.yaml` or `*.yml`.
    File(&'p Path),
    /// A folder that is not looked into, and why.
    Problem(&'p Path, String),
}

/// Tells `met` of everything below `folder`, itself first, until it breaks off. Names that begin with a dot are skipped,
/// links are followed, and no folder is entered twice: links may run in circles.
pub fn walk(folder: &Path, met: &mut impl FnMut(Met<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
    descend(folder, 0, &mut HashSet::new(), met)
}

fn descend(
    folder: &Path,
    depth: usize,
    entered: &mut HashSet<PathBuf>,
    met: &mut impl FnMut(Met<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if !entered.insert(folder.canonicalize().unwrap_or_else(|_| folder.to_owned())) {
        return ControlFlow::Continue(());
    }
    if depth > DEPTH_MAX {
        return met(Met::Problem(folder, format!("is nested deeper than {DEPTH_MAX} folders")));
    }
    let names = match names(folder) {
        Ok(names) => names,
        Err(error) => return met(Met::Problem(folder, format!("cannot be read: {error}"))),
    };
    met(Met::Folder(folder))?;
    for name in names {
        let path = folder.join(&name);
        let text = name.to_string_lossy();
        // Also `..data` and `..2026_06_01_…` of a mounted ConfigMap, and editors' temporary files.
        if text.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            descend(&path, depth + 1, entered, met)?;
        } else if text.ends_with(".yaml") || text.ends_with(".yml") {
            met(Met::File(&path))?;
        }
    }
    ControlFlow::Continue(())
}

fn names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut names = folder.read_dir()?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
