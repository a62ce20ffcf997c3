//! What a configuration is read from: whether it has changed, and which directories would tell.
//!
//! Contents are compared, not times: a mounted ConfigMap may go back in time, and a rewritten file may be the same.

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Files and trees of files. Names that begin with a dot are not looked at, symbolic links are followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    pub trees: Vec<PathBuf>,
    pub files: Vec<PathBuf>,
}

/// Stands for all contents of [`Inputs`], with what cannot be read and why.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// Directories below each other, links to links: more is a loop.
const MAX_DEPTH: usize = 32;

/// Files of one tree. A mistake such as a tree at `/` must not read a whole disk every other second.
const MAX_FILES: usize = 20_000;

/// Of each file: what lies behind is not part of a configuration that anybody wrote.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
    /// hookswitch.yaml and `routes.d` of a configuration folder.
    pub fn of_folder(folder: &Path) -> Inputs {
        Inputs { trees: vec![folder.join("routes.d")], files: vec![folder.join("hookswitch.yaml")] }
    }

    /// Reads everything and says what it is.
    pub fn digest(&self) -> Digest {
        let mut context = Context::new(&SHA256);
        for file in &self.files {
            add_file(&mut context, file);
        }
        for tree in &self.trees {
            let mut files = BTreeSet::new();
            let mut directories = BTreeSet::new();
            walk(tree, MAX_DEPTH, &mut files, &mut directories);
            files.iter().for_each(|file| add_file(&mut context, file));
            // A tree that has vanished is not an empty one.
            context.update(&[u8::from(tree.is_dir())]);
        }
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
            walk(tree, MAX_DEPTH, &mut files, &mut directories);
            files.insert(tree.clone());
        }
        let mut links = Links { seen: BTreeSet::new(), holders: directories };
        for file in &files {
            links.follow(file, MAX_DEPTH);
            if let Some(existing) = file.ancestors().skip(1).find(|ancestor| ancestor.is_dir()) {
                links.holders.insert(existing.to_owned());
            }
        }
        links.holders.into_iter().map(|path| if path.as_os_str().is_empty() { ".".into() } else { path }).collect()
    }
}

/// The name, and the contents or why there are none. Lengths go first, so that no two sets of files read the same.
fn add_file(context: &mut Context, path: &Path) {
    let name = path.as_os_str().as_encoded_bytes();
    context.update(&(name.len() as u64).to_be_bytes());
    context.update(name);
    let mut contents = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut contents));
    match read {
        Ok(_) => {
            context.update(&(contents.len() as u64).to_be_bytes());
            context.update(&contents);
        }
        Err(error) => context.update(format!("unreadable: {:?}", error.kind()).as_bytes()),
    }
}

fn walk(directory: &Path, depth: usize, files: &mut BTreeSet<PathBuf>, directories: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    directories.insert(directory.to_owned());
    for entry in entries.flatten() {
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if hidden || files.len() >= MAX_FILES {
            continue;
        }
        if !path.is_dir() {
            files.insert(path);
        } else if depth > 0 {
            walk(&path, depth - 1, files, directories);
        }
    }
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
