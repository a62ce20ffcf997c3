//! Globs on header and query values: `*` is any run of characters, `?` any one, `\` makes the next one literal.

/// A compiled glob. Matches whole values, never a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    tokens: Box<[Token]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Run,
    One,
    Literal(char),
}

impl Glob {
    pub fn new(pattern: &str) -> Glob {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            let token = match character {
                '*' => Token::Run,
                '?' => Token::One,
                '\\' => Token::Literal(characters.next().unwrap_or('\\')),
                other => Token::Literal(other),
            };
            if token != Token::Run || tokens.last() != Some(&Token::Run) {
                tokens.push(token);
            }
        }
        Glob { tokens: tokens.into() }
    }

    /// Case-sensitive, over the whole value. Time is at most pattern length times value length.
    pub fn matches(&self, value: &str) -> bool {
        let mut value = value.chars();
        let mut token = 0;
        // Where to go on when a literal fails: just after the last `*`, with one more character swallowed by it.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            match self.tokens.get(token) {
                Some(Token::Run) => {
                    token += 1;
                    retry = Some((token, value.clone()));
                    continue;
                }
                Some(expected) => {
                    let mut ahead = value.clone();
                    if ahead
                        .next()
                        .is_some_and(|found| matches!(expected, Token::One) || *expected == Token::Literal(found))
                    {
                        value = ahead;
                        token += 1;
                        continue;
                    }
                }
                None if value.as_str().is_empty() => return true,
                None => {}
            }
            let Some((after_run, rest)) = &mut retry else { return false };
            if rest.next().is_none() {
                return false;
            }
            token = *after_run;
            value = rest.clone();
        }
    }
}
