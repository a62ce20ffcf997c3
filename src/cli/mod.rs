//! The command line: one file per subcommand, each with its `Args` and a `run` that gives the exit code.
//!
//! Exit codes: 0 fine, 1 the check failed or the configuration is bad, 2 wrong usage (clap's own).

mod arguments;
mod completions;
mod explain;
mod health;
mod offline;
mod replay;
mod routes;
mod schema;
mod secret;
mod send;
mod serve;
mod sign;
mod sink;
mod test;
mod validate;

use crate::config::Sources;
use crate::config::report::{Format, Report};
use crate::diagnostic::Diagnostic;
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// A declarative webhook router: verifies, routes, reshapes and delivers webhooks as YAML files say.
#[derive(Debug, Parser)]
#[command(name = "hookswitch", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive webhooks and deliver them
    Serve(serve::Args),
    /// Check the configuration and say everything that is wrong with it
    Validate(validate::Args),
    /// Run the examples beside the routes, offline
    Test(test::Args),
    /// Say why a request matches or not, and what would be sent
    Explain(explain::Args),
    /// Deliver a test event to a route's targets for real, and say what they answered
    Send(send::Args),
    /// Make a validly signed request for a route
    Sign(sign::Args),
    /// Deliver dead letters again
    Replay(replay::Args),
    /// List the routes
    Routes(routes::Args),
    /// Print a JSON Schema of the configuration
    Schema(schema::Args),
    /// Receive requests, show them and answer as told: something to try routes against
    Sink(sink::Args),
    /// Ask a running router whether it is ready
    Health(health::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Make a random secret
    Secret(secret::Args),
}

/// How a command without a format of its own shows what it found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Shown {
    #[default]
    Human,
    Json,
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Validate(args) => validate::run(args),
        Command::Test(args) => test::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Send(args) => send::run(args),
        Command::Sign(args) => sign::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Routes(args) => routes::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Sink(args) => sink::run(args),
        Command::Health(args) => health::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Secret(args) => secret::run(args),
    }
}

/// The whole command line, for completion scripts.
pub fn command() -> clap::Command {
    Cli::command()
}

/// A machine format: one JSON document, a line at its end.
fn json(document: &impl serde::Serialize) -> String {
    // Reports are made of strings, numbers and lists of them; such a value always has a JSON text.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// To standard output. A reader that has gone away (`| head`) is no error of ours; half a report on a full disk is one.
fn print(text: &str) -> ExitCode {
    use std::io::{ErrorKind, Write};
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            say_error(&format!("cannot write to standard output: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// One line to standard error.
fn say_error(message: &str) {
    use std::io::Write;
    let _ = writeln!(anstream::stderr(), "error: {message}");
}

/// One line to standard error, beside what was asked for.
fn say_note(message: &str) {
    use std::io::Write;
    let _ = writeln!(anstream::stderr(), "note: {message}");
}

/// Everything that is wrong with a configuration, to standard error.
fn complain(diagnostics: &[Diagnostic], sources: &Sources) {
    use std::io::Write;
    if diagnostics.is_empty() {
        return;
    }
    let mut err = anstream::stderr().lock();
    let report = Report { diagnostics, sources };
    let _ = report.write(Format::Human, &mut err).and_then(|()| err.flush());
}
