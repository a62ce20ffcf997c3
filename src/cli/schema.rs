//! `hookswitch schema`: prints a JSON Schema, for editors.

use crate::config::schema::SchemaKind;
use std::process::ExitCode;

/// Print the JSON Schema of a kind of file
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which kind of file
    kind: SchemaKind,
}

pub fn run(args: Args) -> ExitCode {
    super::print(args.kind.text())
}
