//! How a document lies in memory, and how it gets there.
//!
//! One vector of nodes in which the children of a container lie side by side, so that an element is found by adding;
//! one text that all strings and numbers are ranges of. While a container is open its children wait in `pending`;
//! when it closes they move over to `nodes` in one piece.

#![expect(clippy::indexing_slicing, reason = "positions that this module has handed out itself")]

/// Larger maps get an index.
const LINEAR_MAX: usize = 16;

/// The source and the strings decoded from it (which are never longer) must both be in reach of a `u32`.
pub(super) const SOURCE_MAX: usize = (u32::MAX / 2) as usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Null,
    False,
    True,
    /// A range of the text.
    Number,
    /// A string that is JSON as it stands: nothing in it needs an escape.
    Plain,
    /// A string that may need escapes when it is written.
    Text,
    /// `start..start + len` of the nodes.
    List,
    /// `len` pairs of a key and a value from `start` on.
    Map,
    /// A map whose [`Tag::Index`] node lies just before `start`.
    SortedMap,
    /// `start..start + len` of `sorted`.
    Index,
}

/// A value: what `start` and `len` mean depends on the tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw {
    pub tag: Tag,
    pub start: u32,
    pub len: u32,
}

impl Raw {
    pub const fn of(tag: Tag) -> Raw {
        Raw { tag, start: 0, len: 0 }
    }
}

/// A finished document. The root is the last node.
pub(super) struct Arena {
    text: Box<str>,
    nodes: Vec<Raw>,
    /// Numbers of the entries of large maps, sorted by key.
    sorted: Vec<u32>,
}

impl Arena {
    pub fn root(&self) -> u32 {
        (self.nodes.len() as u32).saturating_sub(1)
    }

    pub fn bytes(&self) -> usize {
        self.text.len() + size_of_val(self.nodes.as_slice()) + size_of_val(self.sorted.as_slice())
    }

    pub fn node(&self, index: u32) -> Raw {
        self.nodes.get(index as usize).copied().unwrap_or(Raw::of(Tag::Null))
    }

    pub fn text(&self, raw: Raw) -> &str {
        self.text.get(raw.start as usize..(raw.start + raw.len) as usize).unwrap_or_default()
    }

    /// The number of the entry with this key.
    pub fn find(&self, map: Raw, key: &str) -> Option<u32> {
        let start = map.start as usize;
        match map.tag {
            Tag::Map => {
                let entries = self.nodes.get(start..start + 2 * map.len as usize)?;
                let mut keys = entries.iter().step_by(2);
                keys.position(|&raw| raw.len as usize == key.len() && self.text(raw) == key).map(|found| found as u32)
            }
            Tag::SortedMap => {
                let index = self.node(map.start - 1);
                let sorted = self.sorted.get(index.start as usize..(index.start + index.len) as usize)?;
                let key_of = |entry: &u32| self.text(self.node(map.start + 2 * entry));
                let found = sorted.binary_search_by(|entry| key_of(entry).cmp(key)).ok()?;
                sorted.get(found).copied()
            }
            _ => None,
        }
    }
}

struct Frame {
    /// Where in `pending` its children begin.
    start: usize,
    is_map: bool,
}

/// Puts an arena together, values in document order.
pub(super) struct Assembler<'s> {
    source: &'s str,
    /// Strings that do not stand in the source as they are; their positions count on from its end.
    decoded: String,
    nodes: Vec<Raw>,
    sorted: Vec<u32>,
    pending: Vec<Raw>,
    frames: Vec<Frame>,
    /// Scratch for sorting: the first eight bytes of a key, which settle most comparisons, and the entry's number.
    order: Vec<(u64, u32)>,
}

