//! Providers as data: the built-in table, and the user's own in the same shape.
//!
//! The table is embedded and read when a provider is first named; a provider stands in it only if requests of it are
//! really verified. What is compiled here waits for the secrets of a check.

mod blueprint;
mod describe;
mod jwt;
mod scheme;

#[cfg(test)]
mod tests;

use super::evidence::Place;
use super::handshake::{Outline, Reply};
use crate::config::spec::{ConfidenceSpec, OneOrMany, Ordered, ProviderSpec, ReplySpec};
use crate::config::units::parse_duration;
use crate::diagnostic::{At, Findings};
use crate::secret::{Missing, References};
pub(super) use blueprint::{Blueprint, reported};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// A sender that is known by name.
pub struct Provider {
    pub name: Arc<str>,
    pub title: String,
    /// How sure the facts are: [`Provider::is_doubtful`] ones deserve a warning.
    pub confidence: ConfidenceSpec,
    /// What is checked, in a few words.
    pub checked: String,
    /// What to know before relying on it; empty where there is nothing.
    pub notes: String,
    /// What identifies a delivery over the sender's retries, for `dedupe: {key: auto}`.
    pub delivery_id: Option<Place>,
    /// The same, as it is written in a table.
    pub delivery_id_written: Option<String>,
    /// How long the sender waits for an answer.
    pub patience: Option<Duration>,
    /// `Some(false)`: the sender does not redeliver by itself.
    pub retries: Option<bool>,
    /// The literal answer that the sender takes for a yes.
    pub(super) reply: Option<Reply>,
    /// The status of a refusal; `None` is 401.
    pub refusal: Option<u16>,
    /// Where the whole event stands, encrypted.
    pub(super) sealed: Option<Place>,
    /// Requests that only establish that the endpoint is ours.
    pub(super) handshakes: Vec<Outline>,
    pub(super) blueprint: Blueprint,
}

/// All providers that a check may name.
pub struct Providers {
    own: Vec<Arc<Provider>>,
    /// Own ones with mistakes, which have been reported.
    broken: Vec<String>,
}

/// A parameter of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub name: &'static str,
    pub need: Need,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Without it there is an error, or everything is refused.
    Required,
    /// It, or another one that is called so.
    OneOf,
    /// Without it the sender's question whether the address is ours cannot be answered.
    Handshake,
    Optional,
}

impl Need {
    /// For listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Need::Required => "required",
            Need::OneOf => "one-of",
            Need::Handshake => "handshake",
            Need::Optional => "optional",
        }
    }
}

/// Name and title of a provider, for listings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub title: String,
    pub confidence: ConfidenceSpec,
}

impl Provider {
    /// 80 % of the sender's patience, so that the answer is there before it gives up.
    pub fn deadline(&self) -> Option<Duration> {
        self.patience.map(|patience| patience * 4 / 5)
    }

    /// Its scheme is known from memory only, or nothing authoritative was found.
    pub fn is_doubtful(&self) -> bool {
        self.confidence >= ConfidenceSpec::Memory
    }

    /// What a check may say, in the order in which one would write it.
    pub fn parameters(&self) -> Vec<Asked> {
        let own = self.blueprint.takes().into_iter().map(|(name, need)| Asked { name, need });
        let mut parameters: Vec<Asked> = own.collect();
        for name in self.handshakes.iter().flat_map(Outline::takes) {
            if parameters.iter().all(|asked| asked.name != name) {
                parameters.push(Asked { name, need: Need::Handshake });
            }
        }
        parameters
    }

    /// The secret arrives in a handshake: until then a check has none.
    pub(super) fn gives_secret(&self) -> bool {
        self.handshakes.iter().any(Outline::gives_secret)
    }

