//! One request to a token endpoint (RFC 6749, sections 4.4, 5 and 6).

use super::{Endpoint, TokenError};
use crate::config;
use crate::config::spec::{ByKeyTextSpec, ClientAuthSpec, GrantSpec, OAuth2Spec, OneOrMany};
use crate::deliver::attempt::{self, Answered, Sent};
use crate::deliver::auth::credentials::{Tenant, of};
use crate::deliver::client::Client;
use crate::deliver::destination::Destination;
use crate::deliver::outcome::Outcome;
use crate::deliver::pool::{Place, Profile};
use crate::diagnostic::At;
use crate::expr::{Piece, scan};
use crate::secret::{Secret, holds_stand_in};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Of a token endpoint's answer.
const ANSWER_MAX: u64 = 64 * 1024;

/// What makes two grants the same: a digest of all of it, secrets included.
pub(in crate::deliver) type Identity = [u8; digest::SHA256_OUTPUT_LEN];

/// Everything that is said to the endpoint.
pub(in crate::deliver) struct Grant {
    to: Place,
    /// `Bearer ${oauth2:…}`, with the endpoint as it was written.
    pub shown: String,
    client_id: String,
    client_secret: Option<Secret>,
    client_auth: ClientAuthSpec,
    refresh_token: Option<Secret>,
    scope: Option<String>,
    params: Vec<(String, String)>,
}

pub(in crate::deliver) struct Granted {
    pub header: HeaderValue,
    pub expires_in: Option<u64>,
    pub refresh_token: Option<Secret>,
}

impl Grant {
    pub fn compile(spec: &OAuth2Spec, tenant: Tenant<'_>, at: &At<'_>) -> Option<Grant> {
        let token_url = of(&spec.token_url, tenant, &at.key("token_url"));
        let to = token_url.as_ref().and_then(|(written, at)| endpoint(written, at));
        let client_id = of(&spec.client_id, tenant, &at.key("client_id"));
        let client_id = client_id.and_then(|(written, at)| config::plain(written, &at));
        let secret = |written: Option<&ByKeyTextSpec>, key: &str| match written {
            Some(written) => {
                let (written, at) = of(written, tenant, &at.key(key))?;
                config::secret(written, &at).map(|(secret, _)| Some(secret))
            }
            None => Some(None),
        };
        let client_secret = secret(spec.client_secret.as_ref(), "client_secret");
        let refresh_token = secret(spec.refresh_token.as_ref(), "refresh_token");
        let scopes = scopes(spec, at);
        let params = params(spec, at);
        let fits = fits(spec, at);
        let scope = scopes?.join(" ");
        fits?;
        Some(Grant {
            to: to?,
            shown: format!("Bearer ${{oauth2:{}}}", without_defaults(token_url?.0)),
            client_id: client_id?,
            client_secret: client_secret?,
            client_auth: spec.client_auth.unwrap_or_default(),
            refresh_token: refresh_token?,
            scope: Some(scope).filter(|scope| !scope.is_empty()),
            params: params?,
        })
    }

    /// Whether the endpoint has this scheme, host and port.
    pub fn is_at(&self, origin: &str) -> bool {
        let other: Option<Uri> = origin.parse().ok();
        let place = |uri: &Uri| {
            let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
            (uri.scheme_str().map(str::to_owned), uri.host().map(str::to_owned), uri.port_u16().unwrap_or(default))
        };
        other.is_some_and(|other| place(&other) == place(&self.to.uri))
    }

