//! Every YAML file below a folder, in the order of their names.

use super::read::Reader;
use super::{Role, SETTINGS};
use std::ffi::OsString;
use std::path::Path;

/// Folders nested deeper are not a configuration.
const DEPTH_MAX: usize = 32;

/// Reads `**/*.yaml` and `**/*.yml` below `folder`, which the user knows as `shown`.
pub(super) fn walk(folder: &Path, shown: &Path, reader: &mut Reader) {
    descend(folder, shown, 0, reader);
}

fn descend(folder: &Path, shown: &Path, depth: usize, reader: &mut Reader) {
    if !reader.enters(folder) {
        return;
    }
    if depth > DEPTH_MAX {
        return reader.problem("folder", shown, format!("is nested deeper than {DEPTH_MAX} folders"));
    }
    let names = match names(folder) {
        Ok(names) => names,
        Err(error) => return reader.problem("folder", shown, format!("cannot be read: {error}")),
    };
    for name in names {
        let (path, shown) = (folder.join(&name), shown.join(&name));
        let text = name.to_string_lossy();
        // Also `..data` and `..2026_06_01_…` of a mounted ConfigMap, and editors' temporary files.
        if text.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            descend(&path, &shown, depth + 1, reader);
        } else if text.ends_with(".yaml") || text.ends_with(".yml") {
            match SETTINGS.contains(&text.as_ref()) {
                true => {
                    let message = "settings are read from beside routes.d, not from inside it";
                    reader.problem("settings-misplaced", &shown, message);
                }
                false => reader.read(Role::of(&path), &path, &shown),
            }
        }
    }
}

fn names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut names = folder.read_dir()?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
