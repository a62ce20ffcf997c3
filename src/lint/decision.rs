//! Decisions that rest on a header or a query parameter which the sender's signature leaves out.

use super::RouteSubject;
use crate::config::spec::AuthSpec;
use crate::diagnostic::At;
use crate::expr::Input;
use http::HeaderName;
use std::collections::BTreeSet;

const HELP: &str = "decide on the body or on the path, or check a credential as well: whoever has seen one signed \
                    request can send it again with another value here";

pub(super) fn lint(subject: &RouteSubject<'_>) {
    let verifier = subject.route.verifier();
    // Most routes sign everything or nothing: they are done.
    if !verifier.leaves_unsigned(&Input::Headers) {
        return;
    }
    let matching = subject.at.key("match");
    for name in subject.spec.matching.headers.keys() {
        let Ok(header) = name.parse::<HeaderName>() else { continue };
        if verifier.leaves_unsigned(&Input::Header(&header)) {
            report(&[format!("the header `{header}`")], &matching.key("headers").key(name));
        }
    }
    for name in subject.spec.matching.query.keys() {
        if verifier.leaves_unsigned(&Input::QueryKey(name)) {
            report(&[format!("the query parameter `{name}`")], &matching.key("query").key(name));
        }
    }
    let vars = Vars::of(subject);
    let mut unsigned = Unsigned::default();
    subject.route.when_inputs(&mut |input| unsigned.add(&input, subject, &vars));
    report(&unsigned.named(), &matching.key("when"));
    for target in subject.targets() {
        let mut unsigned = Unsigned::default();
        target.target.when.iter().for_each(|when| when.inputs(&mut |input| unsigned.add(&input, subject, &vars)));
        if let Some(at) = target.place("when", |spec| spec.when.is_some()) {
            report(&unsigned.named(), &at);
        }
        let mut unsigned = Unsigned::default();
        target.target.credential_inputs(&mut |input| unsigned.add(&input, subject, &vars));
        let keyed = target.auth().map(AuthSpec::keyed).unwrap_or_default();
        if let Some((auth, part)) = target.place("auth", |spec| spec.auth.is_some()).zip(keyed.first()) {
            let at = part.path.iter().fold(auth, |at, key| at.key(key));
            report(&unsigned.named(), &at.key("by"));
        }
    }
}

/// One warning for one place, whatever the number of names.
fn report(names: &[String], at: &At<'_>) {
    if !names.is_empty() {
        let names = names.join(" and ");
        let message = format!("what is decided here rests on {names}, and the signature does not cover that");
        at.warning("decision-unsigned", message, HELP.to_owned());
    }
}

/// What an expression looks at that nobody has signed.
#[derive(Default, Clone)]
struct Unsigned(BTreeSet<String>);

/// The same for each var, through those before it.
struct Vars(Vec<(String, Unsigned)>);

impl Vars {
    fn of(subject: &RouteSubject<'_>) -> Vars {
        let mut vars = Vars(Vec::with_capacity(subject.spec.vars.len()));
        for (position, name) in subject.spec.vars.keys().enumerate() {
            let mut unsigned = Unsigned::default();
            subject.route.var_inputs(position, &mut |input| unsigned.add(&input, subject, &vars));
            vars.0.push((name.clone(), unsigned));
        }
        vars
    }
}

impl Unsigned {
    fn add(&mut self, input: &Input<'_>, subject: &RouteSubject<'_>, vars: &Vars) {
        if let Input::Var(_) | Input::Vars = input {
            let read = vars.0.iter().filter(|(name, _)| *input == Input::Vars || *input == Input::Var(name));
            read.for_each(|(_, unsigned)| self.0.extend(unsigned.0.iter().cloned()));
        } else if subject.route.verifier().leaves_unsigned(input) {
            self.0.insert(match input {
                Input::Header(name) => format!("the header `{name}`"),
                Input::QueryKey(name) => format!("the query parameter `{name}`"),
                Input::Headers => "headers of any name".to_owned(),
                Input::Query | Input::Var(_) | Input::Vars => "query parameters of any name".to_owned(),
            });
        }
    }

    fn named(self) -> Vec<String> {
        self.0.into_iter().collect()
    }
}
