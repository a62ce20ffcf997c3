//! The scalars of a `{…}` or `[…]` on one line that YAML could not read, as they were probably meant.

/// A scalar as it was meant, and the byte of the line where it starts.
pub(super) struct Piece<'l> {
    pub(super) start: usize,
    pub(super) text: &'l str,
}

/// Cuts at braces, brackets, commas and `: `, but not inside quotes and `${…}`.
pub(super) fn pieces(flow: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut position) = (0, 0);
    let mut quote = None;
    while let Some(c) = flow.get(position..).and_then(|rest| rest.chars().next()) {
        let rest = flow.get(position..).unwrap_or_default();
        let is_first = flow.get(start..position).is_some_and(|before| before.trim().is_empty());
        let mut length = c.len_utf8();
        let is_colon = c == ':' && rest.starts_with(": ");
        match quote {
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
            None if rest.starts_with("${") => length = expression(rest),
            None if is_first && matches!(c, '"' | '\'') => quote = Some(c),
            // `a ? b : c` is one value.
            None if is_colon && flow.get(start..position).is_some_and(|before| before.contains(" ? ")) => {}
            None if is_colon || matches!(c, '{' | '[' | ',' | '}' | ']') => {
                push(flow, start, position, &mut pieces);
                start = position + 1;
            }
            None => {}
        }
        position += length;
    }
    push(flow, start, flow.len(), &mut pieces);
    pieces
}

fn push<'l>(flow: &'l str, start: usize, end: usize, pieces: &mut Vec<Piece<'l>>) {
    let text = flow.get(start..end).unwrap_or_default();
    let blanks = text.len() - text.trim_start().len();
    if !text.trim().is_empty() {
        pieces.push(Piece { start: start + blanks, text: text.trim() });
    }
}

/// Bytes from `${` to the brace that closes it.
fn expression(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return offset + 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    rest.len()
}

/// YAML cannot have read this scalar as it was meant.
pub(super) fn is_broken(piece: &Piece<'_>) -> bool {
    let text = piece.text;
    match text.chars().next() {
        Some(mark @ ('"' | '\'')) => closes_early(text, mark),
        Some('!' | '@' | '`' | '%') => true,
        _ => text.contains("${") || text.contains(" ? "),
    }
}

/// The text in quotes ends before the value does.
pub(super) fn closes_early(value: &str, mark: char) -> bool {
    let inner = value.get(1..).unwrap_or_default();
    inner.find(mark).is_some_and(|end| inner.get(end + 1..).is_some_and(|rest| !rest.trim().is_empty()))
}
