//! Whole lines on standard output.
//!
//! Logs, the `stdout://` target and the commands all write to one stream that a machine may read line by line. Whoever
//! writes there hands over a whole line, so that two of them never share one. Bottom module: it knows nobody.

use std::io::{self, Write};

/// Writes `line` and a line feed under one lock and flushes, so that the line is with the reader when this returns.
///
/// The caller escapes what could break the line (JSON does so by itself). Blocks while the reader of a pipe is behind:
/// from asynchronous code it belongs on a blocking thread.
///
/// # Errors
/// Whatever the operating system says, `BrokenPipe` where nobody reads any more.
pub fn write_line(line: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Writes `lines`, which are whole lines with their line feeds, under one lock and flushes once.
///
/// # Errors
/// As [`write_line`].
pub fn write_lines(lines: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(lines)?;
    stdout.flush()
}
