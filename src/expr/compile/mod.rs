//! A syntax tree to a program: names become slots, functions pointers, constants are folded, and every mistake that can
//! be known at load is reported where it stands.

use super::lexis::{Token, TokenKind};
use super::meter::Meter;
use super::parse::{Mistake, parse};
use super::program::{Entry, Op, Step};
use super::value::Value;
use super::{AnswersRead, Environment, Reads};
use crate::diagnostic::At;
use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, ListExpr, LiteralValue, MapExpr, SelectExpr};
use std::sync::Arc;

mod calls;
mod forms;
mod loops;
mod names;

/// Nodes of a tree, as written: what macros add is not counted.
const NODES_MAX: usize = 500;

pub(super) fn compile(source: &str, offset: usize, environment: &Environment<'_>, at: &At<'_>) -> Option<(Op, Reads)> {
    let (tree, tokens) = match parse(source) {
        Ok(parsed) => parsed,
        Err(Mistake { code, message, help, span }) => {
            at.error_inside(code, message, help, (span.0 + offset, span.1 + offset));
            return None;
        }
    };
    let locals = environment.locals.iter().map(|name| Arc::from(name.as_str())).collect();
    let mut compiler = Compiler {
        environment,
        at,
        source,
        offset,
        tokens,
        locals,
        loops: 0,
        nodes: 0,
        whole_requests: 0,
        whole_tables: 0,
        whole_answers: 0,
        reads: Reads::default(),
        failed: false,
    };
    let op = compiler.expression(&tree);
    compiler.reads.volatile |= compiler.whole_requests > 0;
    if compiler.whole_answers > 0 {
        compiler.reads.answers = AnswersRead::ALL;
    }
    if compiler.whole_tables > 0
        && let Some(read) = environment.tables_read
    {
        read.any();
    }
    (!compiler.failed).then_some((op, compiler.reads))
}

struct Compiler<'c> {
    environment: &'c Environment<'c>,
    at: &'c At<'c>,
    source: &'c str,
    /// Where the source starts in its scalar.
    offset: usize,
    tokens: Vec<Token>,
    /// Names in scope, outermost first: their positions are the slots.
    locals: Vec<Arc<str>>,
    /// Loops around what is being compiled.
    loops: usize,
    nodes: usize,
    /// Uses of `request` that are not narrowed to one of its fields: the time is among them.
    whole_requests: usize,
    /// Uses of `tables` that are not narrowed to one of them.
    whole_tables: usize,
    /// Uses of `answers` that are not narrowed to one of them.
    whole_answers: usize,
    reads: Reads,
    failed: bool,
}

/// How a name is used, to find its place in the source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Variable,
    /// After a dot.
    Member,
    /// As a string.
    Literal,
}

