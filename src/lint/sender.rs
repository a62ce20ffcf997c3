//! Senders that do not come again.

use super::RouteSubject;

pub(super) fn lint(subject: &RouteSubject<'_>) {
    let Some(provider) = subject.route.verifier().provider().filter(|provider| provider.retries == Some(false)) else {
        return;
    };
    if !subject.route.targets.iter().any(|target| target.required && target.enabled) {
        return;
    }
    if let Some(at) = subject.provider_at() {
        let message = format!("{} does not send again what could not be delivered", provider.title);
        let help = "let retries fit the deadline, and send what failed again by hand from the sender's own list of \
                    deliveries: dead letters and queues are not there yet";
        at.warning("sender-never-retries", message, help.to_owned());
    }
}
