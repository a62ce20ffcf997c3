//! Values that a `#` cut short: `Order #${id}` is the text `Order` and a comment.

use super::accident::quote;
use super::offset::{Style, style};
use super::{Kind, Node, Problem, Span};

/// Warns of each plain scalar whose comment looks like the rest of it. A comment that reads as one is left alone.
pub(super) fn cut_short(document: &Node, text: &str, problems: &mut Vec<Problem>) {
    document.walk(&mut |node| {
        let is_scalar = matches!(node.kind, Kind::String(_) | Kind::Number(..));
        if !is_scalar || style(text, node.span) != Style::Plain {
            return;
        }
        let written = node.span.slice(text).trim_end();
        let end = node.span.start + written.len();
        let rest = text.get(end..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let comment = rest.trim_start();
        if comment.len() == rest.len() || !comment.starts_with('#') || !is_rest_of(written, comment) {
            return;
        }
        let start = end + rest.len() - comment.len();
        problems.push(Problem {
            code: "yaml-comment",
            message: format!("` #` starts a comment: the value is just `{written}`"),
            help: Some(quote(&format!("{written}{}", rest.trim_end()))),
            span: Span::of(text, start, start + comment.trim_end().len()),
            is_warning: true,
            related: None,
        });
    });
}

/// The comment continues the value: `#${id}`, `#5`, `#{`, or something the value opens stays open.
fn is_rest_of(written: &str, comment: &str) -> bool {
    let glued = comment.get(1..).unwrap_or_default();
    let starts_so = glued.starts_with(['$', '{', '"', '\'']) || glued.starts_with(|c: char| c.is_ascii_digit());
    let expression = glued.contains("${") && !glued.starts_with(' ');
    starts_so || expression || is_open(written)
}

fn is_open(written: &str) -> bool {
    let count = |c: char| written.matches(c).count();
    count('{') > count('}') || count('(') > count(')') || count('[') > count(']') || count('"') % 2 == 1
}
