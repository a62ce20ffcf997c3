//! What a configuration is read from: whether it has changed, and which directories would tell.
//!
//! Contents are compared, not times: a mounted ConfigMap may go back in time, and a rewritten file may be the same. What
//! is looked at is what [`config::folder`](crate::config::folder) would read, and in its way.

use super::known::Known;
use crate::config::folder::{FILES_MAX, Met, ROUTES, SETTINGS, walk};
use crate::hex;
use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};

/// Files, and trees of which every YAML file counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    pub trees: Vec<PathBuf>,
    pub files: Vec<PathBuf>,
}

/// Stands for all contents of [`Inputs`], with what cannot be read and why.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// Links to links: more is a loop.
const LINKS_MAX: usize = 32;

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::of(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Inputs {
    /// The settings and `routes.d` of a configuration folder.
    pub fn of_folder(folder: &Path) -> Inputs {
        Inputs { trees: vec![folder.join(ROUTES)], files: SETTINGS.iter().map(|name| folder.join(name)).collect() }
    }

    /// Reads everything and says what it is.
    pub fn digest(&self) -> Digest {
        // Nothing is known, whatever the time is.
        self.digest_from(&mut Known::default(), DateTime::UNIX_EPOCH)
    }

    /// The same, without reading what is known.
    pub(super) fn digest_from(&self, known: &mut Known, now: DateTime<Utc>) -> Digest {
        let mut context = Context::new(&SHA256);
        let mut add_file = |context: &mut Context, file: &Path| add(context, file, &known.contents(file, now));
        for file in &self.files {
            add_file(&mut context, file);
        }
        for tree in &self.trees {
            each(tree, |met| match met {
                Met::Folder(_) => {}
                Met::File(file) => add_file(&mut context, file),
                Met::Problem(folder, problem) => add(&mut context, folder, problem.as_bytes()),
            });
            // A tree that has vanished is not an empty one.
            context.update(&[u8::from(tree.is_dir())]);
        }
        known.looked();
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Digest(digest)
    }

    /// Directories in which an event would tell of a change: those that hold the files, and those that hold a symbolic
    /// link on the way to one. Of what is missing, the nearest that exists.
    pub fn directories(&self) -> BTreeSet<PathBuf> {
        let mut files: BTreeSet<PathBuf> = self.files.iter().cloned().collect();
        let mut directories = BTreeSet::new();
        for tree in &self.trees {
            each(tree, |met| match met {
                Met::Folder(folder) => drop(directories.insert(folder.to_owned())),
                Met::File(file) => drop(files.insert(file.to_owned())),
                Met::Problem(..) => {}
            });
            files.insert(tree.clone());
        }
        let mut links = Links { seen: BTreeSet::new(), holders: directories };
        for file in &files {
            links.follow(file, LINKS_MAX);
            if let Some(existing) = file.ancestors().skip(1).find(|ancestor| ancestor.is_dir()) {
                links.holders.insert(existing.to_owned());
            }
        }
        links.holders.into_iter().map(|path| if path.as_os_str().is_empty() { ".".into() } else { path }).collect()
    }
}

/// Lengths go first, so that no two lists of parts read the same.
fn add(context: &mut Context, path: &Path, contents: &[u8]) {
    for part in [path.as_os_str().as_encoded_bytes(), contents] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
}

/// Everything below `tree`, up to the files that a configuration may have: a tree at `/` by mistake must not be read
/// whole every other second.
fn each(tree: &Path, mut look: impl FnMut(Met<'_>)) {
    let mut files = 0;
    let _ = walk(tree, &mut |met| {
        files += usize::from(matches!(met, Met::File(_)));
        look(met);
        if files > FILES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
}

/// Follows symbolic links one at a time; `canonicalize` would only tell where they end.
struct Links {
    seen: BTreeSet<PathBuf>,
    holders: BTreeSet<PathBuf>,
}

impl Links {
    fn follow(&mut self, path: &Path, depth: usize) {
        let mut prefix = PathBuf::new();
        let mut components = path.components();
        while let Some(component) = components.next() {
            if component == Component::ParentDir && prefix.pop() {
                continue;
            }
            prefix.push(component);
            if depth == 0 || !self.seen.insert(prefix.clone()) {
                continue;
            }
            let Ok(target) = fs::read_link(&prefix) else { continue };
            let holder = prefix.parent().unwrap_or(Path::new("")).to_owned();
            self.follow(&holder.join(target).join(components.as_path()), depth - 1);
            self.holders.insert(holder);
        }
        if let Some(parent) = path.parent().filter(|parent| parent.is_dir()) {
            self.holders.insert(parent.to_owned());
        }
    }
}
