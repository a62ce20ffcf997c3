//! A tree as a straight line: constant JSON, a hole, constant JSON, a hole …
//!
//! Neighbouring constants are one chunk, across mappings and lists. What makes this more than a list of chunks is that a
//! hole may turn out empty, and its key and comma with it: they are taken back then, and the comma of the next chunk is
//! left out where nothing stands before it. Both are seen from the last byte written, because no JSON value ends with
//! `{`, `[` or `,`.

use super::tree::{Hole, Tree};
use crate::document::write_string;
use crate::expr::{Evaluation, EvaluationError, Value};
use std::sync::Arc;

/// What a hole is likely to fill, for the first size of the output.
const HOLE_SIZE: usize = 48;

pub(super) struct Program {
    steps: Vec<Step>,
    after: Box<[u8]>,
    /// Bytes of all chunks.
    constant: usize,
}

struct Step {
    before: Box<[u8]>,
    /// Bytes at the end of `before` that go when the hole is empty: `"key":`.
    key: usize,
    hole: Arc<Hole>,
}

#[derive(Default)]
struct Assembly {
    steps: Vec<Step>,
    chunk: Vec<u8>,
}

impl Program {
    pub fn new(tree: &Tree) -> Program {
        let mut assembly = Assembly::default();
        assembly.add(tree, 0);
        let chunks = assembly.steps.iter().map(|step| step.before.len());
        let constant = chunks.sum::<usize>() + assembly.chunk.len();
        Program { steps: assembly.steps, after: assembly.chunk.into(), constant }
    }

    pub fn size_hint(&self) -> usize {
        self.constant + self.steps.len() * HOLE_SIZE
    }

    /// Appends JSON; false, and nothing appended, where the whole is one hole and that is empty.
    pub fn write(&self, evaluation: &mut Evaluation<'_>, out: &mut Vec<u8>) -> Result<bool, EvaluationError> {
        let whole = self.after.is_empty() && self.steps.len() == 1;
        evaluation.spend(self.constant)?;
        for step in &self.steps {
            append_chunk(&step.before, out);
            let start = out.len();
            if step.hole.write(evaluation, out)? {
                continue;
            }
            if whole {
                return Ok(false);
            }
            out.truncate(start.saturating_sub(step.key));
            if out.last() == Some(&b',') {
                out.pop();
            }
        }
        append_chunk(&self.after, out);
        Ok(true)
    }
}

/// Without its comma where nothing stands before it.
fn append_chunk(chunk: &[u8], out: &mut Vec<u8>) {
    match (chunk, out.last()) {
        ([b',', rest @ ..], Some(b'{' | b'[')) => out.extend_from_slice(rest),
        (chunk, _) => out.extend_from_slice(chunk),
    }
}

impl Hole {
    /// Appends JSON; false, and nothing appended, where it is empty.
    fn write(&self, evaluation: &mut Evaluation<'_>, out: &mut Vec<u8>) -> Result<bool, EvaluationError> {
        let start = out.len();
        match self {
            Hole::Value(expression) => {
                let Some(value) = expression.evaluate(evaluation)?.present() else { return Ok(false) };
                match &value {
                    Value::Secret(_, shown) if evaluation.shown => write_string(shown, out),
                    value => value.write_json(out)?,
                }
            }
            Hole::Text(text) => {
                let Some(rendered) = text.rendered(evaluation)? else { return Ok(false) };
                write_string(rendered.real(), out);
            }
            Hole::Each(each) => {
                out.push(b'[');
                let present = each.run(evaluation, &mut |value, evaluation| {
                    let start = out.len();
                    if out.last() != Some(&b'[') {
                        out.push(b',');
                    }
                    if !value.program.write(evaluation, out)? {
                        out.truncate(start);
                    }
                    Ok(())
                })?;
                match present {
                    true => out.push(b']'),
                    false => out.truncate(start),
                }
                return Ok(present);
            }
        }
        evaluation.spend(out.len() - start)?;
        Ok(true)
    }
}

impl Assembly {
    /// `key`: bytes at the end of the chunk that belong to the value that comes now.
    fn add(&mut self, tree: &Tree, key: usize) {
        match tree {
            Tree::Constant(constant) => self.chunk.extend_from_slice(constant.json.to_string().as_bytes()),
            Tree::Hole(hole) => {
                let before = std::mem::take(&mut self.chunk).into();
                self.steps.push(Step { before, key, hole: hole.clone() });
            }
            Tree::List(items) => {
                self.chunk.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    self.separate(index);
                    self.add(item, 0);
                }
                self.chunk.push(b']');
            }
            Tree::Map(entries) => {
                self.chunk.push(b'{');
                for (index, (name, value)) in entries.iter().enumerate() {
                    self.separate(index);
                    let start = self.chunk.len();
                    write_string(name, &mut self.chunk);
                    self.chunk.push(b':');
                    self.add(value, self.chunk.len() - start);
                }
                self.chunk.push(b'}');
            }
        }
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.chunk.push(b',');
        }
    }
}
