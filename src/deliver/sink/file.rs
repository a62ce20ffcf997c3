//! One file that many deliveries append whole lines to.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// A file by its path: opened when it is first written to, and again after it was rotated away.
pub(super) struct LogFile {
    path: PathBuf,
    writing: Mutex<Writing>,
    /// Who may have a thread to write with.
    pub(super) writers: Arc<Semaphore>,
}

#[derive(Default)]
struct Writing {
    opened: Option<Arc<Opened>>,
    /// The last write stopped in the middle of a line.
    torn: bool,
}

/// What a path led to when it was opened.
struct Opened {
    file: File,
    /// Lines written so far.
    written: AtomicU64,
    /// How many of them are on the disk.
    synced: Mutex<u64>,
    /// A sync has failed: what the disk has of the lines before is unknown, and asking again would not tell (the kernel
    /// reports a lost page once).
    failed: AtomicBool,
}

impl LogFile {
    pub(super) fn new(path: PathBuf) -> LogFile {
        LogFile { path, writing: Mutex::default(), writers: Arc::new(Semaphore::new(super::WRITERS_MAX)) }
    }

    /// Appends a line with its line feed in one write, then waits for the disk.
    pub(super) fn append(&self, line: Vec<u8>) -> io::Result<()> {
        let (opened, number) = self.write(line)?;
        opened.sync(number)
    }

    /// Gives the file that the line went to, and the line's number in it, from 1.
    fn write(&self, mut line: Vec<u8>) -> io::Result<(Arc<Opened>, u64)> {
        line.push(b'\n');
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = self.current(&mut writing)?;
        if writing.torn {
            line.insert(0, b'\n');
        }
        // Whoever appends to the same file from outside is kept apart by the one write of a whole line.
        let written = (&opened.file).write_all(&line);
        writing.torn = written.is_err();
        written?;
        let number = opened.written.fetch_add(1, Ordering::Release) + 1;
        Ok((opened, number))
    }

    /// The open file, if the path still leads to it; else it was rotated, and the path is opened anew.
    fn current(&self, writing: &mut Writing) -> io::Result<Arc<Opened>> {
        if let Some(opened) = &writing.opened
            && !opened.failed.load(Ordering::Relaxed)
            && let (Ok(open), Ok(named)) = (opened.file.metadata(), std::fs::metadata(&self.path))
            && same_file(&open, &named)
        {
            return Ok(Arc::clone(opened));
        }
        *writing = Writing::default();
        let file = open(&self.path)?;
        sync_name(&self.path)?;
        let opened = Arc::new(Opened {
            file,
            written: AtomicU64::new(0),
            synced: Mutex::new(0),
            failed: AtomicBool::new(false),
        });
        writing.opened = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

impl Opened {
    /// Returns when line `number` is on the disk. One sync serves all lines that were written before it began: while one
    /// delivery waits for the disk, others gather.
    fn sync(&self, number: u64) -> io::Result<()> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced >= number {
            return Ok(());
        }
        if self.failed.load(Ordering::Relaxed) {
            return Err(io::Error::other("an earlier sync of this file failed"));
        }
        let reached = self.written.load(Ordering::Acquire);
        match self.file.sync_data() {
            // Pipes and devices have nothing to sync (fsync(2), EINVAL).
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
                self.failed.store(true, Ordering::Relaxed);
                return Err(error);
            }
            _ => *synced = reached,
        }
        Ok(())
    }
}

#[cfg(unix)]
fn open(path: &std::path::Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Payloads may be personal data: others have no business in a file that we create.
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

#[cfg(not(unix))]
fn open(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// A file that is new is found after a loss of power only if its folder is on the disk too (fsync(2)).
#[cfg(unix)]
fn sync_name(path: &std::path::Path) -> io::Result<()> {
    // A folder that may be written to and not read cannot be asked.
    let Some(Ok(folder)) = path.parent().map(File::open) else { return Ok(()) };
    match folder.sync_all() {
        // Not every file system can.
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(error),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn sync_name(_: &std::path::Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn same_file(open: &Metadata, named: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

/// Where files have no identity that can be asked for, rotation by renaming is not possible while they are open.
#[cfg(not(unix))]
fn same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}