    /// `table`: where `like` looks. Mistakes are reported below `at`.
    fn compile(name: &str, spec: &ProviderSpec, table: &Ordered<ProviderSpec>, at: &At<'_>) -> Option<Provider> {
        let models = models(name, spec, table, at)?;
        let scheme = models.last().copied().unwrap_or(spec);
        let scheme_at = if models.is_empty() { at.clone() } else { at.key("like") };
        let delivery_id = std::iter::once(spec).chain(models).find_map(|spec| spec.delivery_id.as_ref());
        let id_header = scheme.verify.as_ref().and_then(|scheme| scheme.id_header.as_ref());
        let id_header = id_header.map(|name| format!("header:{name}"));
        let written = delivery_id.or(id_header.as_ref()).cloned();
        let delivery_id = written.as_ref().map(|text| place(text, &at.key("delivery_id")));
        let patience = spec.patience.as_ref().map(|text| patience(text, &at.key("patience")));
        let sealed = spec.sealed.as_ref().map(|text| place(text, &at.key("sealed")));
        let blueprint = Blueprint::compile(scheme, &scheme_at);
        let reply = spec.reply.as_ref().map(|reply| literal_reply(reply, &at.key("reply")));
        let handshakes = handshakes(spec, &at.key("handshake"))?;
        let later = handshakes.iter().any(Outline::gives_secret);
        Some(Provider {
            name: name.into(),
            title: spec.title.clone().unwrap_or_else(|| name.to_owned()),
            confidence: spec.confidence.unwrap_or(ConfidenceSpec::Configured),
            checked: describe::checked(scheme),
            notes: spec.notes.clone().unwrap_or_default(),
            delivery_id_written: written,
            delivery_id: delivery_id.map_or(Some(None), |place| place.map(Some))?,
            patience: patience.map_or(Some(None), |patience| patience.map(Some))?,
            retries: spec.retries,
            reply: reply.map_or(Some(None), |reply| reply.map(Some))?,
            refusal: spec.refusal,
            sealed: sealed.map_or(Some(None), |sealed| sealed.map(Some))?,
            handshakes,
            blueprint: if later { blueprint?.without_secret_at_first() } else { blueprint? },
        })
    }
}

/// Nobody writes a longer row of providers that are like one another, unless it is a circle.
const MODELS_MAX: usize = 8;

/// Whom `like` names, whom that one is like, and so on: the last has a scheme of its own. What is like its own name is
/// like the built-in provider of that name.
fn models<'t>(
    name: &str,
    spec: &'t ProviderSpec,
    table: &'t Ordered<ProviderSpec>,
    at: &At<'_>,
) -> Option<Vec<&'t ProviderSpec>> {
    let at = at.key("like");
    if spec.like.is_some() && spec.verify.is_some() {
        at.error("provider-scheme", "both `like` and `verify` are written", Some("keep one of them".to_owned()));
        return None;
    }
    let mut models: Vec<&ProviderSpec> = Vec::new();
    let (mut from, mut next) = (name, spec.like.as_deref());
    while let Some(like) = next {
        if models.len() == MODELS_MAX {
            let help = "describe the scheme of one of them with `verify`".to_owned();
            at.error("provider-scheme", format!("`like` leads back to `{like}`"), Some(help));
            return None;
        }
        let known = if like == from { &*TABLE } else { table };
        let Some(model) = known.get(like) else {
            at.error("provider-unknown", format!("there is no provider `{like}`"), suggestion(like, known.keys()));
            return None;
        };
        models.push(model);
        (from, next) = (like, model.like.as_deref());
    }
    Some(models)
}

impl Providers {
    /// The built-in ones alone.
    pub fn built_in() -> Providers {
        Providers { own: Vec::new(), broken: Vec::new() }
    }

    /// With `providers:` of hookswitch.yaml; `at` is that key. A built-in name may be defined anew.
    pub fn compile(own: &Ordered<ProviderSpec>, at: &At<'_>) -> Providers {
        // The table is read only where something asks for it.
        if own.is_empty() {
            return Providers::built_in();
        }
        let mut table = TABLE.clone();
        table.extend(own.iter().map(|(name, spec)| (name.clone(), spec.clone())));
        let mut providers = Providers::built_in();
        for (name, spec) in own {
            match Provider::compile(name, spec, &table, &at.key(name)) {
                Some(provider) => providers.own.push(Arc::new(provider)),
                None => providers.broken.push(name.clone()),
            }
        }
        providers
    }

