//! From a byte of a scalar's value to the byte of the file it was written as.

use super::Span;

/// How a scalar is written (YAML 1.2, chapters 7.3 and 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    /// `|` and `>`.
    Block,
}

/// How the scalar at `span` is written. The place of a block scalar is its first line, not the `|` before it.
pub(super) fn style(text: &str, span: Span) -> Style {
    let line_start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let indent = text.get(line_start..span.start).unwrap_or_default();
    let header = text.get(..line_start.saturating_sub(1)).and_then(|before| before.lines().next_back());
    if line_start > 0 && indent.chars().all(|c| c == ' ') && header.is_some_and(is_block_header) {
        return Style::Block;
    }
    match span.slice(text).bytes().next() {
        Some(b'\'') => Style::Single,
        Some(b'"') => Style::Double,
        Some(b'|' | b'>') => Style::Block,
        _ => Style::Plain,
    }
}

/// The line ends with `|` or `>` and at most an indentation and a chomping indicator and a comment.
fn is_block_header(line: &str) -> bool {
    let content = line.split(" #").next().unwrap_or_default().trim_end();
    let indicator = content.rsplit(' ').next().unwrap_or_default();
    let mut marks = indicator.chars();
    matches!(marks.next(), Some('|' | '>')) && marks.all(|c| c == '+' || c == '-' || c.is_ascii_digit())
}

/// The bytes of the file that bytes `inside` of the value at `span` were written as; `None` where they cannot be found.
pub fn source_range(text: &str, span: Span, value: &str, inside: (usize, usize)) -> Option<(usize, usize)> {
    let source = span.slice(text);
    let mut alignment = Alignment {
        source,
        position: 0,
        style: style(text, span),
        indent: (span.column as usize).saturating_sub(1),
        folded: false,
    };
    if matches!(alignment.style, Style::Single | Style::Double) {
        alignment.position = 1;
    }
    let (mut start, mut end) = (None, None);
    for (offset, c) in value.char_indices() {
        if offset == inside.1 {
            end = Some(alignment.position);
        }
        alignment.skip_to(c)?;
        if offset == inside.0 {
            start = Some(alignment.position);
        }
        alignment.step(c)?;
    }
    if inside.1 >= value.len() {
        end = Some(alignment.position);
        start = start.or(end);
    }
    let (start, end) = (start?, end?);
    Some((span.start + start, span.start + end.max(start)))
}

struct Alignment<'t> {
    source: &'t str,
    position: usize,
    style: Style,
    /// Columns before the scalar's first character: what a block scalar's lines are indented by.
    indent: usize,
    /// The character before was a line break of the source.
    folded: bool,
}

impl Alignment<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.position..).unwrap_or_default()
    }

    /// Passes line breaks that have no character of their own in the value.
    fn skip_to(&mut self, c: char) -> Option<()> {
        while !c.is_whitespace() && self.pass_break() {}
        while self.style == Style::Double && self.rest().starts_with("\\\n") {
            self.position += 1;
            self.pass_break();
        }
        Some(())
    }

    /// Passes what `c` is written as.
    fn step(&mut self, c: char) -> Option<()> {
        if matches!(c, ' ' | '\n') {
            if self.pass_break() {
                self.folded = true;
                return Some(());
            }
            // One break and the blank lines behind it may stand for several line feeds of the value.
            if self.folded && !self.rest().starts_with(c) {
                return Some(());
            }
        }
        self.folded = false;
        let rest = self.rest();
        let written = match self.style {
            Style::Single if c == '\'' && rest.starts_with("''") => 2,
            Style::Double if rest.starts_with('\\') => escape_length(rest)?,
            _ if rest.starts_with(c) => c.len_utf8(),
            _ => return None,
        };
        self.position += written;
        Some(())
    }

    /// Passes a line break with the blanks around it that are not part of the value.
    fn pass_break(&mut self) -> bool {
        let rest = self.rest();
        let is_block = self.style == Style::Block;
        let line = if is_block { rest } else { rest.trim_start_matches([' ', '\t']) };
        let Some(after) = line.strip_prefix('\n').or_else(|| line.strip_prefix("\r\n")) else { return false };
        let blanks = match is_block {
            true => after.bytes().take(self.indent).take_while(|byte| *byte == b' ').count(),
            false => after.len() - after.trim_start_matches([' ', '\t', '\n', '\r']).len(),
        };
        self.position = self.source.len() - after.len() + blanks;
        true
    }
}

/// Bytes of an escape sequence of a double-quoted scalar (YAML 1.2, 5.7).
fn escape_length(rest: &str) -> Option<usize> {
    let length = match rest.chars().nth(1)? {
        'x' => 4,
        'u' => 6,
        'U' => 10,
        other => 1 + other.len_utf8(),
    };
    (rest.len() >= length).then_some(length)
}
