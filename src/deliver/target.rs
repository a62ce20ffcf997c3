//! A target as written to one that runs: everything that can be wrong with it is found here, while a configuration loads.

use super::auth::{Credentials, Home};
use super::connect::Tls;
use super::field::{HeaderField, HeaderFields, QueryFields};
use super::forward::Forward;
use super::gates::Gates;
use super::layers::{Layers, WrittenAt};
use super::pool::Profile;
use super::prepare;
use super::retry::{RetryPolicy, Written};
use super::success::Success;
use super::{BreakerState, Target, TargetContext, dead_letter, union};
use crate::config;
use crate::config::spec::{MethodSpec, RequiredSpec, RequiredWordSpec, Scalar, TargetSpec};
use crate::diagnostic::At;
use crate::egress::Origin;
use crate::expr::{Condition, Environment, Input, Piece, Reads, scan};
use crate::secret::holds_stand_in;
use crate::transform::{Transform, UrlTemplate, compile_headers, compile_query};
use compact_str::CompactString;
use http::{HeaderName, Method};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// As long as the longest deadline.
const TIMEOUT_MOST: Duration = Duration::from_secs(300);
const ANSWER_MAX_DEFAULT: u32 = 1 << 20;
const ANSWER_MAX_MOST: u32 = 64 << 20;
const NAME_MOST: usize = 63;

impl Target {
    /// `position`: 0 for a route's only target, else counted from 1; it makes the default name.
    pub fn compile<'a>(
        spec: &'a TargetSpec,
        position: usize,
        context: &TargetContext<'a>,
        at: &At<'a>,
    ) -> Option<Target> {
        let layers = Layers::new(spec, context, at)?;
        if context.is_dead_letter {
            dead_letter::refuse_keys(&layers)?;
        }
        let environment = &context.environment;
        // Each part reports its own mistakes; only then is it decided whether all of them are there.
        let name = name(&layers, position, at);
        let when = layers.first("when", |spec| spec.when.as_ref());
        let when = when.map(|(text, at)| Condition::compile(text, false, environment, &at));
        let enabled = switch(layers.first("enabled", |spec| spec.enabled.as_ref()));
        let required = layers.first("required", |spec| spec.required.as_ref());
        let required = required.map_or(Some(Required::Yes), |(required, at)| Required::compile(required, &at));
        let request = Request::compile(&layers, context, at);
        let request = request.filter(|request| !context.is_dead_letter || dead_letter::fits(request, &layers));
        let timeout = timeout(&layers, context, at);
        let retry = retry(&layers, context, at);
        let success = layers.first("success", |spec| spec.success.as_ref());
        let success =
            success.map_or(Some(Success::default()), |(success, at)| Success::compile(success, environment, &at));
        let answer_max = answer_max(&layers);
        let origin = request.as_ref().map(|request| request.url.origin()).unwrap_or_default();
        let gates = Gates::compile(&layers, name.as_deref().unwrap_or_default(), origin, context);
        let (written_url, _) = layers.first("url", |spec| spec.url.as_ref())?;
        Some(Target {
            name: name?,
            chosen: context.chosen.map(|chosen| Arc::from(chosen.name)),
            position: 0,
            credential_query: context.credential_query.into(),
            when: when.map_or(Some(None), |when| Some(Some(Box::new(when?))))?,
            enabled: enabled?,
            required: required? != Required::No,
            strict: required? == Required::Strict,
            dead_letter: None,
            is_dead_letter: context.is_dead_letter,
            written_url: without_defaults(written_url),
            request: request?,
            timeout: timeout?,
            retry: retry?,
            success: success?,
            answer_max: answer_max?,
            gates: gates?,
        })
    }

    pub fn method(&self) -> &Method {
        &self.request.method
    }

    /// What the target of a spec is called; `None` where there is a mistake in that, which `compile` reports.
    pub fn written_name(
        spec: &TargetSpec,
        position: usize,
        context: &TargetContext<'_>,
        at: &At<'_>,
    ) -> Option<CompactString> {
        at.quietly(|at| name(&Layers::new(spec, context, at)?, position, at))
    }

    /// The name of its dead letter, and where that is written.
    pub fn dead_letter_of<'a>(
        spec: &'a TargetSpec,
        context: &TargetContext<'a>,
        at: &At<'a>,
    ) -> Option<(&'a str, At<'a>)> {
        if !at.quietly(|at| Layers::new(spec, context, at).is_some()) {
            return None;
        }
        let written = Layers::new(spec, context, at)?.first("dead_letter", |spec| spec.dead_letter.as_ref());
        written.map(|(name, at)| (name.as_str(), at))
    }

    /// Of one attempt.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// All attempts and the waits between them, if each attempt takes `attempt` and no wait is shortened by jitter.
    pub fn longest(&self, attempt: Duration) -> Duration {
        attempt.saturating_mul(self.retry.max.saturating_add(1)).saturating_add(self.retry.waits())
    }

    /// As long as all of it can last where nobody waits: every attempt takes its whole time, and every wait is as long as
    /// the longest, so that a target that asks for patience gets it.
    pub fn schedule(&self) -> Duration {
        let attempts = self.timeout.saturating_mul(self.retry.max.saturating_add(1));
        attempts.saturating_add(self.retry.max_delay.max(self.retry.delay).saturating_mul(self.retry.max))
    }

    /// Headers that `verify` used as credentials.
    pub fn credential_headers(&self) -> &[HeaderName] {
        &self.request.theirs
    }

    /// Query parameters that `verify` used as credentials.
    pub fn credential_query(&self) -> &[String] {
        &self.credential_query
    }

    /// What the choice of its credentials rests on.
    pub fn credential_inputs<'t>(&'t self, visit: &mut dyn FnMut(Input<'t>)) {
        self.request.credentials.inputs(visit);
    }

    /// Scheme, host and port of its URL, as far as no event has a part in them. References are resolved: not for showing.
    pub fn origin(&self) -> &str {
        self.request.url.origin()
    }

    /// Deliveries that wait for their turn; `None`: the target has neither `limit` nor `breaker`.
    pub fn waiting(&self) -> Option<usize> {
        self.gates.waiting()
    }

    /// From one attempt to the next, once a burst has gone; `None`: as fast as they come.
    pub fn interval(&self) -> Option<Duration> {
        self.gates.interval()
    }

    /// `None`: it has no breaker.
    pub fn breaker_state(&self) -> Option<BreakerState> {
        self.gates.breaker_state()
    }

    /// What preparing a request and judging an answer read of an event.
    pub fn reads(&self) -> Reads {
        let when = self.when.as_ref().map(|when| when.reads()).unwrap_or_default();
        union(union(when, self.success.reads()), self.request.reads())
    }
}

