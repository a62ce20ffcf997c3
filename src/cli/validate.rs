//! `hookswitch validate`: every mistake of a configuration, without serving it.

use crate::clock::Clock;
use crate::config::folder::Folder;
use crate::config::load;
use crate::config::report::{Format, Report};
use crate::diagnostic::Findings;
use crate::secret::{Missing, References};
use chrono::{DateTime, Utc};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Check a configuration: exit code 1 if it has an error
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the configuration [default: the current one, then /etc/hookswitch]
    #[arg(short = 'c', long = "config", value_name = "DIR")]
    config: Option<PathBuf>,
    /// Check only these files or folders, with the settings of the configuration
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
    /// How mistakes are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Take environment variables and secret files that are missing here for granted
    #[arg(long)]
    offline: bool,
}

pub fn run(args: Args) -> ExitCode {
    let folder = Folder::find(args.config.as_deref()).with_files(args.files);
    let missing = if args.offline { Missing::StandsForItself } else { Missing::Fails };
    let references = References::new(folder.path(), missing);
    let mut out = anstream::stdout();
    match check(&folder, &references, Clock::System.now(), args.format, &mut out) {
        Ok(true) => ExitCode::SUCCESS,
        // Whoever closes the pipe early still hears by the exit code that nothing is known to be good.
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// True where there is no error; warnings are none.
fn check(
    folder: &Folder,
    references: &References,
    now: DateTime<Utc>,
    format: Format,
    out: &mut dyn Write,
) -> std::io::Result<bool> {
    let findings = Findings::default();
    let loaded = load(&folder.read(), false, &findings);
    crate::app::check(&loaded, references, &findings, now);
    let diagnostics = loaded.sources.diagnostics(&findings);
    let report = Report { diagnostics: &diagnostics, sources: &loaded.sources };
    report.write(format, out)?;
    out.flush()?;
    Ok(!report.has_errors())
}

#[cfg(test)]
mod tests;
