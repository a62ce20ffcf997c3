//! What was written as a tree: constants, mappings, lists, and holes that an event fills.

use super::each::{self, Each};
use crate::diagnostic::At;
use crate::document::Document;
use crate::expr::{Environment, Evaluation, EvaluationError, Expression, Input, Reads, Value};
use crate::transform::escape::Escape;
use crate::transform::pieces::{self, Content};
use crate::transform::text::Text;
use serde_json::Value as Written;
use std::sync::Arc;

/// Nesting that no real body has; compiling and rendering recurse this deep.
const DEPTH_MAX: usize = 64;

/// Counted for an entry of a value that is built in memory, so that a loop over much data ends.
const ENTRY_COST: usize = 32;

pub(super) enum Tree {
    Constant(Constant),
    Map(Vec<(Arc<str>, Tree)>),
    List(Vec<Tree>),
    Hole(Arc<Hole>),
}

/// A part with nothing to evaluate in it.
pub(super) struct Constant {
    pub json: Written,
    value: Value,
}

/// What an event fills.
pub(super) enum Hole {
    Value(Expression),
    /// Never empty: mixed text, or a reference.
    Text(Text),
    Each(Box<Each>),
}

impl Tree {
    pub fn compile(written: &Written, depth: usize, environment: &Environment<'_>, at: &At<'_>) -> Option<Tree> {
        if depth >= DEPTH_MAX {
            at.error("shape-too-deep", format!("nested deeper than {DEPTH_MAX} levels"), None);
            return None;
        }
        match written {
            Written::Null | Written::Bool(_) | Written::Number(_) => Some(Tree::constant(written.clone())),
            Written::String(text) => Tree::leaf(text, environment, at),
            Written::Array(items) => Tree::list(items, depth, environment, at),
            Written::Object(entries) if entries.keys().any(|key| is_like_directive(key)) => {
                let each = Each::compile(entries, depth, environment, at)?;
                Some(Tree::Hole(Arc::new(Hole::Each(Box::new(each)))))
            }
            Written::Object(entries) => Tree::map(entries, depth, environment, at),
        }
    }

    fn constant(json: Written) -> Tree {
        let value = match &json {
            Written::Null => Value::Null,
            Written::Bool(bool) => Value::Bool(*bool),
            Written::String(text) => Value::String(text.as_str().into()),
            json => Value::Node(Document::from_value(json).root().handle()),
        };
        Tree::Constant(Constant { json, value })
    }

    fn leaf(written: &str, environment: &Environment<'_>, at: &At<'_>) -> Option<Tree> {
        let parts = pieces::cut(written, environment, at)?;
        if parts.iter().all(|part| matches!(part.content, Content::Literal(_))) {
            let text = Text::new(parts, Escape::None);
            let constant = text.constant().map(|known| known.real().to_owned());
            return Some(Tree::constant(Written::String(constant.unwrap_or_default())));
        }
        let hole = match Text::new(parts, Escape::None).into_whole() {
            Ok(expression) => Hole::Value(expression),
            Err(text) => Hole::Text(text),
        };
        Some(Tree::Hole(Arc::new(hole)))
    }

    fn list(items: &[Written], depth: usize, environment: &Environment<'_>, at: &At<'_>) -> Option<Tree> {
        let compiled = items.iter().enumerate();
        let compiled = compiled.map(|(index, item)| Tree::compile(item, depth + 1, environment, &at.index(index)));
        // Collected before it is looked at, so that every mistake is reported.
        let compiled: Vec<Option<Tree>> = compiled.collect();
        let trees = compiled.into_iter().collect::<Option<Vec<Tree>>>()?;
        let constants = trees.iter().map(Tree::as_constant).collect::<Option<Vec<Written>>>();
        Some(match constants {
            Some(constants) => Tree::constant(Written::Array(constants)),
            None => Tree::List(trees),
        })
    }

