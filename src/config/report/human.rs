//! One plain line that editors understand, then the source line with the mistake underlined, then what to do.

use super::{Report, place, word};
use crate::diagnostic::{Diagnostic, Severity};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for diagnostic in report.diagnostics {
        one(report, diagnostic, out)?;
        writeln!(out)?;
    }
    writeln!(out, "{}", report.summary())
}

fn one(report: &Report<'_>, diagnostic: &Diagnostic, out: &mut dyn Write) -> io::Result<()> {
    let colour = match diagnostic.severity {
        Severity::Error => AnsiColor::BrightRed,
        Severity::Warning => AnsiColor::Yellow,
    };
    let (strong, bold) = (colour.on_default().bold(), Style::new().bold());
    let (word, code) = (word(diagnostic.severity), diagnostic.code);
    let at = place(&diagnostic.file, diagnostic.line, diagnostic.column);
    // A message of two lines, or with an escape sequence from a file name in it, must not look like something else.
    let message = printable(&diagnostic.message);
    writeln!(out, "{strong}{word}[{code}]{strong:#} {at}: {bold}{message}{bold:#}", at = printable(&at))?;
    if let Some(snippet) = snippet(report, (&diagnostic.file, diagnostic.line), diagnostic.span, diagnostic.severity) {
        writeln!(out, "{snippet}")?;
    }
    if let Some(other) = &diagnostic.related {
        let at = place(&other.file, other.line, other.column);
        writeln!(out, "{bold}note:{bold:#} {}: {}", printable(&at), printable(&other.message))?;
        if let Some(snippet) = snippet(report, (&other.file, other.line), other.span, Severity::Warning) {
            writeln!(out, "{snippet}")?;
        }
    }
    if let Some(help) = &diagnostic.help {
        let style = AnsiColor::BrightCyan.on_default().bold();
        writeln!(out, "{style}help:{style:#} {}", printable(help))?;
    }
    Ok(())
}

/// The lines of a span, drawn. Only they are handed over: the library reads all it is given.
///
/// `place` is the file, and the line in which the span begins: counting lines anew for each would take long where many
/// routes stand in one file.
fn snippet(
    report: &Report<'_>,
    place: (&str, u32),
    span: Option<(usize, usize)>,
    severity: Severity,
) -> Option<String> {
    let ((file, line), (start, end)) = (place, span?);
    let text = report.sources.drawn(file)?;
    let first = text.get(..start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let last = text.get(end..)?.find('\n').map_or(text.len(), |newline| end + newline);
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let lines = text.get(first..last)?.trim_end_matches('\r');
    let within = |byte: usize| (byte - first).min(lines.len());
    let annotation = AnnotationKind::Primary.span(within(start)..within(end));
    let snippet = Snippet::source(lines).line_start(line as usize).annotation(annotation);
    let group = Group::with_level(level).element(snippet);
    Some(Renderer::styled().decor_style(DecorStyle::Ascii).render(&[group]))
}

/// Control characters shown as spaces: text of a configuration must not drive the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
