//! `verify:` as written, to a [`Verifier`]. Every mistake is reported, each at its place.

use super::evidence::Place;
use super::issuer::Issuer;
use super::network::Networks;
use super::provider::Providers;
use super::sealed::Sealed;
use super::secrets::Secrets;
use super::signature::Signature;
use super::signature::compile::header;
use super::token::{Held, Shown, Token};
use super::{Check, Handshake, Proof, Verifier, each_leaf};
use crate::config;
use crate::config::spec::{BasicCheckSpec, CheckSpec, OneOrMany, SharedSpec, VerifySpec, VerifyWordSpec};
use crate::diagnostic::At;
use crate::secret::{Secret, holds_stand_in};
use http::HeaderName;
use http::header::AUTHORIZATION;
use std::ops::Deref;
use std::sync::Arc;

/// What compiling a `verify` needs besides its spec.
#[derive(Clone, Copy)]
pub struct VerifyContext<'c> {
    pub providers: &'c Providers,
    /// The names in the path pattern, for keyed secrets.
    pub params: &'c [Arc<str>],
    /// The file that it is written in, for files that it names.
    pub file: &'c str,
}

/// A check as it was written, and what is around it.
#[derive(Clone, Copy)]
pub(super) struct WrittenCheck<'c> {
    pub spec: &'c CheckSpec,
    pub context: VerifyContext<'c>,
}

impl Deref for WrittenCheck<'_> {
    type Target = CheckSpec;

    fn deref(&self) -> &CheckSpec {
        self.spec
    }
}

pub(super) fn verifier(spec: &VerifySpec, context: VerifyContext<'_>, at: &At<'_>) -> Option<Verifier> {
    let (mut checks, handshakes) = match spec {
        VerifySpec::Word(VerifyWordSpec::None) => Default::default(),
        VerifySpec::Checks(written) => all(written, context, at)?,
    };
    let mut verifier = Verifier::anyone();
    let mut credential_headers = Vec::new();
    number(&mut checks, &mut 0);
    each_leaf(&checks, &mut |check| {
        verifier.provider = verifier.provider.take().or_else(|| check.provider.clone());
        verifier.sealed.extend(check.sealed.clone());
        credentials(&check.proof, &mut credential_headers, &mut verifier.credential_query);
    });
    credential_headers.sort_by(|left, right| left.as_str().cmp(right.as_str()));
    credential_headers.dedup();
    let (checks, handshakes) = (checks.into(), handshakes.into());
    Some(Verifier { checks, handshakes, credential_headers: credential_headers.into(), ..verifier })
}

type Checks = (Vec<Check>, Vec<Handshake>);

/// Checks that must all pass.
fn all(written: &OneOrMany<CheckSpec>, context: VerifyContext<'_>, at: &At<'_>) -> Option<Checks> {
    let checks: Vec<Option<(Check, Vec<Handshake>)>> = match written {
        OneOrMany::One(one) => vec![check(one, context, at)],
        OneOrMany::Many(many) if many.is_empty() => {
            let help = "write a check, or `none` if anyone may call".to_owned();
            at.error("verify-empty", "an empty list checks nothing", Some(help));
            return None;
        }
        OneOrMany::Many(many) => {
            many.iter().enumerate().map(|(position, one)| check(one, context, &at.index(position))).collect()
        }
    };
    let checks: Vec<(Check, Vec<Handshake>)> = checks.into_iter().collect::<Option<_>>()?;
    let (checks, handshakes): (Vec<Check>, Vec<Vec<Handshake>>) = checks.into_iter().unzip();
    Some((checks, handshakes.into_iter().flatten().collect()))
}

/// Alternatives.
fn any(
    written: &[OneOrMany<CheckSpec>],
    context: VerifyContext<'_>,
    at: &At<'_>,
) -> Option<(Vec<Vec<Check>>, Vec<Handshake>)> {
    if written.is_empty() {
        at.error("verify-empty", "an empty list of alternatives lets nobody in", Some("write at least one".to_owned()));
        return None;
    }
    let alternatives = written.iter().enumerate().map(|(position, one)| all(one, context, &at.index(position)));
    let alternatives: Vec<Checks> = alternatives.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
    let (alternatives, handshakes): (Vec<Vec<Check>>, Vec<Vec<Handshake>>) = alternatives.into_iter().unzip();
    Some((alternatives, handshakes.into_iter().flatten().collect()))
}

/// Secrets are counted through, in the order in which they are written.
fn number(checks: &mut [Check], next: &mut usize) {
    for check in checks {
        check.first_secret = *next;
        match &mut check.proof {
            Proof::Any(alternatives) => alternatives.iter_mut().for_each(|checks| number(checks, next)),
            proof => *next += proof.expiries().len(),
        }
    }
}

