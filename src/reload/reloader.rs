//! The loop that notices, settles, loads and publishes.

use super::known::Known;
use super::watch::Watcher;
use super::{Digest, Generation, Inputs, Live, Load, Loaded, ReloadOutcome, Status, Timing};
use crate::clock::Clock;
use crate::diagnostic::{Diagnostic, Severity};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Looks at files that go on changing before it is given up until the next poll.
const MAX_LOOKS: usize = 30;

/// So many polls, about half a minute, and files are read even where they seem untouched.
const WHOLE_EVERY: u32 = 20;

/// Reloads that wait to be begun; who comes later shares the last one's place in line by waiting for it.
const MAX_WAITING: usize = 16;

/// Notices changes and applies them. Made by [`Reloader::first`], driven by [`Reloader::run`].
pub struct Reloader<T> {
    load: Arc<Load<T>>,
    looker: Arc<Looker>,
    timing: Timing,
    clock: Clock,
    live: Live<T>,
    status: watch::Sender<Status>,
    requests: mpsc::Receiver<oneshot::Sender<ReloadOutcome>>,
    asking: mpsc::Sender<oneshot::Sender<ReloadOutcome>>,
    /// What the last load saw, and what it came to where that was not good.
    seen: Digest,
    failed: Option<ReloadOutcome>,
    polls: u32,
    count: Box<dyn Fn(&ReloadOutcome) + Send + Sync>,
}

/// Asks for reloads, and tells what runs.
pub struct Handle<T> {
    live: Live<T>,
    status: watch::Receiver<Status>,
    asking: mpsc::Sender<oneshot::Sender<ReloadOutcome>>,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Handle<T> {
        Handle { live: self.live.clone(), status: self.status.clone(), asking: self.asking.clone() }
    }
}

impl<T> Handle<T> {
    pub fn live(&self) -> &Live<T> {
        &self.live
    }

    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Changes with every reload that is logged.
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Reads everything again, secrets too, and says what came of it. `None` where the reloader has ended.
    pub async fn reload(&self) -> Option<ReloadOutcome> {
        let (answer, outcome) = oneshot::channel();
        self.asking.send(answer).await.ok()?;
        outcome.await.ok()
    }
}

/// Everything that touches the file system, for a blocking thread.
struct Looker {
    inputs: Inputs,
    clock: Clock,
    hint: Arc<Notify>,
    found: Mutex<Found>,
}

struct Found {
    /// Files that the last load read beyond `inputs`.
    files: BTreeSet<PathBuf>,
    watcher: Watcher,
    known: Known,
}

/// How far a look trusts what the system says of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Files that it calls untouched are not read.
    Quick,
    /// Everything is read.
    Whole,
}

impl Looker {
    /// Arms first and reads then, so that a change in between is a hint.
    fn look(&self, look: Look) -> Digest {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut inputs = self.inputs.clone();
        inputs.files.extend(found.files.iter().cloned());
        found.watcher.arm(inputs.directories());
        if look == Look::Whole {
            found.known.forget();
        }
        inputs.digest_from(&mut found.known, self.clock.now())
    }

    /// `true` if these are others than before: then they were not part of what was looked at.
    fn remember(&self, files: Vec<PathBuf>) -> bool {
        let files: BTreeSet<PathBuf> = files.into_iter().collect();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let others = found.files != files;
        found.files = files;
        others
    }
}

/// What a try to load came to before anything is changed.
enum Attempt<T> {
    Loaded { digest: Digest, value: T, warnings: Vec<Diagnostic> },
    Failed { digest: Digest, diagnostics: Vec<Diagnostic> },
    Unsettled,
    Crashed,
}

