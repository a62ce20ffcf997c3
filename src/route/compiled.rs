//! One route: its clauses, its vars and labels, its targets and its answers.

use super::carried::Carried;
use super::choice::Choice;
use super::each::Each;
use super::graph::Graph;
use super::identity::Identity;
use super::respond::Respond;
use super::source::Source;
use super::targets::{self, Targets};
use crate::body::{BodyError, Contract, Parsed};
use crate::config;
use crate::config::spec::{AckSpec, DefaultsSpec, Ordered, PatternSpec, ProcessSpec, RouteSpec};
use crate::deliver::Target;
use crate::diagnostic::At;
use crate::document::Document;
use crate::egress::Egress;
use crate::event::RequestInfo;
use crate::expr::{AnswersRead, Condition, Environment, Input, Reads, TablesRead};
use crate::limit::{Limit, Owner};
use crate::matcher::{Glob, PathTree};
use crate::transform::{Shape, Text};
use crate::verify::{Provider, Providers};
use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use compact_str::CompactString;
use http::HeaderName;
use smallvec::SmallVec;
use std::mem::offset_of;
use std::sync::Arc;
use std::time::Duration;

/// A compiled route.
///
/// In this order, with what every event looks at at the front: of thousands of routes that one is in no cache, and each line of
/// it has to be fetched. What few routes have is kept elsewhere, for the same reason.
#[repr(C)]
pub struct Route {
    pub name: CompactString,
    /// Among all routes, in file order.
    pub position: usize,
    pub order: i64,
    pub enabled: bool,
    pub ack: Ack,
    /// What `dedupe` looks at is not the same for all elements of a batch.
    pub(super) tells_elements_apart: bool,
    /// Whose answers something of the route looks at, so that they are worth parsing.
    pub answers_read: AnswersRead,
    /// `None`: none of them is written.
    pub(super) head: Option<Box<HeadClauses>>,
    pub(super) when: Option<Box<Condition>>,
    /// What the body must meet.
    pub(super) contract: Option<Box<Contract>>,
    /// Its own: of all events that fit its clauses, or of each value of an expression.
    pub(super) limit: Option<Box<Limit>>,
    /// Where the elements of a batch are; `None`: an event is what comes in a request.
    pub(super) each: Option<Box<Each>>,
    /// Which events are repeats of one another; `None`: each is one of its own.
    pub dedupe: Option<Arc<Identity>>,
    pub(super) source: Arc<Source>,
    /// All attempts of all targets of an event fit in here.
    pub deadline: Duration,
    pub(super) vars: Box<[Shape]>,
    pub(super) labels: Box<[(CompactString, Text)]>,
    /// Targets that are one of several shared ones, by position: the one below stands for all of them.
    pub(super) choices: Box<[(usize, Choice)]>,
    pub targets: SmallVec<[Arc<Target>; 1]>,
    /// Which target waits for which; `None`: all run side by side.
    pub graph: Option<Box<Graph>>,
    pub(super) responds: SmallVec<[Respond; 1]>,
    /// What its targets name as dead letters, each once.
    pub dead_letters: Vec<Arc<Target>>,
    pub description: Option<String>,
    /// The file it was written in, as users name it.
    pub file: String,
    pub when_source: Option<String>,
}

// What every event looks at takes four lines, with the counts of the `Arc` around it.
const _: () = assert!(2 * size_of::<usize>() + offset_of!(Route, dead_letters) <= 4 * 64);

/// The clauses about the head of a request, and about the time.
#[derive(Default, PartialEq)]
pub(super) struct HeadClauses {
    pub(super) active_from: Moment,
    pub(super) active_until: Moment,
    pub(super) headers: Vec<(HeaderName, ValuePattern)>,
    pub(super) query: Vec<(String, ValuePattern)>,
}

/// When the sender hears "yes".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ack {
    /// After every required target has the event.
    #[default]
    Delivered,
    /// At once; what follows is done in memory.
    Accepted,
}

