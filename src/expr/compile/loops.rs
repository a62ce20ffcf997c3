//! Loops: the standard macros, which the parser has turned into comprehensions, and those of two names, which come as
//! plain calls.

use super::{Compiler, Use, nothing};
use crate::expr::program::{Fold, FoldKind, Op};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators};
use std::sync::Arc;

/// Loops within loops: each multiplies the work by the length of a list.
const LOOPS_MAX: usize = 2;

impl Compiler<'_> {
    /// Recognises which macro made a comprehension. Only macros make them: `@result` is no name that can be written.
    pub(super) fn comprehension(&mut self, tree: &ComprehensionExpr) -> Op {
        let (kind, filter, body) = match (&tree.accu_init.expr, &tree.loop_step.expr) {
            (Expr::Literal(LiteralValue::Boolean(init)), Expr::Call(step)) => {
                let kind = if *init.inner() { FoldKind::All } else { FoldKind::Exists };
                (kind, None, step.args.get(1))
            }
            (Expr::Literal(LiteralValue::Int(_)), Expr::Call(step)) => (FoldKind::ExistsOne, None, step.args.first()),
            (Expr::List(_), Expr::Call(step)) if step.func_name == operators::CONDITIONAL => {
                let condition = step.args.first();
                match step.args.get(1).and_then(appended) {
                    // `filter` appends the element itself, and so does `map(x, p, x)`: the same list.
                    Some(Expr::Ident(name)) if *name == tree.iter_var => (FoldKind::Filter, None, condition),
                    Some(_) => (FoldKind::List, condition, step.args.get(1).and_then(appended_node)),
                    None => (FoldKind::List, None, None),
                }
            }
            (Expr::List(_), _) => (FoldKind::List, None, appended_node(&tree.loop_step)),
            _ => (FoldKind::List, None, None),
        };
        let Some(body) = body else {
            let whole = self.whole();
            return self.mistake("expr-syntax", "this loop is not understood", None, whole);
        };
        self.fold(kind, &tree.iter_range, &[&tree.iter_var], filter, body)
    }

    /// `list.all(i, v, …)`, `transformList`, `sortBy`, …: `None` where the call is none of them.
    pub(super) fn loop_call(&mut self, call: &CallExpr, target: &IdedExpr) -> Option<Op> {
        let (kind, names, filter, body) = match (call.func_name.as_str(), call.args.as_slice()) {
            ("all", [first, second, body]) => (FoldKind::All, vec![first, second], None, body),
            ("exists", [first, second, body]) => (FoldKind::Exists, vec![first, second], None, body),
            ("exists_one" | "existsOne", [first, second, body]) => {
                (FoldKind::ExistsOne, vec![first, second], None, body)
            }
            ("transformList", [first, second, body]) => (FoldKind::List, vec![first, second], None, body),
            ("transformList", [first, second, filter, body]) => {
                (FoldKind::List, vec![first, second], Some(filter), body)
            }
            ("transformMap", [first, second, body]) => (FoldKind::Map, vec![first, second], None, body),
            ("transformMap", [first, second, filter, body]) => (FoldKind::Map, vec![first, second], Some(filter), body),
            ("transformMapEntry", [first, second, body]) => (FoldKind::Entries, vec![first, second], None, body),
            ("transformMapEntry", [first, second, filter, body]) => {
                (FoldKind::Entries, vec![first, second], Some(filter), body)
            }
            ("sortBy", [name, body]) => (FoldKind::Sort, vec![name], None, body),
            _ => return None,
        };
        let mut bound = Vec::new();
        for name in names {
            bound.push(self.bound_name(&call.func_name, name)?);
        }
        Some(self.fold(kind, target, &bound, filter, body))
    }

    /// The name that a macro binds: nothing, after a mistake, where it is not a plain one.
    pub(super) fn bound_name<'t>(&mut self, macro_name: &str, tree: &'t IdedExpr) -> Option<&'t str> {
        match &tree.expr {
            Expr::Ident(name) if !name.starts_with('.') => Some(name),
            _ => {
                let span = self.find(macro_name, Use::Member);
                self.mistake("expr-arguments", format!("`{macro_name}` binds a plain name"), None, span);
                None
            }
        }
    }

    fn fold(
        &mut self,
        kind: FoldKind,
        range: &IdedExpr,
        names: &[&str],
        filter: Option<&IdedExpr>,
        body: &IdedExpr,
    ) -> Op {
        let range = self.expression(range);
        if self.loops >= LOOPS_MAX {
            let span = self.find(names.first().copied().unwrap_or_default(), Use::Variable);
            let help = "compute the inner part in vars, or use $each".to_owned();
            self.mistake("expr-too-large", "loops nest more than two deep", help, span);
            return nothing();
        }
        let slot = self.locals.len();
        self.loops += 1;
        self.locals.extend(names.iter().map(|name| Arc::from(*name)));
        let filter = filter.map(|filter| self.expression(filter));
        let body = self.expression(body);
        self.locals.truncate(slot);
        self.loops -= 1;
        Op::Fold(Box::new(Fold { kind, range, slot, two_names: names.len() == 2, filter, body }))
    }
}

/// The x of `@result + [x]`.
fn appended_node(tree: &IdedExpr) -> Option<&IdedExpr> {
    let Expr::Call(call) = &tree.expr else { return None };
    let Expr::List(list) = &call.args.get(1)?.expr else { return None };
    list.elements.first()
}

fn appended(tree: &IdedExpr) -> Option<&Expr> {
    appended_node(tree).map(|node| &node.expr)
}
