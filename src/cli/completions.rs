//! `hookswitch completions`: a completion script for a shell.

use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    shell: clap_complete::Shell,
}

pub fn run(args: Args) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "hookswitch", &mut script);
    super::print(&String::from_utf8_lossy(&script))
}
