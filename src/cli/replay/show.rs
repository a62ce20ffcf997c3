//! What is seen of a replay: a bar on a terminal, lines otherwise, and what it came to.

use super::Tally;
use crate::replay::{End, Ended, LINE_MAX, Place};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write, stderr};
use std::path::Path;

/// Without a terminal a line says how far it has come every so many lines.
const SAY_EVERY: u64 = 1000;

pub(super) struct Display {
    /// `None`: standard error is no terminal.
    bar: Option<ProgressBar>,
}

impl Display {
    /// Of a file of `size` bytes, of which some were replayed before.
    pub(super) fn new(begin: Place, size: u64) -> Display {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(size).with_position(begin.bytes);
            let style = "{bar:30} {percent:>3} % · {msg} · {bytes_per_sec}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar
        });
        Display { bar }
    }

    pub(super) fn ended(&self, ended: &Ended, tally: &Tally) {
        let number = ended.line.number;
        match &ended.end {
            End::Failed(failed) => self.say(&format!("line {number}: {failed}")),
            End::Malformed(error) => self.say(&format!("line {number}: {error}")),
            End::TooLong => self.say(&format!("line {number}: longer than {} MiB", LINE_MAX >> 20)),
            End::Delivered | End::Passed | End::Stopped => {}
        }
        match &self.bar {
            Some(bar) => {
                bar.set_position(ended.line.end);
                bar.set_message(tally.to_string());
            }
            None if number.is_multiple_of(SAY_EVERY) => self.say(&format!("line {number}: {tally}")),
            None => {}
        }
    }

    /// What it came to, on standard output.
    pub(super) fn over(&self, file: &Path, tally: &Tally, begin: Place, end: Place) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let file = file.display();
        let mut text = String::new();
        if begin.lines > 0 {
            text.push_str(&format!("{} lines were replayed before; --from 1 begins anew\n", begin.lines));
        }
        text.push_str(&format!("{tally}\n"));
        if tally.failed > 0 {
            text.push_str(&format!("what failed is in {file}.failed, to be replayed again\n"));
        }
        if tally.stopped {
            text.push_str(&format!("stopped after line {}; the same command goes on from there\n", end.lines));
        }
        // The exit code is about what was delivered.
        let _ = super::super::print(&text);
    }

    /// One line on standard error, beside the bar.
    fn say(&self, line: &str) {
        let say = || {
            // A terminal that has gone away is no reason to stop.
            let _ = writeln!(anstream::stderr(), "{line}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }
}

/// `998 delivered, 2 failed`; what there was none of is left out.
impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} delivered, {} failed", self.delivered, self.failed)?;
        for (number, what) in [(self.malformed, "no records"), (self.passed, "passed over")] {
            if number > 0 {
                write!(f, ", {number} {what}")?;
            }
        }
        Ok(())
    }
}
