//! What waits to be exported: bounded, and never waited for. What does not fit is dropped and counted.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Records of one signal, already in the form in which they are sent.
pub struct Queue {
    waiting: Mutex<Waiting>,
    /// A batch is full.
    full: Notify,
    bounds: Bounds,
    /// Called with how many had to be dropped.
    dropped: Box<dyn Fn(u64) + Send + Sync>,
}

/// In records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub waiting: usize,
    pub batch: usize,
}

#[derive(Default)]
struct Waiting {
    chunks: VecDeque<Chunk>,
    records: usize,
    bytes: usize,
}

#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    records: usize,
}

/// A part of the queue, to be sent at once.
pub struct Batch {
    pub chunks: Vec<Vec<u8>>,
    pub records: usize,
}

/// Records are gathered in pieces of about this size.
const CHUNK: usize = 64 * 1024;
/// Collectors take 4 MiB at once where nothing else is said.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// Whatever the number of records is: memory for what a collector that is away will not get.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

impl Queue {
    pub fn new(bounds: Bounds, dropped: impl Fn(u64) + Send + Sync + 'static) -> Queue {
        Queue { waiting: Mutex::default(), full: Notify::new(), bounds, dropped: Box::new(dropped) }
    }

    pub fn push(&self, bytes: &[u8], records: usize) {
        let mut waiting = self.waiting();
        if waiting.records + records > self.bounds.waiting || waiting.bytes + bytes.len() > WAITING_BYTES {
            drop(waiting);
            return (self.dropped)(records as u64);
        }
        let before = waiting.records;
        waiting.records += records;
        waiting.bytes += bytes.len();
        match waiting.chunks.back_mut().filter(|chunk| chunk.bytes.len() + bytes.len() <= CHUNK) {
            Some(chunk) => {
                chunk.bytes.extend_from_slice(bytes);
                chunk.records += records;
            }
            None => waiting.chunks.push_back(Chunk { bytes: bytes.to_vec(), records }),
        }
        let is_full = before < self.bounds.batch && waiting.records >= self.bounds.batch;
        drop(waiting);
        if is_full {
            self.full.notify_one();
        }
    }

    /// Returns when a batch is full.
    pub async fn filled(&self) {
        self.full.notified().await;
    }

    /// The oldest records, about as many as a batch has; `None` where there are none.
    pub fn take(&self) -> Option<Batch> {
        let mut waiting = self.waiting();
        let mut batch = Batch { chunks: Vec::new(), records: 0 };
        let mut bytes = 0;
        while let Some(chunk) = waiting.chunks.front() {
            let fits = batch.records < self.bounds.batch && bytes + chunk.bytes.len() <= BATCH_BYTES;
            if !fits && batch.records > 0 {
                break;
            }
            let Some(chunk) = waiting.chunks.pop_front() else { break };
            bytes += chunk.bytes.len();
            batch.records += chunk.records;
            batch.chunks.push(chunk.bytes);
        }
        waiting.records -= batch.records;
        waiting.bytes -= bytes;
        (batch.records > 0).then_some(batch)
    }

    pub fn drop_records(&self, records: u64) {
        (self.dropped)(records);
    }

    /// Numbers and bytes are changed together, without anything in between that could panic.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn queue(waiting: usize, batch: usize) -> (Queue, Arc<AtomicU64>) {
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = dropped.clone();
        let count = move |records| {
            counter.fetch_add(records, Ordering::Relaxed);
        };
        (Queue::new(Bounds { waiting, batch }, count), dropped)
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let (queue, dropped) = queue(10, 100);
        queue.push(b"abc", 6);
        queue.push(b"def", 5);
        queue.push(b"ghi", 4);
        queue.push(&vec![0; WAITING_BYTES], 0);
        assert_eq!(dropped.load(Ordering::Relaxed), 5);
        let batch = queue.take().unwrap();
        assert_eq!((batch.chunks.concat(), batch.records), (b"abcghi".to_vec(), 10));
        assert!(queue.take().is_none());
        queue.push(b"more", 10);
        assert_eq!(dropped.load(Ordering::Relaxed), 5, "there is room again");
    }

    #[test]
    fn batches_are_bounded_in_bytes() {
        let (queue, _) = queue(1000, 1000);
        let record = vec![7; CHUNK];
        (0..100).for_each(|_| queue.push(&record, 1));
        let sizes: Vec<usize> = std::iter::from_fn(|| queue.take()).map(|batch| batch.records).collect();
        assert_eq!(sizes, [32, 32, 32, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_is_told_once() {
        let (queue, _) = queue(100, 10);
        queue.push(b"a", 9);
        let patience = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(patience, queue.filled()).await.is_err());
        queue.push(b"a", 1);
        queue.push(b"a", 1);
        queue.filled().await;
        assert!(tokio::time::timeout(patience, queue.filled()).await.is_err());
    }
}