impl<T: Send + Sync + 'static> Reloader<T> {
    /// Loads for the first time.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration: there is nothing that could run instead.
    pub fn first(
        inputs: Inputs,
        timing: Timing,
        clock: Clock,
        load: impl Fn() -> Loaded<T> + Send + Sync + 'static,
    ) -> Result<Reloader<T>, Vec<Diagnostic>> {
        let hint = Arc::new(Notify::new());
        let found = Mutex::new(Found { files: BTreeSet::new(), watcher: Watcher::off(), known: Known::default() });
        let looker = Looker { inputs, clock, hint, found };
        // Looked at before it is read: a change after this look is found by the next one.
        let mut seen = looker.look(Look::Whole);
        let mut loaded = load();
        // What it reads besides is known only now; if that is never the same twice, the next look sorts it out.
        if looker.remember(std::mem::take(&mut loaded.files)) {
            seen = looker.look(Look::Whole);
            loaded = load();
        }
        let (warnings, loaded_at) = (loaded.warnings, clock.now());
        let value = loaded.value?;
        let last = ReloadOutcome::Applied { generation: 1 };
        let status =
            Status { generation: 1, digest: seen, loaded_at, warnings: warnings.clone(), last, last_at: loaded_at };
        let (asking, requests) = mpsc::channel(MAX_WAITING);
        Ok(Reloader {
            load: Arc::new(load),
            looker: Arc::new(looker),
            timing,
            clock,
            live: Live::new(Generation { number: 1, digest: seen, loaded_at, warnings, value }),
            status: watch::Sender::new(status),
            requests,
            asking,
            seen,
            failed: None,
            polls: 0,
            count: Box::new(|_| {}),
        })
    }

    /// Calls `count` with every outcome, for metrics.
    pub fn counted_by(self, count: impl Fn(&ReloadOutcome) + Send + Sync + 'static) -> Reloader<T> {
        Reloader { count: Box::new(count), ..self }
    }

    pub fn handle(&self) -> Handle<T> {
        Handle { live: self.live.clone(), status: self.status.subscribe(), asking: self.asking.clone() }
    }

    /// Runs until `stop`. Without `watching` only SIGHUP and [`Handle::reload`] lead to a reload.
    pub async fn run(mut self, watching: bool, stop: CancellationToken) {
        let hint = Arc::clone(&self.looker.hint);
        if watching {
            let watcher = Watcher::new(Arc::clone(&hint));
            self.looker.found.lock().unwrap_or_else(PoisonError::into_inner).watcher = watcher;
        }
        let mut hangup = Hangup::new();
        let mut poll = tokio::time::interval(self.timing.poll);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(answer) = self.requests.recv() => {
                    // Nobody waits for the answer any more: the reload is as done.
                    let _ = answer.send(self.reload().await);
                }
                () = hangup.received() => drop(self.reload().await),
                () = hint.notified(), if watching => self.look_again(false).await,
                _ = poll.tick(), if watching => self.look_again(true).await,
            }
        }
    }

    /// Something may have changed. At a `poll` a load that failed is tried again, although nothing seems to have changed:
    /// the reason may not lie in the files.
    async fn look_again(&mut self, poll: bool) {
        self.polls = if poll { self.polls.wrapping_add(1) } else { self.polls };
        // Not every file system tells the truth about its files.
        let quick = poll && !self.polls.is_multiple_of(WHOLE_EVERY);
        let seen = self.look(if quick { Look::Quick } else { Look::Whole }).await;
        if seen == Some(self.seen) && !(poll && self.failed.is_some()) {
            return;
        }
        let attempt = self.attempt(seen).await;
        let before = self.failed.clone();
        let outcome = self.settle_on(attempt);
        let new = match &outcome {
            ReloadOutcome::Applied { .. } => true,
            ReloadOutcome::Unchanged { .. } => before.is_some(),
            failed => before.as_ref() != Some(failed),
        };
        if new {
            self.record(&outcome);
        }
    }

    /// Somebody asked: everything is read again whatever it looks like.
    async fn reload(&mut self) -> ReloadOutcome {
        let seen = self.look(Look::Whole).await;
        let attempt = self.attempt(seen).await;
        let outcome = self.settle_on(attempt);
        self.record(&outcome);
        outcome
    }

    /// Loads what has stopped changing, and makes sure that it did not change while it was read.
    async fn attempt(&mut self, seen: Option<Digest>) -> Attempt<T> {
        let Some(mut seen) = seen else { return Attempt::Crashed };
        for _ in 0..MAX_LOOKS {
            tokio::time::sleep(self.timing.settle).await;
            let Some(now) = self.look(Look::Whole).await else { return Attempt::Crashed };
            if std::mem::replace(&mut seen, now) != now {
                continue;
            }
            let (load, looker) = (Arc::clone(&self.load), Arc::clone(&self.looker));
            let work = move || {
                let mut loaded = load();
                let others = looker.remember(std::mem::take(&mut loaded.files));
                (loaded, others, looker.look(Look::Whole))
            };
            let Ok((loaded, others, after)) = tokio::task::spawn_blocking(work).await else { return Attempt::Crashed };
            if others || after != now {
                seen = after;
                continue;
            }
            return match loaded.value {
                Ok(value) => Attempt::Loaded { digest: now, value, warnings: loaded.warnings },
                Err(diagnostics) => Attempt::Failed { digest: now, diagnostics },
            };
        }
        Attempt::Unsettled
    }

    /// Everything that could fail has been done. From here to the end nothing fails and nothing waits.
    fn settle_on(&mut self, attempt: Attempt<T>) -> ReloadOutcome {
        let running = self.live.load();
        let generation = running.number;
        let outcome = match attempt {
            Attempt::Loaded { digest, value, warnings } => {
                self.seen = digest;
                if digest == running.digest {
                    ReloadOutcome::Unchanged { generation }
                } else {
                    let (number, loaded_at) = (generation + 1, self.clock.now());
                    self.live.publish(Generation { number, digest, loaded_at, warnings, value });
                    ReloadOutcome::Applied { generation: number }
                }
            }
            Attempt::Failed { digest, diagnostics } => {
                self.seen = digest;
                ReloadOutcome::Rejected { generation, diagnostics: diagnostics.into() }
            }
            Attempt::Unsettled => ReloadOutcome::Unsettled { generation },
            Attempt::Crashed => ReloadOutcome::Crashed { generation },
        };
        self.failed = Some(outcome.clone()).filter(|outcome| !outcome.is_good());
        outcome
    }

    fn record(&self, outcome: &ReloadOutcome) {
        // Whoever reads the log line may ask for the status at once, and counts on all that follows from the outcome.
        let live = self.live.load();
        self.status.send_replace(Status {
            generation: live.number,
            digest: live.digest,
            loaded_at: live.loaded_at,
            warnings: live.warnings.clone(),
            last: outcome.clone(),
            last_at: self.clock.now(),
        });
        (self.count)(outcome);
        let generation = outcome.generation();
        match outcome {
            ReloadOutcome::Applied { .. } => tracing::info!(generation, "configuration applied"),
            ReloadOutcome::Unchanged { .. } => tracing::info!(generation, "configuration unchanged"),
            ReloadOutcome::Rejected { diagnostics, .. } => {
                let first = diagnostics.first().map(one_line).unwrap_or_default();
                let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
                tracing::error!(generation, errors, first, "configuration rejected, the running one stays");
            }
            ReloadOutcome::Unsettled { .. } => {
                tracing::warn!(generation, "configuration goes on changing, not read yet")
            }
            ReloadOutcome::Crashed { .. } => tracing::error!(generation, "loading the configuration panicked"),
        }
    }

    async fn look(&self, look: Look) -> Option<Digest> {
        let looker = Arc::clone(&self.looker);
        tokio::task::spawn_blocking(move || looker.look(look)).await.ok()
    }
}

/// As editors and people read it: `routes.d/a.yaml:3:5: unknown key`.
fn one_line(diagnostic: &Diagnostic) -> String {
    let Diagnostic { file, line, column, message, .. } = diagnostic;
    if *line == 0 { format!("{file}: {message}") } else { format!("{file}:{line}:{column}: {message}") }
}

/// SIGHUP, where there is one.
struct Hangup(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Hangup {
    fn new() -> Hangup {
        #[cfg(unix)]
        let hangup = Hangup(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok());
        #[cfg(not(unix))]
        let hangup = Hangup();
        hangup
    }

    async fn received(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}
