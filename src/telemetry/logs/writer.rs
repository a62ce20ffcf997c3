//! The thread that writes, and the bounded memory in front of it.
//!
//! A caller appends its line under a lock held for a copy. The thread takes everything at once, writes it in one go, and
//! rests a moment before it looks again: at a high rate it is woken by its clock, not by every line.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Lines that wait for a reader, in bytes. More are dropped and counted: requests do not wait for a log.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// How old a line may grow before it is written, when lines come fast.
const REST: Duration = Duration::from_millis(5);

pub(super) struct Writer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something is to be done by the thread.
    work: Condvar,
    /// The thread has written something.
    written: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: Vec<u8>,
    dropped: u64,
    /// Ever.
    dropped_in_all: u64,
    /// Lines ever taken in, and ever written: what a flush waits for.
    taken: u64,
    done: u64,
    /// The thread waits for the first line, rather than for its rest to be over.
    asleep: bool,
    hurry: bool,
    closed: bool,
}

impl Writer {
    /// `write` gets whole lines, several at a time; `dropped` makes the line that says how many are missing.
    pub(super) fn start(
        write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
        dropped: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> Writer {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("log".to_owned());
        let theirs = Arc::clone(&shared);
        if thread.spawn(move || theirs.run(write, dropped)).is_err() {
            // Without the thread nobody would ever read: lines are refused instead of kept.
            shared.lock().closed = true;
        }
        Writer(shared)
    }

    pub(super) fn push(&self, line: &[u8]) {
        let mut queue = self.0.lock();
        if queue.closed || queue.lines.len() + line.len() > MAX_WAITING {
            queue.dropped += 1;
            queue.dropped_in_all += 1;
            return;
        }
        queue.lines.extend_from_slice(line);
        queue.taken += 1;
        if std::mem::take(&mut queue.asleep) {
            drop(queue);
            self.0.work.notify_one();
        }
    }

    /// Lines that there was no room for, ever.
    pub(super) fn dropped_so_far(&self) -> u64 {
        self.0.lock().dropped_in_all
    }

    /// Returns when every line so far is written, or after `patience`.
    pub(super) fn flush(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut queue = self.0.lock();
        let goal = queue.taken;
        queue.hurry = true;
        self.0.work.notify_one();
        while queue.done < goal && !queue.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            queue = self.0.written.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.work.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut write: impl FnMut(&[u8]) -> io::Result<()>, dropped: impl Fn(u64) -> Vec<u8>) {
        let mut batch = Vec::new();
        loop {
            let mut queue = self.lock();
            while queue.lines.is_empty() && queue.dropped == 0 {
                if queue.closed {
                    return;
                }
                queue.asleep = true;
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            queue.asleep = false;
            batch.clear();
            std::mem::swap(&mut batch, &mut queue.lines);
            let (taken, missing) = (queue.taken, std::mem::take(&mut queue.dropped));
            drop(queue);
            if missing > 0 {
                batch.extend(dropped(missing));
            }
            // A reader that has gone is no reason to stop working; there is nobody to tell.
            let _ = write(&batch);
            self.rest(taken);
        }
    }

    fn rest(&self, done: u64) {
        let mut queue = self.lock();
        queue.done = done;
        self.written.notify_all();
        let until = Instant::now() + REST;
        while !std::mem::take(&mut queue.hurry) && !queue.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            queue = self.work.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