    /// `profile`: the connections that it is asked over.
    pub fn identity(&self, profile: usize) -> Identity {
        let secret =
            |secret: &Option<Secret>| secret.as_ref().map_or(String::new(), |secret| secret.expose().to_owned());
        let mut parts = vec![
            profile.to_string(),
            self.to.uri.to_string(),
            self.client_id.clone(),
            secret(&self.client_secret),
            format!("{:?} {}", self.client_auth, self.refresh_token.is_some()),
            secret(&self.refresh_token),
            self.scope.clone().unwrap_or_default(),
        ];
        parts.extend(self.params.iter().flat_map(|(name, value)| [name.clone(), value.clone()]));
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts.into_iter().map(Zeroizing::new) {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut identity = [0; digest::SHA256_OUTPUT_LEN];
        identity.copy_from_slice(context.finish().as_ref());
        identity
    }
}

impl Endpoint for Grant {
    async fn ask(
        &self,
        client: &Client,
        profile: &Profile,
        refresh_token: Option<&Secret>,
    ) -> Result<Granted, TokenError> {
        let sent = self.request(refresh_token);
        let far = Instant::now() + super::GRANT_TIMEOUT;
        let granted = match attempt::exchange(client, profile, sent, far, ANSWER_MAX).await {
            Ok(answered) => read(&answered),
            Err(broken) => Err((TokenError::Unwell(broken.outcome), broken.outcome.as_str().to_owned())),
        };
        granted.map_err(|(error, what)| {
            tracing::warn!(endpoint = self.shown, error = %error, answer = what, "token not granted");
            error
        })
    }
}

impl Grant {
    fn request(&self, refresh_token: Option<&Secret>) -> Sent<'_> {
        let mut form = Serializer::new(String::new());
        match refresh_token.or(self.refresh_token.as_ref()) {
            Some(token) => {
                form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token.expose());
            }
            None => {
                form.append_pair("grant_type", "client_credentials");
            }
        }
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        form.extend_pairs(&self.params);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        match (&self.client_secret, self.client_auth) {
            (Some(secret), ClientAuthSpec::Basic) => {
                headers.extend(basic(&self.client_id, secret).map(|value| (AUTHORIZATION, value)));
            }
            (Some(secret), ClientAuthSpec::Post) => {
                form.append_pair("client_id", &self.client_id).append_pair("client_secret", secret.expose());
            }
            // A public client (section 2.1).
            (None, _) => {
                form.append_pair("client_id", &self.client_id);
            }
        }
        Sent { method: Method::POST, to: &self.to, headers, body: Bytes::from(form.finish()) }
    }
}

/// Section 2.3.1: both parts are form-encoded first. Base64 is always a header value.
fn basic(id: &str, secret: &Secret) -> Option<HeaderValue> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encode(id), encode(secret.expose())));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair.as_bytes()))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What an endpoint has answered; with an error comes a word about it that holds nothing secret.
fn read(answered: &Answered) -> Result<Granted, (TokenError, String)> {
    let status = answered.status;
    let body = answered.body.as_ref().and_then(|body| serde_json::from_slice::<Value>(body).ok());
    match status {
        200..=299 => {}
        408 | 425 | 429 | 500..=599 => return Err((TokenError::Unwell(Outcome::Connect), status.to_string())),
        _ => {
            let told = body.as_ref().and_then(|body| body.get("error")?.as_str()).filter(|code| is_code(code));
            return Err((TokenError::Refused, format!("{status} {}", told.unwrap_or_default()).trim_end().to_owned()));
        }
    }
    let unusable = |why: &str| (TokenError::Unusable, why.to_owned());
    let body = body.ok_or_else(|| unusable("no JSON, or too much of it"))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let token = text("access_token").filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| unusable("no access_token"))?;
    if text("token_type").is_some_and(|kind| !kind.to_ascii_lowercase().contains("bearer")) {
        return Err(unusable("a token_type other than bearer"));
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| unusable("no header value"))?;
    header.set_sensitive(true);
    let refresh_token = text("refresh_token").filter(|token| !token.is_empty()).map(Secret::new);
    Ok(Granted { header, expires_in: body.get("expires_in").and_then(seconds), refresh_token })
}

