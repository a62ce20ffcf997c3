//! Doors that are open, or open wider than they look.

use super::{Subject, VerifyPlace, checks};
use crate::config::spec::VerifySpec;

pub(super) fn lint(place: &VerifyPlace<'_>, subject: &Subject<'_>) {
    if let VerifySpec::Word(_) = place.spec {
        let help = "name a provider or a check, unless the path is a secret or only your own network reaches it";
        place.at.warning("verify-none", "anyone may call this", help.to_owned());
    }
    for (position, (check, at)) in checks(place.spec, &place.at).into_iter().enumerate() {
        if place.topic_checks.contains(&position) && check.topic_arn.is_none() {
            let message = "any account of this sender passes: it signs the messages of all topics";
            let help = "add `topic_arn`: the subscription of that topic is then confirmed, too";
            at.key("provider").warning("verify-topic", message, help.to_owned());
        }
    }
    if !subject.loaded.settings.trusted_proxies.is_empty() {
        return;
    }
    for (position, (check, at)) in checks(place.spec, &place.at).into_iter().enumerate() {
        if place.address_checks.contains(&position) {
            let at = if check.ip.is_some() { at.key("ip") } else { at.key("provider") };
            let message = "this looks at the client's address, and no proxy is trusted to name it";
            let help = "behind a proxy every request comes from the proxy: list it under `trusted_proxies` in \
                        hookswitch.yaml (where senders connect directly, all is well)";
            at.warning("verify-ip-direct", message, help.to_owned());
        }
    }
}
