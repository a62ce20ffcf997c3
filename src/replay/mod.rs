//! Dead letters, delivered again: each record of a file to the target that did not get it, with the id it had.
//!
//! Records are read one after another however large the file is, a few are under way at once, and their ends come back in
//! the order of the file, so that a number of lines says how far a replay has come. What the terminal shows of it is
//! [`crate::cli`]'s, what a record becomes is `revive`'s.

mod lines;
mod progress;
mod revive;
#[cfg(test)]
mod tests;

pub use lines::{LINE_MAX, Line, Lines};
pub use progress::{Place, Progress, ProgressError};
pub use revive::{NotReplayable, Revived, revive};

use crate::deliver::{Attempt, Client, Delivered, DeliveryScope, Observer, Outcome, Record, RecordError};
use crate::route::{Engine, RouteTable};
use crate::telemetry::trace_context::{Sampler, Span};
use futures_util::stream::{self, Stream, StreamExt};
use http::HeaderMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// So many records are under way at once. A target's own `limit` still holds.
const WINDOW: usize = 16;

/// What records are delivered with.
pub struct Replay {
    pub table: RouteTable,
    pub client: Client,
    /// Only records of this route.
    pub route: Option<String>,
    /// From the beginning of one delivery to that of the next.
    pub interval: Option<Duration>,
    /// Fires when the replay is to end: what is under way is given up, and counts as not begun.
    pub stop: CancellationToken,
}

/// What became of one line.
pub struct Ended {
    pub line: Line,
    pub end: End,
}

/// The end of a line.
#[derive(Debug)]
pub enum End {
    Delivered,
    Failed(Failed),
    /// It is no record.
    Malformed(RecordError),
    /// Longer than [`LINE_MAX`].
    TooLong,
    /// Of another route than was asked for, or nothing at all.
    Passed,
    /// The replay was told to end before it did.
    Stopped,
}

/// A record that could not be delivered.
#[derive(Debug, thiserror::Error)]
#[error("{route}/{target} {id}: {why}")]
pub struct Failed {
    pub id: String,
    pub route: String,
    pub target: String,
    pub why: Why,
}

#[derive(Debug, thiserror::Error)]
pub enum Why {
    #[error(transparent)]
    NotReplayable(#[from] NotReplayable),
    /// How its attempts went.
    #[error("{0}")]
    Undelivered(String),
}

/// `server_error (status 503, 4 attempts, exhausted)`
fn of_delivery(delivered: &Delivered) -> String {
    let status = delivered.attempts.iter().rev().find_map(|attempt| attempt.status);
    let status = status.map(|status| format!("status {status}, ")).unwrap_or_default();
    let attempts = match delivered.attempts.len() {
        1 => "1 attempt".to_owned(),
        many => format!("{many} attempts"),
    };
    let why = delivered.gave_up.map(|why| format!(", {why}")).unwrap_or_default();
    format!("{} ({status}{attempts}{why})", delivered.outcome)
}

/// Reads lines on a thread of its own, as fast as they are taken.
pub fn read(mut lines: Lines<impl io::BufRead + Send + 'static>) -> Receiver<io::Result<Line>> {
    let (sender, receiver) = channel(WINDOW);
    std::thread::spawn(move || {
        while let Some(line) = lines.read().transpose() {
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                break;
            }
        }
    });
    receiver
}

/// Delivers what is read, and gives the end of each line in the order of the file.
pub fn run(replay: Arc<Replay>, lines: Receiver<io::Result<Line>>) -> impl Stream<Item = io::Result<Ended>> {
    let ticks = replay.interval.map(ticks);
    let begun = stream::unfold((lines, ticks, replay), |(mut lines, mut ticks, replay)| async move {
        let line = replay.stop.clone().run_until_cancelled(lines.recv()).await??;
        let begun = Begun::new(line, &replay);
        if let (Begun::Record(..), Some(ticks)) = (&begun, &mut ticks) {
            replay.stop.clone().run_until_cancelled(ticks.tick()).await?;
        }
        Some((begun.end(replay.clone()), (lines, ticks, replay)))
    });
    begun.buffered(WINDOW)
}

fn ticks(interval: Duration) -> Interval {
    let mut ticks = tokio::time::interval(interval);
    // A slow target is no reason to hurry afterwards.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// A line that was looked at.
enum Begun {
    Error(io::Error),
    /// There is nothing to deliver.
    Over(Ended),
    Record(Line, Box<Record>),
}

impl Begun {
    fn new(line: io::Result<Line>, replay: &Replay) -> Begun {
        let line = match line {
            Ok(line) => line,
            Err(error) => return Begun::Error(error),
        };
        let over = |line, end| Begun::Over(Ended { line, end });
        let Some(text) = &line.text else { return over(line, End::TooLong) };
        if text.iter().all(u8::is_ascii_whitespace) {
            return over(line, End::Passed);
        }
        match Record::parse(text) {
            Err(error) => over(line, End::Malformed(error)),
            Ok(record) if replay.route.as_ref().is_some_and(|route| *route != record.route) => over(line, End::Passed),
            Ok(record) => Begun::Record(line, Box::new(record)),
        }
    }

    async fn end(self, replay: Arc<Replay>) -> io::Result<Ended> {
        match self {
            Begun::Error(error) => Err(error),
            Begun::Over(ended) => Ok(ended),
            Begun::Record(line, record) => Ok(Ended { line, end: deliver(&record, &replay).await }),
        }
    }
}

async fn deliver(record: &Record, replay: &Replay) -> End {
    let why = match revive(&replay.table, record) {
        Err(error) => Why::NotReplayable(error),
        Ok(revived) => {
            let delivered = send(revived, replay).await;
            match delivered.outcome {
                Outcome::Success => return End::Delivered,
                Outcome::Draining => return End::Stopped,
                _ => Why::Undelivered(of_delivery(&delivered)),
            }
        }
    };
    let Record { id, route, target, .. } = record.clone();
    End::Failed(Failed { id, route, target, why })
}

async fn send(revived: Revived, replay: &Replay) -> Delivered {
    let Revived { taken, target, outbound } = revived;
    let Engine { tables, uuid, .. } = &replay.table.engine;
    let scope = DeliveryScope {
        deadline: Instant::now() + target.schedule(),
        event: taken.event.clone(),
        route: taken.route.name.clone(),
        vars: taken.vars.clone(),
        answers: Arc::new([]),
        tables: tables.clone(),
        uuid: *uuid,
        trusted_proxy: None,
        sender_waits: false,
        answer_is_read: false,
        draining: replay.stop.clone(),
    };
    let span = Span::of_request(&taken.event.request.headers, &Sampler::default(), || fastrand::u64(..));
    target.deliver(&replay.client, &outbound, &scope, &Traced(span)).await
}

/// The trace goes on, or a new one begins; nobody watches.
struct Traced(Span);

impl Observer for Traced {
    fn attempt_begins(&self, _number: u32, headers: &mut HeaderMap) {
        self.0.child(|| fastrand::u64(..)).tell(headers);
    }

    fn attempt_ended(&self, _attempt: &Attempt) {}
}
