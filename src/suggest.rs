//! "Did you mean": the known word nearest to an unknown one.

/// A line of help that names the candidate that was probably meant.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// As [`did_you_mean`]; where no candidate is near, all of them if they are few.
pub fn or_known<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str> + Clone) -> Option<String> {
    did_you_mean(word, candidates.clone()).or_else(|| {
        let known: Vec<&str> = candidates.into_iter().take(KNOWN_MAX + 1).collect();
        (1..=KNOWN_MAX).contains(&known.len()).then(|| format!("known here: {}", known.join(", ")))
    })
}

/// More names than a person reads in one line.
const KNOWN_MAX: usize = 20;

/// The candidate that was probably meant: the same but for case and `-` and `_`, or a few letters off.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let plain = plain(word);
    // Every letter is a letter off every other.
    if plain.len() < 2 {
        return None;
    }
    let allowed = (plain.len() / 3).max(1);
    let distances = candidates.into_iter().map(|candidate| {
        let known = self::plain(candidate);
        // `user` for `username`: as near as one letter. Of two equally near words, one that continues the other.
        let is_start = plain.len() >= 3 && known.starts_with(&plain);
        let far = if is_start { 1 } else { distance(&plain, &known) };
        ((far, !is_start && !plain.starts_with(&known)), candidate)
    });
    let ((far, _), nearest) = distances.min_by_key(|(rank, _)| *rank)?;
    (far <= allowed).then_some(nearest)
}

/// Words are compared as prefixes of this length: nobody mistypes a longer one.
const LENGTH_MAX: usize = 64;

fn plain(word: &str) -> Vec<char> {
    let letters = word.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).take(LENGTH_MAX);
    letters.flat_map(char::to_lowercase).collect()
}

/// Insertions, deletions, changes and swaps of neighbours (optimal string alignment).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in to.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let changed = cell(&last, column) + usize::from(a != b);
            let mut best = changed.min(cell(&last, column + 1) + 1).min(cell(&current, column) + 1);
            let swapped = row > 0 && column > 0 && from.get(row - 1) == Some(b) && to.get(column - 1) == Some(a);
            if swapped {
                best = best.min(cell(&before, column - 1) + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn words_nearby_are_found() {
        let keys = ["timeout", "max_size", "url", "retry", "bearer"];
        for (word, meant) in [
            ("timeuot", Some("timeout")),
            ("time_out", Some("timeout")),
            ("maxSize", Some("max_size")),
            ("max-size", Some("max_size")),
            ("uri", Some("url")),
            ("Retry", Some("retry")),
            ("bear", Some("bearer")),
            ("be", None),
            ("bearr", Some("bearer")),
            ("", None),
            ("nothing-like-it", None),
        ] {
            assert_eq!(nearest(word, keys), meant, "{word}");
        }
        assert_eq!(nearest("x", []), None);
    }
}
