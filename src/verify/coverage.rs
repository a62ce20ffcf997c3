//! What of a request a route's signature vouches for, besides the body: for the lint.

use super::message_signature::{Component, MessageSignatureRules, SIGNATURE, SIGNATURE_INPUT};
use super::signature::Scheme;
use super::signature::message::Message;
use super::{Check, Place, Proof, Provider, Verifier, each_leaf};
use crate::expr::Input;

impl Verifier {
    /// A signature is what makes an event count as the sender's, and it leaves this out: whoever has seen one signed request
    /// can send it again with another value here. Where a credential is shown, whoever holds it may write everything, so
    /// nothing is left out; where nothing is checked but the address, there is no signature to leave anything out.
    pub fn leaves_unsigned(&self, input: &Input<'_>) -> bool {
        all(&self.checks, input) == Cover::Leaves
    }

    /// A check looks at the client's address, by position among the checks that are no choice among others.
    pub fn address_checks(&self) -> Vec<usize> {
        self.positions(|check| matches!(check.proof, Proof::Networks(_)))
    }

    /// A check may be about one topic of a sender that signs those of everybody, by position as above.
    pub fn topic_checks(&self) -> Vec<usize> {
        let takes_topic = |provider: &Provider| provider.parameters().iter().any(|asked| asked.name == "topic_arn");
        self.positions(|check| check.provider.as_deref().is_some_and(takes_topic))
    }

    fn positions(&self, test: impl Fn(&Check) -> bool) -> Vec<usize> {
        let (mut positions, mut position) = (Vec::new(), 0);
        each_leaf(&self.checks, &mut |check| {
            positions.extend(test(check).then_some(position));
            position += 1;
        });
        positions
    }
}

/// What a check does for a part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cover {
    /// It signs something, and not this.
    Leaves,
    /// It neither signs nor asks for a credential.
    Nothing,
    Covers,
}

/// What one of them covers is covered.
fn all(checks: &[Check], input: &Input<'_>) -> Cover {
    let covers: Vec<Cover> = checks.iter().map(|check| check.proof.cover(input)).collect();
    match covers {
        covers if covers.contains(&Cover::Covers) => Cover::Covers,
        covers if covers.contains(&Cover::Leaves) => Cover::Leaves,
        _ => Cover::Nothing,
    }
}

impl Proof {
    fn cover(&self, input: &Input<'_>) -> Cover {
        let covers = match self {
            Proof::Networks(_) | Proof::Nothing => return Cover::Nothing,
            // Whoever wants to leave something out takes the alternative that does.
            Proof::Any(alternatives) => {
                let covers: Vec<Cover> = alternatives.iter().map(|checks| all(checks, input)).collect();
                return match covers {
                    covers if covers.contains(&Cover::Leaves) => Cover::Leaves,
                    covers if covers.contains(&Cover::Nothing) => Cover::Nothing,
                    _ => Cover::Covers,
                };
            }
            Proof::Token(_) | Proof::Issuer(_) => true,
            Proof::Signature(signature) => signature.scheme.covers(input),
            Proof::Certified(certified) => certified.signature.scheme.covers(input),
            Proof::MessageSignature(signature) => signature.rules.covers(input),
            Proof::Jwt(jwt) => match input {
                Input::Header(name) => jwt.rules.header == **name,
                Input::QueryKey(_) | Input::Query => jwt.names_url(),
                Input::Headers => false,
                Input::Var(_) | Input::Vars => true,
            },
        };
        if covers { Cover::Covers } else { Cover::Leaves }
    }
}

impl Scheme {
    /// Of several messages any may be what was signed, so each must have it.
    fn covers(&self, input: &Input<'_>) -> bool {
        let each = |test: &dyn Fn(&Message) -> bool| self.alternatives().all(test);
        match input {
            Input::Header(name) => {
                let is_here = |place: &Place| matches!(place, Place::Header(other) if other == *name);
                let is_time = self.timestamp.as_ref().and_then(|time| time.place.as_ref()).is_some_and(is_here);
                self.places.iter().any(|holder| is_here(&holder.place))
                    || self.required.iter().any(|required| is_here(&required.place))
                    || each(&|message| message.signs_header(name) || is_time && message.names_time())
            }
            Input::QueryKey(name) => {
                let is_here = |place: &Place| matches!(place, Place::Query(other) if other == name);
                self.places.iter().any(|holder| is_here(&holder.place))
                    || self.required.iter().any(|required| is_here(&required.place))
                    || each(&|message| message.signs_query(Some(name)))
            }
            Input::Query => each(&|message| message.signs_query(None)),
            Input::Headers => false,
            Input::Var(_) | Input::Vars => true,
        }
    }

    /// What may be signed: by whichever place holds the signature.
    fn alternatives(&self) -> impl Iterator<Item = &Message> {
        let own = self.places.iter().filter_map(|holder| holder.message.as_ref());
        let shared = self.places.iter().any(|holder| holder.message.is_none());
        own.chain(self.messages.iter().filter(move |_| shared))
    }
}

impl MessageSignatureRules {
    /// More than this may be covered, and need not be.
    fn covers(&self, input: &Input<'_>) -> bool {
        let any = |test: &dyn Fn(&Component) -> bool| self.covers.iter().any(test);
        match input {
            Input::Header(name) => {
                let carries = *name == SIGNATURE || *name == SIGNATURE_INPUT;
                carries || any(&|component| matches!(component, Component::Field(other) if other == *name))
            }
            Input::QueryKey(_) | Input::Query => {
                any(&|component| matches!(component, Component::TargetUri | Component::Query))
            }
            Input::Headers => false,
            Input::Var(_) | Input::Vars => true,
        }
    }
}
