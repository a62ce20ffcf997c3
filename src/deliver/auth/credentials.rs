//! Whose credentials a request carries: those of the target, or those of the tenant that the event is of.
//!
//! All that is keyed in one `auth` is chosen by one key, and has a value for each of the same keys: a tenant has all of its
//! credentials or none, and what is sent to it is never made of those of two.

use super::{Auth, Home, NONE};
use crate::config::spec::{AuthSpec, ByKeySpec, KeyedPart, KeyedSpec, Ordered};
use crate::deliver::{NotBuilt, TargetContext};
use crate::diagnostic::At;
use crate::expr::{Evaluation, EvaluationError, Input, Reads};
use crate::keyed::Keyed;
use std::sync::Arc;

/// The tenant whose credentials are compiled; `None`: nothing is keyed.
pub(in crate::deliver) type Tenant<'t> = Option<&'t str>;

/// The credentials of a target, the same for every event or chosen by a key of it.
#[derive(Default)]
pub(in crate::deliver) enum Credentials {
    #[default]
    None,
    Same(Box<Auth>),
    Keyed(Box<Keyed<Auth>>),
}

impl Credentials {
    pub(in crate::deliver) fn compile(
        spec: &AuthSpec,
        context: &TargetContext<'_>,
        home: Option<&Home<'_>>,
        at: &At<'_>,
    ) -> Option<Credentials> {
        let parts = spec.keyed();
        let Some((first, others)) = parts.split_first() else {
            return Auth::compile(spec, None, context, home, at).map(Box::new).map(Credentials::Same);
        };
        let agree: Vec<bool> = others.iter().map(|other| agrees(other, first, at)).collect();
        let keys: Ordered<String> = first.keys.iter().map(|key| ((*key).to_owned(), (*key).to_owned())).collect();
        let keyed = KeyedSpec { by: first.by.to_owned(), values: keys };
        let auths = Keyed::compile(&keyed, &context.environment, &place(first, at), |key, _| {
            Auth::compile(spec, Some(key), context, home, at)
        });
        auths.filter(|_| !agree.contains(&false)).map(Box::new).map(Credentials::Keyed)
    }

    /// Those for this event.
    ///
    /// # Errors
    /// They are chosen by a key, and the event has none, or one that is nobody's.
    pub(in crate::deliver) fn chosen(&self, evaluation: &mut Evaluation<'_>) -> Result<&Auth, NotBuilt> {
        let keyed = match self {
            Credentials::None => return Ok(&NONE),
            Credentials::Same(auth) => return Ok(auth),
            Credentials::Keyed(keyed) => keyed,
        };
        match keyed.choose(evaluation) {
            Ok(Some(auth)) => Ok(auth),
            Ok(None) => Err(NotBuilt::UnknownKey { by: Arc::from(keyed.by().source()) }),
            Err(EvaluationError::Absent { .. }) => Err(NotBuilt::NoKey { by: Arc::from(keyed.by().source()) }),
            Err(error) => Err(NotBuilt::Expression(error)),
        }
    }

    pub(in crate::deliver) fn each(&self) -> impl Iterator<Item = &Auth> {
        let (same, keyed) = match self {
            Credentials::None => (Some(&NONE), None),
            Credentials::Same(auth) => (Some(&**auth), None),
            Credentials::Keyed(keyed) => (None, Some(keyed.values())),
        };
        same.into_iter().chain(keyed.into_iter().flatten())
    }

    /// Every event gets the same parameters, and they are known already.
    pub(in crate::deliver) fn query_is_constant(&self) -> bool {
        match self {
            Credentials::None => true,
            Credentials::Same(auth) => auth.query_is_constant(),
            Credentials::Keyed(_) => self.each().all(|auth| auth.query.is_empty()),
        }
    }

    pub(in crate::deliver) fn reads(&self) -> impl Iterator<Item = Reads> + '_ {
        let by = match self {
            Credentials::None | Credentials::Same(_) => None,
            Credentials::Keyed(keyed) => Some(keyed.by().reads()),
        };
        by.into_iter().chain(self.each().flat_map(Auth::reads))
    }

    /// What the choice rests on.
    pub(in crate::deliver) fn inputs<'c>(&'c self, visit: &mut dyn FnMut(Input<'c>)) {
        if let Credentials::Keyed(keyed) = self {
            keyed.by().inputs(visit);
        }
    }
}

fn place<'a>(part: &KeyedPart<'_>, at: &At<'a>) -> At<'a> {
    part.path.iter().fold(at.clone(), |at, key| at.key(key))
}

/// Reports every difference.
fn agrees(part: &KeyedPart<'_>, first: &KeyedPart<'_>, at: &At<'_>) -> bool {
    let (here, there) = (place(part, at), place(first, at));
    let mut agrees = true;
    if part.by.trim() != first.by.trim() {
        let help = "write the same `by` at each of them".to_owned();
        let message = "what is keyed in one `auth` is chosen by one key, and this is another one";
        here.key("by").error_with("keyed-differs", message, help, &there.key("by"), "chosen by this there");
        agrees = false;
    }
    for (one, other, written, missing) in [(first, part, &there, &here), (part, first, &here, &there)] {
        for key in one.keys.iter().filter(|key| !other.keys.contains(key)) {
            let message = format!("the key {key:?} has no value here, and has one elsewhere in this `auth`");
            let help = format!("add {key:?}, or take it out there: a tenant has all of its credentials or none");
            let written = written.key("values").key(key);
            missing.key("values").error_with("keyed-differs", message, help, &written, "here it has one");
            agrees = false;
        }
    }
    agrees
}

/// What is written for a tenant, and its place. `None` where it has nothing there, which is reported as a difference.
pub(super) fn of<'s, 'a, T>(spec: &'s ByKeySpec<T>, tenant: Tenant<'_>, at: &At<'a>) -> Option<(&'s T, At<'a>)> {
    match spec {
        ByKeySpec::Same(value) => Some((value, at.clone())),
        ByKeySpec::Keyed(keyed) => {
            let key = tenant?;
            Some((keyed.values.get(key)?, at.key("values").key(key)))
        }
    }
}
