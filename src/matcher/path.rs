//! Path patterns: `/hooks/{account}/{*rest}`, and the tree that finds the most specific one.
//!
//! A request's segments are percent-decoded once, so `%2F` stays inside its segment; nothing is collapsed or resolved:
//! `/a`, `/a/` and `//a` are three paths.

use compact_str::CompactString;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::HashMap;

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    segments: Box<[Segment]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Static(String),
    One(String),
    Rest(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    #[error("a path starts with `/`")]
    NotAbsolute,
    #[error("`{{{0}}}` must be a whole segment, with a name of letters, digits and `_`")]
    BadParameter(String),
    #[error("`{{*{0}}}` must be the last segment")]
    RestNotLast(String),
    #[error("the parameter `{0}` is there twice")]
    Repeated(String),
    #[error("a path has no `?` and no `#`; use `match.query`")]
    Query,
    #[error("`{0}` is not percent-encoded UTF-8")]
    BadEncoding(String),
    #[error("a path has at most 64 segments")]
    TooDeep,
}

/// The look-up recurses once per segment of a pattern.
const SEGMENTS_MAX: usize = 64;

impl PathPattern {
    pub fn parse(written: &str) -> Result<PathPattern, PathPatternError> {
        let path = written.strip_prefix('/').ok_or(PathPatternError::NotAbsolute)?;
        let mut segments = Vec::new();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let segment = parse_segment(part)?;
            if let (Segment::Rest(name), true) = (&segment, parts.peek().is_some()) {
                return Err(PathPatternError::RestNotLast(name.clone()));
            }
            segments.push(segment);
        }
        let pattern = PathPattern { segments: segments.into_boxed_slice() };
        let names: Vec<&str> = pattern.names().collect();
        for (position, name) in names.iter().enumerate() {
            if names.iter().take(position).any(|earlier| earlier == name) {
                return Err(PathPatternError::Repeated((*name).to_owned()));
            }
        }
        if pattern.segments.len() > SEGMENTS_MAX {
            return Err(PathPatternError::TooDeep);
        }
        Ok(pattern)
    }

    /// The parameters' names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Static(_) => None,
            Segment::One(name) | Segment::Rest(name) => Some(name.as_str()),
        })
    }

    /// The same text for patterns that differ in parameter names only.
    pub fn shape(&self) -> String {
        let mut shape = String::new();
        for segment in &self.segments {
            shape.push('/');
            match segment {
                Segment::Static(text) => shape.push_str(text),
                Segment::One(_) => shape.push_str("{}"),
                Segment::Rest(_) => shape.push_str("{*}"),
            }
        }
        shape
    }
}

fn parse_segment(part: &str) -> Result<Segment, PathPatternError> {
    if part.contains(['?', '#']) {
        return Err(PathPatternError::Query);
    }
    let Some(inner) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
        if part.contains(['{', '}']) {
            return Err(PathPatternError::BadParameter(part.trim_matches(['{', '}']).to_owned()));
        }
        let text = decode_segment(part).ok_or_else(|| PathPatternError::BadEncoding(part.to_owned()))?;
        return Ok(Segment::Static(text.into_owned()));
    };
    let (rest, name) = match inner.strip_prefix('*') {
        Some(name) => (true, name),
        None => (false, inner),
    };
    let first_fits = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !first_fits || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(PathPatternError::BadParameter(inner.to_owned()));
    }
    Ok(if rest { Segment::Rest(name.to_owned()) } else { Segment::One(name.to_owned()) })
}

/// Decodes one segment once; `None` when an escape is malformed or the bytes are not UTF-8.
pub fn decode_segment(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let escapes_are_whole = segment.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        digits.next().is_some_and(|byte| byte.is_ascii_hexdigit())
            && digits.next().is_some_and(|byte| byte.is_ascii_hexdigit())
    });
    if !escapes_are_whole {
        return None;
    }
    percent_decode_str(segment).decode_utf8().ok()
}

/// A path that cannot be decoded: its escapes are malformed or not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path is not percent-encoded UTF-8")]
pub struct PathError;

/// Patterns with a `T` each. Looking up prefers, segment by segment from the left, a static one, then `{name}`, then
/// `{*rest}`.
#[derive(Debug)]
pub struct PathTree<T> {
    root: Branch<T>,
}

/// Small, because there is one for each path, and most have nothing below.
#[derive(Debug)]
struct Branch<T> {
    here: Option<T>,
    below: Option<Box<Below<T>>>,
}

#[derive(Debug)]
struct Below<T> {
    /// Texts that are not long stand in the map itself, so that a look-up has no other place to go to.
    statics: HashMap<CompactString, Branch<T>>,
    one: Option<Branch<T>>,
    rest: Option<T>,
}

impl<T> Default for Branch<T> {
    fn default() -> Branch<T> {
        Branch { here: None, below: None }
    }
}

impl<T> Default for Below<T> {
    fn default() -> Below<T> {
        Below { statics: HashMap::new(), one: None, rest: None }
    }
}

impl<T> Default for PathTree<T> {
    fn default() -> PathTree<T> {
        PathTree { root: Branch::default() }
    }
}

impl<T> PathTree<T> {
    /// The `T` of a pattern, made when no pattern of this shape is there yet.
    pub fn entry(&mut self, pattern: &PathPattern, make: impl FnOnce() -> T) -> &mut T {
        let mut branch = &mut self.root;
        for segment in &pattern.segments {
            let below = branch.below.get_or_insert_default();
            branch = match segment {
                Segment::Static(text) => below.statics.entry(text.into()).or_default(),
                Segment::One(_) => below.one.get_or_insert_default(),
                Segment::Rest(_) => return below.rest.get_or_insert_with(make),
            };
        }
        branch.here.get_or_insert_with(make)
    }

    /// The most specific pattern's `T`, and its parameters' values, decoded.
    pub fn find(&self, path: &str) -> Result<Option<(&T, Vec<String>)>, PathError> {
        let Some(path) = path.strip_prefix('/') else { return Ok(None) };
        let mut values = Vec::new();
        Ok(find_below(&self.root, Some(path), &mut values)?.map(|found| (found, values)))
    }
}

/// `path`: what is left, without its leading slash; `None` when every segment is used up.
fn find_below<'t, T>(
    branch: &'t Branch<T>,
    path: Option<&str>,
    values: &mut Vec<String>,
) -> Result<Option<&'t T>, PathError> {
    let Some(path) = path else { return Ok(branch.here.as_ref()) };
    let (segment, after) = match path.split_once('/') {
        Some((segment, after)) => (segment, Some(after)),
        None => (path, None),
    };
    let segment = decode_segment(segment).ok_or(PathError)?;
    let Some(below) = &branch.below else { return Ok(None) };
    if let Some(next) = below.statics.get(segment.as_ref())
        && let Some(found) = find_below(next, after, values)?
    {
        return Ok(Some(found));
    }
    if let Some(next) = below.one.as_ref().filter(|_| !segment.is_empty()) {
        values.push(segment.into_owned());
        if let Some(found) = find_below(next, after, values)? {
            return Ok(Some(found));
        }
        values.pop();
    }
    let Some(found) = below.rest.as_ref() else { return Ok(None) };
    let decoded: Option<Vec<Cow<'_, str>>> = path.split('/').map(decode_segment).collect();
    values.push(decoded.ok_or(PathError)?.join("/"));
    Ok(Some(found))
}