/// A code of RFC 6749, section 5.2, or of a provider's own. Anything longer might be anything.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// A number, also as text or with a fraction, as some write it. Nonsense is nothing.
fn seconds(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => {
            let floored = || number.as_f64().filter(|number| (1.0..1e12).contains(number));
            number.as_u64().or_else(|| floored().map(|number| Duration::from_secs_f64(number).as_secs()))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn endpoint(written: &str, at: &At<'_>) -> Option<Place> {
    let text = config::plain(written, at)?;
    if holds_stand_in(&text) {
        return Some(Place::new(Uri::from_static("https://token.invalid/")));
    }
    match Destination::parse(&text) {
        Ok(Destination::Http(place)) => Some(place),
        _ => {
            let help = "write https://host/path, as the provider's documentation has it".to_owned();
            at.error("oauth2-token-url", "this is not the URL of a token endpoint", help);
            None
        }
    }
}

fn scopes(spec: &OAuth2Spec, at: &At<'_>) -> Option<Vec<String>> {
    let Some(written) = &spec.scopes else { return Some(Vec::new()) };
    let is_list = matches!(written, OneOrMany::Many(_));
    let scopes = written.as_slice().iter().enumerate().map(|(index, written)| {
        let at = at.key("scopes");
        let at = if is_list { at.index(index) } else { at };
        config::plain(written, &at)
    });
    scopes.collect::<Vec<_>>().into_iter().collect()
}

fn params(spec: &OAuth2Spec, at: &At<'_>) -> Option<Vec<(String, String)>> {
    let at = at.key("params");
    let ours = ["grant_type", "refresh_token", "scope", "client_id", "client_secret"];
    let params = spec.params.iter().map(|(name, written)| {
        let at = at.key(name);
        if ours.contains(&name.as_str()) {
            at.error_on_key(
                "oauth2-param",
                format!("`{name}` has a key of its own"),
                "write it beside `params`".to_owned(),
            );
            return None;
        }
        config::plain(written, &at).map(|value| (name.clone(), value))
    });
    params.collect::<Vec<_>>().into_iter().collect()
}

/// Whether what is written goes together.
fn fits(spec: &OAuth2Spec, at: &At<'_>) -> Option<()> {
    match (spec.grant.unwrap_or_default(), &spec.refresh_token, &spec.client_secret) {
        (GrantSpec::ClientCredentials, Some(_), _) => {
            let help = "write `grant: refresh_token`, or leave it out".to_owned();
            at.key("refresh_token").error("oauth2-grant", "client credentials take no refresh token", help);
            None
        }
        (GrantSpec::ClientCredentials, None, None) => {
            let help = "add `client_secret: \"${env:NAME}\"`".to_owned();
            at.error("oauth2-grant", "client credentials need a client_secret", help);
            None
        }
        (GrantSpec::RefreshToken, None, _) => {
            let help = "add `refresh_token: \"${env:NAME}\"`".to_owned();
            at.error("oauth2-grant", "the grant needs a refresh_token to begin with", help);
            None
        }
        _ => Some(()),
    }
}

/// As users see it: references without their defaults.
fn without_defaults(written: &str) -> String {
    let Ok(pieces) = scan(written) else { return "…".to_owned() };
    let shown = pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Reference(reference) => reference.to_string(),
        Piece::Expression { .. } => "…".to_owned(),
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answered(status: u16, body: &str) -> Result<Granted, (TokenError, String)> {
        let body = Some(Bytes::copy_from_slice(body.as_bytes()));
        read(&Answered { status, headers: HeaderMap::new(), body })
    }

    fn refused(status: u16, body: &str) -> (TokenError, String) {
        answered(status, body).err().unwrap()
    }

    #[test]
    fn an_answer_gives_a_token() {
        let body = r#"{"access_token":"t","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}"#;
        let granted = answered(200, body).ok().unwrap();
        assert_eq!((granted.header.to_str().unwrap(), granted.expires_in), ("Bearer t", Some(3600)));
        assert!(granted.header.is_sensitive());
        assert_eq!(granted.refresh_token.unwrap().expose(), "r");
        for (written, expected) in [
            ("\"120\"", Some(120)),
            ("59.9", Some(59)),
            ("-5", None),
            ("\"soon\"", None),
            ("null", None),
            ("[1]", None),
            ("1e99", None),
        ] {
            let granted = answered(200, &format!(r#"{{"access_token":"t","expires_in":{written}}}"#)).ok().unwrap();
            assert_eq!(granted.expires_in, expected, "{written}");
        }
    }

    #[test]
    fn what_is_no_token_is_told_apart() {
        assert_eq!(refused(503, "busy"), (TokenError::Unwell(Outcome::Connect), "503".to_owned()));
        assert_eq!(refused(429, "{}").0, TokenError::Unwell(Outcome::Connect));
        let told = refused(400, r#"{"error":"invalid_client","error_description":"wrong secret example"}"#);
        assert_eq!(told, (TokenError::Refused, "400 invalid_client".to_owned()));
        assert_eq!(refused(401, r#"{"error":"The secret hunter2 is wrong"}"#), (TokenError::Refused, "401".to_owned()));
        assert_eq!(refused(302, "").0, TokenError::Refused);
        for body in ["", "<html>", "{}", r#"{"access_token":""}"#, r#"{"access_token":"a\nb"}"#, "[]", "7"] {
            assert_eq!(refused(200, body).0, TokenError::Unusable, "{body}");
        }
        assert_eq!(refused(200, r#"{"access_token":"t","token_type":"mac"}"#).0, TokenError::Unusable);
    }

    #[test]
    fn both_parts_of_basic_are_encoded_first() {
        let value = basic("a:b", &Secret::new("c d")).unwrap();
        assert_eq!(value, format!("Basic {}", STANDARD.encode("a%3Ab:c+d")));
    }

    proptest! {
        #[test]
        fn reading_an_answer_never_panics(status in 100u16..600, body in ".{0,200}") {
            let _ = answered(status, &body);
            let _ = answered(status, &format!(r#"{{"access_token":{body:?},"expires_in":{body:?}}}"#));
        }
    }
}
