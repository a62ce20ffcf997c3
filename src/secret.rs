//! References to values outside the configuration (`${env:NAME}`, `${file:PATH}`) and the secrets they give.
//!
//! A secret prints as nothing and cannot be serialized. What users see instead is the reference as it was written,
//! without its default.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
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
        digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
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

    /// Files that this load has read or tried to read.
    pub fn files(&self) -> Vec<PathBuf> {
        let resolved = self.resolved.borrow();
        let paths = resolved.keys().filter_map(|reference| match reference {
            Reference::File { path } => Some(self.folder.join(path)),
            Reference::Env { .. } => None,
        });
        paths.collect()
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
    /// [`SECRET_MIN`] are left out.
    pub fn values(&self) -> Vec<Secret> {
        let resolved = self.resolved.borrow();
        let written = self.written.borrow();
        let values = resolved.values().filter_map(|value| value.clone().ok()).chain(written.iter().cloned());
        values.filter(|value| value.expose().len() >= SECRET_MIN).collect()
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
        use std::io::Read;
        let unreadable =
            |error: std::io::Error| ReferenceError::Unreadable { path: path.to_owned(), reason: error.to_string() };
        let place = self.folder.join(path);
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
        let text = std::str::from_utf8(&bytes).map_err(|_| ReferenceError::FileNotUnicode(path.to_owned()))?;
        let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        Ok(Secret::new(text))
    }
}
