//! The line of a diagnostic, for whoever has no file to draw it from.

use crate::diagnostic::SourceLine;

/// Characters of a line that are shown.
const SHOWN: usize = 240;

/// What is shown before the place that is meant, where the line is longer.
const BEFORE: usize = 80;

/// The line in which a span of bytes begins; what goes on below it is left out.
pub(super) fn of(text: &str, (start, end): (usize, usize)) -> Option<SourceLine> {
    let first = text.get(..start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(first..)?.lines().next().unwrap_or_default();
    let characters = |byte: usize| line.get(..(byte - first).min(line.len())).map(|before| before.chars().count());
    let (start, end) = (characters(start)?, characters(end.max(start))?);
    let length = line.chars().count();
    if length <= SHOWN {
        return Some(SourceLine { text: line.to_owned(), start, end });
    }
    let skipped = start.saturating_sub(BEFORE);
    let mut shown: String = line.chars().skip(skipped).take(SHOWN).collect();
    if skipped > 0 {
        shown.insert(0, '…');
    }
    if skipped + SHOWN < length {
        shown.push('…');
    }
    let moved = |at: usize| (at + usize::from(skipped > 0) - skipped).min(shown.chars().count());
    let (start, end) = (moved(start), moved(end));
    Some(SourceLine { text: shown, start, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meant(line: &SourceLine) -> String {
        line.text.chars().skip(line.start).take(line.end - line.start).collect()
    }

    #[test]
    fn the_line_and_what_is_meant_in_it() {
        let text = "имя: a\r\nwhen: bdy.x\nlast: |\n  one\n  two";
        let at = |part: &str| (text.find(part).unwrap(), text.find(part).unwrap() + part.len());
        let line = of(text, at("bdy")).unwrap();
        assert_eq!((line.text.as_str(), line.start, meant(&line)), ("when: bdy.x", 6, "bdy".into()));
        let line = of(text, at("a")).unwrap();
        assert_eq!((line.text.as_str(), line.start), ("имя: a", 5));
        let line = of(text, (at("one").0, text.len())).unwrap();
        assert_eq!((line.text.as_str(), meant(&line)), ("  one", "one".into()));
        assert_eq!(of(text, (text.len(), text.len())).unwrap().text, "  two");
        assert_eq!(of(text, (1, 2)), None, "inside of a character");
        assert_eq!(of(text, (999, 1_000)), None);
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}bdy{}", "a".repeat(1_000), "b".repeat(1_000));
        let line = of(&text, (1_000, 1_003)).unwrap();
        assert_eq!((line.text.chars().count(), meant(&line)), (242, "bdy".into()));
        assert!(line.text.starts_with("…a") && line.text.ends_with("b…"));
        let line = of(&text, (0, 1_500)).unwrap();
        assert_eq!((line.start, line.end), (0, 241));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "(.|\\n|\\r\\n){0,400}", start in 0..500_usize, length in 0..500_usize) {
            if let Some(line) = of(&text, (start, start + length)) {
                prop_assert!(line.start <= line.end && line.end <= line.text.chars().count());
            }
        }
    }
}
