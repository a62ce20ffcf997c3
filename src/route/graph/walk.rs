//! One event's way through a graph: which target is next.

use super::{Graph, TargetEnd};
use std::collections::VecDeque;

/// How far the targets of a route are with one event.
pub struct Walk {
    states: Vec<State>,
    /// Targets that something has changed for since they were asked.
    asked_for: VecDeque<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    /// `cause`: the failed target without which it would not have been skipped.
    Ended {
        end: TargetEnd,
        cause: Option<usize>,
    },
    /// An earlier try of the event looks after it, and after what hangs behind it.
    Elsewhere,
}

/// What is to be done with a target now. To be followed by [`Walk::begun`], [`Walk::ended`] or [`Walk::left`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Start,
    /// Because of how another one ended, or that it runs.
    Skip(Blocked),
    /// As [`Walk::left`].
    Leave,
}

/// Why a target is not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// The target that it comes after or stands in for.
    pub by: usize,
    /// How that one ended; `None`: it runs or has run, and this is `otherwise`.
    pub end: Option<TargetEnd>,
    /// The failed target without which this one would have started.
    pub cause: Option<usize>,
}

impl Walk {
    pub fn new(graph: &Graph) -> Walk {
        let targets = graph.nodes.len();
        Walk { states: vec![State::Waiting; targets], asked_for: (0..targets).collect() }
    }

    /// A target that can be decided about now.
    pub fn next(&mut self, graph: &Graph) -> Option<(usize, Step)> {
        while let Some(position) = self.asked_for.pop_front() {
            if self.states.get(position) == Some(&State::Waiting)
                && let Some(step) = self.step(position, graph)
            {
                return Some((position, step));
            }
        }
        None
    }

    pub fn begun(&mut self, position: usize, graph: &Graph) {
        self.change(position, State::Running, graph);
    }

    /// `cause` as in [`Blocked`], where it was skipped.
    pub fn ended(&mut self, position: usize, end: TargetEnd, cause: Option<usize>, graph: &Graph) {
        self.change(position, State::Ended { end, cause }, graph);
    }

    /// An earlier try of the event has begun it: that try goes on with what comes after.
    pub fn left(&mut self, position: usize, graph: &Graph) {
        self.change(position, State::Elsewhere, graph);
    }

    /// Whether something that the answer waits for has not ended.
    pub fn is_awaited(&self, graph: &Graph) -> bool {
        let open = |(position, state): (usize, &State)| {
            matches!(state, State::Waiting | State::Running) && graph.awaits(position)
        };
        self.states.iter().enumerate().any(open)
    }

    /// Whether something has not begun.
    pub fn is_waiting(&self) -> bool {
        self.states.contains(&State::Waiting)
    }

    fn change(&mut self, position: usize, state: State, graph: &Graph) {
        if let Some(known) = self.states.get_mut(position) {
            *known = state;
        }
        if let Some(node) = graph.nodes.get(position) {
            self.asked_for.extend(&node.followers);
        }
    }

    fn step(&self, position: usize, graph: &Graph) -> Option<Step> {
        let node = graph.nodes.get(position)?;
        if let Some(others) = &node.instead_of {
            return self.stand_in(others);
        }
        // All of them first: why it is skipped must not depend on which of them was faster.
        let ended: Option<Vec<(State, super::Edge)>> = node
            .after
            .iter()
            .map(|edge| {
                let state = *self.states.get(edge.target)?;
                (!matches!(state, State::Waiting | State::Running)).then_some((state, *edge))
            })
            .collect();
        let mut blocked: Option<Blocked> = None;
        for (state, edge) in ended? {
            let State::Ended { end, cause } = state else { return Some(Step::Leave) };
            if edge.on.contain(end) {
                continue;
            }
            let cause = match end {
                TargetEnd::Failed => Some(edge.target),
                TargetEnd::Ok | TargetEnd::Skipped => cause,
            };
            // Without that failure it would have ended well, and that would have been enough.
            let cause = cause.filter(|_| edge.on.ok);
            match &mut blocked {
                None => blocked = Some(Blocked { by: edge.target, end: Some(end), cause }),
                // Of several reasons one that is no failure: it would have been skipped in any case.
                Some(known) if known.cause.is_some() && cause.is_none() => {
                    *known = Blocked { by: edge.target, end: Some(end), cause };
                }
                Some(_) => {}
            }
        }
        Some(blocked.map_or(Step::Start, Step::Skip))
    }

    /// Runs when none of the others does; that one of them runs is known when it begins.
    fn stand_in(&self, others: &[usize]) -> Option<Step> {
        let mut undecided = false;
        for &other in others {
            match self.states.get(other) {
                Some(State::Waiting) => undecided = true,
                Some(State::Ended { end: TargetEnd::Skipped, .. }) | None => {}
                Some(State::Running | State::Ended { .. } | State::Elsewhere) => {
                    return Some(Step::Skip(Blocked { by: other, end: None, cause: None }));
                }
            }
        }
        (!undecided).then_some(Step::Start)
    }
}
