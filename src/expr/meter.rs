//! What one evaluation may still spend: steps for time, bytes for memory.
//!
//! Every loop over data that comes from outside pays here *before* it runs, so that no body and no clumsy expression
//! can hold a worker for longer than tens of milliseconds.

use super::EvaluationError;
use std::cell::Cell;

/// Operations of one evaluation (or of one whole template that shares it).
pub(super) const STEPS: u64 = 1_000_000;
/// Bytes of strings, lists and output that one evaluation may make.
pub(super) const BYTES: u64 = 16 << 20;
/// A list's element or a map's value in memory.
const ELEMENT: usize = size_of::<super::Value>();

pub(super) struct Meter {
    steps_left: Cell<u64>,
    bytes_left: Cell<u64>,
}

impl Meter {
    pub(super) fn new(steps: u64, bytes: u64) -> Meter {
        Meter { steps_left: Cell::new(steps), bytes_left: Cell::new(bytes) }
    }

    /// `count` operations of roughly one element each.
    pub(super) fn steps(&self, count: usize) -> Result<(), EvaluationError> {
        spend(&self.steps_left, count as u64, "steps")
    }

    /// Looks at `length` bytes: many of them cost as much as one step.
    pub(super) fn scan(&self, length: usize) -> Result<(), EvaluationError> {
        self.steps(length / 32 + 1)
    }

    /// Makes `length` bytes.
    pub(super) fn bytes(&self, length: usize) -> Result<(), EvaluationError> {
        self.scan(length)?;
        spend(&self.bytes_left, length as u64, "memory")
    }

    /// Makes a list or map of `count` elements.
    pub(super) fn elements(&self, count: usize) -> Result<(), EvaluationError> {
        self.steps(count)?;
        spend(&self.bytes_left, count.saturating_mul(ELEMENT) as u64, "memory")
    }
}

fn spend(left: &Cell<u64>, amount: u64, what: &'static str) -> Result<(), EvaluationError> {
    match left.get().checked_sub(amount) {
        Some(rest) => {
            left.set(rest);
            Ok(())
        }
        None => {
            left.set(0);
            Err(EvaluationError::Budget(what))
        }
    }
}