/// A delay that is not written is this part of the deadline, so that the default schedule fits into it.
const DELAY_PART_OF_DEADLINE: u32 = 10;
/// A delay that is not written, where nobody waits.
const DELAY_DEFAULT: Duration = Duration::from_secs(5);

impl Ack {
    fn compile(written: AckSpec, at: &At<'_>) -> Option<Ack> {
        match written {
            AckSpec::Delivered => Some(Ack::Delivered),
            AckSpec::Accepted => Some(Ack::Accepted),
            AckSpec::Queued => {
                let help = "write `accepted` with a `dead_letter` for each target, which survives an orderly stop, or leave \
                            it out: the sender then hears \"yes\" after delivery";
                at.error("ack-queued", "`queued` needs a queue, which this version does not have", help.to_owned());
                None
            }
        }
    }

    fn retry_delay(self, deadline: Duration) -> Duration {
        match self {
            Ack::Delivered => deadline / DELAY_PART_OF_DEADLINE,
            Ack::Accepted => DELAY_DEFAULT,
        }
    }
}

/// What one header or query parameter must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValuePattern {
    Absent,
    AnyOf(Vec<Glob>),
}

/// What compiling a route needs besides its own spec.
pub struct RouteContext<'a> {
    pub process: &'a ProcessSpec,
    pub tables: &'a Document,
    pub carried: &'a Carried,
    pub egress: &'a Arc<Egress>,
    pub providers: &'a Providers,
    pub tables_read: &'a TablesRead,
    pub name: &'a str,
    pub file: &'a str,
    pub position: usize,
    /// The top of hookswitch.yaml.
    pub process_at: At<'a>,
}

/// An event that takes longer has outlived its sender (config.md: "to 300 s").
const DEADLINE_MAX: Duration = Duration::from_secs(300);
/// Where the sender's patience is not known.
const DEADLINE_DEFAULT: Duration = Duration::from_secs(25);

impl Route {
    pub(super) fn compile(
        spec: &RouteSpec,
        source: &Arc<Source>,
        context: &RouteContext<'_>,
        at: &At<'_>,
    ) -> Option<Route> {
        let defaults = context.process.defaults.as_ref();
        let environment = Environment {
            params: &source.params,
            tables: Some(context.tables),
            tables_read: Some(context.tables_read),
            ..Environment::default()
        };
        let deadline = compile_deadline(spec, source, defaults, at);
        let active = compile_active(spec, at);
        let headers = compile_headers(&spec.matching.headers, &at.key("match").key("headers"));
        let query = compile_query(&spec.matching.query);
        let when = compile_when(spec, &environment, at);
        let contract = compile_contract(spec, context, at);
        let absent_fails = spec.matching.absent == Some(config::spec::AbsentSpec::Error);
        let each = Each::compile_option(spec.each.as_ref(), absent_fails, &environment, at);
        let limit = compile_limit(spec, context, &environment, at);
        let (var_names, vars) = compile_vars(spec, &environment, at);
        let environment = Environment { vars: &var_names, ..environment };
        let labels = compile_labels(spec, &environment, at);
        let dedupe = Identity::compile_option(spec.dedupe.as_ref(), source.sound_verifier(), &environment, at);
        let ack = Ack::compile(spec.ack.unwrap_or_default(), &at.key("ack"));
        let retry_delay = ack.unwrap_or_default().retry_delay(deadline.unwrap_or(DEADLINE_DEFAULT));
        let targets = Targets::compile(spec, source, context, &environment, retry_delay, at);
        let target_names = targets.as_ref().map(Targets::names).unwrap_or_default();
        let environment = Environment { answers: &target_names, ..environment };
        let responds = Respond::compile_all(spec.respond.as_ref(), &environment, &at.key("respond"));
        let enabled = spec.enabled.as_ref().map_or(Some(true), |enabled| config::scalar(enabled, &at.key("enabled")));
        let order = spec.order.as_ref().map_or(Some(0), |order| config::scalar(order, &at.key("order")));
        let (active_from, active_until) = active?;
        let Targets { targets, graph, choices, dead_letters } = targets?;
        let responds = responds?;
        let readers = targets.iter().map(|target| target.reads()).chain(responds.iter().map(Respond::reads));
        let readers = readers.chain(choices.iter().flat_map(|(_, choice)| reads_of(choice)));
        let (vars, dedupe) = (vars?, dedupe?.or_else(|| source.dedupe.clone()));
        let tells_elements_apart =
            dedupe.as_ref().is_some_and(|dedupe| dedupe.looks_at_element(&of_elements(&var_names, &vars)));
        Some(Route {
            each: each?.map(Box::new),
            tells_elements_apart,
            name: context.name.into(),
            description: spec.description.clone(),
            file: context.file.to_owned(),
            position: context.position,
            order: order?,
            enabled: enabled?,
            head: Some(HeadClauses { active_from, active_until, headers: headers?, query })
                .filter(|clauses| *clauses != HeadClauses::default())
                .map(Box::new),
            when: when?.map(Box::new),
            contract: contract?.map(Box::new),
            limit: limit?.map(Box::new),
            vars: vars.into(),
            labels: labels?.into(),
            dedupe,
            answers_read: readers.fold(AnswersRead::default(), |read, reads| read.and(reads.answers)),
            ack: ack?,
            targets: targets.into(),
            dead_letters,
            graph: graph.map(Box::new),
            choices: choices.into(),
            responds: responds.into(),
            deadline: deadline?,
            when_source: spec.matching.when.clone(),
            source: source.clone(),
        })
    }

