//! `$each`: a list made from a list.

use super::Shape;
use super::tree::{is_directive, key_error};
use crate::diagnostic::At;
use crate::document::Kind;
use crate::expr::{Condition, Environment, Evaluation, EvaluationError, Expression, Input, Reads, Value, Verdict};
use crate::suggest::nearest;
use crate::transform::escape::Escape;
use crate::transform::pieces;
use crate::transform::text::Text;
use serde_json::Value as Written;

pub(super) const DIRECTIVES: &[&str] = &["$each", "$as", "$if", "$value"];

/// What an element is called unless `$as` says otherwise.
const ITEM: &str = "item";
/// The element's place in the list, from 0, elements left out by `$if` counted.
const INDEX: &str = "index";

/// Names that an element cannot take: what expressions see anyway, and the words that CEL keeps for itself.
const TAKEN: &[&str] = &[
    INDEX,
    "body",
    "batch",
    "text",
    "headers",
    "query",
    "params",
    "request",
    "route",
    "vars",
    "tables",
    "answers",
    "answer",
    "env",
    "file",
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// A list that is shaped element by element.
pub(super) struct Each {
    list: Expression,
    condition: Option<Condition>,
    value: Shape,
}

/// What is done with each element that is not left out: its shape, with the element bound.
type Step<'s> = dyn FnMut(&Shape, &mut Evaluation<'_>) -> Result<(), EvaluationError> + 's;

impl Each {
    /// Of a mapping with a key that begins with `$`.
    pub fn compile(
        entries: &serde_json::Map<String, Written>,
        depth: usize,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Each> {
        let keys_are_known = check_keys(entries, at);
        let list = list(entries, environment, at);
        let name = name(entries, at);
        let locals: Vec<String> =
            environment.locals.iter().cloned().chain([name.clone().unwrap_or_default(), INDEX.to_owned()]).collect();
        let inner = Environment { locals: &locals, ..environment.clone() };
        let condition = match entries.get("$if") {
            None => Some(None),
            Some(Written::String(source)) => Condition::compile(source, false, &inner, &at.key("$if")).map(Some),
            Some(_) => {
                at.key("$if").error("shape-if", "`$if` is a CEL condition", "as in `$if: item.qty > 0`".to_owned());
                None
            }
        };
        let value = match entries.get("$value") {
            Some(written) => Shape::compile_nested(written, depth + 1, &inner, &at.key("$value")),
            None if entries.contains_key("$each") => {
                let help = format!("`$value: ${{{}}}` copies each element", name.as_deref().unwrap_or(ITEM));
                at.error("shape-each", "`$each` needs `$value`: what each element becomes", help);
                None
            }
            None => None,
        };
        let (list, condition, value, _) = (list?, condition?, value?, name?);
        keys_are_known.then_some(Each { list, condition, value })
    }

    pub fn source(&self) -> &str {
        self.list.source().trim()
    }

    pub fn reads(&self) -> Reads {
        let condition = self.condition.as_ref().map(Condition::reads).unwrap_or_default();
        self.list.reads().and(condition).and(self.value.reads())
    }

    pub fn inputs<'x>(&'x self, visit: &mut dyn FnMut(Input<'x>)) {
        self.list.inputs(visit);
        self.condition.iter().for_each(|condition| condition.inputs(visit));
        self.value.inputs(visit);
    }

    /// Runs `step` for each element in order; false where there is no list: the optional is empty.
    pub fn run(&self, evaluation: &mut Evaluation<'_>, step: &mut Step<'_>) -> Result<bool, EvaluationError> {
        let Some(list) = self.list.evaluate(evaluation)?.present() else { return Ok(false) };
        match &list {
            Value::Node(handle) if handle.node().kind() == Kind::List => {
                for (index, item) in handle.node().items().enumerate() {
                    self.element(Value::Node(item.handle()), index, evaluation, step)?;
                }
            }
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.element(item.clone(), index, evaluation, step)?;
                }
            }
            other => return Err(self.not_a_list(other)),
        }
        Ok(true)
    }

    fn element(
        &self,
        item: Value,
        index: usize,
        evaluation: &mut Evaluation<'_>,
        step: &mut Step<'_>,
    ) -> Result<(), EvaluationError> {
        evaluation.push(item);
        evaluation.push(Value::Int(i64::try_from(index).unwrap_or(i64::MAX)));
        let done = self.bound_element(evaluation, step);
        evaluation.pop();
        evaluation.pop();
        done
    }

    fn bound_element(&self, evaluation: &mut Evaluation<'_>, step: &mut Step<'_>) -> Result<(), EvaluationError> {
        if let Some(condition) = &self.condition
            && condition.evaluate(evaluation)? != Verdict::True
        {
            return Ok(());
        }
        step(&self.value, evaluation)
    }

    fn not_a_list(&self, value: &Value) -> EvaluationError {
        EvaluationError::Wrong(format!("`$each` goes over a list, and `{}` is a {}", self.source(), value.type_name()))
    }
}

fn check_keys(entries: &serde_json::Map<String, Written>, at: &At<'_>) -> bool {
    let has_each = entries.contains_key("$each");
    let mut good = true;
    for key in entries.keys().map(String::as_str) {
        if is_directive(key) {
            if !has_each {
                let help = "`$each: ${…}` names the list that it is about";
                key_error(key, at, "shape-each", format!("`{key}` without `$each`"), help);
                good = false;
            }
            continue;
        }
        good = false;
        if key.starts_with('$') {
            let help = match nearest(key.trim_start_matches('$'), ["each", "as", "if", "value"]) {
                Some(meant) => format!("did you mean `${meant}`?"),
                None => {
                    format!("a key of your own that begins with $ is made in CEL, as in '${{{{\"{key}\": body.x}}}}'")
                }
            };
            key_error(key, at, "shape-unknown-directive", format!("unknown key `{key}`"), help);
        } else if has_each {
            let message = format!("`{key}` cannot stand beside `$each`");
            key_error(key, at, "shape-each", message, "what each element becomes stands under `$value`");
        }
    }
    good
}

fn list(entries: &serde_json::Map<String, Written>, environment: &Environment<'_>, at: &At<'_>) -> Option<Expression> {
    let written = entries.get("$each")?;
    let at = at.key("$each");
    let whole = match written {
        Written::String(text) => {
            let parts = pieces::cut(text, environment, &at)?;
            Text::new(parts, Escape::None).into_whole().ok()
        }
        _ => None,
    };
    if whole.is_none() {
        at.error(
            "shape-each",
            "`$each` is one expression that gives a list",
            "as in `$each: ${body.items}`".to_owned(),
        );
    }
    whole
}

fn name(entries: &serde_json::Map<String, Written>, at: &At<'_>) -> Option<String> {
    let at = at.key("$as");
    let name = match entries.get("$as") {
        None => return Some(ITEM.to_owned()),
        Some(Written::String(name)) if is_identifier(name) => name,
        Some(_) => {
            let help = "letters, digits and _, not beginning with a digit, as in `$as: line`".to_owned();
            at.error("shape-as", "`$as` is the name of an element", help);
            return None;
        }
    };
    if TAKEN.contains(&name.as_str()) {
        at.error("shape-as", format!("`{name}` already means something in an expression"), "choose another".to_owned());
        return None;
    }
    Some(name.clone())
}

fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
