//! What files held when they were read last, so that looking every other second does not read a thousand of them.
//!
//! A file counts as untouched where all that the system says of it is as it was. It keeps the time of the last change of
//! content or of attributes itself and nobody can set it back; what was changed in the very moment when it was read is not
//! believed.

use crate::config::folder::bounded;
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// Times of file systems are this coarse at worst.
const COARSE: TimeDelta = TimeDelta::seconds(2);

/// Of the contents of a file, or of why there are none.
type Contents = [u8; 32];

#[derive(Default)]
pub(super) struct Known {
    files: HashMap<PathBuf, (Stamp, Contents)>,
    /// That the look under way has met.
    met: HashMap<PathBuf, (Stamp, Contents)>,
    #[cfg(test)]
    pub(super) read: usize,
}

/// What the system says of a file without reading it.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds since 1970 and nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Known {
    /// Everything is read again.
    pub(super) fn forget(&mut self) {
        self.files.clear();
    }

    /// What is in a file, as of `now`.
    pub(super) fn contents(&mut self, path: &Path, now: DateTime<Utc>) -> Contents {
        // Asked before the file is read: a change in between is seen by the next look.
        let stamp = path.metadata().ok().and_then(|metadata| Stamp::of(&metadata));
        let known = self.files.remove(path).filter(|(known, _)| Some(known) == stamp.as_ref());
        let contents = match known {
            Some((_, contents)) => contents,
            None => self.read(path),
        };
        if let Some(stamp) = stamp.filter(|stamp| stamp.is_settled(now)) {
            self.met.insert(path.to_owned(), (stamp, contents));
        }
        contents
    }

    /// The look is over: files that it has not met are forgotten.
    pub(super) fn looked(&mut self) {
        self.files = std::mem::take(&mut self.met);
    }

    fn read(&mut self, path: &Path) -> Contents {
        #[cfg(test)]
        {
            self.read += 1;
        }
        let bytes = bounded(path).unwrap_or_else(String::into_bytes);
        let mut contents = [0; 32];
        contents.copy_from_slice(digest(&SHA256, &bytes).as_ref());
        contents
    }
}

impl Stamp {
    /// `None` where the system does not say enough.
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Option<Stamp> {
        use std::os::unix::fs::MetadataExt;
        Some(Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Option<Stamp> {
        None
    }

    /// A change from now on would show.
    fn is_settled(&self, now: DateTime<Utc>) -> bool {
        let changed = DateTime::from_timestamp(self.changed.0.max(self.modified.0), 0);
        changed.is_some_and(|changed| now - changed > COARSE)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::reload::Inputs;
    use std::fs::{self, File};
    use tempfile::TempDir;

    struct Folder {
        folder: TempDir,
        known: Known,
    }

    impl Folder {
        fn new() -> Folder {
            let folder = TempDir::new().unwrap();
            fs::create_dir(folder.path().join("routes.d")).unwrap();
            let folder = Folder { folder, known: Known::default() };
            folder.write("a.yaml", "one");
            folder.write("b.yaml", "two");
            folder
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join("routes.d").join(name)
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.path(name), text).unwrap();
        }

        /// How many files a look has read, so long after now; of the settings, which are not there, nothing is known. What
        /// it says of them is what reading all of them says.
        fn look(&mut self, later: TimeDelta) -> usize {
            let inputs = Inputs::of_folder(self.folder.path());
            self.known.read = 0;
            let digest = inputs.digest_from(&mut self.known, Utc::now() + later);
            assert_eq!(digest, inputs.digest());
            self.known.read - inputs.files.len()
        }
    }

    const LATER: TimeDelta = TimeDelta::seconds(10);

    #[test]
    fn what_was_written_a_moment_ago_is_read_again() {
        let mut folder = Folder::new();
        for _ in 0..3 {
            assert_eq!(folder.look(TimeDelta::zero()), 2);
        }
        assert_eq!((folder.look(LATER), folder.look(LATER)), (2, 0));
    }

    #[test]
    fn a_file_that_is_touched_in_any_way_is_read() {
        let mut folder = Folder::new();
        folder.look(LATER);
        assert_eq!(folder.look(LATER), 0);
        folder.write("a.yaml", "six");
        assert_eq!((folder.look(LATER), folder.look(LATER)), (1, 0), "another text of the same length");
        let time = folder.path("a.yaml").metadata().unwrap().modified().unwrap();
        folder.write("a.yaml", "ten");
        File::options().write(true).open(folder.path("a.yaml")).unwrap().set_modified(time).unwrap();
        assert_eq!((folder.look(LATER), folder.look(LATER)), (1, 0), "its time was set back");
        fs::rename(folder.path("a.yaml"), folder.path("c.yaml")).unwrap();
        fs::rename(folder.path("b.yaml"), folder.path("a.yaml")).unwrap();
        assert_eq!((folder.look(LATER), folder.look(LATER)), (2, 0), "other files of these names");
        fs::remove_file(folder.path("a.yaml")).unwrap();
        assert_eq!(folder.look(LATER), 0);
        folder.known.forget();
        assert_eq!(folder.look(LATER), 1);
    }
}
