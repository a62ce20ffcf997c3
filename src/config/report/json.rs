//! One JSON document: `{"version": 1, "diagnostics": […]}`.

use super::{Report, whole_message};
use crate::diagnostic::Diagnostic;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Output {
    version: u32,
    diagnostics: Vec<Diagnostic>,
}

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let whole = |diagnostic: &Diagnostic| Diagnostic { message: whole_message(diagnostic), ..diagnostic.clone() };
    let output = Output { version: 1, diagnostics: report.diagnostics.iter().map(whole).collect() };
    serde_json::to_writer_pretty(&mut *out, &output)?;
    writeln!(out)
}
