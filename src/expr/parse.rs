//! Source to syntax tree: the cel crate's parser, behind a guard.
//!
//! That parser recurses and recovers from errors without bounds of its own, so what could make it overflow or hang (deep
//! brackets, endless chains) is refused before it sees it.

use super::lexis::{Token, TokenKind, tokens};
use cel::IdedExpr;
use cel::parser::PrattParser;

/// Bytes of a source.
pub(super) const SOURCE_MAX: usize = 8 * 1024;
/// Brackets within brackets.
const NESTING_MAX: usize = 32;
/// `? :` and chained operators nest without brackets.
const CONDITIONALS_MAX: usize = 64;
/// Tokens: a node has at least one.
const TOKENS_MAX: usize = 1500;

/// A mistake in a source. `span` is bytes of the source.
pub(super) struct Mistake {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) span: (usize, usize),
}

/// The tree, with standard macros expanded. Of several mistakes the first one is told: the others often follow from it.
pub(super) fn parse(source: &str) -> Result<(IdedExpr, Vec<Token>), Mistake> {
    if source.len() > SOURCE_MAX {
        let message = format!("the expression is longer than {SOURCE_MAX} bytes");
        return Err(too_large(message, (0, source.len())));
    }
    let tokens = tokens(source);
    guard(source, &tokens)?;
    let parser = PrattParser::new()
        .enable_optional_syntax(true)
        .enable_ident_escape_syntax(true)
        .max_recursion_depth(2 * NESTING_MAX as u16)
        .error_recovery_limit(1)
        .max_expression_node_count(16 * TOKENS_MAX);
    match parser.parse(source) {
        Ok(tree) => Ok((tree, tokens)),
        Err(errors) => Err(syntax_error(source, &tokens, &errors)),
    }
}

fn guard(source: &str, tokens: &[Token]) -> Result<(), Mistake> {
    if tokens.is_empty() {
        return Err(syntax("the expression is empty", None, (0, source.len())));
    }
    if tokens.len() > TOKENS_MAX {
        return Err(too_large("the expression is too long".to_owned(), (0, source.len())));
    }
    let mut open: Vec<Token> = Vec::new();
    let mut conditionals = 0;
    let mut before = None;
    for token in tokens {
        let span = (token.start, token.end);
        match token.kind {
            TokenKind::Unterminated => {
                let help = "close the string with the quote that opened it".to_owned();
                return Err(syntax("a string is not closed", Some(help), span));
            }
            TokenKind::Foreign => {
                let written = &source[token.start..token.end];
                let help =
                    "outside of strings an expression is plain ASCII: typographic quotes and dashes are not".to_owned();
                return Err(syntax(format!("`{}` cannot stand here", written.escape_debug()), Some(help), span));
            }
            TokenKind::Symbol(b'$') => return Err(dollar(source, *token)),
            TokenKind::Symbol(b'(' | b'[' | b'{') => {
                open.push(*token);
                if open.len() > NESTING_MAX {
                    let message = format!("brackets nest more than {NESTING_MAX} deep");
                    return Err(too_large(message, span));
                }
            }
            TokenKind::Symbol(closing @ (b')' | b']' | b'}')) => close(source, &mut open, closing, span)?,
            // Not the `?` of `.?x`, `[?x]`, `{?x: y}`.
            TokenKind::Symbol(b'?') if !matches!(before, Some(TokenKind::Symbol(b'.' | b'[' | b'{' | b','))) => {
                conditionals += 1;
                if conditionals > CONDITIONALS_MAX {
                    return Err(too_large(format!("more than {CONDITIONALS_MAX} conditionals `? :`"), span));
                }
            }
            _ => {}
        }
        before = Some(token.kind);
    }
    match open.last() {
        Some(token) => Err(syntax(format!("`{}` is not closed", text(source, token)), None, (token.start, token.end))),
        None => Ok(()),
    }
}

