//! A target that is one of several shared ones, by what the event says: a compiled `choose`.
//!
//! Data names a target of the configuration and never more than that: hosts and credentials stay the operator's.

use super::graph::Placed;
use crate::config::spec::{OtherwiseSpec, TargetSpec};
use crate::deliver::{Chosen, Target};
use crate::diagnostic::At;
use crate::expr::{Environment, Evaluation, EvaluationError, Reads, Scope};
use crate::transform::Text;
use std::sync::Arc;

/// The shared targets that one target may be.
pub struct Choice {
    written: String,
    name: Text,
    among: Vec<Arc<Target>>,
    otherwise: Option<Arc<Target>>,
    /// The target's own `when` and `enabled` hold whatever is chosen.
    pub(super) has_own_when: bool,
    pub(super) is_disabled: bool,
}

impl Choice {
    /// `compile` makes a target of the spec as one of the shared ones. `None`: a mistake was reported.
    pub(super) fn compile(
        placed: &Placed<'_, '_>,
        environment: &Environment<'_>,
        compile: &dyn Fn(&Chosen<'_>) -> Option<Target>,
    ) -> Option<Choice> {
        let Placed { spec, at, .. } = placed;
        let written = spec.choose.as_ref()?;
        let whole = report_conflicts(spec, at);
        let name = Text::compile(written, environment, &at.key("choose")).filter(|name| {
            if name.constant().is_some() {
                let help = "write an expression: '${body.project}', or `use: NAME`".to_owned();
                at.key("choose").error("choose-constant", "this is the same for every event", help);
            }
            name.constant().is_none()
        });
        let among = at.key("among");
        let listed = spec.among.as_deref().unwrap_or_default();
        if listed.is_empty() {
            let help = "add `among:` with names of targets of hookswitch.yaml".to_owned();
            at.key("choose").error("among-missing", "there is nothing to choose among", help);
        }
        let targets: Vec<Option<Arc<Target>>> = listed
            .iter()
            .enumerate()
            .map(|(index, name)| compile(&Chosen { name, at: among.index(index) }).map(Arc::new))
            .collect();
        let otherwise = match &spec.otherwise {
            Some(OtherwiseSpec::Target(name)) => {
                Some(compile(&Chosen { name, at: at.key("otherwise") }).map(Arc::new)?)
            }
            _ => None,
        };
        let among: Vec<Arc<Target>> = targets.into_iter().collect::<Option<_>>()?;
        if among.is_empty() {
            return None;
        }
        whole?;
        let is_disabled = spec.enabled.is_some() && among.first().is_some_and(|target| !target.enabled);
        let has_own_when = spec.when.is_some();
        Some(Choice { written: written.clone(), name: name?, among, otherwise, has_own_when, is_disabled })
    }

    /// # Errors
    /// The expression is wrong, or names none of the targets and there is none for that case.
    pub fn pick(&self, scope: Scope<'_>) -> Result<&Arc<Target>, EvaluationError> {
        let name = match self.name.text(&mut Evaluation::new(scope)) {
            Ok(name) => name,
            Err(EvaluationError::Absent { .. }) => None,
            Err(error) => return Err(error),
        };
        let is_named = |target: &&Arc<Target>| name.is_some() && target.chosen.as_deref() == name.as_deref();
        self.among.iter().find(is_named).or(self.otherwise.as_ref()).ok_or_else(|| {
            let known: Vec<&str> = self.among.iter().filter_map(|target| target.chosen.as_deref()).collect();
            EvaluationError::Wrong(format!("`choose` names none of {}", known.join(", ")))
        })
    }

    /// As written, for `routes`.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Every target that it may be.
    pub fn targets(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.among.iter().chain(&self.otherwise)
    }

    pub(super) fn reads(&self) -> Reads {
        self.name.reads()
    }
}

/// Host and credentials are those of the shared target.
fn report_conflicts(spec: &TargetSpec, at: &At<'_>) -> Option<()> {
    let keys = [("use", spec.shared.is_some()), ("url", spec.url.is_some()), ("auth", spec.auth.is_some())];
    let mut whole = Some(());
    for (key, _) in keys.iter().filter(|(_, is_written)| *is_written) {
        let message = format!("a target that chooses has no `{key}`: the chosen one brings its own");
        at.key(key).error("choose-conflict", message, format!("remove `{key}`, or `choose`"));
        whole = None;
    }
    whole
}
