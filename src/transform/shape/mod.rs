//! A value of any shape with `${…}` in its strings and `$each` in its lists: a transform's body, a var, an answer.
//!
//! Two forms of the same thing: a tree (for `vars`, where values keep their CEL types) and a program made from it that
//! writes JSON straight to the output, with everything constant joined beforehand. The program is the hot path.

mod each;
mod program;
mod tree;

use self::program::Program;
use self::tree::Tree;
use crate::diagnostic::At;
use crate::expr::{Environment, Evaluation, EvaluationError, Input, Reads, Value};

/// A value of any shape with `${…}` in its strings and `$each` in its lists: a transform's body, a var, a respond body.
///
/// An empty optional drops its key or its element. Keys are literal.
pub struct Shape {
    tree: Tree,
    program: Program,
    reads: Reads,
}

impl Shape {
    pub fn compile(written: &serde_json::Value, environment: &Environment<'_>, at: &At<'_>) -> Option<Shape> {
        Shape::compile_nested(written, 0, environment, at)
    }

    fn compile_nested(
        written: &serde_json::Value,
        depth: usize,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Shape> {
        let tree = Tree::compile(written, depth, environment, at)?;
        let program = Program::new(&tree);
        let reads = tree.reads();
        Some(Shape { tree, program, reads })
    }

    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// As [`crate::expr::Expression::inputs`], of all its expressions.
    pub fn inputs<'x>(&'x self, visit: &mut dyn FnMut(Input<'x>)) {
        self.tree.inputs(visit);
    }

    /// Appends JSON straight to the output. After an error the output is of no use.
    ///
    /// # Errors
    ///
    /// What an expression failed with; [`EvaluationError::Absent`] where the whole is one empty optional.
    pub fn write_json(&self, evaluation: &mut Evaluation<'_>, out: &mut Vec<u8>) -> Result<(), EvaluationError> {
        out.reserve(self.program.size_hint());
        match self.program.write(evaluation, out)? {
            true => Ok(()),
            false => Err(EvaluationError::Absent { path: self.tree.source().to_owned() }),
        }
    }

    /// As a value (for `vars`): what is one expression keeps its type, an empty optional stays one.
    pub fn value(&self, evaluation: &mut Evaluation<'_>) -> Result<Value, EvaluationError> {
        self.tree.value(evaluation)
    }

    /// A mapping, or something that only an event can tell.
    pub(super) fn may_be_map(&self) -> bool {
        self.tree.may_be_map()
    }
}

#[cfg(test)]
mod tests;
