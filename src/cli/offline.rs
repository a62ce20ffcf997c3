//! A configuration for commands that send nothing: missing references stand for themselves.

use crate::app;
use crate::config::folder::Folder;
use crate::config::{self, Loaded};
use crate::diagnostic::{Findings, Severity};
use crate::rehearsal::Rehearsal;
use crate::route::Carried;
use crate::secret::{Missing, References};
use std::path::{Path, PathBuf};

pub struct Offline {
    pub folder: PathBuf,
    pub loaded: Loaded,
    pub rehearsal: Rehearsal,
}

/// What `uuid()` gives.
pub enum Uuid {
    /// Two equal runs print the same.
    Fixed,
    /// Something is really sent.
    Random,
}

impl Offline {
    /// What was made of secrets shows them: a body with `env("NAME")`, an answer that repeats what it was sent.
    pub fn hide(&self, report: &mut serde_json::Value) {
        self.rehearsal.live().load().value.secrets.hide(report);
    }

    /// The same of a text.
    pub fn hidden(&self, text: &str) -> String {
        self.rehearsal.live().load().value.secrets.hidden(text).into_owned()
    }
}

const FIXED_UUID: &str = "00000000-0000-4000-8000-000000000000";

/// Loads and compiles; says everything that is wrong on standard error. `None` where anything of it is an error.
pub fn load(folder: Option<&Path>) -> Option<Offline> {
    load_with(folder, Missing::StandsForItself, Uuid::Fixed)
}

/// The same, where a missing reference may be a mistake.
pub fn load_with(folder: Option<&Path>, missing: Missing, uuid: Uuid) -> Option<Offline> {
    let folder = Folder::find(folder);
    let references = References::new(folder.path(), missing);
    let findings = Findings::default();
    let loaded = config::load(&folder.read(), false, &findings);
    let carried = Carried::default();
    let uuid = match uuid {
        Uuid::Fixed => || FIXED_UUID.to_owned(),
        Uuid::Random => app::random_uuid,
    };
    let configuration = app::compile(&loaded, &references, &findings, uuid, &carried);
    let diagnostics = loaded.sources.diagnostics(&findings);
    super::complain(&diagnostics, &loaded.sources);
    // A file that could not be read has left nothing to compile, and so nothing that would fail.
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return None;
    }
    Some(Offline { rehearsal: Rehearsal::new(configuration?), loaded, folder: folder.path().to_owned() })
}