    fn map(
        entries: &serde_json::Map<String, Written>,
        depth: usize,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Tree> {
        let compiled = entries.iter().map(|(key, written)| {
            let literal = literal_key(key, at);
            let tree = Tree::compile(written, depth + 1, environment, &at.key(key))?;
            literal.then(|| (Arc::from(key.as_str()), tree))
        });
        let compiled: Vec<Option<(Arc<str>, Tree)>> = compiled.collect();
        let trees = compiled.into_iter().collect::<Option<Vec<(Arc<str>, Tree)>>>()?;
        let constants = trees.iter().map(|(key, tree)| Some((key.to_string(), tree.as_constant()?)));
        Some(match constants.collect::<Option<serde_json::Map<String, Written>>>() {
            Some(constants) => Tree::constant(Written::Object(constants)),
            None => Tree::Map(trees),
        })
    }

    fn as_constant(&self) -> Option<Written> {
        match self {
            Tree::Constant(constant) => Some(constant.json.clone()),
            Tree::Map(_) | Tree::List(_) | Tree::Hole(_) => None,
        }
    }

    pub fn reads(&self) -> Reads {
        match self {
            Tree::Constant(_) => Reads::default(),
            Tree::Map(entries) => entries.iter().map(|(_, tree)| tree.reads()).fold(Reads::default(), Reads::and),
            Tree::List(items) => items.iter().map(Tree::reads).fold(Reads::default(), Reads::and),
            Tree::Hole(hole) => hole.reads(),
        }
    }

    pub fn inputs<'x>(&'x self, visit: &mut dyn FnMut(Input<'x>)) {
        match self {
            Tree::Constant(_) => {}
            Tree::Map(entries) => entries.iter().for_each(|(_, tree)| tree.inputs(visit)),
            Tree::List(items) => items.iter().for_each(|tree| tree.inputs(visit)),
            Tree::Hole(hole) => match &**hole {
                Hole::Value(expression) => expression.inputs(visit),
                Hole::Text(text) => text.inputs(visit),
                Hole::Each(each) => each.inputs(visit),
            },
        }
    }

    /// The expression that the whole is, for an error about its absence.
    pub fn source(&self) -> &str {
        match self {
            Tree::Hole(hole) => match &**hole {
                Hole::Value(expression) => expression.source().trim(),
                Hole::Each(each) => each.source(),
                Hole::Text(_) => "",
            },
            Tree::Constant(_) | Tree::Map(_) | Tree::List(_) => "",
        }
    }

    pub fn may_be_map(&self) -> bool {
        match self {
            Tree::Constant(constant) => constant.json.is_object(),
            Tree::Map(_) => true,
            Tree::List(_) => false,
            Tree::Hole(hole) => matches!(**hole, Hole::Value(_)),
        }
    }

    pub fn value(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, EvaluationError> {
        match self {
            Tree::Constant(constant) => Ok(constant.value.clone()),
            Tree::Hole(hole) => hole.value(evaluation),
            Tree::List(trees) => {
                let mut items = Vec::with_capacity(trees.len());
                for tree in trees {
                    evaluation.spend(ENTRY_COST)?;
                    items.extend(tree.value(evaluation)?.present());
                }
                Ok(Value::List(Arc::new(items)))
            }
            Tree::Map(trees) => {
                let mut entries = Vec::with_capacity(trees.len());
                for (key, tree) in trees {
                    evaluation.spend(ENTRY_COST + key.len())?;
                    if let Some(value) = tree.value(evaluation)?.present() {
                        entries.push((Value::String(key.clone()), value));
                    }
                }
                Ok(Value::Map(Arc::new(entries)))
            }
        }
    }
}

impl Hole {
    fn reads(&self) -> Reads {
        match self {
            Hole::Value(expression) => expression.reads(),
            Hole::Text(text) => text.reads(),
            Hole::Each(each) => each.reads(),
        }
    }

    fn value(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, EvaluationError> {
        match self {
            Hole::Value(expression) => expression.evaluate(evaluation),
            Hole::Text(text) => text.value(evaluation),
            Hole::Each(each) => {
                let mut items = Vec::new();
                let present = each.run(evaluation, &mut |value, evaluation| {
                    evaluation.spend(ENTRY_COST)?;
                    items.extend(value.value(evaluation)?.present());
                    Ok(())
                })?;
                Ok(if present { Value::List(Arc::new(items)) } else { Value::Optional(None) })
            }
        }
    }
}

/// Keys are literal: a name that comes from an event is a matter of CEL, where it is seen to be computed.
fn literal_key(key: &str, at: &At<'_>) -> bool {
    if !key.contains("${") {
        return true;
    }
    let help = "make the mapping in CEL, as in '${{body.name: body.value}}'";
    key_error(key, at, "shape-key", format!("`{key}`: `${{…}}` cannot stand in a key"), help);
    false
}

/// An error about a key of the mapping at `at`.
pub(super) fn key_error(key: &str, at: &At<'_>, code: &'static str, message: String, help: impl Into<String>) {
    at.key(key).error_on_key(code, message, help.into());
}

/// Keys with `$` are meant as directives, known or not; `${` is an expression in a key.
fn is_like_directive(key: &str) -> bool {
    key.starts_with('$') && !key.contains("${")
}

pub(super) fn is_directive(key: &str) -> bool {
    each::DIRECTIVES.contains(&key)
}
