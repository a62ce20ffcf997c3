//! References to values outside the configuration (`${env:NAME}`, `${file:PATH}`) and the secrets they give.
//!
//! A secret prints as nothing and cannot be serialized. What users see instead is the reference as it was written,
//! without its default.

use crate::hex;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A resolved value that must not be shown. `Debug` is redacted, the memory is wiped when the last owner goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(Arc::new(Zeroizing::new(value.into())))
    }

    /// The value itself: for comparing, signing and sending, never for showing.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// The first 12 hexadecimal digits of its SHA-256: enough to tell it from another, and useless for anything else where
    /// the secret is random.
    pub fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.expose().as_bytes());
        hex::of(digest.as_ref().get(..6).unwrap_or_default())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `${env:NAME}`, `${env:NAME:-default}` or `${file:PATH}`, as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    Env { name: String, default: Option<String> },
    File { path: String },
}

impl fmt::Display for Reference {
    /// As users see it everywhere: `${env:NAME}` or `${file:PATH}`, never the default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Env { name, .. } => write!(f, "${{env:{name}}}"),
            Reference::File { path } => write!(f, "${{file:{path}}}"),
        }
    }
}

/// Why a reference has no value. Says no value, only names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("the environment variable {0} is not set")]
    MissingVariable(String),
    #[error("the environment variable {0} is not valid UTF-8")]
    NotUnicode(String),
    #[error("cannot read the file {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("the file {0} is not valid UTF-8")]
    FileNotUnicode(String),
    #[error("the file {0} is larger than 1 MiB")]
    TooLarge(String),
}

/// What a missing reference does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is an error (`serve`, `validate`).
    Fails,
    /// It stands for itself, as its own text (`test`, `explain`, `validate --offline`): nothing is sent there.
    StandsForItself,
}

type Lookup = dyn Fn(&str) -> Option<std::ffi::OsString>;

/// Whether a text holds a reference that stands for itself ([`Missing::StandsForItself`]): what it will be is not known.
pub fn holds_stand_in(text: &str) -> bool {
    text.contains("${env:") || text.contains("${file:")
}

/// Resolves references while a configuration loads, and remembers the files, so that a change of them is noticed.
pub struct References {
    folder: PathBuf,
    missing: Missing,
    lookup: Box<Lookup>,
    resolved: RefCell<BTreeMap<Reference, Result<Secret, ReferenceError>>>,
    /// Files that are named by their path, and read as they are.
    named: RefCell<BTreeSet<PathBuf>>,
    /// Secrets that are written out in the configuration.
    written: RefCell<Vec<Secret>>,
}

/// Secrets are read whole: a mounted secret is small, and this bounds a mistake such as a path to a disk image.
const FILE_MAX: u64 = 1024 * 1024;

/// Shorter values are not looked for in texts, in bytes: hiding them would hide half of every text.
const SECRET_MIN: usize = 4;

impl References {
    /// `folder`: what relative `${file:…}` paths are relative to (the configuration folder).
    pub fn new(folder: &Path, missing: Missing) -> References {
        References::with_lookup(folder, missing, |name| std::env::var_os(name))
    }

    /// With another environment than the process's, for tests.
    pub fn with_lookup(
        folder: &Path,
        missing: Missing,
        lookup: impl Fn(&str) -> Option<std::ffi::OsString> + 'static,
    ) -> References {
        References {
            folder: folder.to_owned(),
            missing,
            lookup: Box::new(lookup),
            resolved: RefCell::default(),
            named: RefCell::default(),
            written: RefCell::default(),
        }
    }

    /// The value, read once per load: every use of one reference in one generation sees the same value.
    pub fn resolve(&self, reference: &Reference) -> Result<Secret, ReferenceError> {
        if let Some(known) = self.resolved.borrow().get(reference) {
            return known.clone();
        }
        let value = match (self.read(reference), self.missing) {
            (Err(_), Missing::StandsForItself) => Ok(Secret::new(reference.to_string())),
            (value, _) => value,
        };
        self.resolved.borrow_mut().insert(reference.clone(), value.clone());
        value
    }

    /// Offline: what is missing is not asked for.
    pub fn stand_for_themselves(&self) -> bool {
        self.missing == Missing::StandsForItself
    }

