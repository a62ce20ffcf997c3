//! What could not be delivered, kept for somebody to look at: one record for each delivery that failed for good.
//!
//! [`DeadLetter`] is what is known when a delivery ends, [`Letter`] the line made of it, [`Record`] that line read again by
//! `replay`. A target that is named as a `dead_letter` gets the line: over HTTP as the body, in a file or on standard
//! output as it is.

mod read;
mod rules;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Record, RecordError};
pub(super) use rules::{fits, refuse_keys};

use super::{Attempt, NotBuilt, Outbound, Target, id};
use crate::body::Parsed;
use crate::document::Document;
use crate::event::Event;
use crate::expr::Scope;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use std::sync::Arc;

/// The version of the record's form, for those that read it.
const VERSION: u32 = 1;

/// A delivery that failed for good.
pub struct DeadLetter<'a> {
    /// When it was given up.
    pub time: DateTime<Utc>,
    /// Of the delivery: the `webhook-id` that its target saw, or would have seen.
    pub id: &'a str,
    pub route: &'a str,
    /// The target that does not have the event. What `verify` used as a credential is known to it, and left out.
    pub target: &'a Target,
    pub labels: &'a [(CompactString, String)],
    pub event: &'a Event,
    pub attempts: &'a [Attempt],
    /// Why there is no further attempt.
    pub reason: &'a str,
    pub trace_id: &'a str,
}

/// The record as one line, and as the event that a dead letter's expressions see: the record is its `body`.
pub struct Letter {
    event: Arc<Event>,
    /// Of the delivery that failed.
    id: String,
}

/// A dead letter that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub target: CompactString,
    /// It counts as success for the sender (`required` is not `strict`).
    pub suffices: bool,
}

impl Letter {
    pub fn new(dead: &DeadLetter<'_>) -> Letter {
        let (line, body) = dead.to_line();
        let parsed = Some(Parsed { text: line.clone(), body });
        Letter { event: Arc::new(Event { bytes: line, parsed, ..dead.event.clone() }), id: dead.id.to_owned() }
    }

    /// What the expressions of a dead letter see, and what is sent where it has no transform.
    pub fn event(&self) -> &Arc<Event> {
        &self.event
    }

    /// One line of JSON, without its line feed.
    pub fn line(&self) -> &Bytes {
        &self.event.bytes
    }
}

impl Target {
    /// The request that brings a record to this target, which is a dead letter. `scope` has the letter's event.
    ///
    /// Its id is made of that of the delivery, so that two targets that share a dead letter do not look like repeats.
    ///
    /// # Errors
    /// As [`Target::prepare`].
    pub fn prepare_letter(&self, scope: Scope<'_>, letter: &Letter) -> Result<Outbound, NotBuilt> {
        let id = id::delivery_id(scope.route, &self.name, &letter.id);
        self.prepare_as(scope, &letter.event, id)
    }
}

impl DeadLetter<'_> {
    /// The record and what it holds. A body that would make it something else than one line of JSON stands in it as text.
    fn to_line(&self) -> (Bytes, Document) {
        for form in [write::Form::Value, write::Form::Text] {
            let line = Bytes::from(write::record(self, form));
            if let Ok(document) = Document::parse(line.clone()) {
                return (line, document);
            }
        }
        // The second form is made of strings alone; larger than any text that is parsed, it is still what is kept.
        (Bytes::from(write::record(self, write::Form::Text)), Document::null())
    }
}