/// What a check reads as a credential is not for anybody else.
fn credentials(proof: &Proof, headers: &mut Vec<HeaderName>, query: &mut Vec<String>) {
    match proof {
        Proof::Jwt(jwt) if jwt.rules.header == AUTHORIZATION => headers.push(AUTHORIZATION),
        Proof::Issuer(issuer) => headers.push(issuer.header.clone()),
        Proof::Token(token) => match &token.shown {
            Shown::At(place) | Shown::After(place, _) => place.each(&mut |place| match place {
                Place::Header(name) => headers.push(name.clone()),
                Place::Query(name) | Place::Parameter(name) => query.push(name.clone()),
                Place::Form(_) | Place::Json(_) | Place::Part(..) | Place::First(_) => {}
            }),
            Shown::Bearer | Shown::Basic => headers.push(AUTHORIZATION),
            Shown::Each(_) => {}
        },
        _ => {}
    }
}

const KINDS: &str = "provider, hmac, shared, basic, bearer, jwt, ip or any";

/// Reports a check of no kind or of several.
fn of_one_kind(spec: &CheckSpec, at: &At<'_>) -> Option<()> {
    let kinds = [
        ("provider", spec.provider.is_some()),
        ("hmac", spec.hmac.is_some()),
        ("shared", spec.shared.is_some()),
        ("basic", spec.basic.is_some()),
        ("bearer", spec.bearer.is_some()),
        ("jwt", spec.jwt.is_some()),
        ("ip", spec.ip.is_some()),
        ("any", spec.any.is_some()),
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

fn check(spec: &CheckSpec, context: VerifyContext<'_>, at: &At<'_>) -> Option<(Check, Vec<Handshake>)> {
    of_one_kind(spec, at)?;
    let spec = &WrittenCheck { spec, context };
    if let Some(written) = &spec.any {
        let fits = takes_only(spec, &[], "any", at);
        let (alternatives, handshakes) = any(written, context, &at.key("any"))?;
        let proof = fits.map(|()| Proof::Any(alternatives))?;
        return Some((Check { name: String::new(), proof, provider: None, sealed: None, first_secret: 0 }, handshakes));
    }
    if let Some(name) = &spec.provider {
        return provider(name, spec, at);
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
        ("basic", fits.and(basic_token(basic, spec, &at.key("basic"))).map(Proof::Token))
    } else if let Some(jwt) = &spec.jwt {
        let fits = takes_only(spec, &["tolerance"], "jwt", at);
        ("jwt", fits.and(Issuer::compile(jwt, spec, at)).map(|issuer| Proof::Issuer(Box::new(issuer))))
    } else if let Some(ip) = &spec.ip {
        let fits = takes_only(spec, &[], "ip", at);
        ("ip", fits.and(addresses(ip, &at.key("ip"))).map(Proof::Networks))
    } else {
        let fits = takes_only(spec, &[], "bearer", at);
        ("bearer", fits.and(bearer_token(spec, &at.key("bearer"))).map(Proof::Token))
    };
    Some((Check { name: name.to_owned(), proof: proof?, provider: None, sealed: None, first_secret: 0 }, Vec::new()))
}

fn provider(written: &str, spec: &WrittenCheck<'_>, at: &At<'_>) -> Option<(Check, Vec<Handshake>)> {
    let providers = spec.context.providers;
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
    let sealed = match &provider.sealed {
        Some(place) if rules.written(spec).is_some() => Some(Arc::new(Sealed::compile(place, spec, &rules, at)?)),
        _ => None,
    };
    Some((Check { name, proof, provider: Some(provider), sealed, first_secret: 0 }, handshakes))
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
        ("topic_arn", spec.topic_arn.is_some()),
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

pub(super) fn token(shown: Shown, spec: &WrittenCheck<'_>, at: &At<'_>) -> Option<Token> {
    let Some(secret) = &spec.secret else {
        let help = "add `secret: \"${env:NAME}\"`".to_owned();
        at.error("verify-secret-missing", "this check needs a secret", Some(help));
        return None;
    };
    let secrets = Secrets::compile(secret, spec, &at.key("secret"), |secret, _| Some(Held::new(secret)))?;
    Some(Token { shown, secrets })
}

fn shared_token(shared: &SharedSpec, spec: &WrittenCheck<'_>, at: &At<'_>) -> Option<Token> {
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

fn basic_token(basic: &BasicCheckSpec, spec: &WrittenCheck<'_>, at: &At<'_>) -> Option<Token> {
    let username = config::plain(&basic.username, &at.key("username"));
    let named = username.as_deref().unwrap_or_default();
    let make = |password: Secret, _: &At<'_>| Some(Held::new(Secret::new(format!("{named}:{}", password.expose()))));
    let secrets = Secrets::compile(&basic.password, spec, &at.key("password"), make);
    let (username, secrets) = (username.as_ref()?, secrets?);
    if username.contains(':') && !holds_stand_in(username) {
        let help = "RFC 7617 ends the user name at the first colon".to_owned();
        at.key("username").error("verify-basic", "a user name holds no colon", Some(help));
        return None;
    }
    Some(Token { shown: Shown::Basic, secrets })
}

fn bearer_token(spec: &WrittenCheck<'_>, at: &At<'_>) -> Option<Token> {
    let secrets = Secrets::compile(spec.bearer.as_ref()?, spec, at, |token, _| Some(Held::new(token)))?;
    Some(Token { shown: Shown::Bearer, secrets })
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
