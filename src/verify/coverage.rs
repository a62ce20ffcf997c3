//! What of a request a route's signature vouches for, besides the body: for the lint.

use super::message_signature::{Component, MessageSignatureRules, SIGNATURE, SIGNATURE_INPUT};
use super::signature::Scheme;
use super::signature::message::Message;
use super::{Place, Proof, Verifier};
use crate::expr::Input;

impl Verifier {
    /// A signature is what makes an event count as the sender's, and it leaves this out: whoever has seen one signed request
    /// can send it again with another value here. Where a credential is shown, whoever holds it may write everything, so
    /// nothing is left out; where nothing is checked but the address, there is no signature to leave anything out.
    pub fn leaves_unsigned(&self, input: &Input<'_>) -> bool {
        let mut is_signed = false;
        for check in &self.checks {
            let covers = match &check.proof {
                Proof::Networks(_) | Proof::Nothing => continue,
                Proof::Token(_) => true,
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
            if covers {
                return false;
            }
            is_signed = true;
        }
        is_signed
    }

    /// A check looks at the client's address, by position among the checks.
    pub fn address_checks(&self) -> impl Iterator<Item = usize> {
        let checks = self.checks.iter().enumerate();
        checks.filter(|(_, check)| matches!(check.proof, Proof::Networks(_))).map(|(position, _)| position)
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
