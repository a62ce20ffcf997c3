//! `verify:` as written, to a [`Verifier`]. Every mistake is reported, each at its place.

use super::evidence::Place;
use super::network::Networks;
use super::provider::Providers;
use super::secrets::{self, Dated, Fingerprint};
use super::signature::Signature;
use super::signature::compile::header;
use super::token::{Shown, Token};
use super::{Check, Proof, Verifier};
use crate::config;
use crate::config::spec::{BasicSpec, CheckSpec, OneOrMany, SharedSpec, VerifySpec, VerifyWordSpec};
use crate::diagnostic::At;
use crate::secret::{Secret, holds_stand_in};
use http::header::AUTHORIZATION;

pub(super) fn verifier(spec: &VerifySpec, providers: &Providers, at: &At<'_>) -> Option<Verifier> {
    let checks: Vec<Option<Check>> = match spec {
        VerifySpec::Word(VerifyWordSpec::None) => Vec::new(),
        VerifySpec::Checks(OneOrMany::One(one)) => vec![check(one, providers, at)],
        VerifySpec::Checks(OneOrMany::Many(many)) if many.is_empty() => {
            let help = "write a check, or `none` if anyone may call".to_owned();
            at.error("verify-empty", "an empty list checks nothing", Some(help));
            return None;
        }
        VerifySpec::Checks(OneOrMany::Many(many)) => {
            many.iter().enumerate().map(|(position, one)| check(one, providers, &at.index(position))).collect()
        }
    };
    let checks: Vec<Check> = checks.into_iter().collect::<Option<_>>()?;
    let mut verifier = Verifier { checks, credential_headers: Vec::new(), credential_query: Vec::new() };
    for check in &verifier.checks {
        if let Proof::Jwt(jwt) = &check.proof
            && jwt.rules.header == AUTHORIZATION
        {
            verifier.credential_headers.push(AUTHORIZATION);
        }
        let Proof::Token(token) = &check.proof else { continue };
        match &token.shown {
            Shown::At(place) | Shown::After(place, _) => {
                let (headers, query) = (&mut verifier.credential_headers, &mut verifier.credential_query);
                place.each(&mut |place| match place {
                    Place::Header(name) => headers.push(name.clone()),
                    Place::Query(name) | Place::Parameter(name) => query.push(name.clone()),
                    Place::Form(_) | Place::Json(_) | Place::Part(..) | Place::First(_) => {}
                });
            }
            Shown::Bearer | Shown::Basic => verifier.credential_headers.push(AUTHORIZATION),
            Shown::Each(_) => {}
        }
    }
    verifier.credential_headers.sort_by(|left, right| left.as_str().cmp(right.as_str()));
    verifier.credential_headers.dedup();
    Some(verifier)
}

const KINDS: &str = "provider, hmac, shared, basic, bearer or ip";

/// Reports a check of no kind or of several.
fn of_one_kind(spec: &CheckSpec, at: &At<'_>) -> Option<()> {
    let kinds = [
        ("provider", spec.provider.is_some()),
        ("hmac", spec.hmac.is_some()),
        ("shared", spec.shared.is_some()),
        ("basic", spec.basic.is_some()),
        ("bearer", spec.bearer.is_some()),
        ("ip", spec.ip.is_some()),
    ];
    let written: Vec<&str> = kinds.iter().filter(|(_, written)| *written).map(|(name, _)| *name).collect();
    match written.as_slice() {
        [_] => Some(()),
        [] => {
            let help = format!("write one of {KINDS}, or `verify: none` if anyone may call");
            at.error("verify-kind", "this check says no kind", Some(help));
            None
        }
        [_, second, ..] => {
            let message = format!("a check is of one kind, and this has {}", written.join(" and "));
            let help = "make it a list of checks, which must all pass".to_owned();
            at.key(second).error("verify-kind", message, Some(help));
            None
        }
    }
}