impl<'s> Assembler<'s> {
    /// `source` is at most [`SOURCE_MAX`] long.
    pub fn new(source: &'s str) -> Assembler<'s> {
        // A value or key of a webhook takes twelve bytes and more: one allocation is usually enough for each.
        let guess = source.len() / 12 + 4;
        Assembler {
            source,
            decoded: String::new(),
            nodes: Vec::with_capacity(guess),
            sorted: Vec::new(),
            pending: Vec::with_capacity(guess.min(64)),
            frames: Vec::with_capacity(16),
            order: Vec::new(),
        }
    }

    /// How many containers are open.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// The innermost open container is a map; `None` where none is open.
    pub fn in_map(&self) -> Option<bool> {
        self.frames.last().map(|frame| frame.is_map)
    }

    pub fn push(&mut self, raw: Raw) {
        self.pending.push(raw);
    }

    /// A value that is the range `start..end` of the source.
    pub fn push_range(&mut self, tag: Tag, start: usize, end: usize) {
        self.pending.push(Raw { tag, start: start as u32, len: (end - start) as u32 });
    }

    /// A value with a text of its own.
    pub fn push_text(&mut self, tag: Tag, text: &str) {
        let start = self.decoded.len();
        self.decoded.push_str(text);
        self.push_decoded(tag, start);
    }

    /// Where a text is decoded to; what was added since `start` becomes a value with [`Assembler::push_decoded`].
    pub fn decoded(&mut self) -> &mut String {
        &mut self.decoded
    }

    pub fn push_decoded(&mut self, tag: Tag, start: usize) {
        let len = self.decoded.len() - start;
        self.pending.push(Raw { tag, start: (self.source.len() + start) as u32, len: len as u32 });
    }

    pub fn open(&mut self, is_map: bool) {
        self.frames.push(Frame { start: self.pending.len(), is_map });
    }

    /// Closes the innermost container. Without one it does nothing.
    pub fn close(&mut self) {
        let Some(Frame { start, is_map }) = self.frames.pop() else { return };
        let container = if is_map {
            self.close_map(start)
        } else {
            self.settle(Tag::List, start, self.pending.len().saturating_sub(start))
        };
        self.pending.push(container);
    }

    /// Closes what is open. Nothing at all makes null.
    pub fn finish(mut self) -> Arena {
        while !self.frames.is_empty() {
            self.close();
        }
        self.nodes.push(self.pending.pop().unwrap_or(Raw::of(Tag::Null)));
        let mut text = String::with_capacity(self.source.len() + self.decoded.len());
        text.push_str(self.source);
        text.push_str(&self.decoded);
        Arena { text: text.into_boxed_str(), nodes: self.nodes, sorted: self.sorted }
    }

    /// Moves the children from `start` on to the nodes.
    fn settle(&mut self, tag: Tag, start: usize, len: usize) -> Raw {
        let first = self.nodes.len();
        self.nodes.extend_from_slice(self.pending.get(start..).unwrap_or_default());
        self.pending.truncate(start);
        Raw { tag, start: first as u32, len: len as u32 }
    }

    fn close_map(&mut self, start: usize) -> Raw {
        if self.entries(start) <= LINEAR_MAX {
            if self.may_repeat(start) {
                self.drop_repeats(start);
            }
            return self.settle(Tag::Map, start, self.entries(start));
        }
        self.sort_entries(start);
        if self.drop_sorted_repeats(start) {
            // The numbers of the entries have changed, and there may be few enough now.
            return self.close_map(start);
        }
        let index = Raw { tag: Tag::Index, start: self.sorted.len() as u32, len: self.order.len() as u32 };
        self.sorted.extend(self.order.iter().map(|&(_, entry)| entry));
        self.nodes.push(index);
        self.settle(Tag::SortedMap, start, self.entries(start))
    }

    fn entries(&self, start: usize) -> usize {
        self.pending.len().saturating_sub(start) / 2
    }

    /// Whether two keys may be equal: length, first and last byte set one bit of 64 each.
    fn may_repeat(&self, start: usize) -> bool {
        let mut seen = 0_u64;
        self.pending.get(start..).unwrap_or_default().iter().step_by(2).any(|&key| {
            let text = self.bytes(key);
            let first = text.first().copied().unwrap_or_default();
            let last = text.last().copied().unwrap_or_default();
            let bit = 1 << ((text.len() ^ (usize::from(first) * 5) ^ (usize::from(last) * 11)) & 63);
            let known = seen & bit != 0;
            seen |= bit;
            known
        })
    }

    /// For maps of at most [`LINEAR_MAX`] entries.
    fn drop_repeats(&mut self, start: usize) {
        let mut kept = start;
        for read in (start..self.pending.len()).step_by(2) {
            let (key, value) = (self.pending[read], self.pending[read + 1]);
            let same = (start..kept).step_by(2).find(|&known| self.bytes(self.pending[known]) == self.bytes(key));
            match same {
                Some(known) => self.pending[known + 1] = value,
                None => {
                    self.pending[kept] = key;
                    self.pending[kept + 1] = value;
                    kept += 2;
                }
            }
        }
        self.pending.truncate(kept);
    }

    /// Fills `order` with the entries from `start` on, by key and then by position.
    fn sort_entries(&mut self, start: usize) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        let keys = self.pending.get(start..).unwrap_or_default().iter().step_by(2);
        order.extend(keys.zip(0_u32..).map(|(&key, entry)| (prefix(self.bytes(key)), entry)));
        let key_of = |entry: u32| self.bytes(self.pending[start + 2 * entry as usize]);
        order.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| key_of(a.1).cmp(key_of(b.1))).then_with(|| a.1.cmp(&b.1))
        });
        self.order = order;
    }

    /// Gives the first of equal keys the last's value and drops the others. True where there were any.
    fn drop_sorted_repeats(&mut self, start: usize) -> bool {
        let mut dropped = false;
        let mut first = 0;
        for next in 1..self.order.len() {
            let known = start + 2 * self.order[first].1 as usize;
            let again = start + 2 * self.order[next].1 as usize;
            if self.order[first].0 == self.order[next].0
                && self.bytes(self.pending[known]) == self.bytes(self.pending[again])
            {
                self.pending[known + 1] = self.pending[again + 1];
                // No key has this tag: it marks the entry for the sweep below.
                self.pending[again].tag = Tag::Null;
                dropped = true;
            } else {
                first = next;
            }
        }
        if dropped {
            self.sweep(start);
        }
        dropped
    }

    /// Closes the gaps of the entries that are marked.
    fn sweep(&mut self, start: usize) {
        let mut kept = start;
        for read in (start..self.pending.len()).step_by(2) {
            if self.pending[read].tag != Tag::Null {
                self.pending.copy_within(read..read + 2, kept);
                kept += 2;
            }
        }
        self.pending.truncate(kept);
    }

    fn bytes(&self, raw: Raw) -> &[u8] {
        let (start, end) = (raw.start as usize, (raw.start + raw.len) as usize);
        let bytes = match start.checked_sub(self.source.len()) {
            Some(start) => self.decoded.as_bytes().get(start..start + raw.len as usize),
            None => self.source.as_bytes().get(start..end),
        };
        bytes.unwrap_or_default()
    }
}

/// The first eight bytes as a number that sorts as they do; shorter keys are filled up with zeros.
fn prefix(key: &[u8]) -> u64 {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(key) {
        *to = *from;
    }
    u64::from_be_bytes(first)
}
