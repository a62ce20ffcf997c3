//! What hookswitch.yaml offers and nothing takes.

use super::Subject;
use crate::config::spec::{OtherwiseSpec, ProcessSpec, RouteSpec, TargetSpec, TransformSpec, VerifySpec};
use crate::diagnostic::At;
use std::collections::HashSet;

pub(super) fn lint(subject: &Subject<'_>) {
    // Of some files only: what they do not use, the others may.
    if subject.loaded.is_partial {
        return;
    }
    let settings = &subject.loaded.settings;
    let mut used = Used::default();
    subject.loaded.routes.iter().for_each(|route| used.add_route(&route.spec));
    used.add_settings(settings);
    let at = subject.settings_at();
    report(settings.sources.keys(), &used.sources, "source", &at.key("sources"));
    report(settings.targets.keys(), &used.targets, "target", &at.key("targets"));
    report(settings.transforms.keys(), &used.transforms, "transform", &at.key("transforms"));
    report(settings.providers.keys(), &used.providers, "provider", &at.key("providers"));
    for name in &subject.table.unread_tables {
        report_one(name, "table", &at.key("tables"));
    }
}

/// Names that something names, in routes or in hookswitch.yaml itself: what only an unused target uses is told when that
/// target is gone.
#[derive(Default)]
struct Used<'l> {
    sources: HashSet<&'l str>,
    targets: HashSet<&'l str>,
    transforms: HashSet<&'l str>,
    providers: HashSet<&'l str>,
}

impl<'l> Used<'l> {
    fn add_route(&mut self, route: &'l RouteSpec) {
        self.sources.extend(route.matching.source.as_deref());
        self.add_transform(route.transform.as_ref());
        route.targets.iter().flatten().chain(&route.target).for_each(|target| self.add_target(target));
        if let Some(verify) = &route.verify {
            self.add_verify(verify);
        }
    }

    fn add_settings(&mut self, settings: &'l ProcessSpec) {
        settings.targets.values().for_each(|target| self.add_target(target));
        settings.transforms.values().for_each(|transform| self.add_transform(Some(transform)));
        settings.sources.values().for_each(|source| self.add_verify(&source.verify));
        self.providers.extend(settings.providers.values().filter_map(|provider| provider.like.as_deref()));
    }

    fn add_target(&mut self, target: &'l TargetSpec) {
        self.targets.extend(target.shared.as_deref());
        self.targets.extend(target.dead_letter.as_deref());
        self.targets.extend(target.among.iter().flatten().map(String::as_str));
        if let Some(OtherwiseSpec::Target(name)) = &target.otherwise {
            self.targets.insert(name);
        }
        self.add_transform(target.transform.as_ref());
    }

    fn add_transform(&mut self, transform: Option<&'l TransformSpec>) {
        self.transforms.extend(transform.and_then(|transform| transform.shared.as_deref()));
    }

    fn add_verify(&mut self, verify: &'l VerifySpec) {
        if let VerifySpec::Checks(checks) = verify {
            self.providers.extend(checks.as_slice().iter().filter_map(|check| check.provider.as_deref()));
        }
    }
}

fn report<'n>(names: impl Iterator<Item = &'n String>, used: &HashSet<&str>, kind: &str, at: &At<'_>) {
    names.filter(|name| !used.contains(name.as_str())).for_each(|name| report_one(name, kind, at));
}

fn report_one(name: &str, kind: &str, at: &At<'_>) {
    let message = format!("nothing uses the {kind} `{name}`");
    at.key(name).warning_on_key("unused", message, "use it, or remove it".to_owned());
}