fn check(spec: &CheckSpec, providers: &Providers, at: &At<'_>) -> Option<Check> {
    of_one_kind(spec, at)?;
    if let Some(name) = &spec.provider {
        return provider(name, spec, providers, at);
    }
    let (name, proof) = if let Some(hmac) = &spec.hmac {
        let timed = hmac.timestamp.is_some();
        let by_url = hmac.message.as_ref().is_some_and(|message| message.contains("${url}"));
        let mut takes = vec!["secret"];
        takes.extend(timed.then_some("tolerance"));
        takes.extend(by_url.then_some("public_url"));
        let fits = takes_only(spec, &takes, "hmac", at);
        let signature = Signature::compile_hmac(hmac, spec, at);
        ("hmac", fits.and(signature).map(|signature| Proof::Signature(Box::new(signature))))
    } else if let Some(shared) = &spec.shared {
        let fits = takes_only(spec, &["secret"], "shared", at);
        ("shared", fits.and(shared_token(shared, spec, at)).map(Proof::Token))
    } else if let Some(basic) = &spec.basic {
        let fits = takes_only(spec, &[], "basic", at);
        ("basic", fits.and(basic_token(basic, &at.key("basic"))).map(Proof::Token))
    } else if let Some(ip) = &spec.ip {
        let fits = takes_only(spec, &[], "ip", at);
        ("ip", fits.and(addresses(ip, &at.key("ip"))).map(Proof::Networks))
    } else {
        let fits = takes_only(spec, &[], "bearer", at);
        ("bearer", fits.and(bearer_token(spec, &at.key("bearer"))).map(Proof::Token))
    };
    Some(Check { name: name.to_owned(), proof: proof?, provider: None, handshakes: Vec::new() })
}

fn provider(written: &str, spec: &CheckSpec, providers: &Providers, at: &At<'_>) -> Option<Check> {
    let here = at.key("provider");
    let name = config::plain(written, &here)?;
    let Some(provider) = providers.find(&name) else {
        if providers.is_broken(&name) {
            return None;
        }
        here.error("verify-provider-unknown", format!("there is no provider `{name}`"), providers.suggest(&name));
        return None;
    };
    let takes: Vec<&str> = provider.parameters().into_iter().map(|parameter| parameter.name).collect();
    let fits = takes_only(spec, &takes, &name, at);
    if provider.is_doubtful() {
        let message = format!("how {} signs is not confirmed by the provider's own documentation", provider.title);
        let help = "compare with a captured request: `check_signature: true` in a test".to_owned();
        here.warning("verify-provider-doubtful", message, Some(help));
    }
    let proof = provider.blueprint.proof(spec, at);
    fits?;
    let proof = proof?;
    if provider.gives_secret() && spec.secret.is_none() {
        let message = format!("without a secret nothing passes but the handshake in which {} gives it", provider.title);
        let help = "create the webhook there, then write what it gave as `secret`".to_owned();
        here.warning("verify-secret-pending", message, Some(help));
    }
    let rules = provider.blueprint.key_rules();
    let handshakes = provider.handshakes.iter().map(|outline| outline.with(spec, &rules, at));
    let handshakes = handshakes.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?;
    let handshakes = handshakes.into_iter().flatten().collect();
    Some(Check { name, proof, provider: Some(provider), handshakes })
}

