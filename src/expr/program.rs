//! A compiled expression: names are slots, functions are pointers, nothing is looked up by text while it runs.

#![expect(clippy::indexing_slicing, reason = "a conditional has three parts: the compiler makes it so")]

use super::functions::Function;
use super::value::Value;
use crate::secret::Secret;
use http::HeaderName;
use regex::Regex;
use std::sync::Arc;

pub(super) enum Op {
    Constant(Value),
    /// `env(…)`, `file(…)`: never folded into a constant, so that it can be shown as its reference.
    Secret(Secret, Arc<str>),
    /// Something of the event, required: an absent one is an error that names it.
    Read(Place),
    /// The same as an optional.
    ReadOptional(Place),
    /// `has(…)` of the same.
    IsThere(Place),
    /// A name bound around or inside the expression, by slot.
    Local(usize, Arc<str>),
    /// Fields and elements, all required and known at load.
    Path(Box<Op>, Box<[Step]>),
    Index(Box<Op>, Box<Op>),
    /// `a.?b`, `a[?b]`
    OptionalIndex(Box<Op>, Box<Op>),
    Has(Box<Op>, Box<str>),
    And(Box<Op>, Box<Op>),
    Or(Box<Op>, Box<Op>),
    Not(Box<Op>),
    Conditional(Box<[Op; 3]>),
    Negate(Box<Op>),
    Arithmetic(Arithmetic, Box<Op>, Box<Op>),
    Compare(Comparison, Box<Op>, Box<Op>),
    Equal(Box<Op>, Box<Op>),
    NotEqual(Box<Op>, Box<Op>),
    In(Box<Op>, Box<Op>),
    /// Elements, and whether each was written `?x`.
    List(Box<[(Op, bool)]>),
    Map(Box<[Entry]>),
    Call(&'static Function, Box<[Op]>),
    Matches(Box<Op>, Box<Regex>),
    /// `now()`
    Now,
    /// `uuid()`
    Uuid,
    Fold(Box<Fold>),
    /// `cel.bind(name, value, body)`: the value goes to the slot.
    Bind(usize, Box<Op>, Box<Op>),
    OptionalMap(Box<OptionalMap>),
    /// `a.or(b)`, `a.orValue(b)`: b is evaluated only where a is empty.
    OrElse(Box<Op>, Box<Op>, OrElse),
}

pub(super) enum Step {
    Field(Box<str>),
    At(usize),
}

pub(super) struct Entry {
    pub(super) key: Op,
    pub(super) value: Op,
    pub(super) optional: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OrElse {
    Optional,
    Value,
}

/// A loop over a list or map. The slot holds the element (a map's key); with two names, slot and slot + 1 hold index (or
/// key) and element.
pub(super) struct Fold {
    pub(super) kind: FoldKind,
    pub(super) range: Op,
    pub(super) slot: usize,
    pub(super) two_names: bool,
    pub(super) filter: Option<Op>,
    pub(super) body: Op,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    /// `map`, `transformList`
    List,
    Filter,
    /// `transformMap`: the same keys.
    Map,
    /// `transformMapEntry`: the body gives a map of entries.
    Entries,
    /// `sortBy`: the body gives the key.
    Sort,
}

/// `optMap`, and with `flat` `optFlatMap`.
pub(super) struct OptionalMap {
    pub(super) target: Op,
    pub(super) slot: usize,
    pub(super) body: Op,
    pub(super) flat: bool,
}

/// Something of the event that can be read by itself, so that nothing around it is built.
pub(super) enum Place {
    Body,
    Batch,
    Text,
    Headers,
    Header(HeaderName),
    Query,
    QueryKey(Box<str>),
    Params,
    Param(usize, Box<str>),
    Request,
    RequestField(RequestField),
    Route,
    RouteName,
    /// With the names, for the whole map.
    Vars(Arc<[String]>),
    Var(usize, Box<str>),
    Tables,
    Answers(Arc<[String]>),
    Answer(Whose),
    AnswerPart(Whose, AnswerPart),
    AnswerHeader(Whose, HeaderName),
}

#[derive(Clone)]
pub(super) enum Whose {
    /// `answer`, in `success`.
    Own,
    /// `answers.NAME`, by position.
    Target(usize, Arc<str>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RequestField {
    Id,
    Method,
    Path,
    Host,
    Time,
    ClientIp,
    ContentType,
    Size,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AnswerPart {
    Status,
    Headers,
    Body,
}

impl RequestField {
    pub(super) const ALL: [(&'static str, RequestField); 8] = [
        ("id", RequestField::Id),
        ("method", RequestField::Method),
        ("path", RequestField::Path),
        ("host", RequestField::Host),
        ("time", RequestField::Time),
        ("client_ip", RequestField::ClientIp),
        ("content_type", RequestField::ContentType),
        ("size", RequestField::Size),
    ];

    fn name(self) -> &'static str {
        RequestField::ALL.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }
}

impl AnswerPart {
    pub(super) const ALL: [(&'static str, AnswerPart); 3] =
        [("status", AnswerPart::Status), ("headers", AnswerPart::Headers), ("body", AnswerPart::Body)];

    fn name(self) -> &'static str {
        AnswerPart::ALL.iter().find(|(_, part)| *part == self).map_or("", |(name, _)| name)
    }
}

impl Place {
    /// As users write it.
    pub(super) fn name(&self) -> String {
        match self {
            Place::Body => "body".to_owned(),
            Place::Batch => "batch".to_owned(),
            Place::Text => "text".to_owned(),
            Place::Headers => "headers".to_owned(),
            Place::Header(name) => member("headers", name.as_str()),
            Place::Query => "query".to_owned(),
            Place::QueryKey(name) => member("query", name),
            Place::Params => "params".to_owned(),
            Place::Param(_, name) => member("params", name),
            Place::Request => "request".to_owned(),
            Place::RequestField(field) => member("request", field.name()),
            Place::Route => "route".to_owned(),
            Place::RouteName => "route.name".to_owned(),
            Place::Vars(_) => "vars".to_owned(),
            Place::Var(_, name) => member("vars", name),
            Place::Tables => "tables".to_owned(),
            Place::Answers(_) => "answers".to_owned(),
            Place::Answer(whose) => whose.name(),
            Place::AnswerPart(whose, part) => member(&whose.name(), part.name()),
            Place::AnswerHeader(whose, name) => member(&member(&whose.name(), "headers"), name.as_str()),
        }
    }
}

impl Whose {
    fn name(&self) -> String {
        match self {
            Whose::Own => "answer".to_owned(),
            Whose::Target(_, name) => member("answers", name),
        }
    }
}

/// `a.b`, or `a["b-c"]` where `b-c` is not a name of CEL.
pub(super) fn member(of: &str, name: &str) -> String {
    let plain = !name.is_empty()
        && name.bytes().all(super::lexis::is_name_byte)
        && !name.starts_with(|first: char| first.is_ascii_digit());
    if plain { format!("{of}.{name}") } else { format!("{of}[{name:?}]") }
}

/// What is known at load about what an expression gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gives {
    Bool,
    NotBool,
    Anything,
}

impl Op {
    /// As users write it, for naming what is absent; `…` for what has no short name.
    pub(super) fn name(&self) -> String {
        match self {
            Op::Read(place) => place.name(),
            Op::Local(_, name) => name.to_string(),
            Op::Path(base, steps) => steps.iter().fold(base.name(), |name, step| step.name(&name)),
            Op::Index(base, key) => match &**key {
                Op::Constant(Value::String(key)) => member(&base.name(), key),
                Op::Constant(Value::Int(index)) => format!("{}[{index}]", base.name()),
                key => format!("{}[{}]", base.name(), key.name()),
            },
            _ => "…".to_owned(),
        }
    }

    pub(super) fn gives(&self) -> Gives {
        match self {
            Op::Constant(Value::Bool(_)) => Gives::Bool,
            Op::Constant(_) | Op::Secret(..) | Op::Now | Op::Uuid => Gives::NotBool,
            Op::Read(Place::Body | Place::Batch | Place::Var(..) | Place::AnswerPart(_, AnswerPart::Body)) => {
                Gives::Anything
            }
            Op::Read(_) | Op::ReadOptional(_) | Op::OptionalIndex(..) => Gives::NotBool,
            Op::IsThere(_) | Op::Has(..) | Op::And(..) | Op::Or(..) | Op::Not(_) => Gives::Bool,
            Op::Compare(..) | Op::Equal(..) | Op::NotEqual(..) | Op::In(..) | Op::Matches(..) => Gives::Bool,
            Op::Negate(_) | Op::Arithmetic(..) | Op::List(_) | Op::Map(_) | Op::OptionalMap(_) => Gives::NotBool,
            Op::Local(..) | Op::Path(..) | Op::Index(..) => Gives::Anything,
            Op::Call(function, _) => function.gives,
            Op::Conditional(parts) => match (parts[1].gives(), parts[2].gives()) {
                (Gives::NotBool, Gives::NotBool) => Gives::NotBool,
                (Gives::Bool, Gives::Bool) => Gives::Bool,
                _ => Gives::Anything,
            },
            Op::Fold(fold) => match fold.kind {
                FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => Gives::Bool,
                _ => Gives::NotBool,
            },
            Op::Bind(_, _, body) => body.gives(),
            Op::OrElse(_, _, OrElse::Optional) => Gives::NotBool,
            Op::OrElse(_, _, OrElse::Value) => Gives::Anything,
        }
    }
}

impl Step {
    pub(super) fn name(&self, of: &str) -> String {
        match self {
            Step::Field(name) => member(of, name),
            Step::At(index) => format!("{of}[{index}]"),
        }
    }
}
