//! The lines of a file of any size, one after another, with their number and where they end.

use std::io::{self, BufRead};

/// A record is held in memory whole. A longer line is passed over, not read.
pub const LINE_MAX: usize = 256 << 20;

/// One line of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: u64,
    /// Bytes of the file up to its end, its line feed included.
    pub end: u64,
    /// Without its line feed; `None` where it is longer than [`LINE_MAX`].
    pub text: Option<Vec<u8>>,
    /// It has a line feed: whoever writes the file is done with it.
    pub is_whole: bool,
}

pub struct Lines<R> {
    reader: R,
    number: u64,
    end: u64,
    most: usize,
}

impl<R: BufRead> Lines<R> {
    /// `reader` stands behind `number` lines, which are `end` bytes.
    pub fn after(reader: R, number: u64, end: u64) -> Lines<R> {
        Lines { reader, number, end, most: LINE_MAX }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&mut self) -> io::Result<Option<Line>> {
        let (mut text, mut fits, mut used_any) = (Vec::new(), true, false);
        let is_whole = loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                break false;
            }
            let feed = buffer.iter().position(|byte| *byte == b'\n');
            let (part, used) = match feed {
                Some(at) => (buffer.get(..at).unwrap_or_default(), at + 1),
                None => (buffer, buffer.len()),
            };
            fits &= text.len() + part.len() <= self.most;
            if fits {
                text.extend_from_slice(part);
            } else {
                text = Vec::new();
            }
            used_any = true;
            self.end += used as u64;
            self.reader.consume(used);
            if feed.is_some() {
                break true;
            }
        };
        if !used_any {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(Line { number: self.number, end: self.end, text: fits.then_some(text), is_whole }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{BufReader, Cursor};

    fn all(bytes: &[u8], buffer: usize, most: usize) -> Vec<Line> {
        let reader = BufReader::with_capacity(buffer, Cursor::new(bytes.to_vec()));
        let mut lines = Lines { reader, number: 0, end: 0, most };
        std::iter::from_fn(|| lines.read().unwrap()).collect()
    }

    #[test]
    fn lines_have_numbers_and_ends() {
        let line = |number, end, text: &str, is_whole| Line { number, end, text: Some(text.into()), is_whole };
        let found = all(b"one\n\nthree", 4, 100);
        assert_eq!(found, [line(1, 4, "one", true), line(2, 5, "", true), line(3, 10, "three", false)]);
        assert!(all(b"", 4, 100).is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let found = all(b"12345\n123456\nabc\n", 2, 5);
        let texts: Vec<Option<&[u8]>> = found.iter().map(|line| line.text.as_deref()).collect();
        assert_eq!(texts, [Some(&b"12345"[..]), None, Some(b"abc")]);
        assert_eq!(found[2].end, 17);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whatever_the_buffer(bytes in "[ab\n]{0,60}", buffer in 1usize..20) {
            let found = all(bytes.as_bytes(), buffer, 100);
            let mut joined = Vec::new();
            for (position, line) in found.iter().enumerate() {
                joined.extend_from_slice(line.text.as_ref().unwrap());
                if line.is_whole {
                    joined.push(b'\n');
                }
                prop_assert_eq!((line.number, line.end), (position as u64 + 1, joined.len() as u64));
            }
            prop_assert_eq!(joined, bytes.as_bytes());
        }

        #[test]
        fn a_short_line_fits_and_a_long_one_does_not(length in 0usize..30, most in 1usize..20, buffer in 1usize..9) {
            let found = all(&[vec![b'x'; length], b"\n".to_vec()].concat(), buffer, most);
            prop_assert_eq!(found[0].text.is_some(), length <= most);
        }
    }
}
