//! What a configuration that compiles is still worth a second look for: warnings, each with its place and the next step.
//!
//! Runs after a compile without errors, for `validate` and for every load of `serve`; it never keeps a configuration from
//! running. One file per family. What was written gives the places, what was compiled gives the values; a warning that
//! the compiler itself is nearest to (a doubtful provider) is made there. Nothing here resolves a secret.

mod decision;
mod open;
mod plain_secret;
mod plain_text;
mod room;
mod schedule;
mod sender;
mod unused;
mod validity;

use crate::config::spec::{AuthSpec, ByKeySpec, CheckSpec, OneOrMany, RouteSpec, SecretSpec, TargetSpec, VerifySpec};
use crate::config::{Loaded, Written};
use crate::deliver::Target;
use crate::diagnostic::{At, Findings};
use crate::route::{Route, RouteTable};
use crate::secret::References;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// A configuration that compiles, as it was written and as it runs.
pub struct Subject<'l> {
    pub loaded: &'l Loaded,
    pub table: &'l RouteTable,
    pub references: &'l References,
    pub findings: &'l Findings,
    pub now: DateTime<Utc>,
}

/// Reports every warning.
pub fn lint(subject: &Subject<'_>) {
    for route in subject.routes() {
        decision::lint(&route);
        schedule::lint_route(&route);
        sender::lint(&route);
        validity::lint_route(&route, subject.now);
        plain_text::lint_route(&route);
        plain_secret::lint_route(&route);
    }
    for place in subject.verify_places() {
        open::lint(&place, subject);
        validity::lint_secrets(&place, subject.now);
        plain_secret::lint_verify(&place);
    }
    schedule::lint_defaults(subject);
    plain_secret::lint_settings(subject);
    room::lint(subject);
    unused::lint(subject);
}

/// A route as it was written and as it runs.
struct RouteSubject<'l> {
    spec: &'l RouteSpec,
    route: &'l Route,
    at: At<'l>,
    /// The top of hookswitch.yaml.
    settings_at: At<'l>,
    subject: &'l Subject<'l>,
}

/// A target of a route as it was written and as it runs.
struct TargetSubject<'l> {
    spec: &'l TargetSpec,
    /// Of hookswitch.yaml, with its place.
    shared: Option<(&'l TargetSpec, At<'l>)>,
    target: &'l Target,
    at: At<'l>,
}

/// A `verify` as it was written, in a route or in a source.
struct VerifyPlace<'l> {
    spec: &'l VerifySpec,
    at: At<'l>,
    /// Checks that look at the client's address, by position. None for a source that no route names.
    address_checks: Vec<usize>,
    /// Checks that may be about one topic.
    topic_checks: Vec<usize>,
}

impl<'l> Subject<'l> {
    fn settings_at(&self) -> At<'l> {
        At::document(self.findings, self.references, self.loaded.settings_document)
    }

    fn routes(&'l self) -> impl Iterator<Item = RouteSubject<'l>> {
        self.table.routes.iter().filter_map(|route| {
            let Written { spec, document, .. } = self.loaded.routes.get(route.position)?;
            let at = At::document(self.findings, self.references, *document);
            Some(RouteSubject { spec, route, at, settings_at: self.settings_at(), subject: self })
        })
    }

    /// Each once, however many routes name a source.
    fn verify_places(&'l self) -> Vec<VerifyPlace<'l>> {
        let own = self.routes().filter_map(|route| {
            let spec = route.spec.verify.as_ref()?;
            let verifier = route.route.verifier();
            let (address_checks, topic_checks) = (verifier.address_checks(), verifier.topic_checks());
            Some(VerifyPlace { spec, at: route.at.key("verify"), address_checks, topic_checks })
        });
        let named = self.routes().filter_map(|route| Some((route.spec.matching.source.as_deref()?, route.route)));
        let named: HashMap<&str, &Route> = named.collect();
        let sources_at = self.settings_at().key("sources");
        let sources = self.loaded.settings.sources.iter().map(|(name, source)| {
            let route = named.get(name.as_str());
            let address_checks = route.into_iter().flat_map(|route| route.verifier().address_checks()).collect();
            let topic_checks = route.into_iter().flat_map(|route| route.verifier().topic_checks()).collect();
            VerifyPlace { spec: &source.verify, at: sources_at.key(name).key("verify"), address_checks, topic_checks }
        });
        own.chain(sources).collect()
    }
}

impl<'l> RouteSubject<'l> {
    /// The route's own `verify`, or that of the source it names.
    fn verify(&self) -> Option<(&'l VerifySpec, At<'l>)> {
        match &self.spec.matching.source {
            None => Some((self.spec.verify.as_ref()?, self.at.key("verify"))),
            Some(name) => {
                let source = self.subject.loaded.settings.sources.get(name)?;
                Some((&source.verify, self.settings_at.key("sources").key(name).key("verify")))
            }
        }
    }

    /// The place of the provider that the route's sender is known by.
    fn provider_at(&self) -> Option<At<'l>> {
        let (spec, at) = self.verify()?;
        let (_, at) = checks(spec, &at).into_iter().find(|(check, _)| check.provider.is_some())?;
        Some(at.key("provider"))
    }

    fn targets(&self) -> Vec<TargetSubject<'l>> {
        let written: Vec<(&TargetSpec, At<'_>)> = match (&self.spec.targets, &self.spec.target) {
            (Some(list), _) => {
                let at = self.at.key("targets");
                list.iter().enumerate().map(|(position, spec)| (spec, at.index(position))).collect()
            }
            (None, one) => one.iter().map(|spec| (spec, self.at.key("target"))).collect(),
        };
        let named = |name: &str| {
            let shared = self.subject.loaded.settings.targets.get(name)?;
            Some((shared, self.settings_at.key("targets").key(name)))
        };
        let mut targets = Vec::with_capacity(written.len());
        for (position, target) in self.route.targets.iter().enumerate() {
            let Some((spec, at)) = written.get(target.position).cloned() else { continue };
            match self.route.choice(position) {
                None => {
                    let shared = spec.shared.as_deref().and_then(named);
                    targets.push(TargetSubject { spec, shared, target, at });
                }
                Some(choice) => targets.extend(choice.targets().map(|target| {
                    let shared = target.chosen.as_deref().and_then(named);
                    TargetSubject { spec, shared, target, at: at.clone() }
                })),
            }
        }
        targets
    }
}