    /// Files that this load has read or tried to read.
    pub fn files(&self) -> Vec<PathBuf> {
        let resolved = self.resolved.borrow();
        let paths = resolved.keys().filter_map(|reference| match reference {
            Reference::File { path } => Some(self.folder.join(path)),
            Reference::Env { .. } => None,
        });
        paths.chain(self.named.borrow().iter().cloned()).collect()
    }

    /// The text of a file that `file` of the configuration names by its path: beside that file, or else in the
    /// configuration folder. Both places are remembered.
    pub fn read_named(&self, file: &str, path: &str) -> Result<String, ReferenceError> {
        let beside = Path::new(file).parent().unwrap_or(Path::new(""));
        let beside = self.folder.join(tidy(&beside.join(path)));
        let inside = self.folder.join(tidy(Path::new(path)));
        let place = if beside.exists() || !inside.exists() { &beside } else { &inside };
        let text = read_place(place, path).map(|text| text.as_str().to_owned());
        self.named.borrow_mut().extend([beside, inside]);
        text
    }

    /// A value that is used as a secret although it is written out.
    pub fn keep_secret(&self, secret: &Secret) {
        self.written.borrow_mut().push(secret.clone());
    }

    /// `text` with every resolved value in it replaced by its reference, for messages. Values shorter than
    /// [`SECRET_MIN`] stay.
    pub fn unresolved(&self, mut text: String) -> String {
        let resolved = self.resolved.borrow();
        let values = resolved.iter().filter_map(|(reference, value)| Some((reference, value.as_ref().ok()?)));
        for (reference, value) in values {
            let shown = reference.to_string();
            let value = value.expose();
            if value.len() >= SECRET_MIN && value != shown && text.contains(value) {
                text = text.replace(value, &shown);
            }
        }
        text
    }

    /// Every value resolved and every secret kept so far, for masking them in payload logs. Values shorter than
    /// [`SECRET_MIN`] are left out, and what stands for itself.
    pub fn values(&self) -> Vec<Secret> {
        let resolved = self.resolved.borrow();
        let written = self.written.borrow();
        let references: BTreeSet<String> = resolved.keys().map(Reference::to_string).collect();
        let values = resolved.values().filter_map(|value| value.clone().ok()).chain(written.iter().cloned());
        values.filter(|value| value.expose().len() >= SECRET_MIN && !references.contains(value.expose())).collect()
    }

    fn read(&self, reference: &Reference) -> Result<Secret, ReferenceError> {
        match reference {
            Reference::Env { name, default } => match ((self.lookup)(name), default) {
                (Some(value), default) => match value.into_string() {
                    Ok(value) if value.is_empty() && default.is_some() => {
                        Ok(Secret::new(default.as_deref().unwrap_or_default()))
                    }
                    Ok(value) => Ok(Secret::new(value)),
                    Err(_) => Err(ReferenceError::NotUnicode(name.clone())),
                },
                (None, Some(default)) => Ok(Secret::new(default.as_str())),
                (None, None) => Err(ReferenceError::MissingVariable(name.clone())),
            },
            Reference::File { path } => self.read_file(path),
        }
    }

    fn read_file(&self, path: &str) -> Result<Secret, ReferenceError> {
        let text = read_place(&self.folder.join(path), path)?;
        let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
        Ok(Secret::new(text))
    }
}

/// `path` is how the place is called in messages.
fn read_place(place: &Path, path: &str) -> Result<Zeroizing<String>, ReferenceError> {
    use std::io::Read;
    let unreadable =
        |error: std::io::Error| ReferenceError::Unreadable { path: path.to_owned(), reason: error.to_string() };
    // Opening a pipe would wait for a writer, and what is read from it is gone at the next load.
    if !place.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(std::io::Error::other("it is not a regular file")));
    }
    let file = std::fs::File::open(place).map_err(unreadable)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(ReferenceError::TooLarge(path.to_owned()));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(ReferenceError::FileNotUnicode(path.to_owned())),
    }
}

/// Without `..` behind a name: what is written means the folder above the one that is written, also where that is a
/// symbolic link to somewhere else, as in a mounted ConfigMap.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        let follows_a_name = matches!(tidy.components().next_back(), Some(Component::Normal(_)));
        match component {
            Component::ParentDir if follows_a_name => drop(tidy.pop()),
            component => tidy.push(component),
        }
    }
    tidy
}