    /// As written, for `routes` and `/routes`.
    pub fn path(&self) -> &str {
        &self.source.path
    }

    /// From when on, and until when, it takes events.
    pub fn active(&self) -> (Moment, Moment) {
        self.head.as_ref().map_or((None, None), |clauses| (clauses.active_from, clauses.active_until))
    }

    /// Where the target at a position is one of several.
    pub fn choice(&self, position: usize) -> Option<&Choice> {
        self.choices.iter().find(|(place, _)| *place == position).map(|(_, choice)| choice)
    }

    /// Whether the answer may depend on the target at a position.
    pub fn requires(&self, position: usize) -> bool {
        targets::is_required(&self.targets, &self.choices, position)
    }

    /// In the order in which they are tried.
    pub fn responds(&self) -> &[Respond] {
        &self.responds
    }

    pub fn methods(&self) -> &[http::Method] {
        &self.source.methods
    }

    pub fn hosts(&self) -> &[crate::matcher::HostPattern] {
        &self.source.hosts
    }

    pub fn verifier(&self) -> &crate::verify::Verifier {
        &self.source.verifier
    }

    /// Its own, or its source's.
    pub fn limit(&self) -> Option<&Limit> {
        self.limit.as_deref().or(self.source.limit.as_deref())
    }

    /// As [`crate::expr::Expression::inputs`], of the condition.
    pub fn when_inputs<'x>(&'x self, visit: &mut dyn FnMut(Input<'x>)) {
        self.when.iter().for_each(|when| when.inputs(visit));
    }

    /// As [`crate::expr::Expression::inputs`], of the var at a position.
    pub fn var_inputs<'x>(&'x self, position: usize, visit: &mut dyn FnMut(Input<'x>)) {
        self.vars.get(position).into_iter().for_each(|var| var.inputs(visit));
    }

    /// Of a body, in bytes.
    pub fn max_size(&self) -> u64 {
        self.source.body.max_size
    }

    /// The parameters of a path that fits its pattern, by the route's own names.
    pub fn params_of(&self, path: &str) -> Option<Vec<(Arc<str>, String)>> {
        let mut tree = PathTree::default();
        tree.entry(&self.source.pattern, || ());
        let (_, values) = tree.find(path).ok()??;
        Some(self.source.params.iter().cloned().zip(values).collect())
    }

    /// The body of a request as its expressions see it; `None` where none of them does.
    ///
    /// # Errors
    /// The body is not what the route accepts.
    pub fn parse(&self, request: &RequestInfo, body: &Bytes) -> Result<Option<Parsed>, BodyError> {
        if !self.reads_body() {
            return Ok(None);
        }
        let reading = self.source.body.admit(&request.headers, body.is_empty())?;
        reading.parse(body, request.query.as_deref(), &self.source.body).map(Some)
    }

