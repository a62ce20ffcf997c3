//! One route's share of an event: what each of its targets has come to, and what that comes to for the sender.

use super::answer::Ending;
use super::repeats::Progress;
use crate::deliver::{Delivered, Outcome, RawAnswer};
use crate::expr::Answer;
use crate::route::Taken;

/// One route's share of an event, in the doing and done.
pub struct Run {
    pub taken: Taken,
    pub ending: Ending,
    /// By target, in file order, as are the other two: it has the event, from this try or an earlier one.
    pub succeeded: Vec<bool>,
    /// `None` where a target gave no whole answer.
    pub answers: Vec<Option<Answer>>,
    pub raw_answers: Vec<Option<RawAnswer>>,
    /// Some delivery was attempted.
    pub attempted: bool,
}

impl Run {
    /// Where a try begins: with what earlier ones have done.
    pub fn new(taken: Taken, progress: &Progress) -> Run {
        let kept = || taken.route.targets.iter().map(|target| progress.of(&target.name));
        Run {
            ending: Ending::DELIVERED,
            succeeded: kept().map(|kept| kept.is_some()).collect(),
            answers: kept().map(|kept| kept.and_then(|kept| kept.answer.clone())).collect(),
            raw_answers: kept().map(|kept| kept.and_then(|kept| kept.raw_answer.clone())).collect(),
            attempted: false,
            taken,
        }
    }

    /// The event is with some target, or may be.
    pub fn sent_something(&self) -> bool {
        self.attempted || self.succeeded.contains(&true)
    }

    /// A target that the answer waits for has been tried, whether or not it depends on how that ended.
    pub fn note(&mut self, position: usize, is_required: bool, delivered: Delivered, deadline_passed: bool) {
        if is_required {
            self.ending = self.ending.and(Ending::of_delivery(&delivered, deadline_passed));
        }
        let places = self.succeeded.get_mut(position).zip(self.answers.get_mut(position));
        if let Some(((succeeded, answer), raw)) = places.zip(self.raw_answers.get_mut(position)) {
            *succeeded = delivered.outcome == Outcome::Success;
            // Where a dead letter makes a success of it, what the target said is no answer to the sender.
            let heard = *succeeded || !delivered.suffices();
            *answer = delivered.answer.filter(|_| heard);
            *raw = delivered.raw_answer.filter(|_| heard);
        }
    }
}
