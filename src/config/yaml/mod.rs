//! YAML text to trees whose every key and value knows its place in the file.
//!
//! The only module that knows the YAML library (serde-saphyr, under the name `serde_yaml`; see Cargo.toml). YAML 1.2:
//! `yes`, `no`, `on`, `off`, `0755` and `1_000` are strings. Anchors, aliases and merge keys work; what they blow up is
//! bounded. Duplicate keys are kept here, for all of them to be reported.

mod accident;
mod comment;
mod flow;
mod node;
mod offset;
mod problem;

pub use node::{Entry, Kind, Node, Span};
pub use offset::source_range;

use serde_yaml::{Budget, DuplicateKeyPolicy, NonFiniteFloatPolicy, Options, Spanned};

/// A configuration file is written by hand; this bounds a mistake such as a log file with a wrong name.
pub const FILE_MAX: usize = 4 << 20;

/// Nobody reads more of one file, and a file of nothing but mistakes must not take forever.
const PROBLEMS_MAX: usize = 100;

/// A mistake in the text itself, at a place of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub code: &'static str,
    pub message: String,
    pub help: Option<String>,
    pub span: Span,
    /// A warning keeps the file in use.
    pub is_warning: bool,
    /// Where the first of two equal keys is.
    pub related: Option<(Span, String)>,
}

/// What a text holds: its documents (empty ones are left out), and everything that is wrong with the text.
#[derive(Debug, Default)]
pub struct Parsed {
    pub documents: Vec<Node>,
    pub problems: Vec<Problem>,
}

/// Parses all documents of a text. After a syntax error no document is given: what follows it would be guesswork.
pub fn parse(text: &str) -> Parsed {
    match serde_yaml::from_multiple_with_options::<Spanned<Kind>>(text, options()) {
        Err(error) => Parsed { documents: Vec::new(), problems: vec![problem::explain(&error, text)] },
        Ok(roots) => {
            let documents: Vec<Node> = roots.into_iter().map(|root| Node::of_text(root, text)).collect();
            let mut problems = Vec::new();
            for document in &documents {
                problem::duplicate_keys(document, &mut problems);
                problem::imprecise_numbers(document, &mut problems);
                comment::cut_short(document, text, &mut problems);
            }
            // Through an alias the same place is met more than once.
            problems.sort_by_key(|problem| problem.span.start);
            problems.dedup();
            problems.truncate(PROBLEMS_MAX);
            Parsed { documents, problems }
        }
    }
}

fn options() -> Options {
    serde_yaml::options! {
        budget: budget(),
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        // `.inf` has no place in a configuration; as a string it is refused where a number is wanted.
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// Generous for what a person or a generator writes (ten thousand routes in one file), tight for what a text can blow up
/// to: a million nodes take about a second. What aliases bring is bounded apart, and more tightly.
fn budget() -> Option<Budget> {
    serde_yaml::budget! {
        max_nodes: 1_000_000,
        max_events: 4_000_000,
        max_depth: node::DEPTH_MAX,
        flow_nesting_limit: node::DEPTH_MAX,
        max_documents: 20_000,
        max_aliases: 5_000,
        max_anchors: 5_000,
        max_recorded_anchor_events: 200_000,
        max_total_scalar_bytes: 2 * FILE_MAX,
        max_merge_keys: 5_000,
        // One anchor used by many routes is what anchors are for; the bounds above already stop a bomb.
        enforce_alias_anchor_ratio: false,
    }
}

#[cfg(test)]
mod tests;