    /// Defined by the user, with a mistake that has been reported at its place.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.broken.iter().any(|broken| broken == name)
    }

    pub fn find(&self, name: &str) -> Option<Arc<Provider>> {
        let own = self.own.iter().find(|provider| &*provider.name == name);
        if self.is_broken(name) {
            return None;
        }
        own.cloned().or_else(|| built_in(name, &Findings::default()).map(Arc::new))
    }

    /// In the order of their names.
    pub fn list(&self) -> Vec<Listed> {
        let own = self.own.iter().map(|provider| Listed {
            name: provider.name.to_string(),
            title: provider.title.clone(),
            confidence: provider.confidence,
        });
        let built_in = TABLE.iter().filter(|(name, _)| self.own.iter().all(|own| *own.name != ***name));
        let built_in = built_in.map(|(name, spec)| Listed {
            name: name.clone(),
            title: spec.title.clone().unwrap_or_else(|| name.clone()),
            confidence: spec.confidence.unwrap_or(ConfidenceSpec::Memory),
        });
        let mut all: Vec<Listed> = own.chain(built_in).collect();
        all.sort_by(|left, right| left.name.cmp(&right.name));
        all
    }

    /// A help line for a name that is none.
    pub(super) fn suggest(&self, name: &str) -> String {
        suggestion(name, self.list().iter().map(|listed| &listed.name))
    }
}

fn handshakes(spec: &ProviderSpec, at: &At<'_>) -> Option<Vec<Outline>> {
    let written = spec.handshake.as_ref();
    let list = matches!(written, Some(OneOrMany::Many(_)));
    let specs = written.map_or(&[][..], OneOrMany::as_slice);
    let outlines = specs.iter().enumerate().map(|(position, spec)| {
        let at = if list { at.index(position) } else { at.clone() };
        Outline::compile(spec, &at)
    });
    outlines.collect::<Vec<_>>().into_iter().collect()
}

/// One that serves every event: it knows the request, and neither a keyed hash nor parameters of a check.
fn literal_reply(spec: &ReplySpec, at: &At<'_>) -> Option<Reply> {
    let reply = Reply::compile(spec, at)?;
    if reply.names_mac() || !reply.parameters().is_empty() {
        at.error("provider-reply", "a literal reply repeats only what stands in the request", None);
        return None;
    }
    Some(reply)
}

fn built_in(name: &str, findings: &Findings) -> Option<Provider> {
    let references = References::new(Path::new(""), Missing::Fails);
    let at = At::document(findings, &references, 0);
    Provider::compile(name, TABLE.get(name)?, &TABLE, &at)
}

/// One file per field of business; every file is a mapping of names to [`ProviderSpec`].
const FILES: &[&str] = &[
    include_str!("standard.yaml"),
    include_str!("developer.yaml"),
    include_str!("payments.yaml"),
    include_str!("messaging.yaml"),
    include_str!("business.yaml"),
];

/// A file that cannot be read gives no provider, and a test fails: the files are part of the program.
static TABLE: LazyLock<Ordered<ProviderSpec>> =
    LazyLock::new(|| FILES.iter().filter_map(|file| read(file).ok()).flatten().collect());

fn read(file: &str) -> Result<Ordered<ProviderSpec>, serde_yaml::Error> {
    serde_yaml::from_str(file)
}

fn place(text: &str, at: &At<'_>) -> Option<Place> {
    Place::parse(text).map_err(|error| at.error("provider-place", error.to_string(), None)).ok()
}

fn patience(text: &str, at: &At<'_>) -> Option<Duration> {
    parse_duration(text).map_err(|error| at.error("unit", error.to_string(), None)).ok()
}

fn suggestion<'n>(name: &str, known: impl Iterator<Item = &'n String>) -> String {
    crate::suggest::did_you_mean(name, known.map(String::as_str)).unwrap_or_else(|| {
        "`hookswitch routes --providers` lists them; any other sender: `hmac` or `shared`".to_owned()
    })
}
