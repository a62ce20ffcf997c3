//! Secrets that stand in the configuration itself, where everybody who reads the repository reads them.

use super::{RouteSubject, Subject, VerifyPlace, add_secrets, by_key, checks, secrets};
use crate::config::spec::{AuthSpec, ByKeyTextSpec, Ordered, ProxySpec, SecretSpec, TargetSpec};
use crate::diagnostic::At;
use crate::expr::{Piece, scan};
use crate::secret::Reference;

pub(super) fn lint_route(subject: &RouteSubject<'_>) {
    for target in subject.targets() {
        lint_target(target.spec, &target.at);
    }
}

pub(super) fn lint_settings(subject: &Subject<'_>) {
    let at = subject.settings_at();
    let settings = &subject.loaded.settings;
    if let Some(token) = settings.admin.as_ref().and_then(|admin| admin.token.as_ref()) {
        report(token, &at.key("admin").key("token"));
    }
    match settings.egress.as_ref().and_then(|egress| egress.proxy.as_ref()) {
        None => {}
        Some(ProxySpec::Url(url)) => lint_proxy(url, &at.key("egress").key("proxy")),
        Some(ProxySpec::Whole(proxy)) => lint_proxy(&proxy.url, &at.key("egress").key("proxy").key("url")),
    }
    for (name, target) in &settings.targets {
        lint_target(target, &at.key("targets").key(name));
    }
}

pub(super) fn lint_verify(place: &VerifyPlace<'_>) {
    for (check, at) in checks(place.spec, &place.at) {
        secrets(check, &at).into_iter().for_each(|(secret, at)| lint_secret(secret, &at));
    }
}

fn lint_secret(written: &SecretSpec, at: &At<'_>) {
    match written {
        SecretSpec::Plain(text) => report(text, at),
        SecretSpec::Dated(dated) => report(&dated.value, &at.key("value")),
    }
}

/// The password of `http://user:password@host:port`; the rest of the URL is none.
fn lint_proxy(written: &str, at: &At<'_>) {
    let password = written.rsplit_once('@').and_then(|(before, _)| before.rsplit_once('/')?.1.split_once(':'));
    if let Some((_, password)) = password.filter(|(_, password)| !password.is_empty()) {
        report(password, at);
    }
}

fn lint_target(spec: &TargetSpec, at: &At<'_>) {
    // A path is no secret; a key that stands there is.
    let key = spec.tls.as_ref().and_then(|tls| tls.key.as_ref());
    if let Some(key) = key.filter(|key| key.contains("-----BEGIN ")) {
        report(key, &at.key("tls").key("key"));
    }
    let Some(auth) = &spec.auth else { return };
    let at = at.key("auth");
    let report = |value: &ByKeyTextSpec, at: At<'_>| {
        by_key(value, &at).into_iter().for_each(|(text, at)| report(text, &at));
    };
    let all = |values: &Ordered<ByKeyTextSpec>, at: At<'_>| {
        values.iter().for_each(|(name, value)| report(value, at.key(name)));
    };
    match auth {
        AuthSpec::Bearer(token) => report(token, at.key("bearer")),
        AuthSpec::Basic(basic) => report(&basic.password, at.key("basic").key("password")),
        AuthSpec::Headers(headers) => all(headers, at.key("headers")),
        AuthSpec::Query(query) => all(query, at.key("query")),
        AuthSpec::OAuth2(spec) => {
            let at = at.key("oauth2");
            for (written, key) in [(&spec.client_secret, "client_secret"), (&spec.refresh_token, "refresh_token")] {
                written.iter().for_each(|value| report(value, at.key(key)));
            }
        }
        AuthSpec::Sign(spec) => {
            let mut found = Vec::new();
            let lists = by_key(&spec.secret, &at.key("sign").key("secret"));
            lists.into_iter().for_each(|(list, at)| add_secrets(list, &at, &mut found));
            found.into_iter().for_each(|(secret, at)| lint_secret(secret, &at));
        }
        AuthSpec::Aws(spec) => {
            let at = at.key("aws");
            report(&spec.secret_access_key, at.key("secret_access_key"));
            spec.session_token.iter().for_each(|value| report(value, at.key("session_token")));
        }
    }
}

fn report(written: &str, at: &At<'_>) {
    let help =
        "write a reference, as \"${env:NAME}\" or \"${file:PATH}\", and change the secret if others have read it";
    match plain(written) {
        None => {}
        Some(Plain::Whole) => {
            at.warning_on_key("secret-plain", "the secret is written out in the configuration", help.to_owned());
        }
        Some(Plain::Default(name)) => {
            let message = format!("the default of ${{env:{name}}} is a secret that is written out");
            at.warning_on_key("secret-plain", message, format!("leave the default out: a missing {name} is an error"));
        }
    }
}

enum Plain {
    /// Nothing in it comes from elsewhere.
    Whole,
    /// The default of this variable.
    Default(String),
}

fn plain(written: &str) -> Option<Plain> {
    let pieces = scan(written).ok()?;
    let default = pieces.iter().find_map(|piece| match piece {
        Piece::Reference(Reference::Env { name, default: Some(default) }) if !default.is_empty() => Some(name),
        _ => None,
    });
    let is_literal = pieces.iter().all(|piece| matches!(piece, Piece::Literal(_)));
    match default {
        Some(name) => Some(Plain::Default(name.clone())),
        None => is_literal.then_some(Plain::Whole),
    }
}