/// What a target's requests are made of. In this order for the reason that [`Target`] gives.
#[repr(C)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: prepare::TargetUrl,
    /// `None`: there is nothing to set and nothing to take away.
    pub(super) headers: Option<Box<HeaderFields>>,
    pub(super) credentials: Credentials,
    /// `None`: bytes pass unchanged.
    pub(super) transform: Option<Box<Transform>>,
    pub(super) forward: Forward,
    /// What the sender has shown `verify`.
    pub(super) theirs: Box<[HeaderName]>,
    pub(super) profile: Arc<Profile>,
}

impl Request {
    fn compile<'a>(layers: &Layers<'a>, context: &TargetContext<'a>, at: &At<'a>) -> Option<Request> {
        let environment = &context.environment;
        let transform = transform(layers, context, at);
        let known = transform.as_ref().and_then(Option::as_ref);
        let headers = header_fields(layers, known, environment);
        let query = query_fields(layers, known, environment);
        let url = url(layers, context, at);
        let tls = layers.first("tls", |spec| spec.tls.as_ref());
        let tls = tls.map_or(Some(Tls::default()), |(tls, at)| Tls::compile(tls, &at));
        let home = url.as_ref().zip(tls.as_ref()).map(|((url, _), tls)| Home { origin: url.origin(), tls });
        let auth = layers.first("auth", |spec| spec.auth.as_ref());
        let credentials = auth
            .map_or(Some(Credentials::default()), |(auth, at)| Credentials::compile(auth, context, home.as_ref(), &at));
        let forward = layers.first("forward_headers", |spec| spec.forward_headers.as_ref());
        let forward = forward.map_or(Some(Forward::default()), |(forward, at)| Forward::compile(forward, &at));
        let method = layers.first("method", |spec| spec.method.as_ref());
        let ((url, url_at), credentials) = (url?, credentials?);
        let origin = if url.dynamic_host() { Origin::Computed } else { Origin::Written };
        let url = match prepare::TargetUrl::new(url, query?, &credentials) {
            Ok(url) => url,
            Err(error) => {
                url_at.error("url", error.to_string(), None);
                return None;
            }
        };
        Some(Request {
            method: method.map_or(Method::POST, |(method, _)| method_of(*method)),
            url,
            headers: Some(headers?).filter(|fields| !fields.is_empty()).map(Box::new),
            credentials,
            transform: transform?.map(Box::new),
            forward: forward?,
            theirs: context.credential_headers.into(),
            profile: context.lasting.profiles.profile(context.egress, origin, tls?),
        })
    }

    fn reads(&self) -> Reads {
        let headers = self.headers.iter().flat_map(|fields| &fields.set).map(HeaderField::reads);
        let all = headers.chain(self.credentials.reads()).chain(self.transform.as_deref().map(Transform::reads));
        all.fold(self.url.reads(), union)
    }
}

