//! How far the replay of a file has come, in a small file beside it: `FILE.progress`.
//!
//! Written whole or not at all. It belongs to one file: what has been rotated away and begun anew is another one.

use crate::hex;
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;

/// So much of a file tells it from another.
const HEAD: u64 = 4096;

/// A place in a file: behind so many lines, which are so many bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub lines: u64,
    pub bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    version: u32,
    /// SHA-256 of the first bytes of the file, and how many they are.
    head: String,
    head_bytes: u64,
    route: Option<String>,
    #[serde(flatten)]
    place: Place,
}

/// The progress of one file.
pub struct Progress {
    path: PathBuf,
    head: String,
    head_bytes: u64,
    route: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    #[error("cannot read {}: {error}", .path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{} is not what a replay writes; remove it, or begin with --from 1", .0.display())]
    Malformed(PathBuf),
    #[error("{} is of another file that had this name; remove it, or begin with --from 1", .0.display())]
    OtherFile(PathBuf),
    #[error("{} is of a replay {}; say the same, or begin with --from 1", .path.display(), of_route(.route.as_deref()))]
    OtherRoute { path: PathBuf, route: Option<String> },
}

fn of_route(route: Option<&str>) -> String {
    route.map_or_else(|| "of all routes".to_owned(), |route| format!("with --route {route}"))
}

impl Progress {
    /// Of `file`, for records of `route` alone or of all.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(file: &Path, route: Option<&str>) -> Result<Progress, ProgressError> {
        let read = head(file, HEAD).map_err(|error| ProgressError::Read { path: file.to_owned(), error });
        let (head, head_bytes) = read?;
        let mut path = file.as_os_str().to_owned();
        path.push(".progress");
        Ok(Progress { path: path.into(), head, head_bytes, route: route.map(str::to_owned) })
    }

    /// Where an earlier replay has ended; `None`: there was none.
    ///
    /// # Errors
    /// What is there is of another file, or of another choice of records.
    pub fn load(&self, file: &Path) -> Result<Option<Place>, ProgressError> {
        let path = self.path.clone();
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ProgressError::Read { path, error }),
        };
        let written: Written = match serde_json::from_slice(&text) {
            Ok(written) => written,
            Err(_) => return Err(ProgressError::Malformed(path)),
        };
        if written.version != VERSION || written.head_bytes > HEAD {
            return Err(ProgressError::Malformed(path));
        }
        let failed = |error| ProgressError::Read { path: file.to_owned(), error };
        let same = head(file, written.head_bytes).map_err(failed)? == (written.head, written.head_bytes);
        if !same || fs::metadata(file).map_err(failed)?.len() < written.place.bytes {
            return Err(ProgressError::OtherFile(path));
        }
        if written.route != self.route {
            return Err(ProgressError::OtherRoute { path, route: written.route });
        }
        Ok(Some(written.place))
    }

    /// # Errors
    /// What the operating system says.
    pub fn save(&self, place: Place) -> io::Result<()> {
        let Progress { head, head_bytes, route, .. } = self;
        let written =
            Written { version: VERSION, head: head.clone(), head_bytes: *head_bytes, route: route.clone(), place };
        let mut beside = self.path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut file = File::create(&beside)?;
        serde_json::to_writer(&mut file, &written)?;
        file.write_all(b"\n")?;
        file.sync_data()?;
        fs::rename(&beside, &self.path)
    }
}

/// The first bytes of a file as a hash, and how many there were.
fn head(file: &Path, bytes: u64) -> io::Result<(String, u64)> {
    let mut head = Vec::new();
    File::open(file)?.take(bytes).read_to_end(&mut head)?;
    let mut context = Context::new(&SHA256);
    context.update(&head);
    let digest = context.finish();
    Ok((hex::of(digest.as_ref()), head.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { lines: 2, bytes: 8 };

    fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
        let file = folder.path().join("dead.ndjson");
        fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn what_was_saved_is_loaded_also_when_the_file_has_grown() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder, "one\ntwo\n");
        let progress = Progress::of(&file, None).unwrap();
        assert_eq!(progress.load(&file).unwrap(), None);
        progress.save(PLACE).unwrap();
        fs::write(&file, "one\ntwo\nthree\n").unwrap();
        assert_eq!(Progress::of(&file, None).unwrap().load(&file).unwrap(), Some(PLACE));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left behind");
    }

    #[test]
    fn another_file_of_the_same_name_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder, "one\ntwo\n");
        Progress::of(&file, None).unwrap().save(PLACE).unwrap();
        for other in ["One\ntwo\nthree\n", "one\n", ""] {
            fs::write(&file, other).unwrap();
            let found = Progress::of(&file, None).unwrap().load(&file);
            assert!(matches!(found, Err(ProgressError::OtherFile(_))), "{other:?}: {found:?}");
        }
    }

    #[test]
    fn another_choice_of_records_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder, "one\ntwo\n");
        Progress::of(&file, Some("orders")).unwrap().save(PLACE).unwrap();
        let error = Progress::of(&file, None).unwrap().load(&file).unwrap_err().to_string();
        assert!(error.ends_with("is of a replay with --route orders; say the same, or begin with --from 1"), "{error}");
    }

    #[test]
    fn what_something_else_wrote_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder, "one\n");
        fs::write(folder.path().join("dead.ndjson.progress"), "50 %").unwrap();
        let found = Progress::of(&file, None).unwrap().load(&file);
        assert!(matches!(found, Err(ProgressError::Malformed(_))), "{found:?}");
    }
}