    pub(super) fn reads_body(&self) -> bool {
        let vars = self.vars.iter().map(Shape::reads);
        let labels = self.labels.iter().map(|(_, label)| label.reads());
        let targets = self.targets.iter().map(|target| target.reads());
        let targets = targets.chain(self.choices.iter().flat_map(|(_, choice)| reads_of(choice)));
        let responds = self.responds.iter().map(Respond::reads);
        let when = self.when.iter().map(|when| when.reads());
        let dedupe = self.dedupe.iter().map(|identity| identity.reads());
        let counts_by_body = self.limit.as_deref().is_some_and(Limit::reads_body);
        let each = self.each.iter().map(|each| each.reads());
        let reads = vars.chain(each).chain(labels).chain(targets).chain(responds).chain(when).chain(dedupe);
        self.contract.is_some() || counts_by_body || reads.into_iter().any(|reads| reads.body || reads.text)
    }
}

fn reads_of(choice: &Choice) -> impl Iterator<Item = Reads> {
    std::iter::once(choice.reads()).chain(choice.targets().map(|target| target.reads()))
}

/// `Some(None)` where none is written.
fn compile_contract(spec: &RouteSpec, context: &RouteContext<'_>, at: &At<'_>) -> Option<Option<Contract>> {
    let Some(written) = spec.body.as_ref().and_then(|body| body.schema.as_ref()) else { return Some(None) };
    Contract::compile(written, context.file, &at.key("body").key("schema")).map(Some)
}

/// A limit by client address is the source's.
fn compile_limit(
    spec: &RouteSpec,
    context: &RouteContext<'_>,
    environment: &Environment<'_>,
    at: &At<'_>,
) -> Option<Option<Limit>> {
    let Some(limit) = spec.limit.as_ref().filter(|limit| !Limit::is_written_by_client(limit)) else {
        return Some(None);
    };
    Limit::compile(limit, Owner::route(context.name), &context.carried.limits, environment, &at.key("limit")).map(Some)
}

fn compile_deadline(
    spec: &RouteSpec,
    source: &Source,
    defaults: Option<&DefaultsSpec>,
    at: &At<'_>,
) -> Option<Duration> {
    let Some(written) = &spec.deadline else {
        let shared = defaults.and_then(|defaults| defaults.deadline.as_deref());
        let patience = source.verifier.provider().and_then(Provider::deadline);
        // A mistake in `defaults` is reported where it stands, when the settings are compiled.
        let shared = shared.and_then(|written| at.quietly(|there| self::deadline(written, there)));
        return Some(shared.or(patience).unwrap_or(DEADLINE_DEFAULT).min(DEADLINE_MAX));
    };
    self::deadline(written, &at.key("deadline"))
}

/// A written deadline, of a route or for all of them.
pub fn deadline(written: &str, at: &At<'_>) -> Option<Duration> {
    let deadline = config::duration(written, at)?;
    if deadline.is_zero() || deadline > DEADLINE_MAX {
        at.error("deadline-range", "a deadline is more than 0s and at most 300s", None);
        return None;
    }
    Some(deadline)
}

/// `None`: it is not written.
pub type Moment = Option<DateTime<FixedOffset>>;

fn compile_active(spec: &RouteSpec, at: &At<'_>) -> Option<(Moment, Moment)> {
    let Some(active) = &spec.active else { return Some((None, None)) };
    let at = at.key("active");
    let moment = |written: Option<&String>, key: &str| -> Option<Moment> {
        let Some(written) = written else { return Some(None) };
        let at = at.key(key);
        let text = config::plain(written, &at)?;
        match DateTime::parse_from_rfc3339(&text) {
            Ok(moment) => Some(Some(moment)),
            Err(_) => {
                let help = "write it with its offset, as 2026-01-01T00:00:00+03:00".to_owned();
                at.error("time-malformed", "this is not a moment in RFC 3339", help);
                None
            }
        }
    };
    let (from, until) = (moment(active.from.as_ref(), "from"), moment(active.until.as_ref(), "until"));
    let (from, until) = (from?, until?);
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        at.error("active-empty", "`until` is not after `from`: the route would never be active", None);
        return None;
    }
    Some((from, until))
}

