//! What of an answer counts as delivered: statuses, or a condition over `answer`.

use super::statuses::{self, StatusSet};
use crate::config;
use crate::config::spec::{OneOrMany, StatusSpec};
use crate::diagnostic::At;
use crate::expr::{Answer, Condition, Environment, Evaluation, EvaluationError, Reads, Verdict};
use std::ops::RangeInclusive;

/// Every success status of HTTP (RFC 9110, section 15.3).
const USUAL: RangeInclusive<u16> = 200..=299;

#[derive(Default)]
pub(super) enum Success {
    /// Not written: [`USUAL`].
    #[default]
    Usual,
    Statuses(Box<StatusSet>),
    Condition(Box<Condition>),
}

impl Success {
    pub(super) fn compile(
        written: &OneOrMany<StatusSpec>,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Success> {
        if let [StatusSpec::Text(text)] = written.as_slice()
            && !text.starts_with("${env:")
            && !text.starts_with("${file:")
            && !statuses::looks_like_status(text)
            && statuses::parse_text(text).is_err()
        {
            let at = entry(written, 0, at);
            let environment = Environment { answer: true, ..environment.clone() };
            return Condition::compile(text, false, &environment, &at).map(Box::new).map(Success::Condition);
        }
        let mut set = StatusSet::EMPTY;
        let mut whole = true;
        for (index, status) in written.as_slice().iter().enumerate() {
            match range(status, &entry(written, index, at)) {
                Some(range) => set.insert(range),
                None => whole = false,
            }
        }
        whole.then(|| Success::Statuses(Box::new(set)))
    }

    pub(super) fn reads(&self) -> Reads {
        match self {
            Success::Usual | Success::Statuses(_) => Reads::default(),
            Success::Condition(condition) => condition.reads(),
        }
    }

    /// By the status alone; `None` where a condition has to look at the answer.
    pub(super) fn by_status(&self, status: u16) -> Option<bool> {
        match self {
            Success::Usual => Some(USUAL.contains(&status)),
            Success::Statuses(set) => Some(set.contains(status)),
            Success::Condition(_) => None,
        }
    }

    /// With `answer` in the evaluation's scope. A key that the answer does not have makes it a failure.
    pub(super) fn by_answer(&self, answer: &Answer, evaluation: &mut Evaluation<'_>) -> Result<bool, EvaluationError> {
        match self {
            Success::Usual => Ok(USUAL.contains(&answer.status)),
            Success::Statuses(set) => Ok(set.contains(answer.status)),
            Success::Condition(condition) => Ok(condition.evaluate(evaluation)? == Verdict::True),
        }
    }
}

fn entry<'a>(written: &OneOrMany<StatusSpec>, index: usize, at: &At<'a>) -> At<'a> {
    match written {
        OneOrMany::One(_) => at.clone(),
        OneOrMany::Many(_) => at.index(index),
    }
}

fn range(status: &StatusSpec, at: &At<'_>) -> Option<std::ops::RangeInclusive<u16>> {
    let parsed = match status {
        StatusSpec::Code(_) => statuses::parse(status),
        StatusSpec::Text(text) => statuses::parse_text(&config::plain(text, at)?),
    };
    let help = "a condition over `answer` stands alone: success: answer.status == 200 && answer.body.ok";
    parsed.map_err(|error| at.error("success", error.to_string(), Some(help.to_owned()))).ok()
}
