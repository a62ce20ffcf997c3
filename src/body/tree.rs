//! Named fields with PHP brackets, put together: `order[items][0][sku]` is `order.items[0].sku`.
//!
//! The rules, for urlencoded and multipart forms alike:
//!
//! - `a[b]` is the key `b` of the map `a`; `a[]` is the next element of `a`. Each `[]` begins a new element.
//! - A map whose keys are exactly 0 to n−1 is a list, in that order; every other is a map. The form itself is a map.
//! - A plain key that comes again counts as `a[]`, and so does one that meets brackets: `a=1&a=2` is a list, and
//!   `a=1&a[b]=2` is `{"0": "1", "b": "2"}`. So nothing that was sent is lost, whatever the order.
//! - A name whose brackets do not fit (`a[b`, `[a]`, `a[b]c`) is a plain key, as it stands.

use super::BodyError;
use crate::document::{Builder, Document};
use indexmap::IndexMap;
use indexmap::map::Entry;

/// Brackets in one name.
const DEPTH_MAX: usize = 32;
/// Fields of one form.
const FIELDS_MAX: usize = 10_000;
/// Maps and lists of one form: a name can make [`DEPTH_MAX`] of them, and each costs far more than its text.
const BRANCHES_MAX: usize = 20_000;

/// Keys from here on are names like any other; `[]` can add to the largest index below it without overflow.
const INDEX_END: u32 = u32::MAX / 2;

/// What a field holds.
#[derive(Debug)]
pub(super) enum Leaf {
    Text(String),
    File(File),
}

/// A file of a multipart form.
#[derive(Debug)]
pub(super) struct File {
    pub filename: String,
    pub content_type: Option<String>,
    pub content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Text(String),
    Base64(String),
}

/// A form that is being put together.
#[derive(Debug, Default)]
pub(super) struct Tree {
    root: Branch,
    fields: usize,
    branches: usize,
}

/// What is under one key: a single plain value, or (once anything else has come) a branch.
#[derive(Debug, Default)]
struct Slot {
    plain: Option<Leaf>,
    branch: Branch,
}

#[derive(Debug, Default)]
struct Branch {
    entries: IndexMap<String, Slot>,
    /// One more than the largest index, which is the key that `[]` takes.
    next: u32,
    /// How many keys are indices.
    indices: u32,
}

impl Tree {
    /// Adds a field.
    ///
    /// # Errors
    /// [`BodyError::Malformed`] for a form that is deeper or larger than its bounds.
    pub fn insert(&mut self, name: &str, leaf: Leaf) -> Result<(), BodyError> {
        self.fields += 1;
        if self.fields > FIELDS_MAX {
            return Err(beyond("fields", FIELDS_MAX));
        }
        let (first, segments) = segments(name);
        if segments.len() > DEPTH_MAX {
            return Err(beyond("brackets in one name", DEPTH_MAX));
        }
        let mut branch = &mut self.root;
        let mut key = first.to_owned();
        for segment in segments {
            branch = branch.descend(key, &mut self.branches);
            key = if segment.is_empty() { branch.next.to_string() } else { segment.to_owned() };
        }
        branch.put(key, leaf, &mut self.branches);
        if self.branches > BRANCHES_MAX {
            return Err(beyond("maps and lists", BRANCHES_MAX));
        }
        Ok(())
    }

    pub fn finish(self) -> Document {
        let mut builder = Builder::new();
        self.root.write_map(&mut builder);
        builder.finish()
    }
}

fn beyond(what: &str, most: usize) -> BodyError {
    BodyError::Malformed(format!("the form has more than {most} {what}"))
}

/// `a[b][]` to `a` and `["b", ""]`.
fn segments(name: &str) -> (&str, Vec<&str>) {
    let plain = (name, Vec::new());
    let Some(open) = name.find('[').filter(|&open| open > 0) else { return plain };
    let (first, mut rest) = name.split_at(open);
    let mut segments = Vec::new();
    while !rest.is_empty() {
        let Some((segment, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else { return plain };
        segments.push(segment);
        rest = after;
    }
    (first, segments)
}

/// A key that is an index: digits without a leading zero, small enough to count on from.
fn index(key: &str) -> Option<u32> {
    let canonical = key == "0" || key.starts_with(|first: char| ('1'..='9').contains(&first));
    key.parse().ok().filter(|&index| canonical && index < INDEX_END)
}

impl Branch {
    /// The branch under `key`, made where there is none; a plain value that is there becomes its first element.
    fn descend(&mut self, key: String, branches: &mut usize) -> &mut Branch {
        let slot = self.slot(key);
        *branches += usize::from(slot.branch.entries.is_empty());
        if let Some(plain) = slot.plain.take() {
            slot.branch.append(plain);
        }
        &mut slot.branch
    }

    fn put(&mut self, key: String, leaf: Leaf, branches: &mut usize) {
        if self.entries.contains_key(&key) {
            self.descend(key, branches).append(leaf);
        } else {
            self.slot(key).plain = Some(leaf);
        }
    }

    fn append(&mut self, leaf: Leaf) {
        let key = self.next.to_string();
        self.slot(key).plain = Some(leaf);
    }

    /// What is under `key`, made where there is nothing.
    fn slot(&mut self, key: String) -> &mut Slot {
        let index = index(&key);
        match self.entries.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                if let Some(index) = index {
                    self.next = self.next.max(index + 1);
                    self.indices += 1;
                }
                entry.insert(Slot::default())
            }
        }
    }

    fn is_list(&self) -> bool {
        let len = self.entries.len() as u32;
        len > 0 && self.indices == len && self.next == len
    }

    fn write_map(self, builder: &mut Builder) {
        builder.begin_map();
        for (key, slot) in self.entries {
            builder.key(&key);
            slot.write(builder);
        }
        builder.end();
    }

    fn write_list(self, builder: &mut Builder) {
        let elements = self.entries.into_iter().map(|(key, slot)| (index(&key), slot));
        let mut elements: Vec<(Option<u32>, Slot)> = elements.collect();
        elements.sort_by_key(|(index, _)| *index);
        builder.begin_list();
        elements.into_iter().for_each(|(_, slot)| slot.write(builder));
        builder.end();
    }
}

impl Slot {
    fn write(self, builder: &mut Builder) {
        match self.plain {
            Some(Leaf::Text(text)) => builder.string(&text),
            Some(Leaf::File(file)) => file.write(builder),
            None if self.branch.is_list() => self.branch.write_list(builder),
            None => self.branch.write_map(builder),
        }
    }
}

impl File {
    fn write(&self, builder: &mut Builder) {
        builder.begin_map();
        let (key, content) = match &self.content {
            Content::Text(text) => ("text", text),
            Content::Base64(base64) => ("base64", base64),
        };
        let content_type = self.content_type.as_ref().map(|content_type| ("content_type", content_type));
        for (key, value) in
            [Some(("filename", &self.filename)), content_type, Some((key, content))].into_iter().flatten()
        {
            builder.key(key);
            builder.string(value);
        }
        builder.end();
    }
}
