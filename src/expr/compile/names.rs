//! Which names there are: variables, members of the event, types.

use super::{Compiler, Use};
use crate::expr::AnswersRead;
use crate::expr::program::{AnswerPart, Op, Place, RequestField, Whose};
use crate::expr::value::Value;
use crate::suggest;
use cel::common::ast::{Expr, SelectExpr};
use http::HeaderName;
use std::sync::Arc;

/// `answer` is there in `success` only.
const ROOTS: [&str; 12] =
    ["body", "batch", "text", "headers", "query", "params", "request", "route", "vars", "tables", "answers", "answer"];

/// Types by their names, as `type(x) == int` compares them.
const TYPES: [(&str, &str); 11] = [
    ("bool", "bool"),
    ("int", "int"),
    ("uint", "uint"),
    ("double", "double"),
    ("string", "string"),
    ("bytes", "bytes"),
    ("list", "list"),
    ("map", "map"),
    ("null_type", "null_type"),
    ("type", "type"),
    ("optional_type", "optional_type"),
];

impl Compiler<'_> {
    /// A name by itself. Names bound around it hide those of the event.
    pub(super) fn name(&mut self, written: &str) -> Op {
        let name = written.strip_prefix('.').unwrap_or(written);
        if name == written
            && let Some(slot) = self.locals.iter().rposition(|local| **local == *name)
        {
            return Op::Local(slot, Arc::from(name));
        }
        if let Some(place) = self.root(name) {
            return Op::Read(place);
        }
        if let Some((_, type_name)) = TYPES.iter().find(|(known, _)| *known == name) {
            return Op::Constant(Value::Type(type_name));
        }
        let span = self.find(name, Use::Variable);
        let help = match name {
            "answer" => Some("`answer` is there in `success`; elsewhere an answer is answers.TARGET".to_owned()),
            "env" | "file" => Some(format!("write {name}(\"NAME\")")),
            "event" | "payload" | "data" => Some("the parsed body is `body`".to_owned()),
            "True" | "False" | "None" | "nil" | "undefined" => Some("write true, false or null".to_owned()),
            "header" => Some("write headers[\"name\"]".to_owned()),
            _ => {
                let locals: Vec<Arc<str>> = self.locals.clone();
                let known = ROOTS.iter().copied().filter(|root| *root != "answer" || self.environment.answer);
                suggest::or_known(name, locals.iter().map(|local| &**local).chain(known))
            }
        };
        self.mistake("expr-unknown-variable", format!("unknown variable `{name}`"), help, span)
    }

    pub(super) fn is_local(&self, name: &str) -> bool {
        self.locals.iter().any(|local| **local == *name)
    }

    fn root(&mut self, name: &str) -> Option<Place> {
        Some(match name {
            "body" => {
                self.reads.body = true;
                self.reads.element = true;
                Place::Body
            }
            "batch" => {
                self.reads.body = true;
                Place::Batch
            }
            "text" => {
                self.reads.text = true;
                self.reads.element = true;
                Place::Text
            }
            "headers" => Place::Headers,
            "query" => Place::Query,
            "params" => Place::Params,
            "request" => {
                self.whole_requests += 1;
                Place::Request
            }
            "route" => Place::Route,
            "vars" => Place::Vars(self.environment.vars.into()),
            "tables" => {
                self.whole_tables += 1;
                Place::Tables
            }
            "answers" => {
                self.whole_answers += 1;
                Place::Answers(self.environment.answers.into())
            }
            "answer" if self.environment.answer => Place::Answer(Whose::Own),
            _ => return None,
        })
    }

    /// What `base.key` is, where the base is a part of the event whose members are known. A member that it cannot have is
    /// a mistake, reported here.
    pub(super) fn place_of(&mut self, base: &Op, key: &str, written: Use) -> Option<Place> {
        let Op::Read(base) = base else { return None };
        match base {
            Place::Headers => self.header(key, written).map(Place::Header),
            Place::Query => Some(Place::QueryKey(key.into())),
            Place::Params => {
                let known: Vec<&str> = self.environment.params.iter().map(|name| &**name).collect();
                let index = self.known("params", "the path pattern", key, &known, written);
                Some(Place::Param(index, key.into()))
            }
            Place::Request => {
                let known = RequestField::ALL.map(|(name, _)| name);
                let index = self.known("request", "a request", key, &known, written);
                let (_, field) = RequestField::ALL.get(index)?;
                self.whole_requests -= 1;
                self.reads.volatile |= *field == RequestField::Time;
                Some(Place::RequestField(*field))
            }
            Place::Route => {
                self.known("route", "a route", key, &["name"], written);
                Some(Place::RouteName)
            }
            Place::Vars(_) => {
                let known: Vec<&str> = self.environment.vars.iter().map(|name| name.as_str()).collect();
                let index = self.known("vars", "what is computed before this", key, &known, written);
                Some(Place::Var(index, key.into()))
            }
            Place::Answers(_) => {
                let index = self.answer_of(key, written);
                self.whole_answers -= 1;
                self.reads.answers = self.reads.answers.and(AnswersRead::one(index));
                Some(Place::Answer(Whose::Target(index, Arc::from(key))))
            }
            Place::Answer(whose) => {
                let known = AnswerPart::ALL.map(|(name, _)| name);
                let index = self.known("answer", "an answer", key, &known, written);
                let (_, part) = AnswerPart::ALL.get(index)?;
                Some(Place::AnswerPart(whose.clone(), *part))
            }
            Place::AnswerPart(whose, AnswerPart::Headers) => {
                self.header(key, written).map(|name| Place::AnswerHeader(whose.clone(), name))
            }
            _ => None,
        }
    }

    /// The position of a target whose answer may be there by now; 0 after a mistake.
    fn answer_of(&mut self, key: &str, written: Use) -> usize {
        let (names, answered) = (self.environment.answers, self.environment.answered);
        let may_be_there = |position: usize| answered.is_none_or(|answered| answered.get(position) == Some(&true));
        let Some(position) = names.iter().position(|name| name == key) else {
            let known = names.iter().enumerate().filter(|(position, _)| may_be_there(*position));
            let known: Vec<&str> = known.map(|(_, name)| name.as_str()).collect();
            if known.is_empty() {
                let span = self.find(key, written);
                let message = format!("`answers.{key}` does not exist: no target has answered before this");
                let help = "answers are there in a target that comes `after` another, and in `respond`".to_owned();
                self.mistake("expr-unknown-name", message, help, span);
                return 0;
            }
            return self.known("answers", "what comes before this", key, &known, written);
        };
        if !may_be_there(position) {
            let span = self.find(key, written);
            let message = format!("`answers.{key}` is not there yet: this target does not come after `{key}`");
            let help = format!("write `after: {key}` in the target that needs its answer");
            self.mistake("answer-too-early", message, help, span);
        }
        position
    }

    /// The position of a name among those that are known; 0 after a mistake.
    fn known(&mut self, root: &str, of: &str, key: &str, known: &[&str], written: Use) -> usize {
        if let Some(index) = known.iter().position(|name| *name == key) {
            return index;
        }
        let span = self.find(key, written);
        let help = suggest::or_known(key, known.iter().copied());
        let message = format!("`{root}.{key}` does not exist: {of} has no `{key}`");
        self.mistake("expr-unknown-name", message, help, span);
        0
    }

    fn header(&mut self, key: &str, written: Use) -> Option<HeaderName> {
        let name = HeaderName::from_bytes(key.as_bytes()).ok().filter(|name| name.as_str() == key);
        if name.is_none() {
            let lower = key.to_ascii_lowercase();
            let help = match HeaderName::from_bytes(lower.as_bytes()) {
                Ok(_) => format!("names of headers are lower case here: headers[\"{lower}\"]"),
                Err(_) => "a header's name is letters, digits and -".to_owned(),
            };
            let span = self.find(key, written);
            self.mistake("expr-unknown-name", format!("no header is ever called `{key}`"), help, span);
        }
        name
    }

    /// `tables.NAME`: tables are configuration, so a name that is not there is a mistake.
    pub(super) fn check_table(&mut self, base: &Op, key: &str, written: Use) {
        if !matches!(base, Op::Read(Place::Tables)) {
            return;
        }
        self.whole_tables -= 1;
        if let Some(read) = self.environment.tables_read {
            read.name(key);
        }
        let names: Vec<&str> = match self.environment.tables {
            Some(tables) => tables.root().entries().map(|(name, _)| name).collect(),
            None => Vec::new(),
        };
        self.known("tables", "`tables` of hookswitch.yaml", key, &names, written);
    }

    /// `google.protobuf.Timestamp` and `google.protobuf.Duration`.
    pub(super) fn qualified_type(&self, select: &SelectExpr) -> Option<&'static str> {
        let Expr::Select(package) = &select.operand.expr else { return None };
        let Expr::Ident(google) = &package.operand.expr else { return None };
        if google != "google" || package.field != "protobuf" || select.test || self.is_local(google) {
            return None;
        }
        match select.field.as_str() {
            "Timestamp" => Some("google.protobuf.Timestamp"),
            "Duration" => Some("google.protobuf.Duration"),
            _ => None,
        }
    }
}
