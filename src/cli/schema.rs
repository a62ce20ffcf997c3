//! `hookswitch schema`: prints a JSON Schema, for editors and for `schemas/`.

use crate::config::schema::{SchemaKind, generate};
use std::io::Write;
use std::process::ExitCode;

/// Print the JSON Schema of a kind of file
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which kind of file
    kind: SchemaKind,
}

pub fn run(args: Args) -> ExitCode {
    match std::io::stdout().lock().write_all(generate(args.kind).as_bytes()) {
        // A reader that has seen enough, as `head`, is no failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
