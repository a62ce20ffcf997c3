//! A URL's pieces as they are consumed, place by place.

use super::Bit;
use crate::transform::escape::Escape;
use crate::transform::pieces::{self, Content, Hole};
use crate::transform::text::Rendered;
use std::collections::VecDeque;

/// Where a host stands for a reference that has no value (offline). Reserved by RFC 2606.
const STAND_IN_HOST: &str = "stand-in.invalid";

/// The scalar's pieces as they are consumed, and the operator's text of the whole.
pub(super) struct Source {
    pub tokens: VecDeque<Token>,
    pub text: String,
    /// With references as they are written, for messages.
    pub shown: String,
}

pub(super) enum Token {
    /// `shown`: what is shown instead; empty for the rest of a reference that was cut.
    Text {
        real: String,
        shown: Option<String>,
    },
    Hole(Hole, (usize, usize)),
}

/// What was consumed: what it came from, and the place of the first hole in it.
pub(super) struct Taken {
    pub bits: Vec<Bit>,
    pub hole: Option<(usize, usize)>,
}

impl Source {
    pub fn new(parts: Vec<pieces::Part>) -> Source {
        let mut source = Source { tokens: VecDeque::new(), text: String::new(), shown: String::new() };
        let mut parts = parts.into_iter().peekable();
        while let Some(part) = parts.next() {
            let next = parts.peek().map(|next| &next.content);
            let scheme_ends = matches!(next, Some(Content::Literal(text)) if text.starts_with("://"));
            match part.content {
                Content::Hole(hole) => {
                    source.shown.push_str(&format!("${{{}}}", hole.expression.source()));
                    source.tokens.push_back(Token::Hole(hole, part.span));
                }
                Content::Literal(real) => {
                    source.text.push_str(&real);
                    source.shown.push_str(&real);
                    source.tokens.push_back(Token::Text { real, shown: None });
                }
                Content::Resolved(resolved) => {
                    let real = match resolved.stand_in {
                        true => stand_in(&source.text, scheme_ends).to_owned(),
                        false => resolved.value,
                    };
                    source.text.push_str(&real);
                    source.shown.push_str(&resolved.shown);
                    source.tokens.push_back(Token::Text { real, shown: Some(resolved.shown) });
                }
            }
        }
        source
    }

    /// `bytes` of the operator's text; with `trailing`, the holes that directly follow too.
    pub fn take(&mut self, mut bytes: usize, trailing: bool) -> Taken {
        let mut taken = Taken { bits: Vec::new(), hole: None };
        while bytes > 0 || trailing {
            match self.tokens.pop_front() {
                Some(Token::Hole(hole, span)) => {
                    taken.hole.get_or_insert(span);
                    taken.bits.push(Bit::Hole(hole));
                }
                Some(Token::Text { real, shown }) if real.len() <= bytes => {
                    bytes -= real.len();
                    taken.bits.push(Bit::Known(known(&real, shown.as_deref())));
                }
                Some(text) if bytes == 0 => {
                    self.tokens.push_front(text);
                    break;
                }
                Some(Token::Text { real, shown }) => {
                    let (head, tail) = real.split_at_checked(bytes).unwrap_or((&real, ""));
                    taken.bits.push(Bit::Known(known(head, shown.as_deref())));
                    let shown = shown.map(|_| String::new());
                    self.tokens.push_front(Token::Text { real: tail.to_owned(), shown });
                    break;
                }
                None => break,
            }
        }
        taken
    }
}

pub(super) fn known(real: &str, shown: Option<&str>) -> Rendered {
    let mut known = Rendered::default();
    match shown {
        None => known.push(real),
        Some(shown) => known.push_secret(real, shown, Escape::None),
    }
    known
}

/// Something valid for a reference without a value, by what stands before it.
fn stand_in(before: &str, scheme_ends: bool) -> &'static str {
    match before.split_once("://") {
        None if scheme_ends => "https",
        None => "https://stand-in.invalid",
        Some(("file", "")) => "/stand-in",
        Some((_, rest)) if rest.contains(['/', '?']) => "stand-in",
        Some((_, rest)) if rest.contains(':') => "1",
        Some(_) => STAND_IN_HOST,
    }
}

/// Text without a hole.
pub(super) fn joined(taken: Taken) -> Rendered {
    let mut joined = Rendered::default();
    for bit in &taken.bits {
        if let Bit::Known(known) = bit {
            joined.append(known, false);
        }
    }
    joined
}