/// Reports every parameter that is written and means nothing here.
fn takes_only(spec: &CheckSpec, takes: &[&str], name: &str, at: &At<'_>) -> Option<()> {
    let parameters = [
        ("secret", spec.secret.is_some()),
        ("tolerance", spec.tolerance.is_some()),
        ("public_url", spec.public_url.is_some()),
        ("public_key", spec.public_key.is_some()),
        ("secondary", spec.secondary.is_some()),
        ("app_key", spec.app_key.is_some()),
        ("api_key", spec.api_key.is_some()),
        ("serial", spec.serial.is_some()),
        ("private_key", spec.private_key.is_some()),
        ("webhook_id", spec.webhook_id.is_some()),
        ("cert_pem", spec.cert_pem.is_some()),
        ("cert_url", spec.cert_url.is_some()),
        ("verify_token", spec.verify_token.is_some()),
        ("confirmation", spec.confirmation.is_some()),
        ("group_id", spec.group_id.is_some()),
        ("allowed_origins", spec.allowed_origins.is_some()),
    ];
    let unexpected = parameters.iter().filter(|(parameter, written)| *written && !takes.contains(parameter));
    let unexpected: Vec<&str> = unexpected.map(|(parameter, _)| *parameter).collect();
    for parameter in &unexpected {
        let help = match (*parameter, name) {
            ("secret", "basic" | "bearer") => format!("the secret of `{name}` stands in `{name}` itself"),
            ("secret", _) if takes.contains(&"private_key") => "write it as `private_key`".to_owned(),
            ("secret", _) if takes.contains(&"public_key") => "write the provider's key as `public_key`".to_owned(),
            ("tolerance", _) => "only a signed timestamp has a replay window".to_owned(),
            _ => "remove it".to_owned(),
        };
        at.key(parameter).error("verify-parameter-unexpected", format!("{name} takes no `{parameter}`"), Some(help));
    }
    if unexpected.is_empty() { Some(()) } else { None }
}

pub(super) fn token(shown: Shown, spec: &CheckSpec, at: &At<'_>) -> Option<Token> {
    let Some(secret) = &spec.secret else {
        let help = "add `secret: \"${env:NAME}\"`".to_owned();
        at.error("verify-secret-missing", "this check needs a secret", Some(help));
        return None;
    };
    let resolved = secrets::resolve(secret, &at.key("secret"))?;
    let (first, _) = resolved.first()?;
    let first = first.value.clone();
    let tokens = resolved
        .into_iter()
        .map(|(secret, _)| Dated { value: Fingerprint::of(secret.value.expose().as_bytes()), until: secret.until });
    Some(Token { shown, secrets: tokens.collect(), first })
}

fn shared_token(shared: &SharedSpec, spec: &CheckSpec, at: &At<'_>) -> Option<Token> {
    let here = at.key("shared");
    let place = match shared {
        SharedSpec::Header(name) => header(name, &here.key("header")).map(Place::Header),
        SharedSpec::Query(name) => match config::plain(name, &here.key("query")) {
            Some(name) if name.is_empty() => {
                here.key("query").error("verify-query", "the parameter has no name", None);
                None
            }
            name => name.map(Place::Query),
        },
    };
    let token = token(Shown::Bearer, spec, at);
    Some(Token { shown: Shown::At(place?), ..token? })
}

fn basic_token(basic: &BasicSpec, at: &At<'_>) -> Option<Token> {
    let username = config::plain(&basic.username, &at.key("username"));
    let password = config::secret(&basic.password, &at.key("password"));
    let (username, (password, _)) = (username?, password?);
    if username.contains(':') && !holds_stand_in(&username) {
        let help = "RFC 7617 ends the user name at the first colon".to_owned();
        at.key("username").error("verify-basic", "a user name holds no colon", Some(help));
        return None;
    }
    Some(one(Shown::Basic, Secret::new(format!("{username}:{}", password.expose()))))
}

fn bearer_token(spec: &CheckSpec, at: &At<'_>) -> Option<Token> {
    let (token, _) = config::secret(spec.bearer.as_deref().unwrap_or_default(), at)?;
    Some(one(Shown::Bearer, token))
}

fn addresses(written: &OneOrMany<String>, at: &At<'_>) -> Option<Networks> {
    let list = matches!(written, OneOrMany::Many(_));
    let texts = written.as_slice().iter().enumerate().map(|(position, text)| {
        let at = if list { at.index(position) } else { at.clone() };
        config::plain(text, &at).map(|text| (text, at))
    });
    let texts: Vec<_> = texts.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
    let networks = Networks::compile(texts.into_iter())?;
    if networks.is_empty() {
        let help = "write at least one network".to_owned();
        at.error("verify-network", "an empty list of networks lets nobody in", Some(help));
        return None;
    }
    Some(networks)
}

fn one(shown: Shown, secret: Secret) -> Token {
    let fingerprint = Fingerprint::of(secret.expose().as_bytes());
    Token { shown, secrets: vec![Dated { value: fingerprint, until: None }], first: secret }
}
