//! A folder to what runs: read, check, compile, all of it or nothing.

use crate::clock::Clock;
use crate::config::folder::Folder;
use crate::config::{self, Loaded, Sources};
use crate::diagnostic::{At, Diagnostic, Findings, Severity};
use crate::lint::{self, Subject};
use crate::reload::{self, Inputs};
use crate::route::{Carried, RouteTable};
use crate::secret::{Missing, References};
use crate::server::gateway::Configuration;
use crate::server::meters::Meters;
use crate::settings::Settings;
use crate::telemetry::masking::Masking;
use crate::telemetry::metrics::Metrics;
use chrono::{DateTime, Utc};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Compiles everything for its mistakes alone; what is no mistake, but worth a second look, too.
pub fn check(loaded: &Loaded, references: &References, findings: &Findings, now: DateTime<Utc>) {
    compile_and_lint(loaded, references, findings, &Carried::default(), now);
}

/// As [`compile`], with warnings about what compiles.
fn compile_and_lint(
    loaded: &Loaded,
    references: &References,
    findings: &Findings,
    carried: &Carried,
    now: DateTime<Utc>,
) -> Option<Configuration> {
    let configuration = compile(loaded, references, findings, random_uuid, carried)?;
    let table = &configuration.table;
    lint::lint(&Subject { loaded, table, references, findings, now });
    Some(configuration)
}

/// Compiles what was written; `None` where anything about it is an error. `uuid` makes `uuid()`, `carried` is what
/// earlier loads have left.
pub fn compile(
    loaded: &Loaded,
    references: &References,
    findings: &Findings,
    uuid: fn() -> String,
    carried: &Carried,
) -> Option<Configuration> {
    let at = At::document(findings, references, loaded.settings_document);
    let settings = Settings::compile(&loaded.settings, &at);
    let table = RouteTable::compile(loaded, references, findings, uuid, carried);
    let (settings, table) = settings.zip(table)?;
    let secrets = Masking::new(references.values());
    let payloads = settings.log.payloads.then(|| secrets.clone());
    Some(Configuration { settings, table, secrets, payloads, meters: Meters::default() })
}

/// A version 4 UUID (RFC 9562, section 5.4).
pub fn random_uuid() -> String {
    let random = fastrand::u128(..);
    let bits = (random & !(0xf << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// Reads a folder, and keeps the texts where something is wrong with them, for drawing it.
pub struct FolderLoader {
    folder: Folder,
    allow_empty: bool,
    clock: Clock,
    sources: Mutex<Sources>,
    carried: Arc<Carried>,
    metrics: Metrics,
}

impl FolderLoader {
    /// What is loaded counts in `metrics`.
    pub fn new(folder: Folder, allow_empty: bool, clock: Clock, metrics: Metrics) -> FolderLoader {
        FolderLoader { folder, allow_empty, clock, sources: Mutex::default(), carried: Arc::default(), metrics }
    }

    /// What is watched; secrets and the like come with each load.
    pub fn inputs(&self) -> Inputs {
        Inputs::of_folder(self.folder.path())
    }

    /// Reads and compiles everything; any error, and there is no configuration.
    pub fn load(&self) -> reload::Loaded<Configuration> {
        let (loaded, findings) = apart(|| {
            let findings = Findings::default();
            (config::load(&self.folder.read(), self.allow_empty, &findings), findings)
        });
        let (compiled, mut loaded, errors, warnings, files) = apart(move || {
            let references = References::new(self.folder.path(), Missing::Fails);
            let compiled = compile_and_lint(&loaded, &references, &findings, &self.carried, self.clock.now());
            let diagnostics = loaded.sources.diagnostics(&findings);
            let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
                diagnostics.into_iter().partition(|diagnostic| diagnostic.severity == Severity::Error);
            (compiled, loaded, errors, kept(warnings, self.folder.path()), references.files())
        });
        let kept = warnings.clone();
        let value = match compiled {
            Some(configuration) if errors.is_empty() => {
                let meters = Meters::of(&configuration.table, &self.metrics);
                Ok(Configuration { meters, ..configuration })
            }
            _ => Err(errors.into_iter().chain(warnings.iter().cloned()).collect()),
        };
        // Texts and trees take more than what runs: a good configuration has no use for them.
        let sources = if value.is_ok() { Sources::default() } else { std::mem::take(&mut loaded.sources) };
        *self.sources.lock().unwrap_or_else(PoisonError::into_inner) = sources;
        apart(move || drop((loaded, warnings)));
        reload::Loaded { value, warnings: kept, files }
    }

    /// What one load leaves to the next.
    pub fn carried(&self) -> Arc<Carried> {
        self.carried.clone()
    }

    /// The texts that were read last, if they were of no use.
    pub fn take_sources(&self) -> Sources {
        std::mem::take(&mut *self.sources.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Warnings that a running process keeps, for `/config`. A folder of thousands of routes may have one for each.
const WARNINGS_KEPT: usize = 200;

/// The first of them, and how many there are besides.
fn kept(mut warnings: Vec<Diagnostic>, folder: &Path) -> Vec<Diagnostic> {
    let others = warnings.len().saturating_sub(WARNINGS_KEPT);
    if others > 0 {
        warnings.truncate(WARNINGS_KEPT);
        let folder = folder.display().to_string();
        let message = format!("there are {others} more warnings");
        let more = Diagnostic::about_file(Severity::Warning, "more-warnings", &folder, message);
        warnings.push(more.with_help("`hookswitch validate` shows all of them"));
    }
    warnings
}

/// Does `work` in a thread of its own. What was written takes many times what runs, and is gone when the load is over:
/// allocators keep the memory of threads apart, so that it is given back as a whole instead of lying between what stays,
/// and what a thread has freed last stays at hand for it until its end.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let done = std::thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_its_version_and_variant() {
        for _ in 0..100 {
            let uuid = random_uuid();
            assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'4'), "{uuid}");
            assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
        }
    }
}
