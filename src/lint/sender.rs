//! Events that nobody would have any more: of senders that do not come again, and of those that were told "accepted".

use super::{RouteSubject, TargetSubject};
use crate::route::Ack;

pub(super) fn lint(subject: &RouteSubject<'_>) {
    match subject.route.ack {
        Ack::Accepted => accepted(subject),
        Ack::Delivered => never_again(subject),
    }
}

/// Nothing keeps what it cannot deliver.
fn has_no_dead_letter(target: &TargetSubject<'_>) -> bool {
    target.target.enabled && target.target.dead_letter.is_none()
}

fn accepted(subject: &RouteSubject<'_>) {
    let lossy = subject.targets().into_iter().find(has_no_dead_letter);
    if let Some(target) = lossy {
        let name = &target.target.name;
        let message = format!("what cannot be delivered to `{name}` is lost: the sender has heard \"yes\" by then");
        let help = "give it a `dead_letter`; it is written too for what is left when the process stops";
        subject.at.key("ack").warning("accepted-without-dead-letter", message, help.to_owned());
    }
}

fn never_again(subject: &RouteSubject<'_>) {
    let Some(provider) = subject.route.verifier().provider().filter(|provider| provider.retries == Some(false)) else {
        return;
    };
    if !subject.targets().iter().any(|target| target.target.required && has_no_dead_letter(target)) {
        return;
    }
    if let Some(at) = subject.provider_at() {
        let message = format!("{} does not send again what could not be delivered", provider.title);
        let help = "give the target a `dead_letter`, and replay it; or send again by hand from the sender's own list of \
                    deliveries";
        at.warning("sender-never-retries", message, help.to_owned());
    }
}
