//! A target as written over the shared target that it uses, key by key.
//!
//! `headers`, `query` and `retry` are merged by their own keys as well, so that a null can take one entry away; every
//! other key of the target stands in place of the shared one. Each value keeps its place for diagnostics.

use super::TargetContext;
use crate::config::spec::TargetSpec;
use crate::diagnostic::At;
use crate::suggest;

/// One or two target specifications, the target's own first.
pub(super) struct Layers<'a> {
    own: Layer<'a>,
    /// The shared one is one of several, and does not lend its name.
    is_choice: bool,
    shared: Option<(&'a str, Layer<'a>)>,
}

/// A specification, and where its keys stand.
struct Layer<'a> {
    spec: &'a TargetSpec,
    at: WrittenAt<'a>,
}

pub(super) enum WrittenAt<'a> {
    /// Its keys can be pointed at.
    Mapping(At<'a>),
    /// It stands elsewhere: all its mistakes are reported here.
    Reference(At<'a>),
}

impl<'a> WrittenAt<'a> {
    /// In hookswitch.yaml, under `keys`; where its place is not known, at `otherwise`.
    pub(super) fn in_process_file(context: &TargetContext<'a>, keys: &[&str], otherwise: At<'a>) -> WrittenAt<'a> {
        match &context.process_at {
            Some(at) => WrittenAt::Mapping(keys.iter().fold(at.clone(), |at, key| at.key(key))),
            None => WrittenAt::Reference(otherwise),
        }
    }

    pub(super) fn key(&self, key: &str) -> At<'a> {
        match self {
            WrittenAt::Mapping(at) => at.key(key),
            WrittenAt::Reference(at) => at.clone(),
        }
    }
}

impl<'a> Layers<'a> {
    pub(super) fn new(spec: &'a TargetSpec, context: &TargetContext<'a>, at: &At<'a>) -> Option<Layers<'a>> {
        let own = Layer { spec, at: WrittenAt::Mapping(at.clone()) };
        let is_choice = context.chosen.is_some();
        let (name, at) = match (context.chosen, &spec.shared) {
            (Some(chosen), _) => (chosen.name, chosen.at.clone()),
            (None, Some(name)) => (name.as_str(), at.key("use")),
            (None, None) => return Some(Layers { own, is_choice, shared: None }),
        };
        let Some(shared) = context.shared_targets.get(name) else {
            let known = context.shared_targets.keys().map(String::as_str);
            let help = suggest::or_known(name, known)
                .unwrap_or_else(|| "it has no targets at all: add one under `targets:`".to_owned());
            at.error("unknown-target", format!("hookswitch.yaml has no target {name:?}"), help);
            return None;
        };
        if shared.shared.is_some() {
            let help = "write the keys of both in one of them".to_owned();
            at.error("nested-use", format!("the shared target {name:?} uses another one itself"), Some(help));
            return None;
        }
        let at = WrittenAt::in_process_file(context, &["targets", name], at);
        Some(Layers { own, is_choice, shared: Some((name, Layer { spec: shared, at })) })
    }

    /// Whether the target chooses, so that its name is written here or nowhere.
    pub(super) fn is_choice(&self) -> bool {
        self.is_choice || self.own.spec.choose.is_some()
    }

    pub(super) fn names_itself(&self) -> bool {
        self.own.spec.name.is_some()
    }

    /// The name of the shared target.
    pub(super) fn shared_name(&self) -> Option<&'a str> {
        self.shared.as_ref().map(|(name, _)| *name)
    }

    fn all(&self) -> impl DoubleEndedIterator<Item = &Layer<'a>> {
        std::iter::once(&self.own).chain(self.shared.as_ref().map(|(_, layer)| layer))
    }

    /// The value of a key where it is first written, and its place.
    pub(super) fn first<T>(
        &self,
        key: &str,
        field: impl Fn(&'a TargetSpec) -> Option<&'a T>,
    ) -> Option<(&'a T, At<'a>)> {
        self.all().find_map(|layer| field(layer.spec).map(|value| (value, layer.at.key(key))))
    }

    /// Whether the target itself says something, rather than the shared one.
    pub(super) fn is_own(&self, says: impl Fn(&TargetSpec) -> bool) -> bool {
        says(self.own.spec)
    }

    /// Every place where a key is written, the target's own first.
    pub(super) fn each<T>(&self, key: &str, field: impl Fn(&'a TargetSpec) -> Option<&'a T>) -> Vec<(&'a T, At<'a>)> {
        let written = self.all().filter_map(|layer| field(layer.spec).map(|value| (value, layer.at.key(key))));
        written.collect()
    }
}
