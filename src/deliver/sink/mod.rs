//! `stdout://` and `file:///path`: one JSON object per line, whole or not at all, and on disk before it counts.
//!
//! Everything that blocks runs off the asynchronous threads.

mod file;
pub(super) mod record;
#[cfg(test)]
mod tests;

use file::LogFile;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The files that deliveries append to, open as long as they are in use. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Sinks {
    files: Arc<Mutex<HashMap<PathBuf, Arc<LogFile>>>>,
}

/// Paths may be computed from events; descriptors are few. Above this, files that nobody writes to are closed.
const OPEN_MAX: usize = 64;

impl Sinks {
    /// Appends a line (without its line feed) and waits until it is on the disk.
    ///
    /// # Errors
    /// What the operating system says. A line that could only be written in part is closed by a line feed before the next.
    pub(super) async fn append(&self, path: &Path, line: Vec<u8>) -> io::Result<()> {
        let file = self.file(path);
        off_thread(move || file.append(line)).await
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    /// What the operating system says, `BrokenPipe` where nobody reads.
    pub(super) async fn stdout(&self, line: Vec<u8>) -> io::Result<()> {
        off_thread(move || crate::stdout::write_line(&line)).await
    }

    fn file(&self, path: &Path) -> Arc<LogFile> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(path) {
            return Arc::clone(file);
        }
        if files.len() >= OPEN_MAX {
            files.retain(|_, file| Arc::strong_count(file) > 1);
        }
        let file = Arc::new(LogFile::new(path.to_owned()));
        files.insert(path.to_owned(), Arc::clone(&file));
        file
    }
}

async fn off_thread(write: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(write).await.unwrap_or_else(|_| Err(io::Error::other("the writer panicked")))
}