fn close(source: &str, open: &mut Vec<Token>, closing: u8, span: (usize, usize)) -> Result<(), Mistake> {
    let opening = match closing {
        b')' => b'(',
        b']' => b'[',
        _ => b'{',
    };
    match open.pop() {
        Some(token) if token.kind == TokenKind::Symbol(opening) => Ok(()),
        Some(token) => {
            let message = format!("`{}` closes a `{}`", char::from(closing), text(source, &token));
            Err(syntax(message, None, span))
        }
        None => Err(syntax(format!("`{}` closes nothing", char::from(closing)), None, span)),
    }
}

/// `${env:NAME}` and `${…}` belong around an expression, not into it.
fn dollar(source: &str, token: Token) -> Mistake {
    let rest = &source[token.start..];
    let end = rest.find('}').map_or(token.end, |at| token.start + at + 1);
    let written = &source[token.start..end];
    let inside = written.strip_prefix("${").and_then(|written| written.strip_suffix('}')).unwrap_or_default();
    let help = match (inside.strip_prefix("env:"), inside.strip_prefix("file:")) {
        (Some(name), _) => format!("write env(\"{}\")", name.split(":-").next().unwrap_or(name)),
        (_, Some(path)) => format!("write file(\"{path}\")"),
        _ if inside.is_empty() => "a $ can stand in a string only".to_owned(),
        _ => format!("this is an expression already: write {inside}"),
    };
    Mistake {
        code: "expr-reference",
        message: format!("{} cannot stand inside an expression", if inside.is_empty() { "$" } else { written }),
        help: Some(help),
        span: (token.start, end),
    }
}

fn syntax_error(source: &str, tokens: &[Token], errors: &cel::ParseErrors) -> Mistake {
    let first = errors.errors.iter().find(|error| error.pos.0 > 0).or_else(|| errors.errors.first());
    let (position, message) = first.map_or(((0, 0), ""), |error| (error.pos, error.msg.as_str()));
    let at = offset(source, position);
    let unexpected = tokens.iter().position(|token| token.end > at);
    let token = unexpected.and_then(|index| tokens.get(index)).or_else(|| tokens.last());
    let span = token.map_or((0, source.len()), |token| (token.start, token.end));
    let help = unexpected.and_then(|index| syntax_help(source, tokens, index));
    syntax(in_our_words(message), help.map(str::to_owned), span)
}

/// The parser speaks of its grammar.
fn in_our_words(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = message.replace("mismatched input", "unexpected").replace(" expecting <EOF>", "");
    message.replace("'<EOF>' expecting expression", "end: something is missing").replace("<EOF>", "end")
}

/// Mistakes that people bring from other languages.
fn syntax_help(source: &str, tokens: &[Token], index: usize) -> Option<&'static str> {
    let word = |index: usize| tokens.get(index).map_or("", |token| text(source, token));
    [index, index.wrapping_sub(1)].into_iter().find_map(|index| match word(index) {
        "and" | "AND" => Some("write && for and"),
        "or" | "OR" => Some("write || for or"),
        "not" | "NOT" => Some("write ! for not"),
        "=" if !matches!(word(index + 1), "=") && !matches!(word(index.wrapping_sub(1)), "=" | "!" | "<" | ">") => {
            Some("write == to compare")
        }
        _ => None,
    })
}

/// Byte offset of the parser's line and column, both from 1, the column in bytes.
fn offset(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1);
    let column = usize::try_from(column).unwrap_or(1).max(1);
    let start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    (start + column - 1).min(source.len())
}

fn text<'s>(source: &'s str, token: &Token) -> &'s str {
    source.get(token.start..token.end).unwrap_or_default()
}

fn syntax(message: impl Into<String>, help: Option<String>, span: (usize, usize)) -> Mistake {
    Mistake { code: "expr-syntax", message: message.into(), help, span }
}

fn too_large(message: String, span: (usize, usize)) -> Mistake {
    Mistake { code: "expr-too-large", message, help: Some("split it: vars are computed once".to_owned()), span }
}
