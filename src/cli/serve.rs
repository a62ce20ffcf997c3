//! `hookswitch serve`: receive webhooks and deliver them, until told to stop.

use crate::app::{self, Options};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration folder [default: the current one, then /etc/hookswitch]
    #[arg(short, long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Where webhooks arrive, instead of what hookswitch.yaml says; port 0 picks a free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where the admin listener is, instead of what hookswitch.yaml says
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// Worker threads [default: one for each processor]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Build every delivery and send none
    #[arg(long)]
    dry_run: bool,
    /// Load again only on SIGHUP or POST /reload
    #[arg(long)]
    no_watch: bool,
    /// Start without any route
    #[arg(long)]
    allow_empty: bool,
}

/// For what is on its way to a disk while the process ends.
const LAST_WRITES: Duration = Duration::from_millis(500);

pub fn run(args: Args) -> ExitCode {
    let options = Options {
        folder: args.config,
        listen: args.listen,
        admin: args.admin,
        dry_run: args.dry_run,
        watch: !args.no_watch,
        allow_empty: args.allow_empty,
    };
    let runtime = match runtime(args.workers) {
        Ok(runtime) => runtime,
        Err(error) => {
            super::say_error(&format!("cannot start threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(app::run(options));
    // All that counts has ended or is told as lost: a write that hangs must not keep the process.
    runtime.shutdown_timeout(LAST_WRITES);
    match ended {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(app::StartError::Configuration(mistakes)) => {
            super::complain(&mistakes.diagnostics, &mistakes.sources);
            ExitCode::FAILURE
        }
        Err(error) => {
            super::say_error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// One worker needs no other threads to hand work to.
fn runtime(workers: Option<NonZeroUsize>) -> std::io::Result<Runtime> {
    match workers {
        Some(NonZeroUsize::MIN) => Builder::new_current_thread().enable_all().build(),
        Some(workers) => Builder::new_multi_thread().worker_threads(workers.get()).enable_all().build(),
        None => Builder::new_multi_thread().enable_all().build(),
    }
}