/// The target's own transform, else the route's; `Some(None)` where there is neither. What a route makes of its events means
/// nothing to a record of one.
fn transform<'a>(layers: &Layers<'a>, context: &TargetContext<'a>, at: &At<'a>) -> Option<Option<Transform>> {
    let own = layers.first("transform", |spec| spec.transform.as_ref());
    let written = own.or_else(|| {
        let route = At::document(at.findings, at.references, at.document_index());
        context.route_transform.filter(|_| !context.is_dead_letter).map(|spec| (spec, route.key("transform")))
    });
    match written {
        Some((spec, at)) => Transform::compile(spec, context.shared_transforms, &context.environment, &at).map(Some),
        None => Some(None),
    }
}

fn name(layers: &Layers<'_>, position: usize, at: &At<'_>) -> Option<CompactString> {
    let shared = layers.shared_name().filter(|_| !layers.is_choice());
    let written = layers.first("name", |spec| spec.name.as_ref());
    let name = match (written.filter(|_| !layers.is_choice() || layers.names_itself()), shared) {
        (Some((name, at)), _) => config::plain(name, &at)?,
        (None, Some(shared)) => shared.to_owned(),
        (None, None) if position == 0 => "target".to_owned(),
        (None, None) => format!("target-{position}"),
    };
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    if bytes.len() > NAME_MOST || !bytes.iter().copied().all(inner) || !edge(bytes.first()) || !edge(bytes.last()) {
        let help = format!("use a-z, 0-9, - and _, a letter or digit at both ends, at most {NAME_MOST} characters");
        at.key("name").error("target-name", format!("{name:?} cannot name a target"), Some(help));
        return None;
    }
    Some(name.into())
}

/// What its failure means for the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Required {
    Yes,
    /// A stored dead letter is no success.
    Strict,
    No,
}

impl Required {
    fn compile(written: &RequiredSpec, at: &At<'_>) -> Option<Required> {
        let word = match written {
            RequiredSpec::Switch(true) => return Some(Required::Yes),
            RequiredSpec::Switch(false) => return Some(Required::No),
            RequiredSpec::Word(RequiredWordSpec::Strict) => return Some(Required::Strict),
            RequiredSpec::Reference(written) => config::plain(written, at)?,
        };
        match word.trim() {
            "true" => Some(Required::Yes),
            "strict" => Some(Required::Strict),
            "false" => Some(Required::No),
            word if holds_stand_in(word) => Some(Required::Yes),
            _ => {
                at.error(
                    "reference-type",
                    "expected true, false or strict, but the value of the reference is none",
                    None,
                );
                None
            }
        }
    }
}

fn switch(written: Option<(&Scalar<bool>, At<'_>)>) -> Option<bool> {
    written.map_or(Some(true), |(value, at)| config::scalar(value, &at))
}

fn timeout<'a>(layers: &Layers<'a>, context: &TargetContext<'a>, at: &At<'a>) -> Option<Duration> {
    let defaults = context.defaults.and_then(|defaults| defaults.timeout.as_ref());
    let default_at = || WrittenAt::in_process_file(context, &["defaults"], at.clone()).key("timeout");
    let written = layers.first("timeout", |spec| spec.timeout.as_ref());
    let Some((text, at)) = written.or_else(|| defaults.map(|text| (text, default_at()))) else {
        return Some(TIMEOUT_DEFAULT);
    };
    let timeout = config::duration(text, &at)?;
    if timeout.is_zero() || timeout > TIMEOUT_MOST {
        let message = format!("a timeout is more than nothing and at most {}s", TIMEOUT_MOST.as_secs());
        at.error("timeout", message, None);
        return None;
    }
    Some(timeout)
}