impl Compiler<'_> {
    /// The program of a node. After a mistake it goes on with a null, so that all of them are reported at once.
    fn expression(&mut self, tree: &IdedExpr) -> Op {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            if self.nodes == NODES_MAX + 1 {
                let help = "split it: vars are computed once";
                let whole = self.whole();
                self.mistake("expr-too-large", "the expression has more than 500 parts", help.to_owned(), whole);
            }
            return nothing();
        }
        match &tree.expr {
            Expr::Literal(value) => Op::Constant(literal(value)),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.list(list),
            Expr::Map(map) => self.map(map),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(message) => {
                let span = self.find(&message.type_name, Use::Variable);
                let help = "write a map: {\"key\": value}".to_owned();
                let message = format!("`{}{{…}}`: messages cannot be built here", message.type_name);
                self.mistake("expr-syntax", message, help, span)
            }
            Expr::Unspecified => {
                let whole = self.whole();
                self.mistake("expr-syntax", "this is not an expression", None, whole)
            }
        }
    }

    fn boxed(&mut self, tree: &IdedExpr) -> Box<Op> {
        Box::new(self.expression(tree))
    }

    fn select(&mut self, select: &SelectExpr) -> Op {
        if let Some(type_name) = self.qualified_type(select) {
            return Op::Constant(Value::Type(type_name));
        }
        let base = self.expression(&select.operand);
        if select.test {
            return match self.place_of(&base, &select.field, Use::Member) {
                Some(place) => Op::IsThere(place),
                None => Op::Has(Box::new(base), select.field.as_str().into()),
            };
        }
        self.member(base, &select.field, Use::Member)
    }

    /// `base.key`, also written `base["key"]`.
    fn member(&mut self, base: Op, key: &str, written: Use) -> Op {
        if let Some(place) = self.place_of(&base, key, written) {
            return Op::Read(place);
        }
        self.check_table(&base, key, written);
        step(base, Step::Field(key.into()))
    }

    /// `base[key]`
    fn index(&mut self, base: &IdedExpr, key: &IdedExpr) -> Op {
        let base = self.expression(base);
        match self.expression(key) {
            Op::Constant(Value::String(key)) => self.member(base, &key, Use::Literal),
            Op::Constant(Value::Int(index)) if index >= 0 => step(base, Step::At(index as usize)),
            key => Op::Index(Box::new(base), Box::new(key)),
        }
    }

    /// `base.?key`, `base[?key]`
    fn optional_index(&mut self, base: &IdedExpr, key: &IdedExpr) -> Op {
        let base = self.expression(base);
        let key = self.expression(key);
        if let Op::Constant(Value::String(name)) = &key {
            if let Some(place) = self.place_of(&base, name, Use::Member) {
                return Op::ReadOptional(place);
            }
            self.check_table(&base, name, Use::Member);
        }
        Op::OptionalIndex(Box::new(base), Box::new(key))
    }

    fn list(&mut self, list: &ListExpr) -> Op {
        let elements = list.elements.iter().enumerate();
        let elements: Vec<(Op, bool)> = elements
            .map(|(index, element)| (self.expression(element), list.optional_indices.contains(&index)))
            .collect();
        if elements.iter().any(|(op, optional)| *optional || !matches!(op, Op::Constant(_))) {
            return Op::List(elements.into());
        }
        Op::Constant(Value::list(elements.into_iter().filter_map(|(op, _)| constant(op)).collect()))
    }

    fn map(&mut self, map: &MapExpr) -> Op {
        let mut entries = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            if let EntryExpr::MapEntry(entry) = &entry.expr {
                let key = self.expression(&entry.key);
                let value = self.expression(&entry.value);
                entries.push(Entry { key, value, optional: entry.optional });
            }
        }
        Op::Map(entries.into())
    }

    /// The place of a name in the source: its first use of that kind, or the whole.
    fn find(&self, name: &str, written: Use) -> (usize, usize) {
        // A qualified name is found by its first part, `.x` by x.
        let name = name.trim_start_matches('.').split('.').next().unwrap_or(name);
        let position = self.tokens.iter().enumerate().position(|(index, token)| {
            let text = self.source.get(token.start..token.end).unwrap_or_default();
            let before = index.checked_sub(1).and_then(|index| self.tokens.get(index)).map(|token| token.kind);
            let further = index.checked_sub(2).and_then(|index| self.tokens.get(index)).map(|token| token.kind);
            let after_dot = before == Some(TokenKind::Symbol(b'.'))
                || before == Some(TokenKind::Symbol(b'?')) && further == Some(TokenKind::Symbol(b'.'));
            match written {
                Use::Variable => token.kind == TokenKind::Name && text == name && !after_dot,
                Use::Member => after_dot && text.trim_matches('`') == name || is_literal(token.kind, text, name),
                Use::Literal => is_literal(token.kind, text, name),
            }
        });
        match position.and_then(|position| self.tokens.get(position)) {
            Some(token) => (token.start, token.end),
            None => self.whole(),
        }
    }

    fn whole(&self) -> (usize, usize) {
        let start = self.tokens.first().map_or(0, |token| token.start);
        (start, self.tokens.last().map_or(self.source.len(), |token| token.end))
    }

    fn mistake(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
        span: (usize, usize),
    ) -> Op {
        self.failed = true;
        self.at.error_inside(code, message, help, (span.0 + self.offset, span.1 + self.offset));
        nothing()
    }
}

/// Stands where a mistake was.
fn nothing() -> Op {
    Op::Constant(Value::Null)
}

fn is_literal(kind: TokenKind, text: &str, content: &str) -> bool {
    kind == TokenKind::String && text.trim_start_matches(['r', 'R']).trim_matches(['"', '\'']) == content
}

/// One more step down; paths of constants are one node.
fn step(base: Op, next: Step) -> Op {
    match base {
        Op::Path(base, steps) => {
            let mut steps = steps.into_vec();
            steps.push(next);
            Op::Path(base, steps.into())
        }
        base => Op::Path(Box::new(base), Box::new([next])),
    }
}

fn constant(op: Op) -> Option<Value> {
    match op {
        Op::Constant(value) => Some(value),
        _ => None,
    }
}

/// For folding constants: what costs more is computed when it is needed.
fn folding() -> Meter {
    Meter::new(10_000, 64 * 1024)
}

fn literal(value: &LiteralValue) -> Value {
    match value {
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Bytes(bytes) => Value::Bytes(bytes.inner().into()),
        LiteralValue::Double(value) => Value::Double(*value.inner()),
        LiteralValue::Int(value) => Value::Int(*value.inner()),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(text) => Value::from(text.inner()),
        LiteralValue::UInt(value) => Value::Uint(*value.inner()),
    }
}