fn compile_headers(written: &Ordered<PatternSpec>, at: &At<'_>) -> Option<Vec<(HeaderName, ValuePattern)>> {
    let compiled = written.iter().map(|(name, pattern)| match name.parse::<HeaderName>() {
        Ok(header) => Some((header, ValuePattern::compile(pattern))),
        Err(_) => {
            at.key(name).error("header-name", format!("`{name}` is not a header name"), None);
            None
        }
    });
    compiled.collect()
}

fn compile_query(written: &Ordered<PatternSpec>) -> Vec<(String, ValuePattern)> {
    written.iter().map(|(name, pattern)| (name.clone(), ValuePattern::compile(pattern))).collect()
}

impl ValuePattern {
    fn compile(written: &PatternSpec) -> ValuePattern {
        match written {
            PatternSpec::Absent(()) => ValuePattern::Absent,
            PatternSpec::One(glob) => ValuePattern::AnyOf(vec![Glob::new(glob)]),
            PatternSpec::Any(globs) => ValuePattern::AnyOf(globs.iter().map(|glob| Glob::new(glob)).collect()),
        }
    }
}

fn compile_when(spec: &RouteSpec, environment: &Environment<'_>, at: &At<'_>) -> Option<Option<Condition>> {
    let Some(written) = &spec.matching.when else { return Some(None) };
    let absent_fails = spec.matching.absent == Some(config::spec::AbsentSpec::Error);
    Condition::compile(written, absent_fails, environment, &at.key("match").key("when")).map(Some)
}

/// Each var sees those before it.
fn compile_vars(spec: &RouteSpec, environment: &Environment<'_>, at: &At<'_>) -> (Vec<String>, Option<Vec<Shape>>) {
    let at = at.key("vars");
    let mut names: Vec<String> = Vec::with_capacity(spec.vars.len());
    let mut shapes = Some(Vec::with_capacity(spec.vars.len()));
    for (name, written) in &spec.vars {
        let at = at.key(name);
        if !is_identifier(name) {
            at.error(
                "name-malformed",
                format!("`{name}` cannot be named as `vars.{name}`"),
                "use letters, digits and `_`".to_owned(),
            );
            shapes = None;
        }
        let environment = Environment { vars: &names, ..environment.clone() };
        match (Shape::compile(written, &environment, &at), &mut shapes) {
            (Some(shape), Some(shapes)) => shapes.push(shape),
            _ => shapes = None,
        }
        names.push(name.clone());
    }
    (names, shapes)
}

/// The vars that are not the same for all elements of a batch.
fn of_elements<'n>(names: &'n [String], vars: &[Shape]) -> Vec<&'n str> {
    let mut found: Vec<&str> = Vec::new();
    for (name, var) in names.iter().zip(vars) {
        let mut looks = var.reads().element;
        var.inputs(&mut |input| looks |= names_one_of(&input, &found));
        if looks {
            found.push(name);
        }
    }
    found
}

/// `vars` by themselves may be any of them.
pub(super) fn names_one_of(input: &Input<'_>, vars: &[&str]) -> bool {
    match input {
        Input::Var(name) => vars.contains(name),
        Input::Vars => !vars.is_empty(),
        _ => false,
    }
}

fn is_identifier(name: &str) -> bool {
    let first_fits = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first_fits && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn compile_labels(spec: &RouteSpec, environment: &Environment<'_>, at: &At<'_>) -> Option<Vec<(CompactString, Text)>> {
    let at = at.key("labels");
    let compiled = spec
        .labels
        .iter()
        .map(|(name, written)| Text::compile(written, environment, &at.key(name)).map(|text| (name.into(), text)));
    let compiled: Vec<Option<(CompactString, Text)>> = compiled.collect();
    compiled.into_iter().collect()
}