impl<'l> TargetSubject<'l> {
    /// Where a key is written: in the target, else in the shared one.
    fn place(&self, key: &str, is_written: impl Fn(&TargetSpec) -> bool) -> Option<At<'l>> {
        if is_written(self.spec) {
            return Some(self.at.key(key));
        }
        let (shared, at) = self.shared.as_ref()?;
        is_written(shared).then(|| at.key(key))
    }

    /// As it is written there.
    fn auth(&self) -> Option<&'l AuthSpec> {
        self.spec.auth.as_ref().or_else(|| self.shared.as_ref()?.0.auth.as_ref())
    }
}

/// The checks of a `verify` that are no choice among others, each with its place, in the order as written.
fn checks<'s, 'a>(spec: &'s VerifySpec, at: &At<'a>) -> Vec<(&'s CheckSpec, At<'a>)> {
    let mut found = Vec::new();
    if let VerifySpec::Checks(checks) = spec {
        add_checks(checks, at, &mut found);
    }
    found
}

fn add_checks<'s, 'a>(checks: &'s OneOrMany<CheckSpec>, at: &At<'a>, found: &mut Vec<(&'s CheckSpec, At<'a>)>) {
    let list = matches!(checks, OneOrMany::Many(_));
    for (position, check) in checks.as_slice().iter().enumerate() {
        let at = if list { at.index(position) } else { at.clone() };
        match &check.any {
            None => found.push((check, at)),
            Some(alternatives) => {
                let at = at.key("any");
                alternatives
                    .iter()
                    .enumerate()
                    .for_each(|(position, checks)| add_checks(checks, &at.index(position), found));
            }
        }
    }
}

/// Every secret of a check, with its place.
fn secrets<'s, 'a>(check: &'s CheckSpec, at: &At<'a>) -> Vec<(&'s SecretSpec, At<'a>)> {
    let mut found = Vec::new();
    let password = check.basic.as_ref().map(|basic| &basic.password);
    let written = [
        (check.secret.as_ref(), at.key("secret")),
        (check.secondary.as_ref(), at.key("secondary")),
        (check.private_key.as_ref(), at.key("private_key")),
        (password, at.key("basic").key("password")),
        (check.bearer.as_ref(), at.key("bearer")),
    ];
    for (secrets, at) in written {
        let lists = secrets.map(|secrets| by_key(secrets, &at)).unwrap_or_default();
        lists.into_iter().for_each(|(list, at)| add_secrets(list, &at, &mut found));
    }
    found
}

/// The one value, or that of each key, with its place.
fn by_key<'s, 'a, T>(spec: &'s ByKeySpec<T>, at: &At<'a>) -> Vec<(&'s T, At<'a>)> {
    match spec {
        ByKeySpec::Same(value) => vec![(value, at.clone())],
        ByKeySpec::Keyed(keyed) => {
            let at = at.key("values");
            keyed.values.iter().map(|(key, value)| (value, at.key(key))).collect()
        }
    }
}

fn add_secrets<'s, 'a>(secrets: &'s OneOrMany<SecretSpec>, at: &At<'a>, found: &mut Vec<(&'s SecretSpec, At<'a>)>) {
    match secrets {
        OneOrMany::One(one) => found.push((one, at.clone())),
        OneOrMany::Many(many) => found.extend(many.iter().enumerate().map(|(position, one)| (one, at.index(position)))),
    }
}
