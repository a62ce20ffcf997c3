//! `hookswitch replay`: dead letters, delivered again.
//!
//! Where it has come to is kept beside the file, so that the same command goes on after Ctrl-C or a crash, and only what is
//! new is delivered when the file has grown. What fails again is kept beside it too, to be replayed by itself.

mod show;

use crate::app::FolderLoader;
use crate::clock::Clock;
use crate::config::folder::Folder;
use crate::config::units::{Rate, parse_rate};
use crate::deliver::Client;
use crate::replay::{self, End, Ended, Lines, Place, Progress, Replay};
use crate::route::RouteTable;
use crate::telemetry::metrics::Metrics;
use futures_util::stream::StreamExt;
use show::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Records of dead letters, one per line
    #[arg(value_name = "FILE.ndjson")]
    file: PathBuf,
    /// The configuration folder [default: the current one, then /etc/hookswitch]
    #[arg(short, long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Only records of this route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// So many in a time, as 10/s [default: as fast as the targets are]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<Rate>,
    /// Begin at this line, whatever has been replayed before
    #[arg(long, value_name = "LINE")]
    from: Option<NonZeroU64>,
}

fn rate(written: &str) -> Result<Rate, String> {
    parse_rate(written).map_err(|error| error.to_string())
}

/// What became of the lines of one replay.
#[derive(Debug, Default)]
struct Tally {
    delivered: u64,
    failed: u64,
    malformed: u64,
    passed: u64,
    stopped: bool,
}

pub fn run(args: Args) -> ExitCode {
    let Some(table) = table(&args) else { return ExitCode::FAILURE };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start threads: {error}")),
    };
    match runtime.block_on(replay(&args, table)) {
        Ok(tally) if tally.failed + tally.malformed == 0 && !tally.stopped => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => fail(&message),
    }
}

fn fail(message: &str) -> ExitCode {
    super::say_error(message);
    ExitCode::FAILURE
}

/// The routes of the configuration that `serve` runs with; says what is wrong with it.
fn table(args: &Args) -> Option<RouteTable> {
    let loader = FolderLoader::new(Folder::find(args.config.as_deref()), false, Clock::System, Metrics::default());
    let table = match loader.load().value {
        Ok(configuration) => configuration.table,
        Err(diagnostics) => {
            super::complain(&diagnostics, &loader.take_sources());
            return None;
        }
    };
    if let Some(wanted) = &args.route
        && !table.routes.iter().any(|route| *route.name == **wanted)
    {
        let names = table.routes.iter().map(|route| &*route.name);
        let hint = crate::suggest::did_you_mean(wanted, names).map(|hint| format!("; {hint}"));
        super::say_error(&format!("there is no route `{wanted}`{}", hint.unwrap_or_default()));
        return None;
    }
    Some(table)
}

async fn replay(args: &Args, table: RouteTable) -> Result<Tally, String> {
    let progress = Progress::of(&args.file, args.route.as_deref()).map_err(|error| error.to_string())?;
    let (lines, begin) = open(args, &progress)?;
    let size = std::fs::metadata(&args.file).map_or(0, |file| file.len());
    let display = Display::new(begin, size);
    let stop = stop_on_signal();
    let replay = Arc::new(Replay {
        table,
        client: Client::new().map_err(|error| error.to_string())?,
        route: args.route.clone(),
        interval: args.rate.map(Rate::interval),
        stop: stop.clone(),
    });
    let mut keeper =
        Keeper { place: begin, progress, failed: beside(&args.file, ".failed"), file: None, saved: Instant::now() };
    let mut tally = Tally::default();
    let mut ended = std::pin::pin!(replay::run(replay, replay::read(lines)));
    while let Some(ended) = ended.next().await {
        let ended = ended.map_err(|error| format!("cannot read {}: {error}", args.file.display()))?;
        if !tally.count(&ended) {
            break;
        }
        display.ended(&ended, &tally);
        keeper.keep(&ended).map_err(|error| format!("cannot write beside {}: {error}", args.file.display()))?;
    }
    tally.stopped |= stop.is_cancelled();
    keeper.save().map_err(|error| format!("cannot write beside {}: {error}", args.file.display()))?;
    display.over(&args.file, &tally, begin, keeper.place);
    Ok(tally)
}

/// The lines to replay, and how far earlier replays have come.
fn open(args: &Args, progress: &Progress) -> Result<(Lines<BufReader<File>>, Place), String> {
    let cannot = |error: io::Error| format!("cannot read {}: {error}", args.file.display());
    let mut file = File::open(&args.file).map_err(cannot)?;
    let begin = match args.from {
        None => progress.load(&args.file).map_err(|error| error.to_string())?.unwrap_or_default(),
        Some(line) => {
            let mut lines = Lines::after(BufReader::new(&file), 0, 0);
            let mut begin = Place::default();
            while begin.lines + 1 < line.get() {
                let Some(line) = lines.read().map_err(cannot)? else {
                    return Err(format!("{} has {} lines", args.file.display(), begin.lines));
                };
                begin = Place { lines: line.number, bytes: line.end };
            }
            begin
        }
    };
    file.seek(SeekFrom::Start(begin.bytes)).map_err(cannot)?;
    Ok((Lines::after(BufReader::new(file), begin.lines, begin.bytes), begin))
}

/// SIGINT and SIGTERM end the replay where it stands.
fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let fired = stop.clone();
    if let Ok(mut signals) = crate::app::Signals::new() {
        tokio::spawn(async move {
            signals.stop().await;
            fired.cancel();
        });
    }
    stop
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

impl Tally {
    /// `false`: nothing after this line counts.
    fn count(&mut self, ended: &Ended) -> bool {
        match ended.end {
            End::Delivered => self.delivered += 1,
            End::Failed(_) => self.failed += 1,
            End::Malformed(_) | End::TooLong => self.malformed += 1,
            End::Passed => self.passed += 1,
            End::Stopped => self.stopped = true,
        }
        !self.stopped
    }
}

/// Progress is written when so much time has passed: after a crash, what was delivered since is delivered once more.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Keeps how far the replay has come, and what failed.
struct Keeper {
    place: Place,
    progress: Progress,
    failed: PathBuf,
    /// Opened with the first failure.
    file: Option<File>,
    saved: Instant,
}

impl Keeper {
    fn keep(&mut self, ended: &Ended) -> io::Result<()> {
        let line = &ended.line;
        if let (End::Failed(_), Some(text)) = (&ended.end, &line.text) {
            self.failed(text)?;
        }
        // Whoever writes the file may be in the middle of its last line: a later replay looks at it again.
        if line.is_whole || !matches!(ended.end, End::Malformed(_)) {
            self.place = Place { lines: line.number, bytes: line.end };
        }
        if self.saved.elapsed() >= SAVE_EVERY { self.save() } else { Ok(()) }
    }

    fn failed(&mut self, text: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(OpenOptions::new().append(true).create(true).open(&self.failed)?),
        };
        file.write_all(&[text, b"\n"].concat())
    }

    /// First what failed, then that it is behind us.
    fn save(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            file.sync_data()?;
        }
        self.saved = Instant::now();
        self.progress.save(self.place)
    }
}
