//! Calls that are more than functions: they take a literal, bind a name, or evaluate an argument only where it is needed.

use super::{Compiler, Use, nothing};
use crate::expr::program::{Op, OptionalMap, OrElse};
use crate::expr::scan::is_variable_name;
use crate::expr::value::Value;
use crate::secret::Reference;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr};
use regex::RegexBuilder;
use std::sync::Arc;

/// Bytes of a compiled pattern.
const PATTERN_MAX: usize = 256 * 1024;

/// Names that are no functions of the table, for suggestions.
pub(super) const NAMES: [&str; 22] = [
    "has",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
    "sortBy",
    "transformList",
    "transformMap",
    "transformMapEntry",
    "optMap",
    "optFlatMap",
    "or",
    "orValue",
    "matches",
    "env",
    "file",
    "now",
    "uuid",
    "cel.bind",
    "existsOne",
    "in",
];

/// How a form is written.
pub(super) fn usage(name: &str) -> Option<&'static str> {
    Some(match name {
        "has" => "write has(body.key)",
        "all" => "write list.all(x, condition)",
        "exists" => "write list.exists(x, condition)",
        "exists_one" | "existsOne" => "write list.exists_one(x, condition)",
        "map" => "write list.map(x, value) or list.map(x, condition, value)",
        "filter" => "write list.filter(x, condition)",
        "sortBy" => "write list.sortBy(x, key)",
        "transformList" => "write list.transformList(index, x, value)",
        "transformMap" => "write map.transformMap(key, x, value)",
        "transformMapEntry" => "write map.transformMapEntry(key, x, {newKey: value})",
        "optMap" | "optFlatMap" => "write optional.optMap(x, value)",
        "or" => "write optional.or(optional); for conditions it is ||",
        "orValue" => "write optional.orValue(value), as in body.?key.orValue(\"-\")",
        "matches" => "write string.matches(\"pattern\")",
        "env" => "write env(\"NAME\")",
        "file" => "write file(\"PATH\")",
        "now" => "write now()",
        "uuid" => "write uuid()",
        "cel.bind" => "write cel.bind(name, value, expression)",
        _ => return None,
    })
}

impl Compiler<'_> {
    /// Forms that are not called on a value.
    pub(super) fn form(&mut self, name: &str, arguments: &[IdedExpr]) -> Option<Op> {
        match (name, arguments) {
            ("env", [argument]) => Some(self.environment_variable(argument)),
            ("file", [argument]) => Some(self.file(argument)),
            ("matches", [text, pattern]) => Some(self.matches(text, pattern)),
            ("now", []) => {
                self.reads.volatile = true;
                Some(Op::Now)
            }
            ("uuid", []) => {
                self.reads.volatile = true;
                Some(Op::Uuid)
            }
            _ => None,
        }
    }

    pub(super) fn method_form(&mut self, call: &CallExpr, target: &IdedExpr) -> Option<Op> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            ("matches", [pattern]) => Some(self.matches(target, pattern)),
            ("or", [other]) => Some(Op::OrElse(self.boxed(target), self.boxed(other), OrElse::Optional)),
            ("orValue", [other]) => Some(Op::OrElse(self.boxed(target), self.boxed(other), OrElse::Value)),
            (name @ ("optMap" | "optFlatMap"), [bound, body]) => {
                let target = self.expression(target);
                let flat = name == "optFlatMap";
                let Some(bound) = self.bound_name(name, bound) else { return Some(nothing()) };
                let slot = self.locals.len();
                self.locals.push(Arc::from(bound));
                let body = self.expression(body);
                self.locals.truncate(slot);
                Some(Op::OptionalMap(Box::new(OptionalMap { target, slot, body, flat })))
            }
            _ => None,
        }
    }

    /// `cel.bind(name, value, body)`
    pub(super) fn bind(&mut self, arguments: &[IdedExpr]) -> Op {
        let [name, value, body] = arguments else {
            let span = self.find("bind", Use::Member);
            let help = usage("cel.bind").map(str::to_owned);
            return self.mistake("expr-arguments", "`cel.bind` takes 3 arguments", help, span);
        };
        let value = self.boxed(value);
        let Some(name) = self.bound_name("bind", name) else { return nothing() };
        let slot = self.locals.len();
        self.locals.push(Arc::from(name));
        let body = self.boxed(body);
        self.locals.truncate(slot);
        Op::Bind(slot, value, body)
    }

    /// A pattern is compiled once, at load, and bounded in size; the regex crate matches in linear time.
    fn matches(&mut self, text: &IdedExpr, pattern: &IdedExpr) -> Op {
        let text = self.boxed(text);
        let span = self.matches_span();
        let Op::Constant(Value::String(pattern)) = self.expression(pattern) else {
            let help =
                "write the pattern as a string; to compare with a value use ==, contains or startsWith".to_owned();
            return self.mistake("expr-not-literal", "`matches` takes a literal pattern", help, span);
        };
        match RegexBuilder::new(&pattern).size_limit(PATTERN_MAX).dfa_size_limit(4 * PATTERN_MAX).build() {
            Ok(pattern) => Op::Matches(text, Box::new(pattern)),
            Err(error) => {
                // The last line says what is wrong; those before draw the pattern.
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                let help = "patterns are those of RE2, without look-around and back-references".to_owned();
                self.mistake("expr-pattern", format!("the pattern is not a regular expression: {reason}"), help, span)
            }
        }
    }

    fn matches_span(&self) -> (usize, usize) {
        let as_method = self.find("matches", Use::Member);
        if as_method == self.whole() { self.find("matches", Use::Variable) } else { as_method }
    }

    fn environment_variable(&mut self, argument: &IdedExpr) -> Op {
        let Some(name) = self.literal_argument("env", argument) else { return nothing() };
        if !is_variable_name(&name) {
            let span = self.find(&name, Use::Literal);
            let message = format!("`{name}` is not the name of an environment variable");
            return self.mistake("expr-reference", message, None, span);
        }
        self.reference(Reference::Env { name: name.to_string(), default: None }, &name)
    }

    fn file(&mut self, argument: &IdedExpr) -> Op {
        let Some(path) = self.literal_argument("file", argument) else { return nothing() };
        self.reference(Reference::File { path: path.to_string() }, &path)
    }

    fn literal_argument(&mut self, form: &str, argument: &IdedExpr) -> Option<Arc<str>> {
        // A plain name is most often a forgotten quote: better said so than as an unknown variable.
        if let (Expr::Ident(name), false) = (&argument.expr, matches!(argument.expr, Expr::Literal(_))) {
            let span = self.find(form, Use::Variable);
            let help = format!("write {form}(\"{name}\")");
            self.mistake("expr-not-literal", format!("`{form}` takes a literal string"), help, span);
            return None;
        }
        match self.expression(argument) {
            Op::Constant(Value::String(text)) if !text.is_empty() => Some(text),
            _ => {
                let span = self.find(form, Use::Variable);
                self.mistake("expr-not-literal", format!("`{form}` takes a literal string"), None, span);
                None
            }
        }
    }

    fn reference(&mut self, reference: Reference, written: &str) -> Op {
        match self.at.references.resolve(&reference) {
            Ok(secret) => Op::Secret(secret, Arc::from(reference.to_string())),
            Err(error) => {
                let span = self.find(written, Use::Literal);
                let help = match reference {
                    Reference::Env { .. } => "set it where hookswitch starts".to_owned(),
                    Reference::File { .. } => "relative paths start at the configuration folder".to_owned(),
                };
                self.mistake("missing-reference", error.to_string(), help, span)
            }
        }
    }
}
