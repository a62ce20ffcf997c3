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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The files that deliveries append to, open as long as they are in use. Cheap to clone.
#[derive(Clone)]
pub(super) struct Sinks {
    files: Arc<Mutex<HashMap<PathBuf, Arc<LogFile>>>>,
    stdout: Arc<Semaphore>,
}

/// So many threads may wait for one file or for standard output at once. A disk that hangs (a lost network file system, a
/// pipe that nobody reads) holds them for good, and must leave some for everything else: there are 512 by default.
const WRITERS_MAX: usize = 64;

/// Paths may be computed from events; descriptors are few. Above this, files that nobody writes to are closed.
const OPEN_MAX: usize = 64;

impl Sinks {
    /// Appends a line (without its line feed) and waits until it is on the disk.
    ///
    /// # Errors
    /// What the operating system says. A line that could only be written in part is closed by a line feed before the next.
    pub(super) async fn append(&self, path: &Path, line: Vec<u8>) -> io::Result<()> {
        let file = self.file(path);
        let turn = turn(&file.writers).await?;
        off_thread(turn, move || file.append(line)).await
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    /// What the operating system says, `BrokenPipe` where nobody reads.
    pub(super) async fn stdout(&self, line: Vec<u8>) -> io::Result<()> {
        let turn = turn(&self.stdout).await?;
        off_thread(turn, move || crate::stdout::write_line(&line)).await
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

impl Default for Sinks {
    fn default() -> Sinks {
        Sinks { files: Arc::default(), stdout: Arc::new(Semaphore::new(WRITERS_MAX)) }
    }
}

/// Whoever gives up waiting for it holds no thread.
async fn turn(writers: &Arc<Semaphore>) -> io::Result<OwnedSemaphorePermit> {
    // Nobody closes it.
    Arc::clone(writers).acquire_owned().await.map_err(io::Error::other)
}

/// The turn lasts as long as the thread, also where nobody waits for it any longer.
async fn off_thread(
    turn: OwnedSemaphorePermit,
    write: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let write = move || {
        let _turn = turn;
        write()
    };
    tokio::task::spawn_blocking(write).await.unwrap_or_else(|_| Err(io::Error::other("the writer panicked")))
}