fn retry<'a>(layers: &Layers<'a>, context: &TargetContext<'a>, at: &At<'a>) -> Option<RetryPolicy> {
    let mut written: Vec<Written<'_>> =
        layers.each("retry", |spec| spec.retry.as_ref()).into_iter().map(Some).collect();
    let defaults = context.defaults.and_then(|defaults| defaults.retry.as_ref());
    let default_at = WrittenAt::in_process_file(context, &["defaults"], at.clone()).key("retry");
    written.push(defaults.map(|retry| (retry, default_at)));
    RetryPolicy::compile(&written, context.retry_delay)
}

fn answer_max(layers: &Layers<'_>) -> Option<u32> {
    let Some((text, at)) = layers.first("answer_max", |spec| spec.answer_max.as_ref()) else {
        return Some(ANSWER_MAX_DEFAULT);
    };
    let most = u32::try_from(config::size(text, &at)?).ok();
    let most = most.filter(|most| (1..=ANSWER_MAX_MOST).contains(most));
    if most.is_none() {
        at.error("answer-max", "answer_max is more than nothing and at most 64MiB", None);
    }
    most
}

fn method_of(method: MethodSpec) -> Method {
    match method {
        MethodSpec::GET => Method::GET,
        MethodSpec::HEAD => Method::HEAD,
        MethodSpec::POST => Method::POST,
        MethodSpec::PUT => Method::PUT,
        MethodSpec::PATCH => Method::PATCH,
        MethodSpec::DELETE => Method::DELETE,
        MethodSpec::OPTIONS => Method::OPTIONS,
    }
}

/// The target's layers, then the transform. All mistakes are reported.
fn header_fields(
    layers: &Layers<'_>,
    transform: Option<&Transform>,
    environment: &Environment<'_>,
) -> Option<HeaderFields> {
    let (mut fields, mut whole) = (HeaderFields::default(), true);
    for (written, at) in layers.each("headers", |spec| Some(&spec.headers)) {
        let layer = compile_headers(written, environment, &at);
        whole &= layer.and_then(|layer| fields.add(layer, &at)).is_some();
    }
    if let Some(transform) = transform {
        fields.add_transform(transform);
    }
    whole.then_some(fields)
}

fn query_fields(
    layers: &Layers<'_>,
    transform: Option<&Transform>,
    environment: &Environment<'_>,
) -> Option<QueryFields> {
    let (mut fields, mut whole) = (QueryFields::default(), true);
    for (written, at) in layers.each("query", |spec| Some(&spec.query)) {
        match compile_query(written, environment, &at) {
            Some(layer) => fields.add(layer),
            None => whole = false,
        }
    }
    if let Some(transform) = transform {
        fields.add_transform(transform);
    }
    whole.then_some(fields)
}

/// The URL, and its place.
fn url<'a>(layers: &Layers<'a>, context: &TargetContext<'_>, target: &At<'a>) -> Option<(UrlTemplate, At<'a>)> {
    let Some((url, at)) = layers.first("url", |spec| spec.url.as_ref()) else {
        let help = "add url: https://…, or use: with the name of a shared target".to_owned();
        target.error("url-missing", "the target has no url", Some(help));
        return None;
    };
    let template = UrlTemplate::compile(url, &context.environment, &at)?;
    if template.dynamic_host() && !context.egress.permits_dynamic_hosts() {
        let help = "name the hosts it may be in hookswitch.yaml, as egress: {dynamic_hosts: [\"*.example.com\"]}, or \
                    write the host and let the event choose among configured targets with `choose`";
        let message = "the host of the URL is computed from the event, and nothing says which hosts it may be";
        at.error("url-dynamic-host", message, help.to_owned());
        return None;
    }
    Some((template, at))
}

/// As users see it: references without their defaults, expressions as they stand.
fn without_defaults(written: &str) -> String {
    let Ok(pieces) = scan(written) else { return written.to_owned() };
    let shown = pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Reference(reference) => reference.to_string(),
        Piece::Expression { source, .. } => format!("${{{source}}}"),
    });
    shown.collect()
}
