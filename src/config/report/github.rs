//! Workflow commands, which GitHub Actions turns into annotations of the changed lines.
//!
//! Format and escapes: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions> and, for the
//! characters, `packages/core/src/command.ts` of actions/toolkit.

use super::{Report, whole_message, word};
use crate::diagnostic::Diagnostic;
use std::io::{self, Write};

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    report.diagnostics.iter().try_for_each(|diagnostic| one(report, diagnostic, out))
}

fn one(report: &Report<'_>, diagnostic: &Diagnostic, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "::{} file={}", word(diagnostic.severity), property(&report.sources.path(&diagnostic.file)))?;
    if diagnostic.line > 0 {
        write!(out, ",line={},col={}", diagnostic.line, diagnostic.column)?;
    }
    let help = diagnostic.help.iter().map(|help| format!("\nhelp: {help}")).collect::<String>();
    writeln!(out, ",title={}::{}", property(diagnostic.code), data(&(whole_message(diagnostic) + &help)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
