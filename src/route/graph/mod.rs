//! In what order the targets of a route start: a compiled `after`, `on` and `otherwise`.
//!
//! `Graph::compile` finds every mistake at load, [`Walk`] says while an event runs which target is next and why another
//! is left out. Neither knows what a delivery is. A route whose targets all run side by side has no graph.

mod compile;
mod walk;

#[cfg(test)]
mod tests;

pub use crate::config::spec::EndSpec as TargetEnd;
pub use compile::{Arrangement, Placed};
pub use walk::{Blocked, Step, Walk};

/// The targets of a route by position, each with what it waits for.
#[derive(Debug)]
pub struct Graph {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    after: Vec<Edge>,
    /// Runs when none of these does.
    instead_of: Option<Vec<usize>>,
    /// Who is asked again when this one has ended.
    followers: Vec<usize>,
    /// Itself and what it comes after, however far: whose answers it sees.
    sees: Vec<bool>,
    /// The answer to the sender waits for it: it is required, or a required one comes after it.
    awaited: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    target: usize,
    on: Ends,
}

/// A set of ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    ok: bool,
    failed: bool,
    skipped: bool,
}

impl Ends {
    const OK: Ends = Ends { ok: true, failed: false, skipped: false };

    fn of(ends: &[TargetEnd]) -> Ends {
        Ends {
            ok: ends.contains(&TargetEnd::Ok),
            failed: ends.contains(&TargetEnd::Failed),
            skipped: ends.contains(&TargetEnd::Skipped),
        }
    }

    fn contain(self, end: TargetEnd) -> bool {
        match end {
            TargetEnd::Ok => self.ok,
            TargetEnd::Failed => self.failed,
            TargetEnd::Skipped => self.skipped,
        }
    }
}

impl Graph {
    /// Whether the answer to the sender waits for this target.
    pub fn awaits(&self, position: usize) -> bool {
        self.nodes.get(position).is_some_and(|node| node.awaited)
    }

    /// Whether `position` comes after `other`, so that it sees its answer.
    pub fn sees(&self, position: usize, other: usize) -> bool {
        position != other && self.nodes.get(position).is_some_and(|node| node.sees.get(other) == Some(&true))
    }
}
